//! From bytes to ordered events.
//!
//! 1. Walk the file: batches by P, tables, CPU samples, ends of system calls.
//! 2. Merge the Ps' events by what they wait for and by time.
//! 3. Put the CPU samples and the ends of system calls in by their times.
//! 4. Check each event against what is known, and make it an event of the typed model.
//!
//! The first event is a Sync a nanosecond before all others, the last one a nanosecond after. Every other event is
//! later than the one before: equal times are pushed apart by a nanosecond.

use super::check::World;
use super::convert::{Converter, Given, Place};
use super::cursor::Cursor;
use super::goroutine::Proc;
use super::order::Merge;
use super::parse::Parsed;
use super::scan::{Fault, Found, MAX_RECORD, Sample, Scan};
use super::spec::{self, EventType};
use super::syscall::Exit;
use crate::error::{Error, ErrorKind, Flaw, Location, StuckHead, Warning, WarningKind};
use crate::event::record::{Change, Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, ProcId, present};
use crate::pdqsort;
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
    cursors: Vec<Cursor>,
    merge: Merge,
    /// Whether the first P's event has happened, and its next one is to be read.
    is_stale: bool,
    /// The time of the merge, in ticks.
    ticks: u64,
    /// An event of the merge from this time on waits for a sample or for the end of a system call.
    horizon: u64,
    next_sample: usize,
    next_exit: usize,
    clock: Clock,
    converter: Converter,
    last_time: i64,
    syncs: u64,
    delivered: u64,
    stage: Stage,
    warnings: Vec<Warning>,
    warning_count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is read yet.
    Unread,
    /// The file was walked over.
    Ready,
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
        let nanos = ticks.saturating_sub(self.start) as f64 * self.nanos_per_tick;
        (nanos < I64_LIMIT).then_some(nanos as i64)
    }
}

/// Where the next event comes from.
#[derive(Clone, Copy)]
enum Next {
    Merge(u64, u32),
    Exit(Exit),
    Sample(Sample),
    End,
}

impl Decoder {
    pub fn new(version: Version) -> Self {
        Decoder {
            version,
            found: Found::default(),
            cursors: Vec::new(),
            merge: Merge::default(),
            is_stale: false,
            ticks: 0,
            horizon: 0,
            next_sample: 0,
            next_exit: 0,
            clock: Clock { start: 0, nanos_per_tick: 0.0 },
            converter: Converter::new(version, World::default()),
            last_time: -1,
            syncs: 0,
            delivered: 0,
            stage: Stage::Unread,
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
        let names = &self.converter.world.names;
        (&self.converter.record, Symbols { window: source.window(), tables: &self.found.tables, names })
    }

    /// Makes the next event current; false at the end.
    #[inline]
    pub fn advance(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        if self.stage != Stage::Going {
            return self.open_or_end(source);
        }
        if !self.converter.follow_up() && !self.produce(source)? {
            return Ok(false);
        }
        let record = &mut self.converter.record;
        record.time = record.time.max(self.last_time + 1);
        self.last_time = record.time;
        self.delivered += 1;
        Ok(true)
    }

    #[cold]
    fn open_or_end(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        if self.stage == Stage::Ended {
            return Ok(false);
        }
        self.walk(source)?;
        self.prepare(source)?;
        self.stage = Stage::Going;
        let first = match self.next() {
            Next::Merge(ticks, _) => ticks,
            Next::Exit(exit) => exit.ticks(),
            Next::Sample(sample) => sample.ticks,
            // Without any events there is but one Sync.
            Next::End => return self.produce(source),
        };
        self.clock.start = first;
        self.sync(-1, true);
        Ok(true)
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
            let proc = Proc::new(batches.proc);
            match cursor.step(source.window(), &self.found.batches) {
                Ok(true) => self.merge.enter(&mut world.gos, row, cursor.event(), &proc),
                Ok(false) => {}
                Err(kind) => return Err(broken(source, Fault { kind, at: cursor.pos() })),
            }
            self.cursors.push(cursor);
            world.procs.push(proc);
        }
        self.stage = Stage::Ready;
        self.set_horizon();
        Ok(())
    }

    fn set_horizon(&mut self) {
        let exit = self.found.exits.get(self.next_exit).map_or(u64::MAX, |exit| exit.before());
        let sample = self.found.samples.get(self.next_sample).map_or(u64::MAX, |sample| sample.ticks + 1);
        self.horizon = exit.min(sample);
    }

