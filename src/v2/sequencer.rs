//! Puts the events of one generation in order.
//!
//! 1. Put each thread's first event into the frontier, a heap by time.
//! 2. Try to let the earliest event happen. If the scheduler does not allow it yet, sort the frontier and try the others
//!    in order of time: the first that can happen, does.
//! 3. Read the next event of the thread whose event happened, and put it in its place.
//! 4. A CPU sample goes before the event that is first when it is due.
//!
//! Steps 2 and 3 are taken for a block of events at a time, and within it in runs: one thread's events follow each other
//! until another's is due. A block ends with its generation, since its records refer to the generation's tables.
//!
//! If no event can happen, the trace is broken. Every event is later than the last: equal times are pushed apart by
//! a nanosecond. The steps are those of Go's `src/internal/trace/reader.go`.
//!
//! Where the generation comes from, and what to do about a [`Fault`], is up to the caller.

mod waiting;

use std::cell::Cell;

use super::cursor::{Cursor, Stride};
use super::frontier::{Frontier, Head};
use super::generation::{Generation, Sample};
use super::order::{self, Attempt, Outbox};
use super::parked::{Parked, Patience};
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
use crate::wire::header::Version;
use crate::wire::source::Source;

/// How many events are ordered at a time: enough for the loop to keep what it needs at hand, few enough to stay in the
/// first-level cache.
const BLOCK: usize = 128;

#[derive(Debug)]
pub(super) struct Sequencer {
    pub generation: Generation,
    /// By cursor number.
    cursors: Vec<Cursor>,
    frontier: Frontier,
    /// Those of the frontier that can't go on, if they are many.
    parked: Parked,
    pub patience: Patience,
    /// How often an event was tried on the long way.
    #[cfg(test)]
    tries: u64,
    next_sample: usize,
    /// Its time, or the end of time.
    next_sample_time: i64,
    pub sched: Sched,
    /// Ordered events, of which those before `next` were delivered. All are of the same generation.
    block: Box<[Record; BLOCK]>,
    next: usize,
    len: usize,
    out: Outbox,
    last_time: i64,
    pub syncs: u64,
    /// How many events were ordered: all are delivered before an error that comes after them.
    pub delivered: u64,
    /// What is wrong with the event that would come next on the current one's thread.
    fault: Option<Fault>,
    pub warnings: Warnings,
    /// How many generations were delivered, or begun.
    pub generations: u64,
    /// The bytes of the largest.
    largest: u64,
    /// How many records the event gave that has just happened: they are not in the block yet.
    happened: u64,
}

/// Why the events can't go on.
#[derive(Debug)]
pub(super) enum Fault {
    /// A thread's next event can't be read. The thread has left the frontier.
    Unreadable {
        /// The number of its cursor.
        cursor: usize,
        error: Error,
    },
    /// An event contradicts those before it, or none can be next.
    Disorder(Error),
}

impl Fault {
    pub fn into_error(self) -> Error {
        match self {
            Fault::Unreadable { error, .. } | Fault::Disorder(error) => error,
        }
    }
}

/// Decides about an error in an event that can be delivered all the same: returns it to stop there, or `Ok` to go on.
pub(super) type Tolerate<'a> = &'a mut dyn FnMut(Error) -> Result<(), Error>;

/// Why no more events were ordered.
#[derive(Debug)]
pub(super) enum Filled {
    /// The block is full.
    Block,
    /// The generation has no more events.
    GenerationDone,
}

/// Why a run of one M's events ends.
enum Run {
    /// Another M's is due, or the block is full.
    Over,
    /// The next one has to go the long way: its record is free again.
    Stopped,
    /// The last one has happened, and the end of its arguments is so far from their beginning, but what follows it has to be
    /// found the long way.
    Unfinished(usize),
}

