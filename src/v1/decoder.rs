//! From bytes to ordered events.
//!
//! 1. Walk the file: batches by P, tables, CPU samples, ends of system calls.
//! 2. Merge the Ps' events by what they wait for and by time.
//! 3. Put the CPU samples and the ends of system calls in by their times.
//! 4. Check each event against what is known, and make it an event of the typed model.
//!
//! The first event is a Sync a nanosecond before all others, the last one a nanosecond after. Every other event is
//! later than the one before: equal times are pushed apart by a nanosecond.

use super::convert::{Converter, Place};
use super::cursor::Cursor;
use super::goroutine::Proc;
use super::scan::{Fault, Found, MAX_RECORD, Sample, Scan};
use super::spec;
use super::syscall::Exit;
use crate::error::{Error, ErrorKind, Flaw, Location, StuckHead, Warning, WarningKind};
use crate::event::record::{Change, Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, ProcId, present};
use crate::pdqsort;
use crate::sched::Step;
use crate::time::Time;
use crate::wire::header::Version;
use crate::wire::source::Source;

/// How many warnings are kept; the rest are counted.
const MAX_WARNINGS: usize = 1000;

/// How much of the file is read before the walk goes on.
const READ_AHEAD: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Decoder {
    version: Version,
    found: Found,
    lanes: Vec<Lane>,
    /// The P whose events come next,
    current: Option<u32>,
    /// as long as they are before this time.
    limit: u64,
    /// Whether its event has happened, and the next one is to be read.
    is_stale: bool,
    /// The time of the merge, in ticks.
    ticks: u64,
    next_sample: usize,
    next_exit: usize,
    clock: Clock,
    converter: Converter,
    syncs: u64,
    /// How many events were made.
    made: u64,
    stage: Stage,
    /// Due after the events that were made before it came up.
    pending: Option<Error>,
    warnings: Vec<Warning>,
    warning_count: u64,
}

/// A P and its events.
#[derive(Debug)]
struct Lane {
    cursor: Cursor,
    proc: Proc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is read yet.
    Unread,
    /// Its first event is known, and the Sync before it out.
    Going,
    Ended,
}

/// Ticks to nanoseconds since the first event.
#[derive(Clone, Copy, Debug)]
struct Clock {
    start: u64,
    nanos_per_tick: f64,
}

/// 2⁶³: the first f64 that no `i64` holds.
const I64_LIMIT: f64 = 9_223_372_036_854_775_808.0;

impl Clock {
    /// As the reference computes it (`parser.go`, `parse`).
    #[inline(always)]
    fn nanos(self, ticks: u64) -> Option<i64> {
        // A difference of times fits in 63 bits, and those a processor converts faster.
        let nanos = ticks.wrapping_sub(self.start) as i64 as f64 * self.nanos_per_tick;
        (nanos < I64_LIMIT).then_some(nanos as i64)
    }
}

/// Where the next event comes from.
#[derive(Clone, Copy)]
enum Next {
    Merge(u32),
    Exit(Exit),
    Sample(Sample),
    End,
}

impl Decoder {
    pub fn new(version: Version) -> Self {
        Decoder {
            version,
            found: Found::default(),
            lanes: Vec::new(),
            current: None,
            limit: 0,
            is_stale: false,
            ticks: 0,
            next_sample: 0,
            next_exit: 0,
            clock: Clock { start: 0, nanos_per_tick: 0.0 },
            converter: Converter::new(version),
            syncs: 0,
            made: 0,
            stage: Stage::Unread,
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
        let Converter { world, out, .. } = &self.converter;
        let symbols = Symbols { window: source.window(), tables: &self.found.tables, names: &world.names };
        (out.current(), symbols)
    }

    /// Makes the next event current; false at the end.
    #[inline(always)]
    pub fn advance(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match self.converter.out.deliver() {
            true => Ok(true),
            false => self.refill(source),
        }
    }

    /// Makes another block of events, and the first of it current.
    #[inline(never)]
    fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        self.made += self.converter.out.clear();
        match self.stage {
            Stage::Unread => self.open(source)?,
            Stage::Going => {
                self.pending = match self.pending.take() {
                    None => self.fill(source).err(),
                    pending => pending,
                }
            }
            Stage::Ended => return Ok(false),
        }
        match self.converter.out.deliver() {
            true => Ok(true),
            false => self.pending.take().map_or(Ok(false), Err),
        }
    }

