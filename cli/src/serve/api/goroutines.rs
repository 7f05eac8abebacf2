//! Goroutines: the members of a group, and everything about one.

use std::cmp::Reverse;
use std::ops::Range;
use std::time::Duration;

use gotrace::timeline::{self, Totals};
use gotrace::{GoId, GoState, OwnedFrame, TaskId, Time, Timeline};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::span::{SpanRow, goroutine as find, longest};
use super::view::Part;
use super::{Answer, Refusal, to_json};

/// What the members of a group are sorted by. Durations and counts are sorted largest first.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Running,
    Runnable,
    Waiting,
    Syscall,
    Lifetime,
    Start,
    Id,
}

/// Selects a part of the members of a group.
#[derive(Deserialize)]
pub struct GroupQuery {
    id: u32,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
    start: Option<i64>,
    end: Option<i64>,
}

#[derive(Serialize)]
struct Group<'t> {
    id: u32,
    name: String,
    count: usize,
    rows: Vec<Member<'t>>,
}

#[derive(Serialize)]
struct Member<'t> {
    goroutine: GoId,
    created_ns: Option<Time>,
    ended_ns: Option<Time>,
    created_by: Option<GoId>,
    totals: Totals<'t>,
}

/// The most members in an answer.
const MAX_MEMBERS: usize = 10_000;
const USUAL_MEMBERS: usize = 200;

/// Returns the group with this number.
pub fn group_with(timeline: &Timeline, number: u32) -> Result<timeline::Group<'_>, Refusal> {
    timeline.group(number).ok_or_else(|| Refusal::Absent(format!("there is no group {number}")))
}

/// Answers with members of a group and their times within a part of the trace.
pub fn group(loaded: &Loaded, query: GroupQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let group = group_with(timeline, query.id)?;
    let part = Part::new(query.start, query.end).of(timeline);
    let rows = members(timeline, group, query.sort, part);
    let limit = query.limit.unwrap_or(USUAL_MEMBERS).min(MAX_MEMBERS);
    let count = rows.len();
    let rows = rows.into_iter().skip(query.offset).take(limit).collect();
    to_json(&Group { id: query.id, name: group.name().to_string(), count, rows })
}

fn members<'t>(timeline: &'t Timeline, group: timeline::Group<'t>, sort: Sort, part: Range<Time>) -> Vec<Member<'t>> {
    let members = group.goroutines().map(|goroutine| Member {
        goroutine: goroutine.id(),
        created_ns: goroutine.created_at(),
        ended_ns: goroutine.ended_at(),
        created_by: goroutine.created_by(),
        totals: goroutine.totals(part.clone()),
    });
    let mut rows: Vec<Member<'_>> = members.collect();
    rows.sort_by_key(|row| (Reverse(row.key(sort, timeline.end())), row.goroutine));
    rows
}

/// Returns the members of a group that ran longest.
pub fn busiest(timeline: &Timeline, group: timeline::Group<'_>, count: usize) -> Vec<GoId> {
    let rows = members(timeline, group, Sort::Running, timeline.start()..timeline.end());
    rows.iter().map(|row| row.goroutine).take(count).collect()
}

impl Member<'_> {
    /// Members with larger keys come first.
    fn key(&self, sort: Sort, end: Time) -> i128 {
        let nanos = |duration: Duration| duration.as_nanos() as i128;
        match sort {
            Sort::Running => nanos(self.totals.running()),
            Sort::Runnable => nanos(self.totals.runnable()),
            Sort::Waiting => nanos(self.totals.waiting()),
            Sort::Syscall => nanos(self.totals.syscall()),
            Sort::Lifetime => {
                let created = self.created_ns.map_or(i128::from(i64::MIN), |created| created.0.into());
                i128::from(self.ended_ns.unwrap_or(end).0) - created
            }
            Sort::Start => -self.created_ns.map_or(i128::from(i64::MIN), |created| created.0.into()),
            Sort::Id => -i128::from(self.goroutine.0),
        }
    }
}

