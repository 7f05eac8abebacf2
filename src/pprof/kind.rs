//! Which of Go's profiles a profile is.

use std::fmt;

use super::profile::Profile;

/// Which of Go's profiles a profile is, judging by its sample types. See Go src/runtime/pprof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PprofKind {
    /// Memory in use, and allocated since the program started. By default the memory in use is shown.
    Heap,
    /// The same, but by default the allocated memory is shown.
    Allocs,
    /// Where goroutines were.
    Goroutine,
    /// Where goroutines were blocked that nothing can wake (Go 1.26 and later).
    GoroutineLeak,
    /// Where threads were created.
    ThreadCreate,
    /// A block or a mutex profile: how often and how long goroutines waited, or kept others waiting. The format does not
    /// distinguish them.
    Contention,
    /// Where processor time went.
    Cpu,
    /// A profile defined by the program, or by another writer.
    Other,
}

impl PprofKind {
    /// Go's name for it, such as `heap`; `block or mutex` for contention.
    pub fn name(self) -> &'static str {
        match self {
            PprofKind::Heap => "heap",
            PprofKind::Allocs => "allocs",
            PprofKind::Goroutine => "goroutine",
            PprofKind::GoroutineLeak => "goroutineleak",
            PprofKind::ThreadCreate => "threadcreate",
            PprofKind::Contention => "block or mutex",
            PprofKind::Cpu => "cpu",
            PprofKind::Other => "other",
        }
    }
}

impl fmt::Display for PprofKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Profile<'_> {
    /// Which of Go's profiles it is.
    pub fn kind(&self) -> PprofKind {
        let is = |index: usize, kind: &str, unit: &str| {
            self.sample_types().nth(index).is_some_and(|value_type| {
                value_type.kind.as_bytes() == kind.as_bytes() && value_type.unit.as_bytes() == unit.as_bytes()
            })
        };
        match self.sample_type_count() {
            4 if is(1, "alloc_space", "bytes") && is(3, "inuse_space", "bytes") => {
                match self.default_sample_type_name().as_bytes() {
                    b"alloc_space" => PprofKind::Allocs,
                    _ => PprofKind::Heap,
                }
            }
            2 if is(0, "contentions", "count") && is(1, "delay", "nanoseconds") => PprofKind::Contention,
            2 if is(0, "samples", "count") && is(1, "cpu", "nanoseconds") => PprofKind::Cpu,
            1 if is(0, "goroutine", "count") => PprofKind::Goroutine,
            1 if is(0, "goroutineleak", "count") => PprofKind::GoroutineLeak,
            1 if is(0, "threadcreate", "count") => PprofKind::ThreadCreate,
            _ => PprofKind::Other,
        }
    }
}

/// As its name.
#[cfg(feature = "serde")]
impl serde::Serialize for PprofKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