    /// Reads the file and delivers the first Sync.
    fn open(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        self.walk(source)?;
        self.prepare(source)?;
        self.stage = Stage::Going;
        self.clock.start = match self.choose() {
            Next::Merge(row) => self.lanes[row as usize].cursor.event.ticks,
            Next::Exit(exit) => exit.ticks(),
            Next::Sample(sample) => sample.ticks,
            // Without any events there is but one Sync.
            Next::End => return self.end(source),
        };
        self.sync(-1, true);
        Ok(())
    }

    /// Reads the whole file and walks over it. The walk goes along with the reading, so that what is no trace is not read on and on.
    fn walk(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let mut scan = Scan::new(spec::minor(self.version));
        loop {
            let wanted = scan.pos().saturating_add(MAX_RECORD + READ_AHEAD);
            let has_more = source
                .fill(wanted)
                .map_err(|error| Error { kind: error.into(), at: location(source, source.window().len()) })?;
            let window = source.window();
            let until = match has_more {
                true => window.len() - MAX_RECORD,
                false => window.len(),
            };
            scan.walk(window, until).map_err(|fault| broken(source, fault))?;
            if !has_more {
                break;
            }
        }
        if scan.pos() == 0 {
            return Err(Error { kind: ErrorKind::EmptyTrace, at: location(source, 0) });
        }
        self.found = scan.finish();
        Ok(())
    }

    /// Puts all that was found in order, and each P's first event into the merge.
    fn prepare(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let end = location(source, source.window().len());
        let rate = self.found.ticks_per_second.ok_or(ErrorKind::BadFrequency(Flaw::Missing));
        let rate = rate.map_err(|kind| Error { kind, at: end })?;
        self.clock.nanos_per_tick = 1e9 / rate as f64;
        self.found.tables.check_frames().map_err(|kind| Error { kind, at: end })?;
        pdqsort::sort_by_key(&mut self.found.samples, |sample| sample.ticks as i64);
        self.found.exits.sort_unstable();
        // All bits set stand for the P of no number, which is -1 to the reference and comes first.
        self.found.rows.sort_unstable_by_key(|row| row.proc as i64);

        let world = &mut self.converter.world;
        world.timers = std::mem::take(&mut self.found.timers);
        for (row, batches) in (0..).zip(&self.found.rows) {
            let mut cursor = Cursor::new(*batches, spec::minor(self.version));
            match cursor.step(source.window(), &self.found.batches) {
                Ok(true) => world.merge.enter(cursor.event.ticks, row),
                Ok(false) => {}
                Err(kind) => return Err(broken(source, Fault { kind, at: cursor.pos() })),
            }
            self.lanes.push(Lane { cursor, proc: Proc::new(batches.proc) });
        }
        Ok(())
    }

    /// Makes a block of events.
    fn fill(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let window = source.window();
        while self.converter.out.has_room() {
            if self.converter.has_listed() {
                self.converter.state_listed();
                continue;
            }
            if self.is_stale {
                self.settle(window, source)?;
            }
            match self.current {
                Some(row) if self.lanes[row as usize].cursor.event.ticks < self.limit => {
                    self.merged(row, window, source)?;
                }
                _ => match self.choose() {
                    Next::Merge(row) => self.merged(row, window, source)?,
                    Next::Exit(exit) => self.exit(exit, source)?,
                    Next::Sample(sample) => self.sample(sample, source)?,
                    Next::End if self.converter.out.waiting() > 0 => return Ok(()),
                    Next::End => return self.end(source),
                },
            }
        }
        Ok(())
    }

