//! Reads the inputs of a diagnosis and recognises each by its content.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gotrace::analysis;
use gotrace::diagnose::{InputKind, Inputs, ProcessMemory, TraceObserver};
use gotrace::gctrace::Log;
use gotrace::pprof::{PprofKind, Profile, ProfileError};
use gotrace::{FileKind, Reader, Timeline, WallTime};

use super::{Args, NEEDS_TRACE};
use crate::failure::{Failure, Wanted};
use crate::input::{Input, Original, check_stdin};

/// What was captured of a program.
pub(super) struct Captured {
    pub inputs: Inputs,
    /// The paths of the traces.
    pub traces: Vec<PathBuf>,
    /// Where the first trace can be read again, if that is needed.
    original: Option<Original>,
    /// The paths of the heap profiles.
    pub heaps: Vec<PathBuf>,
    /// Why the first unusable input cannot be used.
    pub refusal: Option<Failure>,
}

/// What an input has to be.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// Any kind, recognised by its content.
    Anything,
    Trace,
    Profile(PprofKind),
    Log,
}

/// Reads all inputs. A damaged one is listed with the reason, and used as far as it can be read.
pub(super) fn read(args: &Args) -> Result<Captured, Failure> {
    let inputs = expected_inputs(args)?;
    if inputs.is_empty() {
        return Err(Failure::Usage("give a folder, or profiles, traces and GC logs; see --help".into()));
    }
    if args.needs_trace() && args.trace.is_empty() && args.files.is_empty() {
        return Err(Failure::Usage(NEEDS_TRACE.into()));
    }
    check_stdin(inputs.iter().map(|(path, _)| path.as_path()))?;
    let mut captured =
        Captured { inputs: Inputs::new(), traces: Vec::new(), original: None, heaps: Vec::new(), refusal: None };
    for (path, expected) in &inputs {
        captured.add(path, *expected, args.needs_trace())?;
    }
    Ok(captured)
}

/// All files, each with what it has to be.
fn expected_inputs(args: &Args) -> Result<Vec<(PathBuf, Expected)>, Failure> {
    let of = |paths: &[PathBuf], expected: Expected| -> Vec<_> {
        paths.iter().map(|path| (path.clone(), expected)).collect()
    };
    let mut inputs = of(&args.heap, Expected::Profile(PprofKind::Heap));
    inputs.extend(of(&args.goroutine_profile, Expected::Profile(PprofKind::Goroutine)));
    inputs.extend(of(&args.trace, Expected::Trace));
    inputs.extend(args.gctrace.iter().map(|path| (path.clone(), Expected::Log)));
    for path in &args.files {
        match path.is_dir() {
            true => inputs.extend(of(&files_of(path)?, Expected::Anything)),
            false => inputs.push((path.clone(), Expected::Anything)),
        }
    }
    Ok(inputs)
}

/// The memory is looked for in this many bytes of a text. A copy of `/proc/PID/status` has about
/// 1500.
const MAX_STATUS: u64 = 16 << 10;

/// When a file was last changed. `None` if that is not known.
fn modified(path: &Path) -> Option<WallTime> {
    let time = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    WallTime::from_nanos(time.as_nanos().try_into().ok()?)
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

impl Captured {
    /// Adds an input.
    ///
    /// # Errors
    ///
    /// If it cannot be opened. An input of the wrong kind is listed as not used.
    fn add(&mut self, path: &Path, expected: Expected, keeps_trace: bool) -> Result<(), Failure> {
        let mut input = Input::open(path, true)?;
        let (kind, wanted) = match (expected, input.kind) {
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
        };
        let mut original = None;
        if kind == InputKind::Trace && keeps_trace && self.traces.is_empty() {
            let (kept, same) = Original::of(path, input);
            (original, input) = (Some(kept), same);
        }
        let is_text = input.kind == FileKind::Text && matches!(expected, Expected::Anything);
        let result = input.into_bytes(path, wanted).and_then(|bytes| match is_text {
            true => self.read_text(path, bytes),
            false => self.read(kind, path, bytes),
        });
        if result.is_ok() && self.original.is_none() {
            self.original = original;
        }
        if let Err(failure) = result {
            let Failure::Input { error, .. } = &failure else { return Err(failure) };
            self.inputs.unusable(kind, &path.display().to_string(), error.clone());
            self.refusal.get_or_insert(failure);
        }
        Ok(())
    }

    /// The timeline of the first trace, which is read again: damage is skipped, as in the first
    /// reading.
    pub(super) fn timeline(&mut self) -> Result<Timeline, Failure> {
        let (Some(original), Some(path)) = (self.original.take(), self.traces.first()) else {
            return Err(Failure::Usage(NEEDS_TRACE.into()));
        };
        let reader = Reader::builder().lenient().from_reader(original.reopen()?);
        reader.and_then(Timeline::from_events).map_err(|error| Failure::trace(path, &error))
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
                let account = reader.account();
                let fault = account.faults.first().map(|fault| format!("damaged, {fault}"));
                self.inputs.trace(&name, evidence, error.map(|error| error.to_string()).or(fault));
                self.traces.push(path.to_owned());
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
                self.inputs.profile(&name, &profile).map_err(failure)?;
                if matches!(profile.kind(), PprofKind::Heap | PprofKind::Allocs) {
                    self.heaps.push(path.to_owned());
                }
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
