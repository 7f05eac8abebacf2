//! Names and IDs that the format does not contain.

use super::goroutine::NO_GO;
use super::spec::EventType;
use crate::id::NONE;
use crate::wire::header::Version;

/// Ps that represent the origin of events that happen on no P (`parser.go`).
pub(super) mod fake_proc {
    /// A timer makes a goroutine runnable.
    pub const TIMER: u64 = 1_000_001;
    /// The network poller makes a goroutine runnable.
    pub const NETPOLL: u64 = 1_000_002;
    /// A system call ends.
    pub const SYSCALL: u64 = 1_000_003;
    /// A GC cycle starts.
    pub const GC: u64 = 1_000_004;
}

/// The reasons of a stop-the-world, by number in Go 1.21 (`STWReason`). Older versions have only the first two reasons,
/// numbered from 0.
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

/// Returns the reason for which a goroutine leaves its P (`goEvents` in Go's converter).
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

/// Returns the thread, or 0 for a P that never started, which happens only in broken traces. Go's reader also reports 0
/// instead of no thread.
#[inline(always)]
pub(super) fn or_zero(thread: u64) -> u64 {
    if thread == NONE { 0 } else { thread }
}

/// Returns the ID of a goroutine in a record.
#[inline(always)]
pub(super) fn or_none(go: u64) -> u64 {
    if go == NO_GO { NONE } else { go }
}
