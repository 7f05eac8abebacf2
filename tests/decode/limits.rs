//! A reader that is given limits stops where a trace goes past them, and nowhere else; lenient or not.

use std::io;

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{ErrorKind, Limits, Location, Reader, StackId, ThreadId, Timeline, Version};
use gotrace_tests::corpus::old::{
    BATCH, FREQUENCY, GO_CREATE, GO_START, GOMAXPROCS, OldTrace, PROC_START, REGION, TASK_CREATE,
};
use gotrace_tests::corpus::testdata;

/// M 7 with goroutine 1 running on P 0.
fn running() -> Batch {
    Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[1, 0, 1]).event(EventType::GoStatus, &[1, 1, 7, 2])
}

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

/// What there is too much of, where, and how many events came before.
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

/// Reads in every way; all must agree.
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

/// Asserts that a trace has so many of something: that is as much as the limit may be.
#[track_caller]
fn assert_limit(bytes: &[u8], set: impl Fn(&mut Limits, u64), what: &str, number: u64) {
    let limited = |number| {
        let mut limits = Limits::default();
        set(&mut limits, number);
        exceeded(bytes, limits)
    };
    assert_eq!(limited(number), None);
    let (told, limit, ..) = limited(number - 1).expect("one too many");
    assert_eq!((told, limit), (what, number - 1));
}

#[test]
fn bytes_are_limited() {
    let bytes = of_batches([running(), Batch::new(ThreadId(8), 100)]);
    // All but the header and the mark of the end, which comes once the rest is taken.
    let set = |limits: &mut Limits, number| limits.generation_bytes = number;
    assert_limit(&bytes, set, "bytes in a generation", bytes.len() as u64 - 16 - 1);
    // The place is that of the batch.
    let mut limits = Limits::default();
    limits.generation_bytes = 40;
    let (.., at, events) = exceeded(&bytes, limits).expect("more than that");
    assert_eq!((at.offset, at.generation, at.thread, events), (16 + 39, Some(1), Some(ThreadId(8)), 1));
}

