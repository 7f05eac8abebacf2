//! The state of a goroutine and of a P.

use crate::event::GoState;
use crate::id::NONE;

/// A goroutine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Go {
    /// The number of its counted events that were merged.
    pub sequence: u64,
    /// The time in ticks at which its last system call blocked, or 0.
    pub blocked_at: u64,
    pub packed: PackedState,
    /// Whether it is in a mark assist.
    pub assists: bool,
}

impl Go {
    /// A goroutine that was just created.
    pub const CREATED: Go = Go { sequence: 1, blocked_at: 0, packed: PackedState::CREATED, assists: false };
}

/// The states of a goroutine in the merge and after the events that were returned. The two states differ only around
/// the end of a system call, which is returned before the merge reaches it.
///
/// It is one integer with one byte for each part, so that most events check and set it as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedState(u32);

const STATE_SHIFT: u32 = 8;
const WATCHED: u32 = 1 << 16;
const BYTE: u32 = 0xff;

impl PackedState {
    const CREATED: PackedState = PackedState(GoState::Runnable as u32 | (GoState::NotExist as u32) << STATE_SHIFT);
    const ON_NETWORK: u32 = 1 << 24;

    /// A value that no goroutine has.
    pub const NEVER: PackedState = PackedState(u32::MAX);

    /// Returns a value in which both states are equal, and no P waits for the goroutine.
    pub const fn settled(state: GoState, on_network: bool) -> PackedState {
        PackedState(state as u32 | (state as u32) << STATE_SHIFT | if on_network { Self::ON_NETWORK } else { 0 })
    }

    /// Returns 0 if two values are equal, except for the network.
    #[inline(always)]
    pub const fn differs(self, other: PackedState) -> u32 {
        (self.0 ^ other.0) & !Self::ON_NETWORK
    }

    /// Returns whether this is the state after the last merged event. For a system call that blocks, this state is
    /// Waiting.
    #[inline(always)]
    pub fn is_merged(self, state: GoState) -> bool {
        self.0 & BYTE == state as u32
    }

    /// Returns the state after the last merged event.
    pub fn merged(self) -> GoState {
        state(self.0 & BYTE)
    }

    #[inline(always)]
    pub fn merge(&mut self, to: GoState) {
        self.0 = self.0 & !BYTE | to as u32;
    }

    /// Returns the state after the last event that was returned.
    #[inline(always)]
    pub fn state(self) -> GoState {
        state(self.0 >> STATE_SHIFT & BYTE)
    }

    #[inline(always)]
    pub fn set_state(&mut self, to: GoState) {
        self.0 = self.0 & !(BYTE << STATE_SHIFT) | (to as u32) << STATE_SHIFT;
    }

    /// Returns whether the next event of any P waits for it.
    #[inline(always)]
    pub fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }

    pub fn watch(&mut self, is_watched: bool) {
        self.0 = self.0 & !WATCHED | if is_watched { WATCHED } else { 0 };
    }

    /// Returns whether it waits for the network, if it waits.
    #[inline(always)]
    pub fn is_on_network(self) -> bool {
        self.0 & Self::ON_NETWORK != 0
    }

    pub fn set_on_network(&mut self, is_on_network: bool) {
        self.0 = self.0 & !Self::ON_NETWORK | if is_on_network { Self::ON_NETWORK } else { 0 };
    }
}

/// Returns the state with this number.
#[inline(always)]
const fn state(number: u32) -> GoState {
    const RUNNABLE: u32 = GoState::Runnable as u32;
    const RUNNING: u32 = GoState::Running as u32;
    const WAITING: u32 = GoState::Waiting as u32;
    match number {
        RUNNABLE => GoState::Runnable,
        RUNNING => GoState::Running,
        WAITING => GoState::Waiting,
        // Existing goroutines have no other state. Goroutines in a system call are waiting.
        _ => GoState::NotExist,
    }
}

/// Returns the value of free slots.
impl Default for Go {
    fn default() -> Self {
        Go::CREATED
    }
}

/// A P.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proc {
    pub id: u64,
    /// The goroutine on the P, or [`NO_GO`].
    pub go_id: u64,
    /// The thread on which the P last started. [`NONE`] if the P is stopped.
    pub thread: u64,
    pub running: bool,
    /// Whether the P has had an event.
    pub known: bool,
    pub sweeping: bool,
}

/// The ID that means "no goroutine".
pub(super) const NO_GO: u64 = 0;

impl Proc {
    pub fn new(id: u64) -> Self {
        Proc { id, go_id: NO_GO, thread: NONE, running: false, known: false, sweeping: false }
    }
}
