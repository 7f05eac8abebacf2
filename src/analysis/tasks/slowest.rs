//! Finds the slowest tasks, and what they waited for.

use std::cmp::Reverse;
use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::event::{GoState, OwnedFrame};
use crate::id::{GoId, TaskId};
use crate::time::Time;
use crate::timeline::{Goroutine, Span, Task, Timeline};

/// The conditions for tasks that [`slowest`] returns, and their maximum number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowestOptions {
    /// The maximum number of tasks to return. 10 by default.
    pub count: usize,
    /// Return only tasks with this name.
    pub name: Option<String>,
    /// Return only tasks that took at least this long.
    pub min: Duration,
    /// Return only tasks on which one of these goroutines worked, or all tasks if the list is
    /// empty.
    pub goroutines: Vec<GoId>,
    /// Return only tasks that overlap this range of time, and count only time within the range.
    pub between: Option<Range<Time>>,
}

impl Default for SlowestOptions {
    fn default() -> Self {
        SlowestOptions { count: 10, name: None, min: Duration::ZERO, goroutines: Vec::new(), between: None }
    }
}

impl SlowestOptions {
    /// Sets [`count`](SlowestOptions::count).
    pub fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Sets [`name`](SlowestOptions::name).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets [`min`](SlowestOptions::min).
    pub fn min(mut self, min: Duration) -> Self {
        self.min = min;
        self
    }

    /// Adds to [`goroutines`](SlowestOptions::goroutines).
    pub fn goroutine(mut self, go: GoId) -> Self {
        self.goroutines.push(go);
        self
    }

    /// Sets [`between`](SlowestOptions::between).
    pub fn between(mut self, range: Range<Time>) -> Self {
        self.between = Some(range);
        self
    }
}

/// The output of [`slowest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SlowestReport {
    /// The number of tasks in the trace.
    pub task_count: u64,
    /// The number of tasks that match the options.
    pub matching: u64,
    /// The slowest matching tasks, in descending order of duration.
    pub tasks: Vec<SlowTask>,
}

/// A slow task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SlowTask {
    /// The ID of the task.
    pub id: TaskId,
    /// The name that the program gave the task. Empty if the task started before the trace.
    pub name: String,
    /// The task in which this task was created.
    pub parent: Option<TaskId>,
    /// The time at which the task started. `None` if it started before the trace. In JSON:
    /// nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Option<Time>,
    /// The time at which the task ended. `None` if it was still open at the end of the trace. In
    /// JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Option<Time>,
    /// The duration of the part of the task within the trace and [`SlowestOptions::between`]. In
    /// JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The total time during which the task's goroutines ran. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "running_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub running: Duration,
    /// The total time during which the task's goroutines were runnable and waited for a P
    /// (processor). In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "runnable_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub runnable: Duration,
    /// The total time during which the task's goroutines were in system calls. In JSON:
    /// nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall: Duration,
    /// The waits of the task's goroutines by reason, in descending order of total time.
    pub waits: Vec<TaskWait>,
    /// The goroutines that worked on the task, in descending order of time. At most 64 are listed.
    pub goroutines: Vec<SlowTaskGoroutine>,
    /// The number of goroutines that worked on the task.
    pub goroutine_count: u64,
}

/// The waits of a task's goroutines with the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TaskWait {
    /// The reason in the runtime's words, such as `sync` or `chan receive`.
    pub reason: String,
    /// The number of waits.
    pub count: u64,
    /// The total time of the waits. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub total: Duration,
    /// The longest wait.
    pub longest: LongestWait,
}

/// The longest wait of a task with the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LongestWait {
    /// The goroutine that waited.
    #[cfg_attr(feature = "serde", serde(rename = "goroutine"))]
    pub go: GoId,
    /// The start of the wait. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The length of the part of the wait within the task. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The stack at which the goroutine waited, innermost frame first. Empty if the trace has no
    /// stack of the wait.
    pub stack: Vec<OwnedFrame>,
    /// The goroutine that ended the wait. `None` if the runtime ended it, or if it did not end.
    pub woken_by: Option<GoId>,
}

