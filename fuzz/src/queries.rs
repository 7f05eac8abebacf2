//! All queries of a timeline, and all analyses of a trace.

use std::fmt::{Debug, Write};
use std::time::Duration;

use gotrace::analysis::compare::Metrics;
use gotrace::analysis::goroutines::{Accounting, Goroutines, GroupBy};
use gotrace::analysis::latency::Latency;
use gotrace::analysis::mmu::{Mmu, MmuOptions};
use gotrace::analysis::procs::Procs;
use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler};
use gotrace::analysis::run;
use gotrace::analysis::tasks::{LogQuery, LogSearch, SlowestOptions, Tasks, slowest};
use gotrace::timeline::{Goroutine, Span, StackTrace};
use gotrace::{GoId, GoState, Reader, TaskId, Time, Timeline};

use crate::budget::Budget;

/// The number of objects of each kind that are queried. A query itself may visit all of them.
const FEW: usize = 24;

/// The maximum amount of text for one trace.
const TEXT: usize = 32 << 10;

fn format(budget: &mut Budget, what: impl Debug) {
    if !budget.is_spent() {
        write!(budget, "{what:?}").expect("writing to a budget cannot fail");
    }
}

/// Makes all queries and asserts what holds for every timeline.
pub fn query(timeline: &Timeline) {
    let budget = &mut Budget::new(TEXT);
    let (start, end) = (timeline.start(), timeline.end());
    assert!(start <= end, "{start} to {end}");
    format(budget, (timeline.version(), timeline.lost(), timeline.warnings(), timeline.memory()));
    assert!(timeline.gaps().all(|gap| gap <= end));
    let middle = Time(start.0 / 2 + end.0 / 2);
    for go in timeline.goroutines().take(FEW) {
        assert!(timeline.goroutine(go.id()).is_some(), "a listed goroutine is found");
        query_goroutine(timeline, &go, start, end, budget);
    }
    assert!(timeline.goroutine(GoId(u64::MAX)).is_none_or(|go| go.id() == GoId(u64::MAX)));
    query_resources(timeline, budget);
    query_gc(timeline, budget);
    query_program(timeline, budget);
    for time in [Time(i64::MIN), start, middle, end, Time(i64::MAX)] {
        query_moment(timeline, time, budget);
    }
    let blocked = timeline.blocked().reason("chan receive").longer_than(Duration::from_nanos(1));
    assert!(blocked.iter().take(FEW).all(|span| span.state() == GoState::Waiting));
    let all = timeline.spans().iter().count();
    for query in [
        timeline.between(start..middle),
        timeline.spans().state(GoState::Running),
        timeline.spans().goroutine(GoId(1)),
        timeline.spans().in_function("main.main"),
        timeline.spans().in_package("main"),
        timeline.spans().task(TaskId(1)),
    ] {
        assert!(query.iter().count() <= all, "a narrower query does not find more");
    }
    format(budget, timeline.totals(start..end).total());
    format(budget, timeline.totals(end..start).total());
}

fn query_goroutine(timeline: &Timeline, go: &Goroutine<'_>, start: Time, end: Time, budget: &mut Budget) {
    format(budget, (go.id(), go.name(), go.created_at(), go.created_by(), go.ended_at()));
    query_stack(go.start_stack(), budget);
    query_stack(go.creation_stack(), budget);
    format(budget, go.children().take(FEW).map(|child| child.id()).collect::<Vec<_>>());
    assert!(timeline.descendants(go.id()).take(FEW).all(|(_, below)| timeline.goroutine(below.id()).is_some()));
    let mut last: Option<Time> = None;
    for span in go.spans() {
        assert!(span.start() <= span.end() && last.is_none_or(|last| last <= span.start()), "spans follow each other");
        last = Some(span.end());
    }
    for span in go.spans().take(FEW) {
        query_span(&span, budget);
        if span.start() < span.end() {
            assert_eq!(go.at(span.start()).map(|found| found.start()), Some(span.start()), "the span at its own start");
        }
    }
    assert!(go.between(start..end).count() <= go.spans().count());
    let totals = go.totals(start..end);
    format(budget, (totals.running(), totals.runnable(), totals.syscall(), totals.waiting(), totals.total()));
    format(budget, totals.waiting_by_reason().take(FEW).collect::<Vec<_>>());
    format(budget, go.labels().take(FEW).collect::<Vec<_>>());
    let counts = (go.regions().take(FEW).count(), go.logs().take(FEW).count(), go.cpu_samples().take(FEW).count());
    format(budget, counts);
}

