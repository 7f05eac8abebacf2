//! The profiles, dumps and collections of a diagnosis as series over time, for charts.

use super::inputs::{Inputs, heap::INUSE_SPACE};
use super::place;
use super::snapshots::Snapshots;
use crate::gctrace::Cycle;
use crate::time::WallTime;

/// Values by function in each of several profiles or dumps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionsOverTime {
    /// When each was taken. `None` if that is not known.
    pub times: Option<Vec<WallTime>>,
    /// The functions whose values grew most, from the first to the last. The largest growth comes first.
    pub functions: Vec<FunctionValues>,
}

/// The values of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionValues {
    /// The function. In a stack, it is the innermost outside the standard library, as in a finding.
    pub function: String,
    /// One value for each profile or dump.
    pub values: Vec<i64>,
}

impl Inputs {
    /// Returns the memory in use in each heap profile, in bytes, by the function that allocated it. At most `most`
    /// functions are returned.
    ///
    /// ```
    /// use gotrace::diagnose::Inputs;
    /// use gotrace::pprof::Profile;
    ///
    /// # fn main() -> Result<(), gotrace::pprof::ProfileError> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks/captures/go1.27/appendcache");
    /// let mut inputs = Inputs::new();
    /// for name in ["heap.1.pb.gz", "heap.2.pb.gz", "heap.3.pb.gz"] {
    ///     inputs.profile(name, &Profile::from_path(format!("{folder}/{name}"))?)?;
    /// }
    /// let heap = inputs.heap_over_time(1);
    /// assert_eq!(heap.functions[0].function, "main.renderInvoice");
    /// assert_eq!(heap.functions[0].values.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn heap_over_time(&self, most: usize) -> FunctionsOverTime {
        over_time(&self.heaps, INUSE_SPACE, most)
    }

    /// Returns the number of goroutines in each goroutine profile, by the function in which they wait or run. If there
    /// are more dumps than goroutine profiles, it is the number in each dump. At most `most` functions are returned.
    pub fn goroutines_over_time(&self, most: usize) -> FunctionsOverTime {
        over_time(self.goroutine_snapshots().0, 0, most)
    }

    /// Returns the collections of the GC logs that are examined: those of one process.
    pub fn collections(&self) -> &[Cycle] {
        &self.cycles
    }
}

fn over_time<const N: usize>(snapshots: &Snapshots<N>, column: usize, most: usize) -> FunctionsOverTime {
    let groups = snapshots.grouped(|stack| Some(place::own(snapshots.frames(stack))?.func.as_str()));
    let mut functions: Vec<FunctionValues> = groups
        .into_iter()
        .map(|(function, series)| FunctionValues { function: function.to_owned(), values: series.column(column) })
        .collect();
    let growth = |values: &[i64]| match values {
        [first, .., last] => last.saturating_sub(*first),
        _ => 0,
    };
    let last = |values: &[i64]| values.last().copied().unwrap_or(0);
    functions.sort_by(|a, b| {
        let key = |of: &FunctionValues| (growth(&of.values), last(&of.values));
        key(b).cmp(&key(a)).then_with(|| a.function.cmp(&b.function))
    });
    functions.truncate(most);
    let times = snapshots
        .extent()
        .map(|_| snapshots.all.iter().filter_map(|snapshot| WallTime::from_nanos(snapshot.time.into())).collect());
    FunctionsOverTime { times, functions }
}
