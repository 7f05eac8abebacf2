//! From batches to ordered events.
//!
//! 1. Read a generation: its batches, by M, and its tables.
//! 2. Put each M's first event into the frontier, a heap by time.
//! 3. Try to let the earliest event happen. If the scheduler does not allow it yet, sort the frontier and try the others
//!    in order of time: the first that can happen, does.
//! 4. Read the next event of the M whose event happened, and put it in its place.
//! 5. A CPU sample goes before the event that is first when it is due.
//! 6. When all Ms are done, go to 1.
//!
//! Steps 3 and 4 are taken for a block of events at a time, and within it in runs: one M's events follow each other until
//! another's is due. A block ends with its generation, since its records refer to the generation's tables.
//!
//! If no event can happen, the trace is broken. Every event is later than the last: equal times are pushed apart by
//! a nanosecond. The steps are those of Go's `src/internal/trace/reader.go`.

mod lenient;
mod waiting;

use std::cell::Cell;

use super::cursor::{Cursor, Stride};
use super::frontier::{Frontier, Head};
use super::generation::{Generation, Loaded, Sample};
use super::order::{self, Outbox, Place};
use super::parked::{Parked, Patience};
use crate::account::{Account, GenerationInfo, Ledger, Tally};
use crate::error::{Error, ErrorKind, Location};
use crate::event::Stack;
use crate::event::record::{Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, StackId, ThreadId, present};
use crate::limits::Mode;
use crate::sched::arena::Index;
use crate::sched::{OnThread, Sched, Step};
use crate::warning::{Warning, Warnings};
use crate::wire::header::Version;
use crate::wire::source::Source;

/// How many events are ordered at a time: enough for the loop to keep what it needs at hand, few enough to stay in the
/// first-level cache.
const BLOCK: usize = 128;

#[derive(Debug)]
pub(crate) struct Decoder {
    version: Version,
    generation: Generation,
    /// By cursor number.
    cursors: Vec<Cursor>,
    frontier: Frontier,
    /// Those of the frontier that can't go on, if they are many.
    parked: Parked,
    patience: Patience,
    /// How often an event was tried on the long way.
    #[cfg(test)]
    tries: u64,
    next_sample: usize,
    /// Its time, or the end of time.
    next_sample_time: i64,
    sched: Sched,
    /// Ordered events, of which those before `next` were delivered. All are of the same generation.
    block: Box<[Record; BLOCK]>,
    next: usize,
    len: usize,
    out: Outbox,
    last_time: i64,
    syncs: u64,
    /// How many events were ordered: all are delivered before an error that comes behind them.
    delivered: u64,
    stage: Stage,
    /// What is wrong with the event that would come next on the current one's M.
    fault: Option<Error>,
    /// Found while reading a generation that is whole enough to be delivered first.
    pending: Option<Error>,
    warnings: Warnings,
    /// How many generations were delivered, or begun.
    generations: u64,
    /// The bytes of the largest.
    largest: u64,
    ledger: Ledger,
    /// Which head of the frontier the last error is of, if it is one of its batch and nothing else.
    faulty: Option<usize>,
    /// How many records the event gave that has just happened: they are not in the block yet.
    happened: u64,
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

#[derive(Debug)]
enum Stage {
    /// Before the first generation or in one.
    Reading,
    /// The last Sync is out, and then this error is due.
    Failing(Error),
    Ended,
}

/// A time after the last one: equal or earlier times are pushed a nanosecond behind it.
#[inline(always)]
fn later(time: i64, last: i64) -> i64 {
    match time > last {
        true => time,
        false => last.saturating_add(1),
    }
}

impl Decoder {
    pub fn new(version: Version, mode: Mode) -> Self {
        Decoder {
            version,
            generation: Generation::new(version, mode),
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
            stage: Stage::Reading,
            fault: None,
            pending: None,
            warnings: Warnings::default(),
            generations: 0,
            largest: 0,
            ledger: Ledger::default(),
            faulty: None,
            happened: 0,
        }
    }

