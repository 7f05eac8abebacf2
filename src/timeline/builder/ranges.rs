//! Collects the ranges that the runtime records: collections, stop-the-world pauses, mark assists and sweeps.

use std::collections::HashMap;
use std::mem;

use foldhash::fast::RandomState;

use crate::event::record::{RangeType, Record};
use crate::timeline::columns::OPEN;
use crate::timeline::columns::gc::{AssistEntry, CycleEntry, GcColumns, PauseEntry, SweepEntry};
use crate::timeline::columns::symbols::{StackNumber, StringNumber};

/// The ranges so far. Open ranges are indexed by goroutine or P ID. At most one GC cycle is open.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    columns: GcColumns,
    open_cycle: Option<usize>,
    open_pauses: HashMap<u64, usize, RandomState>,
    open_assists: HashMap<u64, usize, RandomState>,
    open_sweeps: HashMap<u64, usize, RandomState>,
}

/// Indexes into the timeline's tables for the event of a range.
#[derive(Clone, Copy)]
pub(super) struct RangeRefs {
    /// The goroutine of the range. For a range of the program or of a P, the running goroutine.
    pub go: u32,
    pub stack: StackNumber,
    pub reason: StringNumber,
}

impl Ranges {
    /// Starts a range. `is_active` is true for a `RangeActive` event: the range started earlier.
    pub fn begin(&mut self, range: RangeType, record: &Record, refs: RangeRefs, is_active: bool) {
        let RangeRefs { go, stack, reason } = refs;
        let start = record.time;
        let GcColumns { cycles, pauses, assists, sweeps } = &mut self.columns;
        match range {
            RangeType::GcMark => {
                // Each generation repeats the active ranges.
                if self.open_cycle.is_none() || !is_active {
                    self.open_cycle = Some(cycles.len());
                    cycles.push(CycleEntry { start, end: OPEN, is_old: is_active, stack, go });
                }
            }
            RangeType::StopTheWorld => {
                if !(is_active && self.open_pauses.contains_key(&record.a)) {
                    self.open_pauses.insert(record.a, pauses.len());
                    pauses.push(PauseEntry { start, end: OPEN, last_stop: start, reason, stack, go });
                }
            }
            RangeType::GcMarkAssist => {
                if !(is_active && self.open_assists.contains_key(&record.a)) {
                    self.open_assists.insert(record.a, assists.len());
                    assists.push(AssistEntry { start, end: OPEN, stack, go });
                }
            }
            RangeType::GcSweep => {
                if !(is_active && self.open_sweeps.contains_key(&record.a)) {
                    self.open_sweeps.insert(record.a, sweeps.len());
                    sweeps.push(SweepEntry { start, end: OPEN, proc: record.a, stack, go, swept: 0, reclaimed: 0 });
                }
            }
        }
    }

    /// Ends a range. Ignores the end of a range that is not open.
    pub fn end(&mut self, range: RangeType, record: &Record) {
        let GcColumns { cycles, pauses, assists, sweeps } = &mut self.columns;
        let end = record.time;
        match range {
            RangeType::GcMark => {
                if let Some(cycle) = self.open_cycle.take().and_then(|index| cycles.get_mut(index)) {
                    cycle.end = end;
                }
            }
            RangeType::StopTheWorld => {
                if let Some(pause) = self.open_pauses.remove(&record.a).and_then(|index| pauses.get_mut(index)) {
                    pause.end = end;
                }
            }
            RangeType::GcMarkAssist => {
                if let Some(assist) = self.open_assists.remove(&record.a).and_then(|index| assists.get_mut(index)) {
                    assist.end = end;
                }
            }
            RangeType::GcSweep => {
                if let Some(sweep) = self.open_sweeps.remove(&record.a).and_then(|index| sweeps.get_mut(index)) {
                    (sweep.end, sweep.swept, sweep.reclaimed) = (end, record.b, record.c);
                }
            }
        }
    }

    /// Handles a gap in the trace. Open ranges are cut at the gap.
    pub fn gap(&mut self, time: i64) {
        let GcColumns { cycles, pauses, assists, sweeps } = &mut self.columns;
        if let Some(cycle) = self.open_cycle.take().and_then(|index| cycles.get_mut(index)) {
            cycle.end = time;
        }
        for index in mem::take(&mut self.open_pauses).into_values() {
            pauses[index].end = time;
        }
        for index in mem::take(&mut self.open_assists).into_values() {
            assists[index].end = time;
        }
        for index in mem::take(&mut self.open_sweeps).into_values() {
            sweeps[index].end = time;
        }
    }

    /// Handles a P that goes idle. If the world is being stopped, this may be the last P that had
    /// to stop.
    pub fn proc_stops(&mut self, time: i64) {
        // Only damaged traces have several open pauses. In these, the newest pause is used.
        if !self.open_pauses.is_empty()
            && let Some(pause) = self.columns.pauses.last_mut().filter(|pause| pause.end == OPEN)
        {
            pause.last_stop = time;
        }
    }

    pub fn finish(self) -> GcColumns {
        self.columns
    }
}
