//! Messages of `runtime/trace.Log`, searched.

use super::observer::Observer;
use crate::event::{Event, EventKind};
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// A message that was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// When it was logged.
    pub time: Time,
    /// Who logged it.
    pub go: Option<GoId>,
    /// The task it belongs to, [`TaskId::BACKGROUND`] if to none.
    pub task: TaskId,
    /// Its category.
    pub category: String,
    /// Its text.
    pub message: String,
}

/// Which messages are searched for. All conditions have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Only of this category.
    pub category: Option<String>,
    /// Only those whose text contains this.
    pub text: Option<String>,
    /// Only of this task.
    pub task: Option<TaskId>,
    /// Keep so many, the first; all are counted.
    pub limit: usize,
}

/// Searches log messages, in one pass. Memory follows what is found, up to the limit.
#[derive(Debug)]
pub struct LogSearch {
    query: LogQuery,
    found: Vec<LogMessage>,
    count: u64,
}

impl LogSearch {
    /// Searches for these.
    pub fn new(query: LogQuery) -> Self {
        LogSearch { query, found: Vec::new(), count: 0 }
    }
}

impl Observer for LogSearch {
    /// The first messages that were found, in order, and how many there are in all.
    type Output = (Vec<LogMessage>, u64);

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let EventKind::Log(log) = event.kind() else { return };
        let LogQuery { category, text, task, limit } = &self.query;
        let has = |part: &String| memchr::memmem::find(log.message.as_bytes(), part.as_bytes()).is_some();
        if category.as_ref().is_none_or(|category| log.category == **category)
            && text.as_ref().is_none_or(has)
            && task.is_none_or(|task| task == log.task)
        {
            self.count += 1;
            if self.found.len() < *limit {
                self.found.push(LogMessage {
                    time: event.time(),
                    go: event.go(),
                    task: log.task,
                    category: log.category.to_str_lossy().into_owned(),
                    message: log.message.to_str_lossy().into_owned(),
                });
            }
        }
    }

    fn finish(self) -> Self::Output {
        (self.found, self.count)
    }
}
