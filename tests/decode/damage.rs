//! Truncated and changed traces, with every accessor of every event called. No damage causes a
//! panic, and each error is located in the file. Lenient reading never fails, delivers all complete
//! generations before a cut, and accounts for every byte.
//!
//! By default only some bytes are tested. To test every byte of every trace up to 100 kB, run
//! `cargo test --release -p gotrace-tests --test decode damage:: -- --ignored`. It takes an hour on
//! one processor. `GOTRACE_SHARD=2/8` selects the second eighth of the traces.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use gotrace::raw::RawReader;
use gotrace::{Error, Event, EventKind, Reader};
use gotrace_tests::corpus::{RELEASES, V1_RELEASES, sample, samples};
use memchr::memmem;

/// One trace for each kind of framing: without clock snapshots, with them, and with ends of
/// generations.
const TRACES: [&str; 3] = ["go1.22/timers", "go1.25/timers", "go1.26/timers"];

const FLIPS: [u8; 3] = [0x01, 0x80, 0xff];

/// Calls every accessor of events. Formatting takes far longer than reading, so each text is
/// formatted once: damaged copies of a trace share nearly all of them.
#[derive(Default)]
struct Accessors {
    /// The current generation of the damaged trace.
    generation: u64,
    /// Hashes of the generation, kind and stack IDs of the events of the current damaged trace.
    kinds: HashSet<u64>,
    /// Hashes of the texts of all damaged traces.
    texts: HashSet<u64>,
    text: Vec<u8>,
}

impl Accessors {
    fn begin_reading(&mut self) {
        self.generation = 0;
    }

    fn begin_damage(&mut self) {
        self.kinds.clear();
    }

    /// Calls the accessors of an event. Formats the first event of each kind with each stack.
    fn call_all(&mut self, event: &Event<'_>) {
        let _ = (event.time(), event.go(), event.proc(), event.thread());
        let kind = event.kind();
        if let EventKind::Sync(_) | EventKind::Gap(_) = kind {
            self.generation += 1;
        }
        let (of, from, to, created) = match kind {
            EventKind::GoTransition(change) => ("goroutine", change.from.name(), change.to.name(), change.stack),
            EventKind::ProcTransition(change) => ("P", change.from.name(), change.to.name(), None),
            _ => (kind.name(), "", "", None),
        };
        let stacks = [event.stack(), created].map(|stack| stack.map(|stack| stack.id().0));
        if self.kinds.insert(hash(&(self.generation, of, from, to, stacks))) {
            self.format(event);
        }
        match kind {
            EventKind::Sync(sync) => {
                sync.experimental_batches().for_each(|batch| drop(format!("{batch:?}")));
                if let Some(clock) = sync.clock {
                    let _ = clock.wall_at(event.time()).map(|wall| (wall.to_string(), wall.to_system_time()));
                }
            }
            EventKind::Metric(metric) => drop((metric.name(), metric.value())),
            EventKind::GoTransition(change) => {
                let frames = change.stack.into_iter().flat_map(|stack| stack.frames());
                assert!(frames.count() <= 1000);
                assert!(change.reason.to_str_lossy().len() <= 3 * 1024);
            }
            EventKind::Log(log) => drop((log.category.to_str_lossy(), log.message.to_str_lossy())),
            EventKind::Experimental(event) => drop(format!("{event:?}")),
            kind => assert!(!kind.name().is_empty()),
        }
    }

    /// Formats an event as Go does and, if that text without its time is new, in all other ways.
    fn format(&mut self, event: &Event<'_>) {
        self.text.clear();
        event.write_text(&mut self.text).expect("writing to a vector cannot fail");
        let time = memmem::find(&self.text, b" Time=").expect("every event has a time") + 6;
        let digits = self.text[time..].iter().take_while(|byte| matches!(byte, b'-' | b'0'..=b'9')).count();
        if !self.texts.insert(hash(&(&self.text[..time], &self.text[time + digits..]))) {
            return;
        }
        let (debug, display) = (format!("{event:?}"), event.to_string());
        assert!(!debug.is_empty() && !display.is_empty());
        let frames = event.stack().into_iter().flat_map(|stack| stack.frames());
        frames.for_each(|frame| drop((frame.func.to_str_lossy(), frame.file.to_str(), frame.pc, frame.line)));
    }
}

