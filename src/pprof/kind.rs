//! Which of Go's profiles it is.

use std::fmt;

use super::profile::Profile;

/// Which of Go's profiles it is, as far as its sample types tell. See Go src/runtime/pprof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProfileKind {
    /// Memory in use and allocated since the program began, to be looked at for what is in use.
    Heap,
    /// The same, to be looked at for what has been allocated.
    Allocs,
    /// Where goroutines were.
    Goroutine,
    /// Where goroutines were that nothing can wake (Go 1.26 and later).
    GoroutineLeak,
    /// Where threads were created.
    ThreadCreate,
    /// A block or a mutex profile: how often and how long goroutines waited, or kept others waiting. The format has no
    /// difference.
    Contention,
    /// Where processor time went.
    Cpu,
    /// One that the program made of its own, or another writer's.
    Other,
}

impl ProfileKind {
    /// The name under which Go knows it, such as `heap`; `block or mutex` for contention.
    pub fn name(self) -> &'static str {
        match self {
            ProfileKind::Heap => "heap",
            ProfileKind::Allocs => "allocs",
            ProfileKind::Goroutine => "goroutine",
            ProfileKind::GoroutineLeak => "goroutineleak",
            ProfileKind::ThreadCreate => "threadcreate",
            ProfileKind::Contention => "block or mutex",
            ProfileKind::Cpu => "cpu",
            ProfileKind::Other => "other",
        }
    }
}

impl fmt::Display for ProfileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Profile<'_> {
    /// Which of Go's profiles it is.
    pub fn kind(&self) -> ProfileKind {
        let is = |index: usize, kind: &str, unit: &str| {
            self.sample_types().get(index).is_some_and(|value_type| {
                value_type.kind.as_bytes() == kind.as_bytes() && value_type.unit.as_bytes() == unit.as_bytes()
            })
        };
        match self.sample_types().len() {
            4 if is(1, "alloc_space", "bytes") && is(3, "inuse_space", "bytes") => {
                match self.default_sample_type_name().as_bytes() {
                    b"alloc_space" => ProfileKind::Allocs,
                    _ => ProfileKind::Heap,
                }
            }
            2 if is(0, "contentions", "count") && is(1, "delay", "nanoseconds") => ProfileKind::Contention,
            2 if is(0, "samples", "count") && is(1, "cpu", "nanoseconds") => ProfileKind::Cpu,
            1 if is(0, "goroutine", "count") => ProfileKind::Goroutine,
            1 if is(0, "goroutineleak", "count") => ProfileKind::GoroutineLeak,
            1 if is(0, "threadcreate", "count") => ProfileKind::ThreadCreate,
            _ => ProfileKind::Other,
        }
    }
}
