//! Whether the inputs come from one run of one program.
//!
//! Inputs of different runs cannot be compared: a difference between them is no growth. The checks
//! compare what is constant within a run, such as the name of the program, or can only rise, such
//! as the number of allocated bytes, and sizes that differ by far.

use std::collections::HashSet;

use super::align::Clocks;
use super::finding::Source;
use super::inputs::Inputs;
use super::inputs::heap::{ALLOC_SPACE, INUSE_SPACE};
use super::place;
use super::snapshots::{Program, Snapshots};

/// Why inputs are not compared. `None` or empty if nothing speaks against it. A reason completes
/// the sentence "… are not compared: …".
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SameRun {
    /// Why the heap profiles are not compared with each other.
    pub heaps: Option<String>,
    /// Why the goroutine profiles or dumps are not compared with each other.
    pub goroutines: Option<String>,
    /// Why inputs of different kinds are not compared.
    pub kinds: Vec<String>,
}

/// The share of all allocations that may be missing in a later profile. The numbers are estimates
/// from samples, but within a run the estimates only rise, so this allows for rounding alone.
const LOST_SHARE: f64 = 0.01;

/// The heap of a profile and the heap of the log may differ by this factor plus [`HEAP_SLACK`]
/// bytes: a profile is an estimate, and shows one moment.
const HEAP_FACTOR: f64 = 1.5;
const HEAP_SLACK: f64 = (16 << 20) as f64;

/// Wall clocks may differ by this many nanoseconds.
const CLOCK_SLACK: i128 = 5_000_000_000;

/// Two programs differ if they have no start function in common, and each has at least this many.
const MIN_STARTS: usize = 3;

impl SameRun {
    pub fn of(inputs: &Inputs, clocks: &Clocks) -> Self {
        let mut found = SameRun {
            heaps: different_programs(&inputs.heaps).or_else(|| falling(&inputs.heaps)),
            goroutines: match inputs.goroutine_snapshots() {
                (_, Source::Dump) => inputs.dumped.conflict.clone(),
                (profiles, _) => different_programs(profiles),
            },
            kinds: Vec::new(),
        };
        found.kinds.extend(kinds_differ(inputs));
        found.kinds.extend(log_differs(inputs));
        found.kinds.extend(taken_before_start(inputs, clocks));
        found.kinds.extend(trace_differs(inputs));
        found.kinds.extend(processes_differ(inputs));
        found
    }

    /// Returns all reasons, as sentences.
    pub fn conflicts(&self) -> Vec<String> {
        let own = |what: &str, why: &Option<String>| Some(format!("{what} are not compared: {}", why.as_ref()?));
        let heaps = own("heap profiles", &self.heaps);
        let goroutines = own("goroutine counts", &self.goroutines);
        let kinds = self.kinds.iter().map(|why| format!("inputs of different kinds are not compared: {why}"));
        heaps.into_iter().chain(goroutines).chain(kinds).collect()
    }
}

/// Returns why the profiles of one kind are of different programs.
fn different_programs<const N: usize>(profiles: &Snapshots<N>) -> Option<String> {
    let mut programs = profiles.all.iter().map(|snapshot| &snapshot.program);
    let first = programs.next()?;
    let other = programs.find(|program| first.differs(program))?;
    Some(format!("the profiles are of different programs ({first} and {other})"))
}

/// Returns why the heap profiles are of different runs: what a stack has allocated cannot fall.
fn falling(heaps: &Snapshots<4>) -> Option<String> {
    heaps.all.windows(2).find_map(|pair| {
        let (earlier, later) = (&pair[0], &pair[1]);
        let (mut all, mut lost) = (0.0, 0.0);
        for (stack, values) in &earlier.values {
            let after = later.values.get(stack).map_or(0, |values| values[ALLOC_SPACE]);
            all += values[ALLOC_SPACE] as f64;
            lost += values[ALLOC_SPACE].saturating_sub(after).max(0) as f64;
        }
        let text = "the allocation totals fall from one heap profile to the next, so they are of two runs";
        (lost > LOST_SHARE * all).then(|| text.to_owned())
    })
}