/// What follows the events of a generation.
#[derive(Debug)]
pub(super) enum Next {
    /// Another generation: its Sync, perhaps after a gap, is the current record.
    Generation,
    /// The trace is over: the last Sync is the current record. An error may be due after it.
    LastSync(Option<Error>),
    /// Nothing at all.
    Nothing,
}

/// A time after the last one: equal or earlier times are pushed a nanosecond after it.
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
            patience: Patience::default(),
            #[cfg(test)]
            tries: 0,
            next_sample: 0,
            next_sample_time: i64::MAX,
            sched: Sched::default(),
            block: Box::new([Record::BLANK; BLOCK]),
            next: 0,
            len: 0,
            out: Outbox::default(),
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

    /// How many events are ordered and not delivered yet.
    pub fn ready(&self) -> u64 {
        self.len.saturating_sub(self.next) as u64
    }

    /// Whether the next event is ordered already.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.next < self.len
    }

    /// The next event, which is ready, and where its names are.
    #[inline(always)]
    pub fn deliver<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        let symbols = Symbols { window: source.window(), tables: &self.generation.tables, names: &self.sched.names };
        let record = &self.block[self.next % BLOCK];
        self.next += 1;
        (record, symbols)
    }

    /// All events that are ordered already, and where their names are.
    pub fn take<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a [Record], Symbols<'a>) {
        let first = std::mem::replace(&mut self.next, self.len);
        let symbols = Symbols { window: source.window(), tables: &self.generation.tables, names: &self.sched.names };
        (self.block.get(first..self.len).unwrap_or_default(), symbols)
    }

    /// Begins a new block, once all of the last one is delivered.
    pub fn begin_block(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.next = 0;
        self.len = 0;
        self.check_limits(source.base())
    }

    /// Orders events until the block is full or the generation has no more. After a fault, those before it are in the block.
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

    /// Whether all events of the generation are in a block.
    fn is_done(&self) -> bool {
        self.earliest().is_none()
            && !self.out.has_more()
            && self.next_sample == self.generation.samples.len()
            && self.fault.is_none()
    }

    /// Puts the current event into the block.
    pub fn append(&mut self) {
        let mut record = self.out.current;
        record.time = later(record.time, self.last_time);
        self.last_time = record.time;
        self.block[self.len] = record;
        self.len += 1;
        self.delivered += 1;
    }

    /// Forgets all events of the generation that are not in the block.
    pub fn stop(&mut self) {
        self.fault = None;
        self.clear_heads();
        self.generation.samples.clear();
        self.go_to_sample(0);
    }

    /// Orders events as nearly all can be ordered: the earliest one is of a frequent kind, can happen, and its thread has
    /// another in the same batch. Stops at the first event of which this is not so: if that event has happened and only
    /// its thread's next one is yet to be found, returns the end of its arguments.
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
            let Some(mut stride) = Stride::new(cursor, window) else { break };
            // One M's events until another's is due: they come in runs.
            let mut records = self.block[len..].iter_mut();
            run = loop {
                let Some(record) = records.next() else { break Run::Over };
                let Some(frame) = stride.frame() else { break Run::Stopped };
                let Some(args) = order::frequent(&mut on, tables, stride.code, frame, record) else {
                    break Run::Stopped;
                };
                record.thread = cursor.thread_id;
                record.time = later(stride.time, last_time);
                last_time = record.time;
                if !stride.step(args, frame, frequency) {
                    break Run::Unfinished(args);
                }
                if stride.time > limit {
                    break Run::Over;
                }
            };
            len = BLOCK - records.len() - usize::from(matches!(run, Run::Stopped));
            stride.end(cursor);
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

    /// Makes the next event the current one, whatever it takes. There must be one.
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

    /// A fault was found before the events in front of it were counted.
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

    /// Lets the event of the head at `i` happen, if it can.
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
        // Whom this event may wake.
        let before = (!self.parked.is_empty()).then(|| self.sched.context(cursor.thread));
        let step = order::order(&mut self.sched, attempt, args, &mut self.out);
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

    /// An event that has happened must be in the trace's version.
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

    /// Goes to the next event of a cursor whose event has happened. A fault there is due after that.
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

    /// An error at the event of a cursor.
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

    /// Begins to order the generation's events. Each of its threads is to be begun then.
    pub fn open(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.sched.begin_generation(self.generation.number);
        self.check_carried(source.base())?;
        self.go_to_sample(0);
        self.cursors.clear();
        self.clear_heads();
        Ok(())
    }

    /// Puts the first event of the generation's next thread into the frontier.
    pub fn begin_thread(&mut self, number: usize, source: &Source<'_>) -> Result<(), Fault> {
        let thread = self.generation.threads[number];
        let index = match present(thread.id) {
            Some(id) => self.sched.thread(id),
            None => Index::NONE,
        };
        self.cursors.push(Cursor::new(index, thread.id, thread.first));
        self.resume(number, 0, source)
    }

    /// Puts the event of a cursor that is at `pos` into the frontier, if it has one.
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

    /// Makes the Sync current with which the generation begins, once all of its threads are begun.
    pub fn begin_generation(&mut self) {
        self.patience.begin(self.frontier.heads().len(), self.delivered);
        self.generations += 1;
        let start = self.generation.start().unwrap_or(self.last_time);
        self.sync(start, true);
    }

    /// Makes the last Sync current.
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

    /// Puts a gap before the Sync that is current.
    pub fn put_gap_first(&mut self) {
        let sync = self.out.current;
        let time = if self.syncs == 1 { sync.time.saturating_sub(1) } else { self.last_time };
        self.out.current = Record { what: What::Gap, time, ..Record::BLANK };
        *self.out.copy() = sync;
    }

    /// Before Go 1.26 an end proves nothing.
    pub fn warn_of_end(&mut self, source: &Source<'_>) {
        if self.generation.version < Version::Go126 {
            self.warnings.add_end(Location { offset: source.base(), ..Location::default() });
        }
    }

    /// The threads in the frontier.
    pub fn unfinished(&self) -> impl Iterator<Item = &Cursor> {
        self.frontier.heads().iter().filter_map(|head| self.cursors.get(head.cursor as usize))
    }

    pub fn cursor(&self, number: usize) -> &Cursor {
        &self.cursors[number]
    }

    /// How many CPU samples are not delivered yet.
    pub fn samples_left(&self) -> u64 {
        self.generation.samples.len().saturating_sub(self.next_sample) as u64
    }

    /// Compares what is alive with the limits.
    fn check_limits(&self, offset: u64) -> Result<(), Error> {
        let limits = &self.generation.limits;
        let live = self.sched.live();
        let checked = limits::check("goroutines", live.goroutines, limits.goroutines)
            .and_then(|()| limits::check("Ps", live.procs, limits.procs))
            .and_then(|()| limits::check("open tasks", live.tasks, limits.tasks))
            .and_then(|()| limits::check("open regions", live.regions, limits.regions));
        checked.map_err(|kind| self.error_here(kind, offset))
    }

    /// Compares what is taken from one generation into the next with its limit.
    fn check_carried(&mut self, offset: u64) -> Result<(), Error> {
        /// A goroutine takes some eighty bytes, and six at the least in each generation.
        const FACTOR: u64 = 16;
        let limit = self.generation.limits.carried_bytes.saturating_add(self.largest.saturating_mul(FACTOR));
        self.largest = self.largest.max(self.generation.len as u64);
        limits::check("bytes that live on in the next generation", self.sched.bytes(), limit)
            .map_err(|kind| self.error_here(kind, offset))
    }

    /// An error in the generation as a whole.
    fn error_here(&self, kind: ErrorKind, offset: u64) -> Error {
        let generation = (self.generation.number != 0).then_some(self.generation.number);
        let at = Location { offset, generation, thread: None, event: Some(self.delivered) };
        Error { kind, at }
    }
}
