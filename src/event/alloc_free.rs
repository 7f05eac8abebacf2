//! The events of the `AllocFree` experiment, written under `GODEBUG=traceallocfree=1` since Go 1.23.
//!
//! Their meaning is that of Go's `src/runtime/traceallocfree.go`: IDs are addresses in units that
//! [`AllocFreeInfo`] gives.

use crate::wire::varint;

/// An event of the `AllocFree` experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocFree {
    /// A heap span exists as the trace begins.
    Span(HeapSpan),
    /// A heap span was allocated.
    SpanAlloc(HeapSpan),
    /// A heap span is about to be freed.
    SpanFree {
        /// The span: its address in pages from the heap's lowest.
        id: u64,
    },
    /// A heap object exists as the trace begins.
    HeapObject(HeapObject),
    /// A heap object was allocated.
    HeapObjectAlloc(HeapObject),
    /// A heap object is about to be freed.
    HeapObjectFree {
        /// The object: its address in units of the smallest alignment.
        id: u64,
    },
    /// A goroutine's stack exists as the trace begins.
    GoroutineStack(GoroutineStack),
    /// A goroutine's stack was allocated.
    GoroutineStackAlloc(GoroutineStack),
    /// A goroutine's stack is about to be freed.
    GoroutineStackFree {
        /// The stack: its address in units of the smallest stack.
        id: u64,
    },
}

/// A span of heap pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapSpan {
    /// The span: its address in pages from the heap's lowest.
    pub id: u64,
    /// Its length in pages.
    pub pages: u64,
    /// What it is used for: 1 for something other than objects (stacks, say), else the size class and whether its
    /// objects are free of pointers, packed as the runtime's `spanClass`, shifted left by one.
    pub kind_and_class: u64,
}

impl HeapSpan {
    /// The runtime's size class of the objects in the span, `None` if it holds none.
    pub fn size_class(&self) -> Option<u8> {
        (self.kind_and_class & 1 == 0).then_some((self.kind_and_class >> 2) as u8)
    }

    /// Whether the objects in the span hold no pointers; `None` if it holds no objects.
    pub fn no_scan(&self) -> Option<bool> {
        (self.kind_and_class & 1 == 0).then_some(self.kind_and_class & 2 != 0)
    }
}

/// An object on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapObject {
    /// The object: its address in units of the smallest alignment.
    pub id: u64,
    /// The ID of its type in the experiment's type batches, 0 if the runtime did not know it.
    pub type_id: u64,
}

/// The stack of a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoroutineStack {
    /// The stack: its address in units of the smallest stack.
    pub id: u64,
    /// The bit length of its size, as the runtime writes it.
    pub order: u64,
}

impl GoroutineStack {
    /// Its size in bytes; `None` for an order that no address space has.
    pub fn size(&self) -> Option<u64> {
        let shift = u32::try_from(self.order).ok()?.checked_sub(1)?;
        1u64.checked_shl(shift)
    }
}

/// The kinds of event, in the order of their wire types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Span,
    SpanAlloc,
    SpanFree,
    HeapObject,
    HeapObjectAlloc,
    HeapObjectFree,
    GoroutineStack,
    GoroutineStackAlloc,
    GoroutineStackFree,
}

impl AllocFree {
    pub(crate) fn new(kind: Kind, a: u64, b: u64, c: u64) -> Self {
        let span = HeapSpan { id: a, pages: b, kind_and_class: c };
        let object = HeapObject { id: a, type_id: b };
        let stack = GoroutineStack { id: a, order: b };
        match kind {
            Kind::Span => AllocFree::Span(span),
            Kind::SpanAlloc => AllocFree::SpanAlloc(span),
            Kind::SpanFree => AllocFree::SpanFree { id: a },
            Kind::HeapObject => AllocFree::HeapObject(object),
            Kind::HeapObjectAlloc => AllocFree::HeapObjectAlloc(object),
            Kind::HeapObjectFree => AllocFree::HeapObjectFree { id: a },
            Kind::GoroutineStack => AllocFree::GoroutineStack(stack),
            Kind::GoroutineStackAlloc => AllocFree::GoroutineStackAlloc(stack),
            Kind::GoroutineStackFree => AllocFree::GoroutineStackFree { id: a },
        }
    }