    /// What was read and lost so far.
    pub fn account(&self, source: &Source<'_>) -> Account<'_> {
        let Ledger { lost, trailing, .. } = self.ledger;
        let (faults, fault_count) = self.ledger.faults();
        let passed = source.base() + self.generation.len as u64;
        let read = Tally {
            bytes: passed.saturating_sub(lost.bytes).saturating_sub(trailing),
            batches: self.batches().saturating_sub(lost.batches),
            generations: self.generations,
            events: self.delivered - self.len.saturating_sub(self.next) as u64,
        };
        Account { read, lost, trailing, faults, fault_count }
    }

    /// The generation in hand.
    pub fn generation(&self, source: &Source<'_>) -> Option<GenerationInfo> {
        let Generation { number, len, total_batches, earlier_batches, ref threads, .. } = self.generation;
        (number != 0).then_some(GenerationInfo {
            number,
            offset: source.base(),
            bytes: len as u64,
            batches: total_batches - earlier_batches,
            threads: threads.len() as u64,
        })
    }

    pub fn warnings(&self) -> (&[Warning], u64) {
        self.warnings.get()
    }

    /// How many batches were read.
    pub fn batches(&self) -> u64 {
        self.generation.total_batches
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

    /// Once all of the block is delivered, orders events until it is full or the generation ends; false at the end.
    #[inline(never)]
    pub fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        self.next = 0;
        self.len = 0;
        self.check_limits(source.base())?;
        while self.len < BLOCK {
            if let Some(pos) = self.order_frequent(source.window()) {
                let number = self.frontier.heads()[0].cursor as usize;
                self.finish(0, number, pos, source);
            }
            // What is delivered may refer to the generation's tables, so those stay until it is.
            if self.len == BLOCK || self.len > 0 && self.is_generation_done() {
                break;
            }
            match self.produce(source) {
                Ok(true) => self.append_current(),
                Ok(false) => break,
                Err(error) if self.generation.mode.lenient && !lenient::is_final(&error) => self.recover(error, source),
                Err(error) if self.len == 0 => return Err(error),
                Err(error) => {
                    self.fail_later(error);
                    break;
                }
            }
        }
        Ok(self.len > 0)
    }

    fn is_generation_done(&self) -> bool {
        self.earliest().is_none() && !self.out.has_more() && self.next_sample == self.generation.samples.len()
    }

    fn append_current(&mut self) {
        let mut record = self.out.current;
        record.time = later(record.time, self.last_time);
        self.last_time = record.time;
        self.block[self.len] = record;
        self.len += 1;
        self.delivered += 1;
    }

    /// Keeps an error until what came before it is delivered.
    #[cold]
    fn fail_later(&mut self, error: Error) {
        self.fault = Some(error);
        self.clear_heads();
        self.generation.samples.clear();
        self.go_to_sample(0);
    }

    /// Takes the way that nearly all events go: the earliest one is of a frequent kind, can happen, and its M has another
    /// in the same batch. Stops at the first event of which this is not so: if that event has happened and only its M's
    /// next one is yet to be found, gives the end of its arguments.
    #[inline(never)]
    fn order_frequent(&mut self, window: &[u8]) -> Option<usize> {
        if self.out.has_more() || !self.parked.is_empty() {
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

    /// Makes the next event the current one, whatever it takes; false at the end.
    fn produce(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        if self.out.has_more() {
            self.out.next();
            return Ok(true);
        }
        if let Some(mut fault) = self.fault.take() {
            // It was found before the event in front of it was counted.
            fault.at.event = fault.at.event.map(|_| self.delivered);
            return Err(fault);
        }
        match self.earliest() {
            Some(time) if self.next_sample_time >= time => {}
            _ => return self.advance_without_events(source),
        }
        if !self.frontier.heads().is_empty() && self.try_advance(0, source)? {
            return Ok(true);
        }
        self.advance_another(source)
    }

    fn advance_without_events(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match self.generation.samples.get(self.next_sample).copied() {
            Some(sample) => self.deliver_sample(sample, source),
            None => self.next_generation(source),
        }
    }

    /// Lets the event of the head at `i` happen, if it can.
    fn try_advance(&mut self, i: usize, source: &Source<'_>) -> Result<bool, Error> {
        #[cfg(test)]
        {
            self.tries += 1;
        }
        let number = self.frontier.heads()[i].cursor as usize;
        let cursor = &self.cursors[number];
        let (event, args, pos) = match cursor.read(&self.generation.timebase(source.window())) {
            Ok(read) => read,
            Err(kind) => {
                self.faulty = Some(i);
                return Err(self.error(*kind, number, source));
            }
        };
        let unknown = Cell::new(None);
        let is_lenient = self.generation.mode.lenient;
        let place =
            Place { tables: &self.generation.tables, source, event, cursor, unknown: is_lenient.then_some(&unknown) };
        // Whom this event may wake.
        let before = (!self.parked.is_empty()).then(|| self.sched.context(cursor.thread));
        match order::order(&mut self.sched, place, args, &mut self.out) {
            Ok(Step::Done(())) => {}
            Ok(Step::Wait) => return Ok(false),
            Err(kind) => {
                let error = self.error(*kind, number, source);
                return Err(self.reason_for(error));
            }
        }
        if self.out.warning.is_some() {
            self.warn(number, source);
        }
        if is_lenient {
            self.note_oddities(event, unknown.take(), number, source);
        }
        self.happened = self.out.len();
        self.finish(i, number, pos, source);
        self.happened = 0;
        if let Some(before) = before {
            self.wake_after(event, before, args);
        }
        Ok(true)
    }

    /// Goes to the next event of a cursor whose event has happened. A fault there is due after that.
    fn finish(&mut self, i: usize, number: usize, pos: usize, source: &Source<'_>) {
        let cursor = &mut self.cursors[number];
        match cursor.advance(pos, &self.generation.timebase(source.window())) {
            Ok(true) => self.frontier.update(i, cursor.time),
            Ok(false) => self.frontier.remove(i),
            Err(kind) => self.finish_faulty(i, number, *kind, source),
        }
    }

    #[cold]
    fn finish_faulty(&mut self, i: usize, number: usize, kind: ErrorKind, source: &Source<'_>) {
        let error = self.error(kind, number, source);
        if !self.generation.mode.lenient {
            return self.fail_later(error);
        }
        match self.advance_over(number, error, source) {
            Ok(true) => self.frontier.update(i, self.cursors[number].time),
            Ok(false) => self.frontier.remove(i),
            Err(error) => self.abandon(error, source),
        }
    }

    /// Where the file is cut, that is the reason for a standstill and for what the tables lack.
    fn reason_for(&mut self, error: Error) -> Error {
        match error.kind {
            ErrorKind::StuckFrontier(_) | ErrorKind::UnknownString { .. } | ErrorKind::UnknownStack { .. } => {
                self.pending.take().unwrap_or(error)
            }
            _ => error,
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

    fn deliver_sample(&mut self, sample: Sample, source: &Source<'_>) -> Result<bool, Error> {
        self.go_to_sample(self.next_sample + 1);
        if !self.generation.tables.has_stack(sample.stack) {
            let at = Location {
                offset: source.base() + sample.at as u64,
                generation: Some(self.generation.number),
                thread: present(sample.thread).map(ThreadId),
                event: Some(self.delivered),
            };
            let kind = ErrorKind::UnknownStack { id: StackId(sample.stack) };
            let error = Error { kind, at };
            if !self.generation.mode.lenient {
                return Err(self.reason_for(error));
            }
            self.note_unknown(error);
        }
        let Sample { time, thread, proc, go, stack, .. } = sample;
        self.out.current = Record { what: What::StackSample, time, thread, proc, go, stack, ..Record::BLANK };
        Ok(true)
    }

    /// Reads on after the last event of a generation.
    fn next_generation(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        if self.generation.mode.lenient {
            return self.next_sound_generation(source);
        }
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Reading => {}
            Stage::Failing(error) => return Err(error),
            Stage::Ended => return Ok(false),
        }
        if let Some(error) = self.pending.take() {
            return Ok(self.close(Stage::Failing(error)));
        }
        source.release(self.generation.len);
        match self.generation.load(source, self.generation.number) {
            Ok(Loaded::Whole) => {}
            Ok(Loaded::Cut(error)) => self.pending = Some(error),
            Ok(Loaded::End) if self.syncs == 0 => {
                let at = Location { offset: source.base(), ..Location::default() };
                return Err(Error { kind: ErrorKind::EmptyTrace, at });
            }
            Ok(Loaded::End) => {
                self.warn_of_end(source);
                return Ok(self.close(Stage::Ended));
            }
            Err(error) => return Ok(self.close(Stage::Failing(error))),
        }
        self.stage = Stage::Reading;
        self.open(source)?;
        Ok(true)
    }

    /// Fills the frontier and delivers the generation's Sync.
    fn open(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.sched.begin_generation(self.generation.number);
        self.check_carried(source.base())?;
        self.go_to_sample(0);
        self.cursors.clear();
        self.clear_heads();
        for number in 0..self.generation.threads.len() {
            let thread = self.generation.threads[number];
            let index = match present(thread.id) {
                Some(id) => self.sched.thread(id),
                None => Index::NONE,
            };
            self.cursors.push(Cursor::new(index, thread.id, thread.first));
            let there = match self.cursors[number].advance(0, &self.generation.timebase(source.window())) {
                Ok(there) => there,
                Err(kind) => {
                    let error = self.error(*kind, number, source);
                    self.advance_over(number, error, source)?
                }
            };
            if there {
                let time = self.cursors[number].time;
                self.frontier.insert(Head { time, cursor: number as u32 });
            }
        }
        self.patience.begin(self.frontier.heads().len(), self.delivered);
        self.generations += 1;
        let start = self.generation.start().unwrap_or(self.last_time);
        self.sync(start, true);
        Ok(())
    }

    /// Delivers the last Sync; what is due after it is the stage.
    fn close(&mut self, stage: Stage) -> bool {
        self.stage = stage;
        self.cursors.clear();
        self.generation.samples.clear();
        self.go_to_sample(0);
        self.sync(self.last_time, false);
        true
    }

    /// Before Go 1.26 an end proves nothing.
    fn warn_of_end(&mut self, source: &Source<'_>) {
        if self.version < Version::Go126 {
            self.warnings.add_end(Location { offset: source.base(), ..Location::default() });
        }
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
}
