//! Compares both implementations of the rules with the table: every event in every state.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::event::record::Record;
use crate::sched::Step;
use crate::v1::clock::Clock;
use crate::v1::convert::{Converter, Lookup, Produced};
use crate::v1::cursor::Cursor;
use crate::v1::found::{Batch, Found, ProcBatches};
use crate::v1::goroutine::{Go, NO_GO, PackedState, Proc};
use crate::v1::moves::{RunInput, Stop};
use crate::v1::parse::BY_LENGTH;
use crate::v1::spec::Class;
use crate::wire::header::Version;
use crate::wire::varint;

const PROC: u64 = 3;
const THREAD: u64 = 7;
/// The goroutine that may run on the P.
const GO: u64 = 1;
const OTHER_GO: u64 = 2;

/// The events that [`Converter::run`] handles.
const FREQUENT: [EventType; 19] = [
    EventType::GoStart,
    EventType::GoStartLocal,
    EventType::GoUnblock,
    EventType::GoUnblockLocal,
    EventType::GoBlock,
    EventType::GoBlockSend,
    EventType::GoBlockRecv,
    EventType::GoBlockSelect,
    EventType::GoBlockSync,
    EventType::GoBlockCond,
    EventType::GoBlockNet,
    EventType::GoBlockGC,
    EventType::GoSleep,
    EventType::GoSched,
    EventType::GoPreempt,
    EventType::GoSysCall,
    EventType::GoCreate,
    EventType::GoEnd,
    EventType::HeapAlloc,
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    /// The state of each goroutine, and the number of its counted events.
    gos: BTreeMap<u64, (GoState, u64)>,
    go_on_proc: Option<u64>,
    is_running: bool,
    /// The number of GC cycles that have started.
    cycles: u64,
    /// The open ranges, without mark assists.
    open: BTreeSet<Range>,
    /// The goroutines with a mark assist. [`NO_GO`] for an assist without a goroutine.
    assists: BTreeSet<u64>,
}

/// An event in a state.
#[derive(Clone, Debug)]
struct Case {
    event: EventType,
    args: [u64; 4],
    before: State,
}

/// The outcome of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// The event happens, with this state afterwards.
    Happens(State),
    Waits,
    Broken,
}

/// Returns the outcome according to the table.
fn expected(Case { event, args: [a, b, ..], before }: &Case) -> Outcome {
    let mut after = before.clone();
    for rule in rules(*event) {
        let is_met = match *rule {
            Rule::NeedsGo => before.go_on_proc.is_some(),
            Rule::NeedsNoGo => before.go_on_proc.is_none(),
            Rule::Go(GoChange { who, from, to, number }) => {
                let id = if who == Subject::Named { *a } else { before.go_on_proc.unwrap_or(NO_GO) };
                let (state, count) = before.gos.get(&id).copied().unwrap_or((GoState::NotExist, 0));
                let is_next = match number {
                    Number::Uncounted | Number::Local | Number::First => true,
                    Number::After(count_before) => count == count_before,
                    Number::AfterArgument => count == *b,
                };
                if state != from || !is_next {
                    return Outcome::Waits;
                }
                let counts = u64::from(number != Number::Uncounted);
                after.gos.insert(id, (to, count + counts));
                if to == GoState::Running {
                    after.go_on_proc = Some(id);
                } else if before.go_on_proc == Some(id) {
                    after.go_on_proc = None;
                }
                true
            }
            Rule::Exits => {
                let id = after.go_on_proc.take().expect("the rule needs it");
                after.gos.remove(&id);
                after.assists.remove(&id);
                true
            }
            Rule::Starts => !std::mem::replace(&mut after.is_running, true),
            Rule::Stops => std::mem::replace(&mut after.is_running, false),
            Rule::NextCycle if *a != before.cycles => return Outcome::Waits,
            Rule::NextCycle => {
                after.cycles += 1;
                true
            }
            Rule::RangeBegin(Range::MarkAssist) => after.assists.insert(before.go_on_proc.unwrap_or(NO_GO)),
            Rule::RangeBegin(range) => after.open.insert(range),
            Rule::RangeEnd(range) => after.open.remove(&range),
            Rule::EndsAssist => {
                after.assists.remove(&before.go_on_proc.unwrap_or(NO_GO));
                true
            }
            Rule::NeverWritten => false,
        };
        if !is_met {
            return Outcome::Broken;
        }
    }
    Outcome::Happens(after)
}

/// A converter and a P in a state.
struct Model {
    converter: Converter,
    proc: Proc,
    cursor: Cursor,
    found: Found,
    window: Vec<u8>,
}