fn hash(it: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

/// Reads to the end or an error and returns the number of events.
fn read(bytes: &[u8], accessors: &mut Accessors) -> (u64, Result<(), Error>) {
    let mut events = 0;
    accessors.begin_reading();
    let result = Reader::from_slice(bytes).and_then(|mut reader| {
        while let Some(event) = reader.next_event()? {
            accessors.call_all(&event);
            events += 1;
        }
        reader.warnings().0.iter().for_each(|warning| drop(warning.to_string()));
        Ok(())
    });
    (events, result)
}

fn read_raw(bytes: &[u8]) -> Result<(), Error> {
    let mut reader = RawReader::from_slice(bytes)?;
    let mut formatted = HashSet::new();
    while let Some(batch) = reader.next_batch()? {
        assert!(batch.body().len() <= batch.bytes().len());
        let mut events = batch.events();
        let mut covered = 0;
        while let Some(event) = events.next_event()? {
            // Only the first event of each type and length, since formatting is slow.
            if formatted.insert((event.event(), event.bytes().len())) {
                event.write_text(&mut io::sink()).expect("writing to a sink cannot fail");
            }
            assert!(event.encoded_size() <= event.bytes().len());
            assert!(event.frames().count() * 4 <= event.bytes().len());
            covered += event.bytes().len();
        }
        assert_eq!(covered, batch.bytes().len(), "every byte belongs to an event");
    }
    assert_eq!(reader.offset(), bytes.len() as u64);
    Ok(())
}

/// Asserts that an error has a message and is located in the file.
fn assert_located(error: &Error, bytes: &[u8], what: &str) {
    assert!(!format!("{error} {error:?}").is_empty());
    assert!(error.at.offset <= bytes.len() as u64, "{what}: {error} is located after the end of the file");
}

fn check(bytes: &[u8], what: &str, accessors: &mut Accessors) -> (u64, Result<(), Error>) {
    accessors.begin_damage();
    let (events, result) = read(bytes, accessors);
    if let Err(error) = &result {
        assert_located(error, bytes, what);
    }
    if let Err(error) = read_raw(bytes) {
        assert_located(&error, bytes, what);
    }
    (events, result)
}

/// Reads leniently and returns the start time and the number of events of each generation. A file
/// without the header of a trace has no generations.
fn read_leniently(bytes: &[u8], what: &str, accessors: &mut Accessors) -> Vec<(i64, u64)> {
    let mut reader = match Reader::builder().lenient().from_slice(bytes) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(error.at.offset == 0 && bytes.get(..16) != Some(b"go 1.26 trace\0\0\0"), "{what}: {error}");
            return Vec::new();
        }
    };
    let mut last = None;
    let mut generations: Vec<(i64, u64)> = Vec::new();
    accessors.begin_reading();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                assert!(last < Some(event.time()), "{what}: times increase");
                last = Some(event.time());
                accessors.call_all(&event);
                match event.kind() {
                    EventKind::Sync(sync) if sync.begins_generation() => generations.push((event.time().0, 0)),
                    EventKind::Sync(_) | EventKind::Gap(_) => {}
                    _ => generations.last_mut().expect("a Sync starts each generation").1 += 1,
                }
            }
            Ok(None) => break,
            Err(error) => panic!("{what}: lenient reading fails: {error}"),
        }
    }
    let account = reader.account();
    let sum = account.read.bytes + account.lost.bytes + account.trailing;
    assert_eq!(sum, bytes.len() as u64, "{what}: {account:?}");
    assert!(account.fault_count > 0 || account.lost.bytes + account.trailing == 0, "{what}: {account:?}");
    account.faults.iter().for_each(|fault| assert_located(fault, bytes, what));
    generations
}

/// A complete trace.
struct Whole {
    bytes: Vec<u8>,
    /// The offset of the end of each batch. Traces before Go 1.22 have none.
    batches: Vec<usize>,
    /// The offset of the end of each generation.
    ends: Vec<usize>,
    /// The start time and the number of events of each generation.
    generations: Vec<(i64, u64)>,
}

impl Whole {
    fn new(bytes: Vec<u8>) -> Self {
        let mut batches = Vec::new();
        let mut ends = Vec::new();
        if let Ok(mut reader) = RawReader::from_slice(&bytes) {
            let mut last = 0;
            while let Some(batch) = reader.next_batch().expect("a complete trace") {
                if last != batch.generation {
                    ends.extend(batches.last());
                }
                last = batch.generation;
                batches.push(batch.offset as usize + batch.bytes().len());
            }
            ends.extend(batches.last());
        }
        let generations = read_leniently(&bytes, "the complete trace", &mut Accessors::default());
        Whole { bytes, batches, ends, generations }
    }

    /// The lengths to cut to: every `step` bytes, and around the end of each generation.
    fn cuts(&self, step: usize) -> impl Iterator<Item = usize> {
        let around = self.ends.iter().flat_map(|end| [end - 1, *end, end + 1]);
        let len = self.bytes.len();
        (0..len).rev().step_by(step).chain(around.filter(move |cut| *cut < len && step > 1))
    }

    /// Whether strict reading of the truncated trace succeeds, which it does at the end of a
    /// generation. `None` if that is uncertain: before Go 1.26 other ends of batches can look like
    /// the end of a trace, and before Go 1.22 other ends of events.
    fn is_accepted(&self, name: &str, cut: usize) -> Option<bool> {
        let is_at_end = self.ends.contains(&cut);
        let is_certain = is_at_end || name >= "go1.26" || name >= "go1.22" && !self.batches.contains(&cut);
        is_certain.then_some(is_at_end)
    }
}

