//! Queries of the timeline with several conditions.

use std::collections::BTreeSet;
use std::time::Duration;

use gotrace::analysis::blocking::{BlockingOptions, BlockingReport};
use gotrace::timeline::Query;
use gotrace::{GoId, GoState, TaskId, Time, Timeline};
use gotrace_tests::corpus::sample;

fn timeline(name: &str) -> Timeline {
    Timeline::from_slice(&sample(name).bytes()).expect("a trace")
}

/// The goroutine and the start of each span.
fn spans(query: &Query<'_>) -> BTreeSet<(GoId, Time)> {
    query.iter().map(|span| (span.goroutine().id(), span.start())).collect()
}

/// Adds a condition to a query.
type Condition<'c> = &'c dyn Fn(Query<'_>) -> Query<'_>;

#[test]
fn a_span_matches_if_all_conditions_hold() {
    let timeline = timeline("go1.27/annotations");
    let (start, end) = (timeline.start(), timeline.end());
    let middle = Time(start.0 / 2 + end.0 / 2);
    let late = Time(middle.0 / 2 + end.0 / 2);
    let busiest = timeline.goroutines().max_by_key(|goroutine| goroutine.spans().count()).expect("a goroutine").id();
    let tasks: Vec<TaskId> = timeline.tasks().map(|task| task.id()).collect();
    let conditions: [(&str, Condition<'_>); 15] = [
        ("blocked", &|query| query.state(GoState::Waiting)),
        ("running", &|query| query.state(GoState::Running)),
        ("chan receive", &|query| query.reason("chan receive")),
        ("sleep", &|query| query.reason("sleep")),
        ("1 µs", &|query| query.longer_than(Duration::from_micros(1))),
        ("1 ms", &|query| query.longer_than(Duration::from_millis(1))),
        ("busiest", &move |query| query.goroutine(busiest)),
        ("goroutine 1", &|query| query.goroutine(GoId(1))),
        ("first half", &move |query| query.between(start..middle)),
        ("last quarter", &move |query| query.between(late..end)),
        ("package main", &|query| query.in_package("main")),
        ("package runtime", &|query| query.with_function(|func| func.starts_with("runtime."))),
        ("main.main", &|query| query.with_function(|func| func == "main.main")),
        ("first task", &|query| query.task(tasks[0])),
        ("last task", &|query| query.task(tasks[tasks.len() - 1])),
    ];
    for (first_name, first) in conditions {
        let of_first = spans(&first(timeline.spans()));
        assert!(!of_first.is_empty(), "{first_name}");
        for (second_name, second) in conditions {
            let of_second = spans(&second(timeline.spans()));
            let of_both: BTreeSet<_> = of_first.intersection(&of_second).copied().collect();
            let found = spans(&second(first(timeline.spans())));
            assert_eq!(found, of_both, "{first_name} and {second_name}");
        }
    }
}

#[test]
fn a_query_with_contradicting_conditions_is_empty() {
    let timeline = timeline("go1.27/annotations");
    for query in [
        timeline.blocked().state(GoState::Running),
        timeline.spans().state(GoState::Running),
        timeline.blocked().reason("sleep").reason("chan receive"),
        timeline.blocked().goroutine(GoId(1)).goroutine(GoId(2)),
    ] {
        let report = BlockingReport::new(&query, &BlockingOptions::default().with_idle(true));
        assert_eq!((report.all.count, report.reason_count), (0, 0), "{query:?}");
    }
    assert!(timeline.blocked().state(GoState::Running).into_iter().next().is_none());
    assert!(timeline.blocked().state(GoState::Waiting).into_iter().next().is_some());
}
