//! Compares `order::try_event` and `order::try_frequent`, the two implementations of the rules,
//! with the table: every event in every state.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::*;
use crate::error::{ContextMismatch, ErrorKind};
use crate::event::record::{Record, What};
use crate::event::tables::Tables;
use crate::event::{GoState, ProcState};
use crate::sched::Step;
use crate::sched::tests::sched_state::SchedState;
use crate::v2::cursor::{Cursor, FRAME_LEN};
use crate::v2::order::{self, Attempt, EventRecords};
use crate::v2::spec::Class;
use crate::wire::source::Source;
use crate::wire::varint;

/// The thread of the event, its goroutine and its P.
const THREAD: u64 = 7;
const GO: u64 = 1;
const PROC: u64 = 3;
/// The thread, goroutine and P other than the event's.
const OTHER_THREAD: u64 = 8;
const OTHER_GO: u64 = 2;
const OTHER_PROC: u64 = 4;

/// The events that [`order::try_frequent`] handles.
const FREQUENT: [EventType; 9] = [
    EventType::GoStart,
    EventType::GoUnblock,
    EventType::GoBlock,
    EventType::GoStop,
    EventType::GoSyscallBegin,
    EventType::GoSyscallEnd,
    EventType::GoCreate,
    EventType::GoDestroy,
    EventType::HeapAlloc,
];

/// An event in a state.
#[derive(Clone, Debug)]
struct Case {
    event: EventType,
    args: [u64; MAX_ARGS],
    /// Whether the event is in the batch of a thread.
    has_thread: bool,
    before: SchedState,
}

/// The outcome of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// The event happens, with this state afterwards.
    Happens(Box<SchedState>),
    Waits,
    /// The trace is broken. `Some` if the thread's context is wrong, `None` for other reasons.
    Broken(Option<ContextMismatch>),
}

/// Returns the outcome according to the table.
fn expected(case: &Case) -> Outcome {
    let before = &case.before;
    let (own_go, own_proc) = if case.has_thread { before.threads[&THREAD] } else { (None, None) };
    let mut model = Model { case, own_go, own_proc, after: before.clone() };
    for rule in rules(case.event) {
        let verdict = match *rule {
            Rule::Needs(need) => model.needs(need),
            Rule::WaitsWhile(have) => model.waits_while(have),
            Rule::Go(change) => model.change_go(change),
            Rule::Proc(change) => model.change_proc(change),
            Rule::Gc(change) => model.change_gc(change),
            Rule::GoStatus => model.state_go(),
            Rule::ProcStatus => model.state_proc(),
            Rule::RangeBegin(range) | Rule::RangeEnd(range) | Rule::RangeActive(range) => {
                model.change_range(*rule, range)
            }
        };
        match verdict {
            Verdict::Met => {}
            Verdict::Last => break,
            Verdict::Waits => return Outcome::Waits,
            Verdict::Broken(mismatch) => return Outcome::Broken(mismatch),
        }
    }
    Outcome::Happens(Box::new(model.after))
}

/// The outcome of a rule.
enum Verdict {
    Met,
    /// The rule is met, and the remaining rules of the event are skipped.
    Last,
    Waits,
    Broken(Option<ContextMismatch>),
}

impl Verdict {
    /// Returns `Met` if `is_met` is true, and `Broken(None)` otherwise.
    fn met_if(is_met: bool) -> Verdict {
        if is_met { Verdict::Met } else { Verdict::Broken(None) }
    }

    /// Returns the outcome of an unmet rule: `Waits` if the rule is about a resource named in the
    /// event, `Broken` otherwise.
    fn unmet(subject: Subject) -> Verdict {
        if subject == Subject::Named { Verdict::Waits } else { Verdict::Broken(None) }
    }
}

/// Applies the rules of the table to a `SchedState`. Independent of `Sched`.
struct Model<'a> {
    case: &'a Case,
    own_go: Option<u64>,
    own_proc: Option<u64>,
    after: SchedState,
}

