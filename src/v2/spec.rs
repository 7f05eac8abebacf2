//! The events of the format of Go 1.22 and later, in one table. Decoding, the text form, documentation and the
//! synthesiser use it. The module [`order`](super::order) defines what the reader does with each event.
//!
//! The definitions are from Go `src/internal/trace/tracev2/events.go`.

use crate::wire::header::Version;

/// The maximum number of arguments of an event of a thread, not counting its time.
pub(crate) const MAX_ARGS: usize = 4;

/// The maximum size of a batch in bytes (`tracev2.MaxBatchSize` in Go).
pub(crate) const MAX_BATCH_SIZE: u64 = 64 << 10;
/// The maximum number of frames of a stack (`tracev2.MaxFramesPerStack` in Go).
pub(crate) const MAX_FRAMES: u64 = 128;
/// The maximum length of a string in bytes. The runtime truncates longer strings (`tracev2.MaxEventTrailerDataSize` in
/// Go).
pub(crate) const MAX_STRING: u64 = 1 << 10;

/// The structure of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A record of the framing or of a table that only has arguments.
    Structural,
    /// A record of the framing or of a table. Its arguments are followed by a length and as many bytes.
    Data,
    /// A stack. Its arguments are followed by frames, and its last argument is their number.
    Stack,
    /// An event of a thread. Its first argument is the time since the previous event of the batch.
    Timed,
    /// Like `Timed`, for events of the `AllocFree` experiment.
    AllocFree,
}

/// The kind of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A number.
    Value,
    /// The time since the previous event of the batch, in units of the clock.
    Delta,
    /// The ID of a string of the generation.
    String,
    /// The ID of a stack of the generation.
    Stack,
}

/// The definition of an event.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The name.
    pub name: &'static str,
    /// The version that added the event.
    pub since: Version,
    /// The structure.
    pub class: Class,
    /// The names of the arguments, as in Go.
    pub args: &'static [&'static str],
    /// The kinds of the arguments.
    pub kinds: &'static [Arg],
    /// A short description.
    pub about: &'static str,
}

macro_rules! events {
    ($($code:literal $name:ident $since:ident $class:ident [$($arg:ident: $kind:ident),*] $about:literal)*) => {
        /// The types of events. A file may contain unknown types, so unparsed types are a `u8`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum EventType {
            $(#[doc = $about] $name = $code,)*
        }

        impl EventType {
            /// All types, in ascending order.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),*];

            /// Returns the type with this code. `None` if there is no such type.
            #[inline(always)]
            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(EventType::$name),)*
                    _ => None,
                }
            }

            /// Returns the definition of the event.
            pub const fn spec(self) -> &'static Spec {
                match self {
                    $(EventType::$name => &Spec {
                        name: stringify!($name),
                        since: Version::$since,
                        class: Class::$class,
                        args: &[$(stringify!($arg)),*],
                        kinds: &[$(Arg::$kind),*],
                        about: $about,
                    },)*
                }
            }
        }
    };
}

