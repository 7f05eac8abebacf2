//! The state of a scheduler as plain data, so that a test can start in any state and compare states.

use std::collections::{BTreeMap, BTreeSet};

use crate::sched::gc::Gc;
use crate::sched::{GcState, Go, GoStatus, Index, Proc, ProcStatus, RangeId, Sched, Sequence, Thread};

/// The generation and the number of the last event that has a sequence number.
pub(crate) type Last = (u64, u64);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SchedState {
    pub generation: u64,
    pub first_generation: u64,
    pub gos: BTreeMap<u64, (GoStatus, Last)>,
    pub procs: BTreeMap<u64, (ProcStatus, Last)>,
    /// The goroutine and the P of each thread.
    pub threads: BTreeMap<u64, (Option<u64>, Option<u64>)>,
    pub gc: (GcState, u64),
    /// The goroutines that stop the world, all for the reason "".
    pub stops: BTreeSet<u64>,
    /// The goroutines with a mark assist.
    pub assists: BTreeSet<u64>,
    /// The Ps that sweep.
    pub sweeps: BTreeSet<u64>,
}

impl SchedState {
    /// Creates a scheduler in this state.
    pub fn sched(&self) -> Sched {
        let mut sched =
            Sched { generation: self.generation, first_generation: Some(self.first_generation), ..Sched::default() };
        for (&id, &(status, last)) in &self.gos {
            let has_annotations = self.stops.contains(&id) || self.assists.contains(&id);
            sched.gos.insert(id, Go { status, sequence: sequence(last), thread: Index::NONE, has_annotations });
        }
        for (&id, &(status, last)) in &self.procs {
            sched.procs.insert(id, Proc { status, sequence: sequence(last), thread: Index::NONE });
        }
        for (&id, &(go, proc)) in &self.threads {
            let thread = sched.threads.insert(id, Thread { known: true, ..Thread::BLANK });
            if let Some(go) = go {
                let go = sched.gos.find(go);
                sched.bind_go(thread, go);
            }
            if let Some(proc) = proc {
                let proc = sched.procs.find(proc);
                sched.bind_proc(thread, proc);
            }
        }
        let reason = sched.names.intern(b"");
        let open = [
            (&self.stops, RangeId::StopTheWorld(reason)),
            (&self.assists, RangeId::MarkAssist),
            (&self.sweeps, RangeId::Sweep),
        ];
        for (ids, range) in open {
            for &id in ids {
                let on = if range == RangeId::Sweep { sched.procs.find(id) } else { sched.gos.find(id) };
                sched.ranges.begin("", on, range).expect("ranges are opened once");
            }
        }
        sched.gc = Gc { state: self.gc.0, sequence: self.gc.1 };
        sched
    }

    /// Returns the state of a scheduler.
    pub fn of(sched: &mut Sched) -> SchedState {
        let reason = sched.names.intern(b"");
        let last = |sequence: Sequence| (sequence.generation, sequence.number);
        let mut state = SchedState {
            generation: sched.generation,
            first_generation: sched.first_generation.expect("a generation has started"),
            gos: sched.gos.iter().map(|(id, go)| (id, (go.status, last(go.sequence)))).collect(),
            procs: sched.procs.iter().map(|(id, proc)| (id, (proc.status, last(proc.sequence)))).collect(),
            gc: (sched.gc.state, sched.gc.sequence),
            ..SchedState::default()
        };
        for (id, thread) in sched.threads.iter() {
            let go = thread.go.is_some().then(|| sched.gos.id(thread.go));
            let proc = thread.proc.is_some().then(|| sched.procs.id(thread.proc));
            assert_eq!((go, proc), (crate::id::present(thread.go_id), crate::id::present(thread.proc_id)));
            state.threads.insert(id, (go, proc));
        }
        for id in sched.gos.ids().collect::<Vec<_>>() {
            let go = sched.gos.find(id);
            state.stops.extend(sched.ranges.has(go, RangeId::StopTheWorld(reason)).then_some(id));
            state.assists.extend(sched.ranges.has(go, RangeId::MarkAssist).then_some(id));
        }
        for id in sched.procs.ids().collect::<Vec<_>>() {
            let proc = sched.procs.find(id);
            state.sweeps.extend(sched.ranges.has(proc, RangeId::Sweep).then_some(id));
        }
        state
    }

    /// Takes a goroutine from the thread that has it.
    pub fn unbind_go(&mut self, id: u64) {
        self.threads.values_mut().filter(|thread| thread.0 == Some(id)).for_each(|thread| thread.0 = None);
    }

    /// Takes a P from the thread that has it.
    pub fn unbind_proc(&mut self, id: u64) {
        self.threads.values_mut().filter(|thread| thread.1 == Some(id)).for_each(|thread| thread.1 = None);
    }

    /// Returns the thread that has a goroutine.
    pub fn thread_of_go(&self, id: u64) -> Option<u64> {
        self.threads.iter().find(|(_, thread)| thread.0 == Some(id)).map(|(&id, _)| id)
    }

    /// Returns the thread that has a P.
    pub fn thread_of_proc(&self, id: u64) -> Option<u64> {
        self.threads.iter().find(|(_, thread)| thread.1 == Some(id)).map(|(&id, _)| id)
    }
}

fn sequence((generation, number): Last) -> Sequence {
    Sequence { generation, number }
}
