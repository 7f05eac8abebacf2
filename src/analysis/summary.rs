//! Summarizes what is in a trace: its length, the goroutines, Ps and threads that it mentions, and
//! the number of events of each kind.
//!
//! ```
//! use gotrace::Reader;
//! use gotrace::analysis::summary::summarize;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/gc.trace");
//! let mut reader = Reader::from_path(path)?;
//! let (trace, error) = summarize(&mut reader);
//! assert!(error.is_none(), "a damaged trace gives what comes before the damage, and why it ended");
//! println!("{}: {} events in {:?}", trace.version, trace.events.events, trace.events.duration);
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::observer::{Observer, run};
use crate::error::Error;
use crate::event::kind_name::KindName;
use crate::event::record::{RangeType, What};
use crate::event::{Event, EventKind};
use crate::id::NONE;
use crate::reader::Reader;
use crate::time::{Time, WallTime};
use crate::warning::{Warning, WarningKind};
use crate::wire::header::Version;

/// Reads a trace to its end or to the first error, and returns the summary of what was read
/// together with the error.
pub fn summarize(reader: &mut Reader<'_>) -> (TraceSummary, Option<Error>) {
    let (events, error) = run(reader, Summary::default());
    let (warnings, warning_count) = reader.warnings();
    let misuses = warnings.iter().filter(|warning| warning.kind != WarningKind::UnprovenEnd);
    let summary = TraceSummary {
        version: reader.version(),
        size: reader.bytes_read(),
        batches: reader.batches(),
        warnings: warning_count,
        misuses: misuses.take(MAX_MISUSES).cloned().collect(),
        events,
    };
    (summary, error)
}

/// The maximum number of misused annotations to list.
const MAX_MISUSES: usize = 100;

/// The contents of a trace: properties of the file, and a summary of its events.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TraceSummary {
    /// The version in the trace's header, such as `go 1.26`. This is the version of the format.
    /// Newer releases of Go may write the same version.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub version: Version,
    /// The number of bytes read.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The number of batches read, including batches of tables.
    pub batches: u64,
    /// The number of warnings. A warning reports an annotation that the program misused or, before
    /// Go 1.26, that the trace has no end marker.
    pub warnings: u64,
    /// The first hundred annotations that the program misused: regions that end out of order, and
    /// tasks that start twice.
    pub misuses: Vec<Warning>,
    /// The summary of the events.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub events: SummaryReport,
}

/// The summary of the events of a trace.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SummaryReport {
    /// The number of events, including the Syncs that start each generation and end the trace.
    pub events: u64,
    /// The number of events of each kind, by [`EventKind::name`]. Kinds without events are left
    /// out.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, u64>"))]
    pub events_by_kind: BTreeMap<&'static str, u64>,
    /// The number of generations. A generation is about a second long. 0 before Go 1.22.
    pub generations: u64,
    /// The time of the first event, in nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The time from the first event to the last event, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The wall time of the first event, in RFC 3339. `None` before Go 1.25.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub wall_start: Option<WallTime>,
    /// The number of goroutines that the trace mentions.
    pub goroutines: u64,
    /// The number of Ps (processors) that the trace mentions.
    pub procs: u64,
    /// The number of threads that the trace mentions.
    pub threads: u64,
    /// The last value of GOMAXPROCS. `None` if the trace does not contain it.
    pub gomaxprocs: Option<u64>,
    /// The number of GC cycles whose mark phase overlaps the trace.
    pub gc_cycles: u64,
    /// The number of stop-the-world pauses, for any reason.
    pub stop_the_worlds: u64,
    /// The total length of all stop-the-world pauses, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "stop_the_world_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub stop_the_world: Duration,
    /// The largest size of the heap's live and unswept objects, in bytes. `None` if the trace does
    /// not contain it.
    #[cfg_attr(feature = "serde", serde(rename = "heap_max_bytes"))]
    pub heap_max: Option<u64>,
    /// The number of tasks that started.
    pub tasks: u64,
    /// The number of regions that started.
    pub regions: u64,
    /// The number of log messages.
    pub logs: u64,
    /// The number of CPU samples.
    pub cpu_samples: u64,
}

