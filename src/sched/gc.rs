//! The GC cycle. Its events have sequence numbers, because threads with different clocks may write
//! them.

use super::{Context, Outcome, Sched, Step};
use crate::error::{ErrorKind, broken};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GcState {
    /// The trace has contained no GC event so far.
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
    /// Handles the event that the GC is marking at the start of a generation.
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

    /// Handles the event that the GC starts to mark.
    pub fn gc_begin(&mut self, context: Context, sequence: u64) -> Outcome {
        // The first cycle of the trace sets the sequence number.
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

    /// Handles the event that the GC ends marking.
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
