//! Profiles of one kind in order of time, as values by stack. A goroutine dump is a snapshot too: a number of goroutines
//! by stack.

use std::fmt;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap, IndexSet};

use super::waits;
use crate::dump::DumpGoroutine;
use crate::event::OwnedFrame;
use crate::number::number;
use crate::pprof::{MemStats, Profile, ProfileError};

/// A stack of a [`Snapshots`].
pub(super) type Stack = u32;

/// Profiles of one kind in order of time. `N` values of each sample are kept.
#[derive(Clone, Debug)]
pub(super) struct Snapshots<const N: usize> {
    places: IndexSet<OwnedFrame, RandomState>,
    /// Numbers of places, innermost first.
    stacks: IndexSet<Box<[u32]>, RandomState>,
    pub all: Vec<Snapshot<N>>,
}

/// One profile or dump.
#[derive(Clone, Debug)]
pub(super) struct Snapshot<const N: usize> {
    /// When it was taken, in nanoseconds since 1970; 0 if that is unknown.
    pub time: i64,
    /// The amount that a sample represents. For heap profiles, this is a number of allocated bytes.
    pub period: i64,
    pub values: IndexMap<Stack, [i64; N], RandomState>,
    pub program: Program,
    /// The statistics of a heap profile in text.
    pub mem_stats: Option<MemStats>,
}

/// The program that a profile is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// The name of its file, without the folder. Empty if unknown.
    pub file: String,
    /// Empty if unknown.
    pub build_id: String,
}

impl Program {
    fn of(profile: &Profile<'_>) -> Self {
        let Some(first) = profile.mappings().next() else { return Program::default() };
        let path = first.file.to_str_lossy();
        let file = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        Program { file, build_id: first.build_id.to_str_lossy().into_owned() }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build: String = self.build_id.chars().take(8).collect();
        match (self.file.is_empty(), build.is_empty()) {
            (false, true) => write!(f, "{}", self.file),
            (false, false) => write!(f, "{}, build {build}", self.file),
            (true, _) => write!(f, "build {build}"),
        }
    }
}

/// Whether a profile was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// It is the same as one that was added before.
    Again,
}

impl<const N: usize> Default for Snapshots<N> {
    fn default() -> Self {
        Snapshots { places: IndexSet::default(), stacks: IndexSet::default(), all: Vec::new() }
    }
}

/// A place whose texts are borrowed from the profile.
struct Key<'a> {
    function: &'a str,
    file: &'a str,
    line: u64,
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The same as the derived implementation of `OwnedFrame`, which hashes its fields in order.
        // The program counter is 0.
        (0_u64, self.function, self.file, self.line).hash(state);
    }
}

impl Equivalent<OwnedFrame> for Key<'_> {
    fn equivalent(&self, place: &OwnedFrame) -> bool {
        place.pc == 0 && self.function == place.func && self.file == place.file && self.line == place.line
    }
}

