//! Finds groups, labels, tasks, log messages and reasons by text, and goroutines by ID.

use gotrace::{GoId, Text, Time, Timeline};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::{Answer, to_json};

#[derive(Deserialize)]
pub struct FindQuery {
    q: String,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Found {
    hits: Vec<Hit>,
    /// The number of hits, listed or not.
    total: u64,
    #[serde(skip)]
    limit: usize,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum HitKind {
    Goroutine,
    Group,
    Label,
    Task,
    Log,
    Reason,
}

/// A place in the trace that contains the text.
#[derive(Serialize)]
struct Hit {
    kind: HitKind,
    text: String,
    goroutine: Option<GoId>,
    group: Option<u32>,
    start_ns: Option<Time>,
    end_ns: Option<Time>,
}

impl Hit {
    fn new(kind: HitKind, text: impl Into<String>) -> Self {
        Hit { kind, text: text.into(), goroutine: None, group: None, start_ns: None, end_ns: None }
    }
}

/// The most hits in an answer.
const MAX_HITS: usize = 1000;
const USUAL_HITS: usize = 50;
/// Longer texts are cut.
const MAX_TEXT: usize = 300;

impl Found {
    /// Adds a hit. It is only built if it is listed.
    fn add(&mut self, hit: impl FnOnce() -> Hit) {
        self.total += 1;
        if self.hits.len() < self.limit {
            let mut hit = hit();
            if let Some((cut, _)) = hit.text.char_indices().nth(MAX_TEXT) {
                hit.text.truncate(cut);
            }
            self.hits.push(hit);
        }
    }
}

/// Answers with the places that contain a text. Upper and lower case of ASCII letters are equal. A number, or `G` and a
/// number, also finds the goroutine with this ID.
pub fn find(loaded: &Loaded, query: FindQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let limit = query.limit.unwrap_or(USUAL_HITS).min(MAX_HITS);
    let mut found = Found { hits: Vec::new(), total: 0, limit };
    let wanted = query.q.trim();
    if !wanted.is_empty() {
        search(timeline, wanted, &mut found);
    }
    to_json(&found)
}

fn search(timeline: &Timeline, wanted: &str, found: &mut Found) {
    let has = |text: Text<'_>| contains(text.as_bytes(), wanted.as_bytes());
    let number = wanted.trim_start_matches(['G', 'g']).trim_start().parse().ok();
    if let Some(goroutine) = number.and_then(|id| timeline.goroutine(GoId(id))) {
        found.add(|| Hit {
            goroutine: Some(goroutine.id()),
            start_ns: goroutine.created_at(),
            end_ns: goroutine.ended_at(),
            ..Hit::new(HitKind::Goroutine, goroutine.name().to_string())
        });
    }
    for group in timeline.groups().filter(|group| has(group.name())) {
        found.add(|| Hit { group: Some(group.number()), ..Hit::new(HitKind::Group, group.name().to_string()) });
    }
    for reason in timeline.wait_reasons().filter(|reason| has(*reason)) {
        found.add(|| Hit::new(HitKind::Reason, reason.to_string()));
    }
    for task in timeline.tasks().filter(|task| has(task.name())) {
        found.add(|| Hit {
            goroutine: task.go(),
            start_ns: task.start(),
            end_ns: task.end(),
            ..Hit::new(HitKind::Task, task.name().to_string())
        });
    }
    for label in timeline.labels().filter(|label| has(label.text())) {
        found.add(|| Hit {
            goroutine: label.go(),
            start_ns: Some(label.time()),
            ..Hit::new(HitKind::Label, label.text().to_string())
        });
    }
    for log in timeline.logs().filter(|log| has(log.message()) || has(log.category())) {
        found.add(|| Hit {
            goroutine: log.go(),
            start_ns: Some(log.time()),
            ..Hit::new(HitKind::Log, format!("{}: {}", log.category(), log.message()))
        });
    }
}

/// Whether a text contains another. Upper and lower case of ASCII letters are equal.
fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}
