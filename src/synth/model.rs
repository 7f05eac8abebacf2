//! Builders for traces.

use indexmap::IndexSet;

use super::{write_data, write_event};
use crate::id::{NONE, StackId, StringId, ThreadId, present};
use crate::raw::{BatchHeader, BatchKind, EventType, RawFrame};
use crate::v2::spec::MAX_BATCH_SIZE;
use crate::wire::header::Version;

/// A trace file. Append generations to it.
#[derive(Clone, Debug)]
pub struct Trace {
    version: Version,
    bytes: Vec<u8>,
}

impl Trace {
    /// Creates a trace that consists of the header only. `version` should be Go 1.22 or later, because this module
    /// writes generations.
    pub fn new(version: Version) -> Self {
        Trace { version, bytes: version.header().to_vec() }
    }

    /// Appends a generation.
    #[must_use]
    pub fn generation(mut self, generation: &Generation) -> Self {
        generation.write(self.version, &mut self.bytes);
        self
    }

    /// Appends raw bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Returns the bytes of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The clock frequency of a generation, and the times of its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The number of units of the trace's clock per second: 15,625,000 on Linux.
    pub frequency: u64,
    /// The time of the trace's clock, in its units.
    pub time: u64,
    /// The time of the system's monotonic clock, in nanoseconds. Only written for Go 1.25 and
    /// later, like the fields below.
    pub mono: u64,
    /// The time of the wall clock: seconds since 1970-01-01 00:00 UTC.
    pub seconds: u64,
    /// The number of nanoseconds since the start of the second.
    pub nanos: u64,
}

/// A sample of the CPU profiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSample {
    /// The time, in units of the trace's clock.
    pub time: u64,
    /// The ID of the thread.
    pub thread: u64,
    /// The ID of the P.
    pub proc: u64,
    /// The ID of the goroutine. 0 if no goroutine was running.
    pub go: u64,
    /// The stack.
    pub stack: StackId,
}

/// A generation: batches, and the tables that their events refer to.
///
/// The parts have the same order as in Go's `internal/trace/internal/testgen`: the clock (Go 1.25 and later), the
/// batches, the clock (before Go 1.25), CPU samples, stacks, strings, and the end marker (Go 1.26 and later).
#[derive(Clone, Debug)]
pub struct Generation {
    number: u64,
    batches: Vec<Batch>,
    samples: Vec<CpuSample>,
    stacks: IndexSet<Vec<RawFrame>>,
    strings: IndexSet<Vec<u8>>,
    clock: Option<Clock>,
    ends: bool,
}

impl Generation {
    /// Creates an empty generation, with the clock frequency of Linux.
    pub fn new(number: u64) -> Self {
        Generation {
            number,
            batches: Vec::new(),
            samples: Vec::new(),
            stacks: IndexSet::new(),
            strings: IndexSet::new(),
            clock: Some(Clock { frequency: 15_625_000, time: 1, mono: 0, seconds: 0, nanos: 0 }),
            ends: true,
        }
    }

    /// Adds a batch.
    pub fn batch(&mut self, batch: Batch) -> &mut Self {
        self.batches.push(batch);
        self
    }

    /// Adds a sample of the CPU profiler.
    pub fn sample(&mut self, sample: CpuSample) -> &mut Self {
        self.samples.push(sample);
        self
    }

    /// Returns the ID of a string. Adds the string to the table if necessary. The ID of the empty
    /// string is 0.
    pub fn string(&mut self, text: impl AsRef<[u8]>) -> StringId {
        match text.as_ref() {
            [] => StringId(0),
            text => StringId(self.strings.insert_full(text.to_vec()).0 as u64 + 1),
        }
    }

    /// Returns the ID of a stack. Adds the stack to the table if necessary. The ID of the empty
    /// stack is 0.
    pub fn stack(&mut self, frames: &[RawFrame]) -> StackId {
        match frames {
            [] => StackId(0),
            frames => StackId(self.stacks.insert_full(frames.to_vec()).0 as u64 + 1),
        }
    }

    /// Replaces the clock. `None` leaves it out.
    pub fn clock(&mut self, clock: Option<Clock>) -> &mut Self {
        self.clock = clock;
        self
    }

