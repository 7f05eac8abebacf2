//! From bytes to ordered events.
//!
//! 1. Walk the file: batches by P, tables, CPU samples, ends of system calls.
//! 2. Merge the Ps' events by what they wait for and by time.
//! 3. Put the CPU samples and the ends of system calls in by their times.
//! 4. Check each event against what is known, and make it an event of the typed model.
//!
//! The first event is a Sync a nanosecond before all others, the last one a nanosecond after. Every other event is
//! later than the one before: equal times are pushed apart by a nanosecond.

mod lenient;
mod limits;

use super::clock::Clock;
use super::convert::{self, Converter, Given, Place};
use super::cursor::Cursor;
use super::found::{Fault, Found, Sample, Unknown};
use super::goroutine::Proc;
use super::moves::{Stop, Surroundings};
use super::outbox::Outbox;
use super::parse::MAX_RECORD;
use super::scan::Scan;
use super::spec::{self, EventType};
use super::syscall::Exit;
use crate::account::{Account, Ledger, Tally};
use crate::error::{Error, ErrorKind, Flaw, Location, StuckHead};
use crate::event::Stack;
use crate::event::record::{Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, ProcId, present};
use crate::limits::Mode;
use crate::sched::Step;
use crate::time::Time;
use crate::warning::{Warning, Warnings};
use crate::wire::header::Version;
use crate::wire::source::Source;

/// How much of the file is read before the walk goes on.
const READ_AHEAD: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Decoder {
    version: Version,
    found: Found,
    lanes: Vec<Lane>,
    /// The time of the merge, in ticks.
    ticks: u64,
    /// An event of the merge from this time on comes after a sample or the end of a system call.
    horizon: u64,
    next_sample: usize,
    next_exit: usize,
    clock: Clock,
    converter: Converter,
    out: Outbox,
    syncs: u64,
    /// How many events were made.
    made: u64,
    stage: Stage,
    /// Due after the events that were made before it came up.
    pending: Option<Error>,
    warnings: Warnings,
    mode: Mode,
    ledger: Ledger,
    /// How many bytes the walk went over, those lost in it included.
    walked: u64,
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
    /// Lenient reading gives up: a gap, and then the last Sync.
    AtGap,
    Closing,
    Ended,
}

/// Where the next event comes from.
#[derive(Clone, Copy)]
enum Next {
    /// From this P, as long as its events are before a time.
    Merge {
        row: u32,
        ticks: u64,
        until: u64,
    },
    Exit(Exit),
    Sample(Sample),
    /// From no P: the time of the earliest event, which is this one's, does not fit.
    Overflow(u32),
    End,
}

impl Decoder {
    pub fn new(version: Version, mode: Mode) -> Self {
        Decoder {
            version,
            found: Found::default(),
            lanes: Vec::new(),
            ticks: 0,
            horizon: 0,
            next_sample: 0,
            next_exit: 0,
            clock: Clock { start: 0, end: u64::MAX, nanos_per_tick: 0.0 },
            converter: Converter::new(version),
            out: Outbox::default(),
            syncs: 0,
            made: 0,
            stage: Stage::Unread,
            pending: None,
            warnings: Warnings::default(),
            mode,
            ledger: Ledger::default(),
            walked: 0,
        }
    }

    /// How many batches were read.
    pub fn batches(&self) -> u64 {
        self.found.batches.len() as u64
    }

    /// What was read and lost so far.
    pub fn account(&self, source: &Source<'_>) -> Account<'_> {
        let Ledger { lost, trailing, .. } = self.ledger;
        let (faults, fault_count) = self.ledger.faults();
        let read = Tally {
            bytes: (source.base() + self.walked).saturating_sub(lost.bytes).saturating_sub(trailing),
            batches: self.batches().saturating_sub(lost.batches),
            generations: 0,
            events: self.made + self.out.delivered(),
        };
        Account { read, lost, trailing, faults, fault_count }
    }

    pub fn warnings(&self) -> (&[Warning], u64) {
        self.warnings.get()
    }

    /// Whether the next event is made already.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.out.is_ready()
    }

