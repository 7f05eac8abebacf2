//! Profiles of one kind in order of time, as values by stack.

use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap, IndexSet};

use super::place::Place;
use crate::event::Text;
use crate::number::number;
use crate::pprof::{Error, Profile};

/// A stack of a [`Snapshots`].
pub(super) type Stack = u32;

/// Profiles of one kind in order of time. `N` values a sample are kept.
#[derive(Clone, Debug)]
pub(super) struct Snapshots<const N: usize> {
    places: IndexSet<Place, RandomState>,
    /// Of places, innermost first.
    stacks: IndexSet<Box<[u32]>, RandomState>,
    pub all: Vec<Snapshot<N>>,
}

/// One profile.
#[derive(Clone, Debug)]
pub(super) struct Snapshot<const N: usize> {
    /// When it was taken, in nanoseconds since 1970; 0 if it does not say.
    pub time: i64,
    /// How many units of its period a sample stands for: bytes allocated, for heap profiles.
    pub period: i64,
    pub values: IndexMap<Stack, [i64; N], RandomState>,
}

impl<const N: usize> Default for Snapshots<N> {
    fn default() -> Self {
        Snapshots { places: IndexSet::default(), stacks: IndexSet::default(), all: Vec::new() }
    }
}

/// A place that is not a `Place` yet.
struct Key<'a> {
    function: &'a str,
    file: &'a str,
    line: i64,
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As the derived implementation of `Place`: fields in order.
        (self.function, self.file, self.line).hash(state);
    }
}

impl Equivalent<Place> for Key<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.function == place.function && self.file == place.file && self.line == place.line
    }
}

impl<const N: usize> Snapshots<N> {
    /// Takes a profile in. `columns` says which of its values are kept.
    ///
    /// # Errors
    ///
    /// Those of the profile's samples: nothing of it is kept then.
    pub fn add(&mut self, profile: &Profile<'_>, columns: [usize; N]) -> Result<(), Error> {
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
            let stack = match self.stacks.get_index_of(&stack[..]) {
                Some(index) => number(index),
                None => {
                    room = room.checked_sub(stack.len() as u64).ok_or_else(|| sample.too_many_frames())?;
                    number(self.stacks.insert_full(stack[..].into()).0)
                }
            };
            let sums = values.entry(stack).or_insert([0; N]);
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = sum.saturating_add(sample.values().get(column).copied().unwrap_or(0));
            }
        }
        self.all.push(Snapshot { time: profile.time_nanos(), period: profile.period(), values });
        // Stable: those that don't say their time stay as they were given.
        self.all.sort_by_key(|snapshot| snapshot.time);
        Ok(())
    }

    /// The places of each location, innermost first, one location after the other, and where those of each end.
    fn places_of(&mut self, profile: &Profile<'_>) -> (Vec<u32>, Vec<usize>) {
        let (mut places, mut ends) = (Vec::new(), Vec::new());
        for location in profile.locations() {
            let before = places.len();
            for line in location.lines() {
                places.push(self.place(line.function.name, line.function.file, line.line));
            }
            if places.len() == before {
                places.push(self.place(Text::default(), Text::default(), 0));
            }
            ends.push(places.len());
        }
        (places, ends)
    }

    fn place(&mut self, func: Text<'_>, file: Text<'_>, line: i64) -> u32 {
        let (function, file) = (func.to_str_lossy(), file.to_str_lossy());
        let key = Key { function: &function, file: &file, line };
        match self.places.get_index_of(&key) {
            Some(index) => number(index),
            None => {
                let place = Place { function: function.into_owned(), file: file.into_owned(), line };
                number(self.places.insert_full(place).0)
            }
        }
    }

    /// The places of a stack, innermost first.
    pub fn frames(&self, stack: Stack) -> impl DoubleEndedIterator<Item = &Place> + Clone {
        let places = self.stacks.get_index(stack as usize).into_iter().flatten();
        places.map(|&place| &self.places[place as usize])
    }

    /// All stacks.
    pub fn stacks(&self) -> impl Iterator<Item = Stack> {
        0..number(self.stacks.len())
    }

    /// From the first snapshot to the last, in nanoseconds since 1970. `None` if they don't say.
    pub fn extent(&self) -> Option<(i64, i64)> {
        let (first, last) = (self.all.first()?, self.all.last()?);
        (first.time > 0).then_some((first.time, last.time))
    }

    /// Adds values up by what a stack stands for: for each key the values in each snapshot, and its stacks.
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
