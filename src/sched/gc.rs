//! The GC cycle. Begin and end are counted, since they may happen on threads whose times disagree.

use super::{Context, Outcome, Sched, Step};
use crate::error::{ErrorKind, broken};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GcState {
    /// The trace has not said yet.
    #[default]
    Undetermined,
    NotRunning,
    Running,
}

#[derive(Debug, Default)]
pub(super) struct Gc {
    pub sequence: u64,
    pub state: GcState,
}

impl Gc {
    fn is_next(&self, sequence: u64) -> bool {
        sequence == self.sequence.wrapping_add(1)
    }

    fn fault(&self, event: &'static str) -> ErrorKind {
        let state = match self.state {
            GcState::Undetermined => "in an undetermined state",
            GcState::NotRunning => "not running",
            GcState::Running => "running",
        };
        ErrorKind::GcMismatch { event, state }
    }

    fn enter(&mut self, state: GcState, sequence: u64) -> Outcome {
        self.state = state;
        self.sequence = sequence;
        Ok(Step::Done(()))
    }
}

impl Sched {
    /// A cycle was marking as the generation began.
    pub fn gc_active(&mut self, context: Context, sequence: u64) -> Outcome {
        if self.in_first_generation() {
            if self.gc.state != GcState::Undetermined {
                return broken(self.gc.fault("GCActive"));
            }
            return self.gc.enter(GcState::Running, sequence);
        }
        if !self.gc.is_next(sequence) {
            return Ok(Step::Wait);
        }
        if self.gc.state != GcState::Running {
            return broken(self.gc.fault("GCActive"));
        }
        context.needs_user_code("GCActive")?;
        self.gc.enter(GcState::Running, sequence)
    }

    /// A cycle begins to mark.
    pub fn gc_begin(&mut self, context: Context, sequence: u64) -> Outcome {
        // The trace's first cycle says where the count stands.
        if self.gc.state == GcState::Undetermined {
            return self.gc.enter(GcState::Running, sequence);
        }
        if !self.gc.is_next(sequence) {
            return Ok(Step::Wait);
        }
        if self.gc.state == GcState::Running {
            return broken(self.gc.fault("GCBegin"));
        }
        context.needs_user_code("GCBegin")?;
        self.gc.enter(GcState::Running, sequence)
    }

    /// A cycle has marked.
    pub fn gc_end(&mut self, context: Context, sequence: u64) -> Outcome {
        if !self.gc.is_next(sequence) {
            return Ok(Step::Wait);
        }
        if self.gc.state != GcState::Running {
            return broken(self.gc.fault("GCEnd"));
        }
        context.needs_user_code("GCEnd")?;
        self.gc.enter(GcState::NotRunning, sequence)
    }
}
