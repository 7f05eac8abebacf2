//! Where goroutines spent their time within a part of the trace, as a tree of calls.

use std::collections::HashMap;
use std::ops::Range;

use gotrace::timeline::{Goroutine, Span, StackTrace};
use gotrace::{GoState, Time};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::goroutines::group_with;
use super::span::{goroutine, is_of_runtime};
use super::view::Part;
use super::{Answer, to_json};
use crate::serve::tree::{Tree, TreeBuilder};

/// The state whose time is counted.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Running,
    Runnable,
    /// Waiting for any reason but the network.
    Waiting,
    Network,
    Syscall,
}

/// Selects what a tree counts.
#[derive(Deserialize)]
pub struct ProfileQuery {
    of: Of,
    start: Option<i64>,
    end: Option<i64>,
    reason: Option<String>,
    group: Option<u32>,
    goroutine: Option<u64>,
    /// Whether the goroutines of the Go runtime count too.
    #[serde(default = "yes")]
    runtime: bool,
}

fn yes() -> bool {
    true
}

/// A tree of calls, and the times by reason.
#[derive(Serialize)]
struct Profile {
    #[serde(flatten)]
    tree: Tree,
    /// The number of spans or samples.
    count: u64,
    /// The times by reason, longest first.
    reasons: Vec<ReasonRow>,
}

#[derive(Serialize)]
struct ReasonRow {
    reason: String,
    count: u64,
    total_ns: u64,
}

/// The time and number of spans.
#[derive(Clone, Copy, Default)]
struct Sum {
    nanos: u64,
    count: u64,
}

impl Sum {
    fn add(&mut self, nanos: u64) {
        self.nanos = self.nanos.saturating_add(nanos);
        self.count += 1;
    }
}

/// The sum of a stack. Without a stack, that of a start function.
struct StackSum<'t> {
    stack: Option<StackTrace<'t>>,
    sum: Sum,
}

/// The sums by stack.
#[derive(Default)]
struct Sums<'t> {
    /// By the stack's number and the function in which the goroutine started.
    stacks: HashMap<(u32, &'t [u8]), StackSum<'t>>,
    reasons: HashMap<&'t [u8], Sum>,
}

/// The reason of a wait for the network, in the runtime's words.
const NETWORK: &str = "network";

impl Of {
    fn includes(self, span: &Span<'_>) -> bool {
        match self {
            Of::Running => span.state() == GoState::Running,
            Of::Runnable => span.state() == GoState::Runnable,
            Of::Syscall => span.state() == GoState::Syscall,
            Of::Network => span.state() == GoState::Waiting && span.reason() == NETWORK,
            Of::Waiting => span.state() == GoState::Waiting && span.reason() != NETWORK,
        }
    }
}

impl<'t> Sums<'t> {
    fn add(&mut self, goroutine: Goroutine<'t>, part: &Range<Time>, query: &ProfileQuery) {
        if !query.runtime && is_of_runtime(&goroutine) {
            return;
        }
        let name = goroutine.name().as_bytes();
        for span in goroutine.between(part.clone()).filter(|span| query.of.includes(span)) {
            let reason = span.reason_name();
            if query.reason.as_ref().is_some_and(|wanted| reason != wanted.as_str()) {
                continue;
            }
            let within = span.end().min(part.end) - span.start().max(part.start);
            let nanos = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
            let stack = stack_of(&span);
            let number = stack.map_or(0, |stack| stack.number());
            let entry = self.stacks.entry((number, name));
            entry.or_insert(StackSum { stack, sum: Sum::default() }).sum.add(nanos);
            self.reasons.entry(reason.as_bytes()).or_default().add(nanos);
        }
    }

    fn tree(&self) -> Tree {
        let mut tree = TreeBuilder::default();
        for ((_, function), StackSum { stack, sum }) in &self.stacks {
            let frames = stack.iter().flat_map(|stack| stack.frames().rev().map(|frame| frame.func.to_string()));
            // Without a stack, at least the function in which the goroutine started is known.
            let start = stack.is_none().then(|| String::from_utf8_lossy(function).into_owned());
            tree.add(frames.chain(start), sum.nanos);
        }
        tree.finish("ns")
    }

    fn reasons(&self) -> Vec<ReasonRow> {
        let mut rows: Vec<ReasonRow> = self
            .reasons
            .iter()
            .filter(|(reason, _)| !reason.is_empty())
            .map(|(reason, sum)| {
                let reason = String::from_utf8_lossy(reason).into_owned();
                ReasonRow { reason, count: sum.count, total_ns: sum.nanos }
            })
            .collect();
        rows.sort_by(|a, b| (b.total_ns, &a.reason).cmp(&(a.total_ns, &b.reason)));
        rows
    }
}

/// Returns the stack at which a goroutine is during a span. The trace has none for a goroutine that was woken: it is
/// where it blocked.
fn stack_of<'t>(span: &Span<'t>) -> Option<StackTrace<'t>> {
    let before = || span.previous().filter(|_| span.state() == GoState::Runnable).and_then(|wait| wait.stack());
    span.stack().or_else(before)
}

/// Answers with the time that goroutines spent in a state, by stack.
///
/// The trace has no stacks of running goroutines, only samples if the CPU profiler ran. Without samples, the running
/// time is that of the goroutines' start functions.
pub fn profile(loaded: &Loaded, query: ProfileQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let part = Part::new(query.start, query.end).of(timeline);
    let mut sums = Sums::default();
    match (query.goroutine, query.group) {
        (Some(id), _) => sums.add(goroutine(timeline, id)?, &part, &query),
        (None, Some(id)) => {
            group_with(timeline, id)?.goroutines().for_each(|goroutine| sums.add(goroutine, &part, &query));
        }
        (None, None) => timeline.goroutines().for_each(|goroutine| sums.add(goroutine, &part, &query)),
    }
    let count = sums.stacks.values().map(|stack| stack.sum.count).sum();
    to_json(&Profile { tree: sums.tree(), count, reasons: sums.reasons() })
}
