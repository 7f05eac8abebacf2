//! Where goroutines spent their time within a part of the trace, as a tree of calls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use gotrace::timeline::{Goroutine, Span, StackTrace};
use gotrace::{GoId, GoState, Time, Timeline};
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

impl ProfileQuery {
    /// Whether the samples of a goroutine count. `None` is work of the runtime outside of goroutines.
    fn selects(&self, goroutine: Option<Goroutine<'_>>) -> bool {
        let Some(goroutine) = goroutine else {
            return self.runtime && self.goroutine.is_none() && self.group.is_none();
        };
        let is_of_group = self.group.is_none_or(|id| goroutine.group().number() == id);
        (self.runtime || !is_of_runtime(&goroutine))
            && self.goroutine.is_none_or(|id| goroutine.id() == GoId(id))
            && (self.goroutine.is_some() || is_of_group)
    }
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
    windows: Windows,
}

/// The values of the functions in the table in parts of equal length.
#[derive(Serialize)]
struct Windows {
    start_ns: Time,
    width_ns: f64,
    count: usize,
    /// By the number of the function.
    frames: BTreeMap<usize, Vec<u64>>,
}

#[derive(Serialize)]
struct ReasonRow {
    reason: String,
    count: u64,
    total_ns: u64,
}

/// The sum of spans or samples.
#[derive(Clone, Copy, Default)]
struct Sum {
    /// Nanoseconds, or samples.
    value: u64,
    count: u64,
}

impl Sum {
    fn add(&mut self, value: u64) {
        self.value = self.value.saturating_add(value);
        self.count += 1;
    }
}

/// The sum of a stack. Without a stack, that of a start function.
struct StackSum<'t> {
    stack: Option<StackTrace<'t>>,
    sum: Sum,
    /// The nanoseconds or samples in each window.
    windows: [u64; WINDOWS],
}

/// The number of windows: at least as many as a pixel strip can show of a hovered function.
const WINDOWS: usize = 100;

