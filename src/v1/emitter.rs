//! Creates ordered records from the result of the first pass, a block at a time.
//!
//! 1. Merge the events of the Ps, and the CPU samples, by what they wait for and by time.
//! 2. Insert the ends of system calls by their times.
//! 3. Apply each event to the state, and convert it to records.
//!
//! The first record is a Sync, a nanosecond before all others. The last record is a Sync, a nanosecond after all
//! others. Every other record is later than the previous record: equal times are separated by a nanosecond.
//!
//! The emitter does not know whether reading is strict or lenient. It stops at a contradiction, and
//! the caller decides what to do.

use super::clock::Clock;
use super::convert::{self, Converter, Lookup, Produced};
use super::cursor::Cursor;
use super::found::{Found, ProcBatches, Sample, location};
use super::goroutine::{NO_GO, Proc};
use super::limits;
use super::moves::{RunInput, Stop};
use super::order::Upcoming;
use super::record_block::RecordBlock;
use super::spec::EventType;
use super::syscall::Exit;
use crate::account::{Break, Tally};
use crate::error::{Error, ErrorKind, Location, StuckHead};
use crate::event::Stack;
use crate::event::record::{Record, Symbol, What};
use crate::event::tables::Symbols;
use crate::id::{GoId, NONE, ProcId, present};
use crate::limits::Limits;
use crate::sched::Step;
use crate::time::Time;
use crate::warning::Warnings;
use crate::wire::header::Version;
use crate::wire::source::Source;

#[derive(Debug)]
pub(super) struct Emitter {
    pub version: Version,
    pub limits: Limits,
    pub found: Found,
    procs: Vec<ProcEvents>,
    /// The time of the merge in ticks.
    ticks: u64,
    /// The time in ticks from which on the end of a system call may precede the events of the merge.
    horizon: u64,
    next_sample: usize,
    next_exit: usize,
    /// The number of events of the first P that have happened since it became the first, if its run was interrupted.
    paused_after: u64,
    clock: Clock,
    pub converter: Converter,
    pub out: RecordBlock,
    syncs: u64,
    /// The number of records in earlier blocks.
    made: u64,
    pub warnings: Warnings,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Progress {
    /// A block of records is ready.
    Block,
    /// There are no more records.
    End,
}

/// A P and its events.
#[derive(Debug)]
struct ProcEvents {
    cursor: Cursor,
    proc: Proc,
}

/// The source of the next record.
#[derive(Clone, Copy)]
enum Next {
    /// The event of this P, and its later events before `until`. The samples are the last row.
    Merge {
        row: u32,
        ticks: u64,
        until: u64,
    },
    Exit(Exit),
    /// No P, because the time of the earliest event is too large. The event is of this P.
    Overflow(u32),
    End,
}

impl Emitter {
    pub fn new(version: Version, limits: Limits) -> Self {
        Emitter {
            version,
            limits,
            found: Found::default(),
            procs: Vec::new(),
            ticks: 0,
            horizon: 0,
            next_sample: 0,
            next_exit: 0,
            paused_after: 0,
            clock: Clock { start: 0, end: u64::MAX, nanos_per_tick: 0.0 },
            converter: Converter::new(version),
            out: RecordBlock::default(),
            syncs: 0,
            made: 0,
            warnings: Warnings::default(),
        }
    }

    /// Returns the number of records that were returned.
    pub fn delivered(&self) -> u64 {
        self.made + self.out.delivered()
    }

    /// Removes the block, whose records must all have been returned, and checks the limits.
    pub fn clear(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.made += self.out.clear();
        self.check_live(source)
    }

    fn check_live(&self, source: &Source<'_>) -> Result<(), Error> {
        limits::check_live(&self.converter.world, &self.limits).map_err(|kind| self.fault(kind, 0, source))
    }

    /// Fills the first Sync, if there are any events. Sorts the result of the first pass, and adds
    /// the first event of each P to the merge.
    pub fn begin(&mut self, ticks_per_second: u64, source: &Source<'_>) -> Result<Progress, Error> {
        self.clock.nanos_per_tick = 1e9 / ticks_per_second as f64;
        self.found.sort_samples();
        self.found.exits.sort_unstable();
        let world = &mut self.converter.world;
        world.timers = std::mem::take(&mut self.found.timers);
        self.procs = self.found.procs.iter().map(|row| ProcEvents::new(*row)).collect();
        for ProcEvents { cursor, .. } in &mut self.procs {
            cursor.look(source.window(), &self.found.batches).map_err(|fault| fault.located(source))?;
            let upcoming = world.upcoming(cursor.event(), NO_GO);
            world.merge.enter(&mut world.gos, upcoming);
        }
        world.merge.enter(&mut world.gos, self.found.upcoming_sample(0));
        world.merge.begin();
        self.set_horizon();
        self.clock.start = match self.choose() {
            Next::Merge { ticks, .. } => ticks,
            Next::Exit(exit) => exit.ticks(),
            Next::Overflow(row) => return Err(self.overflow(row, source)),
            Next::End => return self.check_end(source),
        };
        self.clock.end = self.clock.end();
        self.set_horizon();
        self.sync(-1, true);
        Ok(Progress::Block)
    }

