//! The timeline, compared with a simple evaluation of the text of `go tool trace -d=parsed` for
//! every trace in testdata.

use std::collections::BTreeMap;

use gotrace::analysis::summary::summarize;
use gotrace::timeline::{Goroutine, RuntimeWaker, StackTrace, Waker};
use gotrace::{EventKind, GoId, GoState, ProcState, RangeName, Reader, Scope, TaskId, Time, Timeline};
use gotrace_tests::corpus::{RELEASES, Sample, V1_RELEASES, samples};
use gotrace_tests::parsed::Frame;
use gotrace_tests::parsed::lives::{Life, Span, WokenBy, naive, naive_totals};

use crate::expected::all_samples;

fn frames(stack: Option<StackTrace<'_>>) -> Vec<Frame> {
    stack.into_iter().flat_map(|stack| stack.frames()).map(|frame| Frame::new(&frame)).collect()
}

fn woken_by(waker: &Waker<'_>) -> WokenBy {
    let stack = frames(waker.stack());
    match (waker.go(), waker.runtime()) {
        (Some(go), None) => WokenBy::Goroutine(go.0, stack),
        (None, Some(runtime)) => WokenBy::Runtime { sysmon: runtime == RuntimeWaker::Sysmon, stack },
        both => panic!("{both:?}"),
    }
}

/// The life of a goroutine from the timeline.
fn life(goroutine: Goroutine<'_>) -> Life {
    Life {
        created_at: goroutine.created_at().map(|time| time.0),
        created_by: goroutine.created_by().map(|go| go.0),
        creation_stack: frames(goroutine.creation_stack()),
        ended_at: goroutine.ended_at().map(|time| time.0),
        name: goroutine.name().to_string(),
        start_stack: frames(goroutine.start_stack()),
        spans: goroutine
            .spans()
            .map(|span| Span {
                state: span.state().to_string(),
                start: span.start().0,
                end: span.end().0,
                open: span.is_open(),
                reason: span.reason().to_string(),
                stack: frames(span.stack()),
                proc: span.proc().map(|id| id.0),
                thread: span.thread().map(|id| id.0),
                woken_by: span.woken_by().as_ref().map(woken_by),
            })
            .collect(),
    }
}

fn totals(goroutine: Goroutine<'_>, start: i64, end: i64) -> BTreeMap<String, i64> {
    let totals = goroutine.totals(Time(start)..Time(end));
    let waits = totals.waiting_by_reason().map(|row| (format!("Waiting: {}", row.reason), row.time));
    let states = [("Running", totals.running()), ("Runnable", totals.runnable()), ("Syscall", totals.syscall())];
    let all = states.map(|(state, time)| (state.to_owned(), time)).into_iter().chain(waits);
    all.map(|(key, time)| (key, time.as_nanos() as i64)).filter(|(_, nanos)| *nanos > 0).collect()
}