/// The sums by stack.
struct Sums<'t> {
    part: Range<Time>,
    /// By the stack's number and the function in which the goroutine started.
    stacks: BTreeMap<(u32, &'t [u8]), StackSum<'t>>,
    reasons: BTreeMap<&'t [u8], Sum>,
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
    fn new(part: Range<Time>) -> Self {
        Sums { part, stacks: BTreeMap::new(), reasons: BTreeMap::new() }
    }

    /// Returns the width of a window in nanoseconds.
    fn width(&self) -> f64 {
        ((self.part.end - self.part.start).as_nanos() as f64 / WINDOWS as f64).max(1.0)
    }

    fn stack(&mut self, stack: Option<StackTrace<'t>>, start: &'t [u8]) -> &mut StackSum<'t> {
        let entry = self.stacks.entry((stack.map_or(0, |stack| stack.number()), start));
        entry.or_insert(StackSum { stack, sum: Sum::default(), windows: [0; WINDOWS] })
    }

    /// Adds the samples of the CPU profiler.
    fn add_samples(&mut self, timeline: &'t Timeline, query: &ProfileQuery) {
        let (width, part) = (self.width(), self.part.clone());
        for sample in timeline.cpu_samples().filter(|sample| part.contains(&sample.time())) {
            let goroutine = sample.go().and_then(|id| timeline.goroutine(id));
            if query.selects(goroutine) {
                let window = (sample.time() - part.start).as_nanos() as f64 / width;
                let sum = self.stack(sample.stack(), b"");
                sum.sum.add(1);
                sum.windows[(window as usize).min(WINDOWS - 1)] += 1;
            }
        }
    }

    /// Adds the spans of a goroutine.
    fn add(&mut self, goroutine: Goroutine<'t>, query: &ProfileQuery) {
        if !query.runtime && is_of_runtime(&goroutine) {
            return;
        }
        let (name, width, part) = (goroutine.name().as_bytes(), self.width(), self.part.clone());
        for span in goroutine.between(part.clone()).filter(|span| query.of.includes(span)) {
            let reason = span.reason_name();
            if query.reason.as_ref().is_some_and(|wanted| reason != wanted.as_str()) {
                continue;
            }
            let [from, to] = [span.start().max(part.start), span.end().min(part.end)]
                .map(|time| u64::try_from((time - part.start).as_nanos()).unwrap_or(0));
            let nanos = to.saturating_sub(from);
            let sum = self.stack(stack_of(&span), name);
            sum.sum.add(nanos);
            add_to_windows(&mut sum.windows, from, to, width);
            self.reasons.entry(reason.as_bytes()).or_default().add(nanos);
        }
    }

    /// Returns each stack, from the outermost function on, with its sum. The order is the same for every request, so
    /// that equal requests have equal answers.
    fn with_functions(&self) -> impl Iterator<Item = (Vec<String>, &StackSum<'t>)> {
        let mut stacks: Vec<_> = self.stacks.iter().collect();
        stacks.sort_unstable_by_key(|(key, _)| **key);
        stacks.into_iter().map(|((_, function), sum)| {
            let frames = sum.stack.iter().flat_map(|stack| stack.frames().rev().map(|frame| frame.func.to_string()));
            // Without a stack, at least the function in which the goroutine started is known.
            let start = sum.stack.is_none().then(|| String::from_utf8_lossy(function).into_owned());
            (frames.chain(start).collect(), sum)
        })
    }

    fn tree(&self, unit: &str) -> Tree {
        let mut tree = TreeBuilder::default();
        for (frames, sum) in self.with_functions() {
            tree.add(frames.into_iter(), sum.sum.value);
        }
        tree.finish(unit)
    }

    fn windows(&self, tree: &Tree) -> Windows {
        let numbers: HashMap<&str, usize> = tree.listed().map(|(number, name)| (name, number)).collect();
        let mut frames: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (functions, sum) in self.with_functions() {
            // A recursive function counts once.
            let listed: BTreeSet<usize> =
                functions.iter().filter_map(|function| numbers.get(&**function).copied()).collect();
            for number in listed {
                let windows = frames.entry(number).or_insert_with(|| vec![0; WINDOWS]);
                windows.iter_mut().zip(sum.windows).for_each(|(all, own)| *all += own);
            }
        }
        Windows { start_ns: self.part.start, width_ns: self.width(), count: WINDOWS, frames }
    }

    fn reasons(&self) -> Vec<ReasonRow> {
        let mut rows: Vec<ReasonRow> = self
            .reasons
            .iter()
            .filter(|(reason, _)| !reason.is_empty())
            .map(|(reason, sum)| {
                let reason = String::from_utf8_lossy(reason).into_owned();
                ReasonRow { reason, count: sum.count, total_ns: sum.value }
            })
            .collect();
        rows.sort_by(|a, b| (b.total_ns, &a.reason).cmp(&(a.total_ns, &b.reason)));
        rows
    }
}

/// Adds the time from `from` to `to`, in nanoseconds since the start of the first window.
fn add_to_windows(windows: &mut [u64; WINDOWS], from: u64, to: u64, width: f64) {
    let window = |nanos: u64| ((nanos as f64 / width) as usize).min(WINDOWS - 1);
    let (first, last) = (window(from), window(to));
    let mut start = from;
    for (number, sum) in windows.iter_mut().enumerate().take(last).skip(first) {
        let end = (((number + 1) as f64 * width) as u64).clamp(start, to);
        *sum += end - start;
        start = end;
    }
    windows[last] += to.saturating_sub(start);
}

/// Returns the stack at which a goroutine is during a span. The trace has none for a goroutine that was woken: it is
/// where it blocked.
fn stack_of<'t>(span: &Span<'t>) -> Option<StackTrace<'t>> {
    let before = || span.previous().filter(|_| span.state() == GoState::Runnable).and_then(|wait| wait.stack());
    span.stack().or_else(before)
}

