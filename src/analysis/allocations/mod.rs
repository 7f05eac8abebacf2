//! Reports which goroutines allocated which objects and when, and whether the objects were freed,
//! based on the `AllocFree` experiment.
//!
//! A program that runs with `GODEBUG=traceallocfree=1` (Go 1.23 and later) writes an event for each
//! heap object that exists when the trace starts, is allocated, or is freed. These events have a
//! time and a goroutine, but no stack. An allocation is therefore attributed to its goroutine: the
//! goroutine's ID, its start function, its last known stack, and the task for which it worked. An
//! *allocation source* is all objects of one type and size that were allocated by goroutines with
//! the same start function.

mod allocators;
mod build;
mod counts;
mod heap;
mod report;
mod source;
mod summary;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

pub use counts::{ObjectCount, ObjectTotals, PageCount};
pub use report::{
    AllocatedStack, AllocatedType, AllocatingGoroutine, AllocationBy, AllocationGroup, AllocationRow, AllocationSource,
    AllocationsReport, GoroutineStacks, PageSpans, SourceGoroutine, Survivors,
};
pub use source::SuspiciousWindow;
pub use summary::{AllocationsSummary, GoroutineAllocations, RowSummary, SourceSummary};

use self::allocators::Allocators;
use self::heap::{Heap, Object, Slot};
use self::source::SourceState;
use super::histogram::Histogram;
use super::names::Name;
use super::observer::Observer;
use super::stacks::StackKey;
use crate::event::alloc_free::Kind;
use crate::event::record::{RangeType, Record, What};
use crate::event::{AllocFreeInfo, Event, EventKind, GoroutineStack, HeapSpan, Sync};
use crate::id::NONE;
use crate::number::number;
use crate::time::Time;

/// Options that define which allocations are suspicious, and that limit memory.
///
/// By default, a window of one second is suspicious if more than 500 objects are allocated in it,
/// fewer than 10 are freed, and at least two collections start. A source is steady if at least 50
/// allocations in a row follow the previous one within less than 10 ms. With the default limit of
/// about four million live objects, the analysis needs up to 300 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllocationOptions {
    /// An object that survives this many collections counts as kept. Windows in which fewer
    /// collections start are ignored, because the runtime had little chance to free objects.
    pub cycles: u32,
    /// The length of a window.
    pub window: Duration,
    /// A window is [suspicious](SuspiciousWindow) if more objects than this are allocated in it, and
    /// fewer than `max_freed` are freed.
    pub min_allocated: u64,
    /// A window is [suspicious](SuspiciousWindow) only if fewer objects than this are freed in it.
    pub max_freed: u64,
    /// The gap between two allocations is short if less time than this passes between them.
    pub gap: Duration,
    /// A source is steady if it has at least this many short gaps in a row.
    pub run: u64,
    /// The maximum number of live objects to follow. Objects beyond the limit are counted in
    /// [`AllocationsReport::not_followed`].
    pub max_live: usize,
    /// The maximum number of rows to keep. Objects beyond the limit are counted in one row without
    /// type and goroutine.
    pub max_rows: usize,
}

impl Default for AllocationOptions {
    fn default() -> Self {
        AllocationOptions {
            cycles: 2,
            window: Duration::from_secs(1),
            min_allocated: 500,
            max_freed: 10,
            gap: Duration::from_millis(10),
            run: 50,
            max_live: 4 << 20,
            max_rows: 1 << 16,
        }
    }
}

macro_rules! setters {
    ($($name:ident: $ty:ty),+) => {
        impl AllocationOptions {$(
            #[doc = concat!("Sets [`", stringify!($name), "`](AllocationOptions::", stringify!($name), ").")]
            pub fn $name(mut self, $name: $ty) -> Self {
                self.$name = $name;
                self
            }
        )+}
    };
}

setters!(
    cycles: u32,
    window: Duration,
    min_allocated: u64,
    max_freed: u64,
    gap: Duration,
    run: u64,
    max_live: usize,
    max_rows: usize
);

/// The maximum number of span classes. The runtime has 68 size classes, each with and without
/// pointers (Go `src/runtime/sizeclasses.go`), so only a damaged trace has more.
const MAX_CLASSES: usize = 1024;

