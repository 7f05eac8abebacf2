//! One generation: its batches by M, its tables, its CPU samples and its clock.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::batch::{self, Batch, Framing};
use super::cursor::Timebase;
use super::records::Records;
use super::salvage::Damage;
use super::spec::{self, Alphabet, EventType};
use crate::error::{Error, ErrorKind, Flaw, Location};
use crate::event::alloc_free;
use crate::event::tables::{self, ExperimentData, Span, Tables};
use crate::id::{NONE, ThreadId};
use crate::limits::{self, Mode};
use crate::number::number;
use crate::pdqsort;
use crate::time::{ClockSnapshot, Frequency, TIME_LIMIT, Time, WallTime};
use crate::wire::header::Version;
use crate::wire::source::Source;

/// A batch of an M's events, linked to the M's next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventBatch {
    pub start: usize,
    pub body: usize,
    pub end: usize,
    pub time: u64,
    pub next: Option<u32>,
}

/// The batches of one M.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub id: u64,
    pub first: u32,
    pub last: u32,
}

/// A sample of the CPU profiler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Nanoseconds.
    pub time: i64,
    pub thread: u64,
    pub proc: u64,
    pub go: u64,
    pub stack: u64,
    /// Where it begins in the window.
    pub at: usize,
}

#[derive(Debug)]
pub(super) struct Generation {
    pub number: u64,
    pub batches: Vec<EventBatch>,
    /// The Ms in the order of their first batches.
    pub threads: Vec<Thread>,
    pub tables: Tables,
    pub samples: Vec<Sample>,
    /// What the clock's units last, once the generation has said so.
    pub frequency: Frequency,
    pub has_frequency: bool,
    pub version: Version,
    pub mode: Mode,
    pub alphabet: &'static Alphabet,
    /// The least time of any batch, in the clock's units.
    pub min_time: u64,
    /// The clock as it stands in the file: trace, mono, seconds, nanoseconds.
    pub clock: Option<[u64; 4]>,
    by_thread: HashMap<u64, u32, RandomState>,
    /// Batches of samples, of experiments and of no M's events: where one begins, by the hash of its bytes.
    uncounted: HashMap<u64, usize, RandomState>,
    /// The batch of the clock.
    pub clock_batch: Range<usize>,
    /// What lenient reading goes over.
    pub damage: Damage,
    /// How much of the window it takes.
    pub len: usize,
    /// The batches read so far, those of earlier generations included,
    pub total_batches: u64,
    /// and those of earlier generations alone.
    pub earlier_batches: u64,
}

impl Default for Generation {
    fn default() -> Self {
        Generation {
            number: 0,
            batches: Vec::new(),
            threads: Vec::new(),
            tables: Tables::default(),
            samples: Vec::new(),
            frequency: Frequency::NANOS,
            has_frequency: false,
            version: Version::Go122,
            mode: Mode::default(),
            alphabet: spec::alphabet(Version::Go122),
            min_time: 0,
            clock: None,
            by_thread: HashMap::default(),
            uncounted: HashMap::default(),
            clock_batch: 0..0,
            damage: Damage::default(),
            len: 0,
            total_batches: 0,
            earlier_batches: 0,
        }
    }
}

/// What became of reading a generation.
pub(super) enum Loaded {
    /// It is whole.
    Whole,
    /// It stops at damage, but what came before is a generation (before Go 1.26, where no end is marked).
    Cut(Error),
    /// The file ends here.
    End,
}

/// A fault at a place in the window.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: ErrorKind,
    pub pos: usize,
}

pub(super) type Check<T = ()> = Result<T, Fault>;

/// Puts a place to a kind of error.
pub(super) trait At<T> {
    fn at(self, pos: usize) -> Check<T>;
}

impl<T, E: Into<ErrorKind>> At<T> for Result<T, E> {
    fn at(self, pos: usize) -> Check<T> {
        self.map_err(|kind| Fault { kind: kind.into(), pos })
    }
}