impl Model<'_> {
    fn is_first_generation(&self) -> bool {
        self.case.before.generation == self.case.before.first_generation
    }

    fn needs(&self, need: Need) -> Verdict {
        let Case { ref before, has_thread, args: [a, _, c, _], .. } = *self.case;
        match need {
            _ if !has_thread => Verdict::Broken(Some(ContextMismatch::NoThread)),
            Need::Proc if self.own_proc.is_none() => Verdict::Broken(Some(ContextMismatch::NoProc)),
            Need::Go if self.own_go.is_none() => Verdict::Broken(Some(ContextMismatch::NoGoroutine)),
            Need::NoGo if self.own_go.is_some() => Verdict::Broken(Some(ContextMismatch::HasGoroutine)),
            Need::Thread | Need::Proc | Need::Go | Need::NoGo => Verdict::Met,
            Need::GoIsRunning => Verdict::met_if(self.own_go.is_none_or(|go| before.gos[&go].0 == GoStatus::Running)),
            Need::ProcOnNamedThread => {
                let is_in_call = before.procs[&a].0 == ProcStatus::Syscall;
                Verdict::met_if(!is_in_call || before.thread_of_proc(a) == Some(c))
            }
        }
    }

    fn waits_while(&self, have: Have) -> Verdict {
        let has_it = self.own_proc.is_some_and(|proc| match have {
            Have::Proc => true,
            Have::ProcInSyscall => self.case.before.procs[&proc].0 == ProcStatus::Syscall,
        });
        if has_it { Verdict::Waits } else { Verdict::Met }
    }

    fn change_go(&mut self, GoChange { who, from, to }: GoChange) -> Verdict {
        let Case { ref before, args: [a, b, ..], .. } = *self.case;
        let id = who.id(self.own_go.unwrap_or(NONE), a);
        let known = before.gos.get(&id);
        let is_next = known.is_some_and(|(_, last)| *last == (before.generation, b.wrapping_sub(1)));
        if known.map(|(status, _)| *status) != from || who == Subject::Named && !is_next {
            return Verdict::unmet(who);
        }
        let last = match who {
            Subject::Named => (before.generation, b),
            Subject::New => (before.generation, 0),
            Subject::Own | Subject::OwnIfAny => before.gos[&id].1,
        };
        self.after.unbind_go(id);
        match to {
            Some(status) => {
                self.after.gos.insert(id, (status, last));
                if matches!(status, GoStatus::Running | GoStatus::Syscall) {
                    self.after.threads.get_mut(&THREAD).expect("the event has a thread").0 = Some(id);
                }
            }
            None => {
                self.after.gos.remove(&id);
                self.after.stops.remove(&id);
                self.after.assists.remove(&id);
            }
        }
        Verdict::Met
    }

    fn change_proc(&mut self, ProcChange { which, from, to, own_sequence }: ProcChange) -> Verdict {
        let Case { ref before, args: [a, b, ..], .. } = *self.case;
        if which == Subject::OwnIfAny && self.own_proc.is_none() {
            return Verdict::Met;
        }
        let id = which.id(self.own_proc.unwrap_or(NONE), a);
        let number = if own_sequence { a } else { b };
        let has_sequence = own_sequence || which == Subject::Named;
        let is_met = before.procs.get(&id).is_some_and(|(status, last)| {
            let is_next = *last == (before.generation, number.wrapping_sub(1));
            from.contains(status) && (is_next || !has_sequence)
        });
        if !is_met {
            return Verdict::unmet(which);
        }
        let last = if has_sequence { (before.generation, number) } else { before.procs[&id].1 };
        self.after.unbind_proc(id);
        self.after.procs.insert(id, (to, last));
        if matches!(to, ProcStatus::Running | ProcStatus::Syscall)
            && let Some(thread) = self.after.threads.get_mut(&THREAD)
        {
            thread.1 = Some(id);
        }
        Verdict::Met
    }

    fn change_gc(&mut self, GcChange { from, to, first }: GcChange) -> Verdict {
        let (state, last) = self.case.before.gc;
        let number = self.case.args[0];
        let is_unknown = state == GcState::Undetermined;
        self.after.gc = (to, number);
        match first {
            FirstOfGc::InFirstGeneration if self.is_first_generation() && is_unknown => Verdict::Last,
            FirstOfGc::InFirstGeneration if self.is_first_generation() => Verdict::Broken(None),
            FirstOfGc::WhileUnknown if is_unknown => Verdict::Last,
            _ if number != last + 1 => Verdict::Waits,
            _ => Verdict::met_if(state == from),
        }
    }

    fn state_go(&mut self) -> Verdict {
        let Case { ref before, has_thread, args: [a, b, c, _], .. } = *self.case;
        let Some(status) = GoStatus::from_wire(c) else { return Verdict::Broken(None) };
        let is_known = before.gos.get(&a).is_some_and(|(known, _)| *known == status);
        let may_be_new = self.is_first_generation() && !before.gos.contains_key(&a);
        if !is_known && !may_be_new {
            return Verdict::Broken(None);
        }
        self.after.gos.insert(a, (status, (before.generation, 0)));
        let on = match status {
            GoStatus::Running => has_thread.then_some(THREAD),
            GoStatus::Syscall if b == NONE => return Verdict::Broken(None),
            GoStatus::Syscall => Some(b),
            GoStatus::Runnable | GoStatus::Waiting => None,
        };
        let Some(thread) = on else { return Verdict::Met };
        let is_elsewhere = before.thread_of_go(a).is_some_and(|other| other != thread);
        let has_other = before.threads[&thread].0 != Some(a);
        // A goroutine in a system call must already be on its thread, which may be another thread.
        // Only in the first generation may the status put it on its own thread.
        let is_own = has_thread && thread == THREAD;
        let must_have_it = status == GoStatus::Syscall && !(is_own && self.is_first_generation());
        self.after.threads.get_mut(&thread).expect("a known thread").0 = Some(a);
        Verdict::met_if(!(is_elsewhere || must_have_it && has_other))
    }

    fn state_proc(&mut self) -> Verdict {
        let Case { ref before, has_thread, args: [a, b, ..], .. } = *self.case;
        let Some(status) = ProcStatus::from_wire(b) else { return Verdict::Broken(None) };
        let known = before.procs.get(&a).map(|(known, _)| *known);
        let will_be_stolen = known == Some(ProcStatus::Syscall) && status == ProcStatus::SyscallAbandoned;
        let status = if will_be_stolen { ProcStatus::Syscall } else { status };
        if known.is_some_and(|known| known != status) {
            return Verdict::Broken(None);
        }
        self.after.procs.insert(a, (status, (before.generation, 0)));
        let is_on_thread = matches!(status, ProcStatus::Running | ProcStatus::Syscall);
        if !is_on_thread || !has_thread || will_be_stolen {
            return Verdict::Met;
        }
        self.after.threads.get_mut(&THREAD).expect("a known thread").1 = Some(a);
        Verdict::met_if(before.thread_of_proc(a).is_none_or(|thread| thread == THREAD))
    }

    fn change_range(&mut self, rule: Rule, range: Range) -> Verdict {
        let before = &self.case.before;
        let own = if range == Range::Sweep { self.own_proc } else { self.own_go };
        let id = match rule {
            Rule::RangeActive(_) => self.case.args[0],
            _ => own.expect("the rule needs it"),
        };
        let is_first_generation = self.is_first_generation();
        let open = match range {
            Range::Sweep if !before.procs.contains_key(&id) => return Verdict::Broken(Some(ContextMismatch::NoProc)),
            Range::Sweep => &mut self.after.sweeps,
            _ if !before.gos.contains_key(&id) => return Verdict::Broken(Some(ContextMismatch::NoGoroutine)),
            Range::StopTheWorld => &mut self.after.stops,
            Range::MarkAssist => &mut self.after.assists,
        };
        Verdict::met_if(match rule {
            Rule::RangeBegin(_) => open.insert(id),
            Rule::RangeEnd(_) => open.remove(&id),
            _ if is_first_generation => open.insert(id),
            _ => open.contains(&id),
        })
    }
}

