//! The events of the format, in one table. It drives decoding, the text forms and the documentation; what an event
//! waits for is in [`order`](super::order), what becomes of it in [`convert`](super::convert).
//!
//! The facts are those of `EventDescriptions` in Go's `src/internal/trace/internal/tracev1/parser.go`; the names of
//! events and arguments are Go's own.

use crate::wire::header::Version;

/// The most values that a timed event has after its time: its arguments and its stack.
pub(super) const MAX_ARGS: usize = 4;

/// The most bytes of values that a record may announce: Go writes 128 at the most (`readRawEvent`).
pub(super) const MAX_VALUE_BYTES: u64 = 2048;
/// The most frames of a stack (`parseEvent`).
pub(super) const MAX_FRAMES: u64 = 1000;
/// The longest string (`readRawEvent`, `readStr`).
pub(super) const MAX_STRING: u64 = 1_000_000;
/// The largest number of a P, other than the "no P" of all bits set (`readRawEvent`).
pub(super) const MAX_PROC: u64 = i32::MAX as u64;

/// How a record is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No record has the type.
    Unknown,
    /// The start of a batch: the P and the time.
    Batch,
    /// The clock's rate, or a timer's goroutine: a value and no time.
    Plain,
    /// A stack: its ID, the number of frames, and four values a frame.
    Stack,
    /// A string: its ID, its length and its bytes.
    String,
    /// An event: the time since the one before, its arguments, and its stack if it has one.
    Timed,
    /// An event with a string behind it: the length and the bytes.
    TimedString,
    /// A CPU sample. It is timed, but stands wherever the profiler's reader came to write it, with a time of its own.
    Sample,
}

/// A record of the format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// Its name.
    pub name: &'static str,
    /// The N of the `go 1.N` that brought it.
    pub since: u8,
    pub(super) class: Class,
    /// The names of its arguments, without the time in front and the stack behind.
    pub args: &'static [&'static str],
    /// Whether its last value is the stack of whoever did it.
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
            /// Every record, by type.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),*];

            /// What is known of the record.
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
    2 Frequency 5 Plain false [freq] "Ticks of the clock a second."
    3 Stack 5 Stack false [id, siz] "A stack."
    4 Gomaxprocs 5 Timed true [procs] "GOMAXPROCS."
    5 ProcStart 5 Timed false [thread] "The P starts, on a thread."
    6 ProcStop 5 Timed false [] "The P stops."
    7 GCStart 5 Timed true [seq] "The GC begins to mark."
    8 GCDone 5 Timed false [] "The GC has marked."
    9 GCSTWStart 5 Timed false [kindid] "The world begins to stop."
    10 GCSTWDone 5 Timed false [] "The world goes on."
    11 GCSweepStart 5 Timed true [] "The P begins to sweep."
    12 GCSweepDone 5 Timed false [swept, reclaimed] "The P has swept."
    13 GoCreate 5 Timed true [g, stack] "A goroutine is created, or existed as tracing began."
    14 GoStart 5 Timed false [g, seq] "A goroutine starts to run."
    15 GoEnd 5 Timed false [] "The goroutine ends."
    16 GoStop 5 Timed true [] "The goroutine stops for good, as `select {}` does."
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
    29 GoSysExit 5 Timed false [g, seq, ts] "A goroutine came back from a system call that blocked."
    30 GoSysBlock 5 Timed false [] "The system call blocks: the goroutine loses its P."
    31 GoWaiting 5 Timed false [g] "A goroutine was blocked as tracing began."
    32 GoInSyscall 5 Timed false [g] "A goroutine was in a system call as tracing began."
    33 HeapAlloc 5 Timed false [mem] "Bytes of objects on the heap."
    34 HeapGoal 5 Timed false [mem] "Bytes at which the cycle is to end."
    35 TimerGoroutine 5 Plain false [g] "The goroutine that runs timers (before Go 1.14)."
    36 FutileWakeup 5 Timed false [] "The last wakeup was in vain (before Go 1.8)."
    37 String 7 String false [id] "A string."
    38 GoStartLocal 7 Timed false [g] "A goroutine starts on the P that it was last seen on."
    39 GoUnblockLocal 7 Timed true [g] "A goroutine is made runnable on the P that it was last seen on."
    40 GoSysExitLocal 7 Timed false [g, ts] "A goroutine came back from a system call, on its old P."
    41 GoStartLabel 8 Timed false [g, seq, labelid] "A goroutine starts to run, with a label: a GC worker."
    42 GoBlockGC 8 Timed true [] "The goroutine blocks on a GC assist."
    43 GCMarkAssistStart 9 Timed true [] "The goroutine begins to help the GC mark."
    44 GCMarkAssistDone 9 Timed false [] "It has helped enough."
    45 UserTaskCreate 11 Timed true [taskid, pid, typeid] "A task begins."
    46 UserTaskEnd 11 Timed true [taskid] "A task ends."
    47 UserRegion 11 Timed true [taskid, mode, typeid] "A region begins (mode 0) or ends (mode 1)."
    48 UserLog 11 TimedString true [id, keyid] "A log message."
    49 CPUSample 19 Sample true [ts, p, g] "A sample of the CPU profiler."
}

impl EventType {
    /// The record's type on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The record's name.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}

/// What the decoders have to know of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub event: EventType,
    pub class: Class,
    /// How many values it has, time and stack among them; of a stack the least.
    pub values: u8,
    /// The N of the version that brought it.
    pub since: u8,
    /// What the upper bits of its first byte are if it is an ordinary event with its values inline.
    pub quick: u8,
}

/// How many values stand behind each first byte, where it is that of an ordinary event with its values inline; else 0.
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

/// The `quick` of records that are otherwise.
pub(super) const NOT_QUICK: u8 = u8::MAX;
/// The most values that are inline.
const MAX_INLINE: usize = 3;

/// The type is the low six bits of a record's first byte.
pub(super) const TYPE_BITS: u8 = 0x3f;

/// By type.
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

/// The N of a version, as the table has it.
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
