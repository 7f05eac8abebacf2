//! One generation: its batches by thread (M), its tables, its CPU samples and its clock.
//!
//! This is data only. [`strict`](super::strict) and [`lenient`](super::lenient) read it from a file. They decide which
//! batches to [`add`](Generation::add) and how to handle faults.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::batch::{self, Batch, EventBatch};
use super::cursor::Timebase;
use super::records::{At, Check, Fault, Faults, Records};
use super::spec::{self, Alphabet, EventType, MAX_FRAMES, MAX_STRING};
use crate::error::{Error, ErrorKind, Flaw, Location};
use crate::event::alloc_free;
use crate::event::tables::{self, ExperimentData, Span, StackEntry, Tables};
use crate::id::{NONE, ThreadId};
use crate::limits::{self, Limits};
use crate::number::number;
use crate::time::{ClockSnapshot, Frequency, TIME_LIMIT, Time, WallTime};
use crate::wire::header::Version;
use crate::wire::pdqsort;

/// The batches of one thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub id: u64,
    pub first: u32,
    pub last: u32,
}

/// A sample of the CPU profiler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// The time in nanoseconds.
    pub time: i64,
    pub thread: u64,
    pub proc: u64,
    pub go: u64,
    pub stack: u64,
    /// The position of the sample in the window.
    pub at: usize,
}

#[derive(Debug)]
pub(super) struct Generation {
    /// The number of the generation. 0 before the first batch.
    pub number: u64,
    pub batches: Vec<EventBatch>,
    /// The threads, in the order of their first batches.
    pub threads: Vec<Thread>,
    pub tables: Tables,
    pub samples: Vec<Sample>,
    /// The clock's frequency. Valid once the generation has stated it.
    pub frequency: Frequency,
    pub has_frequency: bool,
    /// The version of the trace.
    pub version: Version,
    /// The newest version whose events and batches are accepted. Events and batches that are newer than the version of
    /// the trace are faults.
    pub accepts: Version,
    pub alphabet: &'static Alphabet,
    pub limits: Limits,
    /// The minimum time of all batches, in units of the clock.
    pub min_time: u64,
    /// The clock snapshot in the file: trace, monotonic, seconds, nanoseconds.
    pub clock: Option<[u64; 4]>,
    by_thread: HashMap<u64, u32, RandomState>,
    /// The positions of batches of samples, experiments and events without a thread, by the hash of
    /// their bytes.
    uncounted: HashMap<u64, usize, RandomState>,
    /// The bytes of the clock's batch.
    pub clock_batch: Range<usize>,
    /// The length of the generation in the window.
    pub len: usize,
    /// The number of batches that were read so far, in all generations.
    pub total_batches: u64,
    /// The number of batches in earlier generations.
    pub earlier_batches: u64,
}

impl Generation {
    /// Creates an empty generation, which can be filled and cleared several times.
    pub fn new(version: Version, accepts: Version, limits: Limits) -> Self {
        Generation {
            number: 0,
            batches: Vec::new(),
            threads: Vec::new(),
            tables: Tables::default(),
            samples: Vec::new(),
            frequency: Frequency::NANOS,
            has_frequency: false,
            version,
            accepts,
            alphabet: spec::alphabet(accepts),
            limits,
            min_time: 0,
            clock: None,
            by_thread: HashMap::default(),
            uncounted: HashMap::default(),
            clock_batch: 0..0,
            len: 0,
            total_batches: 0,
            earlier_batches: 0,
        }
    }

    /// Returns the time of its Sync event, which is the time of its earliest batch.
    pub fn start(&self) -> Option<i64> {
        self.frequency.time(self.min_time)
    }

