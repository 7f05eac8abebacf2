//! The reasons of waits, as small numbers.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::event::Text;
use crate::timeline::Timeline;
use crate::timeline::columns::spans::{NOBODY, State};
use crate::timeline::columns::symbols::StringNumber;
use crate::timeline::goroutine::{BLOCKED_BEFORE_TRACE, NO_REASON};

/// The indexes of the reasons that are not in the trace.
const SINCE_BEFORE: u32 = 0;
const NOT_RECORDED: u32 = 1;
/// The index of the first reason that is in the trace.
const RECORDED: u32 = 2;

/// The reasons of the trace.
#[derive(Debug)]
pub(in crate::timeline) struct Reasons {
    recorded: IndexSet<StringNumber, RandomState>,
}

impl Reasons {
    fn new(timeline: &Timeline) -> Self {
        let reasons = timeline.symbols.whys.iter().map(|why| why.reason).filter(|&reason| reason != 0);
        Reasons { recorded: reasons.collect() }
    }

    /// Returns the index of a wait's reason. `previous` returns the goroutine's previous state.
    pub fn index(&self, timeline: &Timeline, (who, why): (u32, u32), previous: impl FnOnce() -> State) -> u32 {
        match timeline.symbols.why(why).reason {
            0 if who == NOBODY && matches!(previous(), State::Undetermined | State::Ended) => SINCE_BEFORE,
            0 => NOT_RECORDED,
            reason => self.recorded.get_index_of(&reason).map_or(NOT_RECORDED, |index| RECORDED + index as u32),
        }
    }

    pub fn bytes(&self) -> u64 {
        (self.recorded.capacity() * 3 * size_of::<u64>()) as u64
    }
}

impl Timeline {
    pub(super) fn reasons(&self) -> &Reasons {
        self.levels.reasons.get_or_init(|| Reasons::new(self))
    }

    /// Returns the names of the reasons for which goroutines wait or yield, to which
    /// [`LaneDetail::Reason`](super::LaneDetail::Reason) refers. The first two are
    /// [`BLOCKED_BEFORE_TRACE`] and [`NO_REASON`].
    pub fn wait_reasons(&self) -> impl ExactSizeIterator<Item = Text<'_>> {
        let recorded = &self.reasons().recorded;
        (0..recorded.len() + RECORDED as usize).map(|index| match index as u32 {
            SINCE_BEFORE => Text::from(BLOCKED_BEFORE_TRACE),
            NOT_RECORDED => Text::from(NO_REASON),
            _ => recorded
                .get_index(index - RECORDED as usize)
                .map_or(Text(b""), |&reason| self.symbols.strings.get(reason)),
        })
    }
}