    /// Reads on where the last event came from, and wakes who waited for it.
    #[inline(always)]
    fn settle(&mut self, window: &[u8], source: &Source<'_>) -> Result<(), Error> {
        self.is_stale = false;
        let Some(row) = self.current else { return Ok(()) };
        let cursor = &mut self.lanes[row as usize].cursor;
        match cursor.step(window, &self.found.batches) {
            Ok(true) => {}
            Ok(false) => self.current = None,
            Err(kind) => {
                let at = cursor.pos();
                return Err(self.fault(*kind, at, source));
            }
        }
        if self.converter.world.merge.has_moved() {
            self.wake(row);
        }
        Ok(())
    }

    #[inline(never)]
    fn wake(&mut self, current: u32) {
        let world = &mut self.converter.world;
        for row in world.merge.wake(&mut world.gos) {
            world.merge.enter(self.lanes[row as usize].cursor.event.ticks, row);
        }
        self.limit = self.limit.min(world.merge.limit(current));
    }

    /// Chooses what comes next: the earliest, of equal times the end of a system call, then an event of a P, then a sample.
    #[inline(never)]
    fn choose(&mut self) -> Next {
        let merge = &mut self.converter.world.merge;
        if let Some(row) = self.current.take() {
            merge.enter(self.lanes[row as usize].cursor.event.ticks, row);
        }
        let exit = self.found.exits.get(self.next_exit);
        let sample = self.found.samples.get(self.next_sample);
        let first = merge.first();
        let sampled = sample.filter(|sample| first.is_none_or(|(ticks, _)| sample.ticks < ticks));
        let ticks = sampled.map(|sample| sample.ticks).or(first.map(|(ticks, _)| ticks));
        if let Some(exit) = exit
            && exit.before() <= ticks.unwrap_or(u64::MAX)
        {
            return Next::Exit(*exit);
        }
        if let Some(sample) = sampled {
            return Next::Sample(*sample);
        }
        let Some((_, row)) = first else { return Next::End };
        merge.take_first();
        self.current = Some(row);
        let exit_at = exit.map_or(u64::MAX, |exit| exit.before());
        let sample_at = sample.map_or(u64::MAX, |sample| sample.ticks + 1);
        self.limit = merge.limit(row).min(exit_at).min(sample_at);
        Next::Merge(row)
    }

    /// Lets the event of the current P happen, if it can.
    #[inline(always)]
    fn merged(&mut self, row: u32, window: &[u8], source: &Source<'_>) -> Result<(), Error> {
        let Lane { cursor, proc } = &mut self.lanes[row as usize];
        let (ticks, last) = (cursor.event.ticks, self.ticks);
        let Some(time) = self.clock.nanos(ticks) else {
            return Err(self.fault_in(row, ErrorKind::TimestampOverflow, source));
        };
        // The events of a trace whose times contradict their order have none.
        if ticks < last {
            return Err(self.fault_in(row, ErrorKind::TimeOrder { last, found: ticks }, source));
        }
        self.ticks = ticks;
        let samples = self.found.samples.get(self.next_sample..).unwrap_or_default();
        let place = Place { window, found: &self.found, samples, cursor, time };
        match self.converter.convert(&cursor.event, proc, place) {
            Ok(Step::Done(())) => {
                self.is_stale = true;
                if self.converter.warning.is_some() {
                    self.warn(row, source);
                }
                Ok(())
            }
            Ok(Step::Wait) => {
                self.current = None;
                let world = &mut self.converter.world;
                world.merge.park(&mut world.gos, row);
                Ok(())
            }
            Err(kind) => Err(self.fault_in(row, *kind, source)),
        }
    }

