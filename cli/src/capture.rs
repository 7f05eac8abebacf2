//! Files captured of a program: what each is, recognised by its content, and what it says about leaks.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gotrace::analysis;
use gotrace::diagnose::{InputKind, Inputs, ProcessMemory, TraceEvidence, TraceObserver};
use gotrace::gctrace::Log;
use gotrace::pprof::{PprofKind, Profile, ProfileError};
use gotrace::{Error, FileKind, Reader, WallTime};

use crate::failure::{Failure, Wanted};
use crate::input::Input;

/// What was captured of a program.
#[derive(Default)]
pub struct Captured {
    pub inputs: Inputs,
    /// The paths of the traces.
    pub traces: Vec<PathBuf>,
    /// The paths of the heap profiles.
    pub heaps: Vec<PathBuf>,
    /// Why the first unusable input cannot be used.
    pub refusal: Option<Failure>,
}

/// What an input has to be.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// Any kind, recognised by its content.
    Anything,
    Trace,
    Profile(PprofKind),
    Log,
}

impl Expected {
    /// Returns as what a file of this kind is read. The kind of a profile is known only later: until then it is
    /// [`PprofKind::Other`].
    pub fn of(self, kind: FileKind) -> (InputKind, Wanted) {
        match (self, kind) {
            (Expected::Trace, _) | (Expected::Anything, FileKind::Trace) => (InputKind::Trace, Wanted::Trace),
            (Expected::Profile(kind), _) => (InputKind::Profile(kind), Wanted::Profile),
            (Expected::Anything, FileKind::Profile | FileKind::TextProfile) => {
                (InputKind::Profile(PprofKind::Other), Wanted::Profile)
            }
            (Expected::Log, _) | (Expected::Anything, FileKind::GcLog | FileKind::Text) => {
                (InputKind::GcLog, Wanted::GcLog)
            }
            (Expected::Anything, FileKind::GoroutineDump) => (InputKind::GoroutineDump, Wanted::Dump),
            (Expected::Anything, _) => (InputKind::Unknown, Wanted::Capture),
        }
    }
}

/// Returns the given files, and in place of each folder its files.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => files.extend(files_of(path)?),
            false => files.push(path.clone()),
        }
    }
    Ok(files)
}

/// The files of a folder, sorted by name. Files in subfolders are not included.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |error| Failure::input(folder, error);
    let mut files = Vec::new();
    let mut has_folders = false;
    for entry in fs::read_dir(folder).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        has_folders |= path.is_dir();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let hint = if has_folders { "subfolders are not searched: give one of them" } else { "" };
    match files.is_empty() {
        true => Err(Failure::Input { path: folder.into(), error: "the folder has no files".into(), hint: hint.into() }),
        false => Ok(files),
    }
}

/// The memory is looked for in this many bytes of a text. A copy of `/proc/PID/status` has about
/// 1500.
const MAX_STATUS: u64 = 16 << 10;

/// When a file was last changed. `None` if that is not known.
fn modified(path: &Path) -> Option<WallTime> {
    let time = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    WallTime::from_nanos(time.as_nanos().try_into().ok()?)
}

/// Returns what is wrong with a trace that was read to its end: the error, or the first damage that was skipped.
pub fn damage(reader: &Reader<'_>, error: Option<&Error>) -> Option<String> {
    let skipped = || Some(format!("damaged, {}", reader.account().faults.first()?));
    error.map(ToString::to_string).or_else(skipped)
}

impl Captured {
    /// Adds an input. An input of the wrong kind, or that cannot be read, is listed as not used.
    ///
    /// # Errors
    ///
    /// Failures that are not about the input.
    pub fn add(&mut self, path: &Path, input: Input, expected: Expected) -> Result<(), Failure> {
        let (kind, wanted) = expected.of(input.kind);
        let is_text = input.kind == FileKind::Text && matches!(expected, Expected::Anything);
        let result = input.into_bytes(path, wanted).and_then(|bytes| match is_text {
            true => self.read_text(path, bytes),
            false => self.read(kind, path, bytes),
        });
        result.or_else(|failure| self.unusable(kind, path, failure))
    }

