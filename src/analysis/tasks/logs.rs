//! Searches for messages of `runtime/trace.Log`.

use std::ops::Range;

use crate::analysis::observer::Observer;
use crate::event::{Event, EventKind};
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// A message that [`LogSearch`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LogMatch {
    /// The time at which the message was logged. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "time_ns"))]
    pub time: Time,
    /// The goroutine that logged the message.
    #[cfg_attr(feature = "serde", serde(rename = "goroutine"))]
    pub go: Option<GoId>,
    /// The task of the message. [`TaskId::BACKGROUND`] (0) if the message has no task.
    pub task: TaskId,
    /// The category of the message.
    pub category: String,
    /// The text of the message.
    pub message: String,
}

/// The conditions for messages to search for. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogQuery {
    /// Find only messages of this category.
    pub category: Option<String>,
    /// Find only messages that contain this text.
    pub text: Option<String>,
    /// Find only messages of this task.
    pub task: Option<TaskId>,
    /// Find only messages of these goroutines, or of all goroutines if the list is empty.
    pub goroutines: Vec<GoId>,
    /// Find only messages within this range of time.
    pub between: Option<Range<Time>>,
    /// Keep at most this many messages, starting with the first. The other matches are only
    /// counted.
    pub limit: usize,
}

impl LogQuery {
    /// Finds all messages and keeps the first `limit`.
    pub fn first(limit: usize) -> Self {
        LogQuery { limit, ..LogQuery::default() }
    }

    /// Sets [`category`](LogQuery::category).
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Sets [`text`](LogQuery::text).
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets [`task`](LogQuery::task).
    pub fn task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Adds to [`goroutines`](LogQuery::goroutines).
    pub fn goroutine(mut self, go: GoId) -> Self {
        self.goroutines.push(go);
        self
    }

    /// Sets [`between`](LogQuery::between).
    pub fn between(mut self, range: Range<Time>) -> Self {
        self.between = Some(range);
        self
    }
}

/// The output of [`LogSearch`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LogSearchReport {
    /// The number of messages that match.
    pub count: u64,
    /// The number of messages in the trace.
    pub message_count: u64,
    /// The first matches in order of time, at most [`LogQuery::limit`].
    pub messages: Vec<LogMatch>,
}

/// Searches log messages in one pass. Memory is proportional to the number of matches, up to the
/// limit.
#[derive(Debug)]
pub struct LogSearch {
    query: LogQuery,
    report: LogSearchReport,
}

impl LogSearch {
    /// Creates a search for these messages.
    pub fn new(query: LogQuery) -> Self {
        LogSearch { query, report: LogSearchReport::default() }
    }
}

impl Observer for LogSearch {
    type Output = LogSearchReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let EventKind::Log(log) = event.kind() else { return };
        let LogQuery { category, text, task, goroutines, between, limit } = &self.query;
        let has = |part: &String| memchr::memmem::find(log.message.as_bytes(), part.as_bytes()).is_some();
        self.report.message_count += 1;
        if category.as_ref().is_none_or(|category| log.category == **category)
            && text.as_ref().is_none_or(has)
            && task.is_none_or(|task| task == log.task)
            && (goroutines.is_empty() || event.go().is_some_and(|go| goroutines.contains(&go)))
            && between.as_ref().is_none_or(|range| range.contains(&event.time()))
        {
            self.report.count += 1;
            if self.report.messages.len() < *limit {
                self.report.messages.push(LogMatch {
                    time: event.time(),
                    go: event.go(),
                    task: log.task,
                    category: log.category.to_str_lossy().into_owned(),
                    message: log.message.to_str_lossy().into_owned(),
                });
            }
        }
    }

    fn finish(self) -> LogSearchReport {
        self.report
    }
}