/// The class of an object whose span is not known.
const NO_CLASS: u64 = u64::MAX;

/// The key of a row. Objects with equal keys are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RowKey {
    type_and_size: TypeAndSize,
    /// The goroutine that allocated the objects. [`NONE`] for objects that existed when the trace
    /// started.
    go: u64,
    task: u64,
}

/// Objects of one type and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TypeAndSize {
    /// The index into the known types. 0 is the unknown type.
    ty: u32,
    /// The kind and class of the span, packed as in the trace, or [`NO_CLASS`].
    kind_and_class: u64,
    size: u64,
}

/// The key of the row that counts all further objects when [`AllocationOptions::max_rows`] rows
/// exist.
const OTHERS: RowKey =
    RowKey { type_and_size: TypeAndSize { ty: 0, kind_and_class: NO_CLASS, size: 0 }, go: NONE, task: NONE };

#[derive(Clone, Debug, Default)]
struct Row {
    /// The totals of the row. `live` and `kept` are set at the end.
    totals: ObjectTotals,
    /// The last known stack of the goroutine at the time of the last allocation.
    stack: StackKey,
    /// The number of the row's source. `None` for objects without a goroutine.
    source: Option<u32>,
}

/// A type of the traced program.
#[derive(Clone, Copy, Debug, Default)]
struct KnownType {
    name: Name,
    size: u64,
    pointer_bytes: u64,
}

/// The known types, by the address of their descriptor, which is the same in all generations.
#[derive(Debug)]
struct Types {
    known: IndexMap<u64, KnownType, RandomState>,
    /// The index of each type in `known`, by its number in the current generation.
    numbers: HashMap<u64, u32, RandomState>,
}

/// Analyses the events of the `AllocFree` experiment in one pass.
///
/// Memory use is proportional to the number of live objects, of goroutines that are alive or have
/// allocated, and of rows. [`AllocationOptions`] limits objects and rows.
#[derive(Debug)]
pub struct Allocations {
    options: AllocationOptions,
    heap: Heap,
    allocators: Allocators,
    types: Types,
    rows: IndexMap<RowKey, Row, RandomState>,
    /// The row of the last allocation. The next allocation often has the same key.
    last_row: Option<(RowKey, u32)>,
    sources: IndexMap<(TypeAndSize, Name), SourceState, RandomState>,
    spans: BTreeMap<u64, PageSpans>,
    /// The order of each live goroutine stack, by stack ID. An order encodes a size.
    stacks: HashMap<u64, u64, RandomState>,
    stack_sizes: BTreeMap<u64, GoroutineStacks>,
    info: Option<AllocFreeInfo>,
    events: u64,
    /// The number of collections that started marking, including one that was already marking when
    /// the trace began.
    cycles_started: u32,
    is_marking: bool,
    /// When collections started marking, in nanoseconds since the start of the trace.
    mark_starts: Vec<i64>,
    first: Option<i64>,
    last: i64,
    lifetimes: Histogram,
    // The report describes these numbers.
    shared: u64,
    replaced: u64,
    unknown_frees: u64,
    not_followed: u64,
    lost: u64,
}

impl Default for Allocations {
    fn default() -> Self {
        Allocations::new(AllocationOptions::default())
    }
}

impl Allocations {
    /// Returns an analysis with the given options.
    pub fn new(options: AllocationOptions) -> Self {
        let mut known = IndexMap::default();
        known.insert(0, KnownType::default());
        Allocations {
            options,
            heap: Heap::default(),
            allocators: Allocators::default(),
            types: Types { known, numbers: HashMap::default() },
            rows: IndexMap::default(),
            last_row: None,
            sources: IndexMap::default(),
            spans: BTreeMap::new(),
            stacks: HashMap::default(),
            stack_sizes: BTreeMap::new(),
            info: None,
            events: 0,
            cycles_started: 0,
            is_marking: false,
            mark_starts: Vec::new(),
            first: None,
            last: 0,
            lifetimes: Histogram::default(),
            shared: 0,
            replaced: 0,
            unknown_frees: 0,
            not_followed: 0,
            lost: 0,
        }
    }

    fn since_begin(&self, time: i64) -> i64 {
        time - self.first.unwrap_or(time)
    }

