//! Builders of floods. The argument `n` is the number of parts.

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{StackId, ThreadId, Version};

use gotrace_tests::corpus::v1::{BATCH, FREQUENCY, GO_CREATE, GO_END, GO_START, GO_SYS_CALL, PROC_START, V1Trace};

/// The maximum size of a batch, with some room below the 65,536 bytes that the format allows.
const FULL: u64 = 60_000;

pub fn dense(i: u64) -> u64 {
    i + 1
}

/// IDs with a step of four, so that a table indexed by ID has four times the entries that it needs.
pub fn thin(i: u64) -> u64 {
    4 * i + 1
}

/// Spreads IDs over all of 64 bits.
pub fn sparse(i: u64) -> u64 {
    (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Events of one kind, split into as many batches as necessary. Each batch starts with `start`.
struct Stream {
    start: Batch,
    batch: Batch,
    len: u64,
    full: Vec<Batch>,
}

impl Stream {
    fn new(start: Batch) -> Self {
        Stream { batch: start.clone(), start, len: 0, full: Vec::new() }
    }

    /// Events of thread 7.
    fn of_thread() -> Self {
        Stream::new(Batch::new(ThreadId(7), 100))
    }

    fn table(kind: EventType) -> Self {
        Stream::new(Batch::new(None, 1).event(kind, &[]))
    }

    /// Adds something of at most `len` bytes to the batch.
    fn add(&mut self, len: u64, change: impl FnOnce(Batch) -> Batch) {
        if self.len + len > FULL {
            self.full.push(std::mem::replace(&mut self.batch, self.start.clone()));
            self.len = 0;
        }
        self.len += len;
        self.batch = change(std::mem::replace(&mut self.batch, Batch::new(None, 0)));
    }

    fn event(&mut self, event: EventType, args: &[u64]) {
        self.add(1 + 10 * args.len() as u64, |batch| batch.event(event, args));
    }

    /// An event whose arguments take at most four bytes each.
    fn small(&mut self, event: EventType, args: &[u64]) {
        self.add(1 + 4 * args.len() as u64, |batch| batch.event(event, args));
    }

    fn into_batches(self) -> impl Iterator<Item = Batch> {
        self.full.into_iter().chain([self.batch])
    }
}

fn generation(number: u64, batches: impl IntoIterator<Item = Batch>) -> Generation {
    let mut generation = Generation::new(number);
    for batch in batches {
        generation.batch(batch);
    }
    generation
}

/// A trace of one generation.
fn of_batches(batches: impl IntoIterator<Item = Batch>) -> Vec<u8> {
    Trace::new(Version::Go126).generation(&generation(1, batches)).into_bytes()
}

fn trace(streams: impl IntoIterator<Item = Stream>) -> Vec<u8> {
    of_batches(streams.into_iter().flat_map(Stream::into_batches))
}

/// Events of thread 7, with goroutine 1 running on P 0.
fn running() -> Stream {
    let mut stream = Stream::of_thread();
    stream.small(EventType::ProcStatus, &[0, 0, 1]);
    stream.small(EventType::GoStatus, &[0, 1, 7, 2]);
    stream
}

/// Empty batches of one thread.
pub fn tiny_batches(n: u64) -> Vec<u8> {
    of_batches((0..n).map(|_| Batch::new(ThreadId(7), 100)))
}

/// Batches of one thread with one event each.
pub fn one_event_batches(n: u64) -> Vec<u8> {
    let batch = |i| match i {
        0 => Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[0, 0, 1]),
        i => Batch::new(ThreadId(7), 100 + i).event(EventType::HeapAlloc, &[0, i]),
    };
    of_batches((0..n).map(batch))
}

/// Batches without a thread, each with the status of a goroutine.
pub fn statuses(n: u64) -> Vec<u8> {
    of_batches((0..n).map(|i| Batch::new(None, 100 + i).event(EventType::GoStatus, &[0, i + 1, u64::MAX, 4])))
}

/// Empty batches, each of another thread.
pub fn empty_threads(n: u64) -> Vec<u8> {
    of_batches((0..n).map(|m| Batch::new(ThreadId(m), 100)))
}

/// Threads with one event each, the status of a P.
pub fn busy_threads(n: u64, id: impl Fn(u64) -> u64) -> Vec<u8> {
    of_batches((0..n).map(|m| Batch::new(ThreadId(id(m)), 100).event(EventType::ProcStatus, &[0, id(m), 2])))
}

/// Goroutines that are created and never exit.
pub fn goroutines(n: u64, id: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut stream = running();
    (0..n).for_each(|i| stream.event(EventType::GoCreate, &[0, id(i + 2), 0, 0]));
    trace([stream])
}

/// Existing goroutines, each in a mark assist.
pub fn assists(n: u64) -> Vec<u8> {
    let mut stream = running();
    for go in 2..n + 2 {
        stream.small(EventType::GoStatus, &[0, go, go, 4]);
        stream.small(EventType::GCMarkAssistActive, &[0, go]);
    }
    trace([stream])
}

/// Ps, each of which is sweeping.
pub fn sweeps(n: u64) -> Vec<u8> {
    let mut stream = running();
    for proc in 1..n + 1 {
        stream.small(EventType::ProcStatus, &[0, proc, 2]);
        stream.small(EventType::GCSweepActive, &[0, proc]);
    }
    trace([stream])
}

/// Empty strings with these IDs.
pub fn strings(n: u64, id: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut stream = Stream::table(EventType::Strings);
    (0..n).for_each(|i| stream.add(12, |batch| batch.data(EventType::String, &[id(i)], &[])));
    trace([stream])
}

/// Stacks without frames with these IDs.
pub fn stacks(n: u64, id: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut stream = Stream::table(EventType::Stacks);
    (0..n).for_each(|i| stream.event(EventType::Stack, &[id(i), 0]));
    trace([stream])
}

/// Stacks of the maximum depth, with all frames different.
pub fn frames(n: u64) -> Vec<u8> {
    let mut generation = Generation::new(1);
    for stack in 0..n / 128 {
        let frames: Vec<_> = (0..128).map(|i| RawFrame { pc: stack * 128 + i, func: 0, file: 0, line: 0 }).collect();
        generation.stack(&frames);
    }
    Trace::new(Version::Go126).generation(&generation).into_bytes()
}

/// One stack of `frames` frames.
pub fn deep_stack(frames: u64) -> Vec<u8> {
    let stack = Batch::new(None, 1).event(EventType::Stacks, &[]).event(EventType::Stack, &[1, frames]);
    let mut generation = Generation::new(1);
    generation.batch(stack.bytes(&vec![0; 4 * frames as usize]).claiming(4 * frames + 5));
    Trace::new(Version::Go126).generation(&generation).into_bytes()
}

/// Samples of the CPU profiler, the latest first.
pub fn samples(n: u64) -> Vec<u8> {
    let mut generation = Generation::new(1);
    for i in 0..n {
        generation.sample(CpuSample { time: n - i, thread: 1, proc: 1, go: 1, stack: StackId(0) });
    }
    Trace::new(Version::Go126).generation(&generation).into_bytes()
}

/// Batches of an experiment.
pub fn experiments(n: u64) -> Vec<u8> {
    of_batches((0..n).map(|i| Batch::new(ThreadId(i % 128), 1).experiment(1)))
}

/// `n` names, each used by one event.
fn named(n: u64, event: impl Fn(&mut Stream, u64)) -> Vec<u8> {
    let mut strings = Stream::table(EventType::Strings);
    let mut events = running();
    for id in 1..=n {
        strings.add(16, |batch| batch.data(EventType::String, &[id], &id.to_le_bytes()[..3]));
        event(&mut events, id);
    }
    trace([strings, events])
}

/// Stop-the-worlds that do not end, each for a different reason.
pub fn stops(n: u64) -> Vec<u8> {
    named(n, |events, id| events.small(EventType::STWBegin, &[0, id, 0]))
}

/// Tasks that do not end, each with a different name.
pub fn tasks(n: u64) -> Vec<u8> {
    named(n, |events, id| events.small(EventType::UserTaskBegin, &[0, id, 0, id, 0]))
}

/// Nested regions with different names, which end in the wrong order.
pub fn regions(n: u64) -> Vec<u8> {
    let mut strings = Stream::table(EventType::Strings);
    let mut events = running();
    for id in 1..=n {
        strings.add(16, |batch| batch.data(EventType::String, &[id], &id.to_le_bytes()[..3]));
        events.small(EventType::UserRegionBegin, &[0, 0, id, 0]);
    }
    (1..=n).for_each(|id| events.small(EventType::UserRegionEnd, &[0, 0, id, 0]));
    trace([strings, events])
}

/// Generations with almost no content.
pub fn tiny_generations(n: u64) -> Vec<u8> {
    tiny_generations_from(Trace::new(Version::Go126), 1, n).into_bytes()
}

fn tiny_generations_from(mut trace: Trace, first: u64, n: u64) -> Trace {
    for number in first..first + n {
        let mut generation = Generation::new(number);
        generation.batch(Batch::new(ThreadId(7), 100));
        generation.string("a");
        generation.stack(&[RawFrame { pc: 1, func: 0, file: 0, line: 0 }]);
        trace = trace.generation(&generation);
    }
    trace
}

/// One generation with large tables, and then generations with almost no content.
pub fn huge_and_tiny(n: u64) -> Vec<u8> {
    let mut strings = Stream::table(EventType::Strings);
    for i in 0..n {
        strings.add(12, |batch| batch.data(EventType::String, &[sparse(i)], &[]));
    }
    let threads = (0..n).map(|i| Batch::new(ThreadId(i), 100));
    let generation = generation(1, threads.chain(strings.into_batches()));
    tiny_generations_from(Trace::new(Version::Go126).generation(&generation), 2, n / 3).into_bytes()
}

/// Threads that wait for goroutines that never exist, while thread 7 has events.
pub fn stuck_threads(threads: u64, events: u64) -> Vec<u8> {
    let mut stream = running();
    (0..events).for_each(|i| stream.small(EventType::HeapAlloc, &[1, i]));
    let waiting = (1000..1000 + threads).map(|m| Batch::new(ThreadId(m), 1).event(EventType::GoStart, &[0, m, 1]));
    of_batches(waiting.chain(stream.into_batches()))
}

/// Threads that all wait for a sequence number of goroutine 1 that it never has, while it stops and
/// starts again and again.
pub fn stuck_on_one(threads: u64, events: u64) -> Vec<u8> {
    let mut stream = running();
    for i in 1..=events / 2 {
        stream.small(EventType::GoStop, &[0, 0, 0]);
        stream.small(EventType::GoStart, &[0, 1, i]);
    }
    let waiting =
        (1000..1000 + threads).map(|m| Batch::new(ThreadId(m), 1).event(EventType::GoStart, &[0, 1, 1 << 40]));
    of_batches(waiting.chain(stream.into_batches()))
}

/// Threads that all wait for goroutine 2, which is created again and again and exits on one of them
/// each time.
pub fn waiting_for_one(threads: u64) -> Vec<u8> {
    let mut stream = running();
    // The times differ, so that no batch is a copy of the one before.
    (0..threads).for_each(|i| stream.small(EventType::GoCreate, &[1 + i % 127, 2, 0, 0]));
    let waiting = (1000..1000 + threads).map(|m| {
        let own_p = Batch::new(ThreadId(m), 1).event(EventType::ProcStatus, &[0, m, 1]);
        own_p.event(EventType::GoStart, &[0, 2, 1]).event(EventType::GoDestroy, &[0])
    });
    of_batches(waiting.chain(stream.into_batches()))
}

/// A v1 trace with `n` goroutines in system calls, each on its own P. The next event of each comes
/// after those of all others.
pub fn syscalls_v1(n: u64) -> Vec<u8> {
    let listed =
        (1..=n).fold(V1Trace::new().record(BATCH, &[0, 100]), |trace, go| trace.record(GO_CREATE, &[0, go, 0, 0]));
    let trace = (1..=n).fold(listed, |trace, i| {
        let trace = trace.record(BATCH, &[i, 100]).record(PROC_START, &[1, i]).record(GO_START, &[1, i, 1]);
        trace.record(GO_SYS_CALL, &[1 + i, 0]).record(GO_END, &[10 * n])
    });
    trace.record(FREQUENCY, &[1_000_000_000]).into_bytes()
}

/// Generations whose goroutines, tasks and names all stay alive.
pub fn leaks(generations: u64, each: u64) -> Vec<u8> {
    let mut trace = Trace::new(Version::Go126);
    for number in 1..=generations {
        let mut strings = Stream::table(EventType::Strings);
        let mut events = running();
        for i in 0..each {
            let id = number * each + i;
            strings.add(16, |batch| batch.data(EventType::String, &[i + 1], &id.to_le_bytes()[..4]));
            events.small(EventType::GoCreate, &[0, id + 2, 0, 0]);
            events.small(EventType::UserTaskBegin, &[0, id, 0, i + 1, 0]);
        }
        trace = trace.generation(&generation(number, strings.into_batches().chain(events.into_batches())));
    }
    trace.into_bytes()
}

/// Generations in which a thread waits for a goroutine that does not exist.
pub fn stuck_generations(n: u64) -> Vec<u8> {
    let mut trace = Trace::new(Version::Go126);
    for number in 1..=n {
        let batch = Batch::new(ThreadId(7), 100)
            .event(EventType::ProcStatus, &[0, 0, 1])
            .event(EventType::GoStatus, &[0, 1, 7, 2])
            .event(EventType::GoStart, &[0, 9, 1]);
        trace = trace.generation(&generation(number, [batch]));
    }
    trace.into_bytes()
}

/// Batches of one thread, the latest first.
pub fn backwards(n: u64) -> Vec<u8> {
    let batches = (0..n).rev().map(|i| {
        let batch = Batch::new(ThreadId(7), 100 + i);
        match i {
            0 => batch.event(EventType::ProcStatus, &[0, 0, 1]),
            _ => batch.event(EventType::HeapAlloc, &[0, i]),
        }
    });
    of_batches(batches)
}

/// Events with unknown names.
pub fn unknown_names(n: u64) -> Vec<u8> {
    let mut stream = running();
    (0..n).for_each(|i| stream.small(EventType::GoLabel, &[0, 1000 + i % 1000]));
    trace([stream])
}

/// Strings that all have the invalid ID 0.
pub fn zero_ids(n: u64) -> Vec<u8> {
    strings(n, |_| 0)
}

/// A generation, and then `len` bytes of a repeated pattern.
pub fn junk(pattern: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = of_batches([Batch::new(ThreadId(7), 1)]);
    bytes.push(0);
    bytes.extend(pattern.iter().cycle().take(len));
    bytes
}

/// One batch of a generation, without the header, clock and end.
fn alone(number: u64, batch: Batch) -> Vec<u8> {
    let mut generation = generation(number, [batch]);
    Trace::new(Version::Go126).generation(generation.clock(None).without_end()).into_bytes()[16..].to_vec()
}

/// Tables of a generation, each with a string that is the header of a trace, alternating with empty
/// batches of another generation.
pub fn headers_in_tables(n: u64) -> Vec<u8> {
    let header = b"go 1.26 trace\0\0\0";
    let mut bytes = header.to_vec();
    let table = |id: u64, text: &[u8]| {
        alone(1, Batch::new(None, 100).event(EventType::Strings, &[]).data(EventType::String, &[id], text))
    };
    let stray = alone(9, Batch::new(None, 100));
    for id in 1..=n {
        bytes.extend_from_slice(&table(id, header));
        bytes.extend_from_slice(&stray);
    }
    // The first header counts as the start of another trace, so all of these bytes are only
    // counted.
    for id in n + 1..n + 5 {
        bytes.extend_from_slice(&table(id, b"ab"));
    }
    bytes
}

/// Batches of generation 1, alternating with batches of generation 9.
pub fn strays(n: u64) -> Vec<u8> {
    let (own, stray) = (alone(1, Batch::new(ThreadId(7), 1)), alone(9, Batch::new(ThreadId(8), 1)));
    let mut bytes = Trace::new(Version::Go126).generation(Generation::new(1).without_end()).into_bytes();
    for _ in 0..n {
        bytes.extend_from_slice(&own);
        bytes.extend_from_slice(&stray);
    }
    bytes.extend_from_slice(&own);
    bytes.push(EventType::EndOfGeneration.code());
    bytes
}
