//! The ranges that are open on a goroutine or a P: stop-the-world, mark assist, sweep.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::arena::Index;
use super::names::NameId;
use super::{Context, Outcome, Sched, Step, broken, mismatch};
use crate::error::{ContextMismatch, ErrorKind};

/// A range that is open on something: of each kind there is one at a time, of stop-the-world one for each reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeId {
    StopTheWorld(NameId),
    MarkAssist,
    Sweep,
}

/// The open ranges by what they are bound to.
#[derive(Debug, Default)]
pub(super) struct OpenRanges {
    open: HashMap<Index, SmallVec<[RangeId; 2]>, RandomState>,
}

impl OpenRanges {
    fn begin(&mut self, event: &'static str, on: Index, range: RangeId) -> Result<(), Box<ErrorKind>> {
        let open = self.open.entry(on).or_default();
        if open.contains(&range) {
            return broken(ErrorKind::RangeMismatch { event, open: true });
        }
        open.push(range);
        Ok(())
    }

    /// Closes the first range that matches, and says which it was.
    fn end(
        &mut self,
        event: &'static str,
        on: Index,
        matches: impl Fn(&RangeId) -> bool,
    ) -> Result<RangeId, Box<ErrorKind>> {
        let open = self.open.get_mut(&on);
        let found = open.and_then(|open| open.iter().position(matches).map(|at| open.swap_remove(at)));
        found.ok_or_else(|| Box::new(ErrorKind::RangeMismatch { event, open: false }))
    }

    fn has(&self, on: Index, range: RangeId) -> bool {
        self.open.get(&on).is_some_and(|open| open.contains(&range))
    }

    pub fn forget(&mut self, on: Index) {
        self.open.remove(&on);
    }
}

impl Sched {
    /// A stop-the-world or a mark assist begins on the running goroutine.
    pub fn go_range_begin(&mut self, event: &'static str, context: Context, range: RangeId) -> Outcome {
        context.needs_user_code(event)?;
        self.begin_on_go(event, context.go, range)?;
        Ok(Step::Done(()))
    }

    fn begin_on_go(&mut self, event: &'static str, go: Index, range: RangeId) -> Result<(), Box<ErrorKind>> {
        let state = self.gos.get_mut(go).ok_or_else(|| mismatch(event, ContextMismatch::NoGoroutine))?;
        state.has_annotations = true;
        self.go_ranges.begin(event, go, range)
    }

    /// A mark assist was open on a goroutine, any one, as the generation began.
    pub fn go_range_active(&mut self, event: &'static str, go: u64, range: RangeId) -> Outcome {
        let go = self.gos.find(go);
        self.gos.get(go).ok_or_else(|| mismatch(event, ContextMismatch::NoGoroutine))?;
        if self.in_first_generation() {
            self.begin_on_go(event, go, range)?;
        } else if !self.go_ranges.has(go, range) {
            return broken(ErrorKind::RangeMismatch { event, open: false });
        }
        Ok(Step::Done(()))
    }

    /// The running goroutine's stop-the-world ends; gives its reason.
    ///
    /// The reference keeps the reason as a string ID, which another generation may give to another string; a name is right in all.
    pub fn stop_the_world_end(&mut self, context: Context) -> Outcome<NameId> {
        context.needs_user_code("STWEnd")?;
        let is_stop = |range: &RangeId| matches!(range, RangeId::StopTheWorld(_));
        match self.go_ranges.end("STWEnd", context.go, is_stop)? {
            RangeId::StopTheWorld(reason) => Ok(Step::Done(reason)),
            _ => broken(ErrorKind::RangeMismatch { event: "STWEnd", open: false }),
        }
    }

    /// The running goroutine's mark assist ends.
    pub fn mark_assist_end(&mut self, context: Context) -> Outcome {
        context.needs_user_code("GCMarkAssistEnd")?;
        self.go_ranges.end("GCMarkAssistEnd", context.go, |range| *range == RangeId::MarkAssist)?;
        Ok(Step::Done(()))
    }

    /// A sweep begins on the thread's P.
    pub fn sweep_begin(&mut self, context: Context) -> Outcome {
        context.needs_proc("GCSweepBegin")?;
        self.proc_ranges.begin("GCSweepBegin", context.proc, RangeId::Sweep)?;
        Ok(Step::Done(()))
    }

    /// A sweep was open on a P, any one, as the generation began.
    pub fn sweep_active(&mut self, proc: u64) -> Outcome {
        let proc = self.procs.find(proc);
        self.procs.get(proc).ok_or_else(|| mismatch("GCSweepActive", ContextMismatch::NoProc))?;
        if self.in_first_generation() {
            self.proc_ranges.begin("GCSweepActive", proc, RangeId::Sweep)?;
        } else if !self.proc_ranges.has(proc, RangeId::Sweep) {
            return broken(ErrorKind::RangeMismatch { event: "GCSweepActive", open: false });
        }
        Ok(Step::Done(()))
    }

    /// The sweep of the thread's P ends.
    pub fn sweep_end(&mut self, context: Context) -> Outcome {
        context.needs_proc("GCSweepEnd")?;
        self.proc_ranges.end("GCSweepEnd", context.proc, |range| *range == RangeId::Sweep)?;
        Ok(Step::Done(()))
    }
}
