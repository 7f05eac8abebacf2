//! What a diagnosis is made from.

use super::align::Clocks;
use super::place::Place;
use super::snapshots::Snapshots;
use super::vitals::TraceEvidence;
use crate::gctrace::{Cycle, Log};
use crate::pprof::{Error, Profile, ProfileKind};
use crate::time::WallTime;

/// What kind of input something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// An execution trace.
    Trace,
    /// A profile of this kind.
    Profile(ProfileKind),
    /// A GC log.
    GcLog,
}

impl InputKind {
    /// The kind's name: `trace`, `gctrace`, or the profile's.
    pub fn name(self) -> &'static str {
        match self {
            InputKind::Trace => "trace",
            InputKind::Profile(kind) => kind.name(),
            InputKind::GcLog => "gctrace",
        }
    }
}

/// An input as the verdict lists it.
#[derive(Clone, Debug)]
pub struct InputSummary {
    /// What it is.
    pub kind: InputKind,
    /// What the caller calls it: a path.
    pub name: String,
    /// From when it is. `None` where that is not known.
    pub start: Option<WallTime>,
    /// Until when.
    pub end: Option<WallTime>,
    /// Whether a rule could use it.
    pub used: bool,
    /// Why not, or what is odd about it.
    pub note: Option<String>,
}

/// Gathers what a diagnosis is made from: any profiles, traces and logs of one process.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(super) heaps: Snapshots<4>,
    pub(super) goroutines: Snapshots<1>,
    pub(super) leaked: Snapshots<1>,
    pub(super) traces: Vec<TraceEvidence>,
    /// The collections of one process.
    pub(super) cycles: Vec<Cycle>,
    pub(super) listed: Vec<Listed>,
}

/// An input, and what its times refer to.
#[derive(Debug)]
pub(super) struct Listed {
    pub summary: InputSummary,
    pub times: Times,
}

#[derive(Debug)]
pub(super) enum Times {
    Wall,
    /// Which trace.
    Trace(usize),
    /// From when to when in the log.
    Log(u64, u64),
}

/// The columns of heap profiles, in the order in which they are kept.
pub(super) mod heap {
    pub const ALLOC_OBJECTS: usize = 0;
    pub const ALLOC_SPACE: usize = 1;
    pub const INUSE_OBJECTS: usize = 2;
    pub const INUSE_SPACE: usize = 3;
}

impl Inputs {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a profile, whichever it is. Those that no rule can use, such as CPU profiles, are listed as not used.
    ///
    /// # Errors
    ///
    /// Those of the profile's samples; it does not count then.
    pub fn profile(&mut self, name: &str, profile: &Profile<'_>) -> Result<(), Error> {
        let kind = profile.kind();
        let mut note = None;
        match kind {
            ProfileKind::Heap | ProfileKind::Allocs => self.heaps.add(profile, [0, 1, 2, 3])?,
            ProfileKind::Goroutine => self.goroutines.add(profile, [0])?,
            ProfileKind::GoroutineLeak => self.leaked.add(profile, [0])?,
            ProfileKind::Contention => {
                let text = "a block or mutex profile tells who waits and goes on, which is no sign of a leak";
                note = Some(text.to_owned());
            }
            ProfileKind::Cpu => note = Some("a CPU profile tells nothing of what stays".to_owned()),
            ProfileKind::ThreadCreate => note = Some("threads are not looked at".to_owned()),
            ProfileKind::Other => note = Some("it is none of Go's profiles of memory or goroutines".to_owned()),
        }
        let start = Some(profile.time_nanos()).filter(|time| *time > 0);
        let end = start.map(|start| start.saturating_add(profile.duration_nanos().max(0)));
        let (start, end) = (wall(start), wall(end));
        let used = note.is_none();
        let kind = InputKind::Profile(kind);
        let summary = InputSummary { kind, name: name.to_owned(), start, end, used, note };
        self.listed.push(Listed { summary, times: Times::Wall });
        Ok(())
    }