#[test]
fn what_a_generation_has_is_limited() {
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

/// What lives is counted every few hundred events.
const MANY: u64 = 5000;

#[track_caller]
fn assert_live_limit(batch: Batch, set: impl Fn(&mut Limits, u64), what: &str, number: u64) {
    // Something that comes after, for the last of it to be noticed.
    let after = (0..MANY).fold(Batch::new(ThreadId(7), 1 << 20), |batch, _| batch.event(EventType::HeapAlloc, &[1, 1]));
    assert_limit(&of_batches([batch, after]), set, what, number);
}

#[test]
fn what_lives_is_limited() {
    let create = (2..MANY).fold(running(), |batch, go| batch.event(EventType::GoCreate, &[1, go, 0, 0]));
    assert_live_limit(create, |limits, number| limits.goroutines = number, "goroutines", MANY - 1);
    let procs = (1..MANY).fold(running(), |batch, proc| batch.event(EventType::ProcStatus, &[1, proc, 2]));
    assert_live_limit(procs, |limits, number| limits.procs = number, "Ps", MANY);
    let tasks = (1..=MANY).fold(running(), |batch, task| batch.event(EventType::UserTaskBegin, &[1, task, 0, 0, 0]));
    assert_live_limit(tasks, |limits, number| limits.tasks = number, "open tasks", MANY);
    let regions = (1..=MANY).fold(running(), |batch, _| batch.event(EventType::UserRegionBegin, &[1, 0, 0, 0]));
    assert_live_limit(regions, |limits, number| limits.regions = number, "open regions", MANY);

    // What ends does not count.
    let one = |batch: Batch, task| {
        batch.event(EventType::UserTaskBegin, &[1, task, 0, 0, 0]).event(EventType::UserTaskEnd, &[1, task, 0])
    };
    let mut limits = Limits::default();
    limits.tasks = 1;
    assert_eq!(exceeded(&of_batches([(1..=MANY).fold(running(), one)]), limits), None);
}

/// Generations that leave goroutines, tasks and names behind.
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

/// What lives on from generation to generation is limited by its memory, in proportion to the generations.
#[test]
fn what_is_carried_on_is_limited() {
    let bytes = leaks(40, 2000);
    assert_eq!(exceeded(&bytes, Limits::default()), None);
    let mut limits = Limits::default();
    limits.carried_bytes = 1 << 20;
    let (what, limit, at, _) = exceeded(&bytes, limits).expect("each leaves 300 kB at the least");
    assert_eq!(what, "bytes that live on in the next generation");
    let largest = (limit - (1 << 20)) / 16;
    assert!((40_000..120_000).contains(&largest), "a generation has {largest} bytes");
    let stopped = at.generation.expect("in one");
    assert!((4..40).contains(&stopped), "in generation {stopped}");
}

/// By default that stops a trace in which every generation leaves all it makes.
#[test]
fn leaks_come_to_an_end() {
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
    let (what, .., events) = read(reader).expect("it would not end");
    assert_eq!(what, "bytes that live on in the next generation");
    assert!((300_000..3_000_000).contains(&events), "after {events} events");
}

fn old_trace(records: &[(u8, &[u64])]) -> Vec<u8> {
    records.iter().fold(OldTrace::new(), |trace, (code, values)| trace.record(*code, values)).into_bytes()
}

#[test]
fn what_lives_in_old_traces_is_limited() {
    let goroutine = |id| (GO_CREATE, [1, id, 0, 0]);
    let creations: Vec<_> = (1..=MANY).map(goroutine).collect();
    let creations: Vec<(u8, &[u64])> = creations.iter().map(|(code, values)| (*code, &values[..])).collect();
    let listed_first = |rest: &[(u8, &[u64])], listed: &[(u8, &[u64])]| {
        let begin: [(u8, &[u64]); 1] = [(BATCH, &[0, 100])];
        let end_of_list: [(u8, &[u64]); 3] = [(GOMAXPROCS, &[1, 4, 0]), (PROC_START, &[1, 7]), (GO_START, &[1, 1, 1])];
        let end: [(u8, &[u64]); 1] = [(FREQUENCY, &[1000])];
        old_trace(&[&begin, listed, &end_of_list, rest, &end].concat())
    };
    let goroutines = |limits: &mut Limits, number| limits.goroutines = number;
    // Those that there were as tracing began, and others.
    let listed = listed_first(&[], &creations);
    assert_limit(&listed, goroutines, "goroutines", MANY);
    assert_limit(&listed_first(&creations[1..], &creations[..1]), goroutines, "goroutines", MANY);
    // They are listed without an event. Still not all are taken in before they are counted.
    let mut limits = Limits::default();
    limits.goroutines = 10;
    let (.., at, events) = exceeded(&listed, limits).expect("there are more");
    assert_eq!((at.offset, events), (16, 1), "the Sync");

    let tasks: Vec<_> = (1..=MANY).map(|task| [1, task, 0, 0, 0]).collect();
    let tasks: Vec<(u8, &[u64])> = tasks.iter().map(|values| (TASK_CREATE, &values[..])).collect();
    let bytes = listed_first(&tasks, &creations[..1]);
    assert_limit(&bytes, |limits, number| limits.tasks = number, "open tasks", MANY);
    let regions = vec![(REGION, &[1, 0, 0, 0, 0][..]); MANY as usize];
    let bytes = listed_first(&regions, &creations[..1]);
    assert_limit(&bytes, |limits, number| limits.regions = number, "open regions", MANY);
    // All of it is one generation.
    let mut limits = Limits::default();
    limits.carried_bytes = 0;
    assert_eq!(exceeded(&bytes, limits), None);
}

#[test]
fn old_traces_have_limits_too() {
    let path = testdata().join("traces/go1.21/labels.trace");
    let bytes = std::fs::read(path).expect("in the repository");
    assert_eq!(exceeded(&bytes, Limits::default()), None);
    let mut limits = Limits::default();
    limits.generation_bytes = 1000;
    assert_eq!(exceeded(&bytes, limits).expect("it has 2,379").0, "bytes in a generation");
    let mut limits = Limits::default();
    limits.stacks = 1;
    assert_eq!(exceeded(&bytes, limits).expect("it has more").0, "stacks in a generation");
}