events! {
    1 EventBatch Go122 Structural [gen: Value, m: Value, time: Value, size: Value] "Start of a batch of one thread."
    2 Stacks Go122 Structural [] "Start of a batch of stacks."
    3 Stack Go122 Stack [id: Value, nframes: Value] "A stack."
    4 Strings Go122 Structural [] "Start of a batch of strings."
    5 String Go122 Data [id: Value] "A string."
    6 CPUSamples Go122 Structural [] "Start of a batch of CPU samples."
    7 CPUSample Go122 Structural [time: Value, m: Value, p: Value, g: Value, stack: Stack] "A sample of the CPU profiler."
    8 Frequency Go122 Structural [freq: Value] "Clock frequency, in units per second."
    9 ProcsChange Go122 Timed [dt: Delta, procs_value: Value, stack: Stack] "GOMAXPROCS has a new value."
    10 ProcStart Go122 Timed [dt: Delta, p: Value, p_seq: Value] "The thread acquires a P."
    11 ProcStop Go122 Timed [dt: Delta] "The thread releases its P."
    12 ProcSteal Go122 Timed [dt: Delta, p: Value, p_seq: Value, m: Value] "The thread takes the P from a thread in a system call."
    13 ProcStatus Go122 Timed [dt: Delta, p: Value, pstatus: Value] "State of a P at the start of the generation."
    14 GoCreate Go122 Timed [dt: Delta, new_g: Value, new_stack: Stack, stack: Stack] "A goroutine is created."
    15 GoCreateSyscall Go122 Timed [dt: Delta, new_g: Value] "A goroutine is created in a system call, because C calls Go."
    16 GoStart Go122 Timed [dt: Delta, g: Value, g_seq: Value] "A goroutine starts to run."
    17 GoDestroy Go122 Timed [dt: Delta] "The goroutine exits."
    18 GoDestroySyscall Go122 Timed [dt: Delta] "The goroutine exits in a system call, because Go returns to C."
    19 GoStop Go122 Timed [dt: Delta, reason_string: String, stack: Stack] "The goroutine yields."
    20 GoBlock Go122 Timed [dt: Delta, reason_string: String, stack: Stack] "The goroutine blocks."
    21 GoUnblock Go122 Timed [dt: Delta, g: Value, g_seq: Value, stack: Stack] "A goroutine is made runnable."
    22 GoSyscallBegin Go122 Timed [dt: Delta, p_seq: Value, stack: Stack] "The goroutine enters a system call."
    23 GoSyscallEnd Go122 Timed [dt: Delta] "The goroutine exits a system call and still has its P."
    24 GoSyscallEndBlocked Go122 Timed [dt: Delta] "The goroutine exits a system call and has lost its P."
    25 GoStatus Go122 Timed [dt: Delta, g: Value, m: Value, gstatus: Value] "State of a goroutine at the start of the generation."
    26 STWBegin Go122 Timed [dt: Delta, kind_string: String, stack: Stack] "The goroutine starts to stop the world."
    27 STWEnd Go122 Timed [dt: Delta] "The world is restarted."
    28 GCActive Go122 Timed [dt: Delta, gc_seq: Value] "The GC is marking at the start of the generation."
    29 GCBegin Go122 Timed [dt: Delta, gc_seq: Value, stack: Stack] "The GC starts to mark."
    30 GCEnd Go122 Timed [dt: Delta, gc_seq: Value] "The GC ends marking."
    31 GCSweepActive Go122 Timed [dt: Delta, p: Value] "A P is sweeping at the start of the generation."
    32 GCSweepBegin Go122 Timed [dt: Delta, stack: Stack] "The P starts to sweep."
    33 GCSweepEnd Go122 Timed [dt: Delta, swept_value: Value, reclaimed_value: Value] "The P ends sweeping."
    34 GCMarkAssistActive Go122 Timed [dt: Delta, g: Value] "A goroutine is in a mark assist at the start of the generation."
    35 GCMarkAssistBegin Go122 Timed [dt: Delta, stack: Stack] "The goroutine starts a mark assist."
    36 GCMarkAssistEnd Go122 Timed [dt: Delta] "The goroutine ends a mark assist."
    37 HeapAlloc Go122 Timed [dt: Delta, heapalloc_value: Value] "Size of the objects on the heap, in bytes."
    38 HeapGoal Go122 Timed [dt: Delta, heapgoal_value: Value] "Heap size at which the GC cycle should end, in bytes."
    39 GoLabel Go122 Timed [dt: Delta, label_string: String] "The goroutine gets a label."
    40 UserTaskBegin Go122 Timed [dt: Delta, task: Value, parent_task: Value, name_string: String, stack: Stack] "A task starts."
    41 UserTaskEnd Go122 Timed [dt: Delta, task: Value, stack: Stack] "A task ends."
    42 UserRegionBegin Go122 Timed [dt: Delta, task: Value, name_string: String, stack: Stack] "A region starts."
    43 UserRegionEnd Go122 Timed [dt: Delta, task: Value, name_string: String, stack: Stack] "A region ends."
    44 UserLog Go122 Timed [dt: Delta, task: Value, key_string: String, value_string: String, stack: Stack] "A log message."
    45 GoSwitch Go123 Timed [dt: Delta, g: Value, g_seq: Value] "The goroutine blocks and another goroutine runs (coroutines)."
    46 GoSwitchDestroy Go123 Timed [dt: Delta, g: Value, g_seq: Value] "The goroutine exits and another goroutine runs (coroutines)."
    47 GoCreateBlocked Go123 Timed [dt: Delta, new_g: Value, new_stack: Stack, stack: Stack] "A goroutine is created in a blocked state (coroutines)."
    48 GoStatusStack Go123 Timed [dt: Delta, g: Value, m: Value, gstatus: Value, stack: Stack] "State and stack of a goroutine at the start of the generation."
    49 ExperimentalBatch Go123 Data [exp: Value, gen: Value, m: Value, time: Value] "A batch of an experiment."
    50 Sync Go125 Structural [] "Start of a batch with the frequency and the clock snapshot."
    51 ClockSnapshot Go125 Timed [dt: Delta, mono: Value, sec: Value, nsec: Value] "Times of the trace's, the monotonic and the wall clock."
    52 EndOfGeneration Go126 Structural [] "The end of a generation."
    128 Span Go123 AllocFree [dt: Delta, id: Value, npages_value: Value, kindclass: Value] "A heap span existed when the trace started."
    129 SpanAlloc Go123 AllocFree [dt: Delta, id: Value, npages_value: Value, kindclass: Value] "A heap span is allocated."
    130 SpanFree Go123 AllocFree [dt: Delta, id: Value] "A heap span is freed."
    131 HeapObject Go123 AllocFree [dt: Delta, id: Value, type: Value] "An object existed when the trace started."
    132 HeapObjectAlloc Go123 AllocFree [dt: Delta, id: Value, type: Value] "An object is allocated."
    133 HeapObjectFree Go123 AllocFree [dt: Delta, id: Value] "An object is freed."
    134 GoroutineStack Go123 AllocFree [dt: Delta, id: Value, order: Value] "A goroutine stack existed when the trace started."
    135 GoroutineStackAlloc Go123 AllocFree [dt: Delta, id: Value, order: Value] "A goroutine stack is allocated."
    136 GoroutineStackFree Go123 AllocFree [dt: Delta, id: Value] "A goroutine stack is freed."
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

    /// Returns the type with this name. `None` if there is no such type.
    pub fn from_name(name: &str) -> Option<Self> {
        EventType::ALL.iter().copied().find(|event| event.name() == name)
    }
}

