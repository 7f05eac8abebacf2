//! The records of the format of Go 1.11 to 1.21, in one table. Decoding, the text form and documentation use it. The
//! module [`order`](super::order) defines what an event waits for, and [`convert`](super::convert) converts events.
//!
//! The definitions are from `EventDescriptions` in Go `src/internal/trace/internal/tracev1/parser.go`. The names of
//! events and arguments are Go's own.

use crate::wire::header::Version;

/// The maximum number of values of a timed event after its time, which are its arguments and its
/// stack.
pub(super) const MAX_ARGS: usize = 4;

/// The maximum number of bytes of values that a record may state. Go writes at most 128
/// (`readRawEvent`).
pub(super) const MAX_VALUE_BYTES: u64 = 2048;
/// The maximum number of frames of a stack (`parseEvent`).
pub(super) const MAX_FRAMES: u64 = 1000;
/// The maximum length of a string in bytes (`readRawEvent`, `readStr`).
pub(super) const MAX_STRING: u64 = 1_000_000;
/// The largest number of a P, except for all bits set, which means "no P" (`readRawEvent`).
pub(super) const MAX_PROC: u64 = i32::MAX as u64;

/// The N of the newest version of this format.
pub(super) const NEWEST: u8 = 21;

/// The structure of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The type is unknown.
    Unknown,
    /// The start of a batch: the P and the time.
    Batch,
    /// A record with one value and no time: the clock frequency, or the goroutine that runs timers.
    Plain,
    /// A stack: the ID, the number of frames, and four values for each frame.
    Stack,
    /// A string: the ID, the length and the bytes.
    String,
    /// An event: the time since the previous event, the arguments, and the stack if it has one.
    Timed,
    /// Like `Timed`, followed by the length and the bytes of a string.
    TimedString,
    /// A CPU sample. Besides the time of the record, it has the time of the sample, because it is written later, in the
    /// batch of any P.
    Sample,
}

/// The definition of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// The name.
    pub name: &'static str,
    /// The N of the `go 1.N` that added the record.
    pub since: u8,
    pub(super) class: Class,
    /// The names of the arguments, without the time and the stack.
    pub args: &'static [&'static str],
    /// Whether the last value is the stack of the code that caused the event.
    pub stack: bool,
}

macro_rules! events {
    ($($code:literal $name:ident $since:literal $class:ident $stack:literal [$($arg:ident),*] $about:literal)*) => {
        /// The types of records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum EventType {
            $(#[doc = $about] $name = $code,)*
        }

        impl EventType {
            /// All types, in ascending order.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),*];

            /// Returns the definition of the record.
            pub(crate) const fn spec(self) -> &'static Spec {
                match self {
                    $(EventType::$name => &Spec {
                        name: stringify!($name),
                        since: $since,
                        class: Class::$class,
                        args: &[$(stringify!($arg)),*],
                        stack: $stack,
                    },)*
                }
            }
        }
    };
}

events! {
    1 Batch 5 Batch false [p, ticks] "Start of a batch of one P."
    2 Frequency 5 Plain false [freq] "Clock frequency, in ticks per second."
    3 Stack 5 Stack false [id, siz] "A stack."
    4 Gomaxprocs 5 Timed true [procs] "GOMAXPROCS has a new value."
    5 ProcStart 5 Timed false [thread] "A thread starts to run the P."
    6 ProcStop 5 Timed false [] "The P stops."
    7 GCStart 5 Timed true [seq] "The GC starts to mark."
    8 GCDone 5 Timed false [] "The GC ends marking."
    9 GCSTWStart 5 Timed false [kindid] "The runtime starts to stop the world."
    10 GCSTWDone 5 Timed false [] "The world is restarted."
    11 GCSweepStart 5 Timed true [] "The P starts to sweep."
    12 GCSweepDone 5 Timed false [swept, reclaimed] "The P ends sweeping."
    13 GoCreate 5 Timed true [g, stack] "A goroutine is created, or existed when tracing started."
    14 GoStart 5 Timed false [g, seq] "A goroutine starts to run."
    15 GoEnd 5 Timed false [] "The goroutine exits."
    16 GoStop 5 Timed true [] "The goroutine blocks forever, as in `select {}`."
    17 GoSched 5 Timed true [] "The goroutine yields."
    18 GoPreempt 5 Timed true [] "The goroutine is preempted."
    19 GoSleep 5 Timed true [] "The goroutine sleeps."
    20 GoBlock 5 Timed true [] "The goroutine blocks."
    21 GoUnblock 5 Timed true [g, seq] "A goroutine is made runnable."
    22 GoBlockSend 5 Timed true [] "The goroutine blocks on a channel send."
    23 GoBlockRecv 5 Timed true [] "The goroutine blocks on a channel receive."
    24 GoBlockSelect 5 Timed true [] "The goroutine blocks in a select."
    25 GoBlockSync 5 Timed true [] "The goroutine blocks on a Mutex or RWMutex."
    26 GoBlockCond 5 Timed true [] "The goroutine blocks on a Cond."
    27 GoBlockNet 5 Timed true [] "The goroutine blocks on the network."
    28 GoSysCall 5 Timed true [] "The goroutine enters a system call."
    29 GoSysExit 5 Timed false [g, seq, ts] "A goroutine exits a system call that blocked."
    30 GoSysBlock 5 Timed false [] "The system call blocks: the goroutine loses its P."
    31 GoWaiting 5 Timed false [g] "A goroutine was blocked when tracing started."
    32 GoInSyscall 5 Timed false [g] "A goroutine was in a system call when tracing started."
    33 HeapAlloc 5 Timed false [mem] "Size of the objects on the heap, in bytes."
    34 HeapGoal 5 Timed false [mem] "Heap size at which the GC cycle should end, in bytes."
    35 TimerGoroutine 5 Plain false [g] "The goroutine that runs timers (before Go 1.14)."
    36 FutileWakeup 5 Timed false [] "The previous wakeup was unnecessary (before Go 1.8)."
    37 String 7 String false [id] "A string."
    38 GoStartLocal 7 Timed false [g] "A goroutine starts to run on the P of its previous event."
    39 GoUnblockLocal 7 Timed true [g] "A goroutine is made runnable on the P of its previous event."
    40 GoSysExitLocal 7 Timed false [g, ts] "A goroutine exits a system call on the P of its previous event."
    41 GoStartLabel 8 Timed false [g, seq, labelid] "A goroutine with a label starts to run. Labels mark GC workers."
    42 GoBlockGC 8 Timed true [] "The goroutine blocks on a GC assist."
    43 GCMarkAssistStart 9 Timed true [] "The goroutine starts a mark assist."
    44 GCMarkAssistDone 9 Timed false [] "The goroutine ends a mark assist."
    45 UserTaskCreate 11 Timed true [taskid, pid, typeid] "A task starts."
    46 UserTaskEnd 11 Timed true [taskid] "A task ends."
    47 UserRegion 11 Timed true [taskid, mode, typeid] "A region starts (mode 0) or ends (mode 1)."
    48 UserLog 11 TimedString true [id, keyid] "A log message."
    49 CPUSample 19 Sample true [ts, p, g] "A sample of the CPU profiler."
}

