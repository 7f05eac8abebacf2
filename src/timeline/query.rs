//! Queries: spans by state, reason, duration, function, task and time, and the state of the program
//! at one time.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Timeline;
use super::columns::symbols::{StackNumber, StringNumber};
use super::gc::{GcCycle, Pause};
use super::goroutine::{BLOCKED_BEFORE_TRACE, Goroutine, NO_REASON, Span};
use super::procs::{Proc, ProcSpan};
use crate::event::GoState;
use crate::id::{GoId, TaskId};
use crate::time::Time;

impl Timeline {
    /// Returns a query for the spans of all goroutines, which can be filtered.
    pub fn spans(&self) -> Query<'_> {
        Query {
            timeline: self,
            range: self.start()..Time(i64::MAX),
            states: Vec::new(),
            reasons: Vec::new(),
            longer_than: None,
            ids: Vec::new(),
            stacks: None,
            functions: Vec::new(),
            goroutines: None,
            tasks: Vec::new(),
        }
    }

    /// Returns a query for the spans in which goroutines were blocked, which can be filtered.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
    /// use std::time::Duration;
    ///
    /// let timeline = gotrace::Timeline::from_path(path)?;
    /// for wait in timeline.blocked().reason("chan receive").longer_than(Duration::from_micros(1)) {
    ///     println!("{:?} waited {:?}", wait.goroutine(), wait.duration());
    /// }
    /// # assert!(timeline.blocked().reason("chan receive").iter().count() > 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn blocked(&self) -> Query<'_> {
        self.spans().state(GoState::Waiting)
    }

    /// Returns a query for the spans that overlap a range of time: they start before its end and end after its start.
    pub fn between(&self, range: Range<Time>) -> Query<'_> {
        self.spans().between(range)
    }

    /// Returns the state of the program at one time: goroutines, Ps, garbage collector and heap.
    pub fn at(&self, time: Time) -> Moment<'_> {
        Moment { timeline: self, time }
    }
}

/// A query for spans. Each method adds a condition, and a span matches if all conditions hold. So
/// a method that is called twice does not replace its first condition, and a query with two
/// different states has no spans.
///
/// Spans are grouped by goroutine. Goroutines are in the order in which the trace first mentions
/// them, and the spans of each are in order of time.
#[derive(Clone, Debug)]
pub struct Query<'t> {
    timeline: &'t Timeline,
    /// Spans start before its end and end after its start. With conditions for several ranges, it
    /// has the latest start and the earliest end, so the start may be after the end.
    range: Range<Time>,
    states: Vec<GoState>,
    reasons: Vec<Reason>,
    longer_than: Option<Duration>,
    /// The IDs that the goroutine must have. No goroutine has several.
    ids: Vec<GoId>,
    /// For each stack, whether it matches.
    stacks: Option<Vec<bool>>,
    functions: Vec<Functions>,
    /// For each goroutine, whether it matches.
    goroutines: Option<Vec<bool>>,
    tasks: Vec<TaskTimes>,
}

/// The reason to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Is(StringNumber),
    /// [`BLOCKED_BEFORE_TRACE`].
    BlockedBeforeTrace,
    /// [`NO_REASON`].
    Empty,
    /// A reason that does not occur in the trace.
    NotInTrace,
}

/// The stacks and goroutines with matching functions.
#[derive(Clone, Debug)]
struct Functions {
    /// For each stack, whether it contains a matching function.
    stacks: Vec<bool>,
    /// For each goroutine, whether it started in a matching function.
    starts: Vec<bool>,
}

impl<'t> Query<'t> {
    /// Keeps spans in this state.
    pub fn state(mut self, state: GoState) -> Self {
        self.states.push(state);
        self
    }

    /// Keeps spans with this reason, in the runtime's words, such as `chan receive`. `reason` may
    /// also be [`BLOCKED_BEFORE_TRACE`] or [`NO_REASON`].
    pub fn reason(mut self, reason: &str) -> Self {
        self.reasons.push(match reason {
            BLOCKED_BEFORE_TRACE => Reason::BlockedBeforeTrace,
            NO_REASON => Reason::Empty,
            _ => self.timeline.symbols.strings.find(reason.as_bytes()).map_or(Reason::NotInTrace, Reason::Is),
        });
        self
    }

