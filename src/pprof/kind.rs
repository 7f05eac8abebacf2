//! Recognises the kind of a profile.

use std::fmt;

use super::profile::Profile;

/// The kind of a profile, determined by its sample types. The kinds are the same as in Go `src/runtime/pprof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PprofKind {
    /// Memory in use, and memory allocated since the start of the program. Shows memory in use by
    /// default.
    Heap,
    /// The same profile as [`Heap`](PprofKind::Heap), but shows allocated memory by default.
    Allocs,
    /// The stacks of all goroutines.
    Goroutine,
    /// The stacks of goroutines that are blocked forever (Go 1.26 and later).
    GoroutineLeak,
    /// The stacks that created threads.
    ThreadCreate,
    /// A block or mutex profile: how often and how long goroutines waited or made others wait. Block and mutex profiles
    /// have the same sample types.
    Contention,
    /// CPU time.
    Cpu,
    /// A profile defined by the program, or written by another tool.
    Other,
}

impl PprofKind {
    /// Go's name of the profile, such as `heap`. `block or mutex` for
    /// [`Contention`](PprofKind::Contention).
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
    /// Returns the kind of the profile.
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

/// Serialises as its name.
#[cfg(feature = "serde")]
impl serde::Serialize for PprofKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
