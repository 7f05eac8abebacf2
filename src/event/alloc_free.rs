//! Events of the `AllocFree` experiment: every allocation and every free. Go 1.23 and later write
//! them with `GODEBUG=traceallocfree=1`.
//!
//! The definitions are from Go `src/runtime/traceallocfree.go`. IDs are addresses, counted in
//! the units of [`AllocFreeInfo`].

use super::text::Text;
use crate::wire::varint;

/// An event of the `AllocFree` experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocFree {
    /// A heap span that existed when the trace started.
    Span(HeapSpan),
    /// A heap span is allocated.
    SpanAlloc(HeapSpan),
    /// A heap span is freed.
    SpanFree {
        /// The ID of the span. See [`HeapSpan::id`].
        id: u64,
    },
    /// A heap object that existed when the trace started.
    HeapObject(HeapObject),
    /// A heap object is allocated.
    HeapObjectAlloc(HeapObject),
    /// A heap object is freed.
    HeapObjectFree {
        /// The ID of the object. See [`HeapObject::id`].
        id: u64,
    },
    /// A goroutine stack that existed when the trace started.
    GoroutineStack(GoroutineStack),
    /// A goroutine stack is allocated.
    GoroutineStackAlloc(GoroutineStack),
    /// A goroutine stack is freed.
    GoroutineStackFree {
        /// The ID of the stack. See [`GoroutineStack::id`].
        id: u64,
    },
}

/// A span of heap pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapSpan {
    /// The address of the span, in pages from the lowest heap address. See
    /// [`AllocFreeInfo::span_address`].
    pub id: u64,
    /// The length in pages.
    pub pages: u64,
    /// The kind and the span class as the runtime packs them. Bit 0 is set if the span does not
    /// contain objects but, for example, stacks. Bit 1 is set if its objects contain no pointers.
    /// The other bits are the size class.
    pub kind_and_class: u64,
}

impl HeapSpan {
    /// Returns the runtime's size class of the objects in the span. 0 means a single large object. `None` if the span
    /// contains no objects or the class is out of range.
    pub fn size_class(&self) -> Option<u8> {
        let class = u8::try_from(self.kind_and_class >> 2).ok();
        class.filter(|_| self.kind_and_class & 1 == 0)
    }

    /// Returns whether the objects in the span contain no pointers. `None` if the span contains no objects.
    pub fn no_scan(&self) -> Option<bool> {
        (self.kind_and_class & 1 == 0).then_some(self.kind_and_class & 2 != 0)
    }
}

/// An object on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapObject {
    /// The address of the object, in units of the smallest alignment, from the lowest heap address.
    /// See [`AllocFreeInfo::object_address`].
    pub id: u64,
    /// The ID of its type, see [`AllocFreeType::id`]. 0 if the runtime did not know the type.
    pub type_id: u64,
}

/// The stack of a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoroutineStack {
    /// The address of the stack, in units of the smallest stack, from the lowest heap address. See
    /// [`AllocFreeInfo::stack_address`].
    pub id: u64,
    /// The number of bits of its size in bytes. See [`size`](Self::size).
    pub order: u64,
}

impl GoroutineStack {
    /// Returns the size in bytes. `None` if `order` is out of range.
    pub fn size(&self) -> Option<u64> {
        let shift = u32::try_from(self.order).ok()?.checked_sub(1)?;
        1u64.checked_shl(shift)
    }
}

/// The kinds of event, in the order of their codes in the trace.
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

    /// Returns the name of the event in the trace format, and the names and values of its arguments.
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

/// The units of the experiment's IDs, in bytes. The first generation of a trace contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocFreeInfo {
    /// The lowest address of the heap. IDs are relative to it.
    pub min_heap_address: u64,
    /// The page size: the unit of span IDs.
    pub page_size: u64,
    /// The smallest alignment of objects: the unit of object IDs.
    pub min_heap_align: u64,
    /// The size of the smallest stack: the unit of stack IDs.
    pub min_stack: u64,
}

/// The number of the experiment in a batch (`tracev2.AllocFree` in Go).
pub(crate) const EXPERIMENT: u8 = 1;
/// The first byte of a batch of the experiment is its kind: types or units
/// (`traceAllocFreeTypesBatch` and `traceAllocFreeInfoBatch` in Go's package `runtime`).
const TYPES_BATCH: u8 = 0;
const INFO_BATCH: u8 = 1;

impl AllocFreeInfo {
    /// Parses the batch with the units (`traceSnapshotMemory` in Go). `None` for other or invalid
    /// batches.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let (&INFO_BATCH, data) = data.split_first()? else { return None };
        let mut pos = 0;
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

    /// Returns the address of the object with this ID.
    pub fn object_address(&self, id: u64) -> u64 {
        self.min_heap_address.wrapping_add(id.wrapping_mul(self.min_heap_align))
    }

    /// Returns the address of the span with this ID.
    pub fn span_address(&self, id: u64) -> u64 {
        self.min_heap_address.wrapping_add(id.wrapping_mul(self.page_size))
    }

    /// Returns the address of the goroutine stack with this ID.
    pub fn stack_address(&self, id: u64) -> u64 {
        self.min_heap_address.wrapping_add(id.wrapping_mul(self.min_stack))
    }
}

/// A type of the traced program, from a batch of the `AllocFree` experiment.
#[derive(Clone, Copy, Debug)]
pub struct AllocFreeType<'a> {
    /// The ID of the type, which [`HeapObject::type_id`] refers to. Valid only within the
    /// generation.
    pub id: u64,
    /// The address of the type's descriptor in the program. It is the same in all generations.
    pub address: u64,
    /// The size of a value in bytes. The allocated object may be larger: for a slice, this is the type of its elements.
    pub size: u64,
    /// The length in bytes of the part of a value that can contain pointers.
    pub pointer_bytes: u64,
    /// The name, such as `main.visitor`. It is qualified with the name of the package, not with its
    /// import path.
    pub name: Text<'a>,
}