    /// Keeps spans that are longer than this.
    pub fn longer_than(mut self, duration: Duration) -> Self {
        self.longer_than = self.longer_than.max(Some(duration));
        self
    }

    /// Keeps spans of this goroutine.
    pub fn goroutine(mut self, go: GoId) -> Self {
        self.ids.push(go);
        self
    }

    /// Keeps spans that overlap a range of time: they start before its end and end after its start.
    pub fn between(mut self, range: Range<Time>) -> Self {
        self.range = self.range.start.max(range.start)..self.range.end.min(range.end);
        self
    }

    /// Keeps spans whose stack contains a function, given by its full name, such as
    /// `net/http.(*conn).serve`.
    pub fn in_function(self, name: &str) -> Self {
        let number = self.timeline.symbols.strings.find(name.as_bytes());
        self.in_functions(|func| Some(func) == number)
    }

    /// Keeps spans whose stack contains a function of a package or of a package below it: `net`
    /// matches `net.(*conn).Read` and `net/http.Get`, but not `netip.X`.
    pub fn in_package(self, prefix: &str) -> Self {
        let strings = &self.timeline.symbols.strings;
        let is_below = |func: StringNumber| {
            let rest = strings.get(func).as_bytes().strip_prefix(prefix.as_bytes());
            rest.is_some_and(|rest| prefix.ends_with('/') || matches!(rest.first(), Some(b'.' | b'/')))
        };
        self.in_functions(is_below)
    }

    /// Keeps spans whose stack contains a wanted function. Evaluates `is_wanted` for each distinct
    /// stack, not for each span.
    fn in_functions(mut self, is_wanted: impl Fn(StringNumber) -> bool) -> Self {
        let stacks = &self.timeline.symbols.stacks;
        let has = |stack: StackNumber| stacks.entries(stack).any(|frame| is_wanted(frame.func));
        let matching = (0..=stacks.len() as StackNumber).map(|stack| self.matches_stack(stack) && has(stack));
        self.stacks = Some(matching.collect());
        self
    }

    /// Keeps spans with a function for which `is_wanted` returns true, either in their stack or as the function in
    /// which the goroutine started.
    ///
    /// `is_wanted` is called once with the full name of every function.
    pub fn with_function(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        let symbols = &self.timeline.symbols;
        let mut asked: HashMap<StringNumber, bool, RandomState> = HashMap::default();
        let mut is_wanted =
            |func| *asked.entry(func).or_insert_with(|| is_wanted(&symbols.strings.get(func).to_str_lossy()));
        let numbers = 0..=symbols.stacks.len() as StackNumber;
        let stacks = numbers.map(|stack| symbols.stacks.entries(stack).any(|frame| is_wanted(frame.func))).collect();
        let starts = self.timeline.start_functions().map(is_wanted).collect();
        self.functions.push(Functions { stacks, starts });
        self
    }

    /// Keeps spans of the goroutines for which `is_wanted` returns true. `is_wanted` is called once for every
    /// goroutine.
    pub fn of_goroutines(mut self, is_wanted: impl Fn(Goroutine<'t>) -> bool) -> Self {
        let matching = self.timeline.goroutines().enumerate().map(|(number, goroutine)| {
            let still_matches = self.goroutines.as_ref().is_none_or(|matching| matching.get(number) == Some(&true));
            still_matches && is_wanted(goroutine)
        });
        self.goroutines = Some(matching.collect());
        self
    }

    /// Keeps spans that overlap the work on a task: spans of the goroutine that started the task, until the task ends,
    /// and spans of other goroutines while they are in a region of the task.
    pub fn task(mut self, task: TaskId) -> Self {
        self.tasks.push(TaskTimes::new(self.timeline, task));
        self
    }

    fn matches_stack(&self, stack: StackNumber) -> bool {
        self.stacks.as_ref().is_none_or(|stacks| stacks.get(stack as usize) == Some(&true))
    }

    /// Returns the range of time of the query, within the trace.
    pub(crate) fn range(&self) -> Range<Time> {
        self.range.start.max(self.timeline.start())..self.range.end.min(self.timeline.end())
    }

    /// Returns the timeline of the query.
    pub fn timeline(&self) -> &'t Timeline {
        self.timeline
    }