#[derive(Deserialize)]
pub struct GoroutineQuery {
    id: u64,
}

/// Everything about a goroutine, except for its spans.
#[derive(Serialize)]
struct Details<'t> {
    goroutine: GoId,
    /// The number of its group.
    group: u32,
    function: String,
    created_ns: Option<Time>,
    ended_ns: Option<Time>,
    created_by: Option<GoId>,
    creator_function: Option<String>,
    creation_stack: Vec<OwnedFrame>,
    totals: Totals<'t>,
    labels: Vec<String>,
    children: usize,
    first_children: Vec<GoId>,
    regions: Vec<Region>,
    logs: Vec<Message>,
    longest_waits: Vec<SpanRow<'t>>,
}

#[derive(Serialize)]
struct Region {
    name: String,
    task: TaskId,
    start_ns: Option<Time>,
    end_ns: Option<Time>,
}

#[derive(Serialize)]
struct Message {
    at_ns: Time,
    category: String,
    message: String,
    task: TaskId,
}

/// At most this many children, regions, log messages and labels are listed.
const MAX_LISTED: usize = 50;
const LONGEST_WAITS: usize = 10;

pub fn goroutine(loaded: &Loaded, query: GoroutineQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let goroutine = find(timeline, query.id)?;
    let creator = goroutine.created_by().and_then(|id| timeline.goroutine(id));
    let waits = goroutine.spans().filter(|span| span.state() == GoState::Waiting);
    let regions = goroutine.regions().take(MAX_LISTED).map(|region| Region {
        name: region.name().to_string(),
        task: region.task(),
        start_ns: region.start(),
        end_ns: region.end(),
    });
    let logs = goroutine.logs().take(MAX_LISTED).map(|log| Message {
        at_ns: log.time(),
        category: log.category().to_string(),
        message: log.message().to_string(),
        task: log.task(),
    });
    to_json(&Details {
        goroutine: goroutine.id(),
        group: goroutine.group().number(),
        function: goroutine.name().to_string(),
        created_ns: goroutine.created_at(),
        ended_ns: goroutine.ended_at(),
        created_by: goroutine.created_by(),
        creator_function: creator.map(|creator| creator.name().to_string()),
        creation_stack: goroutine
            .creation_stack()
            .iter()
            .flat_map(|stack| stack.frames())
            .map(OwnedFrame::from)
            .collect(),
        totals: goroutine.totals(timeline.start()..timeline.end()),
        labels: goroutine.labels().take(MAX_LISTED).map(|label| label.text().to_string()).collect(),
        children: goroutine.children().len(),
        first_children: goroutine.children().take(MAX_LISTED).map(|child| child.id()).collect(),
        regions: regions.collect(),
        logs: logs.collect(),
        longest_waits: longest(waits, LONGEST_WAITS).into_iter().map(|span| SpanRow::new(timeline, span)).collect(),
    })
}

/// Selects goroutines by their IDs, separated by commas.
#[derive(Deserialize)]
pub struct NamesQuery {
    goroutines: String,
}

#[derive(Serialize)]
struct Names {
    names: Vec<Name>,
}

#[derive(Serialize)]
struct Name {
    goroutine: GoId,
    group: u32,
    function: String,
}

/// The most names in an answer.
const MAX_NAMES: usize = 500;

/// Answers with the groups and functions of goroutines. Unknown goroutines are left out.
pub fn names(loaded: &Loaded, query: NamesQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let ids = query.goroutines.split(',').filter_map(|id| id.parse().ok()).take(MAX_NAMES);
    names_of(timeline, ids.map(GoId))
}

pub fn names_of(timeline: &Timeline, ids: impl Iterator<Item = GoId>) -> Answer {
    let names = ids.filter_map(|id| timeline.goroutine(id)).map(|goroutine| Name {
        goroutine: goroutine.id(),
        group: goroutine.group().number(),
        function: goroutine.name().to_string(),
    });
    to_json(&Names { names: names.collect() })
}
