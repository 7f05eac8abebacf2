//! Tests that parking threads does not change the result, except for the order of threads at the same time.

use crate::ThreadId;
use crate::event::record::Record;
use crate::limits::Mode;
use crate::raw::EventType;
use crate::synth::{Batch, Generation, Trace};
use crate::v2::decoder::Decoder;
use crate::v2::parked::TryBudget;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;

/// Returns the events and the result of a trace.
fn order(bytes: &[u8], version: Version, lenient: bool, try_budget: TryBudget) -> (Vec<String>, String) {
    let mut decoder = Decoder::new(version, Mode { lenient, ..Mode::default() });
    decoder.sequencer.try_budget = try_budget;
    let mut source = Source::slice(bytes);
    source.release(16);
    let mut events = Vec::new();
    loop {
        match decoder.refill(&mut source) {
            Ok(true) => events.extend(decoder.take(&source).0.iter().map(|record: &Record| format!("{record:?}"))),
            Ok(false) => return (events, format!("{:?}", decoder.account(&source))),
            Err(error) => return (events, format!("{error:?}")),
        }
    }
}

fn assert_same(bytes: &[u8], version: Version, what: &str) {
    for lenient in [false, true] {
        let tried = order(bytes, version, lenient, TryBudget::default());
        let parked = order(bytes, version, lenient, TryBudget::zero());
        let differs = tried.0.iter().zip(&parked.0).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{what}");
        assert_eq!((tried.0.len(), &tried.1), (parked.0.len(), &parked.1), "{what}");
    }
}

fn traces() -> Vec<(String, Version, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces");
    let mut traces = Vec::new();
    for release in std::fs::read_dir(folder).expect("the folder is in the repository") {
        for file in std::fs::read_dir(release.expect("a folder").path()).expect("the folder is in the repository") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|extension| extension != "trace") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("a trace");
            let version = header::parse(&bytes[..16]).expect("a version");
            if !version.is_v1() {
                traces.push((path.display().to_string(), version, bytes));
            }
        }
    }
    assert!(traces.len() > 100, "{} traces", traces.len());
    traces
}

#[test]
fn real_traces_have_the_same_order() {
    for (name, version, bytes) in traces() {
        assert_same(&bytes, version, &name);
    }
}

/// Returns a trace in which other threads start with events that wait for an event on thread 7.
fn blocked_trace(later: impl IntoIterator<Item = Batch>) -> Vec<u8> {
    let mut generation = Generation::new(1);
    generation.batch(
        Batch::new(ThreadId(7), 1)
            .event(EventType::ProcStatus, &[0, 0, 1])
            .event(EventType::GoStatus, &[0, 1, 7, 2])
            .event(EventType::ProcStatus, &[0, 1, 2]),
    );
    for batch in later {
        generation.batch(batch);
    }
    Trace::new(Version::Go126).generation(&generation).into_bytes()
}

fn on(thread: u64, time: u64) -> Batch {
    Batch::new(ThreadId(thread), time)
}