/// Iterates over the types in a batch. See
/// [`Sync::alloc_free_types`](crate::Sync::alloc_free_types).
#[derive(Clone, Debug)]
pub(super) struct Types<'a> {
    rest: &'a [u8],
}

impl<'a> Types<'a> {
    /// Returns the types in a batch of the experiment. Empty if the batch is not of that kind.
    pub fn new(data: &'a [u8]) -> Self {
        Types { rest: data.strip_prefix(&[TYPES_BATCH]).unwrap_or(&[]) }
    }

    fn read(&mut self) -> Option<AllocFreeType<'a>> {
        let mut pos = 0;
        let mut next = || varint::read(self.rest, &mut pos).ok();
        let (id, address, size, pointer_bytes) = (next()?, next()?, next()?, next()?);
        let len = usize::try_from(next()?).ok()?;
        let (name, rest) = self.rest[pos..].split_at_checked(len)?;
        self.rest = rest;
        Some(AllocFreeType { id, address, size, pointer_bytes, name: Text(name) })
    }
}

impl<'a> Iterator for Types<'a> {
    type Item = AllocFreeType<'a>;

    /// Returns `None` at the end and at the first invalid entry.
    fn next(&mut self) -> Option<AllocFreeType<'a>> {
        let read = self.read();
        if read.is_none() {
            self.rest = &[];
        }
        read
    }
}

/// The object sizes of the runtime's size classes in bytes. Class 0 means a large object, which is alone in its span
/// (Go `src/internal/runtime/gc/sizeclasses.go`, unchanged from Go 1.23 to 1.27).
const CLASS_SIZES: [u16; 68] = [
    0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448,
    480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096,
    4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072,
    20480, 21760, 24576, 27264, 28672, 32768,
];

impl HeapSpan {
    /// Returns the size of each object in the span in bytes. `None` if the span contains no objects or its class is out
    /// of range. `page_size` is [`AllocFreeInfo::page_size`].
    pub fn object_size(&self, page_size: u64) -> Option<u64> {
        match self.size_class()? {
            0 => self.pages.checked_mul(page_size),
            class => CLASS_SIZES.get(usize::from(class)).map(|&size| size.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_batch_yields_the_units() {
        let mut data = vec![INFO_BATCH];
        for unit in [0xc0_0000_0000, 8192, 8, 2048] {
            varint::write(&mut data, unit);
        }
        let info =
            AllocFreeInfo { min_heap_address: 0xc0_0000_0000, page_size: 8192, min_heap_align: 8, min_stack: 2048 };
        assert_eq!(AllocFreeInfo::read(&data), Some(info));
        assert_eq!(AllocFreeInfo::read(&data[..4]), None);
        assert_eq!(AllocFreeInfo::read(&data[1..]), None, "without the byte for the kind of batch");
        assert_eq!(AllocFreeInfo::read(&[]), None);
        assert_eq!(info.object_address(2), 0xc0_0000_0010);
        assert_eq!(info.span_address(1), 0xc0_0000_2000);
        assert_eq!(info.stack_address(1), 0xc0_0000_0800);
    }

    #[test]
    fn the_size_class_and_no_scan_bit_of_a_span_are_unpacked() {
        // The runtime's spanClass is the size class, shifted by one, and the no-scan bit. The trace shifts the result
        // by one again.
        let span = |kind_and_class| HeapSpan { id: 0, pages: 1, kind_and_class };
        assert_eq!((span(0b1_0110).size_class(), span(0b1_0110).no_scan()), (Some(5), Some(true)));
        assert_eq!((span(1).size_class(), span(1).no_scan()), (None, None));
    }

    /// The start of a batch that Go 1.27.3 wrote, followed by an incomplete type.
    #[test]
    fn types_are_read_until_the_first_incomplete_type() {
        let batch = b"\x00\x01\x88\x99\xdf\x02 \x18\ncpu.option\x03\xc0\xb5\xe0\x02\xb0|\xf8j\truntime.p\x08\x80";
        let types: Vec<_> = Types::new(batch)
            .map(|it| (it.id, it.address, it.size, it.pointer_bytes, it.name.to_str().expect("ASCII")))
            .collect();
        assert_eq!(types, [(1, 0x57_cc88, 32, 24, "cpu.option"), (3, 0x58_1ac0, 15920, 13688, "runtime.p")]);
        assert_eq!(Types::new(&[INFO_BATCH, 1, 1, 1, 1, 0]).count(), 0);
        assert_eq!(Types::new(&[TYPES_BATCH, 1, 1, 1, 1, 5, b'x']).count(), 0, "a name longer than the batch");
        assert_eq!(Types::new(&[]).count(), 0);
    }

    #[test]
    fn a_size_class_determines_the_object_size() {
        let size = |kind_and_class, pages| HeapSpan { id: 0, pages, kind_and_class }.object_size(8192);
        assert_eq!((size(5 << 2, 1), size(67 << 2 | 2, 4)), (Some(48), Some(32768)));
        assert_eq!((size(0, 3), size(1, 3), size(68 << 2, 3)), (Some(24576), None, None));
        assert_eq!(size(0, u64::MAX), None);
        assert!(CLASS_SIZES.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_stack_order_is_the_bit_length_of_its_size() {
        let stack = |order| GoroutineStack { id: 0, order };
        assert_eq!(stack(12).size(), Some(2048));
        assert_eq!((stack(0).size(), stack(65).size()), (None, None));
    }
}
