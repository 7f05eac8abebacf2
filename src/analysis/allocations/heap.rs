//! A model of the heap: the spans, and the objects in their slots.

use std::collections::BTreeMap;

use crate::event::{AllocFreeInfo, HeapSpan};

/// The class of spans for tiny objects, packed as in the trace. Several tiny objects share a slot
/// (Go `src/runtime/mcache.go`, `tinySpanClass`).
const TINY: u64 = (2 << 1 | 1) << 1;

/// The units to use if a trace does not have them. These are the units of 64-bit platforms.
const USUAL: AllocFreeInfo =
    AllocFreeInfo { min_heap_address: 0xc0_0000_0000, page_size: 8192, min_heap_align: 8, min_stack: 2048 };

/// The size in bytes of the type pointer in front of an object of more than 512 bytes (Go
/// `src/internal/runtime/gc/malloc.go`, `MallocHeaderSize`).
const MALLOC_HEADER: u64 = 8;

/// The slot of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The ID of an object at the start of the slot.
    pub id: u64,
    /// The size of the slot in bytes. `None` if the span is not known.
    pub size: Option<u64>,
    /// The kind and class of the span. See [`HeapSpan`]. `None` if the span is not known.
    pub kind_and_class: Option<u64>,
}

impl Slot {
    /// Returns whether several objects can share the slot.
    pub fn is_shared(&self) -> bool {
        self.kind_and_class == Some(TINY)
    }
}

/// An object that is alive, as far as the trace shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// The number of the row that counts the object.
    pub row: u32,
    /// The number of collections that had begun when the object was allocated.
    pub cycle: u32,
    /// When the object was allocated. `None` if it was allocated before the trace.
    pub born: Option<i64>,
    /// The size of the object's slot in bytes.
    pub size: u64,
}

/// The spans and the live objects by ID.
///
/// An object is identified by its slot, not by its ID. If an object follows a malloc header or
/// shares a slot, its ID is an address within the slot, but the event that frees the object has the
/// address of the slot.
#[derive(Debug)]
pub(super) struct Heap {
    units: AllocFreeInfo,
    /// The spans by the number of their first page.
    spans: BTreeMap<u64, HeapSpan>,
    objects: BTreeMap<u64, Object>,
    /// The span that contains the object of the last lookup.
    last: Option<HeapSpan>,
}

impl Default for Heap {
    fn default() -> Self {
        Heap { units: USUAL, spans: BTreeMap::new(), objects: BTreeMap::new(), last: None }
    }
}

fn covers(span: &HeapSpan, page: u64) -> bool {
    page.checked_sub(span.id).is_some_and(|after| after < span.pages)
}

impl Heap {
    pub fn set_units(&mut self, units: AllocFreeInfo) {
        self.units = units;
    }

