//! Builds the report from the collected data.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::counts::{ObjectCount, earlier};
use super::report::{
    AllocatedType, AllocatingGoroutine, AllocationRow, AllocationSource, AllocationsReport, SourceGoroutine, Survivors,
};
use super::source::{SourceState, SuspiciousWindow};
use super::{Allocations, NO_CLASS, TypeAndSize};
use crate::analysis::histogram::Histogram;
use crate::analysis::names::Name;
use crate::analysis::stacks::StackKey;
use crate::event::HeapSpan;
use crate::id::{GoId, TaskId, present};
use crate::time::Time;

/// The maximum number of goroutines to list for a source.
const MAX_GOROUTINES: usize = 16;

pub(super) fn report(found: Allocations) -> AllocationsReport {
    let mut rows = rows(&found);
    let mut survivors: BTreeMap<u32, ObjectCount> = BTreeMap::new();
    let mut ages = Histogram::default();
    for object in found.heap.objects() {
        let totals = &mut rows[object.row as usize].totals;
        totals.live.add(object.size);
        let Some(born) = object.born else { continue };
        let outlived = found.cycles_started.saturating_sub(object.cycle).saturating_sub(1);
        if outlived >= found.options.cycles {
            totals.kept.add(object.size);
        }
        totals.oldest = earlier(totals.oldest, Some(Time(born)));
        survivors.entry(outlived).or_default().add(object.size);
        ages.add_nanos(found.last - born);
    }
    let sources = sources(&found, &rows);
    let Allocations { allocators, types, .. } = found;
    let (names, frames) = (allocators.names, allocators.stacks);
    let types = types.known.values().map(|ty| AllocatedType {
        name: names.text(ty.name),
        size: ty.size,
        pointer_bytes: ty.pointer_bytes,
    });
    let goroutines = allocators.goroutines.iter().filter(|(_, goroutine)| goroutine.has_rows);
    let goroutines = goroutines.map(|(&go, goroutine)| {
        let it = AllocatingGoroutine {
            start: names.text(goroutine.start),
            creator: goroutine.creator.map(GoId),
            created: goroutine.created.map(Time),
            ended: goroutine.ended.map(Time),
        };
        (go, it)
    });
    AllocationsReport {
        start: Time(found.first.unwrap_or(found.last)),
        end: Time(found.last),
        events: found.events,
        info: found.info,
        cycles: found.cycles_started,
        types: types.collect(),
        rows,
        sources,
        survivors: survivors.into_iter().map(|(cycles, count)| Survivors { cycles, count }).collect(),
        ages,
        lifetimes: found.lifetimes,
        spans: found.spans.into_values().collect(),
        stacks: found.stack_sizes.into_values().collect(),
        shared: found.shared,
        replaced: found.replaced,
        unknown_frees: found.unknown_frees,
        not_followed: found.not_followed,
        lost: found.lost,
        goroutines: goroutines.collect(),
        frames,
        names,
    }
}

fn rows(found: &Allocations) -> Vec<AllocationRow> {
    let rows = found.rows.iter().map(|(key, row)| {
        let TypeAndSize { ty, kind_and_class, size } = key.type_and_size;
        let span = HeapSpan { id: 0, pages: 0, kind_and_class };
        let is_known = kind_and_class != NO_CLASS;
        AllocationRow {
            ty: ty as usize,
            class: span.size_class().filter(|_| is_known),
            no_scan: span.no_scan().filter(|_| is_known),
            size,
            go: present(key.go).map(GoId),
            task: present(key.task).map(TaskId),
            totals: row.totals,
            stack: row.stack,
        }
    });
    rows.collect()
}

/// The data from which a source is built.
#[derive(Default)]
struct Gathered {
    state: SourceState,
    /// The numbers of the states that were merged into `state`. There are several if the start
    /// function of a goroutine became known late.
    states: HashSet<u32, RandomState>,
    goroutines: HashMap<u64, (ObjectCount, ObjectCount), RandomState>,
    rows: Vec<usize>,
}

fn sources(found: &Allocations, rows: &[AllocationRow]) -> Vec<AllocationSource> {
    let mut gathered: IndexMap<(TypeAndSize, Name), Gathered, RandomState> = IndexMap::default();
    // Objects allocated and freed by any goroutine, by type and size. The runtime does not know the type of
    // most objects from before the trace, so `old` counts the freed objects without a type.
    let mut totals: HashMap<TypeAndSize, (u64, u64), RandomState> = HashMap::default();
    let untyped = |of: TypeAndSize| TypeAndSize { ty: 0, ..of };
    let mut old: HashMap<TypeAndSize, u64, RandomState> = HashMap::default();
    for (index, ((key, row), made)) in found.rows.iter().zip(rows).enumerate() {
        let total = totals.entry(key.type_and_size).or_default();
        total.0 += row.totals.allocated.objects;
        match row.totals.existing.objects > 0 && key.type_and_size.ty == 0 {
            true => *old.entry(key.type_and_size).or_default() += row.totals.freed.objects,
            false => total.1 += row.totals.freed.objects,
        }
        let Some(source) = row.source else { continue };
        let start = found.allocators.get(key.go).map_or(Name::EMPTY, |goroutine| goroutine.start);
        let it = gathered.entry((key.type_and_size, start)).or_default();
        if it.states.insert(source)
            && let Some((_, state)) = found.sources.get_index(source as usize)
        {
            it.state.merge(state);
        }
        let goroutine = it.goroutines.entry(key.go).or_default();
        goroutine.0 += made.totals.kept;
        goroutine.1 += made.totals.allocated;
        it.rows.push(index);
    }
    let names = &found.allocators.names;
    let first = found.first.unwrap_or(0);
    let sources = gathered.into_iter().map(|((type_and_size, start), it)| {
        let (allocated_of_all, freed) = totals.get(&type_and_size).copied().unwrap_or_default();
        let freed_of_all = freed + old.get(&untyped(type_and_size)).copied().unwrap_or(0);
        let mut goroutines: Vec<_> = it.goroutines.iter().collect();
        goroutines.sort_by(|(a, a_counts), (b, b_counts)| b_counts.cmp(a_counts).then(a.cmp(b)));
        let most = it.rows.iter().max_by_key(|&&row| (rows[row].totals.kept, rows[row].totals.allocated));
        AllocationSource {
            ty: type_and_size.ty as usize,
            class: it.rows.first().and_then(|&row| rows[row].class),
            size: type_and_size.size,
            start: names.text(start),
            goroutine_count: goroutines.len(),
            goroutines: {
                let most = goroutines.into_iter().take(MAX_GOROUTINES);
                most.map(|(&go, counts)| SourceGoroutine { id: GoId(go), kept: counts.0 }).collect()
            },
            totals: it.rows.iter().map(|&row| rows[row].totals).sum(),
            freed_of_all,
            allocated_of_all,
            suspicious_windows: it.state.suspicious_windows,
            worst: it
                .state
                .worst
                .map(|worst| SuspiciousWindow { start: Time(worst.start.0.saturating_add(first)), ..worst }),
            longest_run: it.state.longest_run,
            is_steady: it.state.longest_run >= found.options.run,
            stack: most.map_or(StackKey::EMPTY, |&row| rows[row].stack),
        }
    });
    let mut sources: Vec<_> = sources.collect();
    sources.sort_by_key(|source| Reverse((source.is_suspicious(), source.totals.size())));
    sources
}