    /// The event's name on the wire, and the names and values of its arguments.
    pub(crate) fn args(&self) -> (&'static str, [Option<(&'static str, u64)>; 3]) {
        let span = |span: &HeapSpan| {
            [Some(("id", span.id)), Some(("npages_value", span.pages)), Some(("kindclass", span.kind_and_class))]
        };
        let object = |object: &HeapObject| [Some(("id", object.id)), Some(("type", object.type_id)), None];
        let stack = |stack: &GoroutineStack| [Some(("id", stack.id)), Some(("order", stack.order)), None];
        let only = |id: &u64| [Some(("id", *id)), None, None];
        match self {
            AllocFree::Span(it) => ("Span", span(it)),
            AllocFree::SpanAlloc(it) => ("SpanAlloc", span(it)),
            AllocFree::SpanFree { id } => ("SpanFree", only(id)),
            AllocFree::HeapObject(it) => ("HeapObject", object(it)),
            AllocFree::HeapObjectAlloc(it) => ("HeapObjectAlloc", object(it)),
            AllocFree::HeapObjectFree { id } => ("HeapObjectFree", only(id)),
            AllocFree::GoroutineStack(it) => ("GoroutineStack", stack(it)),
            AllocFree::GoroutineStackAlloc(it) => ("GoroutineStackAlloc", stack(it)),
            AllocFree::GoroutineStackFree { id } => ("GoroutineStackFree", only(id)),
        }
    }
}

/// The units of the experiment's IDs, in bytes: the first generation of a trace states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocFreeInfo {
    /// The lowest address of the heap, from which IDs count.
    pub min_heap_address: u64,
    /// A page: the unit of span IDs.
    pub page_size: u64,
    /// The unit of object IDs.
    pub min_heap_align: u64,
    /// The smallest stack: the unit of stack IDs.
    pub min_stack: u64,
}

/// The experiment's number in an experimental batch (Go `tracev2.AllocFree`).
pub(crate) const EXPERIMENT: u8 = 1;
/// A batch that begins with this byte holds the units (Go `runtime.traceAllocFreeInfoBatch`).
const INFO_BATCH: u8 = 1;

impl AllocFreeInfo {
    /// Reads a batch of the experiment; `None` if it is not the one that states the units.
    ///
    /// The writer puts the batch's kind in front of the units only when the batch was flushed to make room, so real
    /// batches hold the four numbers alone (`traceSnapshotMemory`). The heap's address is far too large to be taken for the kind.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let mut pos = usize::from(data.first() == Some(&INFO_BATCH));
        let mut next = || varint::read(data, &mut pos).ok();
        let info = AllocFreeInfo {
            min_heap_address: next()?,
            page_size: next()?,
            min_heap_align: next()?,
            min_stack: next()?,
        };
        let plausible = [info.page_size, info.min_heap_align, info.min_stack].iter().all(|unit| unit.is_power_of_two());
        (plausible && pos == data.len()).then_some(info)
    }

    /// The address of the object with this ID.
    pub fn object_address(&self, id: u64) -> u64 {
        self.min_heap_address.wrapping_add(id.wrapping_mul(self.min_heap_align))
    }

    /// The address of the span with this ID.
    pub fn span_address(&self, id: u64) -> u64 {
        self.min_heap_address.wrapping_add(id.wrapping_mul(self.page_size))
    }

    /// The address of the goroutine stack with this ID.
    pub fn stack_address(&self, id: u64) -> u64 {
        self.min_heap_address.wrapping_add(id.wrapping_mul(self.min_stack))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_with_and_without_the_batch_kind() {
        let mut data = Vec::new();
        for unit in [0xc0_0000_0000, 8192, 8, 2048] {
            varint::write(&mut data, unit);
        }
        let info =
            AllocFreeInfo { min_heap_address: 0xc0_0000_0000, page_size: 8192, min_heap_align: 8, min_stack: 2048 };
        assert_eq!(AllocFreeInfo::read(&data), Some(info));
        data.insert(0, INFO_BATCH);
        assert_eq!(AllocFreeInfo::read(&data), Some(info));
        assert_eq!(AllocFreeInfo::read(&data[..4]), None);
        assert_eq!(info.object_address(2), 0xc0_0000_0010);
        assert_eq!(info.span_address(1), 0xc0_0000_2000);
        assert_eq!(info.stack_address(1), 0xc0_0000_0800);
    }

    #[test]
    fn a_span_tells_its_class() {
        // spanClass is the size class shifted by one and the no-scan bit; the trace shifts it once more.
        let span = |kind_and_class| HeapSpan { id: 0, pages: 1, kind_and_class };
        assert_eq!((span(0b1_0110).size_class(), span(0b1_0110).no_scan()), (Some(5), Some(true)));
        assert_eq!((span(1).size_class(), span(1).no_scan()), (None, None));
    }

    #[test]
    fn a_stack_order_is_the_bit_length_of_its_size() {
        let stack = |order| GoroutineStack { id: 0, order };
        assert_eq!(stack(12).size(), Some(2048));
        assert_eq!((stack(0).size(), stack(65).size()), (None, None));
    }
}
