//! Converts frequent events directly from their bytes: a goroutine is created, starts, blocks, yields, becomes
//! runnable, enters a system call, or exits.
//!
//! Decoding every event into a common form first would take one and a half times as long. All other events, and
//! frequent events that have to wait or are wrong, are left to [`Converter::convert`].

use super::clock::Clock;
use super::convert::Converter;
use super::cursor::{Position, Word};
use super::effects::left_in;
use super::goroutine::{Go, NO_GO, PackedState, Proc};
use super::model::{fake_proc, or_none, or_zero, reason};
use super::parse::BY_LENGTH;
use super::record_block::later;
use super::spec::{EventType, INLINE_VALUES, TYPE_BITS};
use crate::event::GoState::{NotExist, Runnable, Running, Syscall, Waiting};
use crate::event::record::{Record, Symbol, What};
use crate::event::tables::Tables;
use crate::id::NONE;
use crate::sched::arena::Arena;

/// The kinds of frequent events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    StartLocal,
    Start,
    UnblockLocal,
    Unblock,
    Leave,
    Call,
    Create,
    End,
    Heap,
}

/// The kind of each event, by its first byte.
static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut i = 0;
    while i < EventType::ALL.len() {
        let event = EventType::ALL[i];
        let kind = match event {
            EventType::GoStartLocal => Kind::StartLocal,
            EventType::GoStart => Kind::Start,
            EventType::GoUnblockLocal => Kind::UnblockLocal,
            EventType::GoUnblock => Kind::Unblock,
            EventType::GoSysCall => Kind::Call,
            EventType::GoCreate => Kind::Create,
            EventType::GoEnd => Kind::End,
            EventType::HeapAlloc => Kind::Heap,
            EventType::GoSysBlock => Kind::Other,
            _ if left_in(event).is_some() => Kind::Leave,
            _ => Kind::Other,
        };
        let mut upper = 0;
        while upper < 4 {
            let first = upper << 6 | event.code() as usize;
            if INLINE_VALUES[first] > 0 || upper == BY_LENGTH as usize && matches!(kind, Kind::Unblock | Kind::Create) {
                kinds[first] = kind;
            }
            upper += 1;
        }
        i += 1;
    }
    kinds
};

/// The change of a goroutine that leaves its P.
#[derive(Clone, Copy, Debug)]
struct Leave {
    to: PackedState,
    what: What,
    reason: Symbol,
}

/// The change for each type of event.
static LEAVES: [Leave; 1 + TYPE_BITS as usize] = {
    let blank = Leave { to: PackedState::NEVER, what: What::Sync, reason: Symbol::Empty };
    let mut leaves = [blank; 1 + TYPE_BITS as usize];
    let mut i = 0;
    while i < EventType::ALL.len() {
        let event = EventType::ALL[i];
        let to = match left_in(event) {
            Some(to) => to,
            None => NotExist,
        };
        leaves[event.code() as usize] = Leave {
            to: PackedState::settled(to, matches!(event, EventType::GoBlockNet)),
            what: What::GoTransition(Running, to),
            reason: Symbol::Static(reason(event)),
        };
        i += 1;
    }
    leaves
};

/// The reason why a run of frequent events ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// The next event can happen, and is at this time, but events of other Ps are earlier.
    Due(u64),
    /// There is no room for the next event.
    Full,
    /// The next event is not frequent, has to wait, or is wrong.
    Other,
}

/// The data that a run needs.
#[derive(Clone, Copy)]
pub(super) struct RunInput<'a> {
    pub window: &'a [u8],
    pub tables: &'a Tables,
    pub clock: Clock,
    /// Events at this time or later must wait for other Ps.
    pub until: u64,
    /// Events before this time are out of order.
    pub from: u64,
}

const RUNNABLE: PackedState = PackedState::settled(Runnable, false);
const RUNNING: PackedState = PackedState::settled(Running, false);
const WAITING: PackedState = PackedState::settled(Waiting, false);

