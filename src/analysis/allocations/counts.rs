//! Counts of objects and of pages.

use std::iter::Sum;
use std::ops::AddAssign;

use crate::time::Time;

/// Objects, and the bytes that their slots take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectCount {
    /// The bytes that their slots take.
    pub bytes: u64,
    /// How many objects. Of tiny objects that share a slot the first one counts.
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

/// How many objects there were, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ObjectTotals {
    /// What existed when the trace started.
    pub existing: ObjectCount,
    /// What was allocated in the trace.
    pub allocated: ObjectCount,
    /// What was freed of both.
    pub freed: ObjectCount,
    /// What is left when the trace ends.
    pub live: ObjectCount,
    /// What of that was allocated in the trace and has outlived
    /// [`AllocationOptions::cycles`](super::AllocationOptions::cycles) collections.
    pub kept: ObjectCount,
    /// When the first object was allocated in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "first_ns"))]
    pub first: Option<Time>,
    /// When the last object was allocated in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "last_ns"))]
    pub last: Option<Time>,
    /// When the oldest object was allocated that is left and was allocated in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "oldest_ns"))]
    pub oldest: Option<Time>,
}

impl ObjectTotals {
    /// By which the largest comes first.
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

/// Spans and their pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PageCount {
    /// How many spans.
    pub spans: u64,
    /// How many pages they have.
    pub pages: u64,
}

impl PageCount {
    pub(super) fn add(&mut self, pages: u64) {
        self.spans += 1;
        self.pages = self.pages.saturating_add(pages);
    }
}