fn query_span(span: &Span<'_>, budget: &mut Budget) {
    format(budget, (span.goroutine().id(), span.state(), span.is_open(), span.duration(), span.reason()));
    format(budget, (span.proc(), span.thread()));
    query_stack(span.stack(), budget);
    format(budget, span.chain().take(FEW).map(|wait| wait.end()).collect::<Vec<_>>());
    if let Some(waker) = span.woken_by() {
        format(budget, (waker.go(), waker.runtime().map(|runtime| runtime.name()), waker.at()));
        query_stack(waker.stack(), budget);
    }
    assert!(span.previous().is_none_or(|before| before.end() <= span.start()));
}

fn query_stack(stack: Option<StackTrace<'_>>, budget: &mut Budget) {
    let Some(stack) = stack else { return };
    assert_eq!(stack.frames().len(), stack.frames().count(), "the length of the iterator is exact");
    if !budget.is_spent() {
        stack.frames().for_each(|frame| format(budget, (frame.pc, frame.func, frame.file, frame.line)));
    }
}

fn query_resources(timeline: &Timeline, budget: &mut Budget) {
    for proc in timeline.procs().take(FEW) {
        assert!(timeline.proc(proc.id()).is_some());
        for span in proc.spans().take(FEW) {
            format(budget, (span.state(), span.is_open(), span.duration(), span.thread(), span.stolen_by()));
            format(budget, proc.at(span.start()).map(|found| found.end()));
            format(budget, proc.running_at(span.start()).map(|run| run.goroutine().id()));
        }
        proc.runs().take(FEW).for_each(|run| query_span(&run, budget));
    }
    for thread in timeline.threads().take(FEW) {
        assert!(timeline.thread(thread.id()).is_some());
        for run in thread.runs().take(FEW) {
            format(budget, thread.running_at(run.start()).map(|found| found.end()));
        }
    }
}

fn query_gc(timeline: &Timeline, budget: &mut Budget) {
    for cycle in timeline.gc_cycles().take(FEW) {
        assert!(cycle.start() <= cycle.end());
        format(budget, (cycle.seq(), cycle.started_before_trace(), cycle.is_open(), cycle.go()));
        query_stack(cycle.stack(), budget);
        let counts = (cycle.pauses().count(), cycle.assists().count(), cycle.sweeps().count());
        format(budget, (counts, cycle.pause_time(), cycle.assist_time(), cycle.sweep_time()));
        format(budget, (cycle.bytes_swept(), cycle.bytes_reclaimed(), cycle.heap_start(), cycle.heap_end()));
        format(budget, (cycle.heap_live(), cycle.goal(), cycle.next_goal()));
    }
    for pause in timeline.pauses().take(FEW) {
        assert!(pause.start() <= pause.end());
        format(budget, (pause.reason(), pause.is_open(), pause.duration(), pause.time_to_stop(), pause.go()));
        query_stack(pause.stack(), budget);
    }
    for assist in timeline.mark_assists().take(FEW) {
        format(budget, (assist.go(), assist.start(), assist.end(), assist.is_open(), assist.duration()));
        query_stack(assist.stack(), budget);
    }
    for sweep in timeline.sweeps().take(FEW) {
        format(budget, (sweep.proc(), sweep.go(), sweep.start(), sweep.end(), sweep.is_open(), sweep.duration()));
        format(budget, (sweep.bytes_swept(), sweep.bytes_reclaimed()));
        query_stack(sweep.stack(), budget);
    }
    format(budget, (timeline.heap().count(), timeline.heap_goals().count(), timeline.gomaxprocs().count()));
}

