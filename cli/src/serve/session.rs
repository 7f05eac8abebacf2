//! What a server shows: a trace that is loaded in the background.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gotrace::analysis::latency::{Latency, LatencyReport};
use gotrace::analysis::mmu::{Mmu, MmuCurve};
use gotrace::analysis::procs::{Procs, ProcsReport};
use gotrace::analysis::tasks::{Tasks, TasksReport};
use gotrace::{Reader, Timeline, analysis};

use crate::failure::{Failure, Wanted};
use crate::input::{Input, Original};
use crate::view::names;

/// A trace and how far it has been loaded.
pub struct Session {
    pub path: PathBuf,
    /// The length of the file in bytes, if it is known.
    pub len: Option<u64>,
    read: Arc<AtomicU64>,
    loaded: OnceLock<Result<Loaded, String>>,
}

/// A trace that is read to its header, before it is loaded.
pub struct Opened {
    reader: Reader<'static>,
    original: Original,
}

/// A loaded trace.
pub struct Loaded {
    pub timeline: Timeline,
    original: Mutex<Option<Original>>,
    reports: OnceLock<Result<Reports, String>>,
}

/// Analyses that need the events, from a second reading of the trace.
pub struct Reports {
    pub mmu: MmuCurve,
    pub tasks: TasksReport,
    pub latency: LatencyReport,
    pub procs: ProcsReport,
}

/// The state of a session.
pub enum Phase<'s> {
    /// So many bytes have been read.
    Loading(u64),
    Failed(&'s str),
    Ready(&'s Loaded),
}

impl Session {
    /// Returns the name to show.
    pub fn title(&self) -> String {
        match self.path.file_name() {
            Some(name) if self.path != Path::new("-") => names::printable(&name.to_string_lossy()),
            _ => "standard input".to_owned(),
        }
    }

    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// If it is not a trace.
    pub fn open(path: &Path) -> Result<(Self, Opened), Failure> {
        let input = Input::open(path, false)?;
        if let Some(refusal) = input.refusal(path, Wanted::Trace) {
            return Err(refusal);
        }
        let (original, input) = Original::of(path, input);
        let read = Arc::new(AtomicU64::new(0));
        let bytes = Counted { input: input.bytes, read: Arc::clone(&read) };
        let reader = Reader::builder().lenient().from_reader(bytes);
        let reader = reader.map_err(|error| Failure::trace(path, &error))?;
        let len = match &original {
            Original::File(path) => path.metadata().ok().map(|metadata| metadata.len()),
            Original::Copy { .. } => None,
        };
        Ok((Session { path: path.to_owned(), len, read, loaded: OnceLock::new() }, Opened { reader, original }))
    }

    /// Loads the trace. Damage is skipped, so that everything that can be read is shown.
    pub fn load(&self, opened: Opened) {
        let timeline = Timeline::from_events(opened.reader).map_err(|error| error.to_string());
        let loaded = timeline.map(|timeline| Loaded::new(timeline, opened.original));
        // A session is loaded once.
        let _ = self.loaded.set(loaded);
    }

    pub fn phase(&self) -> Phase<'_> {
        match self.loaded.get() {
            None => Phase::Loading(self.read.load(Ordering::Relaxed)),
            Some(Err(error)) => Phase::Failed(error),
            Some(Ok(loaded)) => Phase::Ready(loaded),
        }
    }
}

impl Loaded {
    fn new(timeline: Timeline, original: Original) -> Self {
        Loaded { timeline, original: Mutex::new(Some(original)), reports: OnceLock::new() }
    }

    /// Returns the analyses that need the events. The first call reads the trace again.
    pub fn reports(&self) -> Result<&Reports, String> {
        self.reports.get_or_init(|| self.read_again()).as_ref().map_err(Clone::clone)
    }

    fn read_again(&self) -> Result<Reports, String> {
        let original = self.original.lock().unwrap_or_else(PoisonError::into_inner).take();
        let bytes =
            original.ok_or("the trace cannot be read again")?.reopen().map_err(|failure| failure.to_string())?;
        let mut reader = Reader::builder().lenient().from_reader(bytes).map_err(|error| error.to_string())?;
        let observers = (Mmu::new(Default::default()), Tasks::by_name(), Latency::new(), Procs::new());
        let ((mmu, tasks, latency, procs), error) = analysis::run(&mut reader, observers);
        match error {
            Some(error) => Err(error.to_string()),
            None => Ok(Reports { mmu: mmu.curve(), tasks, latency, procs }),
        }
    }
}

/// Counts the bytes that are read.
struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
