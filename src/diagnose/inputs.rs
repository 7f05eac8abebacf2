//! The inputs of a diagnosis.

use std::io::Read;
use std::time::Duration;

use super::align::Clocks;
use super::dumped::{DumpFile, Dumped};
use super::finding::Source;
use super::memory::ProcessMemory;
use super::snapshots::{Added, Snapshots};
use super::vitals::TraceEvidence;
use crate::dump::Assembler;
use crate::error::Error;
use crate::gctrace::{Cycle, LineKind, Log, LogLimits};
use crate::pprof::{PprofKind, Profile, ProfileError};
use crate::time::WallTime;
use crate::wire::lines::Lines;

/// The kind of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputKind {
    /// An execution trace.
    Trace,
    /// A profile of this kind.
    Profile(PprofKind),
    /// A goroutine dump, or several.
    GoroutineDump,
    /// A GC log.
    GcLog,
    /// The memory of the process as the operating system sees it.
    ProcessMemory,
    /// None of these.
    Unknown,
}

impl InputKind {
    /// Returns the kind's name: `trace`, `dump`, `gctrace`, `status`, `unknown`, or the name of the
    /// profile's kind.
    pub fn name(self) -> &'static str {
        match self {
            InputKind::Trace => "trace",
            InputKind::Profile(kind) => kind.name(),
            InputKind::GoroutineDump => "dump",
            InputKind::GcLog => "gctrace",
            InputKind::ProcessMemory => "status",
            InputKind::Unknown => "unknown",
        }
    }
}

/// Serialized as its name.
#[cfg(feature = "serde")]
impl serde::Serialize for InputKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// An input as the verdict lists it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct InputSummary {
    /// Its kind: `trace`, `dump`, `gctrace`, `status`, `unknown`, or the kind of a profile such as `heap`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: InputKind,
    /// The caller's name for it, such as a path.
    pub name: String,
    /// When it starts. `None` if the time is not known.
    pub start: Option<WallTime>,
    /// When it ends. `None` if the time is not known.
    pub end: Option<WallTime>,
    /// Whether a rule could use it.
    pub used: bool,
    /// Why no rule could use it, or what is unusual about it.
    pub note: Option<String>,
}

/// Collects the inputs of a diagnosis: any profiles, traces and logs of one process.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(super) heaps: Snapshots<4>,
    pub(super) goroutines: Snapshots<1>,
    pub(super) leaked: Snapshots<1>,
    pub(super) dumped: Dumped,
    pub(super) traces: Vec<TraceEvidence>,
    /// The collections of one process.
    pub(super) cycles: Vec<Cycle>,
    /// The memory of the process, in order of time.
    pub(super) memory: Vec<ProcessMemory>,
    pub(super) listed: Vec<Listed>,
}

/// An input, and the clock of its times.
#[derive(Debug)]
pub(super) struct Listed {
    pub summary: InputSummary,
    pub times: Times,
}

#[derive(Debug)]
pub(super) enum Times {
    Wall,
    /// The index of the trace.
    Trace(usize),
    /// Times count from the program's start.
    Log {
        start: Duration,
        end: Duration,
    },
}

/// The columns of heap profiles, in the order in which they are kept.
pub(super) mod heap {
    pub const ALLOC_OBJECTS: usize = 0;
    pub const ALLOC_SPACE: usize = 1;
    pub const INUSE_OBJECTS: usize = 2;
    pub const INUSE_SPACE: usize = 3;
}

