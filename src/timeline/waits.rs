//! One pass over the waits of a query, in which each wait is decoded once.

use std::ops::Range;

use super::Timeline;
use super::columns::spans::{Entry, NOBODY, NOBODY_WITHOUT_PROC, RawWait, State};
use super::columns::symbols::StringNumber;
use super::goroutine::{Goroutine, Span};
use super::query::Query;
use super::waker::RuntimeWaker;
use crate::event::Text;
use crate::time::Time;

/// A wait and the next entry.
pub(crate) struct Wait<'t> {
    pub span: Span<'t>,
    pub end: Time,
    /// Whether the goroutine was already blocked when the trace first mentioned it, so that the reason is unknown.
    pub is_since_before: bool,
    /// The entry after the wait. `None` if the goroutine was still blocked at the end of the trace.
    next: Option<Entry>,
}

/// The kind of event that ended a wait, as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WakerKey {
    /// A goroutine that started in `function`. `why` is the index in `Symbols::whys` of its stack.
    Goroutine { function: StringNumber, why: u32 },
    /// A part of the runtime.
    Runtime(RuntimeWaker),
    /// Unknown: the goroutine was not woken, but the trace reports it in another state.
    Nobody,
    /// The wait did not end before the end of the trace.
    StillBlocked,
}

/// The reason and stack of a wait, as a key that is the same for equal reasons and stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WhyKey {
    /// An index of `Symbols::whys`.
    Why(u32),
    /// The goroutine was created blocked. This is the number of its start stack.
    Created(u32),
}

impl<'t> Wait<'t> {
    pub fn why(&self) -> WhyKey {
        match self.span.entry() {
            Entry { who: NOBODY, why, .. } => WhyKey::Why(why),
            _ => WhyKey::Created(self.span.stack().map_or(0, |stack| stack.number())),
        }
    }

    /// Returns what ended the wait. `functions` are the start functions of all goroutines, by number.
    pub fn waker(&self, functions: &[StringNumber]) -> WakerKey {
        let Some(next) = self.next else { return WakerKey::StillBlocked };
        if next.state != State::Woken {
            return WakerKey::Nobody;
        }
        match next.who {
            NOBODY => WakerKey::Runtime(RuntimeWaker::on_proc(self.span.reason())),
            NOBODY_WITHOUT_PROC => WakerKey::Runtime(RuntimeWaker::off_proc(self.span.reason())),
            number => match functions.get(number as usize) {
                Some(&function) => WakerKey::Goroutine { function, why: next.why },
                None => WakerKey::Nobody,
            },
        }
    }
}

impl<'t> Query<'t> {
    /// Calls `show` with each wait that matches, goroutine by goroutine.
    pub(crate) fn for_each_wait(&self, mut show: impl FnMut(&Wait<'t>)) {
        let range = self.range();
        let matches_all = self.matches_all_waits();
        for goroutine in self.goroutines() {
            goroutine.for_each_wait(&range, |wait| {
                if matches_all || self.matches(&wait.span) {
                    show(wait);
                }
            });
        }
    }
}

impl<'t> Goroutine<'t> {
    /// Calls `show` with each wait that overlaps a range.
    #[inline]
    fn for_each_wait(&self, range: &Range<Time>, mut show: impl FnMut(&Wait<'t>)) {
        let timeline = self.timeline();
        let cursor = timeline.spans.covering(self.number(), range.start.0);
        let before = timeline.spans.previous(self.number(), cursor).and_then(|cursor| timeline.spans.get(cursor));
        timeline.spans.waits_from(cursor, before.map_or(State::Undetermined, |entry| entry.state), |wait| {
            let RawWait { cursor, entry, previous, next } = wait;
            let end = next.map_or(timeline.end(), |next| Time(next.time));
            let is_within = entry.time < range.end.0;
            if is_within && end > range.start {
                let span = Span::of(*self, cursor, entry);
                let is_since_before = span.is_found_blocked(previous);
                show(&Wait { span, end, is_since_before, next });
            }
            is_within
        });
    }
}

impl Timeline {
    /// Returns the function in which each goroutine started, in order of the goroutines' numbers.
    pub(crate) fn start_functions(&self) -> impl Iterator<Item = StringNumber> {
        (0..self.start_stacks.len()).map(|goroutine| self.start_function(goroutine as u32))
    }

    /// Returns the function in which the goroutine with this number started.
    pub(super) fn start_function(&self, goroutine: u32) -> StringNumber {
        let stack = self.start_stacks.get(goroutine as usize).copied().unwrap_or_default();
        self.symbols.stacks.entries(stack).next_back().map_or(0, |frame| frame.func)
    }

    /// Returns the name of a function.
    pub(crate) fn function(&self, function: StringNumber) -> Text<'_> {
        self.symbols.strings.get(function)
    }

    /// Returns the number of pairs of a reason and a stack.
    pub(crate) fn why_count(&self) -> usize {
        self.symbols.whys.len()
    }
}