/// Answers with the time that goroutines spent in a state, by stack.
///
/// The trace has no stacks of running goroutines. If the CPU profiler ran, its samples are counted instead of the running
/// time. Otherwise, the running time is that of the goroutines' start functions.
pub fn profile(loaded: &Loaded, query: ProfileQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let mut sums = Sums::new(Part::new(query.start, query.end).of(timeline));
    if query.of == Of::Running {
        sums.add_samples(timeline, &query);
    }
    let unit = if sums.stacks.is_empty() { "ns" } else { "samples" };
    match (query.goroutine, query.group) {
        _ if unit == "samples" => {}
        (Some(id), _) => sums.add(goroutine(timeline, id)?, &query),
        (None, Some(id)) => group_with(timeline, id)?.goroutines().for_each(|goroutine| sums.add(goroutine, &query)),
        (None, None) => timeline.goroutines().for_each(|goroutine| sums.add(goroutine, &query)),
    }
    let count = sums.stacks.values().map(|stack| stack.sum.count).sum();
    let tree = sums.tree(unit);
    let windows = sums.windows(&tree);
    to_json(&Profile { tree, count, reasons: sums.reasons(), windows })
}

#[cfg(test)]
mod tests {
    use gotrace_tests::corpus::sample;
    use serde_json::{Value, json};

    use super::*;
    use crate::serve::{Phase, Session};

    /// Returns the answer about the whole of a trace.
    fn answer(trace: &str, query: Value) -> Value {
        let (session, opened) = Session::open(&[sample(trace).path]).expect("a trace");
        session.load(opened);
        let Phase::Ready(loaded) = session.phase() else { panic!("the trace cannot be loaded") };
        let answer = profile(loaded, serde_json::from_value(query).expect("a query"));
        serde_json::from_slice(&answer.unwrap_or_else(|refusal| panic!("{refusal}"))).expect("JSON")
    }

    #[test]
    fn samples_are_counted_where_there_are_any() {
        let path = sample("go1.27/cpuprofile").path;
        let timeline = Timeline::from_path(path).expect("a trace");
        let samples = timeline.cpu_samples().len();
        let profile = answer("go1.27/cpuprofile", json!({ "of": "running" }));
        assert_eq!((&profile["unit"], &profile["total"]), (&json!("samples"), &json!(samples)));
        let of_group = |group: gotrace::timeline::Group<'_>| {
            let profile = answer("go1.27/cpuprofile", json!({ "of": "running", "group": group.number() }));
            profile["total"].as_u64().filter(|_| profile["unit"] == "samples")
        };
        let of_groups: Vec<u64> = timeline.groups().filter_map(of_group).collect();
        assert_eq!(of_groups.iter().sum::<u64>(), samples as u64);
        let waiting = answer("go1.27/cpuprofile", json!({ "of": "waiting" }));
        assert_eq!(waiting["unit"], "ns");
        assert_eq!(answer("go1.27/channels", json!({ "of": "running" }))["unit"], "ns");
    }

    /// The windows of a function have the same sum as its row in the table.
    #[test]
    fn windows_add_up_to_the_table() {
        let profile = answer("go1.27/http", json!({ "of": "waiting" }));
        let rows = profile["table"].as_array().expect("rows");
        assert!(rows.len() > 10);
        for row in rows {
            let windows = profile["windows"]["frames"][row["frame"].to_string()].as_array().expect("windows");
            assert_eq!(windows.iter().filter_map(Value::as_u64).sum::<u64>(), row["total"].as_u64().expect("a number"));
        }
    }

    #[test]
    fn time_is_spread_over_windows() {
        let mut windows = [0; WINDOWS];
        add_to_windows(&mut windows, 5, 25, 10.0);
        add_to_windows(&mut windows, 990, 1000, 10.0);
        add_to_windows(&mut windows, 12, 12, 10.0);
        assert_eq!(windows[..4], [5, 10, 5, 0]);
        assert_eq!((windows[99], windows.iter().sum::<u64>()), (10, 30));
    }
}