impl Inputs {
    /// Creates an empty collection of inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a profile of any kind. Profiles that no rule can use, such as CPU profiles, are listed
    /// as not used.
    ///
    /// # Errors
    ///
    /// Errors in the profile's samples. The profile is then not added.
    pub fn profile(&mut self, name: &str, profile: &Profile<'_>) -> Result<(), ProfileError> {
        let kind = profile.kind();
        let mut note = None;
        let mut added = Added::Yes;
        let is_state =
            matches!(kind, PprofKind::Heap | PprofKind::Allocs | PprofKind::Goroutine | PprofKind::GoroutineLeak);
        match kind {
            _ if is_state && profile.duration().is_some_and(|length| !length.is_zero()) => {
                let text =
                    "captured with seconds=, so it has the change in that time and not the state: capture it without";
                note = Some(text.to_owned());
            }
            PprofKind::Heap | PprofKind::Allocs => added = self.heaps.add(profile, [0, 1, 2, 3])?,
            PprofKind::Goroutine => added = self.goroutines.add(profile, [0])?,
            PprofKind::GoroutineLeak => added = self.leaked.add(profile, [0])?,
            PprofKind::Contention => {
                let text = "a block or mutex profile shows waits that have ended, which are no sign of a leak";
                note = Some(text.to_owned());
            }
            PprofKind::Cpu => note = Some("a CPU profile does not show what stays in memory".to_owned()),
            PprofKind::ThreadCreate => note = Some("threads are not examined".to_owned()),
            PprofKind::Other => note = Some("not one of Go's profiles of memory or goroutines".to_owned()),
        }
        if added == Added::Again {
            note = Some("the same profile was given twice".to_owned());
        }
        let start = profile.time();
        let end = start.and_then(|start| {
            let length = profile.duration().unwrap_or_default();
            WallTime::from_nanos(start.as_nanos().checked_add(i128::try_from(length.as_nanos()).ok()?)?)
        });
        let used = note.is_none();
        let kind = InputKind::Profile(kind);
        let summary = InputSummary { kind, name: name.to_owned(), start, end, used, note };
        self.listed.push(Listed { summary, times: Times::Wall });
        Ok(())
    }

    /// Adds what a [`TraceObserver`](super::TraceObserver) found. `note` says what is wrong with
    /// the trace, such as the error at its end.
    pub fn trace(&mut self, name: &str, evidence: TraceEvidence, note: Option<String>) {
        let kind = InputKind::Trace;
        let summary = InputSummary { kind, name: name.to_owned(), start: None, end: None, used: true, note };
        self.listed.push(Listed { summary, times: Times::Trace(self.traces.len()) });
        self.traces.push(evidence);
    }

    /// Adds a GC log. Of the processes in all logs, the process with the most collections is
    /// examined.
    pub fn log(&mut self, name: &str, log: &Log) {
        let runs = log.runs().len();
        let cycles = log.longest_run().map(|run| run.cycles).unwrap_or_default();
        let mut note = match (cycles.len(), runs) {
            (0, _) => Some("no collections in it: was GODEBUG=gctrace=1 set, and is it the standard error?".to_owned()),
            (_, 1) => None,
            (_, runs) => Some(format!("contains {runs} processes; the one with the most collections is used")),
        };
        let start = cycles.first().map_or(Duration::ZERO, |cycle| cycle.start);
        let end = cycles.last().map_or(Duration::ZERO, Cycle::end);
        let used = !cycles.is_empty() && cycles.len() >= self.cycles.len();
        let other = "another GC log has more collections";
        if used {
            let is_used_log = |listed: &&mut Listed| matches!(listed.times, Times::Log { .. }) && listed.summary.used;
            for Listed { summary, .. } in self.listed.iter_mut().filter(is_used_log) {
                (summary.used, summary.note) = (false, Some(other.to_owned()));
            }
        } else if !cycles.is_empty() {
            note = Some(other.to_owned());
        }
        let kind = InputKind::GcLog;
        let summary = InputSummary { kind, name: name.to_owned(), start: None, end: None, used, note };
        self.listed.push(Listed { summary, times: Times::Log { start, end } });
        if used {
            self.cycles = cycles;
        }
    }

    /// Adds a text with goroutine dumps, the lines of a GC log, or both, such as what the program wrote to standard
    /// error. May be a gzip file, with the feature `pprof`. Returns whether it has any of them; if not, nothing is added.
    ///
    /// Dumps have no time. They count as taken in the order in which they are added, and in the order of the text.
    ///
    /// ```
    /// use gotrace::diagnose::{Inputs, Options, diagnose};
    ///
    /// # fn main() -> Result<(), gotrace::Error> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/dumps/go1.27");
    /// let mut inputs = Inputs::new();
    /// inputs.text("dump", std::fs::File::open(format!("{folder}/locks.txt")).expect("a file"))?;
    /// println!("{}", diagnose(&inputs, &Options::default()).judgement);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the text cannot be read, and has nothing of use before that.
    pub fn text(&mut self, name: &str, input: impl Read + Send) -> Result<bool, Error> {
        let (mut log, mut file) = (Log::default(), DumpFile::default());
        let error = self.read_lines(Lines::from_reader(input), &mut log, &mut file).err();
        self.dumped.end(&file);
        let has_dumps = file.is_used || file.note.is_some();
        let fault = error.as_ref().map(ToString::to_string);
        if !log.cycles.is_empty() {
            self.log(name, &log);
            if let Some(listed) = self.listed.last_mut() {
                listed.summary.note = fault.clone().or(listed.summary.note.take());
            }
        }
        if has_dumps {
            let (kind, name) = (InputKind::GoroutineDump, name.to_owned());
            let note = fault.or(file.note.map(str::to_owned));
            let summary = InputSummary { kind, name, start: None, end: None, used: file.is_used, note };
            self.listed.push(Listed { summary, times: Times::Wall });
        }
        match error {
            Some(error) if log.cycles.is_empty() && !has_dumps => Err(error),
            _ => Ok(has_dumps || !log.cycles.is_empty()),
        }
    }