/// Returns all states of the event's thread: whether it exists, and the status of its goroutine and
/// P.
fn own_states() -> Vec<(bool, Option<GoStatus>, Option<ProcStatus>)> {
    let mut states = vec![(false, None, None)];
    for go in [None, Some(GoStatus::Running), Some(GoStatus::Syscall)] {
        for proc in [None, Some(ProcStatus::Running), Some(ProcStatus::Syscall)] {
            states.push((true, go, proc));
        }
    }
    states
}

/// Returns every combination of state and arguments to try for an event. The name of an argument
/// determines its values.
fn cases(event: EventType) -> Vec<Case> {
    let names = &event.spec().args[1..];
    let takes = |name: &str| names.contains(&name);
    let gos = match takes("g") || takes("new_g") {
        true => vec![(GO, None), (OTHER_GO, None)]
            .into_iter()
            .chain(ALL_GO.map(|status| (OTHER_GO, Some(status))))
            .collect(),
        false => vec![(OTHER_GO, None)],
    };
    let procs = match takes("p") {
        true => vec![(PROC, None), (OTHER_PROC, None)]
            .into_iter()
            .chain(ProcStatus::ALL.iter().map(|&status| (OTHER_PROC, Some(status))))
            .collect(),
        false => vec![(OTHER_PROC, None)],
    };
    let gc_states = [GcState::Undetermined, GcState::NotRunning, GcState::Running];
    let mut cases = Vec::new();
    for (has_thread, own_go, own_proc) in own_states() {
        for &(named_go, go_status) in &gos {
            for &(named_proc, proc_status) in &procs {
                for gc in &gc_states[..if event.name().starts_with("GC") { 3 } else { 1 }] {
                    for [is_first, is_fresh, has_ranges] in booleans() {
                        let generation = if is_first { 1 } else { 2 };
                        // The sequence numbers of an earlier generation do not count.
                        let last = (if is_fresh { generation } else { 0 }, 0);
                        let mut before =
                            SchedState { generation, first_generation: 1, gc: (*gc, 0), ..SchedState::default() };
                        before.gos.extend(own_go.map(|status| (GO, (status, last))));
                        before.procs.extend(own_proc.map(|status| (PROC, (status, last))));
                        before.gos.extend(go_status.map(|status| (OTHER_GO, (status, last))));
                        before.procs.extend(proc_status.map(|status| (OTHER_PROC, (status, last))));
                        let go_of_other = go_status
                            .filter(|status| matches!(status, GoStatus::Running | GoStatus::Syscall))
                            .map(|_| OTHER_GO);
                        let proc_of_other = proc_status
                            .filter(|status| matches!(status, ProcStatus::Running | ProcStatus::Syscall))
                            .map(|_| OTHER_PROC);
                        before.threads.insert(THREAD, (own_go.map(|_| GO), own_proc.map(|_| PROC)));
                        before.threads.insert(OTHER_THREAD, (go_of_other, proc_of_other));
                        if has_ranges {
                            before.stops.extend(before.gos.keys());
                            before.assists.extend(before.gos.keys());
                            before.sweeps.extend(before.procs.keys());
                        }
                        let values: Vec<Vec<u64>> = names
                            .iter()
                            .map(|&name| match name {
                                "g" | "new_g" => vec![named_go],
                                "p" => vec![named_proc],
                                "m" => vec![THREAD, OTHER_THREAD, NONE],
                                "g_seq" | "p_seq" | "gc_seq" => vec![1, 5],
                                "gstatus" | "pstatus" => (0..6).collect(),
                                _ => vec![0],
                            })
                            .collect();
                        for args in products(&values) {
                            cases.push(Case { event, args, has_thread, before: before.clone() });
                        }
                    }
                }
            }
        }
    }
    cases
}

