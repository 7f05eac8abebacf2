//! The life of every goroutine, computed from the text of Go's tool as a reference for tests.

use std::collections::BTreeMap;

use super::{Frame, Transition, transitions};

/// A span of a goroutine in one state.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub state: String,
    pub start: i64,
    pub end: i64,
    pub open: bool,
    pub reason: String,
    pub stack: Vec<Frame>,
    pub proc: Option<u64>,
    pub thread: Option<u64>,
    pub woken_by: Option<WokenBy>,
}

/// What made a goroutine runnable: another goroutine, or the runtime, and the stack of that.
///
/// The runtime's monitor (sysmon) runs on a thread without a P, but so can the network poller.
#[derive(Clone, Debug, PartialEq)]
pub enum WokenBy {
    Goroutine(u64, Vec<Frame>),
    Runtime { sysmon: bool, stack: Vec<Frame> },
}

#[derive(Debug, Default, PartialEq)]
pub struct Life {
    pub created_at: Option<i64>,
    pub created_by: Option<u64>,
    pub creation_stack: Vec<Frame>,
    pub ended_at: Option<i64>,
    pub name: String,
    /// The first stack of this goroutine whose outermost function has a name.
    pub start_stack: Vec<Frame>,
    pub spans: Vec<Span>,
}

/// Parses the text and computes the life of every goroutine.
pub fn naive(text: &str) -> BTreeMap<u64, Life> {
    let (times, transitions) = transitions(text);
    let mut lives: BTreeMap<u64, Life> = BTreeMap::new();
    for Transition { time, proc, thread, go, from, to, reason, own_stack, stack, by } in transitions {
        let life = lives.entry(go).or_default();
        if life.name.is_empty() {
            life.name = own_stack.last().map_or(String::new(), |frame| frame.func.clone());
            life.start_stack = if life.name.is_empty() { vec![] } else { own_stack.clone() };
        }
        if from == to {
            continue;
        }
        let blank = Span {
            state: to.clone(),
            start: time,
            end: times.1,
            open: true,
            reason,
            stack: own_stack,
            proc: None,
            thread: None,
            woken_by: None,
        };
        match from.as_str() {
            "NotExist" => {
                life.created_at = Some(time);
                life.created_by = by;
                life.creation_stack = stack.clone();
            }
            "Undetermined" => {}
            _ => {
                let last = life.spans.last_mut().expect("the goroutine has a span");
                assert_eq!(last.state, from, "goroutine {go} at {time}");
                (last.end, last.open) = (time, false);
            }
        }
        let mut span = blank;
        if from == "Undetermined" {
            // It has been in this state since before the trace.
            span.start = times.0;
        }
        if from == "Waiting" && to == "Runnable" {
            let waited = life.spans.last_mut().expect("the goroutine has a waiting span");
            let waker = match by {
                Some(go) => WokenBy::Goroutine(go, stack),
                None => WokenBy::Runtime { sysmon: proc.is_none() && waited.reason != "network", stack },
            };
            waited.woken_by = Some(waker.clone());
            span.woken_by = Some(waker);
        }
        if to == "Running" || to == "Syscall" {
            (span.proc, span.thread) = (proc, thread);
        }
        match to.as_str() {
            "NotExist" => life.ended_at = Some(time),
            _ => life.spans.push(span),
        }
    }
    lives
}

/// The reason of each span as in reports, which have a name for waits without a reason.
pub fn reason_names(life: &Life) -> Vec<String> {
    let name = |(number, span): (usize, &Span)| match (span.state.as_str(), span.reason.as_str()) {
        ("Waiting", "") => match (number, life.created_at) {
            (0, None) => "blocked since before the trace".to_owned(),
            _ => "no reason recorded".to_owned(),
        },
        (_, reason) => reason.to_owned(),
    };
    life.spans.iter().enumerate().map(name).collect()
}

/// The time in each state, or for each reason of waiting, within a range.
pub fn naive_totals(life: &Life, start: i64, end: i64) -> BTreeMap<String, i64> {
    let mut totals = BTreeMap::new();
    let reasons = reason_names(life);
    for (span, reason) in life.spans.iter().zip(&reasons) {
        let within = (span.end.min(end) - span.start.max(start)).max(0);
        let key = match span.state.as_str() {
            "Waiting" => format!("Waiting: {reason}"),
            state => state.to_owned(),
        };
        *totals.entry(key).or_insert(0) += within;
    }
    totals.retain(|_, nanos| *nanos > 0);
    totals
}
