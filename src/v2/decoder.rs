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
//! If no event can happen, the trace is broken. Every event is later than the last: equal times are pushed apart by
//! a nanosecond. The steps are those of Go's `src/internal/trace/reader.go`.

use super::cursor::{Cursor, Fault};
use super::frontier::{Frontier, Head};
use super::generation::{Generation, Loaded, Sample};
use super::order::{self, Outbox, Place};
use crate::error::{Error, ErrorKind, Location, StuckHead, Warning};
use crate::event::record::{Change, Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, StackId, ThreadId, present};
use crate::sched::arena::Index;
use crate::sched::{Sched, Step};
use crate::time::Time;
use crate::wire::header::Version;
use crate::wire::source::Source;

/// How many warnings are kept; the rest are counted.
const MAX_WARNINGS: usize = 1000;

#[derive(Debug)]
pub(crate) struct Decoder {
    version: Version,
    generation: Generation,
    /// By cursor number.
    cursors: Vec<Cursor>,
    frontier: Frontier,
    next_sample: usize,
    sched: Sched,
    out: Outbox,
    last_time: i64,
    syncs: u64,
    delivered: u64,
    stage: Stage,
    /// Found while reading a generation that is whole enough to be delivered first.
    pending: Option<Error>,
    warnings: Vec<Warning>,
    warning_count: u64,
}

#[derive(Debug)]
enum Stage {
    /// Before the first generation or in one.
    Reading,
    /// The last Sync is out, and then this error is due.
    Failing(Error),
    Ended,
}

impl Decoder {
    pub fn new(version: Version) -> Self {
        Decoder {
            version,
            generation: Generation::default(),
            cursors: Vec::new(),
            frontier: Frontier::default(),
            next_sample: 0,
            sched: Sched::default(),
            out: Outbox::default(),
            last_time: 0,
            syncs: 0,
            delivered: 0,
            stage: Stage::Reading,
            pending: None,
            warnings: Vec::new(),
            warning_count: 0,
        }
    }

    pub fn warnings(&self) -> (&[Warning], u64) {
        (&self.warnings, self.warning_count)
    }