impl<const N: usize> Snapshots<N> {
    /// Adds a profile, unless it is there already. `columns` says which of its values are kept.
    ///
    /// # Errors
    ///
    /// Errors in the profile's samples. Its values are not kept then.
    pub fn add(&mut self, profile: &Profile<'_>, columns: [usize; N]) -> Result<Added, ProfileError> {
        let mut values: IndexMap<Stack, [i64; N], RandomState> = IndexMap::default();
        let (places, ends) = self.places_of(profile);
        let mut samples = profile.samples();
        let mut stack: Vec<u32> = Vec::new();
        let mut room = profile.most_frames();
        while let Some(sample) = samples.next_sample()? {
            stack.clear();
            for &location in sample.places() {
                let location = location as usize;
                let start = location.checked_sub(1).map_or(0, |before| ends[before]);
                stack.extend_from_slice(&places[start..ends[location]]);
            }
            if !self.stacks.contains(&stack[..]) {
                room = room.checked_sub(stack.len() as u64).ok_or_else(|| sample.too_many_frames())?;
            }
            let sums = values.entry(self.stack(&stack)).or_insert([0; N]);
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = sum.saturating_add(sample.values().get(column).copied().unwrap_or(0));
            }
        }
        let (time, mem_stats) = (profile.time_nanos(), profile.mem_stats());
        let is_same =
            |other: &Snapshot<N>| other.time == time && other.values == values && other.mem_stats.as_ref() == mem_stats;
        if self.all.iter().any(is_same) {
            return Ok(Added::Again);
        }
        let (program, mem_stats) = (Program::of(profile), mem_stats.cloned());
        self.all.push(Snapshot { time, period: profile.period(), values, program, mem_stats });
        // Stable: profiles without a time keep their order, unless their statistics have it.
        self.all.sort_by_key(|snapshot| (snapshot.time, snapshot.mem_stats.as_ref().map(|stats| stats.total_alloc)));
        Ok(Added::Yes)
    }

    /// Returns the places of each location, innermost first, one location after the other, and the
    /// index at which the places of each location end.
    fn places_of(&mut self, profile: &Profile<'_>) -> (Vec<u32>, Vec<usize>) {
        let (mut places, mut ends) = (Vec::new(), Vec::new());
        for location in profile.locations() {
            let before = places.len();
            for line in location.lines() {
                let (function, file) = (line.function.name.to_str_lossy(), line.function.file.to_str_lossy());
                places.push(self.place(&function, &file, u64::try_from(line.line).unwrap_or(0)));
            }
            if places.len() == before {
                places.push(self.place("", "", 0));
            }
            ends.push(places.len());
        }
        (places, ends)
    }

    fn place(&mut self, function: &str, file: &str, line: u64) -> u32 {
        match self.places.get_index_of(&Key { function, file, line }) {
            Some(index) => number(index),
            None => {
                let place = OwnedFrame { pc: 0, func: function.to_owned(), file: file.to_owned(), line };
                number(self.places.insert_full(place).0)
            }
        }
    }

    fn stack(&mut self, places: &[u32]) -> Stack {
        match self.stacks.get_index_of(places) {
            Some(index) => number(index),
            None => number(self.stacks.insert_full(places.into()).0),
        }
    }

    /// Returns the places of a stack, innermost first.
    pub fn frames(&self, stack: Stack) -> impl DoubleEndedIterator<Item = &OwnedFrame> + Clone {
        let places = self.stacks.get_index(stack as usize).into_iter().flatten();
        places.map(|&place| &self.places[place as usize])
    }

    /// Returns all stacks.
    pub fn stacks(&self) -> impl Iterator<Item = Stack> {
        0..number(self.stacks.len())
    }

    /// Returns the times of the first and the last snapshot, in nanoseconds since 1970. `None` if
    /// they are unknown.
    pub fn extent(&self) -> Option<(i64, i64)> {
        let (first, last) = (self.all.first()?, self.all.last()?);
        (first.time > 0).then_some((first.time, last.time))
    }

    /// Sums up the values of some stacks. `None` if there are none.
    pub fn total(&self, stacks: &[Stack]) -> Option<Series<N>> {
        let mut series = Series::new(self.all.len());
        for (index, snapshot) in self.all.iter().enumerate() {
            for values in stacks.iter().filter_map(|stack| snapshot.values.get(stack)) {
                for (sum, value) in series.values[index].iter_mut().zip(values) {
                    *sum = sum.saturating_add(*value);
                }
            }
        }
        series.stacks.extend(stacks.iter().copied());
        (!stacks.is_empty()).then_some(series)
    }

    /// Sums up values by a key of their stacks: for each key the values in each snapshot, and its
    /// stacks.
    pub fn grouped<K: Hash + Eq>(&self, key: impl Fn(Stack) -> Option<K>) -> IndexMap<K, Series<N>, RandomState> {
        let mut groups: IndexMap<K, Series<N>, RandomState> = IndexMap::default();
        for (index, snapshot) in self.all.iter().enumerate() {
            for (&stack, values) in &snapshot.values {
                let Some(key) = key(stack) else { continue };
                let series = groups.entry(key).or_insert_with(|| Series::new(self.all.len()));
                for (sum, value) in series.values[index].iter_mut().zip(values) {
                    *sum = sum.saturating_add(*value);
                }
                series.stacks.insert(stack);
            }
        }
        groups
    }
}

impl Snapshots<1> {
    /// Adds goroutines of a dump. Dumps have no time, and keep their order.
    pub fn add_goroutines<'d>(&mut self, goroutines: impl IntoIterator<Item = &'d DumpGoroutine>) {
        let mut values: IndexMap<Stack, [i64; 1], RandomState> = IndexMap::default();
        for goroutine in goroutines {
            values.entry(self.stack_of(goroutine)).or_insert([0])[0] += 1;
        }
        self.all.push(Snapshot { time: 0, period: 1, values, program: Program::default(), mem_stats: None });
    }

    /// Returns the stack of a goroutine of a dump. The runtime usually leaves its own frames out of a dump, and prints
    /// what the goroutine waits for instead. The function of the runtime in which it waits is put back, so that the
    /// stack is like that of a profile.
    pub fn stack_of(&mut self, goroutine: &DumpGoroutine) -> Stack {
        let has_runtime = goroutine.stack.first().is_none_or(OwnedFrame::is_runtime);
        let waits_in = waits::runtime_function(&goroutine.state).filter(|_| !has_runtime);
        let mut places: Vec<u32> = waits_in.map(|function| self.place(function, "", 0)).into_iter().collect();
        let frames = goroutine.stack.iter().filter(|frame| frame.func != "runtime.goexit");
        places.extend(frames.map(|frame| self.place(&frame.func, &frame.file, frame.line)));
        self.stack(&places)
    }
}

/// The values of a group in each snapshot.
#[derive(Clone, Debug)]
pub(super) struct Series<const N: usize> {
    pub values: Vec<[i64; N]>,
    pub stacks: IndexSet<Stack, RandomState>,
}

impl<const N: usize> Series<N> {
    fn new(snapshots: usize) -> Self {
        Series { values: vec![[0; N]; snapshots], stacks: IndexSet::default() }
    }

    /// One of the values in each snapshot.
    pub fn column(&self, column: usize) -> Vec<i64> {
        self.values.iter().map(|values| values[column]).collect()
    }
}