    /// Adds the dumps of a text. The lines of a GC log are added to a log.
    fn read_lines(&mut self, mut lines: Lines<'_>, log: &mut Log, file: &mut DumpFile) -> Result<(), Error> {
        let mut assembler = Assembler::default();
        while let Some(line) = lines.next_line()? {
            log.add(line.bytes.map_or(LineKind::TooLong, LineKind::of), LogLimits::default());
            if let Some(dump) = assembler.line(&line) {
                self.dumped.add(&dump, file);
            }
        }
        if let Some(dump) = assembler.finish() {
            self.dumped.add(&dump, file);
        }
        Ok(())
    }

    /// Returns the goroutines over time: those of the goroutine profiles or of the dumps, whichever are more. They are
    /// not mixed: dumps have no time, and the names of functions in dumps have no type arguments.
    pub(super) fn goroutine_snapshots(&self) -> (&Snapshots<1>, Source) {
        match self.dumped.goroutines.all.len() > self.goroutines.all.len() {
            true => (&self.dumped.goroutines, Source::Dump),
            false => (&self.goroutines, Source::Goroutine),
        }
    }

    /// Adds the memory of the process at a moment, such as a copy of `/proc/PID/status`.
    pub fn memory(&mut self, name: &str, memory: ProcessMemory) {
        let kind = InputKind::ProcessMemory;
        let (start, end) = (memory.time, memory.time);
        let is_new = !self.memory.contains(&memory);
        let note = (!is_new).then(|| "the same file was given twice".to_owned());
        let summary = InputSummary { kind, name: name.to_owned(), start, end, used: is_new, note };
        self.listed.push(Listed { summary, times: Times::Wall });
        if is_new {
            self.memory.push(memory);
        }
        // Stable: without a time, they keep their order.
        self.memory.sort_by_key(|memory| memory.time.map(WallTime::as_nanos));
    }

    /// Lists an input that could not be read.
    pub fn unusable(&mut self, kind: InputKind, name: &str, why: String) {
        let summary =
            InputSummary { kind, name: name.to_owned(), start: None, end: None, used: false, note: Some(why) };
        self.listed.push(Listed { summary, times: Times::Wall });
    }

    /// Returns whether no rule can use any of the inputs.
    pub fn is_empty(&self) -> bool {
        self.listed.iter().all(|listed| !listed.summary.used)
    }

    pub(super) fn clocks(&self, log_start: Option<WallTime>) -> Clocks {
        let none = Clocks::new(None, &[], &[], log_start);
        let all = self.traces.iter().map(|trace| Clocks::new(trace.clock, &trace.gc_starts, &self.cycles, log_start));
        all.max_by_key(|clocks| {
            (clocks.program_start_wall.is_some(), clocks.program_start.is_some(), clocks.trace_zero)
        })
        .unwrap_or(none)
    }

    /// Returns the inputs with the times that the clocks give them.
    pub(super) fn summaries(&self, clocks: &Clocks) -> Vec<InputSummary> {
        let dated = |listed: &Listed| {
            let mut summary = listed.summary.clone();
            match listed.times {
                Times::Wall => {}
                Times::Trace(index) => {
                    if let Some(trace) = self.traces.get(index) {
                        let own = Clocks::new(trace.clock, &trace.gc_starts, &self.cycles, clocks.program_start_wall);
                        summary.start = own.wall_of_trace(trace.start);
                        summary.end = own.wall_of_trace(trace.end);
                    }
                }
                Times::Log { start, end } => {
                    summary.start = clocks.wall_of_log(start);
                    summary.end = clocks.wall_of_log(end);
                }
            }
            summary
        };
        self.listed.iter().map(dated).collect()
    }
}