    /// The event that [`advance`](Self::advance) made current, and where its names are.
    #[inline(always)]
    pub fn current<'a>(&'a self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        let symbols = Symbols { window: source.window(), tables: &self.generation.tables, names: &self.sched.names };
        (self.out.current(), symbols)
    }

    /// Makes the next event current; false at the end.
    #[inline]
    pub fn advance(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        if self.out.is_empty() && !self.produce(source)? {
            return Ok(false);
        }
        let record = self.out.deliver();
        record.time = record.time.max(self.last_time.saturating_add(1));
        self.last_time = record.time;
        self.delivered += 1;
        Ok(true)
    }

    /// Puts at least one record into the outbox; false at the end.
    #[inline(always)]
    fn produce(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        let Some(head) = self.frontier.heads().first().copied() else {
            return self.produce_without_events(source);
        };
        if let Some(sample) = self.generation.samples.get(self.next_sample)
            && sample.time < head.time
        {
            let sample = *sample;
            return self.deliver_sample(sample, source);
        }
        if self.try_advance(0, source)? {
            return Ok(true);
        }
        self.advance_another(source)
    }

    #[cold]
    fn produce_without_events(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match self.generation.samples.get(self.next_sample).copied() {
            Some(sample) => self.deliver_sample(sample, source),
            None => self.next_generation(source),
        }
    }

    /// Lets the event of the head at `i` happen, if it can.
    #[inline(always)]
    fn try_advance(&mut self, i: usize, source: &Source<'_>) -> Result<bool, Error> {
        let window = source.window();
        let number = self.frontier.heads()[i].cursor as usize;
        let cursor = &mut self.cursors[number];
        let place =
            Place { tables: &self.generation.tables, window, thread: cursor.thread, thread_id: cursor.thread_id };
        match order::order(&mut self.sched, place, cursor.event(), &mut self.out) {
            Ok(Step::Done(())) => {}
            Ok(Step::Wait) => return Ok(false),
            Err(kind) => return Err(self.fault(*kind, number, source)),
        }
        if self.out.warning.is_some() {
            self.warn(number, source);
        }
        let cursor = &mut self.cursors[number];
        if cursor.step() {
            self.frontier.update(i, cursor.event().time);
            return Ok(true);
        }
        self.refill(i, number, source)?;
        Ok(true)
    }

    /// Decodes on where the cursor of the head at `i` has come to the end of what is decoded.
    #[inline(never)]
    fn refill(&mut self, i: usize, number: usize, source: &Source<'_>) -> Result<(), Error> {
        let cursor = &mut self.cursors[number];
        match cursor.refill(self.generation.timebase(source.window(), self.version)) {
            Ok(true) => self.frontier.update(i, cursor.event().time),
            Ok(false) => self.frontier.remove(i),
            Err(fault) => return Err(self.undecodable(fault, number, source)),
        }
        Ok(())
    }

    #[cold]
    fn undecodable(&self, fault: Fault, number: usize, source: &Source<'_>) -> Error {
        let at = Location { offset: source.base() + fault.at as u64, ..self.location(number, source) };
        Error { kind: *fault.kind, at }
    }

    /// The earliest event has to wait for another M's.
    #[cold]
    fn advance_another(&mut self, source: &Source<'_>) -> Result<bool, Error> {
        self.frontier.sort();
        for i in 1..self.frontier.heads().len() {
            if self.try_advance(i, source)? {
                return Ok(true);
            }
        }
        Err(self.stuck(source))
    }

    /// A file that is cut has a reason for standing still that is better than the standing still.
    fn stuck(&mut self, source: &Source<'_>) -> Error {
        if let Some(pending) = self.pending.take() {
            return pending;
        }
        let heads: Vec<Head> = self.frontier.heads().to_vec();
        let first = heads[0].cursor as usize;
        let heads = heads.iter().map(|head| self.stuck_head(head.cursor as usize, source)).collect();
        self.fault(ErrorKind::StuckFrontier(heads), first, source)
    }

    fn stuck_head(&mut self, number: usize, source: &Source<'_>) -> StuckHead {
        let cursor = &self.cursors[number];
        let (event, waits_for) = order::explain(&mut self.sched, cursor.thread, cursor.event());
        StuckHead {
            thread: present(cursor.thread_id).map(ThreadId),
            proc: None,
            event,
            time: Time(cursor.event().time),
            offset: source.base() + cursor.event().at as u64,
            waits_for,
        }
    }

    /// An error at the event of a cursor.
    #[cold]
    fn fault(&self, kind: ErrorKind, number: usize, source: &Source<'_>) -> Error {
        Error { kind, at: self.location(number, source) }
    }

    fn location(&self, number: usize, source: &Source<'_>) -> Location {
        let cursor = &self.cursors[number];
        Location {
            offset: source.base() + cursor.event().at as u64,
            generation: Some(self.generation.number),
            thread: present(cursor.thread_id).map(ThreadId),
            event: Some(self.delivered),
        }
    }

    #[cold]
    fn warn(&mut self, number: usize, source: &Source<'_>) {
        let at = self.location(number, source);
        let Some(kind) = self.out.warning.take() else { return };
        self.warning_count += 1;
        if self.warnings.len() < MAX_WARNINGS {
            let go = present(self.out.next_record().go).map(GoId);
            self.warnings.push(Warning { kind, go, at });
        }
    }

    fn deliver_sample(&mut self, sample: Sample, source: &Source<'_>) -> Result<bool, Error> {
        self.next_sample += 1;
        if !self.generation.tables.has_stack(sample.stack) {
            let at = Location {
                offset: source.base() + sample.at as u64,
                generation: Some(self.generation.number),
                thread: present(sample.thread).map(ThreadId),
                event: Some(self.delivered),
            };
            return Err(Error { kind: ErrorKind::UnknownStack { id: StackId(sample.stack) }, at });
        }
        let Sample { time, thread, proc, go, stack, .. } = sample;
        *self.out.start() = Record { what: What::StackSample, time, thread, proc, go, stack, ..Record::BLANK };
        Ok(true)
    }

    /// Reads on after the last event of a generation.
    fn next_generation(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Reading => {}
            Stage::Failing(error) => return Err(error),
            Stage::Ended => return Ok(false),
        }
        if let Some(error) = self.pending.take() {
            return Ok(self.close(Stage::Failing(error)));
        }
        source.release(self.generation.len);
        match self.generation.load(source, self.version, self.generation.number) {
            Ok(Loaded::Whole) => {}
            Ok(Loaded::Cut(error)) => self.pending = Some(error),
            Ok(Loaded::End) if self.syncs == 0 => {
                let at = Location { offset: source.base(), ..Location::default() };
                return Err(Error { kind: ErrorKind::EmptyTrace, at });
            }
            Ok(Loaded::End) => return Ok(self.close(Stage::Ended)),
            Err(error) => return Ok(self.close(Stage::Failing(error))),
        }
        self.stage = Stage::Reading;
        self.open(source)?;
        Ok(true)
    }

    /// Fills the frontier and delivers the generation's Sync.
    fn open(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.sched.begin_generation(self.generation.number);
        self.next_sample = 0;
        self.cursors.clear();
        self.frontier.clear();
        let base = self.generation.timebase(source.window(), self.version);
        for (number, thread) in self.generation.threads.iter().enumerate() {
            let index = match present(thread.id) {
                Some(id) => self.sched.thread(id),
                None => Index::NONE,
            };
            self.cursors.push(Cursor::new(index, thread.id, thread.first));
            match self.cursors[number].refill(base) {
                Ok(true) => {
                    let time = self.cursors[number].event().time;
                    self.frontier.insert(Head { time, cursor: number as u32 });
                }
                Ok(false) => {}
                Err(fault) => return Err(self.undecodable(fault, number, source)),
            }
        }
        let start = self.generation.start().unwrap_or(self.last_time);
        self.sync(start, true);
        Ok(())
    }

    /// Delivers the last Sync; what is due after it is the stage.
    fn close(&mut self, stage: Stage) -> bool {
        self.stage = stage;
        self.cursors.clear();
        self.generation.samples.clear();
        self.next_sample = 0;
        self.sync(self.last_time, false);
        true
    }

    fn sync(&mut self, time: i64, has_tables: bool) {
        self.syncs += 1;
        *self.out.start() = Record {
            what: What::Sync,
            change: Change::None,
            time,
            a: self.syncs,
            b: u64::from(has_tables),
            thread: NONE,
            text: Symbol::Empty,
            ..Record::BLANK
        };
    }
}
