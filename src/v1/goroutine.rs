//! What is remembered of a goroutine and of a P.

use crate::event::GoState;
use crate::id::NONE;
use crate::sched::arena::Index;

/// A goroutine, as the merge sees it and as the events that were delivered leave it. The two differ only around the end
/// of a system call, which is delivered before the merge comes to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Go {
    /// How many of its counted events are merged.
    pub sequence: u64,
    /// When its last system call blocked, in ticks; 0 for never.
    pub blocked_at: u64,
    /// Its state after the last merged event; waiting, if it is in a system call that blocks.
    pub merged: GoState,
    /// Whether the next event of any P waits for it.
    pub watched: bool,
    /// Its state after the last delivered event.
    pub state: GoState,
    /// Whether it waits for the network.
    pub on_network: bool,
    /// Whether it helps the GC mark.
    pub assists: bool,
}

impl Go {
    /// A goroutine that is created.
    pub const CREATED: Go = Go {
        sequence: 1,
        blocked_at: 0,
        merged: GoState::Runnable,
        watched: false,
        state: GoState::NotExist,
        on_network: false,
        assists: false,
    };
}

/// What stands in the slots that are free.
impl Default for Go {
    fn default() -> Self {
        Go::CREATED
    }
}

/// A P.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proc {
    pub id: u64,
    /// The goroutine that it runs; [`NO_GO`] for none.
    pub go_id: u64,
    pub go: Index,
    /// The thread that it is on: the one that its last start named. [`NONE`] when it is stopped.
    pub thread: u64,
    pub running: bool,
    /// Whether it was ever told of.
    pub known: bool,
    pub sweeping: bool,
}

/// The format's "no goroutine".
pub(super) const NO_GO: u64 = 0;

impl Proc {
    pub fn new(id: u64) -> Self {
        Proc { id, go_id: NO_GO, go: Index::NONE, thread: NONE, running: false, known: false, sweeping: false }
    }

    /// Sets the goroutine that it runs.
    #[inline(always)]
    pub fn run(&mut self, id: u64, go: Index) {
        self.go_id = id;
        self.go = go;
    }
}