    /// Forgets all spans and objects. Used after a gap.
    pub fn forget(&mut self) {
        *self = Heap { units: self.units, ..Heap::default() };
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns all live objects.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    pub fn span(&mut self, span: HeapSpan) -> Option<HeapSpan> {
        self.last = None;
        self.spans.insert(span.id, span)
    }

    /// Removes a span, and calls `show` with each object that was still in the span.
    pub fn free_span(&mut self, id: u64, mut show: impl FnMut(Object)) -> Option<HeapSpan> {
        self.last = None;
        let span = self.spans.remove(&id)?;
        let bytes = self.units.page_size.saturating_mul(span.pages);
        let first = self.units.page_size.wrapping_mul(span.id) / self.units.min_heap_align;
        let end = first.saturating_add(bytes / self.units.min_heap_align);
        if first < end {
            while let Some((&id, _)) = self.objects.range(first..end).next() {
                self.objects.remove(&id).into_iter().for_each(&mut show);
            }
        }
        Some(span)
    }

    /// Returns the slot of the object with this ID.
    pub fn slot(&mut self, id: u64) -> Slot {
        let AllocFreeInfo { page_size, min_heap_align, .. } = self.units;
        let offset = id.wrapping_mul(min_heap_align);
        let page = offset / page_size;
        let unknown = Slot { id, size: None, kind_and_class: None };
        if !self.last.is_some_and(|last| covers(&last, page)) {
            self.last = self.spans.range(..=page).next_back().map(|(_, span)| *span).filter(|span| covers(span, page));
        }
        let Some(span) = self.last else { return unknown };
        let Some(size) = span.object_size(page_size) else { return unknown };
        let begin = span.id.wrapping_mul(page_size);
        // A span has at least one page, and its objects have a size above 0.
        let within = (offset - begin) / size.max(1) * size;
        let id = (begin + within) / min_heap_align;
        Slot { id, size: Some(size), kind_and_class: Some(span.kind_and_class) }
    }

    pub fn get(&self, slot: Slot) -> Option<Object> {
        self.objects.get(&slot.id).copied()
    }

    /// Puts an object into a slot, and returns the previous object in the slot.
    pub fn insert(&mut self, slot: Slot, object: Object) -> Option<Object> {
        self.objects.insert(slot.id, object)
    }

    /// Removes and returns the object with this ID.
    pub fn free(&mut self, id: u64) -> Option<Object> {
        let slot = self.slot(id);
        let found = self.objects.remove(&slot.id);
        // If the span is not known, the object may have been recorded with the address after its
        // header.
        let header = MALLOC_HEADER / self.units.min_heap_align;
        found.or_else(|| slot.size.is_none().then(|| self.objects.remove(&(id.wrapping_add(header)))).flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(row: u32) -> Object {
        Object { row, cycle: 0, born: None, size: 8 }
    }

    #[test]
    fn any_address_in_a_slot_finds_the_slot() {
        let mut heap = Heap::default();
        // A page of 48-byte objects, followed by one object of three pages.
        heap.span(HeapSpan { id: 10, pages: 1, kind_and_class: 5 << 2 });
        heap.span(HeapSpan { id: 11, pages: 3, kind_and_class: 0 });
        let first = 10 * 1024;
        let ids = [first, first + 5, first + 6, first + 7, 11 * 1024 + 2000].map(|id| heap.slot(id).id);
        assert_eq!(ids, [first, first, first + 6, first + 6, 11 * 1024]);
        assert_eq!(heap.slot(11 * 1024).size, Some(3 * 8192));
        let beside = heap.slot(14 * 1024 + 3);
        assert_eq!((beside.id, beside.size), (14 * 1024 + 3, None));
    }

    #[test]
    fn freeing_a_span_removes_its_objects() {
        let mut heap = Heap::default();
        heap.span(HeapSpan { id: 10, pages: 1, kind_and_class: 5 << 2 });
        for id in [10 * 1024, 10 * 1024 + 6, 11 * 1024] {
            let slot = heap.slot(id);
            heap.insert(slot, object(id as u32));
        }
        let mut gone = Vec::new();
        assert!(heap.free_span(10, |object| gone.push(object.row)).is_some());
        assert_eq!(gone, [10 * 1024, 10 * 1024 + 6]);
        assert_eq!(heap.len(), 1);
        assert!(heap.free_span(10, |_| panic!("it is gone")).is_none());
    }

    #[test]
    fn object_after_a_header_is_freed_without_a_known_span() {
        let mut heap = Heap::default();
        let slot = heap.slot(1001);
        heap.insert(slot, object(1));
        assert!(heap.free(999).is_none());
        assert_eq!(heap.free(1000).map(|object| object.row), Some(1));
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        let mut heap = Heap::default();
        heap.set_units(AllocFreeInfo { min_heap_address: 0, page_size: 1, min_heap_align: 1 << 63, min_stack: 1 });
        heap.span(HeapSpan { id: u64::MAX, pages: u64::MAX, kind_and_class: 0 });
        heap.span(HeapSpan { id: 0, pages: u64::MAX, kind_and_class: 1 << 2 });
        for id in [0, 1, u64::MAX] {
            let slot = heap.slot(id);
            heap.insert(slot, object(0));
            heap.free(id);
        }
        heap.free_span(u64::MAX, |_| {});
        heap.free_span(0, |_| {});
    }
}