/// Counts what is in a trace, in one pass.
///
/// Memory is about one bit per goroutine, P and thread.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The number of events of each kind.
    counts: [u64; KindName::ALL.len()],
    goroutines: Ids,
    procs: Ids,
    threads: Ids,
    last_proc: u64,
    last_thread: u64,
    first: Option<i64>,
    last: i64,
    generations: u64,
    wall_start: Option<WallTime>,
    gomaxprocs: Option<u64>,
    heap_max: Option<u64>,
    gc_is_on: bool,
    gc_cycles: u64,
    stop_the_worlds: u64,
    world_stopped: Option<i64>,
    /// The total length of all stop-the-world pauses, in nanoseconds.
    stop_the_world: u64,
}

impl Default for Summary {
    fn default() -> Self {
        Summary {
            counts: [0; KindName::ALL.len()],
            goroutines: Ids::default(),
            procs: Ids::default(),
            threads: Ids::default(),
            last_proc: NONE,
            last_thread: NONE,
            first: None,
            last: 0,
            generations: 0,
            wall_start: None,
            gomaxprocs: None,
            heap_max: None,
            gc_is_on: false,
            gc_cycles: 0,
            stop_the_worlds: 0,
            world_stopped: None,
            stop_the_world: 0,
        }
    }
}

impl Observer for Summary {
    type Output = SummaryReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        self.last = record.time;
        // Consecutive events often have the same P and thread. The two values are compared
        // separately, because a single comparison of both would have to wait until the values
        // stored for the previous event are in the cache.
        if record.proc != self.last_proc {
            self.last_proc = record.proc;
            self.procs.add(record.proc);
        }
        if record.thread != self.last_thread {
            self.last_thread = record.thread;
            self.threads.add(record.thread);
        }
        // About 90 % of the events of a busy trace are goroutine transitions. `record.go` needs no
        // counting here: the running goroutine was the subject of an earlier transition.
        if let What::GoTransition(..) = record.what {
            self.counts[KindName::StateTransition as usize] += 1;
            self.goroutines.add(record.a);
            return;
        }
        self.other(event);
    }

    fn finish(self) -> SummaryReport {
        let count = |kind: KindName| self.counts[kind as usize];
        let kinds = KindName::ALL.iter().map(|&kind| (kind.text(), count(kind)));
        SummaryReport {
            events: self.counts.iter().sum(),
            events_by_kind: kinds.filter(|(_, count)| *count > 0).collect(),
            generations: self.generations,
            start: Time(self.first.unwrap_or_default()),
            duration: Time(self.last) - Time(self.first.unwrap_or(self.last)),
            wall_start: self.wall_start,
            goroutines: self.goroutines.len,
            procs: self.procs.len,
            threads: self.threads.len,
            gomaxprocs: self.gomaxprocs,
            gc_cycles: self.gc_cycles,
            stop_the_worlds: self.stop_the_worlds,
            stop_the_world: Duration::from_nanos(self.stop_the_world),
            heap_max: self.heap_max,
            tasks: count(KindName::TaskBegin),
            regions: count(KindName::RegionBegin),
            logs: count(KindName::Log),
            cpu_samples: count(KindName::StackSample),
        }
    }
}