impl Model {
    /// Creates the model. The P has two unread events: the event of the case, and another event later.
    fn new(case: &Case) -> Model {
        let mut window = Vec::new();
        // The first event ends the list of the goroutines that exist.
        write(&mut window, EventType::Gomaxprocs, &[0, 1, 0]);
        let spec = case.event.spec();
        let mut values = vec![1];
        values.extend(&case.args[..spec.args.len()]);
        values.extend(spec.stack.then_some(0));
        write(&mut window, case.event, &values);
        if spec.class == Class::TimedString {
            window.push(0);
        }
        write(&mut window, EventType::HeapAlloc, &[50, 0]);
        let end = window.len();
        window.resize(end + 32, 0);

        let batches = vec![Batch { body: 0, end, ticks: 100, next: None }];
        let found = Found { batches, ..Found::default() };
        let mut model = Model {
            converter: Converter::new(Version::Go121),
            proc: Proc::new(PROC),
            cursor: Cursor::new(ProcBatches { proc: PROC, first: 0, last: 0 }),
            found,
            window,
        };
        assert_eq!(model.convert(&mut [Record::BLANK; 2]), Ok(Step::Done(0)));
        assert!(!model.converter.is_listing());
        model.set(&case.before);
        model
    }

    fn set(&mut self, state: &State) {
        let world = &mut self.converter.world;
        for (&id, &(go, sequence)) in &state.gos {
            let packed = PackedState::settled(go, false);
            world.gos.insert(id, Go { packed, sequence, assists: state.assists.contains(&id), ..Go::CREATED });
        }
        if state.assists.contains(&NO_GO) {
            world.begin_assist(&self.proc).expect("none is open");
        }
        for cycle in 0..state.cycles {
            assert_eq!(world.merge.begin_cycle(cycle), Step::Done(()));
        }
        for range in &state.open {
            match range {
                Range::Gc => world.begin_gc(),
                Range::StopTheWorld => world.begin_stop(),
                _ => self.proc.begin_sweep(),
            }
            .expect("none is open");
        }
        self.proc.go_id = state.go_on_proc.unwrap_or(NO_GO);
        if state.is_running {
            self.proc.start(THREAD).expect("it is stopped");
        }
    }

    fn state(mut self) -> State {
        let world = &mut self.converter.world;
        let mut state = State {
            gos: world.gos.iter().map(|(id, go)| (id, (go.packed.state(), go.sequence))).collect(),
            go_on_proc: Some(self.proc.go_id).filter(|id| *id != NO_GO),
            is_running: self.proc.running,
            ..State::default()
        };
        assert!(world.gos.iter().all(|(_, go)| go.packed.is_merged(go.packed.state())));
        state.assists.extend(world.gos.iter().filter(|(_, go)| go.assists).map(|(id, _)| id));
        state.cycles = (0..9).find(|cycle| world.merge.begin_cycle(*cycle) == Step::Done(())).expect("few cycles");
        // Ranges that are open cannot be started again.
        self.proc.go_id = NO_GO;
        state.assists.extend(world.begin_assist(&self.proc).is_err().then_some(NO_GO));
        state.open.extend(world.begin_gc().is_err().then_some(Range::Gc));
        state.open.extend(world.begin_stop().is_err().then_some(Range::StopTheWorld));
        state.open.extend(self.proc.begin_sweep().is_err().then_some(Range::Sweep));
        state
    }

    /// Tries the next event with [`Converter::convert`]. Returns the number of records.
    fn convert(&mut self, records: &mut [Record; 2]) -> Result<Step<usize>, String> {
        let Model { converter, proc, cursor, found, window } = self;
        assert!(cursor.look(window, &found.batches).expect("the bytes are valid"));
        let event = *cursor.event().expect("there is an event");
        let lookup = Lookup { window, found, samples: 0 };
        let step = converter
            .convert(&event, 5, (&mut *proc, &*cursor), &lookup, &mut records[0])
            .map_err(|kind| kind.to_string())?;
        cursor.step();
        Ok(match step {
            Step::Done(Produced::Nothing) => Step::Done(0),
            Step::Done(Produced::Record) => Step::Done(1),
            Step::Done(Produced::RecordAndLabel(_) | Produced::RecordAndReturn) => Step::Done(2),
            Step::Wait => Step::Wait,
        })
    }