    /// Fills a block of records. On error, there may be records before it.
    pub fn fill(&mut self, source: &Source<'_>) -> Result<Progress, Error> {
        let window = source.window();
        while self.out.has_room() {
            if self.converter.has_listed() {
                self.converter.state_listed(&mut self.out);
                continue;
            }
            match self.choose() {
                Next::Merge { row, ticks, until } => self.run(row, ticks, until, window, source)?,
                Next::Exit(exit) => self.exit(exit, source)?,
                Next::Overflow(row) => return Err(self.overflow(row, source)),
                Next::End if self.out.waiting() > 0 => return Ok(Progress::Block),
                Next::End => return self.check_end(source),
            }
        }
        Ok(Progress::Block)
    }

    /// Chooses the earliest record. The ends of system calls say whether they precede events of equal times.
    #[inline(always)]
    fn choose(&self) -> Next {
        let merge = &self.converter.world.merge;
        match merge.first() {
            Some((ticks, row)) if ticks < self.horizon => {
                Next::Merge { row, ticks, until: merge.limit().min(self.horizon) }
            }
            first => self.choose_other(first),
        }
    }

    /// Chooses the earliest record from the horizon on.
    #[inline(never)]
    fn choose_other(&self, first: Option<(u64, u32)>) -> Next {
        match self.found.exits.get(self.next_exit) {
            Some(exit) => Next::Exit(*exit),
            None => first.map_or(Next::End, |(_, row)| Next::Overflow(row)),
        }
    }

    fn set_horizon(&mut self) {
        let exit = self.found.exits.get(self.next_exit).map_or(u64::MAX, |exit| exit.before());
        self.horizon = exit.min(self.clock.end);
    }

    /// Converts the first event of the first P, and its later events before `until`.
    #[inline(always)]
    fn run(&mut self, row: u32, first: u64, mut until: u64, window: &[u8], source: &Source<'_>) -> Result<(), Error> {
        let Some(ProcEvents { cursor, proc }) = self.procs.get_mut(row as usize) else { return self.sample(source) };
        let lookup = Lookup { window, found: &self.found, samples: self.next_sample };
        let mut last = self.ticks;
        let mut rare_at = None;
        let mut events = std::mem::take(&mut self.paused_after);
        // Whether other Ps have events at the time of the first event. Then the second event is after theirs.
        let mut is_tied = events == 0 && until <= first;
        let upcoming = loop {
            if !is_tied {
                let input = RunInput { window, tables: &self.found.tables, clock: self.clock, until, from: last };
                let (records, last_time) = self.out.room();
                let position = cursor.position();
                let (made, why) = self.converter.run(position, proc, records, last_time, input);
                last = if made > 0 { position.ticks } else { last };
                self.out.fill(made);
                events += made as u64;
                match why {
                    Stop::Due(ticks) => break Upcoming::Ready(ticks),
                    Stop::Full => return self.pause(last, events),
                    Stop::Other => {}
                }
            }
            if let Err(fault) = cursor.look(window, &self.found.batches) {
                self.ticks = last;
                return Err(self.fault(*fault.kind, fault.at, source));
            }
            let Some(event) = cursor.event() else { break Upcoming::None };
            let ticks = event.ticks;
            if !std::mem::take(&mut is_tied) {
                if ticks >= until {
                    break self.converter.world.upcoming(Some(event), proc.go_id);
                }
                if !self.out.has_room() {
                    return self.pause(last, events);
                }
            }
            // Traces whose times contradict their order have no events.
            if ticks < last {
                let (kind, at) = (ErrorKind::TimeOrder { last, found: ticks }, event.at);
                return Err(self.fault(kind, at, source));
            }
            last = ticks;
            let time = self.out.time(self.clock.nanos(ticks));
            match self.converter.convert(event, time, (proc, cursor), &lookup, self.out.next()) {
                Ok(Step::Done(Produced::Record)) => self.out.push(time),
                Ok(Step::Done(Produced::Nothing)) => {}
                Ok(Step::Done(produced)) => {
                    self.out.push(time);
                    convert::second(produced, time + 1, self.out.repeat());
                    self.out.push(time + 1);
                }
                Ok(Step::Wait) => break Upcoming::Waits(ticks),
                Err(kind) => {
                    let at = event.at;
                    return Err(self.fault(*kind, at, source));
                }
            }
            let at = event.at;
            cursor.step();
            events += 1;
            let world = &mut self.converter.world;
            if world.merge.has_moved() && world.merge.wake(&mut world.gos) {
                until = 0;
            }
            if self.converter.rare_happened {
                (rare_at, until) = stop(at);
            }
        };
        self.ticks = last;
        let world = &mut self.converter.world;
        world.merge.advance(&mut world.gos, events - std::mem::take(&mut self.converter.returns), upcoming);
        match rare_at {
            Some(at) => self.handle_rare(at, source),
            None => Ok(()),
        }
    }