const ALL_GO: [GoStatus; 4] = [GoStatus::Runnable, GoStatus::Running, GoStatus::Syscall, GoStatus::Waiting];

fn booleans() -> impl Iterator<Item = [bool; 3]> {
    (0..8).map(|bits| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0])
}

/// Returns the Cartesian product of the argument values.
fn products(values: &[Vec<u64>]) -> Vec<[u64; MAX_ARGS]> {
    let mut products = vec![[0; MAX_ARGS]];
    for (i, values) in values.iter().enumerate() {
        products = products
            .into_iter()
            .flat_map(|product| {
                values.iter().map(move |&value| {
                    let mut product = product;
                    product[i] = value;
                    product
                })
            })
            .collect();
    }
    products
}

/// Tries the event with [`order::try_event`].
fn try_order(case: &Case, out: &mut EventRecords) -> Outcome {
    let mut sched = case.before.sched();
    let thread = if case.has_thread { sched.thread(THREAD) } else { Index::NONE };
    let cursor = Cursor::new(thread, if case.has_thread { THREAD } else { NONE }, 0);
    let (source, unknown) = (Source::slice(&[]), Cell::new(None));
    let tables = Tables::default();
    let attempt = Attempt { tables: &tables, source: &source, event: case.event, cursor: &cursor, unknown: &unknown };
    match order::try_event(&mut sched, attempt, case.args, out) {
        Ok(Step::Done(())) => {
            assert!(unknown.get().is_none());
            Outcome::Happens(Box::new(SchedState::of(&mut sched)))
        }
        Ok(Step::Wait) => {
            assert_eq!(SchedState::of(&mut sched), case.before, "{case:?}: an event that waits changes nothing");
            assert!(waits_for(&mut sched, case.event, thread, case.args).is_some(), "{case:?}");
            Outcome::Waits
        }
        Err(kind) => match *kind {
            ErrorKind::WrongSchedContext { mismatch, .. } => Outcome::Broken(Some(mismatch)),
            _ => Outcome::Broken(None),
        },
    }
}