    /// Tries the next event with [`Converter::run`]. Returns the number of records.
    fn run(&mut self, records: &mut [Record; 4]) -> usize {
        let Model { converter, proc, cursor, found, window } = self;
        let clock = Clock { start: 0, end: u64::MAX, nanos_per_tick: 1.0 };
        // The second event is too late.
        let input = RunInput { window, tables: &found.tables, clock, until: 120, from: 0 };
        let (made, stop) = converter.run(cursor.position(), proc, records, &mut 4, input);
        assert_eq!(matches!(stop, Stop::Due(_)), made > 0);
        made
    }
}

/// Writes an event. Up to three values are inline. More follow their length.
fn write(bytes: &mut Vec<u8>, event: EventType, values: &[u64]) {
    let mut encoded = Vec::new();
    values.iter().for_each(|&value| varint::write(&mut encoded, value));
    match values.len() {
        len @ 1..=3 => bytes.push(event.code() | (len as u8 - 1) << 6),
        _ => bytes.extend([event.code() | BY_LENGTH << 6, encoded.len() as u8]),
    }
    bytes.extend(encoded);
}

/// Returns all states in which an event can be tried. The values of an argument depend on its name.
fn cases(event: EventType) -> Vec<Case> {
    let names = event.spec().args;
    let states = [GoState::Runnable, GoState::Running, GoState::Waiting];
    let others: &[_] = match names.contains(&"g") {
        true => &[None, Some(states[0]), Some(states[1]), Some(states[2])],
        false => &[None],
    };
    let named = if names.contains(&"g") { &[GO, OTHER_GO][..] } else { &[0] };
    let numbers = if names.contains(&"seq") { &[0, 1, 3][..] } else { &[0] };
    let mut cases = Vec::new();
    for bits in 0..16 {
        let [runs_go, is_running, has_ranges, is_later] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        for &other in others {
            for &go in named {
                for &number in numbers {
                    let count = if is_later { 3 } else { 1 };
                    let mut before = State { is_running, cycles: u64::from(is_later), ..State::default() };
                    before.gos.extend(runs_go.then_some((GO, (GoState::Running, count))));
                    before.gos.extend(other.map(|state| (OTHER_GO, (state, count))));
                    before.go_on_proc = runs_go.then_some(GO);
                    if has_ranges {
                        before.open.extend([Range::Gc, Range::StopTheWorld, Range::Sweep]);
                        before.assists.extend(before.gos.keys());
                        before.assists.insert(NO_GO);
                    }
                    let mut args = [0; 4];
                    for (arg, &name) in args.iter_mut().zip(names) {
                        *arg = match name {
                            "g" => go,
                            "seq" => number,
                            _ => 0,
                        };
                    }
                    cases.push(Case { event, args, before });
                }
            }
        }
    }
    cases
}

fn fields(record: &Record) -> String {
    let Record { what, thread, proc, go, stack, a, text, .. } = record;
    format!("{what:?} {thread} {proc} {go} {stack} {a} {text:?}")
}

fn check(case: &Case) {
    let expected = expected(case);
    let mut slow = Model::new(case);
    let mut records = [Record::BLANK; 2];
    let converted = slow.convert(&mut records);
    let found = match converted {
        Ok(Step::Done(_)) => Outcome::Happens(slow.state()),
        Ok(Step::Wait) => {
            assert_eq!(slow.state(), case.before, "{case:?}: an event that waits changes nothing");
            Outcome::Waits
        }
        Err(_) => Outcome::Broken,
    };
    assert_eq!(found, expected, "{case:?} {converted:?}");
    let [a, b, ..] = case.args;
    let is_ready =
        Model::new(case).converter.world.is_ready(case.event, [a, b], case.before.go_on_proc.unwrap_or(NO_GO));
    assert_eq!(is_ready, expected != Outcome::Waits, "{case:?}");

    let mut quick = Model::new(case);
    let mut quick_records = [Record::BLANK; 4];
    let made = quick.run(&mut quick_records);
    let after = quick.state();
    match expected {
        Outcome::Happens(expected) if FREQUENT.contains(&case.event) => {
            assert_eq!((Ok(Step::Done(made)), after), (converted, expected), "{case:?}");
            assert_eq!(fields(&quick_records[0]), fields(&records[0]), "{case:?}");
        }
        _ => assert_eq!((made, after), (0, case.before.clone()), "{case:?}: it is left to `convert`"),
    }
}

#[test]
fn both_implementations_follow_the_table_in_every_state() {
    let timed = |event: &&EventType| matches!(event.spec().class, Class::Timed | Class::TimedString);
    let mut count = 0;
    for event in EventType::ALL.iter().filter(timed) {
        let cases = cases(*event);
        count += cases.len();
        cases.iter().for_each(check);
    }
    assert!(count > 1000, "{count} cases");
}