    /// Leaves out the end marker, which generations of Go 1.26 and later have.
    pub fn without_end(&mut self) -> &mut Self {
        self.ends = false;
        self
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        let clock_first = version >= Version::Go125;
        if clock_first {
            self.write_clock(clock_first, out);
        }
        self.batches.iter().for_each(|batch| batch.write(self.number, out));
        if !clock_first {
            self.write_clock(clock_first, out);
        }
        self.write_samples(out);
        self.write_stacks(out);
        self.write_strings(out);
        if self.ends && version >= Version::Go126 {
            out.push(EventType::EndOfGeneration.code());
        }
    }

    fn write_clock(&self, with_snapshot: bool, out: &mut Vec<u8>) {
        let Some(Clock { frequency, time, mono, seconds, nanos }) = self.clock else { return };
        let batch = Batch::new(None, time);
        let batch = match with_snapshot {
            false => batch.event(EventType::Frequency, &[frequency]),
            true => batch
                .event(EventType::Sync, &[])
                .event(EventType::Frequency, &[frequency])
                .event(EventType::ClockSnapshot, &[0, mono, seconds, nanos]),
        };
        batch.write(self.number, out);
    }

    fn write_samples(&self, out: &mut Vec<u8>) {
        self.write_table(EventType::CPUSamples, self.samples.iter(), out, |sample, batch| {
            let CpuSample { time, thread, proc, go, stack } = *sample;
            batch.event(EventType::CPUSample, &[time, thread, proc, go, stack.0])
        });
    }

    fn write_stacks(&self, out: &mut Vec<u8>) {
        self.write_table(EventType::Stacks, (1..).zip(&self.stacks), out, |(id, frames), batch| {
            let frames_of = |frame: &RawFrame| [frame.pc, frame.func, frame.file, frame.line];
            let args: Vec<u64> =
                [id, frames.len() as u64].into_iter().chain(frames.iter().flat_map(frames_of)).collect();
            batch.event(EventType::Stack, &args)
        });
    }

    fn write_strings(&self, out: &mut Vec<u8>) {
        self.write_table(EventType::Strings, (1..).zip(&self.strings), out, |(id, text), batch| {
            batch.data(EventType::String, &[id], text)
        });
    }

    /// Writes a table, in several batches if it is long. Writes nothing if it is empty.
    fn write_table<T>(
        &self,
        kind: EventType,
        entries: impl Iterator<Item = T>,
        out: &mut Vec<u8>,
        add: impl Fn(T, Batch) -> Batch,
    ) {
        let time = self.clock.map_or(1, |clock| clock.time);
        let new = || Batch::new(None, time).event(kind, &[]);
        let mut batch = new();
        let empty = batch.body.len();
        for entry in entries {
            batch = add(entry, batch);
            if batch.body.len() as u64 > MAX_BATCH_SIZE / 2 {
                std::mem::replace(&mut batch, new()).write(self.number, out);
            }
        }
        if batch.body.len() > empty {
            batch.write(self.number, out);
        }
    }
}

/// A batch of events. They are usually the events of one thread.
#[derive(Clone, Debug)]
pub struct Batch {
    experiment: Option<u8>,
    thread: u64,
    time: u64,
    body: Vec<u8>,
    size: Option<u64>,
}

impl Batch {
    /// Creates an empty batch. `time` is in units of the trace's clock. The first event's time is relative to `time`.
    pub fn new(thread: impl Into<Option<ThreadId>>, time: u64) -> Self {
        let thread = thread.into().map_or(NONE, |thread| thread.0);
        Batch { experiment: None, thread, time, body: Vec::new(), size: None }
    }

    /// Makes this a batch of an experiment.
    #[must_use]
    pub fn experiment(mut self, experiment: u8) -> Self {
        self.experiment = Some(experiment);
        self
    }

    /// Appends an event. The first argument of most events is the time since the previous event.
    /// The number of arguments is not checked, so that tests can write damaged traces.
    #[must_use]
    pub fn event(mut self, event: EventType, args: &[u64]) -> Self {
        write_event(&mut self.body, event, args);
        self
    }

    /// Appends an event with arguments and data, such as a string.
    #[must_use]
    pub fn data(mut self, event: EventType, args: &[u64], data: &[u8]) -> Self {
        write_event(&mut self.body, event, args);
        write_data(&mut self.body, data);
        self
    }

