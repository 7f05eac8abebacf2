//! A goroutine's life as a report.

use std::cmp::Reverse;
use std::ops::Range;
use std::time::Duration;

use super::columns::symbols::StackTrace;
use super::goroutine::{Goroutine, Span};
use super::totals::Totals;
use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;

/// Which spans of a [`Life`] are wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LifeOptions {
    /// The part of the trace; `None` for all of it. Totals are of the time within it, spans those
    /// that overlap it.
    pub range: Option<Range<Time>>,
    /// Only spans that last at least this long.
    pub min: Duration,
    /// Only spans with this reason; see [`Query::reason`](super::Query::reason).
    pub reason: Option<String>,
    /// In which order spans come.
    pub order: SpanOrder,
    /// How many spans and children at most; 0 for all.
    pub top: usize,
}

/// The order of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanOrder {
    /// By time.
    #[default]
    Start,
    /// The longest first.
    Duration,
}

impl Default for LifeOptions {
    /// The whole trace, all spans by time, at most 100 of them.
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

/// The life of a goroutine: where it comes from, how long it was in which state, and its spans.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Life<'t> {
    /// The goroutine.
    pub goroutine: GoId,
    /// The function in which it started; empty if the trace has no stack of it.
    pub function: String,
    /// Where it starts. Of one that is older than the trace, where the trace first has a stack of
    /// it.
    pub start_stack: Vec<OwnedFrame>,
    /// When it was created; `None` if it is older than the trace.
    #[cfg_attr(feature = "serde", serde(rename = "created_ns"))]
    pub created: Option<Time>,
    /// The goroutine that created it; `None` if it is older than the trace, or if no goroutine did.
    pub created_by: Option<GoId>,
    /// Where its creator was, innermost frame first.
    pub creation_stack: Vec<OwnedFrame>,
    /// When it ended; `None` if it was still alive when the trace ended.
    #[cfg_attr(feature = "serde", serde(rename = "ended_ns"))]
    pub ended: Option<Time>,
    /// The number of goroutines that it created within the trace.
    pub child_count: u64,
    /// The first of them, as many as were asked for.
    pub children: Vec<GoId>,
    /// The start of the part of the trace that was asked for.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The end of that part.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// How long it was in which state, within that part.
    pub totals: Totals<'t>,
    /// The number of spans that match the options.
    pub span_count: u64,
    /// The first of them, as many as were asked for.
    pub spans: Vec<Span<'t>>,
}

impl<'t> Goroutine<'t> {
    /// Its life as a report.
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
