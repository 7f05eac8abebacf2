//! The events of the format, in one table. It drives decoding, the text forms, the documentation and the
//! synthesiser; what an event *does* is in [`order`](super::order).
//!
//! The facts are those of Go's `src/internal/trace/tracev2/events.go`.

use crate::wire::header::Version;

/// The most arguments that an event in an M's batch has, after its time.
pub(crate) const MAX_ARGS: usize = 4;

/// The largest batch (Go `tracev2.MaxBatchSize`).
pub(crate) const MAX_BATCH_SIZE: u64 = 64 << 10;
/// The most frames of a stack (Go `tracev2.MaxFramesPerStack`).
pub(crate) const MAX_FRAMES: u64 = 128;
/// The longest string: the writer cuts there (Go `tracev2.MaxEventTrailerDataSize`).
pub(crate) const MAX_STRING: u64 = 1 << 10;

/// What an event is in the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Part of the framing or of a table.
    Structural,
    /// A structural event with bytes behind its arguments: their number as an integer, then they.
    Data,
    /// A structural event with as many frames behind its arguments as its last one says.
    Stack,
    /// An event in an M's batch, whose first argument is the time since the one before.
    Timed,
    /// A timed event of the `AllocFree` experiment.
    AllocFree,
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A number.
    Value,
    /// The time since the last event of the batch, in the clock's units.
    Delta,
    /// A string of the generation.
    String,
    /// A stack of the generation.
    Stack,
}

/// An event of the format.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// The version that brought it.
    pub since: Version,
    /// What it is in the framing.
    pub class: Class,
    /// The names of its arguments, Go's own.
    pub args: &'static [&'static str],
    /// What the arguments are.
    pub kinds: &'static [Arg],
    /// What it tells.
    pub about: &'static str,
}