/// A goroutine that worked on a slow task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SlowTaskGoroutine {
    /// The ID of the goroutine.
    pub id: GoId,
    /// The function in which the goroutine started. Empty if the trace has no stack of the
    /// goroutine.
    pub function: String,
    /// The time during which the goroutine worked on the task, including the time in which it was
    /// blocked. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub total: Duration,
    /// The time during which the goroutine ran. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "running_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub running: Duration,
    /// The time during which the goroutine was blocked. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "blocked_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub blocked: Duration,
}

/// The maximum number of goroutines of a task to list.
const MAX_GOROUTINES: usize = 64;

/// Finds the slowest tasks, and what their goroutines waited for.
///
/// A goroutine works on a task in three cases. The goroutine that ended the task works on it from
/// the creation of the goroutine on. If the trace has no end of the task, the goroutine that
/// started the task works on it instead. All other goroutines work on the task while they are in a
/// region of the task. Only the goroutines of the returned tasks are examined.
///
/// ```
/// use gotrace::analysis::tasks::{SlowestOptions, slowest};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/annotations.trace"))?;
/// let timeline = gotrace::Timeline::from_slice(&bytes)?;
/// for task in slowest(&timeline, &SlowestOptions::default().count(3)).tasks {
///     println!("task {} ({}): {:?}", task.id, task.name, task.duration);
///     for wait in task.waits {
///         println!("    {:?} in {}, longest in goroutine {}", wait.total, wait.reason, wait.longest.go);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub fn slowest(timeline: &Timeline, options: &SlowestOptions) -> SlowestReport {
    let window = options.between.clone().unwrap_or(Time(i64::MIN)..Time(i64::MAX));
    let mut found: Vec<(Duration, Task<'_>)> = Vec::new();
    for task in timeline.tasks() {
        let known = clip(&task.known(), &window);
        let fits = options.name.as_ref().is_none_or(|name| task.name() == **name)
            && (options.between.is_none() || known.start < known.end)
            && known.end - known.start >= options.min
            && (options.goroutines.is_empty() || Work::of(timeline, &task, &window).has(&options.goroutines));
        if fits {
            found.push((known.end - known.start, task));
        }
    }
    let matching = found.len() as u64;
    found.sort_by_key(|(duration, task)| (Reverse(*duration), task.start(), task.id()));
    found.truncate(options.count);
    let tasks = found.into_iter().map(|(duration, task)| slow_task(timeline, &task, duration, &window)).collect();
    SlowestReport { task_count: timeline.tasks().len() as u64, matching, tasks }
}

fn clip(range: &Range<Time>, window: &Range<Time>) -> Range<Time> {
    let start = range.start.max(window.start);
    start..range.end.min(window.end).max(start)
}

/// The times at which goroutines worked on a task.
struct Work {
    /// Disjoint ranges of time in ascending order, by goroutine.
    goroutines: IndexMap<GoId, Vec<Range<Time>>, RandomState>,
}

impl Work {
    fn of(timeline: &Timeline, task: &Task<'_>, window: &Range<Time>) -> Self {
        let known = clip(&task.known(), window);
        let owner = task.ended_by().or(task.go()).map(|go| {
            let created = timeline.goroutine(go).and_then(|goroutine| goroutine.created_at());
            (go, created.map_or(known.start, |created| created.max(known.start))..known.end)
        });
        let regions = task.regions().filter_map(|region| Some((region.go()?, clip(&region.known(), window))));
        let mut goroutines: IndexMap<GoId, Vec<Range<Time>>, RandomState> = IndexMap::default();
        for (go, range) in owner.into_iter().chain(regions).filter(|(_, range)| range.start < range.end) {
            goroutines.entry(go).or_default().push(range);
        }
        goroutines.values_mut().for_each(merge);
        Work { goroutines }
    }