/// Returns why profiles of memory and of goroutines are of different programs.
fn kinds_differ(inputs: &Inputs) -> Option<String> {
    let heap = inputs.heaps.all.first().map(|snapshot| &snapshot.program);
    let goroutines = inputs.goroutines.all.iter().chain(&inputs.leaked.all).map(|snapshot| &snapshot.program);
    let (heap, other) = heap.zip(goroutines.into_iter().next())?;
    let text = || format!("the heap profiles are of {heap}, the goroutine profiles of {other}");
    heap.differs(other).then(text)
}

/// Returns why the log does not belong to the heap profiles: its heap is of another size.
fn log_differs(inputs: &Inputs) -> Option<String> {
    let total = |snapshot: &super::snapshots::Snapshot<4>| -> f64 {
        snapshot.values.values().map(|values| values[INUSE_SPACE] as f64).sum()
    };
    let totals = || inputs.heaps.all.iter().map(total);
    let (low, high) = (totals().reduce(f64::min)?, totals().reduce(f64::max)?);
    let least = inputs.cycles.iter().map(|cycle| cycle.heap_live).min()? as f64;
    let most = inputs.cycles.iter().map(|cycle| cycle.heap_end.max(cycle.heap_start)).max()? as f64;
    let differs = high > most * HEAP_FACTOR + HEAP_SLACK || high * HEAP_FACTOR + HEAP_SLACK < least;
    differs.then(|| {
        let mib = |size: f64| format!("{:.0} MiB", size / f64::from(1 << 20));
        format!(
            "the heap profiles have {} to {} in use, the GC log {} to {}",
            mib(low),
            mib(high),
            mib(least),
            mib(most)
        )
    })
}

/// Returns why profiles do not belong to the log: they are older than the run that wrote the log.
fn taken_before_start(inputs: &Inputs, clocks: &Clocks) -> Option<String> {
    let start = clocks.program_start_wall?;
    let first =
        [inputs.heaps.extent(), inputs.goroutines.extent()].into_iter().flatten().map(|(first, _)| first).min()?;
    let is_before = i128::from(first) < start.as_nanos() - CLOCK_SLACK;
    is_before.then(|| format!("a profile was taken before the program of the GC log started ({start})"))
}

/// Returns why the copies of `/proc/PID/status` are of different processes.
fn processes_differ(inputs: &Inputs) -> Option<String> {
    let mut pids = inputs.memory.iter().filter_map(|memory| memory.pid);
    let first = pids.next()?;
    let other = pids.find(|pid| *pid != first)?;
    Some(format!("the copies of /proc/PID/status are of different processes ({first} and {other})"))
}

/// Returns why the trace and the goroutine profiles or dumps are of different programs: they have no start
/// function of the program in common.
fn trace_differs(inputs: &Inputs) -> Option<String> {
    let (profiles, source) = inputs.goroutine_snapshots();
    let own = |name: &&str| !place::is_standard(name) && *name != "main.main";
    let starts = |stack| profiles.frames(stack).next_back().map(|frame| frame.func.as_str());
    let profiled: HashSet<&str> = profiles.stacks().filter_map(starts).filter(own).collect();
    let groups = inputs.traces.iter().flat_map(|trace| &trace.population.groups);
    let traced: HashSet<&str> = groups.map(|group| group.name.as_str()).filter(own).collect();
    let differs = profiled.len() >= MIN_STARTS && traced.len() >= MIN_STARTS && profiled.is_disjoint(&traced);
    differs.then(|| format!("no goroutines of the trace and of the {} start in the same function", source.name()))
}

impl Program {
    /// Returns whether two programs are certainly different.
    fn differs(&self, other: &Self) -> bool {
        let are_known = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
        // The build ID identifies a program, even if its file was renamed.
        match are_known(&self.build_id, &other.build_id) {
            true => self.build_id != other.build_id,
            false => are_known(&self.file, &other.file) && self.file != other.file,
        }
    }
}