    /// The next event, which is ready, and where its names are.
    #[inline(always)]
    pub fn deliver<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        let names = &self.converter.world.names;
        (self.out.deliver(), Symbols { window: source.window(), tables: &self.found.tables, names })
    }

    /// All events that are made already, and where their names are.
    pub fn take<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a [Record], Symbols<'a>) {
        let names = &self.converter.world.names;
        (self.out.take(), Symbols { window: source.window(), tables: &self.found.tables, names })
    }

    /// Once all of the block is delivered, makes another one of events; false at the end.
    #[inline(never)]
    pub fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        self.made += self.out.clear();
        self.check_live(source)?;
        match self.stage {
            Stage::Unread if self.mode.lenient => self.open_leniently(source)?,
            Stage::Unread => self.open(source)?,
            Stage::Going if self.mode.lenient => self.fill_leniently(source),
            Stage::AtGap => self.gap(),
            Stage::Closing => self.close(),
            Stage::Going => {
                self.pending = match self.pending.take() {
                    None => self.fill(source).err(),
                    pending => pending,
                }
            }
            Stage::Ended => return Ok(false),
        }
        match self.out.is_ready() {
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
            Next::Merge { ticks, .. } => ticks,
            Next::Exit(exit) => exit.ticks(),
            Next::Sample(sample) => sample.ticks,
            Next::Overflow(row) => return Err(self.overflow(row, source)),
            // Without any events there is but one Sync.
            Next::End => return self.end(source),
        };
        self.clock.end = self.clock.end();
        self.set_horizon();
        self.sync(-1, true);
        Ok(())
    }

    /// Reads the whole file and walks over it. The walk goes along with the reading, so that what is no trace is not
    /// read on and on.
    fn walk(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let mut scan = Scan::new(spec::minor(self.version), self.mode.lenient);
        loop {
            let wanted = scan.pos().saturating_add(MAX_RECORD + READ_AHEAD);
            let has_more = source
                .fill(wanted)
                .map_err(|error| Error { kind: error.into(), at: location(source, source.window().len()) })?;
            let window = source.window();
            limits::check_walk(&scan, window.len(), &self.mode)
                .map_err(|kind| Error { kind, at: location(source, scan.pos()) })?;
            let until = match has_more {
                true => window.len() - MAX_RECORD,
                false => window.len(),
            };
            scan.walk(window, until).map_err(|fault| broken(source, fault))?;
            if !has_more {
                break;
            }
        }
        limits::check_walk(&scan, source.window().len(), &self.mode)
            .map_err(|kind| Error { kind, at: location(source, scan.pos()) })?;
        self.walked = scan.pos() as u64;
        if scan.pos() == 0 {
            return Err(Error { kind: ErrorKind::EmptyTrace, at: location(source, 0) });
        }
        self.found = scan.finish();
        Ok(())
    }

    /// Puts all that was found in order, and each P's first event into the merge.
    fn prepare(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let end = location(source, source.window().len() - self.ledger.trailing as usize);
        let rate = match self.found.ticks_per_second {
            Some(rate) => rate,
            None => self.refuse(ErrorKind::BadFrequency(Flaw::Missing), end, NANOS)?,
        };
        self.clock.nanos_per_tick = 1e9 / rate as f64;
        if let Err(kind) = self.found.tables.seal() {
            self.refuse(kind, end, ())?;
        }
        self.found.sort_samples();
        self.found.exits.sort_unstable();
        // All bits set stand for the P of no number, which is -1 to the reference and comes first.
        self.found.rows.sort_unstable_by_key(|row| row.proc as i64);

        let world = &mut self.converter.world;
        world.timers = std::mem::take(&mut self.found.timers);
        for (row, batches) in (0..).zip(&self.found.rows) {
            let mut cursor = Cursor::new(*batches);
            cursor.look(source.window(), &self.found.batches).map_err(|fault| broken(source, fault))?;
            if let Some(event) = cursor.event() {
                world.merge.enter(event.ticks, row);
            }
            self.lanes.push(Lane { cursor, proc: Proc::new(batches.proc) });
        }
        self.set_horizon();
        Ok(())
    }

    /// Makes a block of events.
    fn fill(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let window = source.window();
        while self.out.has_room() {
            if self.converter.has_listed() {
                self.converter.state_listed(&mut self.out);
                continue;
            }
            match self.choose() {
                Next::Merge { row, until, .. } => self.run(row, until, window, source)?,
                Next::Exit(exit) => self.exit(exit, source)?,
                Next::Sample(sample) => self.sample(sample, source)?,
                Next::Overflow(row) => return Err(self.overflow(row, source)),
                Next::End if self.out.waiting() > 0 => return Ok(()),
                Next::End => return self.end(source),
            }
        }
        Ok(())
    }

    /// Chooses what comes next: the earliest, of equal times the end of a system call, then an event of a P, then a
    /// sample.
    #[inline(always)]
    fn choose(&self) -> Next {
        let merge = &self.converter.world.merge;
        match merge.first() {
            Some((ticks, row)) if ticks < self.horizon => {
                Next::Merge { row, ticks, until: merge.limit(row).min(self.horizon) }
            }
            first => self.choose_other(first),
        }
    }

    /// The same where the horizon is reached.
    #[inline(never)]
    fn choose_other(&self, first: Option<(u64, u32)>) -> Next {
        let exit = self.found.exits.get(self.next_exit);
        let sample = self.found.samples.get(self.next_sample);
        let first_sample = sample.filter(|sample| first.is_none_or(|(ticks, _)| sample.ticks < ticks));
        match (exit, first_sample) {
            (Some(exit), Some(sample)) if exit.before() > sample.ticks => Next::Sample(*sample),
            (Some(exit), _) => Next::Exit(*exit),
            (None, Some(sample)) => Next::Sample(*sample),
            (None, None) => first.map_or(Next::End, |(_, row)| Next::Overflow(row)),
        }
    }

    fn set_horizon(&mut self) {
        let exit = self.found.exits.get(self.next_exit).map_or(u64::MAX, |exit| exit.before());
        let sample = self.found.samples.get(self.next_sample).map_or(u64::MAX, |sample| sample.ticks + 1);
        self.horizon = exit.min(sample).min(self.clock.end);
    }

    /// Makes the events of the first P that are before all others.
    #[inline(always)]
    fn run(&mut self, row: u32, mut until: u64, window: &[u8], source: &Source<'_>) -> Result<(), Error> {
        let Lane { cursor, proc } = &mut self.lanes[row as usize];
        let place = Place { window, found: &self.found, samples: self.next_sample };
        let mut last = self.ticks;
        let mut news = None;
        let next = loop {
            let around = Surroundings { window, tables: &self.found.tables, clock: self.clock, until, from: last };
            let (records, last_time) = self.out.room();
            let walk = cursor.walk();
            let (made, why) = self.converter.run(walk, proc, records, last_time, around);
            last = if made > 0 { walk.ticks } else { last };
            self.out.fill(made);
            if let Stop::Due(ticks) = why {
                break Some(ticks);
            }
            if let Err(fault) = cursor.look(window, &self.found.batches) {
                self.ticks = last;
                return Err(self.fault(*fault.kind, fault.at, source));
            }
            let Some(event) = cursor.event() else { break None };
            let ticks = event.ticks;
            if ticks >= until || !self.out.has_room() {
                break Some(ticks);
            }
            // The events of a trace whose times contradict their order have none.
            if ticks < last {
                let (kind, at) = (ErrorKind::TimeOrder { last, found: ticks }, event.at);
                return Err(self.fault(kind, at, source));
            }
            last = ticks;
            let time = self.out.time(self.clock.nanos(ticks));
            match self.converter.convert(event, time, (proc, cursor), &place, self.out.next()) {
                Ok(Step::Done(Given::Event)) => self.out.push(time),
                Ok(Step::Done(Given::Nothing)) => {}
                Ok(Step::Done(given)) => {
                    self.out.push(time);
                    convert::second(given, time + 1, self.out.repeat());
                    self.out.push(time + 1);
                }
                Ok(Step::Wait) => {
                    let world = &mut self.converter.world;
                    world.merge.park(&mut world.gos, ticks);
                    world.merge.admit();
                    self.ticks = last;
                    return Ok(());
                }
                Err(kind) => {
                    let at = event.at;
                    return Err(self.fault(*kind, at, source));
                }
            }
            let at = event.at;
            cursor.step();
            let world = &mut self.converter.world;
            if world.merge.has_moved() {
                until = until.min(world.merge.wake(&mut world.gos, row));
            }
            if self.converter.has_news {
                (news, until) = stop(at);
            }
        };
        self.ticks = last;
        let merge = &mut self.converter.world.merge;
        merge.replace_first(next);
        merge.admit();
        match news {
            Some(at) => self.hear_news(at, source),
            None => Ok(()),
        }
    }

    /// Keeps the warning that the event gave, if it did.
    #[cold]
    fn hear_news(&mut self, at: usize, source: &Source<'_>) -> Result<(), Error> {
        self.converter.has_news = false;
        let Some(kind) = self.converter.warning.take() else { return self.check_live(source) };
        let Record { go, stack, .. } = *self.out.last();
        // The event is among those that wait to be delivered.
        let before = self.made + self.out.waiting() - 1;
        let at = Location { event: Some(before), ..location(source, at) };
        let names = &self.converter.world.names;
        let symbols = Symbols { window: source.window(), tables: &self.found.tables, names };
        self.warnings.add(kind, present(go).map(GoId), at, Stack::new(stack, symbols).frames());
        Ok(())
    }

    fn exit(&mut self, exit: Exit, source: &Source<'_>) -> Result<(), Error> {
        self.next_exit += 1;
        self.set_horizon();
        let time = self.time(exit.ticks(), exit.at, source)?;
        self.converter
            .exit_syscall(EventType::GoSysExit, exit.go, time, self.out.next())
            .map_err(|kind| self.fault(*kind, exit.at, source))?;
        self.out.push(time);
        Ok(())
    }

    fn sample(&mut self, sample: Sample, source: &Source<'_>) -> Result<(), Error> {
        self.next_sample += 1;
        self.set_horizon();
        let Sample { ticks, proc, go, mut stack, at } = sample;
        let last = std::mem::replace(&mut self.ticks, ticks);
        if last > ticks {
            return Err(self.fault(ErrorKind::TimeOrder { last, found: ticks }, at, source));
        }
        let time = self.time(ticks, at, source)?;
        if !self.found.tables.has_stack(stack) {
            let unknown = self.found.lacks(Unknown::Stack(stack), at, ());
            unknown.map_err(|kind| self.fault(*kind, at, source))?;
            stack = 0;
        }
        convert::sample(proc, go, stack, time, self.out.next());
        self.out.push(time);
        Ok(())
    }

    fn time(&self, ticks: u64, at: usize, source: &Source<'_>) -> Result<i64, Error> {
        match ticks < self.clock.end {
            true => Ok(self.out.time(self.clock.nanos(ticks))),
            false => Err(self.fault(ErrorKind::TimestampOverflow, at, source)),
        }
    }

    /// The time of a P's next event does not fit.
    #[cold]
    fn overflow(&mut self, row: u32, source: &Source<'_>) -> Error {
        let cursor = &mut self.lanes[row as usize].cursor;
        match cursor.look(source.window(), &self.found.batches) {
            Ok(_) => {
                let at = cursor.event().map_or(0, |event| event.at);
                self.fault(ErrorKind::TimestampOverflow, at, source)
            }
            Err(fault) => self.fault(*fault.kind, fault.at, source),
        }
    }

    /// Delivers the last Sync, if all events are.
    #[cold]
    fn end(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let parked = self.converter.world.merge.parked();
        let heads: Vec<_> = parked.filter_map(|(row, waits_for)| self.stuck(row as usize, waits_for, source)).collect();
        if let Some(first) = heads.iter().min_by_key(|head| head.offset) {
            let at =
                Location { offset: first.offset, event: Some(self.made + self.out.waiting()), ..Location::default() };
            return Err(Error { kind: ErrorKind::StuckFrontier(heads), at });
        }
        if self.ledger.open_break.is_some() {
            self.give_up();
            return Ok(());
        }
        // Where something follows the trace, that is told of its end.
        if self.ledger.trailing == 0 {
            self.warnings.add_end(location(source, source.window().len()));
        }
        self.close();
        Ok(())
    }

    fn close(&mut self) {
        self.stage = Stage::Ended;
        self.sync(self.out.last_time().saturating_add(1), false);
    }

    fn stuck(&self, row: usize, waits_for: String, source: &Source<'_>) -> Option<StuckHead> {
        let Lane { cursor, proc } = &self.lanes[row];
        let event = cursor.event()?;
        Some(StuckHead {
            thread: None,
            proc: present(proc.id).map(ProcId),
            event: event.event.name(),
            time: Time(self.clock.nanos(event.ticks)),
            offset: source.base() + event.at as u64,
            waits_for,
        })
    }

    fn sync(&mut self, time: i64, has_tables: bool) {
        self.syncs += 1;
        self.out.sync(Record {
            what: What::Sync,
            time,
            a: self.syncs,
            b: u64::from(has_tables),
            text: Symbol::Empty,
            ..Record::BLANK
        });
    }

    /// An error at a place in the window.
    #[cold]
    fn fault(&self, kind: ErrorKind, at: usize, source: &Source<'_>) -> Error {
        Error { kind, at: Location { event: Some(self.made + self.out.waiting()), ..location(source, at) } }
    }
}

/// Ticks a second, where a file does not say.
const NANOS: u64 = 1_000_000_000;

/// What ends a run after news at a place. A call, so that the compiler does not do it for every event.
#[cold]
#[inline(never)]
fn stop(at: usize) -> (Option<usize>, u64) {
    (Some(at), 0)
}

fn location(source: &Source<'_>, at: usize) -> Location {
    Location { offset: source.base() + at as u64, ..Location::default() }
}

#[cold]
fn broken(source: &Source<'_>, fault: Fault) -> Error {
    Error { kind: *fault.kind, at: location(source, fault.at) }
}

const _: () = assert!(NONE as i64 == -1);
