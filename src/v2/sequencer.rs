//! Orders the events of one generation.
//!
//! 1. Put the first event of each thread into the frontier, a heap by time.
//! 2. Try the earliest event. If it has to wait, sort the frontier and try the other threads in order
//!    of time, until an event happens.
//! 3. Replace the event that happened by the next event of its thread.
//! 4. Put each CPU sample before the first event that is later than the sample.
//!
//! Steps 2 and 3 fill a block of records. For frequent kinds of events, they handle a run of events
//! of one thread at a time, until an event of another thread is earlier. A block ends with its
//! generation, because its records refer to the tables of the generation.
//!
//! If no event can happen, the trace is broken. Every event is later than the previous event: an
//! event whose time is not later gets the previous time plus a nanosecond. The steps are the same
//! as in Go's `src/internal/trace/reader.go`.
//!
//! The caller provides the generation, and decides how to handle a [`Fault`].

mod waiting;

use std::cell::Cell;

use super::cursor::{BriefCursor, Cursor};
use super::generation::{Generation, Sample};
use super::order::{self, Attempt, EventRecords};
use super::parked::{Parked, TryBudget};
use super::spec::EventType;
use crate::error::{Error, ErrorKind, Location};
use crate::event::Stack;
use crate::event::record::{Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, StackId, ThreadId, present};
use crate::limits;
use crate::sched::arena::Index;
use crate::sched::{OnThread, Sched, Step};
use crate::warning::Warnings;
use crate::wire::frontier::{Frontier, Head};
use crate::wire::header::Version;
use crate::wire::source::Source;

/// The number of events in a block. Larger blocks do not fit in the L1 cache. With smaller blocks, the loop is set up
/// too often.
const BLOCK: usize = 128;

#[derive(Debug)]
pub(super) struct Sequencer {
    pub generation: Generation,
    /// The cursor of each thread, in the order of `generation.threads`.
    cursors: Vec<Cursor>,
    frontier: Frontier,
    /// Threads whose events have to wait, if there are many.
    parked: Parked,
    pub try_budget: TryBudget,
    /// The number of calls of [`order::try_event`].
    #[cfg(test)]
    tries: u64,
    next_sample: usize,
    /// The time of the next sample, or the maximum if there are no more samples.
    next_sample_time: i64,
    pub sched: Sched,
    /// Ordered events. Events before `next` were returned. All events are of the same generation.
    block: Box<[Record; BLOCK]>,
    next: usize,
    len: usize,
    out: EventRecords,
    last_time: i64,
    pub syncs: u64,
    /// The number of ordered events. All of them are returned before an error that follows them.
    pub delivered: u64,
    /// The error that follows the current event on its thread.
    fault: Option<Fault>,
    pub warnings: Warnings,
    /// The number of generations that were started.
    pub generations: u64,
    /// The size of the largest generation in bytes.
    largest: u64,
    /// The number of records of the event that has just happened, which are not in the block yet.
    happened: u64,
}

/// The reason why ordering stops.
#[derive(Debug)]
pub(super) enum Fault {
    /// The next event of a thread cannot be read. The thread is no longer in the frontier.
    Unreadable {
        /// The number of the thread's cursor.
        cursor: usize,
        error: Error,
    },
    /// An event contradicts earlier events, or no event can happen.
    Disorder(Error),
}

impl Fault {
    pub fn into_error(self) -> Error {
        match self {
            Fault::Unreadable { error, .. } | Fault::Disorder(error) => error,
        }
    }
}

/// A function that is called for an error in an event that can still be delivered. It returns the error to stop, or
/// `Ok` to continue.
pub(super) type Tolerate<'a> = &'a mut dyn FnMut(Error) -> Result<(), Error>;

/// The reason why no more events are ordered.
#[derive(Debug)]
pub(super) enum Filled {
    /// The block is full.
    Block,
    /// The generation has no more events.
    GenerationDone,
}

/// The reason why a run of events of one thread ends.
enum Run {
    /// An event of another thread is earlier, or the block is full.
    Over,
    /// The next event needs [`order::try_event`]. The record reserved for it is unused.
    Stopped,
    /// The last event has happened, and its arguments have this length. The next event must be
    /// found by [`Cursor::advance`].
    Unfinished(usize),
}