impl Summary {
    /// Counts an event that is not a transition of a goroutine.
    #[inline(never)]
    fn other(&mut self, event: &Event<'_>) {
        let record = event.record();
        self.counts[record.what.kind_name() as usize] += 1;
        self.first.get_or_insert(record.time);
        self.goroutines.add(record.go);
        match record.what {
            What::Sync => self.sync(event),
            What::GoMaxProcs => self.gomaxprocs = Some(record.a),
            What::HeapObjects => self.heap_max = self.heap_max.max(Some(record.a)),
            // A `RangeActive` event reports a range that started before the trace.
            What::RangeBegin(range) | What::RangeActive(range) => self.start_range(range, record.time),
            What::RangeEnd(range) => self.end_range(range, record.time),
            What::ProcTransition(..) => self.procs.add(record.a),
            What::Gap => {
                self.gc_is_on = false;
                self.world_stopped = None;
            }
            _ => {}
        }
    }

    fn sync(&mut self, event: &Event<'_>) {
        let EventKind::Sync(sync) = event.kind() else { return };
        self.generations += u64::from(sync.begins_generation());
        if let (Some(clock), None) = (sync.clock, self.wall_start) {
            self.wall_start = clock.wall_at(Time(self.first.unwrap_or(self.last)));
        }
    }

    fn start_range(&mut self, range: RangeType, time: i64) {
        match range {
            RangeType::GcMark => {
                self.gc_cycles += u64::from(!self.gc_is_on);
                self.gc_is_on = true;
            }
            RangeType::StopTheWorld => {
                self.stop_the_worlds += 1;
                self.world_stopped = Some(time);
            }
            RangeType::GcSweep | RangeType::GcMarkAssist => {}
        }
    }

    fn end_range(&mut self, range: RangeType, time: i64) {
        match range {
            RangeType::GcMark => self.gc_is_on = false,
            RangeType::StopTheWorld => {
                let stopped = self.world_stopped.take().unwrap_or(time);
                self.stop_the_world += time.abs_diff(stopped);
            }
            RangeType::GcSweep | RangeType::GcMarkAssist => {}
        }
    }
}

/// The number of entries of the cache of recent IDs. Must be a power of two.
const RECENT: usize = 256;

/// The number of words of a page. A page has a bit for each ID.
const PAGE_WORDS: usize = 8;

/// The number of IDs of a page.
const PAGE_IDS: u64 = PAGE_WORDS as u64 * WORD_IDS;

const WORD_IDS: u64 = u64::BITS as u64;

/// Counts distinct IDs. The runtime assigns IDs in ascending order, so they are dense, but they may
/// start at any number.
#[derive(Clone, Debug)]
struct Ids {
    /// A direct-mapped cache of IDs that are already counted, indexed by the ID modulo [`RECENT`].
    /// Unused entries are [`NONE`].
    recent: Box<[u64; RECENT]>,
    pages: HashMap<u64, [u64; PAGE_WORDS], RandomState>,
    len: u64,
}

impl Default for Ids {
    fn default() -> Self {
        Ids { recent: Box::new([NONE; RECENT]), pages: HashMap::default(), len: 0 }
    }
}

impl Ids {
    /// Counts an ID that was not counted before, unless it is [`NONE`].
    #[inline(always)]
    fn add(&mut self, id: u64) {
        let recent = &mut self.recent[id as usize % RECENT];
        if *recent != id {
            *recent = id;
            self.insert(id);
        }
    }

    #[inline(never)]
    fn insert(&mut self, id: u64) {
        if id == NONE {
            return;
        }
        let page = self.pages.entry(id / PAGE_IDS).or_default();
        let word = &mut page[(id % PAGE_IDS / WORD_IDS) as usize];
        let mask = 1 << (id % WORD_IDS);
        self.len += u64::from(*word & mask == 0);
        *word |= mask;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn counts_each_id_once() {
        let mut ids = Ids::default();
        let mut expected = HashSet::new();
        let mut random = 1_u64;
        for step in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = match step % 4 {
                0 => step,
                1 => step / 2,
                2 => random,
                _ => u64::MAX - (random >> 56),
            };
            ids.add(id);
            if id != NONE {
                expected.insert(id);
            }
        }
        assert_eq!(ids.len, expected.len() as u64);
    }
}
