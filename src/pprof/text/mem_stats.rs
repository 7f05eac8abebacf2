//! The statistics at the end of a heap profile in text form.

use std::time::Duration;

use crate::time::WallTime;

/// The memory statistics that Go writes at the end of a heap profile in text form.
///
/// These are the fields of Go's `runtime.MemStats` with the same names, whose documentation has the
/// details. Sizes are in bytes. A field is 0 if the profile does not have it.
///
/// Unlike the samples of the profile, the numbers are exact, and include memory outside of the heap.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MemStats {
    /// The heap objects that are reachable or not swept yet. The same as [`heap_alloc`](Self::heap_alloc).
    pub alloc: u64,
    /// All heap objects that were allocated since the start of the program.
    pub total_alloc: u64,
    /// The memory obtained from the operating system: the sum of all fields whose names end in `sys`.
    /// It includes memory that has been returned, [`heap_released`](Self::heap_released).
    pub sys: u64,
    /// The number of heap objects allocated since the start of the program.
    pub mallocs: u64,
    /// The number of heap objects freed since the start of the program.
    pub frees: u64,
    /// The heap objects that are reachable or not swept yet.
    pub heap_alloc: u64,
    /// The address space reserved for the heap.
    pub heap_sys: u64,
    /// Heap spans without objects.
    pub heap_idle: u64,
    /// Heap spans with at least one object.
    pub heap_inuse: u64,
    /// The part of [`heap_idle`](Self::heap_idle) that has been returned to the operating system.
    pub heap_released: u64,
    /// The number of heap objects that are reachable or not swept yet.
    pub heap_objects: u64,
    /// Spans used for stacks of goroutines.
    pub stack_inuse: u64,
    /// Memory for stacks of goroutines and of threads.
    pub stack_sys: u64,
    /// Descriptions of spans in use.
    pub mspan_inuse: u64,
    /// Memory for descriptions of spans.
    pub mspan_sys: u64,
    /// Caches of Ps (processors) in use.
    pub mcache_inuse: u64,
    /// Memory for caches of Ps.
    pub mcache_sys: u64,
    /// Tables of profiles.
    pub buck_hash_sys: u64,
    /// Memory of the garbage collector.
    pub gc_sys: u64,
    /// Other memory of the runtime.
    pub other_sys: u64,
    /// The size of the heap at which the next collection ends.
    pub next_gc: u64,
    /// When the last collection ended. `None` if there was none.
    pub last_gc: Option<WallTime>,
    /// How long the collections stopped the world, the latest first. At most 256.
    pub pauses: Vec<Duration>,
    /// The number of completed collections.
    pub num_gc: u32,
    /// The number of collections that the program asked for.
    pub num_forced_gc: u32,
    /// The share of the available CPU time since the start of the program that collections used,
    /// from 0 to 1.
    pub gc_cpu_fraction: f64,
    /// The largest resident size that the process has had. `None` if the profile does not have it, as
    /// on Windows.
    pub max_rss: Option<u64>,
}

impl MemStats {
    /// Adds a line, such as `HeapAlloc = 2955560`. Unknown lines are skipped.
    pub(super) fn add(&mut self, line: &str) {
        let Some((name, value)) = line.split_once('=') else { return };
        let value = value.trim();
        let number = || value.parse().unwrap_or(0);
        let field = match name.trim() {
            "Alloc" => &mut self.alloc,
            "TotalAlloc" => &mut self.total_alloc,
            "Sys" => &mut self.sys,
            "Mallocs" => &mut self.mallocs,
            "Frees" => &mut self.frees,
            "HeapAlloc" => &mut self.heap_alloc,
            "HeapSys" => &mut self.heap_sys,
            "HeapIdle" => &mut self.heap_idle,
            "HeapInuse" => &mut self.heap_inuse,
            "HeapReleased" => &mut self.heap_released,
            "HeapObjects" => &mut self.heap_objects,
            "BuckHashSys" => &mut self.buck_hash_sys,
            "GCSys" => &mut self.gc_sys,
            "OtherSys" => &mut self.other_sys,
            "NextGC" => &mut self.next_gc,
            "Stack" => return (self.stack_inuse, self.stack_sys) = pair(value),
            "MSpan" => return (self.mspan_inuse, self.mspan_sys) = pair(value),
            "MCache" => return (self.mcache_inuse, self.mcache_sys) = pair(value),
            "LastGC" => return self.last_gc = WallTime::from_nanos(i128::from(number())).filter(|_| number() != 0),
            // The list is written before the number of collections.
            "PauseNs" => return self.pauses = pauses(value),
            "NumGC" => return self.set_collections(value),
            "NumForcedGC" => return self.num_forced_gc = value.parse().unwrap_or(0),
            "GCCPUFraction" => {
                let fraction = value.parse().ok().filter(|fraction| (0.0..=1.0).contains(fraction));
                return self.gc_cpu_fraction = fraction.unwrap_or(0.0);
            }
            "MaxRSS" => return self.max_rss = value.parse().ok(),
            _ => return,
        };
        *field = number();
    }

    /// Sets the number of collections, and sorts the pauses, whose list is a circular buffer: the
    /// latest is at index (NumGC + 255) % 256.
    fn set_collections(&mut self, value: &str) {
        self.num_gc = value.parse().unwrap_or(0);
        let collections = self.num_gc as usize;
        if !self.pauses.is_empty() {
            let len = self.pauses.len();
            self.pauses.rotate_left(collections % len);
            self.pauses.reverse();
            self.pauses.truncate(collections);
        }
    }
}

/// Parses `IN_USE / SYS`.
fn pair(value: &str) -> (u64, u64) {
    let (in_use, sys) = value.split_once('/').unwrap_or((value, ""));
    (in_use.trim().parse().unwrap_or(0), sys.trim().parse().unwrap_or(0))
}

/// Parses `[911900 0 0]`.
fn pauses(value: &str) -> Vec<Duration> {
    /// The size of Go's list.
    const MOST: usize = 256;
    let numbers = value.trim_matches(['[', ']']).split_ascii_whitespace().take(MOST);
    numbers.map(|number| Duration::from_nanos(number.parse().unwrap_or(0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_start_with_the_latest() {
        let mut stats = MemStats::default();
        for line in ["PauseNs = [5 6 3 4]", "NumGC = 6", "Stack = 3 / 4", "MaxRSS = 7", "EnableGC = true", "x"] {
            stats.add(line);
        }
        assert_eq!(stats.pauses, [6, 5, 4, 3].map(Duration::from_nanos));
        assert_eq!((stats.num_gc, stats.stack_inuse, stats.stack_sys, stats.max_rss), (6, 3, 4, Some(7)));
        let mut stats = MemStats::default();
        stats.add("PauseNs = [5 6 0 0]");
        stats.add("NumGC = 2");
        assert_eq!(stats.pauses, [6, 5].map(Duration::from_nanos));
    }
}