    /// Lists an input as not used.
    ///
    /// # Errors
    ///
    /// Failures that are not about the input.
    pub fn unusable(&mut self, kind: InputKind, path: &Path, failure: Failure) -> Result<(), Failure> {
        let Failure::Input { error, .. } = &failure else { return Err(failure) };
        self.inputs.unusable(kind, &path.display().to_string(), error.clone());
        self.refusal.get_or_insert(failure);
        Ok(())
    }

    /// Adds what a reading of a trace found, and what is wrong with the trace.
    pub fn add_trace(&mut self, path: &Path, evidence: TraceEvidence, damage: Option<String>) {
        self.inputs.trace(&path.display().to_string(), evidence, damage);
        self.traces.push(path.to_owned());
    }

    /// Adds a profile.
    ///
    /// # Errors
    ///
    /// If its samples cannot be read.
    pub fn add_profile(&mut self, path: &Path, profile: &Profile<'_>) -> Result<(), Failure> {
        let added = self.inputs.profile(&path.display().to_string(), profile);
        added.map_err(|error| Failure::profile(path, &error))?;
        if matches!(profile.kind(), PprofKind::Heap | PprofKind::Allocs) {
            self.heaps.push(path.to_owned());
        }
        Ok(())
    }

    /// Reads text: a copy of `/proc/PID/status`, or a log that may have goroutine dumps and the lines of
    /// a GC log after other lines.
    fn read_text(&mut self, path: &Path, mut bytes: Box<dyn Read + Send>) -> Result<(), Failure> {
        let name = path.display().to_string();
        let mut head = Vec::new();
        bytes.by_ref().take(MAX_STATUS).read_to_end(&mut head).map_err(|error| Failure::input(path, error))?;
        if let Some(memory) = ProcessMemory::from_status(&String::from_utf8_lossy(&head)) {
            self.inputs.memory(&name, memory.at(modified(path)));
            return Ok(());
        }
        let whole = io::Cursor::new(head).chain(bytes);
        if !self.inputs.text(&name, whole).map_err(|error| Failure::trace(path, &error))? {
            let why = "text that has no goroutine dump and no GC log".to_owned();
            self.inputs.unusable(InputKind::Unknown, &name, why);
        }
        Ok(())
    }

    /// Reads an input of a known kind.
    fn read(&mut self, kind: InputKind, path: &Path, bytes: Box<dyn Read + Send>) -> Result<(), Failure> {
        let name = path.display().to_string();
        match kind {
            InputKind::Trace => {
                let reader = Reader::builder().lenient().from_reader(bytes);
                let mut reader = reader.map_err(|error| Failure::trace(path, &error))?;
                let (evidence, error) = analysis::run(&mut reader, TraceObserver::new());
                self.add_trace(path, evidence, damage(&reader, error.as_ref()));
            }
            InputKind::GcLog | InputKind::GoroutineDump => {
                if !self.inputs.text(&name, bytes).map_err(|error| Failure::trace(path, &error))? {
                    self.inputs.log(&name, &Log::default());
                }
            }
            _ => {
                let failure = |error: ProfileError| Failure::profile(path, &error);
                let profile = Profile::from_reader(bytes).map_err(failure)?;
                if let InputKind::Profile(wanted) = kind
                    && let Some(note) = mismatch(wanted, profile.kind())
                {
                    self.inputs.unusable(InputKind::Profile(profile.kind()), &name, note);
                    return Ok(());
                }
                self.add_profile(path, &profile)?;
            }
        }
        Ok(())
    }
}

/// Why a profile is not of the kind that its option takes. `None` if it is. [`PprofKind::Other`]
/// takes every kind.
fn mismatch(wanted: PprofKind, found: PprofKind) -> Option<String> {
    use PprofKind::{Allocs, Goroutine, GoroutineLeak, Heap, Other};
    let option = |kind| match kind {
        Heap | Allocs => Some("--heap"),
        Goroutine | GoroutineLeak => Some("--goroutine-profile"),
        _ => None,
    };
    if wanted == Other || option(wanted) == option(found) {
        return None;
    }
    let given = option(wanted).unwrap_or_default();
    let instead = option(found).map_or(String::new(), |option| format!("; give it with {option}"));
    Some(format!("not a profile for {given}{instead}"))
}