    /// Appends raw bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    /// Makes the header state this size, even if it is wrong.
    #[must_use]
    pub fn claiming(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    fn write(&self, generation: u64, out: &mut Vec<u8>) {
        let kind = self.experiment.map_or(BatchKind::Events, BatchKind::Experimental);
        let header = BatchHeader { kind, generation, thread: present(self.thread).map(ThreadId), time: self.time };
        let size = self.size.unwrap_or(self.body.len() as u64);
        header.write_claiming(size, &self.body, out).expect("writing to a Vec cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventKind, Reader};

    fn texts(bytes: &[u8]) -> Vec<String> {
        let mut reader = Reader::from_slice(bytes).expect("a header");
        let mut texts = Vec::new();
        while let Some(event) = reader.next_event().expect("a valid trace") {
            texts.push(event.to_string());
        }
        texts
    }

    fn generation() -> Generation {
        let mut generation = Generation::new(1);
        let func = generation.string("main.main").0;
        let file = generation.string("main.go").0;
        assert_eq!((generation.string("main.main").0, generation.string("").0), (func, 0));
        let stack = generation.stack(&[RawFrame { pc: 0x1000, func, file, line: 3 }]);
        assert_eq!(generation.stack(&[]), StackId(0));
        generation.batch(
            Batch::new(ThreadId(7), 100)
                .event(EventType::ProcStatus, &[1, 0, 1])
                .event(EventType::GoStatus, &[1, 1, 7, 2])
                .event(EventType::GoBlock, &[8, func, stack.0]),
        );
        generation.sample(CpuSample { time: 105, thread: 7, proc: 0, go: 1, stack });
        generation
    }

    #[test]
    fn a_built_trace_is_readable_in_every_version() {
        for version in [Version::Go122, Version::Go123, Version::Go125, Version::Go126] {
            let texts = texts(&Trace::new(version).generation(&generation()).into_bytes());
            let kinds: Vec<_> = texts.iter().filter_map(|text| text.split(' ').nth(3)).collect();
            let expected = ["Sync", "StateTransition", "StateTransition", "StackSample", "StateTransition", "Sync"];
            assert_eq!(kinds, expected, "{version}");
            assert!(texts[4].contains("Stack=\n\tmain.main @ 0x1000\n\t\tmain.go:3\n"), "{}", texts[4]);
        }
    }

    #[test]
    fn the_clock_snapshot_is_readable() {
        let mut generation = generation();
        generation.clock(Some(Clock { frequency: 1_000_000_000, time: 90, mono: 5, seconds: 6, nanos: 7 }));
        let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a header");
        let first = reader.next_event().expect("valid").expect("a Sync");
        let EventKind::Sync(sync) = first.kind() else { panic!("{first}") };
        let clock = sync.clock.expect("present since Go 1.25");
        assert_eq!(
            (clock.trace.0, clock.mono, clock.wall.to_string().as_str()),
            (90, 5, "1970-01-01T00:00:06.000000007Z")
        );
    }

    #[test]
    fn long_tables_are_split() {
        let mut generation = Generation::new(1);
        for i in 0..500 {
            generation.string(format!("{i:0>1000}"));
        }
        let bytes = Trace::new(Version::Go122).generation(&generation).into_bytes();
        assert_eq!(texts(&bytes).len(), 2);
    }

    #[test]
    fn damaged_traces_can_be_built() {
        let fault = |generation: &Generation| {
            let bytes = Trace::new(Version::Go126).generation(generation).into_bytes();
            let mut reader = Reader::from_slice(&bytes).expect("a header");
            loop {
                match reader.next_event() {
                    Ok(Some(_)) => {}
                    Ok(None) => return String::new(),
                    Err(error) => return error.kind.to_string(),
                }
            }
        };
        assert_eq!(fault(generation().clock(None)), "missing clock frequency");
        assert_eq!(fault(generation().without_end()), "the generation has no end marker: the trace is truncated");
        assert_eq!(
            fault(Generation::new(1).batch(Batch::new(ThreadId(1), 1).claiming(70_000))),
            "a batch of 70000 bytes exceeds the maximum of 65536"
        );
        assert_eq!(fault(Generation::new(1).batch(Batch::new(ThreadId(1), 1).bytes(&[60]))), "unknown event type 60");
    }
}