impl Generation {
    /// What reads a trace of this version.
    pub fn new(version: Version, mode: Mode) -> Self {
        // Lenient reading takes events that the version does not have yet.
        let alphabet = spec::alphabet(if mode.lenient { Version::NEWEST } else { version });
        Generation { version, mode, alphabet, ..Generation::default() }
    }

    /// Reads the generation at the window's start, whose predecessor was `last` (0 if there was none).
    pub fn load(&mut self, source: &mut Source<'_>, last: u64) -> Result<Loaded, Error> {
        self.clear();
        let loaded = self.read_batches(source, last)?;
        if matches!(loaded, Loaded::End) {
            return Ok(loaded);
        }
        // Where the file is cut, that is the reason for whatever the tables lack.
        match (self.finish(source.window()), loaded) {
            (Ok(()), Loaded::Cut(error)) => Ok(Loaded::Cut(self.cut_or_over(error))),
            (Ok(()), loaded) => Ok(loaded),
            (Err(_), Loaded::Cut(error)) => Err(error),
            (Err(fault), _) => Err(self.error(fault.kind, source.base() + fault.pos as u64, None)),
        }
    }

    /// Before Go 1.26 no end is marked, but the strings are what a generation ends with: behind them the trace may be over.
    fn cut_or_over(&self, error: Error) -> Error {
        let kind = batch::unframed(error.kind, self.tables.strings.len() > 0);
        Error { kind, ..error }
    }

    /// The time that its Sync event has: that of its earliest batch.
    pub fn start(&self) -> Option<i64> {
        self.frequency.time(self.min_time)
    }

    /// What decoding its events takes.
    #[inline(always)]
    pub fn timebase<'a>(&'a self, window: &'a [u8]) -> Timebase<'a> {
        Timebase {
            window,
            batches: &self.batches,
            frequency: self.frequency,
            version: self.version,
            alphabet: self.alphabet,
        }
    }

    pub fn clear(&mut self) {
        self.number = 0;
        self.earlier_batches = self.total_batches;
        self.batches.clear();
        self.threads.clear();
        self.tables.clear();
        self.samples.clear();
        self.has_frequency = false;
        self.min_time = 0;
        self.clock = None;
        tables::empty(&mut self.by_thread);
        tables::empty(&mut self.uncounted);
        self.clock_batch = 0..0;
        self.damage.clear();
        self.len = 0;
    }

    pub fn error(&self, kind: ErrorKind, offset: u64, thread: Option<ThreadId>) -> Error {
        let generation = (self.number != 0).then_some(self.number);
        Error { kind, at: Location { offset, generation, thread, event: None } }
    }

    /// An error in a batch that may be the generation's first.
    pub fn error_in(&self, batch: &Batch, kind: ErrorKind, offset: u64) -> Error {
        let error = self.error(kind, offset, batch.thread_id());
        let generation = error.at.generation.or((batch.generation != 0).then_some(batch.generation));
        Error { at: Location { generation, ..error.at }, ..error }
    }

    /// What is wrong with the framing of what may be the generation's first batch.
    pub fn error_of(&self, fault: batch::Fault, source: &Source<'_>) -> Error {
        let error = self.error(fault.kind, source.base() + fault.at as u64, fault.thread);
        let generation = error.at.generation.or(fault.generation);
        Error { at: Location { generation, ..error.at }, ..error }
    }

