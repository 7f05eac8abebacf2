//! No damage makes a reader panic, and an error says where: traces cut and changed, and everything of every event asked
//! for. Lenient reading goes over all of it, gives what is whole before a cut, and accounts for every byte.
//!
//! By default only some bytes are cut at and changed. Every byte of every trace up to 100 kB takes
//! `cargo test --release -p gotrace-tests --test decode damage:: -- --ignored` an hour of one processor, so
//! `GOTRACE_SHARD=2/8` takes the second eighth of the traces.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use gotrace::raw::RawReader;
use gotrace::{Error, Event, EventKind, Reader};
use gotrace_tests::corpus::{OLD_RELEASES, RELEASES, sample, samples};
use memchr::memmem;

/// One trace of each kind of framing: no clock snapshot, with one, and with the ends of generations.
const TRACES: [&str; 3] = ["go1.22/timers", "go1.25/timers", "go1.26/timers"];

const FLIPS: [u8; 3] = [0x01, 0x80, 0xff];

/// What the events of one trace, damaged here and there, were asked for. Text takes far longer than reading, a trace has few
/// stacks, and damage changes few of them.
#[derive(Default)]
struct Asked {
    /// Which generation of the damaged trace it is.
    generation: u64,
    /// Of this damaged trace: hashes of generation, kind and IDs of stacks.
    kinds: HashSet<u64>,
    /// Of all of them: hashes of texts.
    texts: HashSet<u64>,
    text: Vec<u8>,
}

impl Asked {
    fn begin_reading(&mut self) {
        self.generation = 0;
    }

    fn begin_damage(&mut self) {
        self.kinds.clear();
    }