macro_rules! events {
    ($($code:literal $name:ident $since:ident $class:ident [$($arg:ident: $kind:ident),*] $about:literal)*) => {
        /// The types of events. A file may hold others: where they come from one, types are a byte.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum EventType {
            $(#[doc = $about] $name = $code,)*
        }

        impl EventType {
            /// Every event, by type.
            pub const ALL: &'static [EventType] = &[$(EventType::$name),*];

            /// The event of a type, if there is one.
            #[inline(always)]
            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(EventType::$name),)*
                    _ => None,
                }
            }

            /// What is known of the event.
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
    1 EventBatch Go122 Structural [gen: Value, m: Value, time: Value, size: Value] "Start of a batch of one M."
    2 Stacks Go122 Structural [] "Start of a batch of stacks."
    3 Stack Go122 Stack [id: Value, nframes: Value] "A stack."
    4 Strings Go122 Structural [] "Start of a batch of strings."
    5 String Go122 Data [id: Value] "A string."
    6 CPUSamples Go122 Structural [] "Start of a batch of CPU samples."
    7 CPUSample Go122 Structural [time: Value, m: Value, p: Value, g: Value, stack: Stack] "A sample of the CPU profiler."
    8 Frequency Go122 Structural [freq: Value] "Units of the clock a second."
    9 ProcsChange Go122 Timed [dt: Delta, procs_value: Value, stack: Stack] "GOMAXPROCS."
    10 ProcStart Go122 Timed [dt: Delta, p: Value, p_seq: Value] "The M takes a P."
    11 ProcStop Go122 Timed [dt: Delta] "The M gives up its P."
    12 ProcSteal Go122 Timed [dt: Delta, p: Value, p_seq: Value, m: Value] "The P of an M in a system call is taken away."
    13 ProcStatus Go122 Timed [dt: Delta, p: Value, pstatus: Value] "What a P does as the generation begins."
    14 GoCreate Go122 Timed [dt: Delta, new_g: Value, new_stack: Stack, stack: Stack] "A goroutine is created."
    15 GoCreateSyscall Go122 Timed [dt: Delta, new_g: Value] "A goroutine appears in a system call: C calls Go."
    16 GoStart Go122 Timed [dt: Delta, g: Value, g_seq: Value] "A goroutine starts to run."
    17 GoDestroy Go122 Timed [dt: Delta] "The goroutine ends."
    18 GoDestroySyscall Go122 Timed [dt: Delta] "The goroutine ends in a system call: Go returns to C."
    19 GoStop Go122 Timed [dt: Delta, reason_string: String, stack: Stack] "The goroutine yields."
    20 GoBlock Go122 Timed [dt: Delta, reason_string: String, stack: Stack] "The goroutine blocks."
    21 GoUnblock Go122 Timed [dt: Delta, g: Value, g_seq: Value, stack: Stack] "A goroutine is made runnable."
    22 GoSyscallBegin Go122 Timed [dt: Delta, p_seq: Value, stack: Stack] "The goroutine enters a system call."
    23 GoSyscallEnd Go122 Timed [dt: Delta] "It returns with the P it had."
    24 GoSyscallEndBlocked Go122 Timed [dt: Delta] "It returns, and its P is gone."
    25 GoStatus Go122 Timed [dt: Delta, g: Value, m: Value, gstatus: Value] "What a goroutine does as the generation begins."
    26 STWBegin Go122 Timed [dt: Delta, kind_string: String, stack: Stack] "The goroutine begins to stop the world."
    27 STWEnd Go122 Timed [dt: Delta] "The world goes on."
    28 GCActive Go122 Timed [dt: Delta, gc_seq: Value] "The GC was marking as the generation began."
    29 GCBegin Go122 Timed [dt: Delta, gc_seq: Value, stack: Stack] "The GC begins to mark."
    30 GCEnd Go122 Timed [dt: Delta, gc_seq: Value] "The GC has marked."
    31 GCSweepActive Go122 Timed [dt: Delta, p: Value] "A P was sweeping as the generation began."
    32 GCSweepBegin Go122 Timed [dt: Delta, stack: Stack] "The P begins to sweep."
    33 GCSweepEnd Go122 Timed [dt: Delta, swept_value: Value, reclaimed_value: Value] "The P has swept."
    34 GCMarkAssistActive Go122 Timed [dt: Delta, g: Value] "A goroutine was assisting as the generation began."
    35 GCMarkAssistBegin Go122 Timed [dt: Delta, stack: Stack] "The goroutine begins to help the GC mark."
    36 GCMarkAssistEnd Go122 Timed [dt: Delta] "It has helped enough."
    37 HeapAlloc Go122 Timed [dt: Delta, heapalloc_value: Value] "Bytes of objects on the heap."
    38 HeapGoal Go122 Timed [dt: Delta, heapgoal_value: Value] "Bytes at which the cycle is to end."
    39 GoLabel Go122 Timed [dt: Delta, label_string: String] "A label for the goroutine."
    40 UserTaskBegin Go122 Timed [dt: Delta, task: Value, parent_task: Value, name_string: String, stack: Stack] "A task begins."
    41 UserTaskEnd Go122 Timed [dt: Delta, task: Value, stack: Stack] "A task ends."
    42 UserRegionBegin Go122 Timed [dt: Delta, task: Value, name_string: String, stack: Stack] "A region begins."
    43 UserRegionEnd Go122 Timed [dt: Delta, task: Value, name_string: String, stack: Stack] "A region ends."
    44 UserLog Go122 Timed [dt: Delta, task: Value, key_string: String, value_string: String, stack: Stack] "A log message."
    45 GoSwitch Go123 Timed [dt: Delta, g: Value, g_seq: Value] "The goroutine blocks and another runs: coroutines."
    46 GoSwitchDestroy Go123 Timed [dt: Delta, g: Value, g_seq: Value] "The goroutine ends and another runs: coroutines."
    47 GoCreateBlocked Go123 Timed [dt: Delta, new_g: Value, new_stack: Stack, stack: Stack] "A goroutine is created, blocked: coroutines."
    48 GoStatusStack Go123 Timed [dt: Delta, g: Value, m: Value, gstatus: Value, stack: Stack] "What a goroutine does as the generation begins, and where."
    49 ExperimentalBatch Go123 Data [exp: Value, gen: Value, m: Value, time: Value] "A batch of an experiment."
    50 Sync Go125 Structural [] "Start of a batch with the clock."
    51 ClockSnapshot Go125 Timed [dt: Delta, mono: Value, sec: Value, nsec: Value] "What the clocks show."
    52 EndOfGeneration Go126 Structural [] "The end of a generation."
    128 Span Go123 AllocFree [dt: Delta, id: Value, npages_value: Value, kindclass: Value] "A heap span exists."
    129 SpanAlloc Go123 AllocFree [dt: Delta, id: Value, npages_value: Value, kindclass: Value] "A heap span is allocated."
    130 SpanFree Go123 AllocFree [dt: Delta, id: Value] "A heap span is freed."
    131 HeapObject Go123 AllocFree [dt: Delta, id: Value, type: Value] "An object exists."
    132 HeapObjectAlloc Go123 AllocFree [dt: Delta, id: Value, type: Value] "An object is allocated."
    133 HeapObjectFree Go123 AllocFree [dt: Delta, id: Value] "An object is freed."
    134 GoroutineStack Go123 AllocFree [dt: Delta, id: Value, order: Value] "A stack exists."
    135 GoroutineStackAlloc Go123 AllocFree [dt: Delta, id: Value, order: Value] "A stack is allocated."
    136 GoroutineStackFree Go123 AllocFree [dt: Delta, id: Value] "A stack is freed."
}

impl EventType {
    /// The event's type on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The event's name.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The event of a name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        EventType::ALL.iter().copied().find(|event| event.name() == name)
    }
}

/// The events that may stand in an M's batch of a version, by type.
pub(super) type Alphabet = [Option<EventType>; 256];

/// The alphabet of a version.
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
        // The clock's snapshot has a time, but stands in the batch with the frequency.
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
    fn types_and_names_are_unique_and_found_again() {
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