    /// Handles a Sync. Type IDs are valid within one generation only.
    fn sync(&mut self, sync: Sync<'_>) {
        self.allocators.forget_ids();
        self.types.numbers.clear();
        if let Some(info) = sync.alloc_free_info() {
            self.info = Some(info);
            self.heap.set_units(info);
        }
        for ty in sync.alloc_free_types() {
            let name = self.allocators.names.intern(ty.name.as_bytes());
            let (index, _) = self
                .types
                .known
                .insert_full(ty.address, KnownType { name, size: ty.size, pointer_bytes: ty.pointer_bytes });
            self.types.numbers.insert(ty.id, number(index));
        }
    }

    /// Discards live objects and goroutine states, which are unknown after a gap.
    fn forget(&mut self) {
        self.lost += self.heap.len() as u64;
        self.heap.forget();
        self.stacks.clear();
        self.allocators.forget_states();
        self.is_marking = false;
    }

    fn type_and_size(&self, slot: Slot, type_id: u64) -> TypeAndSize {
        let ty = self.types.numbers.get(&type_id).copied().unwrap_or(0);
        let type_size = || self.types.known.get_index(ty as usize).map_or(0, |(_, ty)| ty.size);
        TypeAndSize {
            ty,
            kind_and_class: slot.kind_and_class.unwrap_or(NO_CLASS),
            size: slot.size.unwrap_or_else(type_size),
        }
    }

    fn row(&mut self, key: RowKey) -> u32 {
        if let Some((last, row)) = self.last_row
            && last == key
        {
            return row;
        }
        let known = self.rows.get_index_of(&key);
        let index = known.unwrap_or_else(|| self.add_row(key));
        let row = number(index);
        self.last_row = Some((key, row));
        row
    }

    fn add_row(&mut self, key: RowKey) -> usize {
        if self.rows.len() >= self.options.max_rows {
            let entry = self.rows.entry(OTHERS);
            let index = entry.index();
            entry.or_default();
            return index;
        }
        let mut row = Row::default();
        if key.go != NONE {
            let start = self.allocators.allocates(key.go).start;
            let entry = self.sources.entry((key.type_and_size, start));
            row.source = Some(number(entry.index()));
            entry.or_default();
        }
        self.rows.insert_full(key, row).0
    }

    /// Counts an object that exists when the trace begins.
    fn exists(&mut self, id: u64, type_id: u64) {
        let slot = self.heap.slot(id);
        let type_and_size = self.type_and_size(slot, type_id);
        let row = self.row(RowKey { type_and_size, go: NONE, task: NONE });
        self.rows[row as usize].totals.existing.add(type_and_size.size);
        self.put(slot, Object { row, cycle: self.cycles_started, born: None, size: type_and_size.size }, self.last);
    }

    fn allocate(&mut self, record: &Record) {
        let slot = self.heap.slot(record.a);
        if slot.is_shared() && self.heap.get(slot).is_some() {
            self.shared += 1;
            return;
        }
        let type_and_size = self.type_and_size(slot, record.b);
        let go = record.go;
        let task = if go == NONE { NONE } else { self.allocators.task_of(go) };
        let row_number = self.row(RowKey { type_and_size, go, task });
        let at = self.since_begin(record.time);
        let row = &mut self.rows[row_number as usize];
        row.totals.allocate(Time(record.time), type_and_size.size);
        row.stack = self.allocators.get(go).map_or(StackKey::EMPTY, |goroutine| goroutine.stack);
        if let Some((_, state)) = row.source.and_then(|source| self.sources.get_index_mut(source as usize)) {
            state.allocate(at, &self.options, &self.mark_starts);
        }
        let object =
            Object { row: row_number, cycle: self.cycles_started, born: Some(record.time), size: type_and_size.size };
        self.put(slot, object, record.time);
    }

    fn put(&mut self, slot: Slot, object: Object, time: i64) {
        if self.heap.len() >= self.options.max_live && self.heap.get(slot).is_none() {
            self.not_followed += 1;
            return;
        }
        if let Some(old) = self.heap.insert(slot, object) {
            self.replaced += 1;
            self.freed(old, time);
        }
    }