    /// Asks an event for all it has, the first of each kind with each stack for its text as well.
    fn ask(&mut self, event: &Event<'_>) {
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
            self.ask_for_text(event);
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

    /// Asks an event for Go's text, and if there was none such but for its time, for all that there is besides.
    fn ask_for_text(&mut self, event: &Event<'_>) {
        self.text.clear();
        event.write_text(&mut self.text).expect("a vector takes all");
        let time = memmem::find(&self.text, b" Time=").expect("it has a time") + 6;
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

/// Reads all there is; gives the number of events.
fn read(bytes: &[u8], asked: &mut Asked) -> (u64, Result<(), Error>) {
    let mut events = 0;
    asked.begin_reading();
    let result = Reader::from_slice(bytes).and_then(|mut reader| {
        while let Some(event) = reader.next_event()? {
            asked.ask(&event);
            events += 1;
        }
        reader.warnings().0.iter().for_each(|warning| drop(warning.to_string()));
        Ok(())
    });
    (events, result)
}

fn read_raw(bytes: &[u8]) -> Result<(), Error> {
    let mut reader = RawReader::from_slice(bytes)?;
    let mut asked = HashSet::new();
    while let Some(batch) = reader.next_batch()? {
        assert!(batch.body().len() <= batch.bytes().len());
        let mut events = batch.events();
        let mut covered = 0;
        while let Some(event) = events.next_event()? {
            // The first of each type and length.
            if asked.insert((event.event(), event.bytes().len())) {
                event.write_text(&mut io::sink()).expect("a sink takes all");
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

/// An error's text says something, and its place lies in the file.
fn assert_located(error: &Error, bytes: &[u8], what: &str) {
    assert!(!format!("{error} {error:?}").is_empty());
    assert!(error.at.offset <= bytes.len() as u64, "{what}: {error} lies behind the file's end");
}

fn check(bytes: &[u8], what: &str, asked: &mut Asked) -> (u64, Result<(), Error>) {
    asked.begin_damage();
    let (events, result) = read(bytes, asked);
    if let Err(error) = &result {
        assert_located(error, bytes, what);
    }
    if let Err(error) = read_raw(bytes) {
        assert_located(&error, bytes, what);
    }
    (events, result)
}

/// Reads over damage; gives the time at which each generation that it gave begins, and how many events it has. What is no
/// trace gives none.
fn read_leniently(bytes: &[u8], what: &str, asked: &mut Asked) -> Vec<(i64, u64)> {
    let mut reader = match Reader::builder().lenient().from_slice(bytes) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(error.at.offset == 0 && bytes.get(..16) != Some(b"go 1.26 trace\0\0\0"), "{what}: {error}");
            return Vec::new();
        }
    };
    let mut last = None;
    let mut generations: Vec<(i64, u64)> = Vec::new();
    asked.begin_reading();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                assert!(last < Some(event.time()), "{what}: times increase");
                last = Some(event.time());
                asked.ask(&event);
                match event.kind() {
                    EventKind::Sync(sync) if sync.begins_generation() => generations.push((event.time().0, 0)),
                    EventKind::Sync(_) | EventKind::Gap(_) => {}
                    _ => generations.last_mut().expect("a Sync begins each").1 += 1,
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

/// What a whole trace gives.
struct Whole {
    bytes: Vec<u8>,
    /// Where each batch ends; none in traces before Go 1.22.
    batches: Vec<usize>,
    /// Where each generation ends.
    ends: Vec<usize>,
    /// When each begins, and how many events it has.
    generations: Vec<(i64, u64)>,
}

impl Whole {
    fn new(bytes: Vec<u8>) -> Self {
        let mut batches = Vec::new();
        let mut ends = Vec::new();
        if let Ok(mut reader) = RawReader::from_slice(&bytes) {
            let mut last = 0;
            while let Some(batch) = reader.next_batch().expect("a whole trace") {
                if last != batch.generation {
                    ends.extend(batches.last());
                }
                last = batch.generation;
                batches.push(batch.offset as usize + batch.bytes().len());
            }
            ends.extend(batches.last());
        }
        let generations = read_leniently(&bytes, "the whole", &mut Asked::default());
        Whole { bytes, batches, ends, generations }
    }

    /// Lengths to cut at: every so many, and around the end of each generation.
    fn cuts(&self, step: usize) -> impl Iterator<Item = usize> {
        let around = self.ends.iter().flat_map(|end| [end - 1, *end, end + 1]);
        let len = self.bytes.len();
        (0..len).rev().step_by(step).chain(around.filter(move |cut| *cut < len && step > 1))
    }

    /// Whether a strict reader takes what is left of a cut, where that is certain: what is whole ends with a generation.
    /// Before Go 1.26 some other ends of batches can't be told from one, and before Go 1.22 some ends of events.
    fn is_taken(&self, name: &str, cut: usize) -> Option<bool> {
        let is_at_end = self.ends.contains(&cut);
        let is_certain = is_at_end || name >= "go1.26" || name >= "go1.22" && !self.batches.contains(&cut);
        is_certain.then_some(is_at_end)
    }
}

/// Cuts a trace behind every so many bytes.
fn cut(name: &str, step: usize) {
    let whole = Whole::new(sample(name).bytes());
    let asked = &mut Asked::default();
    let (all, result) = read(&whole.bytes, asked);
    assert!(result.is_ok() && all > 10, "{name} is whole");
    assert_eq!(whole.generations.len(), whole.ends.len().max(1), "{name}");
    let mut of_longer = u64::MAX;
    for len in whole.cuts(step) {
        let what = format!("{name} cut at {len}");
        let bytes = &whole.bytes[..len];
        let (events, result) = check(bytes, &what, asked);
        let is_taken = whole.is_taken(name, len);
        assert!(is_taken.is_none_or(|is_taken| is_taken == result.is_ok()), "{what}: {result:?}");
        assert!(events <= all, "{what}");
        let given = read_leniently(bytes, &what, asked);
        let ended = whole.ends.iter().filter(|end| **end <= len).count();
        // All generations before the cut, whole.
        assert!(given.len() >= ended, "{what}: {ended} generations are whole");
        assert_eq!(given[..ended], whole.generations[..ended], "{what}");
        // And no less than of a shorter cut. Before Go 1.22 a longer one may say of another P what contradicts its events: a
        // stop-the-world that has begun and does not end.
        let given = given.iter().map(|(_, events)| events).sum();
        let is_old = name < "go1.22";
        assert!(step > 1 || is_old || given <= of_longer, "{what}: {given} events, {of_longer} of a longer cut");
        of_longer = given;
    }
}

/// Changes every so manieth byte of a trace.
fn flip(name: &str, step: usize) {
    let mut bytes = sample(name).bytes();
    let asked = &mut Asked::default();
    let mut refused = 0;
    let mut changed = 0;
    for at in (0..bytes.len()).rev().step_by(step) {
        for flip in FLIPS {
            bytes[at] ^= flip;
            let what = format!("{name} with byte {at} ^ {flip:#x}");
            let (_, result) = check(&bytes, &what, asked);
            refused += usize::from(result.is_err());
            changed += 1;
            read_leniently(&bytes, &what, asked);
            bytes[at] ^= flip;
        }
    }
    assert!(changed < 100 || refused > changed / 6, "{name}: only {refused} changes of {changed} are noticed");
}

#[test]
fn small_traces_are_cut() {
    TRACES.iter().for_each(|name| cut(name, 7));
}

#[test]
fn small_traces_are_changed() {
    TRACES.iter().for_each(|name| flip(name, 23));
}

/// The traces up to 100 kB.
fn all() -> Vec<String> {
    let releases = RELEASES.into_iter().chain(OLD_RELEASES);
    let names = releases.flat_map(samples).filter(|sample| sample.bytes().len() <= 100_000);
    let names: Vec<_> = names.map(|sample| sample.name).collect();
    assert!(names.len() > 100, "testdata has traces");
    names
}

/// Those that `GOTRACE_SHARD` asks for, such as `2/8`: large and small ones alike.
fn shard() -> Vec<String> {
    let Ok(shard) = std::env::var("GOTRACE_SHARD") else { return all() };
    let (number, of) = shard.split_once('/').expect("GOTRACE_SHARD is such as 2/8");
    let (number, of): (usize, usize) = (number.parse().expect("a number"), of.parse().expect("a number"));
    assert!((1..=of).contains(&number), "GOTRACE_SHARD is one of {of}");
    let mut names = all();
    names.sort_by_key(|name| sample(name).bytes().len());
    names.into_iter().skip(number - 1).step_by(of).collect()
}

/// Goes through the traces of the shard, and says how far it is.
fn sweep(damage: impl Fn(&str)) {
    let names = shard();
    for (i, name) in names.iter().enumerate() {
        println!("{} of {}: {name}, {} bytes", i + 1, names.len(), sample(name).bytes().len());
        damage(name);
    }
}

#[test]
fn all_traces_are_cut_here_and_there() {
    all().iter().for_each(|name| cut(name, 4999));
}

#[test]
fn all_traces_are_changed_here_and_there() {
    all().iter().for_each(|name| flip(name, 9973));
}

#[test]
#[ignore = "takes long: see above"]
fn all_traces_are_cut_at_every_byte() {
    sweep(|name| cut(name, 1));
}

#[test]
#[ignore = "takes long: see above"]
fn all_traces_are_changed_at_every_byte() {
    sweep(|name| flip(name, 1));
}
