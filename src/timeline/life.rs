//! The life of a goroutine as a report.

use std::cmp::Reverse;
use std::ops::Range;
use std::time::Duration;

use super::columns::symbols::StackTrace;
use super::goroutine::{Goroutine, Span};
use super::totals::Totals;
use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;

/// Selects the spans of a [`Life`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LifeOptions {
    /// The part of the trace, or `None` for the whole trace. Totals cover only the time within this
    /// part. Spans are included if they overlap it.
    pub range: Option<Range<Time>>,
    /// The minimum duration. Shorter spans are left out.
    pub min: Duration,
    /// The reason of spans, or `None` for any. See [`Query::reason`](super::Query::reason).
    pub reason: Option<String>,
    /// The order of spans.
    pub order: SpanOrder,
    /// The maximum number of spans and of children. 0 means all.
    pub top: usize,
}

/// The order of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanOrder {
    /// Spans are sorted by time.
    #[default]
    Start,
    /// The longest spans come first.
    Duration,
}

impl Default for LifeOptions {
    /// Selects the whole trace and all spans by time, at most 100 spans.
    fn default() -> Self {
        LifeOptions { range: None, min: Duration::ZERO, reason: None, order: SpanOrder::Start, top: 100 }
    }
}

impl LifeOptions {
    /// Sets [`range`](Self::range).
    pub fn range(mut self, range: Range<Time>) -> Self {
        self.range = Some(range);
        self
    }

    /// Sets [`min`](Self::min).
    pub fn min(mut self, min: Duration) -> Self {
        self.min = min;
        self
    }

    /// Sets [`reason`](Self::reason).
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Sets [`order`](Self::order).
    pub fn order(mut self, order: SpanOrder) -> Self {
        self.order = order;
        self
    }

    /// Sets [`top`](Self::top).
    pub fn top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }
}

/// The life of a goroutine: where it was created, how long it was in each state, and its spans.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Life<'t> {
    /// The goroutine.
    pub goroutine: GoId,
    /// The function in which it started. Empty if the trace contains no stack of the goroutine.
    pub function: String,
    /// The stack at which it started, innermost frame first. For a goroutine that is older than the trace, this is its
    /// first stack in the trace.
    pub start_stack: Vec<OwnedFrame>,
    /// When it was created. `None` if it was created before the trace.
    #[cfg_attr(feature = "serde", serde(rename = "created_ns"))]
    pub created: Option<Time>,
    /// The goroutine that created it. `None` if it is older than the trace or has no creator.
    pub created_by: Option<GoId>,
    /// The stack of its creator at the time of creation, innermost frame first.
    pub creation_stack: Vec<OwnedFrame>,
    /// When it exited. `None` if it was alive when the trace ended.
    #[cfg_attr(feature = "serde", serde(rename = "ended_ns"))]
    pub ended: Option<Time>,
    /// The number of goroutines that it created during the trace.
    pub child_count: u64,
    /// The first children, up to the requested number.
    pub children: Vec<GoId>,
    /// The start of the requested part of the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The end of the requested part of the trace.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// How long it was in each state, within the requested part.
    pub totals: Totals<'t>,
    /// The number of spans that match the options.
    pub span_count: u64,
    /// The first of these spans, up to the requested number.
    pub spans: Vec<Span<'t>>,
}

impl<'t> Goroutine<'t> {
    /// Returns its life as a report.
    pub fn life(&self, options: &LifeOptions) -> Life<'t> {
        let timeline = self.timeline();
        let whole = timeline.start()..timeline.end();
        let range =
            options.range.clone().map_or(whole.clone(), |range| range.start.max(whole.start)..range.end.min(whole.end));
        let mut query = timeline.between(range.clone()).goroutine(self.id());
        if !options.min.is_zero() {
            query = query.longer_than(options.min - Duration::from_nanos(1));
        }
        if let Some(reason) = &options.reason {
            query = query.reason(reason);
        }
        let mut spans: Vec<Span<'t>> = query.iter().collect();
        let span_count = spans.len() as u64;
        if options.order == SpanOrder::Duration {
            spans.sort_by_key(|span| (Reverse(span.duration()), span.start()));
        }
        let top = if options.top == 0 { usize::MAX } else { options.top };
        spans.truncate(top);
        let children = self.children();
        Life {
            goroutine: self.id(),
            function: self.name().to_string(),
            start_stack: owned(self.start_stack()),
            created: self.created_at(),
            created_by: self.created_by(),
            creation_stack: owned(self.creation_stack()),
            ended: self.ended_at(),
            child_count: children.len() as u64,
            children: children.take(top).map(|child| child.id()).collect(),
            start: range.start,
            end: range.end,
            totals: self.totals(range),
            span_count,
            spans,
        }
    }
}

fn owned(stack: Option<StackTrace<'_>>) -> Vec<OwnedFrame> {
    stack.into_iter().flat_map(|stack| stack.frames()).map(OwnedFrame::from).collect()
}