    fn read_batches(&mut self, source: &mut Source<'_>, last: u64) -> Result<Loaded, Error> {
        let version = self.version;
        loop {
            let at = source.base() + self.len as u64;
            let has_more = match source.fill(self.len + 1) {
                Ok(has_more) => has_more,
                Err(error) => return self.cut_off(error, source, None),
            };
            if !has_more {
                return match (self.number, version >= Version::Go126) {
                    (0, _) => Ok(Loaded::End),
                    (_, true) => Err(self.error(ErrorKind::MissingEndOfGeneration, at, None)),
                    (_, false) => Ok(Loaded::Whole),
                };
            }
            let framing = match read_framing(source, self.len, batch::read) {
                Ok(framing) => framing,
                Err(error) => return self.cut_off(error, source, None),
            };
            let batch = match framing {
                Ok(Framing::Batch(batch)) => batch,
                Ok(Framing::EndOfGeneration) if version >= Version::Go126 => {
                    self.len += 1;
                    if self.number == 0 {
                        // The reference lets an end without a generation be a generation without a clock, and refuses that.
                        return Err(self.error(ErrorKind::BadFrequency(Flaw::Missing), at, None));
                    }
                    return Ok(Loaded::Whole);
                }
                Ok(Framing::EndOfGeneration) => {
                    let kind = ErrorKind::NotABatch { found: EventType::EndOfGeneration.code() };
                    return self.cut_by(self.error(kind, at, None));
                }
                Err(fault) => {
                    let ended = last != 0 && self.number == 0 && version >= Version::Go126;
                    let kind = batch::unframed(fault.kind, ended);
                    return self.cut_by(self.error_of(batch::Fault { kind, ..fault }, source));
                }
            };
            if self.number != 0 && version < Version::Go126 && batch.generation == self.number.wrapping_add(1) {
                return Ok(Loaded::Whole);
            }
            if let Err(kind) = self.check_number(&batch, last) {
                return self.cut_by(self.error_in(&batch, kind, at));
            }
            let is_whole = match source.fill(batch.end) {
                Ok(is_whole) => is_whole,
                Err(error) => return self.cut_off(error, source, batch.thread_id()),
            };
            if !is_whole {
                let missing = (batch.end - source.window().len()) as u64;
                let offset = source.base() + source.window().len() as u64;
                let error = self.error_in(&batch, ErrorKind::TruncatedBatch { missing }, offset);
                return self.cut_by(error);
            }
            self.count(&batch);
            self.add(&batch, source.window())
                .map_err(|fault| self.error(fault.kind, source.base() + fault.pos as u64, batch.thread_id()))?;
            self.len = batch.end;
            self.check_limits().map_err(|kind| self.error(kind, at, batch.thread_id()))?;
        }
    }

    /// Counts in a batch that is to be added.
    pub fn count(&mut self, batch: &Batch) {
        self.number = batch.generation;
        self.total_batches += 1;
        if self.min_time == 0 || batch.time < self.min_time {
            self.min_time = batch.time;
        }
    }

    /// Holds what was read to the limits.
    pub fn check_limits(&self) -> Result<(), ErrorKind> {
        let limits = &self.mode.limits;
        limits::check("bytes in a generation", self.len as u64, limits.generation_bytes)?;
        limits::check("threads in a generation", self.threads.len() as u64, limits.threads)?;
        limits::check("strings in a generation", self.tables.strings.len() as u64, limits.strings)?;
        limits::check("stacks in a generation", self.tables.stacks.len() as u64, limits.stacks)?;
        limits::check("frames in a generation", self.tables.frame_count() as u64, limits.frames)?;
        limits::check("CPU samples in a generation", self.samples.len() as u64, limits.samples)?;
        let batches = self.tables.experiments.len() as u64;
        limits::check("batches of experiments in a generation", batches, limits.experiment_batches)
    }

    /// The bytes can't be read on: the place is where they stop.
    fn cut_off(&self, error: io::Error, source: &Source<'_>, thread: Option<ThreadId>) -> Result<Loaded, Error> {
        let end = source.base() + source.window().len() as u64;
        self.cut_by(self.error(error.into(), end, thread))
    }

    /// Before Go 1.26 damage may lie in the next generation, for all that can be known: what was read is delivered first.
    fn cut_by(&self, error: Error) -> Result<Loaded, Error> {
        match self.number != 0 && self.version < Version::Go126 {
            true => Ok(Loaded::Cut(error)),
            false => Err(error),
        }
    }

