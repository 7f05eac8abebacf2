//! The trace of a session: its timeline, and analyses of its events.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gotrace::analysis::latency::{Latency, LatencyReport};
use gotrace::analysis::mmu::{Mmu, MmuCurve};
use gotrace::analysis::tasks::{Tasks, TasksReport};
use gotrace::diagnose::{TraceEvidence, TraceObserver};
use gotrace::{Reader, Timeline, analysis};

use crate::capture;
use crate::failure::Failure;
use crate::input::{Input, Original};

/// A trace that is read to its header, before it is loaded.
pub struct OpenTrace {
    reader: Reader<'static>,
    original: Original,
    pub progress: Progress,
}

/// How much of a file has been read.
#[derive(Clone, Default)]
pub struct Progress {
    /// The length of the file in bytes, if it is known.
    pub len: Option<u64>,
    read: Arc<AtomicU64>,
}

/// A loaded trace.
pub struct Trace {
    pub timeline: Timeline,
    original: Mutex<Option<Original>>,
    reports: OnceLock<Result<Reports, String>>,
}

/// Analyses that need the events, from a second reading of the trace.
pub struct Reports {
    pub mmu: MmuCurve,
    pub tasks: TasksReport,
    pub latency: LatencyReport,
    /// What the trace says about leaks.
    pub evidence: TraceEvidence,
    /// What is wrong with the trace.
    pub damage: Option<String>,
}

impl Progress {
    /// Returns how many bytes have been read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl OpenTrace {
    /// Reads the header. `len` is the length of the file.
    ///
    /// # Errors
    ///
    /// If it is not a trace that can be read.
    pub fn new(path: &Path, input: Input, len: Option<u64>) -> Result<Self, Failure> {
        let (original, input) = Original::of(path, input);
        let read = Arc::new(AtomicU64::new(0));
        let bytes = Counted { input: input.bytes, read: Arc::clone(&read) };
        let reader = Reader::builder().lenient().from_reader(bytes);
        let reader = reader.map_err(|error| Failure::trace(path, &error))?;
        let len = len.filter(|_| matches!(original, Original::File(_)));
        Ok(OpenTrace { reader, original, progress: Progress { len, read } })
    }

    pub fn load(self) -> Result<Trace, String> {
        let timeline = Timeline::from_events(self.reader).map_err(|error| error.to_string())?;
        Ok(Trace { timeline, original: Mutex::new(Some(self.original)), reports: OnceLock::new() })
    }
}

impl Trace {
    /// Returns the analyses that need the events. The first call reads the trace again.
    pub fn reports(&self) -> Result<&Reports, String> {
        self.reports.get_or_init(|| self.read_again()).as_ref().map_err(Clone::clone)
    }

    fn read_again(&self) -> Result<Reports, String> {
        let original = self.original.lock().unwrap_or_else(PoisonError::into_inner).take();
        let bytes =
            original.ok_or("the trace cannot be read again")?.reopen().map_err(|failure| failure.to_string())?;
        let mut reader = Reader::builder().lenient().from_reader(bytes).map_err(|error| error.to_string())?;
        let observers = (Mmu::new(Default::default()), Tasks::by_name(), Latency::new(), TraceObserver::new());
        let ((mmu, tasks, latency, evidence), error) = analysis::run(&mut reader, observers);
        match error {
            Some(error) => Err(error.to_string()),
            None => {
                let damage = capture::damage(&reader, None);
                Ok(Reports { mmu: mmu.curve(), tasks, latency, evidence, damage })
            }
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
