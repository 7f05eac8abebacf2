//! Open ranges of goroutines and Ps: stop-the-world, mark assist, sweep.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::arena::Index;
use super::{Context, Outcome, Sched, Step, mismatch};
use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::event::names::NameId;

/// A range. A goroutine or P can have one open range of each kind. Stop-the-world ranges with
/// different reasons count as different kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeId {
    StopTheWorld(NameId),
    MarkAssist,
    Sweep,
}

/// The open ranges.
#[derive(Debug, Default)]
pub(super) struct OpenRanges {
    /// The reasons of the open stop-the-world ranges, by goroutine. In a valid trace a goroutine has at most one
    /// reason. If it has several, the end event removes the first reason and moves the last reason to its position, as
    /// Go's reader does.
    stops: HashMap<Index, IndexSet<NameId, RandomState>, RandomState>,
    /// The total number of reasons.
    stop_count: usize,
    /// The goroutines in a mark assist.
    assists: HashSet<Index, RandomState>,
    /// The Ps that are sweeping.
    sweeps: HashSet<Index, RandomState>,
}

impl OpenRanges {
    pub fn begin(&mut self, event: &'static str, on: Index, range: RangeId) -> Result<(), Box<ErrorKind>> {
        let is_new = match range {
            RangeId::StopTheWorld(reason) => self.stops.entry(on).or_default().insert(reason),
            RangeId::MarkAssist => self.assists.insert(on),
            RangeId::Sweep => self.sweeps.insert(on),
        };
        match is_new {
            true => {
                self.stop_count += usize::from(matches!(range, RangeId::StopTheWorld(_)));
                Ok(())
            }
            false => broken(ErrorKind::RangeMismatch { event, open: true }),
        }
    }

    /// Ends a stop-the-world of a goroutine. Returns its reason.
    fn end_stop(&mut self, go: Index) -> Option<NameId> {
        let stops = self.stops.get_mut(&go)?;
        let reason = stops.swap_remove_index(0);
        self.stop_count -= usize::from(reason.is_some());
        if stops.is_empty() {
            self.stops.remove(&go);
        }
        reason
    }

    pub fn has(&self, on: Index, range: RangeId) -> bool {
        match range {
            RangeId::StopTheWorld(reason) => self.stops.get(&on).is_some_and(|reasons| reasons.contains(&reason)),
            RangeId::MarkAssist => self.assists.contains(&on),
            RangeId::Sweep => self.sweeps.contains(&on),
        }
    }

    /// Returns the approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        /// Each goroutine that stops the world has its own set.
        const STOP: usize = 160;
        self.stop_count * STOP + (self.assists.capacity() + self.sweeps.capacity()) * size_of::<Index>()
    }

    /// Replaces the reasons of all open ranges.
    pub fn rename(&mut self, translate: &mut dyn FnMut(&mut NameId)) {
        for reasons in self.stops.values_mut() {
            *reasons = reasons
                .iter()
                .map(|&reason| {
                    let mut name = reason;
                    translate(&mut name);
                    name
                })
                .collect();
        }
    }

    /// Removes the ranges of a goroutine that has exited, because its slot may be reused.
    pub fn forget(&mut self, go: Index) {
        let stops = self.stops.remove(&go);
        self.stop_count -= stops.map_or(0, |stops| stops.len());
        self.assists.remove(&go);
    }
}

/// Returns an error if the range was not open.
fn ended(event: &'static str, was_open: bool) -> Outcome {
    match was_open {
        true => Ok(Step::Done(())),
        false => broken(ErrorKind::RangeMismatch { event, open: false }),
    }
}

impl Sched {
    /// Starts a stop-the-world or a mark assist of the running goroutine.
    pub fn go_range_begin(&mut self, event: &'static str, context: Context, range: RangeId) -> Outcome {
        context.needs_user_code(event)?;
        self.begin_on_go(event, context.go, range)?;
        Ok(Step::Done(()))
    }

    fn begin_on_go(&mut self, event: &'static str, go: Index, range: RangeId) -> Result<(), Box<ErrorKind>> {
        let state = self.gos.get_mut(go).ok_or_else(|| mismatch(event, ContextMismatch::NoGoroutine))?;
        state.has_annotations = true;
        self.ranges.begin(event, go, range)
    }

    /// Applies a status at the start of a generation: the goroutine is in this range. In the first generation, this opens
    /// the range. In later generations, the range must already be open.
    pub fn go_range_active(&mut self, event: &'static str, go: u64, range: RangeId) -> Outcome {
        let go = self.gos.find(go);
        self.gos.get(go).ok_or_else(|| mismatch(event, ContextMismatch::NoGoroutine))?;
        if self.in_first_generation() {
            self.begin_on_go(event, go, range)?;
        } else if !self.ranges.has(go, range) {
            return broken(ErrorKind::RangeMismatch { event, open: false });
        }
        Ok(Step::Done(()))
    }

    /// Ends the stop-the-world of the running goroutine. Returns its reason.
    ///
    /// Go's reader keeps the reason as a string ID, which may mean a different string in the next
    /// generation. A [`NameId`] is valid in all generations.
    pub fn stop_the_world_end(&mut self, context: Context) -> Outcome<NameId> {
        context.needs_user_code("STWEnd")?;
        match self.ranges.end_stop(context.go) {
            Some(reason) => Ok(Step::Done(reason)),
            None => broken(ErrorKind::RangeMismatch { event: "STWEnd", open: false }),
        }
    }

    /// Ends the running goroutine's mark assist.
    pub fn mark_assist_end(&mut self, context: Context) -> Outcome {
        context.needs_user_code("GCMarkAssistEnd")?;
        ended("GCMarkAssistEnd", self.ranges.assists.remove(&context.go))
    }

    /// Starts a sweep on the P of the thread.
    pub fn sweep_begin(&mut self, context: Context) -> Outcome {
        context.needs_proc("GCSweepBegin")?;
        self.ranges.begin("GCSweepBegin", context.proc, RangeId::Sweep)?;
        Ok(Step::Done(()))
    }

    /// Applies a status at the start of a generation: the P is sweeping. In the first generation, this opens the range. In
    /// later generations, the range must already be open.
    pub fn sweep_active(&mut self, proc: u64) -> Outcome {
        let proc = self.procs.find(proc);
        self.procs.get(proc).ok_or_else(|| mismatch("GCSweepActive", ContextMismatch::NoProc))?;
        if self.in_first_generation() {
            self.ranges.begin("GCSweepActive", proc, RangeId::Sweep)?;
        } else if !self.ranges.has(proc, RangeId::Sweep) {
            return broken(ErrorKind::RangeMismatch { event: "GCSweepActive", open: false });
        }
        Ok(Step::Done(()))
    }

    /// Ends the sweep on the P of the thread.
    pub fn sweep_end(&mut self, context: Context) -> Outcome {
        context.needs_proc("GCSweepEnd")?;
        ended("GCSweepEnd", self.ranges.sweeps.remove(&context.proc))
    }
}