    fn has(&self, goroutines: &[GoId]) -> bool {
        goroutines.iter().any(|go| self.goroutines.contains_key(go))
    }
}

/// Sorts ranges and merges those that overlap.
fn merge(ranges: &mut Vec<Range<Time>>) {
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let overlaps = next.start <= last.end;
        if overlaps {
            last.end = last.end.max(next.end);
        }
        overlaps
    });
}

fn slow_task(timeline: &Timeline, task: &Task<'_>, duration: Duration, window: &Range<Time>) -> SlowTask {
    let mut slow = SlowTask {
        id: task.id(),
        name: task.name().to_str_lossy().into_owned(),
        parent: task.parent(),
        start: task.start(),
        end: task.end(),
        duration,
        running: Duration::ZERO,
        runnable: Duration::ZERO,
        syscall: Duration::ZERO,
        waits: Vec::new(),
        goroutines: Vec::new(),
        goroutine_count: 0,
    };
    let mut waits: IndexMap<String, Waits<'_>, RandomState> = IndexMap::default();
    for (go, ranges) in Work::of(timeline, task, window).goroutines {
        let Some(goroutine) = timeline.goroutine(go) else { continue };
        slow.add(goroutine, &ranges, &mut waits);
    }
    slow.goroutines.sort_by_key(|goroutine| (Reverse(goroutine.total), goroutine.id));
    slow.goroutines.truncate(MAX_GOROUTINES);
    slow.waits = waits.into_iter().filter_map(|(reason, waits)| waits.into_wait(reason)).collect();
    slow.waits.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.reason.cmp(&b.reason)));
    slow
}

impl SlowTask {
    /// Adds what a goroutine did in these ranges.
    fn add<'t>(
        &mut self,
        goroutine: Goroutine<'t>,
        ranges: &[Range<Time>],
        waits: &mut IndexMap<String, Waits<'t>, RandomState>,
    ) {
        let mut it = SlowTaskGoroutine {
            id: goroutine.id(),
            function: goroutine.name().to_str_lossy().into_owned(),
            total: Duration::ZERO,
            running: Duration::ZERO,
            blocked: Duration::ZERO,
        };
        for range in ranges {
            let totals = goroutine.totals(range.clone());
            self.running += totals.running();
            self.runnable += totals.runnable();
            self.syscall += totals.syscall();
            it.total += totals.total();
            it.running += totals.running();
            it.blocked += totals.waiting();
            for row in totals.waiting_by_reason() {
                let waits = waits.entry(row.reason.to_str_lossy().into_owned()).or_default();
                waits.total += row.time;
                waits.count += row.count;
            }
            for span in goroutine.between(range.clone()).filter(|span| span.state() == GoState::Waiting) {
                let within = clip(&(span.start()..span.end()), range);
                let length = within.end - within.start;
                if let Some(waits) = waits.get_mut(&*span.reason_name().to_str_lossy())
                    && waits.longest.is_none_or(|(longest, _)| longest < length)
                {
                    waits.longest = Some((length, span));
                }
            }
        }
        self.goroutine_count += 1;
        self.goroutines.push(it);
    }
}

/// The waits with the same reason that have been found so far.
#[derive(Default)]
struct Waits<'t> {
    count: u64,
    total: Duration,
    /// The longest wait, and the length of its part within the task.
    longest: Option<(Duration, Span<'t>)>,
}

impl Waits<'_> {
    /// Returns the report of these waits. `None` if no span of a wait was found.
    fn into_wait(self, reason: String) -> Option<TaskWait> {
        let (duration, span) = self.longest?;
        let stack = span.stack().into_iter().flat_map(|stack| stack.frames()).map(OwnedFrame::from);
        let longest = LongestWait {
            go: span.goroutine().id(),
            start: span.start(),
            duration,
            stack: stack.collect(),
            woken_by: span.woken_by().and_then(|waker| waker.go()),
        };
        Some(TaskWait { reason, count: self.count, total: self.total, longest })
    }
}
