//! What a server shows: a trace and other files of a program, which are loaded in the background.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use gotrace::Timeline;
use gotrace::diagnose::InputKind;

use super::leak::Leak;
use super::source::{SessionProfile, Source};
use super::trace::{OpenTrace, Progress, Trace};
use crate::capture;
use crate::failure::Failure;
use crate::input::{Input, check_stdin};
use crate::view::names;

/// The files and how far they have been loaded.
pub struct Session {
    pub files: Vec<SessionFile>,
    title: String,
    /// How much of the trace has been read.
    progress: Progress,
    loaded: OnceLock<Result<Loaded, String>>,
}

/// A file of a session.
pub struct SessionFile {
    pub path: PathBuf,
    pub kind: InputKind,
    /// The size in bytes, if it is known.
    pub size: Option<u64>,
}

/// Files that are recognised, before they are loaded.
pub struct Opened {
    trace: Option<OpenTrace>,
    sources: Vec<Source>,
}

/// The loaded files.
pub struct Loaded {
    trace: Option<Trace>,
    pub profiles: Vec<SessionProfile>,
    /// Whether there is something to judge for leaks.
    pub has_evidence: bool,
    /// What the judgement is made of. It is used up by the first call of [`leak`](Self::leak).
    sources: Mutex<Vec<Source>>,
    leak: OnceLock<Result<Leak, String>>,
}

/// There is no trace among the files.
#[derive(Debug)]
pub struct NoTrace;

impl fmt::Display for NoTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "there is no trace here: capture one with curl -o trace.out HOST/debug/pprof/trace?seconds=5, and give it too",
        )
    }
}

/// The state of a session.
pub enum Phase<'s> {
    Loading(&'s Progress),
    Failed(&'s str),
    Ready(&'s Loaded),
}

impl Session {
    /// Returns the name to show.
    pub fn title(&self) -> String {
        self.title.clone()
    }

    /// Opens files, `-` for standard input, and the files of folders. The timeline of the first trace is shown.
    ///
    /// # Errors
    ///
    /// If a file cannot be opened, or none is of use.
    pub fn open(paths: &[PathBuf]) -> Result<(Self, Opened), Failure> {
        let all = capture::files(paths)?;
        check_stdin(all.iter().map(PathBuf::as_path))?;
        let mut opened = Opened { trace: None, sources: Vec::new() };
        let mut files = Vec::new();
        for path in all {
            let input = Input::open(&path, false)?;
            let size = path.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
            let source = Source::new(&path, input, size, &mut opened.trace);
            files.push(SessionFile { path, kind: source.kind, size });
            opened.sources.push(source);
        }
        if !opened.sources.iter().any(Source::is_usable) {
            let failure = opened.sources.into_iter().find_map(Source::into_failure);
            return Err(failure.unwrap_or_else(|| Failure::Usage("give files or a folder".to_owned())));
        }
        let title = title(paths, &files);
        let progress = opened.trace.as_ref().map(|trace| trace.progress.clone()).unwrap_or_default();
        Ok((Session { files, title, progress, loaded: OnceLock::new() }, opened))
    }

    /// Loads the files. Damage is skipped, so that everything that can be read is shown.
    pub fn load(&self, opened: Opened) {
        // A session is loaded once.
        let _ = self.loaded.set(Loaded::new(opened));
    }

    pub fn phase(&self) -> Phase<'_> {
        match self.loaded.get() {
            None => Phase::Loading(&self.progress),
            Some(Err(error)) => Phase::Failed(error),
            Some(Ok(loaded)) => Phase::Ready(loaded),
        }
    }
}

/// Returns the name of a session: that of the only file or folder, or of the first file.
fn title(paths: &[PathBuf], files: &[SessionFile]) -> String {
    let name = |path: &Path| match path.file_name() {
        Some(name) if path != Path::new("-") => names::printable(&name.to_string_lossy()),
        Some(_) => "standard input".to_owned(),
        None => names::printable(&path.display().to_string()),
    };
    let trace = files.iter().find(|file| file.kind == InputKind::Trace).or(files.first());
    match (paths, trace) {
        ([path], _) => name(path),
        (_, Some(file)) => format!("{} and {} more", name(&file.path), files.len().saturating_sub(1)),
        _ => String::new(),
    }
}

impl Loaded {
    fn new(opened: Opened) -> Result<Self, String> {
        let Opened { trace, mut sources } = opened;
        // Profiles are small: they are read while the timeline is built.
        let (trace, profiles) = thread::scope(|scope| {
            let loading = scope.spawn(|| trace.map(OpenTrace::load).transpose());
            let mut profiles = Vec::new();
            sources.iter_mut().for_each(|source| source.read_profile(&mut profiles));
            let panicked = |_| Err("the trace cannot be read: this is a bug of gotrace".to_owned());
            (loading.join().unwrap_or_else(panicked), profiles)
        });
        let has_evidence = sources.iter().any(Source::is_evidence);
        Ok(Loaded { trace: trace?, profiles, has_evidence, sources: Mutex::new(sources), leak: OnceLock::new() })
    }

    /// Returns the trace.
    ///
    /// # Errors
    ///
    /// If there is none among the files.
    pub fn trace(&self) -> Result<&Trace, NoTrace> {
        self.trace.as_ref().ok_or(NoTrace)
    }

    /// Returns the timeline of the trace.
    ///
    /// # Errors
    ///
    /// If there is no trace among the files.
    pub fn timeline(&self) -> Result<&Timeline, NoTrace> {
        Ok(&self.trace()?.timeline)
    }

    /// Returns the judgement on leaks. The first call reads the files.
    pub fn leak(&self) -> Result<&Leak, String> {
        let judge = || {
            let sources = std::mem::take(&mut *self.sources.lock().unwrap_or_else(PoisonError::into_inner));
            Leak::new(sources, self)
        };
        self.leak.get_or_init(judge).as_ref().map_err(Clone::clone)
    }
}