/// Tries the event with [`order::try_frequent`]. `None` if it leaves the event to `try_event`.
fn try_frequent(case: &Case, record: &mut Record) -> Option<SchedState> {
    let mut sched = case.before.sched();
    let thread = if case.has_thread { sched.thread(THREAD) } else { Index::NONE };
    let mut bytes = Vec::new();
    for arg in &case.args[..case.event.spec().args.len() - 1] {
        varint::write(&mut bytes, *arg);
    }
    let len = bytes.len();
    bytes.resize(FRAME_LEN.max(len), 0);
    let frame = bytes.first_chunk().expect("long enough");
    let tables = Tables::default();
    let mut on = sched.on_thread(thread).filter(|on| on.has_proc())?;
    let pos = order::try_frequent(&mut on, &tables, case.event.code(), frame, record);
    drop(on);
    let after = SchedState::of(&mut sched);
    match pos {
        Some(pos) => {
            assert_eq!(pos, len, "{case:?}");
            Some(after)
        }
        None => {
            assert_eq!(after, case.before, "{case:?}: an event that is left to `try_event` changes nothing");
            None
        }
    }
}

/// The public states of goroutines and Ps.
type PublicStates = (BTreeMap<u64, GoState>, BTreeMap<u64, ProcState>);

/// Applies the transitions in the records to the states in `before`. Panics if a transition does
/// not start in the current state.
fn replay(before: &SchedState, records: &[Record]) -> PublicStates {
    let mut gos: BTreeMap<_, _> = before.gos.iter().map(|(&id, (status, _))| (id, status.state())).collect();
    let mut procs: BTreeMap<_, _> = before.procs.iter().map(|(&id, (status, _))| (id, status.state())).collect();
    for record in records {
        match record.what {
            What::GoTransition(from, to) => {
                match gos.remove(&record.a) {
                    Some(state) => assert_eq!(state, from),
                    None => assert!(matches!(from, GoState::NotExist | GoState::Undetermined)),
                }
                gos.extend((to != GoState::NotExist).then_some((record.a, to)));
            }
            What::ProcTransition(from, to) => match procs.insert(record.a, to) {
                Some(state) => assert_eq!(state, from),
                None => assert!(matches!(from, ProcState::NotExist | ProcState::Undetermined)),
            },
            _ => {}
        }
    }
    (gos, procs)
}

fn fields(record: &Record) -> String {
    let Record { what, proc, go, stack, a, text, .. } = record;
    format!("{what:?} {proc} {go} {stack} {a} {text:?}")
}

fn check(case: &Case) {
    let expected = expected(case);
    let mut out = EventRecords::default();
    assert_eq!(try_order(case, &mut out), expected, "{case:?}");

    let mut record = Record::BLANK;
    let frequent = try_frequent(case, &mut record);
    let Outcome::Happens(after) = expected else {
        assert_eq!(frequent, None, "{case:?}");
        return;
    };
    let has_ranges = !case.before.stops.is_empty();
    let has_proc = case.has_thread && case.before.threads[&THREAD].1.is_some();
    let is_frequent = has_proc && FREQUENT.contains(&case.event) && !(case.event == EventType::GoDestroy && has_ranges);
    assert_eq!(frequent, is_frequent.then(|| (*after).clone()), "{case:?}");
    if is_frequent {
        assert_eq!(fields(&record), fields(&out.current), "{case:?}");
    }

    let mut records = vec![out.current];
    while out.has_more() {
        out.next();
        records.push(out.current);
    }
    assert_eq!(replay(&case.before, &records), replay(&after, &[]), "{case:?}: {records:?}");
}

#[test]
fn every_event_of_a_thread_has_rules() {
    let timed = |event: &&EventType| matches!(event.spec().class, Class::Timed | Class::AllocFree);
    let events = EventType::ALL.iter().filter(timed).filter(|event| **event != EventType::ClockSnapshot);
    assert!(events.clone().all(|event| TABLE.iter().filter(|(of, _)| of == event).count() == 1));
    assert_eq!(events.count(), TABLE.len());
}

#[test]
fn both_implementations_follow_the_table_in_every_state() {
    let mut count = 0;
    for (event, _) in &TABLE {
        let cases = cases(*event);
        count += cases.len();
        cases.iter().for_each(check);
    }
    assert!(count > 10_000, "{count} cases");
}