    /// Returns the properties that decoding its events needs.
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
        self.len = 0;
    }

    pub fn error(&self, kind: ErrorKind, offset: u64, thread: Option<ThreadId>) -> Error {
        let generation = (self.number != 0).then_some(self.number);
        Error { kind, at: Location { offset, generation, thread, event: None } }
    }

    /// Creates an error in a batch that may be the first batch of the generation.
    pub fn error_in(&self, batch: &Batch, kind: ErrorKind, offset: u64) -> Error {
        let error = self.error(kind, offset, batch.thread_id());
        let generation = error.at.generation.or((batch.generation != 0).then_some(batch.generation));
        Error { at: Location { generation, ..error.at }, ..error }
    }

    /// Creates an error in the framing of a batch that may be the first batch of the generation. `base` is the offset
    /// of the window in the file.
    pub fn error_of(&self, fault: batch::Fault, base: u64) -> Error {
        let error = self.error(fault.kind, base + fault.at as u64, fault.thread);
        let generation = error.at.generation.or(fault.generation);
        Error { at: Location { generation, ..error.at }, ..error }
    }

    /// Counts a batch that will be added.
    pub fn count(&mut self, batch: &Batch) {
        self.number = batch.generation;
        self.total_batches += 1;
        if self.min_time == 0 || batch.time < self.min_time {
            self.min_time = batch.time;
        }
    }

    /// Checks that the generation is within the limits.
    pub fn check_limits(&self) -> Result<(), ErrorKind> {
        let limits = &self.limits;
        limits::check("bytes in a generation", self.len as u64, limits.generation_bytes)?;
        limits::check("threads in a generation", self.threads.len() as u64, limits.threads)?;
        limits::check("strings in a generation", self.tables.strings.len() as u64, limits.strings)?;
        limits::check("stacks in a generation", self.tables.stacks.len() as u64, limits.stacks)?;
        limits::check("frames in a generation", self.tables.frame_count() as u64, limits.frames)?;
        limits::check("CPU samples in a generation", self.samples.len() as u64, limits.samples)?;
        let batches = self.tables.experiments.len() as u64;
        limits::check("batches of experiments in a generation", batches, limits.experiment_batches)
    }

    /// Adds a batch to the events or to the table of its kind. An error means that the rest of the batch cannot be
    /// read. Records before the error are kept.
    pub fn add(&mut self, batch: &Batch, window: &[u8], faults: Faults<'_>) -> Check {
        if let Some(experiment) = batch.experiment {
            return self.add_experiment(experiment, batch, window, faults);
        }
        match batch.first(window) {
            Some(EventType::Strings) => self.add_strings(Records::after_type(batch, window), faults),
            Some(EventType::Stacks) => self.add_stacks(Records::after_type(batch, window), faults),
            Some(EventType::CPUSamples) => {
                self.check_uncounted(batch, window).at(batch.start)?;
                self.add_samples(Records::after_type(batch, window), faults)
            }
            Some(EventType::Sync) if self.accepts >= Version::Go125 => {
                self.check_since(EventType::Sync, batch.body, faults)?;
                self.clock_batch = batch.start..batch.end;
                self.add_clock(Records::after_type(batch, window), batch.time, faults)
            }
            Some(EventType::Frequency) if self.version < Version::Go125 => {
                self.clock_batch = batch.start..batch.end;
                self.add_clock(Records::new(batch, window), batch.time, faults)
            }
            _ => self.add_events(batch, window, faults),
        }
    }

    fn add_experiment(&mut self, experiment: u8, batch: &Batch, window: &[u8], faults: Faults<'_>) -> Check {
        self.check_since(EventType::ExperimentalBatch, batch.start, faults)?;
        if experiment != alloc_free::EXPERIMENT {
            faults(Fault { kind: ErrorKind::UnknownExperiment { id: experiment }, pos: batch.start + 1 })?;
        }
        self.check_uncounted(batch, window).at(batch.start)?;
        let data = Span { pos: batch.body, len: (batch.end - batch.body) as u32 };
        self.tables.experiments.push(ExperimentData { experiment, thread: batch.thread, data });
        Ok(())
    }

    fn add_strings(&mut self, mut records: Records<'_>, faults: Faults<'_>) -> Check {
        while let Some(at) = records.next(EventType::String)? {
            let id = records.int()?;
            let len = records.int()?;
            if len > MAX_STRING {
                faults(Fault { kind: ErrorKind::StringTooLong { len, max: MAX_STRING }, pos: at })?;
            }
            let span = Span { pos: records.pos, len: len.min(MAX_STRING) as u32 };
            records.skip(len, EventType::String)?;
            if let Err(kind) = self.tables.strings.insert(id, span, "string") {
                faults(Fault { kind, pos: at })?;
            }
        }
        Ok(())
    }

    fn add_stacks(&mut self, mut records: Records<'_>, faults: Faults<'_>) -> Check {
        while let Some(at) = records.next(EventType::Stack)? {
            let id = records.int()?;
            let frames = records.int()?;
            if frames > MAX_FRAMES {
                faults(Fault { kind: ErrorKind::StackTooDeep { frames, max: MAX_FRAMES }, pos: at })?;
            }
            let entry = StackEntry { pos: records.pos, frames: frames.min(MAX_FRAMES) as u32 };
            for _ in 0..frames {
                self.tables.note_frame(records.frame()?);
            }
            if let Err(kind) = self.tables.stacks.insert(id, entry, "stack") {
                faults(Fault { kind, pos: at })?;
            }
        }
        Ok(())
    }

    fn add_samples(&mut self, mut records: Records<'_>, faults: Faults<'_>) -> Check {
        while let Some(at) = records.next(EventType::CPUSample)? {
            let time = records.int()?;
            let [thread, proc, go, stack] = [records.int()?, records.int()?, records.int()?, records.int()?];
            // The time is in units of the clock until the frequency is known.
            let Ok(time) = i64::try_from(time) else {
                faults(Fault { kind: ErrorKind::TimestampOverflow, pos: at })?;
                continue;
            };
            // The runtime writes 0 if the thread runs no goroutine.
            let go = if go == 0 { NONE } else { go };
            self.samples.push(Sample { time, thread, proc, go, stack, at });
        }
        Ok(())
    }

    fn add_clock(&mut self, mut records: Records<'_>, batch_time: u64, faults: Faults<'_>) -> Check {
        let mut time = batch_time;
        while let Some((at, code)) = records.next_any() {
            match EventType::from_code(code) {
                Some(EventType::Frequency) => {
                    let units = records.int()?;
                    if self.has_frequency {
                        return Err(ErrorKind::BadFrequency(Flaw::Repeated)).at(at);
                    }
                    let frequency = Frequency::from_units_per_second(units);
                    self.frequency = frequency.ok_or(ErrorKind::BadFrequency(Flaw::Invalid)).at(at)?;
                    self.has_frequency = true;
                }
                Some(EventType::ClockSnapshot) if self.accepts >= Version::Go125 => {
                    if self.clock.is_some() {
                        faults(Fault { kind: ErrorKind::BadClockSnapshot(Flaw::Repeated), pos: at })?;
                    }
                    let [delta, mono, seconds, nanos] =
                        [records.int()?, records.int()?, records.int()?, records.int()?];
                    time = time.checked_add(delta).ok_or(ErrorKind::TimestampOverflow).at(at)?;
                    self.clock.get_or_insert([time, mono, seconds, nanos]);
                }
                _ => return Err(ErrorKind::UnexpectedRecord { expected: "Frequency", found: code }).at(at),
            }
        }
        Ok(())
    }

    /// Checks that the record at this position exists in the version of the trace.
    fn check_since(&self, event: EventType, pos: usize, faults: Faults<'_>) -> Check {
        let since = event.spec().since;
        match self.version < since {
            true => {
                faults(Fault { kind: ErrorKind::EventNotInVersion { event: event.name(), since: since.minor() }, pos })
            }
            false => Ok(()),
        }
    }

    fn add_events(&mut self, batch: &Batch, window: &[u8], faults: Faults<'_>) -> Check {
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
                    faults(Fault { kind, pos: start })?;
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

    /// Checks that this is not a copy of an earlier batch. Samples, data of experiments and statuses of goroutines have
    /// no sequence numbers or IDs, so only comparing the bytes shows a copy. An empty batch does not count as a copy.
    fn check_uncounted(&mut self, batch: &Batch, window: &[u8]) -> Result<(), ErrorKind> {
        if batch.body == batch.end {
            return Ok(());
        }
        let bytes = window.get(batch.start..batch.end).unwrap_or_default();
        let earlier = self.uncounted.insert(self.uncounted.hasher().hash_one(bytes), batch.start);
        match earlier.is_some_and(|start| window.get(start..start + bytes.len()) == Some(bytes)) {
            true => Err(ErrorKind::DuplicateBatch),
            false => Ok(()),
        }
    }

    /// Completes the generation after its last batch: checks that nothing is missing, and converts
    /// times to nanoseconds.
    pub fn finish(&mut self, window: &[u8], faults: Faults<'_>) -> Check {
        debug_assert!(self.len <= window.len());
        let end = self.len;
        if !self.has_frequency {
            return Err(ErrorKind::BadFrequency(Flaw::Missing)).at(end);
        }
        let frequency = self.frequency;
        if self.version >= Version::Go125 {
            match self.clock.map(|raw| snapshot(raw, frequency)) {
                Some(Some(snapshot)) => self.tables.clock = Some(snapshot),
                Some(None) => faults(Fault { kind: ErrorKind::BadClockSnapshot(Flaw::Invalid), pos: end })?,
                None => faults(Fault { kind: ErrorKind::BadClockSnapshot(Flaw::Missing), pos: end })?,
            }
        }
        frequency.time(self.min_time).ok_or(ErrorKind::TimestampOverflow).at(end)?;
        if let Err(kind) = self.tables.seal() {
            faults(Fault { kind, pos: end })?;
        }
        let mut samples = std::mem::take(&mut self.samples);
        for sample in &mut samples {
            let nanos = u64::try_from(sample.time).ok().and_then(|units| frequency.time(units));
            match nanos {
                Some(nanos) => sample.time = nanos,
                None => {
                    sample.time = i64::MAX;
                    faults(Fault { kind: ErrorKind::TimestampOverflow, pos: sample.at })?;
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

/// Checks that the batches of a thread are in the order in which it wrote them.
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