    /// Interrupts a run of events of the first P because there is no room, after this many of its events.
    fn pause(&mut self, last: u64, events: u64) -> Result<(), Error> {
        self.ticks = last;
        self.paused_after = events;
        Ok(())
    }

    /// Adds the warning of the event, if it has one.
    #[cold]
    fn handle_rare(&mut self, at: usize, source: &Source<'_>) -> Result<(), Error> {
        self.converter.rare_happened = false;
        let Some(kind) = self.converter.warning.take() else { return self.check_live(source) };
        let Record { go, stack, .. } = *self.out.last();
        // The event was already counted.
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

    /// Converts the next sample.
    #[inline(never)]
    fn sample(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let Some(&Sample { ticks, proc, go, stack, at }) = self.found.samples.get(self.next_sample) else {
            return Ok(());
        };
        self.next_sample += 1;
        let last = std::mem::replace(&mut self.ticks, ticks);
        if last > ticks {
            return Err(self.fault(ErrorKind::TimeOrder { last, found: ticks }, at, source));
        }
        let time = self.time(ticks, at, source)?;
        let stack = self.found.stack(stack, at).map_err(|kind| self.fault(*kind, at, source))?;
        convert::sample(proc, go, stack, time, self.out.next());
        self.out.push(time);
        let world = &mut self.converter.world;
        world.merge.advance(&mut world.gos, 1, self.found.upcoming_sample(self.next_sample));
        Ok(())
    }

    fn time(&self, ticks: u64, at: usize, source: &Source<'_>) -> Result<i64, Error> {
        match ticks < self.clock.end {
            true => Ok(self.out.time(self.clock.nanos(ticks))),
            false => Err(self.fault(ErrorKind::TimestampOverflow, at, source)),
        }
    }

    /// Returns the error that the time of the next event of a P is too large.
    #[cold]
    fn overflow(&mut self, row: u32, source: &Source<'_>) -> Error {
        let Some(ProcEvents { cursor, .. }) = self.procs.get_mut(row as usize) else {
            let at = self.found.samples.get(self.next_sample).map_or(0, |sample| sample.at);
            return self.fault(ErrorKind::TimestampOverflow, at, source);
        };
        match cursor.look(source.window(), &self.found.batches) {
            Ok(_) => {
                let at = cursor.event().map_or(0, |event| event.at);
                self.fault(ErrorKind::TimestampOverflow, at, source)
            }
            Err(fault) => self.fault(*fault.kind, fault.at, source),
        }
    }

    /// Checks that no P waits at the end.
    #[cold]
    fn check_end(&self, source: &Source<'_>) -> Result<Progress, Error> {
        let parked = self.converter.world.merge.parked();
        let heads: Vec<_> = parked.filter_map(|(row, waits_for)| self.stuck(row as usize, waits_for, source)).collect();
        let Some(first) = heads.iter().min_by_key(|head| head.offset) else { return Ok(Progress::End) };
        let event = Some(self.made + self.out.waiting());
        let at = Location { offset: first.offset, event, ..Location::default() };
        Err(Error { kind: ErrorKind::StuckFrontier(heads), at })
    }

    fn stuck(&self, row: usize, waits_for: String, source: &Source<'_>) -> Option<StuckHead> {
        let ProcEvents { cursor, proc } = &self.procs[row];
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

    /// Counts what was found but not converted.
    pub fn rest(&self, window: &[u8]) -> Tally {
        let samples = self.found.samples.len().saturating_sub(self.next_sample) as u64;
        let mut rest = Tally { events: samples, ..Tally::default() };
        for proc_events in &self.procs {
            rest += proc_events.cursor.rest(window, &self.found.batches);
        }
        rest
    }

    /// Fills a Gap, which is the only record of its block.
    pub fn gap(&mut self, gap: Break) {
        self.found.tables.gap = Some(gap);
        let time = self.out.time(i64::MIN);
        *self.out.next() = Record { what: What::Gap, time, ..Record::BLANK };
        self.out.push(time);
    }

    /// Fills the last Sync, which is the only record of its block.
    pub fn close(&mut self) {
        self.sync(self.out.last_time().saturating_add(1), false);
    }

    /// Adds a warning that the file may be truncated, because nothing marks its end.
    pub fn warn_of_end(&mut self, source: &Source<'_>) {
        self.warnings.add_end(location(source, source.window().len()));
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

    /// Returns an error at a position of the window.
    #[cold]
    fn fault(&self, kind: ErrorKind, at: usize, source: &Source<'_>) -> Error {
        Error { kind, at: Location { event: Some(self.made + self.out.waiting()), ..location(source, at) } }
    }
}

impl ProcEvents {
    fn new(row: ProcBatches) -> Self {
        ProcEvents { cursor: Cursor::new(row), proc: Proc::new(row.proc) }
    }
}

/// Ends a run after a rare event. This is a separate function so that the compiler does not compute this for every
/// event.
#[cold]
#[inline(never)]
fn stop(at: usize) -> (Option<usize>, u64) {
    (Some(at), 0)
}

const _: () = assert!(NONE as i64 == -1);