/// The text of Go's tool. For v1 traces, Go takes some events with the same time in the random
/// order of a map, so this is our text, which `tests/decode/v1.rs` compares with Go's.
fn text(sample: &Sample) -> String {
    let mut text = sample.golden("parsed");
    if V1_RELEASES.iter().any(|release| sample.name.starts_with(release)) {
        text.clear();
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        while let Some(event) = reader.next_event().expect("a complete trace") {
            event.write_text(&mut text).expect("writing to a vector cannot fail");
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn check(sample: &Sample) -> usize {
    let name = &sample.name;
    let text = text(sample);
    let timeline = Timeline::from_slice(&sample.bytes()).expect("a trace");
    let lives = naive(&text);
    let known: Vec<u64> = timeline.goroutines().map(|goroutine| goroutine.id().0).collect();
    assert_eq!(known.len(), lives.len(), "{name}: goroutines");
    let (start, end) = (timeline.start().0, timeline.end().0);
    for (&id, expected) in &lives {
        let goroutine = timeline.goroutine(GoId(id)).unwrap_or_else(|| panic!("{name}: goroutine {id}"));
        let found = life(goroutine);
        for (ours, theirs) in found.spans.iter().zip(&expected.spans) {
            assert_eq!(ours, theirs, "{name}: goroutine {id}");
        }
        assert_eq!(found.spans.len(), expected.spans.len(), "{name}: goroutine {id}");
        assert_eq!(
            Life { spans: vec![], ..found },
            Life { spans: vec![], ..clone_without_spans(expected) },
            "{name}: {id}"
        );
        for (start, end) in [(start, end), (start + (end - start) / 3, start + (end - start) / 2)] {
            assert_eq!(totals(goroutine, start, end), naive_totals(expected, start, end), "{name}: goroutine {id}");
        }
        for span in &expected.spans {
            for time in [span.start, span.end - 1] {
                let at = goroutine.at(Time(time)).unwrap_or_else(|| panic!("{name}: goroutine {id} at {time}"));
                assert_eq!((at.start().0, at.end().0), (span.start, span.end), "{name}: goroutine {id} at {time}");
            }
        }
        if let Some(created) = expected.created_at {
            assert!(goroutine.at(Time(created - 1)).is_none());
        }
        if let Some(ended) = expected.ended_at {
            assert!(goroutine.at(Time(ended)).is_none());
        }
        assert!(goroutine.spans().all(|span| span.state() != GoState::NotExist));
    }
    lives.values().map(|life| life.spans.len()).sum()
}

fn clone_without_spans(life: &Life) -> Life {
    Life {
        created_at: life.created_at,
        created_by: life.created_by,
        creation_stack: life.creation_stack.clone(),
        ended_at: life.ended_at,
        name: life.name.clone(),
        start_stack: life.start_stack.clone(),
        spans: vec![],
    }
}

#[test]
fn goroutines_equal_those_in_the_text_of_go() {
    let spans: usize = V1_RELEASES.into_iter().chain(RELEASES).flat_map(samples).map(|sample| check(&sample)).sum();
    assert!(spans > 50_000, "only {spans} spans: are traces missing?");
}

#[test]
fn an_unknown_goroutine_is_none() {
    let timeline = Timeline::from_slice(&gotrace_tests::corpus::sample("go1.26/channels").bytes()).expect("a trace");
    for id in [0, 1 << 20, u64::MAX] {
        assert!(timeline.goroutine(GoId(id)).is_none());
    }
}

/// A range: its name, start and end, whether a gap hides its end, and whether it lasts beyond the
/// end of the trace.
type Extent = (String, i64, i64, bool, bool);

/// Ranges, tasks and regions, computed from the events.
#[derive(Debug, Default)]
struct Extents {
    ranges: Vec<Extent>,
    /// For each ID: start, end, and the gap that may hide the end.
    tasks: BTreeMap<u64, [Option<i64>; 3]>,
    /// Goroutine, name, start, end.
    regions: Vec<(u64, String, Option<i64>, Option<i64>)>,
}

fn extents(bytes: &[u8]) -> Extents {
    let mut found = Extents::default();
    let mut ranges: BTreeMap<String, i64> = BTreeMap::new();
    let mut regions: Vec<(u64, String, i64)> = Vec::new();
    let mut last = 0;
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    while let Some(event) = reader.next_event().expect("lenient reading never fails") {
        let time = event.time().0;
        let go = event.go().map_or(u64::MAX, |go| go.0);
        last = time;
        // There is one stop-the-world at a time, so the reason is not part of the key.
        let key = |range: gotrace::Range<'_>| match range.name {
            RangeName::StopTheWorld(_) => format!("stop-the-world {:?}", range.scope),
            name => format!("{name} {:?}", range.scope),
        };
        match event.kind() {
            EventKind::RangeBegin(range) => drop(ranges.insert(key(range), time)),
            EventKind::RangeActive(range) => drop(ranges.entry(key(range)).or_insert(time)),
            EventKind::RangeEnd(range) => {
                let key = key(range);
                found.ranges.extend(ranges.remove(&key).map(|start| (key, start, time, false, false)));
            }
            EventKind::TaskBegin(task) => drop(found.tasks.insert(task.id.0, [Some(time), None, None])),
            EventKind::TaskEnd(task) => {
                let task = found.tasks.entry(task.id.0).or_default();
                (task[1], task[2]) = (task[1].or(Some(time)), None);
            }
            EventKind::RegionBegin(region) => regions.push((go, region.name.to_string(), time)),
            EventKind::RegionEnd(region) => {
                let name = region.name.to_string();
                let open = regions.iter().rposition(|(of, open, _)| *of == go && *open == name);
                // If the goroutine has open regions but not this one, the program misuses regions
                // or names are lost.
                if open.is_some() || regions.iter().all(|(of, ..)| *of != go) {
                    let start = open.map(|at| regions.remove(at).2);
                    found.regions.push((go, name, start, Some(time)));
                }
            }
            EventKind::Gap(_) => {
                found.ranges.extend(
                    std::mem::take(&mut ranges).into_iter().map(|(key, start)| (key, start, time, true, false)),
                );
                for task in found.tasks.values_mut().filter(|task| task[1].is_none()) {
                    task[2] = task[2].or(Some(time));
                }
                let open = std::mem::take(&mut regions).into_iter();
                found.regions.extend(open.map(|(go, name, start)| (go, name, Some(start), None)));
            }
            _ => {}
        }
    }
    found.ranges.extend(ranges.into_iter().map(|(key, start)| (key, start, last, false, true)));
    found.regions.extend(regions.into_iter().map(|(go, name, start)| (go, name, Some(start), None)));
    found.ranges.sort();
    found.regions.sort();
    found
}

/// The ranges of a timeline.
fn ranges(timeline: &Timeline) -> Vec<Extent> {
    let go = |go: Option<GoId>| format!("{:?}", Scope::Goroutine(go));
    let cycles = timeline.gc_cycles().map(|cycle| {
        let name = "GC concurrent mark phase Global".to_owned();
        let end = cycle.start().0 + cycle.duration().as_nanos() as i64;
        (name, cycle.start().0, end, cycle.is_cut(), cycle.is_open())
    });
    let pauses = timeline.pauses().map(|pause| {
        let name = format!("stop-the-world {}", go(pause.go()));
        (name, pause.start().0, pause.end().0, pause.is_cut(), pause.is_open())
    });
    let assists = timeline.mark_assists().map(|assist| {
        let name = format!("GC mark assist {}", go(assist.go()));
        (name, assist.start().0, assist.end().0, assist.is_cut(), assist.is_open())
    });
    let sweeps = timeline.sweeps().map(|sweep| {
        let name = format!("GC incremental sweep {:?}", Scope::Proc(sweep.proc()));
        (name, sweep.start().0, sweep.end().0, sweep.is_cut(), sweep.is_open())
    });
    let mut all: Vec<_> = cycles.chain(pauses).chain(assists).chain(sweeps).collect();
    all.sort();
    all
}

/// At a gap all states become undetermined, and all ranges, tasks and regions are cut.
#[test]
fn states_and_ranges_end_at_a_gap() {
    let [mut gaps, mut cut, mut cut_tasks, mut cut_regions, mut hidden_starts] = [0; 5];
    for name in ["go1.27/borders", "go1.25/borders", "go1.26/generations", "go1.27/flight"] {
        let sample = gotrace_tests::corpus::sample(name);
        let whole = Timeline::from_slice(&sample.bytes()).expect("a trace");
        assert_eq!((whole.gaps().len(), whole.lost().bytes), (0, 0));
        for part in 20..200 {
            let mut bytes = sample.bytes();
            let at = bytes.len() / 200 * part;
            bytes[at..at + 8].fill(0xff);
            let what = format!("{name}, byte {at}");
            let reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
            let timeline = Timeline::from_events(reader).expect("lenient reading never fails");
            gaps += timeline.gaps().len();
            for gap in timeline.gaps() {
                for span in timeline.at(gap).goroutines() {
                    assert_eq!(span.state(), GoState::Undetermined, "{what}: {span:?} at the gap {gap}");
                    assert!(span.start() <= gap);
                }
                for (proc, span) in timeline.at(gap).procs() {
                    assert_eq!(span.state(), ProcState::Undetermined, "{what}: P {} at the gap {gap}", proc.id());
                    assert_eq!((span.thread(), span.stolen_by()), (None, None));
                }
                for proc in timeline.procs() {
                    assert!(proc.running_at(gap).is_none(), "{what}: P {} at the gap {gap}", proc.id());
                }
                let moment = timeline.at(gap);
                assert!(moment.gc_cycle().is_none() && moment.pause().is_none(), "{what}");
                assert_eq!((moment.heap(), moment.heap_goal(), moment.gomaxprocs()), (None, None, None), "{what}");
            }

            let expected = extents(&bytes);
            assert_eq!(ranges(&timeline), expected.ranges, "{what}");
            cut += expected.ranges.iter().filter(|range| range.3).count();
            assert_eq!(timeline.tasks().len(), expected.tasks.len(), "{what}");
            for (&id, &[start, end, gap]) in &expected.tasks {
                let task = timeline.task(TaskId(id)).expect("a task");
                let found = (task.start().map(|time| time.0), task.end().map(|time| time.0));
                assert_eq!(found, (start, end), "{what}: task {id}");
                if let (Some(start), Some(gap)) = (start, gap) {
                    assert_eq!(task.duration().as_nanos(), (gap - start) as u128, "{what}: task {id}");
                    cut_tasks += 1;
                }
            }
            let mut regions: Vec<_> = timeline
                .regions()
                .map(|region| {
                    let (start, end) = (region.start().map(|time| time.0), region.end().map(|time| time.0));
                    (region.go().expect("a goroutine").0, region.name().to_string(), start, end)
                })
                .collect();
            regions.sort();
            assert_eq!(regions, expected.regions, "{what}");
            if timeline.gaps().len() > 0 {
                cut_regions += regions.iter().filter(|region| region.3.is_none()).count();
                hidden_starts += regions.iter().filter(|region| region.2.is_none()).count();
            }
        }
    }
    let counts = [gaps, cut, cut_tasks, cut_regions, hidden_starts];
    assert!(gaps > 100 && cut > 20 && cut_tasks > 5 && cut_regions > 5, "the damage has too little effect: {counts:?}");
}

#[test]
fn summary_and_timeline_agree_on_gc_cycles_and_pauses() {
    let mut pause_count = 0;
    for sample in all_samples() {
        let bytes = sample.bytes();
        let (Ok(mut reader), Ok(timeline)) = (Reader::from_slice(&bytes), Timeline::from_slice(&bytes)) else {
            continue;
        };
        let (summary, _) = summarize(&mut reader);
        let events = summary.events;
        let length = timeline.pauses().map(|pause| pause.duration()).sum();
        let found = (timeline.gc_cycles().len() as u64, timeline.pauses().len() as u64, length);
        assert_eq!((events.gc_cycles, events.stop_the_worlds, events.stop_the_world), found, "{}", sample.name);
        pause_count += events.stop_the_worlds;
    }
    assert!(pause_count > 500, "{pause_count}");
}
