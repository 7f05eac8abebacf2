//! Regions and tasks that the traced program misused. Go's tools reject a trace that contains a single misused region
//! or task.
//!
//! Every event at which Go's reader would fail is left out, including events at which it would fail only because other
//! events are left out. Go's rules: a region that ends must be the innermost open region of its goroutine, if any is
//! open, and a task that begins must not be active. (Go `src/internal/trace/order.go`, `endRegion` and
//! `advanceUserTaskBegin`; before Go 1.22, `postProcessTrace` in `internal/tracev1/parser.go`.)

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Read};

use super::report::LeftOut;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, EventKind, GoState, Region};
use crate::id::{GoId, TaskId};
use crate::raw::EventType;
use crate::reader::Reader;

/// The events that have to be left out of a trace.
#[derive(Debug, Default)]
pub(super) struct Misuse {
    /// The generation, writer and type of the event, and its index among the events of that writer and type in the
    /// generation. Before Go 1.22, the generation is 0.
    events: BTreeSet<(u64, Writer, EventCode, u64)>,
}

/// The thread (M) whose batches contain an event. Before Go 1.22, the P.
pub(super) type Writer = u64;

/// The type of an event.
type EventCode = u8;

impl Misuse {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns whether events of a writer in a generation have to be left out.
    pub(super) fn has_events_of(&self, generation: u64, writer: Writer) -> bool {
        let from = (generation, writer, 0, 0);
        self.events.range(from..=(generation, writer, EventCode::MAX, u64::MAX)).next().is_some()
    }

    /// Returns whether an event has to be left out.
    pub(super) fn has(&self, generation: u64, writer: Writer, event: EventType, number: u64) -> bool {
        self.events.contains(&(generation, writer, event.code(), number))
    }

    /// Returns the number of events to leave out.
    pub(super) fn left_out(&self) -> LeftOut {
        let count =
            |event: EventType| self.events.iter().filter(|(_, _, code, _)| *code == event.code()).count() as u64;
        LeftOut { region_ends: count(EventType::UserRegionEnd), task_begins: count(EventType::UserTaskBegin) }
    }
}

/// Reads a trace to its end. Returns `None` if the trace is not whole. Fails if it cannot be read.
pub(super) fn find(trace: impl Read + Send) -> io::Result<Option<Misuse>> {
    match read(trace) {
        Ok(found) => Ok(Some(found)),
        Err(Error { kind: ErrorKind::Io(error), .. }) => Err(io::Error::other(error)),
        Err(_) => Ok(None),
    }
}

fn read(trace: impl Read + Send) -> Result<Misuse, Error> {
    let mut reader = Reader::from_reader(trace)?;
    let mut search = Search::default();
    while let Some(event) = reader.next_event()? {
        let begins = search.see(&event);
        if begins {
            search.generation = reader.generation().map_or(0, |info| info.number);
        }
    }
    Ok(search.found)
}

/// The task and the name of an open region.
type OpenRegion = (TaskId, Box<[u8]>);

#[derive(Default)]
struct Search {
    found: Misuse,
    generation: u64,
    /// The number of events of each writer and type so far in the generation.
    counts: HashMap<(Writer, EventCode), u64>,
    regions: HashMap<GoId, Vec<OpenRegion>>,
    tasks: HashSet<TaskId>,
}

impl Search {
    /// Records the next event. Returns whether the event starts a generation.
    fn see(&mut self, event: &Event<'_>) -> bool {
        match event.kind() {
            EventKind::Sync(sync) => {
                self.counts.clear();
                return sync.begins_generation();
            }
            EventKind::RegionBegin(region) => {
                if let Some(go) = event.go() {
                    self.regions.entry(go).or_default().push((region.task, region.name.as_bytes().into()));
                }
            }
            EventKind::RegionEnd(region) => {
                let fits = event.go().is_none_or(|go| self.end_region(go, &region));
                self.count(event, EventType::UserRegionEnd, fits);
            }
            EventKind::TaskBegin(task) => {
                let fits = self.tasks.insert(task.id);
                self.count(event, EventType::UserTaskBegin, fits);
            }
            EventKind::TaskEnd(task) => {
                self.tasks.remove(&task.id);
            }
            EventKind::GoTransition(transition) if transition.to == GoState::NotExist => {
                self.regions.remove(&transition.go);
            }
            _ => {}
        }
        false
    }

    /// Ends a region and returns whether Go's reader accepts that. It does if the region is the innermost open region,
    /// or if none is open and the region may have begun before the trace.
    fn end_region(&mut self, go: GoId, region: &Region<'_>) -> bool {
        let Some(open) = self.regions.get_mut(&go) else { return true };
        let fits = open.last().is_none_or(|(task, name)| *task == region.task && **name == *region.name.as_bytes());
        if fits {
            open.pop();
        }
        fits
    }

    fn count(&mut self, event: &Event<'_>, of: EventType, fits: bool) {
        let writer = match self.generation {
            0 => event.proc().map(|proc| proc.0),
            _ => event.thread().map(|thread| thread.0),
        };
        let Some(writer) = writer else { return };
        let number = self.counts.entry((writer, of.code())).or_default();
        if !fits {
            self.found.events.insert((self.generation, writer, of.code(), *number));
        }
        *number += 1;
    }
}
