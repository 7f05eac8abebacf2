//! The files of a session, and how far each has been read.

use std::path::{Path, PathBuf};

use gotrace::diagnose::InputKind;
use gotrace::pprof::{PprofKind, Profile};

use super::trace::OpenTrace;
use crate::capture::Expected;
use crate::failure::{Failure, Wanted};
use crate::input::Input;
use crate::view::names;

/// A file of a session.
pub struct Source {
    pub path: PathBuf,
    pub kind: InputKind,
    pub content: Content,
}

/// How far a file has been read.
pub enum Content {
    /// It is the trace whose timeline is shown.
    Timeline,
    /// It is read when it is needed. An input that cannot be opened again stays open.
    Unread(Option<Input>),
    /// It is the profile with this number.
    Profile(usize),
    /// It cannot be used.
    Unusable(Failure),
}

/// A profile of a session.
pub struct SessionProfile {
    /// The name of its file.
    pub name: String,
    pub profile: Profile<'static>,
}

impl Source {
    /// Recognises an open input. The first trace is stored in `trace`.
    pub fn new(path: &Path, input: Input, size: Option<u64>, trace: &mut Option<OpenTrace>) -> Self {
        let (kind, _) = Expected::Anything.of(input.kind);
        let refusal = input.refusal(path, Wanted::Capture).filter(|_| kind == InputKind::Unknown);
        let content = match (kind, refusal) {
            (_, Some(refusal)) => Content::Unusable(refusal),
            (InputKind::Trace, _) if trace.is_none() => match OpenTrace::new(path, input, size) {
                Ok(open) => {
                    *trace = Some(open);
                    Content::Timeline
                }
                Err(failure) => Content::Unusable(failure),
            },
            // Few files should be open at the same time.
            _ => Content::Unread(size.is_none().then_some(input)),
        };
        Source { path: path.to_owned(), kind, content }
    }

    pub fn is_usable(&self) -> bool {
        !matches!(self.content, Content::Unusable(_))
    }

    /// Returns why the file cannot be used. `None` if it can.
    pub fn into_failure(self) -> Option<Failure> {
        match self.content {
            Content::Unusable(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether the file may show a leak.
    pub fn is_evidence(&self) -> bool {
        use PprofKind::{Allocs, Goroutine, GoroutineLeak, Heap};
        let is_of_state = |kind| matches!(kind, Heap | Allocs | Goroutine | GoroutineLeak);
        self.is_usable() && !matches!(self.kind, InputKind::Profile(kind) if !is_of_state(kind))
    }

    /// Reads the file if it is a profile. Its number is how many are read before it.
    pub fn read_profile(&mut self, profiles: &mut Vec<SessionProfile>) {
        let (InputKind::Profile(_), Content::Unread(input)) = (self.kind, &mut self.content) else { return };
        let input = input.take();
        match read_profile(&self.path, input) {
            Ok(profile) => {
                self.kind = InputKind::Profile(profile.kind());
                self.content = Content::Profile(profiles.len());
                let name = self.path.file_name().unwrap_or(self.path.as_os_str());
                profiles.push(SessionProfile { name: names::printable(&name.to_string_lossy()), profile });
            }
            Err(failure) => self.content = Content::Unusable(failure),
        }
    }
}

fn read_profile(path: &Path, input: Option<Input>) -> Result<Profile<'static>, Failure> {
    let input = open(path, input)?;
    Profile::from_reader(input.bytes).map_err(|error| Failure::profile(path, &error))
}

/// Opens a file again, unless it is still open.
pub fn open(path: &Path, input: Option<Input>) -> Result<Input, Failure> {
    input.map_or_else(|| Input::open(path, false), Ok)
}