    /// Returns whether all waits of the query's goroutines in its range match.
    pub(super) fn matches_all_waits(&self) -> bool {
        let has_set = self.stacks.is_some() || self.goroutines.is_some() || !self.functions.is_empty();
        let has_list = !self.reasons.is_empty() || !self.tasks.is_empty();
        let all_states = self.states.iter().all(|&state| state == GoState::Waiting);
        all_states && self.longer_than.is_none() && !has_set && !has_list
    }

    pub(super) fn matches(&self, span: &Span<'t>) -> bool {
        let go = span.goroutine().number() as usize;
        let stack = || span.stack().map_or(0, |stack| stack.number());
        let has = |matching: &[bool], index: usize| matching.get(index) == Some(&true);
        let has_function = |matching: &Functions| has(&matching.starts, go) || has(&matching.stacks, stack() as usize);
        self.states.iter().all(|&state| span.state() == state)
            && self.goroutines.as_ref().is_none_or(|matching| has(matching, go))
            && self.functions.iter().all(has_function)
            && self.reasons.iter().all(|reason| reason.is_of(span))
            && self.longer_than.is_none_or(|limit| span.duration() > limit)
            && (self.stacks.is_none() || self.matches_stack(stack()))
            && self.tasks.iter().all(|task| task.overlaps(span))
    }

    /// Returns the spans.
    pub fn iter(&self) -> impl Iterator<Item = Span<'t>> {
        self.goroutines().flat_map(|go| go.between(self.range.clone())).filter(|span| self.matches(span))
    }

    pub(super) fn goroutines(&self) -> impl Iterator<Item = Goroutine<'t>> + use<'t> {
        let timeline = self.timeline;
        let numbers = match self.ids.split_first() {
            Some((id, others)) if others.iter().all(|other| other == id) => {
                timeline.goroutines.get(id.0).map_or(0..0, |number| number..number + 1)
            }
            Some(_) => 0..0,
            None => 0..timeline.goroutines.len() as u32,
        };
        numbers.map(|number| Goroutine::new(timeline, number))
    }
}

impl Reason {
    fn is_of(self, span: &Span<'_>) -> bool {
        match self {
            Reason::Is(reason) => span.reason_number() == reason,
            Reason::BlockedBeforeTrace => span.is_since_before(),
            Reason::Empty => span.reason_name() == NO_REASON,
            Reason::NotInTrace => false,
        }
    }
}

impl<'t> IntoIterator for Query<'t> {
    type Item = Span<'t>;
    type IntoIter = Matches<'t>;

    fn into_iter(self) -> Matches<'t> {
        let goroutines = Box::new(self.goroutines());
        let range = self.range.clone();
        Matches { spans: Box::new(goroutines.flat_map(move |go| go.between(range.clone()))), query: self }
    }
}

/// The spans that match a [`Query`].
pub struct Matches<'t> {
    query: Query<'t>,
    spans: Box<dyn Iterator<Item = Span<'t>> + Send + 't>,
}

impl std::fmt::Debug for Matches<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Matches").field(&self.query).finish()
    }
}

impl<'t> Iterator for Matches<'t> {
    type Item = Span<'t>;

    fn next(&mut self) -> Option<Span<'t>> {
        let Matches { query, spans } = self;
        spans.find(|span| query.matches(span))
    }
}

/// The times at which each goroutine worked on a task.
#[derive(Clone, Debug)]
struct TaskTimes(Vec<(GoId, Range<Time>)>);

impl TaskTimes {
    fn new(timeline: &Timeline, id: TaskId) -> Self {
        let mut times = Vec::new();
        if let Some(task) = timeline.task(id) {
            times.extend(task.go().map(|go| (go, task.known())));
            times.extend(task.regions().filter_map(|region| Some((region.go()?, region.known()))));
        }
        times.sort_by_key(|(go, time)| (*go, time.start));
        TaskTimes(times)
    }