impl Converter {
    /// Converts events of a P. Returns the number of records.
    #[inline(always)]
    pub fn run(
        &mut self,
        position: &mut Position,
        proc: &mut Proc,
        records: &mut [Record],
        last_time: &mut i64,
        input: RunInput<'_>,
    ) -> (usize, Stop) {
        if self.is_listing() {
            return (0, Stop::Other);
        }
        let RunInput { window, tables, clock, until, from } = input;
        let world = &mut self.world;
        let (proc_id, thread) = (proc.id, proc.thread);
        let mut go_id = proc.go_id;
        let mut time = *last_time;
        let (mut pos, mut ticks) = (position.pos, position.ticks);
        let mut made = 0;
        let stop = loop {
            if pos >= position.end {
                break Stop::Other;
            }
            let Some(head) = window.get(pos..).and_then(|rest| rest.first_chunk::<{ Word::LEN + 2 }>()) else {
                break Stop::Other;
            };
            let kind = KINDS[usize::from(head[0])];
            // The length of the values may precede them.
            let before = 1 + usize::from(head[0] >> 6 == BY_LENGTH);
            let mut word = Word::new(&head[before..]);
            // The value has at most four bytes, so the sum does not overflow.
            let now = ticks + word.take();
            if kind == Kind::Other || word.is_short() || now < from {
                break Stop::Other;
            }
            if now >= until {
                break match is_ready(kind, word, &mut world.gos, go_id) {
                    true => Stop::Due(now),
                    false => Stop::Other,
                };
            }
            if made + 1 >= records.len() {
                break Stop::Full;
            }
            let Some(record) = records.get_mut(made) else { break Stop::Full };
            match kind {
                Kind::StartLocal | Kind::Start => {
                    let id = word.take();
                    let number = if kind == Kind::Start { word.take() } else { 0 };
                    let index = world.gos.find(id);
                    let Some(go) = world.gos.get_mut(index) else { break Stop::Other };
                    let fits = go.packed.differs(RUNNABLE) == 0 && (kind == Kind::StartLocal || go.sequence == number);
                    if word.is_short() || !fits || go_id != NO_GO {
                        break Stop::Other;
                    }
                    go.packed = RUNNING;
                    go.sequence += 1;
                    go_id = id;
                    time = later(clock.nanos(now), time);
                    record.go_transition(id, Runnable, Running);
                    record.locate(thread, proc_id, id, time);
                }
                Kind::UnblockLocal | Kind::Unblock => {
                    let id = word.take();
                    let number = if kind == Kind::Unblock { word.take() } else { 0 };
                    let stack = word.take();
                    let index = world.gos.find(id);
                    let Some(go) = world.gos.get_mut(index) else { break Stop::Other };
                    let is_next = kind == Kind::UnblockLocal || go.sequence == number && is_whole(word, head);
                    let fits = is_next && go.packed.differs(WAITING) == 0 && world.timers.is_empty();
                    if word.is_short() || !fits || !tables.has_stack_quickly(stack) {
                        break Stop::Other;
                    }
                    let on_network = go.packed.is_on_network();
                    go.packed = RUNNABLE;
                    go.sequence += 1;
                    time = later(clock.nanos(now), time);
                    record.go_transition(id, Waiting, Runnable);
                    record.stack = stack;
                    let (thread, proc_id) = if on_network { (NONE, fake_proc::NETPOLL) } else { (thread, proc_id) };
                    record.locate(thread, proc_id, or_none(go_id), time);
                }
                Kind::Leave => {
                    let stack = word.take();
                    let index = world.gos.find(go_id);
                    let Some(go) = world.gos.get_mut(index) else { break Stop::Other };
                    let fits = go.packed.differs(RUNNING) == 0;
                    if word.is_short() || !fits || !tables.has_stack_quickly(stack) {
                        break Stop::Other;
                    }
                    let leave = &LEAVES[usize::from(head[0] & TYPE_BITS)];
                    go.packed = leave.to;
                    time = later(clock.nanos(now), time);
                    record.what = leave.what;
                    record.a = go_id;
                    record.b = stack;
                    record.stack = stack;
                    record.text = leave.reason;
                    record.locate(thread, proc_id, go_id, time);
                    go_id = NO_GO;
                }
                Kind::Call => {
                    let stack = word.take();
                    let after = pos + 1 + word.used();
                    if word.is_short()
                        || go_id == NO_GO
                        || !tables.has_stack_quickly(stack)
                        || !position.says_returns(window, after)
                    {
                        break Stop::Other;
                    }
                    time = later(clock.nanos(now), time);
                    record.go_transition(go_id, Running, Syscall);
                    record.b = stack;
                    record.stack = stack;
                    record.locate(or_zero(thread), proc_id, go_id, time);
                    made += 1;
                    self.returns += 1;
                    let Some(record) = records.get_mut(made) else { break Stop::Other };
                    time += 1;
                    record.go_transition(go_id, Syscall, Running);
                    record.locate(or_zero(thread), proc_id, go_id, time);
                }
                Kind::Create => {
                    let id = word.take();
                    let start = word.take();
                    let stack = word.take();
                    let is_new = id != NO_GO && !world.gos.find(id).is_some() && !world.merge.is_awaited(id);
                    if word.is_short()
                        || !is_whole(word, head)
                        || !is_new
                        || !tables.has_stack_quickly(start)
                        || !tables.has_stack_quickly(stack)
                    {
                        break Stop::Other;
                    }
                    world.gos.insert(id, Go { packed: RUNNABLE, ..Go::CREATED });
                    time = later(clock.nanos(now), time);
                    record.go_transition(id, NotExist, Runnable);
                    record.b = start;
                    record.stack = stack;
                    record.locate(thread, proc_id, or_none(go_id), time);
                }
                Kind::End => {
                    let index = world.gos.find(go_id);
                    if go_id == NO_GO || !index.is_some() {
                        break Stop::Other;
                    }
                    world.annotations.forget(go_id);
                    world.gos.remove(index);
                    time = later(clock.nanos(now), time);
                    record.go_transition(go_id, Running, NotExist);
                    record.locate(thread, proc_id, go_id, time);
                    go_id = NO_GO;
                }
                Kind::Heap => {
                    let value = word.take();
                    if word.is_short() {
                        break Stop::Other;
                    }
                    time = later(clock.nanos(now), time);
                    record.other(What::HeapObjects, value);
                    record.locate(thread, proc_id, or_none(go_id), time);
                }
                Kind::Other => break Stop::Other,
            }
            made += 1;
            pos += before + word.used();
            ticks = now;
        };
        (position.pos, position.ticks) = (pos, ticks);
        proc.go_id = go_id;
        *last_time = time;
        (made, stop)
    }
}

/// Returns whether a frequent event can happen. Returns false if that is not quickly known.
#[inline(never)]
fn is_ready(kind: Kind, mut values: Word, gos: &mut Arena<Go>, go_on_proc: u64) -> bool {
    let (state, is_numbered) = match kind {
        Kind::Other => return false,
        Kind::Call | Kind::End | Kind::Heap => return true,
        // The goroutine on a P is running.
        Kind::Leave => return go_on_proc != NO_GO,
        Kind::Create => return !gos.find(values.take()).is_some() && !values.is_short(),
        Kind::StartLocal => (RUNNABLE, false),
        Kind::Start => (RUNNABLE, true),
        Kind::UnblockLocal => (WAITING, false),
        Kind::Unblock => (WAITING, true),
    };
    let index = gos.find(values.take());
    let number = if is_numbered { values.take() } else { 0 };
    let is_in_state = |go: &mut Go| go.packed.differs(state) == 0 && (!is_numbered || go.sequence == number);
    !values.is_short() && gos.get_mut(index).is_some_and(is_in_state)
}

/// Returns whether the length in the second byte equals the length of the values.
#[inline(always)]
fn is_whole(values: Word, head: &[u8; Word::LEN + 2]) -> bool {
    values.used() == usize::from(head[1])
}
