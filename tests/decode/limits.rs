//! Strict and lenient reading fail where a trace exceeds a limit, and only there.

use std::io;

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{ErrorKind, Limits, Location, Reader, StackId, ThreadId, Timeline, Version};
use gotrace_tests::corpus::sample;
use gotrace_tests::corpus::v1::{
    BATCH, FREQUENCY, GO_CREATE, GO_START, GOMAXPROCS, PROC_START, REGION, TASK_CREATE, V1Trace,
};

use crate::errors::running;

fn trace(generation: &Generation) -> Vec<u8> {
    Trace::new(Version::Go126).generation(generation).into_bytes()
}

fn of_batches(batches: impl IntoIterator<Item = Batch>) -> Vec<u8> {
    let mut generation = Generation::new(1);
    for batch in batches {
        generation.batch(batch);
    }
    trace(&generation)
}

/// The name of the exceeded limit, the limit, the location, and the number of events before it.
type Exceeded = (&'static str, u64, Location, u64);

fn read(mut reader: Reader<'_>) -> Option<Exceeded> {
    let mut events = 0;
    loop {
        match reader.next_event() {
            Ok(Some(_)) => events += 1,
            Ok(None) => return None,
            Err(error) => {
                assert!(matches!(reader.next_event(), Ok(None)), "fused");
                let ErrorKind::LimitExceeded { what, limit } = error.kind else { panic!("{error}") };
                return Some((what, limit, error.at, events));
            }
        }
    }
}

/// Reads strictly, leniently and into a timeline, and checks that all agree.
#[track_caller]
fn exceeded(bytes: &[u8], limits: Limits) -> Option<Exceeded> {
    let strict = Reader::builder().limits(limits);
    let found = read(strict.from_slice(bytes).expect("a header"));
    assert_eq!(read(strict.from_reader(bytes).expect("a header")), found);
    let lenient = read(strict.lenient().from_slice(bytes).expect("a header"));
    assert_eq!(lenient.map(|(what, limit, ..)| (what, limit)), found.map(|(what, limit, ..)| (what, limit)));
    let timeline = Timeline::from_events(strict.from_slice(bytes).expect("a header"));
    assert_eq!(timeline.is_err(), found.is_some());
    found
}

/// Asserts that a trace is read with a limit of `number`, and that one less is exceeded.
#[track_caller]
fn assert_limit(bytes: &[u8], set: impl Fn(&mut Limits, u64), what: &str, number: u64) {
    let limited = |number| {
        let mut limits = Limits::default();
        set(&mut limits, number);
        exceeded(bytes, limits)
    };
    assert_eq!(limited(number), None);
    let (exceeded, limit, ..) = limited(number - 1).expect("the limit is exceeded by one");
    assert_eq!((exceeded, limit), (what, number - 1));
}

#[test]
fn the_limit_on_bytes_counts_those_of_a_generation() {
    let bytes = of_batches([running(), Batch::new(ThreadId(8), 100)]);
    // All but the header and the last byte, the end of the generation, which is read after the
    // check.
    let set = |limits: &mut Limits, number| limits.generation_bytes = number;
    assert_limit(&bytes, set, "bytes in a generation", bytes.len() as u64 - 16 - 1);
    // The location is that of the batch.
    let mut limits = Limits::default();
    limits.generation_bytes = 40;
    let (.., at, events) = exceeded(&bytes, limits).expect("the generation has more bytes");
    assert_eq!((at.offset, at.generation, at.thread, events), (16 + 39, Some(1), Some(ThreadId(8)), 1));
}

#[test]
fn the_limits_on_threads_and_tables_count_those_of_a_generation() {
    let ms = of_batches((0..9).map(|m| Batch::new(ThreadId(m), 100)));
    assert_limit(&ms, |limits, number| limits.threads = number, "threads in a generation", 9);

    let mut generation = Generation::new(1);
    for i in 0..9 {
        generation.string(format!("{i}"));
    }
    assert_limit(&trace(&generation), |limits, number| limits.strings = number, "strings in a generation", 9);

    let mut generation = Generation::new(1);
    let frame = |pc| RawFrame { pc, func: 0, file: 0, line: 1 };
    for i in 1..=9 {
        generation.stack(&[frame(1), frame(i)]);
    }
    let bytes = trace(&generation);
    assert_limit(&bytes, |limits, number| limits.stacks = number, "stacks in a generation", 9);
    assert_limit(&bytes, |limits, number| limits.frames = number, "frames in a generation", 9);

    let mut generation = Generation::new(1);
    for time in 1..=9 {
        generation.sample(CpuSample { time, thread: 1, proc: 1, go: 1, stack: StackId(0) });
    }
    assert_limit(&trace(&generation), |limits, number| limits.samples = number, "CPU samples in a generation", 9);

    let experiments = of_batches((0..9).map(|m| Batch::new(ThreadId(m), 1).experiment(1)));
    let set = |limits: &mut Limits, number| limits.experiment_batches = number;
    assert_limit(&experiments, set, "batches of experiments in a generation", 9);
}

/// Live objects are counted only every few hundred events, so the tests create many.
const MANY: u64 = 5000;

#[track_caller]
fn assert_live_limit(batch: Batch, set: impl Fn(&mut Limits, u64), what: &str, number: u64) {
    // Events that follow, so that the last object is counted.
    let after = (0..MANY).fold(Batch::new(ThreadId(7), 1 << 20), |batch, _| batch.event(EventType::HeapAlloc, &[1, 1]));
    assert_limit(&of_batches([batch, after]), set, what, number);
}

#[test]
fn the_limits_on_goroutines_ps_tasks_and_regions_count_the_live_ones() {
    let create = (2..MANY).fold(running(), |batch, go| batch.event(EventType::GoCreate, &[1, go, 0, 0]));
    assert_live_limit(create, |limits, number| limits.goroutines = number, "goroutines", MANY - 1);
    let procs = (1..MANY).fold(running(), |batch, proc| batch.event(EventType::ProcStatus, &[1, proc, 2]));
    assert_live_limit(procs, |limits, number| limits.procs = number, "Ps", MANY);
    let tasks = (1..=MANY).fold(running(), |batch, task| batch.event(EventType::UserTaskBegin, &[1, task, 0, 0, 0]));
    assert_live_limit(tasks, |limits, number| limits.tasks = number, "open tasks", MANY);
    let regions = (1..=MANY).fold(running(), |batch, _| batch.event(EventType::UserRegionBegin, &[1, 0, 0, 0]));
    assert_live_limit(regions, |limits, number| limits.regions = number, "open regions", MANY);

    // Tasks that have ended do not count.
    let one = |batch: Batch, task| {
        batch.event(EventType::UserTaskBegin, &[1, task, 0, 0, 0]).event(EventType::UserTaskEnd, &[1, task, 0])
    };
    let mut limits = Limits::default();
    limits.tasks = 1;
    assert_eq!(exceeded(&of_batches([(1..=MANY).fold(running(), one)]), limits), None);
}

/// Generations that each leave `each` goroutines, tasks and names alive.
fn leaks(generations: u64, each: u64) -> Vec<u8> {
    let mut trace = Trace::new(Version::Go126);
    for number in 1..=generations {
        let mut generation = Generation::new(number);
        let mut batch = running();
        for i in 0..each {
            let id = number * each + i;
            let name = generation.string(id.to_le_bytes()).0;
            batch = batch.event(EventType::GoCreate, &[0, id + 2, 0, 0]);
            batch = batch.event(EventType::UserTaskBegin, &[0, id, 0, name, 0]);
        }
        generation.batch(batch);
        trace = trace.generation(&generation);
    }
    trace.into_bytes()
}

/// The limit on memory that is carried from generation to generation grows with the size of the
/// largest generation.
#[test]
fn the_limit_on_carried_memory_stops_a_trace_that_leaks_objects() {
    let bytes = leaks(40, 2000);
    assert_eq!(exceeded(&bytes, Limits::default()), None);
    let mut limits = Limits::default();
    limits.carried_bytes = 1 << 20;
    let (what, limit, at, _) = exceeded(&bytes, limits).expect("each generation leaves at least 300 kB");
    assert_eq!(what, "bytes carried over to the next generation");
    let largest = (limit - (1 << 20)) / 16;
    assert!((40_000..120_000).contains(&largest), "a generation has {largest} bytes");
    let stopped = at.generation.expect("the error is in a generation");
    assert!((4..40).contains(&stopped), "in generation {stopped}");
}

/// The default limit on carried memory stops a trace whose every generation leaves all its
/// goroutines alive.
#[test]
fn an_endless_trace_that_leaks_goroutines_is_stopped() {
    struct Endless {
        next: u64,
        bytes: io::Cursor<Vec<u8>>,
    }
    impl io::Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match io::Read::read(&mut self.bytes, out)? {
                0 => {
                    let each = 8000;
                    let mut batches = Vec::new();
                    for part in 0..4 {
                        let mut batch = Batch::new(ThreadId(7), 100);
                        if part == 0 {
                            batch = running();
                        }
                        for i in 0..each / 4 {
                            let id = self.next * each + part * each / 4 + i;
                            batch =
                                batch.event(EventType::GoCreate, &[0, id.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0, 0]);
                        }
                        batches.push(batch);
                    }
                    let mut generation = Generation::new(self.next);
                    for batch in batches {
                        generation.batch(batch);
                    }
                    let trace = Trace::new(Version::Go126);
                    let header = if self.next == 1 { 0 } else { 16 };
                    let bytes = trace.generation(&generation).into_bytes()[header..].to_vec();
                    self.next += 1;
                    self.bytes = io::Cursor::new(bytes);
                    io::Read::read(&mut self.bytes, out)
                }
                read => Ok(read),
            }
        }
    }
    let endless = Endless { next: 1, bytes: io::Cursor::new(Vec::new()) };
    let reader = Reader::from_reader(endless).expect("a header");
    let (what, .., events) = read(reader).expect("the trace has no end");
    assert_eq!(what, "bytes carried over to the next generation");
    assert!((300_000..3_000_000).contains(&events), "after {events} events");
}

