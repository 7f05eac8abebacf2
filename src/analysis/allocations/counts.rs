//! Counts of objects, and of spans and pages.

use std::iter::Sum;
use std::ops::AddAssign;

use crate::time::Time;

/// A number of objects, and the bytes that their slots take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectCount {
    /// The total size of the slots of the objects, in bytes.
    pub bytes: u64,
    /// The number of objects. Of several tiny objects that share a slot, only the first one counts.
    pub objects: u64,
}

impl ObjectCount {
    pub(super) fn add(&mut self, size: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(size);
    }
}

impl AddAssign for ObjectCount {
    fn add_assign(&mut self, other: ObjectCount) {
        self.objects += other.objects;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Counts of objects by what happened to them, and the times of allocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectTotals {
    /// The objects that existed when the trace started.
    pub existing: ObjectCount,
    /// The objects that were allocated in the trace.
    pub allocated: ObjectCount,
    /// The objects that were freed, whether they existed when the trace started or were allocated
    /// in the trace.
    pub freed: ObjectCount,
    /// The objects that are live when the trace ends.
    pub live: ObjectCount,
    /// The live objects that were allocated in the trace and have outlived
    /// [`AllocationOptions::cycles`](super::AllocationOptions::cycles) collections.
    pub kept: ObjectCount,
    /// When the first object was allocated in the trace. `None` if no object was.
    #[cfg_attr(feature = "serde", serde(rename = "first_ns"))]
    pub first: Option<Time>,
    /// When the last object was allocated in the trace. `None` if no object was.
    #[cfg_attr(feature = "serde", serde(rename = "last_ns"))]
    pub last: Option<Time>,
    /// When the oldest live object was allocated, among those allocated in the trace. `None` if
    /// there is none.
    #[cfg_attr(feature = "serde", serde(rename = "oldest_ns"))]
    pub oldest: Option<Time>,
}

impl ObjectTotals {
    /// Returns the sort key by which the largest totals come first.
    pub(super) fn size(&self) -> (ObjectCount, ObjectCount, ObjectCount) {
        (self.kept, self.live, self.allocated)
    }

    pub(super) fn allocate(&mut self, time: Time, size: u64) {
        self.allocated.add(size);
        self.first.get_or_insert(time);
        self.last = Some(time);
    }
}

impl AddAssign for ObjectTotals {
    fn add_assign(&mut self, other: ObjectTotals) {
        self.existing += other.existing;
        self.allocated += other.allocated;
        self.freed += other.freed;
        self.live += other.live;
        self.kept += other.kept;
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.oldest = earlier(self.oldest, other.oldest);
    }
}

impl Sum for ObjectTotals {
    fn sum<I: Iterator<Item = ObjectTotals>>(parts: I) -> Self {
        parts.fold(ObjectTotals::default(), |mut sum, part| {
            sum += part;
            sum
        })
    }
}

pub(super) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    a.into_iter().chain(b).min()
}

/// A number of spans, and the pages that they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PageCount {
    /// The number of spans.
    pub spans: u64,
    /// The number of pages in these spans.
    pub pages: u64,
}

impl PageCount {
    pub(super) fn add(&mut self, pages: u64) {
        self.spans += 1;
        self.pages = self.pages.saturating_add(pages);
    }
}