    /// Makes one event; false if the one that it made is not there because the trace has ended.
    #[inline(always)]
    fn produce(&mut self, source: &Source<'_>) -> Result<bool, Error> {
        loop {
            if self.is_stale {
                self.settle(source)?;
            }
            let given = match self.next() {
                Next::Merge(ticks, row) => self.merged(ticks, row as usize, source)?,
                Next::Exit(exit) => self.exit(exit, source)?,
                Next::Sample(sample) => self.sample(sample, source)?,
                Next::End => return self.end(source),
            };
            // What an event stands for may follow it rather than be it.
            if given == Given::Event || self.converter.follow_up() {
                return Ok(true);
            }
        }
    }

    /// Reads on where the last event came from, and wakes who waited for it.
    #[inline(always)]
    fn settle(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.is_stale = false;
        let Some((_, row)) = self.merge.first() else { return Ok(()) };
        let world = &mut self.converter.world;
        let cursor = &mut self.cursors[row as usize];
        match cursor.step(source.window(), &self.found.batches) {
            Ok(true) => self.merge.replace(&mut world.gos, cursor.event(), &world.procs[row as usize]),
            Ok(false) => self.merge.remove(),
            Err(kind) => {
                let at = cursor.pos();
                return Err(self.fault(*kind, at, source));
            }
        }
        if self.merge.has_moved() {
            self.wake();
        }
        Ok(())
    }

    #[inline(never)]
    fn wake(&mut self) {
        let world = &mut self.converter.world;
        for row in self.merge.wake(&mut world.gos) {
            let cursor = &self.cursors[row as usize];
            self.merge.enter(&mut world.gos, row, cursor.event(), &world.procs[row as usize]);
        }
    }

    #[inline(always)]
    fn next(&self) -> Next {
        match self.merge.first() {
            Some((ticks, row)) if ticks < self.horizon => Next::Merge(ticks, row),
            first => self.next_of_three(first),
        }
    }

    #[inline(never)]
    fn next_of_three(&self, first: Option<(u64, u32)>) -> Next {
        let sample = self.found.samples.get(self.next_sample);
        let merged = match (first, sample) {
            (Some((ticks, _)), Some(sample)) if sample.ticks < ticks => Some(Next::Sample(*sample)),
            (Some((ticks, row)), _) => Some(Next::Merge(ticks, row)),
            (None, sample) => sample.map(|sample| Next::Sample(*sample)),
        };
        let ticks = match merged {
            Some(Next::Sample(sample)) => sample.ticks,
            Some(Next::Merge(ticks, _)) => ticks,
            _ => u64::MAX,
        };
        match self.found.exits.get(self.next_exit) {
            Some(exit) if exit.before() <= ticks => Next::Exit(*exit),
            _ => merged.unwrap_or(Next::End),
        }
    }

    /// Lets the event of the first P happen.
    #[inline(always)]
    fn merged(&mut self, ticks: u64, row: usize, source: &Source<'_>) -> Result<Given, Error> {
        self.is_stale = true;
        let event = *self.cursors[row].event();
        match self.happen(ticks, row, source) {
            Ok(given) => {
                if self.converter.warning.is_some() {
                    self.warn(event.at, source);
                }
                Ok(given)
            }
            Err(kind) => Err(self.fault(*kind, event.at, source)),
        }
    }

    #[inline(always)]
    fn happen(&mut self, ticks: u64, row: usize, source: &Source<'_>) -> Parsed<Given> {
        let event = *self.cursors[row].event();
        self.go_on(ticks)?;
        let world = &mut self.converter.world;
        let moved = self.merge.happen(&mut world.gos, &event, &world.procs[row])?;
        let mut blocks = false;
        match event.event {
            EventType::GoSysCall => blocks = self.call_blocks(row, ticks, source.window()),
            EventType::GoSysBlock | EventType::GoInSyscall => {
                if let Some(go) = world.gos.get_mut(moved) {
                    go.blocked_at = ticks;
                }
            }
            EventType::GoSysExit if event.args[2] != 0 => {
                let blocked_at = world.gos.get(moved).map_or(0, |go| go.blocked_at);
                check_exit(event.args[0], event.args[2], blocked_at)?;
                if Exit::moves(event.args[2], ticks) {
                    return Ok(Given::Nothing);
                }
            }
            _ => {}
        }
        let time = self.clock.nanos(ticks).ok_or(ErrorKind::TimestampOverflow)?;
        let place = Place { window: source.window(), tables: &self.found.tables, row, moved, blocks, time };
        self.converter.convert(&event, place)
    }

    /// The merge's time never goes back: the events of a trace whose times contradict their order have none.
    #[inline(always)]
    fn go_on(&mut self, ticks: u64) -> Parsed<()> {
        let last = std::mem::replace(&mut self.ticks, ticks);
        match last <= ticks {
            true => Ok(()),
            false => Err(Box::new(ErrorKind::TimeOrder { last, found: ticks })),
        }
    }

