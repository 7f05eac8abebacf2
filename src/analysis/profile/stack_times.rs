//! Sums of counts and times by stack.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::analysis::names::Name;
use crate::analysis::stacks::StackKey;
use crate::number::number;

/// The key of a sum: the stack and, in an off-CPU profile, the reason.
pub(super) type SampleKey = (StackKey, Name);

/// The count and total time in nanoseconds by stack and reason. Times saturate at `i64::MAX`
/// nanoseconds, which only a malicious trace reaches.
#[derive(Debug, Default)]
pub(super) struct StackTimes {
    pub(super) samples: IndexMap<SampleKey, (u64, i64), RandomState>,
}

impl StackTimes {
    pub fn into_samples(self) -> impl Iterator<Item = (SampleKey, (u64, i64))> {
        self.samples.into_iter()
    }

    /// Adds to a sample, and returns its index.
    pub fn add(&mut self, key: SampleKey, count: u64, nanos: i64) -> usize {
        let entry = self.samples.entry(key);
        let index = entry.index();
        let sample = entry.or_default();
        sample.0 += count;
        sample.1 = sample.1.saturating_add(nanos);
        index
    }
}

/// [`StackTimes`] with a cache. The cache finds the sample of a stack without hashing if the stack
/// had the same reason the last time.
#[derive(Debug, Default)]
pub(super) struct FastStackTimes {
    times: StackTimes,
    /// The index of the most recent sample of each stack, by the index of the stack.
    last: Vec<u32>,
}

impl FastStackTimes {
    #[inline]
    pub fn add(&mut self, key: SampleKey, count: u64, nanos: i64) {
        let last = self.last.get(key.0.index()).copied().unwrap_or(u32::MAX);
        match self.times.samples.get_index_mut(last as usize) {
            Some((found, sample)) if *found == key => {
                sample.0 += count;
                sample.1 = sample.1.saturating_add(nanos);
            }
            _ => self.add_slowly(key, count, nanos),
        }
    }

    #[inline(never)]
    fn add_slowly(&mut self, key: SampleKey, count: u64, nanos: i64) {
        let sample = self.times.add(key, count, nanos);
        let stack = key.0.index();
        if stack >= self.last.len() {
            self.last.resize(stack + 1, u32::MAX);
        }
        self.last[stack] = number(sample);
    }

    pub fn into_times(self) -> StackTimes {
        self.times
    }
}
