//! Numbers the pairs of a reason and a stack, which most spans have.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::numbers::{ById, Numbers};
use crate::event::record::Symbol;
use crate::timeline::columns::spans::MAX_WHYS;
use crate::timeline::columns::symbols::{Strings, Why};

/// A reason: the number of a string, or [`STATIC`] plus an index into [`Whys::statics`].
type Reason = u32;
/// The first number of the reasons that are not strings of the trace.
const STATIC: Reason = 1 << 31;
/// Means that there is no reason.
const NO_REASON: Reason = u32::MAX;

/// The pairs so far.
#[derive(Debug)]
pub(super) struct Whys {
    /// The pairs. The first has neither a reason nor a stack.
    whys: IndexSet<Why, RandomState>,
    /// For each stack, the key of the reason that it last occurred with, and the number of the
    /// pair. Nearly all events with the same stack have the same reason.
    by_stack: ById<(u32, u32)>,
    /// Reasons that are not strings of the trace: old traces have a dozen.
    statics: Vec<&'static str>,
}

impl Default for Whys {
    fn default() -> Self {
        let whys = IndexSet::from_iter([Why::default()]);
        Whys { whys, by_stack: ById::new((NO_REASON, 0), 0), statics: Vec::new() }
    }
}

impl Whys {
    /// Starts a generation with this number of stacks.
    pub fn begin_generation(&mut self, stacks: usize) {
        self.by_stack = ById::new((NO_REASON, 0), stacks);
    }

    /// Returns the number of a reason together with a stack.
    #[inline(always)]
    pub fn number(&mut self, reason: Symbol, stack: u64, numbers: &Numbers) -> u32 {
        // Most pairs have no reason, or a reason from the trace. Their order cannot be predicted, so this code has no
        // branches.
        let id = match reason {
            Symbol::Id(id) => id,
            _ => 0,
        };
        let is_plain = matches!(reason, Symbol::Empty | Symbol::Id(_)) & (id < u64::from(STATIC));
        let key = if is_plain { id as u32 } else { self.other_key(reason) };
        let (known, why) = self.by_stack.get(stack);
        match known == key && key != NO_REASON {
            true => why,
            false => self.new_number(key, reason, stack, numbers),
        }
    }

    #[inline(never)]
    fn other_key(&self, reason: Symbol) -> u32 {
        match reason {
            Symbol::Static(text) => self.static_key(text),
            _ => NO_REASON,
        }
    }

    fn static_key(&self, text: &'static str) -> u32 {
        let known = self.statics.iter().position(|known| std::ptr::eq(*known, text));
        known.map_or(NO_REASON, |index| STATIC + index as u32)
    }

    #[inline(never)]
    fn new_number(&mut self, mut key: u32, reason: Symbol, stack: u64, numbers: &Numbers) -> u32 {
        if let (NO_REASON, Symbol::Static(text)) = (key, reason) {
            self.statics.push(text);
            key = self.static_key(text);
        }
        let reason = match reason {
            Symbol::Id(id) => numbers.string(id),
            Symbol::Static(_) => key,
            // Changes of state have no reasons of these kinds.
            Symbol::Empty | Symbol::Span { .. } | Symbol::Name(_) => 0,
        };
        let why = Why { reason, stack: numbers.stack(stack) };
        let number = match self.whys.get_index_of(&why) {
            Some(number) => number,
            None if self.whys.len() < MAX_WHYS => self.whys.insert_full(why).0,
            None => 0,
        };
        self.by_stack.set(stack, (key, number as u32));
        number as u32
    }

    /// Returns all pairs, by number.
    pub fn finish(self, strings: &mut Strings) -> Vec<Why> {
        let statics: Vec<_> = self.statics.iter().map(|text| strings.intern(text.as_bytes())).collect();
        let of = |reason: Reason| reason.checked_sub(STATIC).and_then(|index| statics.get(index as usize));
        let why = |why: Why| Why { reason: of(why.reason).copied().unwrap_or(why.reason), ..why };
        self.whys.into_iter().map(why).collect()
    }
}