    /// Takes what a [`TraceObserver`](super::TraceObserver) found. `note` says what is wrong with the trace, such as the error that it ends with.
    pub fn trace(&mut self, name: &str, evidence: TraceEvidence, note: Option<String>) {
        let kind = InputKind::Trace;
        let summary = InputSummary { kind, name: name.to_owned(), start: None, end: None, used: true, note };
        self.listed.push(Listed { summary, times: Times::Trace(self.traces.len()) });
        self.traces.push(evidence);
    }

    /// Takes a GC log. Of the processes in it the one with the most collections is looked at.
    pub fn log(&mut self, name: &str, log: &Log) {
        let runs = log.runs().len();
        let cycles = log.longest_run().map(|run| run.cycles).unwrap_or_default();
        let note = match (cycles.len(), runs) {
            (0, _) => {
                Some("no collection is in it: was GODEBUG=gctrace=1 set, and is it the standard error?".to_owned())
            }
            (_, 1) => None,
            (_, runs) => Some(format!("the longest of {runs} processes in it")),
        };
        let extent = (cycles.first().map_or(0, |cycle| cycle.at), cycles.last().map_or(0, Cycle::end));
        let used = !cycles.is_empty() && cycles.len() >= self.cycles.len();
        let kind = InputKind::GcLog;
        let summary = InputSummary { kind, name: name.to_owned(), start: None, end: None, used, note };
        self.listed.push(Listed { summary, times: Times::Log(extent.0, extent.1) });
        if used {
            self.cycles = cycles;
        }
    }

    /// Lists an input that could not be read.
    pub fn unusable(&mut self, kind: InputKind, name: &str, why: String) {
        let summary =
            InputSummary { kind, name: name.to_owned(), start: None, end: None, used: false, note: Some(why) };
        self.listed.push(Listed { summary, times: Times::Wall });
    }

    /// Whether there is nothing that a rule can use.
    pub fn is_empty(&self) -> bool {
        self.listed.iter().all(|listed| !listed.summary.used)
    }

    pub(super) fn clocks(&self, log_start: Option<i64>) -> Clocks {
        let none = Clocks::new(None, &[], &[], log_start);
        let all = self.traces.iter().map(|trace| Clocks::new(trace.clock, &trace.gc_starts, &self.cycles, log_start));
        all.max_by_key(|clocks| (clocks.log_to_wall.is_some(), clocks.log_in_trace.is_some(), clocks.trace_to_wall))
            .unwrap_or(none)
    }

    /// The inputs with the times that the clocks give them.
    pub(super) fn summaries(&self, clocks: &Clocks) -> Vec<InputSummary> {
        let dated = |listed: &Listed| {
            let mut summary = listed.summary.clone();
            match listed.times {
                Times::Wall => {}
                Times::Trace(index) => {
                    if let Some(trace) = self.traces.get(index) {
                        let own = Clocks::new(trace.clock, &trace.gc_starts, &self.cycles, clocks.log_to_wall);
                        summary.start = wall(own.wall_of_trace(trace.begin));
                        summary.end = wall(own.wall_of_trace(trace.end));
                    }
                }
                Times::Log(start, end) => {
                    summary.start = wall(clocks.wall_of_log(start));
                    summary.end = wall(clocks.wall_of_log(end));
                }
            }
            summary
        };
        self.listed.iter().map(dated).collect()
    }
}

fn wall(nanos: Option<i64>) -> Option<WallTime> {
    WallTime::from_nanos(nanos?.into())
}

/// The frames of a trace's stack as places.
pub(super) fn places(stack: &[crate::OwnedFrame]) -> Vec<Place> {
    let place = |frame: &crate::OwnedFrame| Place {
        function: frame.func.clone(),
        file: frame.file.clone(),
        line: i64::try_from(frame.line).unwrap_or(0),
    };
    stack.iter().map(place).collect()
}