    fn free(&mut self, record: &Record) {
        match self.heap.free(record.a) {
            Some(object) => self.freed(object, record.time),
            None => self.unknown_frees += 1,
        }
    }

    fn freed(&mut self, object: Object, time: i64) {
        let at = self.since_begin(time);
        let row = &mut self.rows[object.row as usize];
        row.totals.freed.add(object.size);
        if let Some(born) = object.born {
            self.lifetimes.add_nanos(time - born);
            if let Some((_, state)) = row.source.and_then(|source| self.sources.get_index_mut(source as usize)) {
                state.free(at, &self.options, &self.mark_starts);
            }
        }
    }

    fn span(&mut self, span: HeapSpan, exists: bool) {
        let spans = self.spans.entry(span.kind_and_class).or_insert_with(|| PageSpans::of(&span));
        let count = if exists { &mut spans.existing } else { &mut spans.allocated };
        count.add(span.pages);
        if self.spans.len() > MAX_CLASSES {
            // The runtime does not have this many classes, so the trace is damaged.
            self.spans.pop_last();
        }
        self.heap.span(span);
    }

    fn free_span(&mut self, id: u64, time: i64) {
        let mut inside = Vec::new();
        let Some(span) = self.heap.free_span(id, |object| inside.push(object)) else {
            self.unknown_frees += 1;
            return;
        };
        if let Some(spans) = self.spans.get_mut(&span.kind_and_class) {
            spans.freed.add(span.pages);
        }
        inside.into_iter().for_each(|object| self.freed(object, time));
    }

    fn stack(&mut self, stack: GoroutineStack, exists: bool) {
        let Some(size) = stack.size() else { return };
        // The map stays small, since sizes are powers of two.
        let sizes = self.stack_sizes.entry(stack.order).or_insert_with(|| GoroutineStacks::of(size));
        *(if exists { &mut sizes.existing } else { &mut sizes.allocated }) += 1;
        if self.stacks.len() < self.options.max_live {
            self.stacks.insert(stack.id, stack.order);
        }
    }

    fn free_stack(&mut self, id: u64) {
        let order = self.stacks.remove(&id);
        match order.and_then(|order| self.stack_sizes.get_mut(&order)) {
            Some(sizes) => sizes.freed += 1,
            None => self.unknown_frees += 1,
        }
    }

    fn alloc_free(&mut self, kind: Kind, record: &Record) {
        self.events += 1;
        let span = HeapSpan { id: record.a, pages: record.b, kind_and_class: record.c };
        let stack = GoroutineStack { id: record.a, order: record.b };
        match kind {
            Kind::Span => self.span(span, true),
            Kind::SpanAlloc => self.span(span, false),
            Kind::SpanFree => self.free_span(record.a, record.time),
            Kind::HeapObject => self.exists(record.a, record.b),
            Kind::HeapObjectAlloc => self.allocate(record),
            Kind::HeapObjectFree => self.free(record),
            Kind::GoroutineStack => self.stack(stack, true),
            Kind::GoroutineStackAlloc => self.stack(stack, false),
            Kind::GoroutineStackFree => self.free_stack(record.a),
        }
    }

    fn mark_begins(&mut self, time: i64) {
        if !self.is_marking {
            self.is_marking = true;
            self.cycles_started = self.cycles_started.saturating_add(1);
            self.mark_starts.push(self.since_begin(time));
        }
    }
}

impl Observer for Allocations {
    type Output = AllocationsReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        self.first.get_or_insert(record.time);
        self.last = record.time;
        match record.what {
            What::AllocFree(kind) => return self.alloc_free(kind, record),
            What::Sync => {
                if let EventKind::Sync(sync) = event.kind() {
                    self.sync(sync);
                }
            }
            What::Gap => self.forget(),
            What::RangeBegin(RangeType::GcMark) | What::RangeActive(RangeType::GcMark) => self.mark_begins(record.time),
            What::RangeEnd(RangeType::GcMark) => self.is_marking = false,
            _ => {}
        }
        self.allocators.event(event);
    }

    fn finish(mut self) -> AllocationsReport {
        self.sources.values_mut().for_each(|state| state.end(&self.options, &self.mark_starts));
        build::report(self)
    }
}