/// Tests each kind of wait with a wait that ends late, and a wait that never ends.
#[test]
fn every_wait_ends_when_its_event_happens() {
    use EventType as E;
    let own_p = |m: u64, p: u64| on(m, m).event(E::ProcStatus, &[0, p, 1]);
    // The events on thread 7 that end the waits.
    let m7 = || {
        on(7, 500)
            .event(E::GCBegin, &[0, 1, 0])
            .event(E::GoCreate, &[0, 2, 0, 0])
            .event(E::GoCreateBlocked, &[0, 3, 0, 0])
            .event(E::GoCreateBlocked, &[0, 4, 0, 0])
            .event(E::GoCreateBlocked, &[0, 5, 0, 0])
            .event(E::GoSyscallBegin, &[0, 1, 0])
    };
    let batches = |missing: bool| {
        let mut batches = vec![
            own_p(10, 10).event(E::GoStart, &[0, 2, 1]),
            own_p(11, 11).event(E::GoUnblock, &[0, 3, 1, 0]),
            own_p(12, 12).event(E::GoStatus, &[0, 12, 12, 2]).event(E::GoSwitch, &[0, 4, 1]),
            own_p(13, 13).event(E::GoStatus, &[0, 13, 13, 2]).event(E::GoSwitchDestroy, &[0, 5, 1]),
            own_p(14, 14).event(E::GoStatus, &[0, 14, 14, 2]).event(E::GCEnd, &[0, 2]),
            on(15, 30).event(E::ProcStart, &[0, 20, 1]),
            on(16, 31).event(E::ProcSteal, &[0, 0, 2, 7]),
            // The thread has a P, which is stolen only later, when its system call ends.
            own_p(17, 17)
                .event(E::GoStatus, &[0, 17, 17, 2])
                .event(E::GoSyscallBegin, &[0, 1, 0])
                .event(E::GoSyscallEndBlocked, &[0]),
            own_p(18, 18)
                .event(E::GoStatus, &[0, 18, 18, 2])
                .event(E::GoSyscallBegin, &[0, 1, 0])
                .event(E::ProcStart, &[0, 21, 1]),
            // This thread acquires the P before the previous thread can.
            on(19, 32).event(E::ProcStart, &[0, 21, 1]).event(E::ProcStop, &[0]),
            on(20, 600).event(E::ProcStatus, &[0, 20, 2]).event(E::ProcStatus, &[0, 21, 2]),
            on(21, 700).event(E::ProcSteal, &[0, 17, 2, 17]).event(E::ProcSteal, &[0, 18, 2, 18]),
            // Two threads wait for the same event. The later thread waits forever.
            own_p(22, 22).event(E::GoStart, &[0, 2, 1]),
        ];
        if !missing {
            batches.push(m7());
        }
        batches
    };
    for missing in [false, true] {
        let bytes = blocked_trace(batches(missing));
        assert_same(&bytes, Version::Go126, "blocked");
        let (events, error) = order(&bytes, Version::Go126, false, TryBudget::zero());
        let stuck = error.matches("StuckHead").count();
        // Thread 18 cannot acquire the P of thread 19, and thread 22 is too late.
        assert_eq!(stuck, if missing { 8 } else { 2 }, "{events:#?} {error}");
    }
}

/// Returns the number of tries for each event and thread. All threads start with the same events. If `apart` is false,
/// at the same time.
fn tries(ms: u64, apart: bool, begin: impl Fn(u64, Batch) -> Batch, m7: impl Fn(Batch) -> Batch) -> f64 {
    let mut batches = vec![m7(on(7, 500))];
    batches.extend((1000..1000 + ms).map(|m| begin(m, on(m, 10 + m * u64::from(apart)))));
    let bytes = blocked_trace(batches);
    let mut decoder = Decoder::new(Version::Go126, Mode::default());
    let mut source = Source::slice(&bytes);
    source.release(16);
    while decoder.refill(&mut source).is_ok_and(|has_more| has_more) {
        decoder.take(&source);
    }
    decoder.sequencer.tries as f64 / (decoder.sequencer.delivered + ms) as f64
}

/// The work is proportional to the number of events, no matter what the threads wait for.
#[test]
fn blocked_threads_are_not_tried_at_every_event() {
    use EventType as E;
    type Begin = fn(u64, Batch) -> Batch;
    let never: Begin = |m, batch| batch.event(E::GoStart, &[0, m, 1]);
    let too_late: Begin = |_, batch| batch.event(E::GoStart, &[0, 1, 1 << 40]);
    let the_same: Begin =
        |m, batch| batch.event(E::ProcStatus, &[0, m, 1]).event(E::GoStart, &[0, 2, 1]).event(E::GoDestroy, &[0]);
    let own_p: Begin = |m, batch| {
        let batch = batch.event(E::ProcStatus, &[0, m, 1]).event(E::GoStatus, &[0, m, m, 2]);
        batch.event(E::GoSyscallBegin, &[0, 1, 0]).event(E::ProcStart, &[0, 1, 1])
    };
    let gc: Begin = |m, batch| batch.event(E::GCBegin, &[0, m]);
    let events = 20_000;
    for (what, begin) in
        [("never", never), ("too late", too_late), ("the same", the_same), ("its P", own_p), ("GC", gc)]
    {
        for (ms, apart) in [(400, true), (4000, true), (4000, false)] {
            let found = tries(ms, apart, begin, |batch| {
                (1..events / 2).fold(batch, |batch, i| match what {
                    "the same" => batch.event(E::GoCreate, &[1, 2, 0, 0]).event(E::HeapAlloc, &[1, i]),
                    "its P" => batch.event(E::ProcStatus, &[0, 1, 2]).event(E::HeapAlloc, &[0, i]),
                    _ => batch.event(E::GoStop, &[0, 0, 0]).event(E::GoStart, &[0, 1, i]),
                })
            });
            // Up to 16 tries happen before threads are parked.
            assert!(found < 24.0, "{what}, {ms} threads: {found} tries for each event and thread");
        }
    }
}
