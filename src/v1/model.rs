//! How what the format leaves out or says by number is said in the typed model.

use super::goroutine::NO_GO;
use super::spec::EventType;
use crate::id::NONE;
use crate::wire::header::Version;

/// Events that happened on no P, but are shown on one that stands for where they came from (`parser.go`).
pub(super) mod fake_proc {
    /// A timer made a goroutine runnable.
    pub const TIMER: u64 = 1_000_001;
    /// The network poller did.
    pub const NETPOLL: u64 = 1_000_002;
    /// A system call is over.
    pub const SYSCALL: u64 = 1_000_003;
    /// A GC cycle begins.
    pub const GC: u64 = 1_000_004;
}

/// Why the world stops, by number: Go 1.21 writes it, older ones count only the first two, from 0 (`STWReason`).
static STOP_REASONS: [&str; 17] = [
    "",
    "GC mark termination",
    "GC sweep termination",
    "write heap dump",
    "goroutine profile",
    "goroutine profile cleanup",
    "all goroutine stack trace",
    "read mem stats",
    "AllThreadsSyscall",
    "GOMAXPROCS",
    "start trace",
    "stop trace",
    "CountPagesInUse (test)",
    "ReadMetricsSlow (test)",
    "ReadMemStatsSlow (test)",
    "PageCachePagesLeaked (test)",
    "ResetDebugLog (test)",
];

pub(super) fn stop_reason(version: Version, kind: u64) -> &'static &'static str {
    let number = match (version, kind) {
        (Version::Go121, kind) => kind,
        (_, 0 | 1) => kind + 1,
        _ => 0,
    };
    usize::try_from(number).ok().and_then(|number| STOP_REASONS.get(number)).unwrap_or(&"")
}

/// Why a goroutine leaves its P, by the event that says so (`goEvents` of the reference's converter).
pub(super) const fn reason(event: EventType) -> &'static &'static str {
    match event {
        EventType::GoBlockSend => &"chan send",
        EventType::GoBlockRecv => &"chan receive",
        EventType::GoBlockSelect => &"select",
        EventType::GoBlockSync => &"sync",
        EventType::GoBlockCond => &"sync.(*Cond).Wait",
        EventType::GoBlockNet => &"network",
        EventType::GoBlockGC => &"GC mark assist wait for work",
        EventType::GoSleep => &"sleep",
        EventType::GoSched => &"runtime.Gosched",
        EventType::GoPreempt => &"preempted",
        _ => &"",
    }
}

/// The thread of a P that never started. It runs nothing, so this is for broken traces: the reference says 0 here and
/// not "none".
#[inline(always)]
pub(super) fn or_zero(thread: u64) -> u64 {
    if thread == NONE { 0 } else { thread }
}

/// The format's "no goroutine" as the model has it.
#[inline(always)]
pub(super) fn or_none(go: u64) -> u64 {
    if go == NO_GO { NONE } else { go }
}