impl EventType {
    /// Returns the code of the type in the trace file.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the name of the type.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

/// The properties of a type that decoders need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub event: EventType,
    pub class: Class,
    /// The number of values, including time and stack. For a stack, the minimum.
    pub values: u8,
    /// The N of the version that added the record.
    pub since: u8,
    /// The upper bits of the first byte, if the values of the event are inline. Otherwise
    /// [`NOT_QUICK`].
    pub quick: u8,
}

/// The number of values of an event with inline values, for each first byte. 0 for other bytes.
pub(super) static INLINE_VALUES: [u8; 256] = {
    let shapes = shapes();
    let mut values = [0; 256];
    let mut first = 0;
    while first < values.len() {
        let shape = shapes[first & TYPE_BITS as usize];
        if shape.quick as usize == first >> 6 {
            values[first] = shape.values;
        }
        first += 1;
    }
    values
};

/// The value of [`Shape::quick`] for all other records.
pub(super) const NOT_QUICK: u8 = u8::MAX;
/// The maximum number of inline values.
const MAX_INLINE: usize = 3;

/// The type is the lower six bits of the first byte of a record.
pub(super) const TYPE_BITS: u8 = 0x3f;

/// The shapes by type.
pub(super) static SHAPES: [Shape; 64] = shapes();

const fn shapes() -> [Shape; 64] {
    let unknown = Shape { event: EventType::Batch, class: Class::Unknown, values: 0, since: u8::MAX, quick: NOT_QUICK };
    let mut shapes = [unknown; 64];
    let mut i = 0;
    while i < EventType::ALL.len() {
        let event = EventType::ALL[i];
        let spec = event.spec();
        let timed = matches!(spec.class, Class::Timed | Class::TimedString | Class::Sample);
        let values = spec.args.len() + spec.stack as usize + timed as usize;
        assert!(values <= MAX_ARGS + 1);
        let is_quick = matches!(spec.class, Class::Timed) && values <= MAX_INLINE;
        let quick = if is_quick { values as u8 - 1 } else { NOT_QUICK };
        shapes[event.code() as usize] =
            Shape { event, class: spec.class, values: values as u8, since: spec.since, quick };
        i += 1;
    }
    shapes
}

/// Returns the N of a version, in the type that the table uses.
pub(super) fn minor(version: Version) -> u8 {
    u8::try_from(version.minor()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_the_table() {
        let shape = |event: EventType| SHAPES[event.code() as usize];
        assert_eq!(EventType::ALL.len(), 49);
        for &event in EventType::ALL {
            assert_eq!(shape(event).event, event);
        }
        assert_eq!((shape(EventType::GoCreate).values, shape(EventType::UserTaskCreate).values), (4, 5));
        assert_eq!((shape(EventType::Batch).values, shape(EventType::Frequency).values), (2, 1));
        assert_eq!((SHAPES[0].class, SHAPES[50].class), (Class::Unknown, Class::Unknown));
    }
}