    pub fn check_number(&self, batch: &Batch, last: u64) -> Result<(), ErrorKind> {
        let found = batch.generation;
        match (found, self.number) {
            (0, _) => Err(ErrorKind::InvalidGeneration),
            (_, 0) if last != 0 && found != last.wrapping_add(1) => {
                Err(ErrorKind::GenerationOutOfOrder { last, found })
            }
            (_, 0) => Ok(()),
            (_, current) if found == current => Ok(()),
            (_, current) if self.version >= Version::Go126 && found == current.wrapping_add(1) => {
                Err(ErrorKind::MissingEndOfGeneration)
            }
            (_, current) if found < current => Err(ErrorKind::InterleavedGenerations { current, found }),
            (_, current) => Err(ErrorKind::GenerationOutOfOrder { last: current, found }),
        }
    }

    /// Fails, or notes what lenient reading goes over.
    pub fn tolerate(&mut self, kind: ErrorKind, pos: usize) -> Check {
        match self.mode.lenient {
            true => {
                self.damage.noted.push(Fault { kind, pos });
                Ok(())
            }
            false => Err(kind).at(pos),
        }
    }

    /// Sorts a batch by what it holds.
    pub fn add(&mut self, batch: &Batch, window: &[u8]) -> Check {
        let first = window.get(batch.body..batch.end).and_then(|body| body.first());
        let first = first.and_then(|&code| EventType::from_code(code));
        if let Some(experiment) = batch.experiment {
            self.check_since(EventType::ExperimentalBatch, batch.start)?;
            if experiment != alloc_free::EXPERIMENT {
                self.tolerate(ErrorKind::UnknownExperiment { id: experiment }, batch.start + 1)?;
            }
            self.check_uncounted(batch, window).at(batch.start)?;
            let data = Span { pos: batch.body, len: (batch.end - batch.body) as u32 };
            let experiment = ExperimentData { experiment, thread: batch.thread, data };
            self.tables.experiments.push(experiment);
            return Ok(());
        }
        let mut records = Records { bytes: window.get(..batch.end).unwrap_or_default(), pos: batch.body };
        match first {
            Some(EventType::Strings) => self.add_strings(records.behind_type()),
            Some(EventType::Stacks) => self.add_stacks(records.behind_type()),
            Some(EventType::CPUSamples) => {
                self.check_uncounted(batch, window).at(batch.start)?;
                self.add_samples(records.behind_type())
            }
            // No M writes a clock: behind the true one it is a batch of events whose first is wrong, and that is all it costs.
            Some(EventType::Sync | EventType::Frequency)
                if self.mode.lenient && self.has_frequency && batch.thread != NONE =>
            {
                self.add_events(batch, window)
            }
            Some(EventType::Sync) if self.version >= Version::Go125 || self.mode.lenient => {
                self.check_since(EventType::Sync, batch.body)?;
                self.clock_batch = batch.start..batch.end;
                self.add_clock(records.behind_type(), batch.time)
            }
            Some(EventType::Frequency) if self.version < Version::Go125 => {
                self.clock_batch = batch.start..batch.end;
                self.add_clock(&mut records, batch.time)
            }
            _ => self.add_events(batch, window),
        }
    }

    /// What begins at `pos` must be in the trace's version.
    pub fn check_since(&mut self, event: EventType, pos: usize) -> Check {
        let since = event.spec().since;
        match self.version < since {
            true => self.tolerate(ErrorKind::EventNotInVersion { event: event.name(), since: since.minor() }, pos),
            false => Ok(()),
        }
    }

    fn add_events(&mut self, batch: &Batch, window: &[u8]) -> Check {
        let index = number(self.batches.len());
        let Batch { start, body, end, time, .. } = *batch;
        if batch.thread == NONE {
            self.check_uncounted(batch, window).at(start)?;
        }
        match self.by_thread.get(&batch.thread) {
            Some(&number) => {
                let last = self.threads[number as usize].last as usize;
                if batch.thread != NONE
                    && let Err(kind) = check_follows(&self.batches[last], batch, window)
                {
                    if !matches!(kind, ErrorKind::TimeRegression { .. }) {
                        return Err(kind).at(start);
                    }
                    self.tolerate(kind, start)?;
                    self.damage.unsorted.insert(number);
                }
                self.batches[last].next = Some(index);
                self.threads[number as usize].last = index;
            }
            None => {
                let number = number(self.threads.len());
                self.by_thread.insert(batch.thread, number);
                self.threads.push(Thread { id: batch.thread, first: index, last: index });
            }
        }
        self.batches.push(EventBatch { start, body, end, time, next: None });
        Ok(())
    }