/// The result of continuing after the events of a generation.
#[derive(Debug)]
pub(super) enum Next {
    /// Another generation. The current record is its Sync, or the gap before it.
    Generation,
    /// The end of the trace. The current record is the last Sync. An error may follow.
    LastSync(Option<Error>),
    /// No more records.
    Nothing,
}

/// Returns `time` if it is later than `last`, otherwise `last` plus a nanosecond.
#[inline(always)]
fn later(time: i64, last: i64) -> i64 {
    match time > last {
        true => time,
        false => last.saturating_add(1),
    }
}

impl Sequencer {
    pub fn new(generation: Generation) -> Self {
        Sequencer {
            generation,
            cursors: Vec::new(),
            frontier: Frontier::default(),
            parked: Parked::default(),
            try_budget: TryBudget::default(),
            #[cfg(test)]
            tries: 0,
            next_sample: 0,
            next_sample_time: i64::MAX,
            sched: Sched::default(),
            block: Box::new([Record::BLANK; BLOCK]),
            next: 0,
            len: 0,
            out: EventRecords::default(),
            last_time: 0,
            syncs: 0,
            delivered: 0,
            fault: None,
            warnings: Warnings::default(),
            generations: 0,
            largest: 0,
            happened: 0,
        }
    }

    /// Returns the number of ordered events that were not returned yet.
    pub fn ready(&self) -> u64 {
        self.len.saturating_sub(self.next) as u64
    }