/// Truncates a trace to every `step`-th length.
fn cut(name: &str, step: usize) {
    let whole = Whole::new(sample(name).bytes());
    let accessors = &mut Accessors::default();
    let (all, result) = read(&whole.bytes, accessors);
    assert!(result.is_ok() && all > 10, "{name} is complete");
    assert_eq!(whole.generations.len(), whole.ends.len().max(1), "{name}");
    let mut of_longer = u64::MAX;
    for len in whole.cuts(step) {
        let what = format!("{name} cut at {len}");
        let bytes = &whole.bytes[..len];
        let (events, result) = check(bytes, &what, accessors);
        let is_accepted = whole.is_accepted(name, len);
        assert!(is_accepted.is_none_or(|is_accepted| is_accepted == result.is_ok()), "{what}: {result:?}");
        assert!(events <= all, "{what}");
        let given = read_leniently(bytes, &what, accessors);
        let ended = whole.ends.iter().filter(|end| **end <= len).count();
        // All generations before the cut are complete.
        assert!(given.len() >= ended, "{what}: {ended} generations are complete");
        assert_eq!(given[..ended], whole.generations[..ended], "{what}");
        // A shorter file never yields more events. Before Go 1.22 it can: a longer file may contain
        // the start of a stop-the-world without its end, which contradicts events of other Ps.
        let given = given.iter().map(|(_, events)| events).sum();
        let is_old = name < "go1.22";
        assert!(step > 1 || is_old || given <= of_longer, "{what}: {given} events, {of_longer} of a longer file");
        of_longer = given;
    }
}

/// Changes every `step`-th byte of a trace.
fn flip(name: &str, step: usize) {
    let mut bytes = sample(name).bytes();
    let accessors = &mut Accessors::default();
    let mut refused = 0;
    let mut changed = 0;
    for at in (0..bytes.len()).rev().step_by(step) {
        for flip in FLIPS {
            bytes[at] ^= flip;
            let what = format!("{name} with byte {at} ^ {flip:#x}");
            let (_, result) = check(&bytes, &what, accessors);
            refused += usize::from(result.is_err());
            changed += 1;
            read_leniently(&bytes, &what, accessors);
            bytes[at] ^= flip;
        }
    }
    assert!(changed < 100 || refused > changed / 6, "{name}: only {refused} of {changed} changes are detected");
}

#[test]
fn truncated_small_traces_yield_their_complete_generations() {
    TRACES.iter().for_each(|name| cut(name, 7));
}

#[test]
fn changed_small_traces_cause_no_panic() {
    TRACES.iter().for_each(|name| flip(name, 23));
}

/// The traces up to 100 kB.
fn all() -> Vec<String> {
    let releases = RELEASES.into_iter().chain(V1_RELEASES);
    let names = releases.flat_map(samples).filter(|sample| sample.bytes().len() <= 100_000);
    let names: Vec<_> = names.map(|sample| sample.name).collect();
    assert!(names.len() > 100, "testdata has over 100 traces up to 100 kB");
    names
}

/// The traces that `GOTRACE_SHARD` selects, such as `2/8`, with small and large ones in each shard.
fn shard() -> Vec<String> {
    let Ok(shard) = std::env::var("GOTRACE_SHARD") else { return all() };
    let (number, of) = shard.split_once('/').expect("GOTRACE_SHARD has the form 2/8");
    let (number, of): (usize, usize) = (number.parse().expect("a number"), of.parse().expect("a number"));
    assert!((1..=of).contains(&number), "GOTRACE_SHARD is from 1 to {of}");
    let mut names = all();
    names.sort_by_key(|name| sample(name).bytes().len());
    names.into_iter().skip(number - 1).step_by(of).collect()
}

/// Damages each trace of the shard and prints the progress.
fn sweep(damage: impl Fn(&str)) {
    let names = shard();
    for (i, name) in names.iter().enumerate() {
        println!("{} of {}: {name}, {} bytes", i + 1, names.len(), sample(name).bytes().len());
        damage(name);
    }
}

#[test]
fn all_truncated_traces_yield_their_complete_generations() {
    all().iter().for_each(|name| cut(name, 4999));
}

#[test]
fn all_changed_traces_cause_no_panic() {
    all().iter().for_each(|name| flip(name, 9973));
}

#[test]
#[ignore = "takes half an hour: see the top of the file"]
fn all_traces_truncated_at_every_byte_yield_their_complete_generations() {
    sweep(|name| cut(name, 1));
}

#[test]
#[ignore = "takes half an hour: see the top of the file"]
fn all_traces_with_every_byte_changed_cause_no_panic() {
    sweep(|name| flip(name, 1));
}