    #[cold]
    fn fault_in(&self, row: u32, kind: ErrorKind, source: &Source<'_>) -> Error {
        self.fault(kind, self.lanes[row as usize].cursor.event.at, source)
    }

    fn exit(&mut self, exit: Exit, source: &Source<'_>) -> Result<(), Error> {
        self.next_exit += 1;
        let time = self.time(exit.ticks(), source)?;
        self.converter.exit_syscall(exit, time).map_err(|kind| self.fault(*kind, 0, source))
    }

    fn sample(&mut self, sample: Sample, source: &Source<'_>) -> Result<(), Error> {
        self.next_sample += 1;
        let Sample { ticks, proc, go, stack } = sample;
        if std::mem::replace(&mut self.ticks, ticks) > ticks {
            return Err(self.fault(ErrorKind::TimeOrder { last: self.ticks, found: ticks }, 0, source));
        }
        let time = self.time(ticks, source)?;
        let stack = if self.found.tables.has_stack(stack) { stack } else { 0 };
        self.converter.sample(proc, go, stack, time);
        Ok(())
    }

    fn time(&self, ticks: u64, source: &Source<'_>) -> Result<i64, Error> {
        self.clock.nanos(ticks).ok_or_else(|| self.fault(ErrorKind::TimestampOverflow, 0, source))
    }

    /// Delivers the last Sync, if all events are.
    #[cold]
    fn end(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let parked = self.converter.world.merge.parked();
        let heads: Vec<_> = parked.map(|(row, waits_for)| self.stuck(row as usize, waits_for, source)).collect();
        if let Some(first) = heads.iter().min_by_key(|head| head.offset) {
            let at = Location {
                offset: first.offset,
                event: Some(self.made + self.converter.out.waiting()),
                ..Location::default()
            };
            return Err(Error { kind: ErrorKind::StuckFrontier(heads), at });
        }
        self.stage = Stage::Ended;
        self.sync(self.converter.out.last_time().saturating_add(1), false);
        Ok(())
    }

    fn stuck(&self, row: usize, waits_for: String, source: &Source<'_>) -> StuckHead {
        let Lane { cursor, proc } = &self.lanes[row];
        let event = &cursor.event;
        StuckHead {
            thread: None,
            proc: present(proc.id).map(ProcId),
            event: event.event.name(),
            time: Time(self.clock.nanos(event.ticks).unwrap_or(0)),
            offset: source.base() + event.at as u64,
            waits_for,
        }
    }

    fn sync(&mut self, time: i64, has_tables: bool) {
        self.syncs += 1;
        self.converter.out.sync(Record {
            what: What::Sync,
            change: Change::None,
            time,
            a: self.syncs,
            b: u64::from(has_tables),
            text: Symbol::Empty,
            ..Record::BLANK
        });
    }

    #[cold]
    fn warn(&mut self, row: u32, source: &Source<'_>) {
        let Some(kind): Option<WarningKind> = self.converter.warning.take() else { return };
        self.warning_count += 1;
        if self.warnings.len() < MAX_WARNINGS {
            let go = present(self.converter.out.last().go).map(GoId);
            let at = Location {
                event: Some(self.made + self.converter.out.waiting()),
                ..location(source, self.lanes[row as usize].cursor.event.at)
            };
            self.warnings.push(Warning { kind, go, at });
        }
    }

    /// An error at a place in the window.
    #[cold]
    fn fault(&self, kind: ErrorKind, at: usize, source: &Source<'_>) -> Error {
        Error { kind, at: Location { event: Some(self.made + self.converter.out.waiting()), ..location(source, at) } }
    }
}

fn location(source: &Source<'_>, at: usize) -> Location {
    Location { offset: source.base() + at as u64, ..Location::default() }
}

#[cold]
fn broken(source: &Source<'_>, fault: Fault) -> Error {
    Error { kind: *fault.kind, at: location(source, fault.at) }
}

const _: () = assert!(NONE as i64 == -1);