fn query_program(timeline: &Timeline, budget: &mut Budget) {
    for task in timeline.tasks().take(FEW) {
        assert!(timeline.task(task.id()).is_some());
        format(budget, (task.parent(), task.name(), task.start(), task.end(), task.duration(), task.go()));
        query_stack(task.stack(), budget);
        format(budget, (task.children().take(FEW).count(), task.regions().take(FEW).count()));
        format(budget, task.logs().take(FEW).map(|log| log.time()).collect::<Vec<_>>());
        format(budget, timeline.task_tree(task.id()).take(FEW).count());
    }
    for region in timeline.regions().take(FEW) {
        format(budget, (region.name(), region.task(), region.go(), region.start(), region.end()));
        query_stack(region.stack(), budget);
    }
    for log in timeline.logs().take(FEW) {
        format(budget, (log.time(), log.task(), log.go(), log.category(), log.message()));
        query_stack(log.stack(), budget);
    }
    for sample in timeline.cpu_samples().take(FEW) {
        format(budget, (sample.time(), sample.go(), sample.proc(), sample.thread()));
        query_stack(sample.stack(), budget);
    }
    format(budget, timeline.labels().take(FEW).collect::<Vec<_>>());
    let slow = slowest(timeline, &SlowestOptions::default().count(FEW));
    assert!(slow.tasks.is_sorted_by(|a, b| a.duration >= b.duration), "the slowest come first");
    format(budget, slow);
}

fn query_moment(timeline: &Timeline, time: Time, budget: &mut Budget) {
    let moment = timeline.at(time);
    assert_eq!(moment.time(), time);
    let running = moment.goroutines().take(FEW).map(|span| span.goroutine().id()).collect::<Vec<_>>();
    format(budget, (running, moment.procs().take(FEW).count()));
    format(budget, (moment.gc_cycle().map(|cycle| cycle.seq()), moment.pause().map(|pause| pause.start())));
    format(budget, (moment.heap(), moment.heap_goal(), moment.gomaxprocs()));
    let wall = timeline.wall_at(time);
    format(budget, (wall, wall.and_then(|wall| timeline.time_at(wall)), timeline.clock_snapshots().len()));
}

/// Runs all analyses of a trace and asserts what holds for every trace. `choice` selects among the
/// variants of an analysis.
pub fn analyse(mut reader: Reader<'_>, choice: u64) {
    let group = [GroupBy::Creator, GroupBy::Label, GroupBy::Name][(choice % 3) as usize];
    let groups: Vec<_> = [GroupBy::Start, group].map(|by| Goroutines::with(by, Accounting::Corrected)).into();
    let flags = MmuOptions::default().per_proc(choice.is_multiple_of(2)).sweeps(true);
    let tables = (Tasks::by_name(), LogSearch::new(LogQuery::first(10)));
    let profiler = profiler(choice / 6);
    let latency = Latency::new().slowest(3);
    let observers = (groups, Mmu::new(flags), profiler, latency, Procs::new(), tables, Metrics::new());
    let ((groups, utilization, profile, ..), _) = run(&mut reader, observers);
    let counts: Vec<u64> = groups.iter().map(|table| table.groups.iter().map(|group| group.count).sum()).collect();
    assert!(counts.iter().all(|&count| count == counts[0]), "a goroutine is in one group of each table: {counts:?}");
    for window in [1, 1_000_000, u64::MAX].map(Duration::from_nanos) {
        let mmu = utilization.mmu(window);
        assert!((-1e-9..=1.0 + 1e-9).contains(&mmu), "{mmu}");
        assert!(utilization.mud(window, &[0.0, 0.5, 1.0]).iter().all(|util| util.is_finite()));
        assert!(utilization.worst(window, 2).len() <= 2);
    }
    profile.write_folded(&mut Vec::new()).expect("writing to a vector cannot fail");
}

fn profiler(choice: u64) -> Profiler {
    let kinds = [
        ProfileKind::Net,
        ProfileKind::Sync,
        ProfileKind::Syscall,
        ProfileKind::Sched,
        ProfileKind::OffCpu,
        ProfileKind::Cpu,
    ];
    let options = match choice.is_multiple_of(2) {
        true => ProfileOptions::default().complete(),
        false => ProfileOptions::default().region("main.main").task(TaskId(1)),
    };
    Profiler::new(kinds[(choice / 2 % 6) as usize], options)
}