    /// Nothing in samples, in an experiment's bytes or in the statuses of goroutines is counted or has an ID, so a copy shows
    /// only by its bytes. Of what is empty nothing is twice.
    fn check_uncounted(&mut self, batch: &Batch, window: &[u8]) -> Result<(), ErrorKind> {
        if batch.body == batch.end {
            return Ok(());
        }
        let bytes = window.get(batch.start..batch.end).unwrap_or_default();
        let like_it = self.uncounted.insert(self.uncounted.hasher().hash_one(bytes), batch.start);
        match like_it.is_some_and(|start| window.get(start..start + bytes.len()) == Some(bytes)) {
            true => Err(ErrorKind::DuplicateBatch),
            false => Ok(()),
        }
    }

    /// Does what needs all the batches: checks that nothing is missing, and puts the times right.
    pub fn finish(&mut self, window: &[u8]) -> Check {
        debug_assert!(self.len <= window.len());
        let end = self.len;
        if !self.has_frequency {
            return Err(ErrorKind::BadFrequency(Flaw::Missing)).at(end);
        }
        let frequency = self.frequency;
        if self.version >= Version::Go125 {
            match self.clock.map(|raw| snapshot(raw, frequency)) {
                Some(Some(snapshot)) => self.tables.clock = Some(snapshot),
                Some(None) => self.tolerate(ErrorKind::BadClockSnapshot(Flaw::Invalid), end)?,
                None => self.tolerate(ErrorKind::BadClockSnapshot(Flaw::Missing), end)?,
            }
        }
        frequency.time(self.min_time).ok_or(ErrorKind::TimestampOverflow).at(end)?;
        if let Err(kind) = self.tables.seal() {
            self.tolerate(kind, end)?;
        }
        let mut samples = std::mem::take(&mut self.samples);
        for sample in &mut samples {
            let nanos = u64::try_from(sample.time).ok().and_then(|units| frequency.time(units));
            match nanos {
                Some(nanos) => sample.time = nanos,
                None => {
                    sample.time = i64::MAX;
                    self.tolerate(ErrorKind::TimestampOverflow, sample.at)?;
                }
            }
        }
        samples.retain(|sample| sample.time < TIME_LIMIT);
        self.samples = samples;
        pdqsort::sort_by_key(&mut self.samples, |sample| sample.time);
        Ok(())
    }
}

fn snapshot([time, mono, seconds, nanos]: [u64; 4], frequency: Frequency) -> Option<ClockSnapshot> {
    Some(ClockSnapshot { trace: Time(frequency.time(time)?), mono, wall: WallTime::new(seconds, nanos)? })
}

/// Reads what begins at `start`, and no further: whoever waits for a generation from a source that is slow or fails
/// need not wait for what follows it.
pub(super) fn read_framing(
    source: &mut Source<'_>,
    start: usize,
    read: fn(&[u8], usize) -> Result<Framing, batch::Fault>,
) -> io::Result<Result<Framing, batch::Fault>> {
    let mut len = start + 1;
    loop {
        let has_more = source.fill(len)?;
        match read(source.window(), start) {
            Err(fault) if has_more && fault.is_short() && len < start + batch::MAX_HEADER => {
                len = source.window().len() + 1;
            }
            framing => return Ok(framing),
        }
    }
}

/// An M's batches stand in the order in which it wrote them.
fn check_follows(last: &EventBatch, batch: &Batch, window: &[u8]) -> Result<(), ErrorKind> {
    if batch.time < last.time {
        return Err(ErrorKind::TimeRegression { last: last.time, found: batch.time });
    }
    let same_shape =
        batch.time == last.time && batch.end - batch.body == last.end - last.body && batch.end > batch.body;
    match same_shape && batch.body(window) == window.get(last.body..last.end).unwrap_or_default() {
        true => Err(ErrorKind::DuplicateBatch),
        false => Ok(()),
    }
}