    /// Whether the system call blocks that the P's goroutine now begins: the next event of the goroutine says so, unless a CPU
    /// sample of it comes first.
    fn call_blocks(&self, row: usize, ticks: u64, window: &[u8]) -> bool {
        let go = self.converter.world.procs[row].go_id;
        let Some(sequel) = self.cursors[row].sequel(go, window, &self.found.batches) else { return false };
        sequel.blocks && !self.is_sampled(go, ticks, sequel.ticks)
    }

    fn is_sampled(&self, go: u64, from: u64, to: u64) -> bool {
        let samples = self.found.samples.get(self.next_sample..).unwrap_or_default();
        samples.iter().take_while(|sample| sample.ticks < to).any(|sample| sample.go == go && sample.ticks >= from)
    }

    fn exit(&mut self, exit: Exit, source: &Source<'_>) -> Result<Given, Error> {
        self.next_exit += 1;
        self.set_horizon();
        let time = self.time(exit.ticks(), source)?;
        match self.converter.exit_syscall(exit, time) {
            Ok(()) => Ok(Given::Event),
            Err(kind) => Err(self.fault(*kind, 0, source)),
        }
    }

    fn sample(&mut self, sample: Sample, source: &Source<'_>) -> Result<Given, Error> {
        self.next_sample += 1;
        self.set_horizon();
        let Sample { ticks, proc, go, stack } = sample;
        self.go_on(ticks).map_err(|kind| self.fault(*kind, 0, source))?;
        let time = self.time(ticks, source)?;
        let stack = if self.found.tables.has_stack(stack) { stack } else { 0 };
        self.converter.sample(proc, go, stack, time);
        Ok(Given::Event)
    }

    fn time(&self, ticks: u64, source: &Source<'_>) -> Result<i64, Error> {
        self.clock.nanos(ticks).ok_or_else(|| self.fault(ErrorKind::TimestampOverflow, 0, source))
    }

    /// Delivers the last Sync, if all events are.
    #[cold]
    fn end(&mut self, source: &Source<'_>) -> Result<bool, Error> {
        let parked: Vec<_> = self.merge.parked().collect();
        let heads: Vec<_> =
            parked.into_iter().map(|(row, waits_for)| self.stuck(row as usize, waits_for, source)).collect();
        if let Some(first) = heads.iter().min_by_key(|head| head.offset) {
            let at = Location { offset: first.offset, event: Some(self.delivered), ..Location::default() };
            return Err(Error { kind: ErrorKind::StuckFrontier(heads), at });
        }
        self.stage = Stage::Ended;
        self.sync(self.last_time + 1, false);
        Ok(true)
    }

    fn stuck(&self, row: usize, waits_for: String, source: &Source<'_>) -> StuckHead {
        let event = self.cursors[row].event();
        StuckHead {
            thread: None,
            proc: present(self.converter.world.procs[row].id).map(ProcId),
            event: event.event.name(),
            time: Time(self.clock.nanos(event.ticks).unwrap_or(0)),
            offset: source.base() + event.at as u64,
            waits_for,
        }
    }

    fn sync(&mut self, time: i64, has_tables: bool) {
        self.syncs += 1;
        self.converter.record = Record {
            what: What::Sync,
            change: Change::None,
            time,
            a: self.syncs,
            b: u64::from(has_tables),
            text: Symbol::Empty,
            ..Record::BLANK
        };
    }

    #[cold]
    fn warn(&mut self, at: usize, source: &Source<'_>) {
        let Some(kind): Option<WarningKind> = self.converter.warning.take() else { return };
        self.warning_count += 1;
        if self.warnings.len() < MAX_WARNINGS {
            let go = present(self.converter.record.go).map(GoId);
            let at = Location { event: Some(self.delivered), ..location(source, at) };
            self.warnings.push(Warning { kind, go, at });
        }
    }

    /// An error at a place in the window.
    #[cold]
    fn fault(&self, kind: ErrorKind, at: usize, source: &Source<'_>) -> Error {
        Error { kind, at: Location { event: Some(self.delivered), ..location(source, at) } }
    }
}

/// Where a system call is said to be over, it must have blocked before.
fn check_exit(go: u64, left: u64, blocked_at: u64) -> Parsed<()> {
    Err(Box::new(match blocked_at {
        0 => ErrorKind::StraySyscallExit(GoId(go)),
        last if left < last || i64::try_from(left).is_err() => ErrorKind::TimeOrder { last, found: left },
        _ => return Ok(()),
    }))
}

fn location(source: &Source<'_>, at: usize) -> Location {
    Location { offset: source.base() + at as u64, ..Location::default() }
}

#[cold]
fn broken(source: &Source<'_>, fault: Fault) -> Error {
    Error { kind: *fault.kind, at: location(source, fault.at) }
}

const _: () = assert!(NONE as i64 == -1);