    fn overlaps(&self, span: &Span<'_>) -> bool {
        let go = span.goroutine().id();
        let first = self.0.partition_point(|(of, _)| *of < go);
        let own = self.0.iter().skip(first).take_while(|(of, time)| *of == go && time.start < span.end());
        own.into_iter().any(|(_, time)| time.end > span.start())
    }
}

/// The state of the program at one time of a [`Timeline`].
#[derive(Clone, Copy, Debug)]
pub struct Moment<'t> {
    timeline: &'t Timeline,
    time: Time,
}

impl<'t> Moment<'t> {
    /// Returns the time.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns the current span of each goroutine that is alive.
    pub fn goroutines(&self) -> impl Iterator<Item = Span<'t>> + use<'t> {
        let time = self.time;
        self.timeline.goroutines().filter_map(move |goroutine| goroutine.at(time))
    }

    /// Returns each P that exists, with its current span.
    pub fn procs(&self) -> impl Iterator<Item = (Proc<'t>, ProcSpan)> + use<'t> {
        let time = self.time;
        self.timeline.procs().filter_map(move |proc| Some((proc, proc.at(time)?)))
    }

    /// Returns the active GC cycle. `None` if no cycle is active.
    pub fn gc_cycle(&self) -> Option<GcCycle<'t>> {
        let mut cycles = self.timeline.gc_cycles().rev().skip_while(|cycle| cycle.start() > self.time);
        cycles.next().filter(|cycle| self.time < cycle.end() || cycle.is_open())
    }

    /// Returns the active stop-the-world pause. `None` if the world is not stopped.
    pub fn pause(&self) -> Option<Pause<'t>> {
        let mut pauses = self.timeline.pauses().rev().skip_while(|pause| pause.start() > self.time);
        pauses.next().filter(|pause| self.time < pause.end() || pause.is_open())
    }

    /// Returns the heap size in bytes. `None` if it is not known.
    pub fn heap(&self) -> Option<u64> {
        self.timeline.heap_at(self.time)
    }

    /// Returns the heap goal: the heap size in bytes at which the current GC cycle should end.
    /// `None` if it is not known.
    pub fn heap_goal(&self) -> Option<u64> {
        self.timeline.heap_goal_at(self.time)
    }

    /// Returns GOMAXPROCS. `None` if it is not known.
    pub fn gomaxprocs(&self) -> Option<u64> {
        self.timeline.gomaxprocs_at(self.time)
    }
}

impl<'t> Span<'t> {
    /// Returns the chain of waits that delayed this wait: A waits for B, which waits for C.
    ///
    /// The first item is this span. Each next item is the last wait of the goroutine that ended the
    /// previous item. Waits that ended before this span started are not part of the chain, because
    /// they did not delay this span. The chain ends at a wait that no goroutine ended. Empty if
    /// this span is not a wait.
    pub fn chain(&self) -> Chain<'t> {
        Chain { next: (self.state() == GoState::Waiting).then_some(*self), since: self.start() }
    }
}

/// A chain of waits. The goroutine of each item ended the wait of the item before.
#[derive(Clone, Debug)]
pub struct Chain<'t> {
    next: Option<Span<'t>>,
    since: Time,
}

impl<'t> Iterator for Chain<'t> {
    type Item = Span<'t>;

    fn next(&mut self) -> Option<Span<'t>> {
        let wait = self.next?;
        self.next = self.cause_of(&wait);
        Some(wait)
    }
}

impl<'t> Chain<'t> {
    /// Returns the last wait of the goroutine that ended `wait`. The returned wait ends before
    /// `wait` ends, so the chain is finite.
    fn cause_of(&self, wait: &Span<'t>) -> Option<Span<'t>> {
        let waker = wait.woken_by()?;
        let goroutine = wait.goroutine().timeline().goroutine(waker.go()?)?;
        let mut span = goroutine.at(waker.at())?;
        while span.start() > self.since {
            span = span.previous()?;
            if span.state() == GoState::Waiting {
                return Some(span).filter(|span| span.end() > self.since && span.end() < wait.end());
            }
        }
        None
    }
}