/// Maps each code to its type, if the type is allowed among the events of a thread in a version.
pub(super) type Alphabet = [Option<EventType>; 256];

/// Returns the alphabet of a version.
pub(super) fn alphabet(version: Version) -> &'static Alphabet {
    static GO122: Alphabet = alphabet_of(Version::Go122);
    static GO123: Alphabet = alphabet_of(Version::Go123);
    static GO125: Alphabet = alphabet_of(Version::Go125);
    static GO126: Alphabet = alphabet_of(Version::Go126);
    match version {
        Version::Go123 => &GO123,
        Version::Go125 => &GO125,
        Version::Go126 => &GO126,
        _ => &GO122,
    }
}

const fn alphabet_of(version: Version) -> Alphabet {
    let mut alphabet = [None; 256];
    let mut i = 0;
    while i < EventType::ALL.len() {
        let event = EventType::ALL[i];
        let spec = event.spec();
        let timed = matches!(spec.class, Class::Timed | Class::AllocFree);
        // A clock snapshot has a time, but is in the batch of the clock, not in the batch of a thread.
        if timed && event.code() != EventType::ClockSnapshot.code() && spec.since.minor() <= version.minor() {
            assert!(spec.args.len() <= MAX_ARGS + 1);
            alphabet[event.code() as usize] = Some(event);
        }
        i += 1;
    }
    alphabet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_names_are_unique_and_can_be_looked_up() {
        for &event in EventType::ALL {
            assert_eq!(EventType::from_code(event.code()), Some(event));
            assert_eq!(EventType::from_name(event.name()), Some(event));
            assert_eq!(event.spec().args.len(), event.spec().kinds.len());
        }
        assert_eq!(EventType::from_code(0), None);
        assert_eq!(EventType::from_code(60), None);
    }

    #[test]
    fn alphabets_grow_with_the_versions() {
        let has = |version, event: EventType| alphabet(version)[event.code() as usize] == Some(event);
        assert!(has(Version::Go122, EventType::UserLog) && !has(Version::Go122, EventType::GoSwitch));
        assert!(has(Version::Go123, EventType::GoSwitch) && has(Version::Go123, EventType::HeapObjectFree));
        for structural in [EventType::ClockSnapshot, EventType::Strings, EventType::EventBatch] {
            assert!(!has(Version::Go126, structural));
        }
        assert_eq!(alphabet(Version::Go126)[0], None);
    }
}