    /// Returns whether there is an ordered event that was not returned yet.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.next < self.len
    }

    /// Returns the next event and the tables for its names. Requires [`is_ready`](Self::is_ready).
    #[inline(always)]
    pub fn deliver<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        let symbols = Symbols { window: source.window(), tables: &self.generation.tables, names: &self.sched.names };
        let record = &self.block[self.next % BLOCK];
        self.next += 1;
        (record, symbols)
    }

    /// Returns all ordered events that were not returned yet, and the tables for their names.
    pub fn take<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a [Record], Symbols<'a>) {
        let first = std::mem::replace(&mut self.next, self.len);
        let symbols = Symbols { window: source.window(), tables: &self.generation.tables, names: &self.sched.names };
        (self.block.get(first..self.len).unwrap_or_default(), symbols)
    }

    /// Starts a new block. All events of the previous block must have been returned.
    pub fn begin_block(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.next = 0;
        self.len = 0;
        self.check_limits(source.base())
    }

    /// Orders events until the block is full or the generation ends. Events before a fault are in
    /// the block.
    pub fn fill(&mut self, source: &Source<'_>, tolerate: Tolerate<'_>) -> Result<Filled, Fault> {
        while self.len < BLOCK {
            if let Some(pos) = self.order_frequent(source.window()) {
                let number = self.frontier.heads()[0].cursor as usize;
                self.finish(0, number, pos, source);
            }
            if self.len == BLOCK {
                break;
            }
            if self.is_done() {
                return Ok(Filled::GenerationDone);
            }
            self.produce(source, tolerate)?;
            self.append();
        }
        Ok(Filled::Block)
    }

    /// Returns whether all events of the generation are in a block.
    fn is_done(&self) -> bool {
        self.earliest().is_none()
            && !self.out.has_more()
            && self.next_sample == self.generation.samples.len()
            && self.fault.is_none()
    }

    /// Adds the current event to the block.
    pub fn append(&mut self) {
        let mut record = self.out.current;
        record.time = later(record.time, self.last_time);
        self.last_time = record.time;
        self.block[self.len] = record;
        self.len += 1;
        self.delivered += 1;
    }

    /// Discards all events of the generation that are not in a block.
    pub fn stop(&mut self) {
        self.fault = None;
        self.clear_heads();
        self.generation.samples.clear();
        self.go_to_sample(0);
    }

    /// Orders events as long as [`order::try_frequent`] is enough: the earliest event is of a
    /// frequent kind, can happen, and is not the last of its batch. If the last event has happened,
    /// but the next event of its thread must be found by [`Cursor::advance`], returns the position
    /// after its arguments.
    #[inline(never)]
    fn order_frequent(&mut self, window: &[u8]) -> Option<usize> {
        if self.out.has_more() || !self.parked.is_empty() || self.fault.is_some() {
            return None;
        }
        let frequency = self.generation.timebase(window).frequency;
        let tables = &self.generation.tables;
        let mut last_time = self.last_time;
        let mut len = self.len;
        let mut unfinished = None;
        let mut run = Run::Over;
        while matches!(run, Run::Over) && len < BLOCK {
            let Some(&head) = self.frontier.heads().first() else { break };
            let Some(cursor) = self.cursors.get_mut(head.cursor as usize) else { break };
            if self.next_sample_time < head.time {
                break;
            }
            let limit = self.frontier.limit().min(self.next_sample_time);
            let Some(mut on) = self.sched.on_thread(cursor.thread).filter(OnThread::has_proc) else { break };
            let Some(mut brief) = BriefCursor::new(cursor, window) else { break };
            // This is a run of events of this thread, until an event of another thread is earlier.
            let mut records = self.block[len..].iter_mut();
            run = loop {
                let Some(record) = records.next() else { break Run::Over };
                let Some(frame) = brief.frame() else { break Run::Stopped };
                let Some(args) = order::try_frequent(&mut on, tables, brief.code, frame, record) else {
                    break Run::Stopped;
                };
                record.thread = cursor.thread_id;
                record.time = later(brief.time, last_time);
                last_time = record.time;
                if !brief.step(args, frame, frequency) {
                    break Run::Unfinished(args);
                }
                if brief.time > limit {
                    break Run::Over;
                }
            };
            len = BLOCK - records.len() - usize::from(matches!(run, Run::Stopped));
            brief.end(cursor);
            if let Run::Unfinished(args) = run {
                unfinished = Some(cursor.args + args);
            }
            self.frontier.update(0, cursor.time);
        }
        self.delivered += (len - self.len) as u64;
        self.len = len;
        self.last_time = last_time;
        unfinished
    }

    /// Makes the next event the current event. There must be a next event.
    fn produce(&mut self, source: &Source<'_>, tolerate: Tolerate<'_>) -> Result<(), Fault> {
        if self.out.has_more() {
            self.out.next();
            return Ok(());
        }
        if let Some(fault) = self.fault.take() {
            return Err(self.after_delivered(fault));
        }
        let is_sample_due = self.earliest().is_none_or(|time| self.next_sample_time < time);
        if is_sample_due && let Some(sample) = self.generation.samples.get(self.next_sample).copied() {
            return self.deliver_sample(sample, source, tolerate).map_err(Fault::Disorder);
        }
        if !self.frontier.heads().is_empty() && self.try_advance(0, source, tolerate)? {
            return Ok(());
        }
        self.advance_another(source, tolerate)
    }

    /// Sets the event number of a fault that was found before earlier events were counted.
    fn after_delivered(&self, fault: Fault) -> Fault {
        let counted = |mut error: Error| {
            error.at.event = error.at.event.map(|_| self.delivered);
            error
        };
        match fault {
            Fault::Unreadable { cursor, error } => Fault::Unreadable { cursor, error: counted(error) },
            Fault::Disorder(error) => Fault::Disorder(counted(error)),
        }
    }

    /// Tries the event of the head with this index. Returns false if the event has to wait.
    fn try_advance(&mut self, i: usize, source: &Source<'_>, tolerate: Tolerate<'_>) -> Result<bool, Fault> {
        #[cfg(test)]
        {
            self.tries += 1;
        }
        let number = self.frontier.heads()[i].cursor as usize;
        let cursor = &self.cursors[number];
        let (event, args, pos) = match cursor.read(&self.generation.timebase(source.window())) {
            Ok(read) => read,
            Err(kind) => {
                let error = self.error(*kind, number, source);
                self.frontier.remove(i);
                return Err(Fault::Unreadable { cursor: number, error });
            }
        };
        let unknown = Cell::new(None);
        let attempt = Attempt { tables: &self.generation.tables, source, event, cursor, unknown: &unknown };
        // The event may wake parked threads.
        let before = (!self.parked.is_empty()).then(|| self.sched.context(cursor.thread));
        let step = order::try_event(&mut self.sched, attempt, args, &mut self.out);
        if let Some(unknown) = unknown.take() {
            tolerate(self.error(unknown.into(), number, source)).map_err(Fault::Disorder)?;
        }
        match step {
            Ok(Step::Done(())) => {}
            Ok(Step::Wait) => return Ok(false),
            Err(kind) => return Err(Fault::Disorder(self.error(*kind, number, source))),
        }
        if self.out.warning.is_some() {
            self.warn(number, source);
        }
        if self.generation.accepts > self.generation.version {
            self.check_since(event, number, source, tolerate).map_err(Fault::Disorder)?;
        }
        self.happened = self.out.len();
        self.finish(i, number, pos, source);
        self.happened = 0;
        if let Some(before) = before {
            self.wake_after(event, before, args);
        }
        Ok(true)
    }

    /// Checks that an event that has happened exists in the version of the trace.
    fn check_since(
        &self,
        event: EventType,
        number: usize,
        source: &Source<'_>,
        tolerate: Tolerate<'_>,
    ) -> Result<(), Error> {
        let since = event.spec().since;
        match since > self.generation.version {
            true => {
                let kind = ErrorKind::EventNotInVersion { event: event.name(), since: since.minor() };
                tolerate(self.error(kind, number, source))
            }
            false => Ok(()),
        }
    }

    /// Moves a cursor whose event has happened to its next event. If the next event cannot be read, the fault is
    /// reported after the event that has happened.
    fn finish(&mut self, i: usize, number: usize, pos: usize, source: &Source<'_>) {
        let cursor = &mut self.cursors[number];
        match cursor.advance(pos, &self.generation.timebase(source.window())) {
            Ok(true) => self.frontier.update(i, cursor.time),
            Ok(false) => self.frontier.remove(i),
            Err(kind) => {
                self.frontier.remove(i);
                let error = self.error(*kind, number, source);
                self.fault = Some(Fault::Unreadable { cursor: number, error });
            }
        }
    }

    /// Creates an error at the event of a cursor.
    #[cold]
    fn error(&self, kind: ErrorKind, number: usize, source: &Source<'_>) -> Error {
        Error { kind, at: self.location(number, source) }
    }

    fn location(&self, number: usize, source: &Source<'_>) -> Location {
        let cursor = &self.cursors[number];
        Location {
            offset: source.base() + cursor.at as u64,
            generation: Some(self.generation.number),
            thread: present(cursor.thread_id).map(ThreadId),
            event: Some(self.delivered + self.happened),
        }
    }

    #[cold]
    fn warn(&mut self, number: usize, source: &Source<'_>) {
        let at = self.location(number, source);
        let Some(kind) = self.out.warning.take() else { return };
        let Record { go, stack, .. } = self.out.current;
        let symbols = Symbols { window: source.window(), tables: &self.generation.tables, names: &self.sched.names };
        self.warnings.add(kind, present(go).map(GoId), at, Stack::new(stack, symbols).frames());
    }

    fn go_to_sample(&mut self, index: usize) {
        self.next_sample = index;
        self.next_sample_time = self.generation.samples.get(index).map_or(i64::MAX, |sample| sample.time);
    }

    fn deliver_sample(&mut self, sample: Sample, source: &Source<'_>, tolerate: Tolerate<'_>) -> Result<(), Error> {
        self.go_to_sample(self.next_sample + 1);
        if !self.generation.tables.has_stack(sample.stack) {
            let at = Location {
                offset: source.base() + sample.at as u64,
                generation: Some(self.generation.number),
                thread: present(sample.thread).map(ThreadId),
                event: Some(self.delivered),
            };
            tolerate(Error { kind: ErrorKind::UnknownStack { id: StackId(sample.stack) }, at })?;
        }
        let Sample { time, thread, proc, go, stack, .. } = sample;
        self.out.current = Record { what: What::StackSample, time, thread, proc, go, stack, ..Record::BLANK };
        Ok(())
    }

    /// Starts the events of the generation. [`begin_thread`](Self::begin_thread) must follow for
    /// each of its threads.
    pub fn open(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.sched.begin_generation(self.generation.number);
        self.check_carried(source.base())?;
        self.go_to_sample(0);
        self.cursors.clear();
        self.clear_heads();
        Ok(())
    }

    /// Puts the first event of the next thread into the frontier.
    pub fn begin_thread(&mut self, number: usize, source: &Source<'_>) -> Result<(), Fault> {
        let thread = self.generation.threads[number];
        let index = match present(thread.id) {
            Some(id) => self.sched.thread(id),
            None => Index::NONE,
        };
        self.cursors.push(Cursor::new(index, thread.id, thread.first));
        self.resume(number, 0, source)
    }

    /// Puts the event of a cursor at this position into the frontier, if the thread has more events.
    pub fn resume(&mut self, number: usize, pos: usize, source: &Source<'_>) -> Result<(), Fault> {
        let cursor = &mut self.cursors[number];
        match cursor.advance(pos, &self.generation.timebase(source.window())) {
            Ok(true) => self.frontier.insert(Head { time: cursor.time, cursor: number as u32 }),
            Ok(false) => {}
            Err(kind) => {
                let error = self.error(*kind, number, source);
                return Err(Fault::Unreadable { cursor: number, error });
            }
        }
        Ok(())
    }

    /// Makes the Sync of the generation the current event. All of its threads must have been
    /// started.
    pub fn begin_generation(&mut self) {
        self.try_budget.begin(self.frontier.heads().len(), self.delivered);
        self.generations += 1;
        let start = self.generation.start().unwrap_or(self.last_time);
        self.sync(start, true);
    }

    /// Makes the last Sync the current event.
    pub fn close(&mut self) {
        self.cursors.clear();
        self.stop();
        self.sync(self.last_time, false);
    }

    fn sync(&mut self, time: i64, has_tables: bool) {
        self.syncs += 1;
        self.out.current = Record {
            what: What::Sync,
            time,
            a: self.syncs,
            b: u64::from(has_tables),
            thread: NONE,
            text: Symbol::Empty,
            ..Record::BLANK
        };
    }

    /// Puts a Gap before the current Sync.
    pub fn put_gap_first(&mut self) {
        let sync = self.out.current;
        let time = if self.syncs == 1 { sync.time.saturating_sub(1) } else { self.last_time };
        self.out.current = Record { what: What::Gap, time, ..Record::BLANK };
        *self.out.push_copy() = sync;
    }

    /// Adds a warning that the trace may be incomplete, if it is older than Go 1.26: older traces have no record that
    /// marks their end.
    pub fn warn_of_end(&mut self, source: &Source<'_>) {
        if self.generation.version < Version::Go126 {
            self.warnings.add_end(Location { offset: source.base(), ..Location::default() });
        }
    }

    /// Returns the cursors of the threads in the frontier.
    pub fn unfinished(&self) -> impl Iterator<Item = &Cursor> {
        self.frontier.heads().iter().filter_map(|head| self.cursors.get(head.cursor as usize))
    }

    pub fn cursor(&self, number: usize) -> &Cursor {
        &self.cursors[number]
    }

    /// Returns the number of CPU samples that were not delivered.
    pub fn samples_left(&self) -> u64 {
        self.generation.samples.len().saturating_sub(self.next_sample) as u64
    }

    /// Checks that the numbers of live goroutines, Ps, tasks and regions are within the limits.
    fn check_limits(&self, offset: u64) -> Result<(), Error> {
        let limits = &self.generation.limits;
        let live = self.sched.live();
        let checked = limits::check("goroutines", live.goroutines, limits.goroutines)
            .and_then(|()| limits::check("Ps", live.procs, limits.procs))
            .and_then(|()| limits::check("open tasks", live.tasks, limits.tasks))
            .and_then(|()| limits::check("open regions", live.regions, limits.regions));
        checked.map_err(|kind| self.error_here(kind, offset))
    }

    /// Checks that the memory that is carried over to the next generation is within its limit.
    fn check_carried(&mut self, offset: u64) -> Result<(), Error> {
        /// A goroutine takes about eighty bytes of memory, and its status takes at least six bytes in each generation.
        /// So goroutines alone do not exceed the limit.
        const FACTOR: u64 = 16;
        let limit = self.generation.limits.carried_bytes.saturating_add(self.largest.saturating_mul(FACTOR));
        self.largest = self.largest.max(self.generation.len as u64);
        limits::check("bytes carried over to the next generation", self.sched.bytes(), limit)
            .map_err(|kind| self.error_here(kind, offset))
    }

    /// Creates an error of the generation as a whole.
    fn error_here(&self, kind: ErrorKind, offset: u64) -> Error {
        let generation = (self.generation.number != 0).then_some(self.generation.number);
        let at = Location { offset, generation, thread: None, event: Some(self.delivered) };
        Error { kind, at }
    }
}