fn v1_trace(records: &[(u8, &[u64])]) -> Vec<u8> {
    records.iter().fold(V1Trace::new(), |trace, (code, values)| trace.record(*code, values)).into_bytes()
}

#[test]
fn the_limits_on_live_objects_apply_to_v1_traces() {
    let goroutine = |id| (GO_CREATE, [1, id, 0, 0]);
    let creations: Vec<_> = (1..=MANY).map(goroutine).collect();
    let creations: Vec<(u8, &[u64])> = creations.iter().map(|(code, values)| (*code, &values[..])).collect();
    let listed_first = |rest: &[(u8, &[u64])], listed: &[(u8, &[u64])]| {
        let begin: [(u8, &[u64]); 1] = [(BATCH, &[0, 100])];
        let end_of_list: [(u8, &[u64]); 3] = [(GOMAXPROCS, &[1, 4, 0]), (PROC_START, &[1, 7]), (GO_START, &[1, 1, 1])];
        let end: [(u8, &[u64]); 1] = [(FREQUENCY, &[1000])];
        v1_trace(&[&begin, listed, &end_of_list, rest, &end].concat())
    };
    let goroutines = |limits: &mut Limits, number| limits.goroutines = number;
    // Goroutines that existed when tracing started, and those created later.
    let listed = listed_first(&[], &creations);
    assert_limit(&listed, goroutines, "goroutines", MANY);
    assert_limit(&listed_first(&creations[1..], &creations[..1]), goroutines, "goroutines", MANY);
    // Goroutines that existed before have no events, but the limit is still checked before all are
    // read.
    let mut limits = Limits::default();
    limits.goroutines = 10;
    let (.., at, events) = exceeded(&listed, limits).expect("there are 5000 goroutines");
    assert_eq!((at.offset, events), (16, 1), "only the Sync came before");

    let tasks: Vec<_> = (1..=MANY).map(|task| [1, task, 0, 0, 0]).collect();
    let tasks: Vec<(u8, &[u64])> = tasks.iter().map(|values| (TASK_CREATE, &values[..])).collect();
    let bytes = listed_first(&tasks, &creations[..1]);
    assert_limit(&bytes, |limits, number| limits.tasks = number, "open tasks", MANY);
    let regions = vec![(REGION, &[1, 0, 0, 0, 0][..]); MANY as usize];
    let bytes = listed_first(&regions, &creations[..1]);
    assert_limit(&bytes, |limits, number| limits.regions = number, "open regions", MANY);
    // A v1 trace is one generation, so nothing is carried to another.
    let mut limits = Limits::default();
    limits.carried_bytes = 0;
    assert_eq!(exceeded(&bytes, limits), None);
}

#[test]
fn the_limits_of_a_generation_apply_to_a_whole_v1_trace() {
    let bytes = sample("go1.21/labels").bytes();
    assert_eq!(exceeded(&bytes, Limits::default()), None);
    let mut limits = Limits::default();
    limits.generation_bytes = 1000;
    assert_eq!(exceeded(&bytes, limits).expect("the trace has 2379 bytes").0, "bytes in a generation");
    let mut limits = Limits::default();
    limits.stacks = 1;
    assert_eq!(exceeded(&bytes, limits).expect("the trace has several stacks").0, "stacks in a generation");
}
