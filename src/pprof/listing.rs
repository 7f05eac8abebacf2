//! The lines of functions with their values, as `go tool pprof -list` shows them.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::error::ProfileError;
use super::filter::SampleFilter;
use super::profile::Profile;

/// The values of the lines of some functions.
///
/// ```
/// use gotrace::pprof::{Listing, Profile, SampleFilter};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks/captures/go1.27/chansend/heap.3.pb.gz");
/// let profile = Profile::from_path(path)?;
/// let in_use = profile.sample_type("inuse_space").ok_or("not a heap profile")?;
/// let listing = Listing::new(&profile, in_use, &SampleFilter::default(), |name| name == "main.askSupplier")?;
/// let lines = &listing.functions[0].lines;
/// assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [39, 40]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Listing {
    /// The sum over all samples of the profile, without a filter.
    pub total: i64,
    /// The functions, those with the largest cumulative values first.
    pub functions: Vec<ListedFunction>,
}

/// A function and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ListedFunction {
    /// The function.
    #[cfg_attr(feature = "serde", serde(rename = "function"))]
    pub name: String,
    /// The path of its file.
    pub file: String,
    /// The sum of the flat values of its lines.
    pub flat: i64,
    /// The sum of the cumulative values of its lines.
    pub cum: i64,
    /// Its lines that are in the profile, in order.
    pub lines: Vec<ListedLine>,
}

/// A line of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ListedLine {
    /// The number of the line. 0 if it is not known.
    pub line: i64,
    /// The values of the samples that end in the line.
    pub flat: i64,
    /// The values of the samples whose stacks contain the line.
    pub cum: i64,
}

impl Listing {
    /// Sums up a type of value by line, for functions that match.
    ///
    /// # Errors
    ///
    /// Errors in the profile's samples.
    pub fn new(
        profile: &Profile<'_>,
        sample_type: usize,
        filter: &SampleFilter<'_>,
        matches: impl Fn(&str) -> bool,
    ) -> Result<Self, ProfileError> {
        let mut lines: IndexMap<(String, String, i64), ListedLine, RandomState> = IndexMap::default();
        // The lines of each location that are listed, innermost first. The flag is set for the innermost of all.
        let mut places: Vec<Vec<(usize, bool)>> = Vec::new();
        for location in profile.locations() {
            let mut listed = Vec::new();
            for (depth, line) in location.lines().enumerate() {
                let name = line.function.name.to_str_lossy();
                if matches(&name) {
                    let key = (name.into_owned(), line.function.file.to_string(), line.line);
                    let entry = lines.entry(key);
                    let index = entry.index();
                    entry.or_insert(ListedLine { line: line.line, ..ListedLine::default() });
                    listed.push((index, depth == 0));
                }
            }
            places.push(listed);
        }
        let total = sum_up(profile, sample_type, filter, &places, &mut lines)?;
        Ok(Listing { total, functions: functions(lines) })
    }
}

/// Adds the values of all samples to their lines. Returns the sum over all samples.
fn sum_up(
    profile: &Profile<'_>,
    sample_type: usize,
    filter: &SampleFilter<'_>,
    places: &[Vec<(usize, bool)>],
    lines: &mut IndexMap<(String, String, i64), ListedLine, RandomState>,
) -> Result<i64, ProfileError> {
    let filter = filter.of(profile);
    let (mut total, mut number) = (0_i64, 0_u32);
    // For each line, the number of the last sample that contained it. A recursive function counts once.
    let mut seen = vec![0_u32; lines.len()];
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample()? {
        number += 1;
        let value = sample.values().get(sample_type).copied().unwrap_or(0);
        total = total.saturating_add(value);
        if !filter.keeps(&sample)? {
            continue;
        }
        for (depth, &place) in sample.places().iter().enumerate() {
            for &(index, is_innermost) in &places[place as usize] {
                let Some((_, line)) = lines.get_index_mut(index) else { continue };
                if depth == 0 && is_innermost {
                    line.flat = line.flat.saturating_add(value);
                }
                if std::mem::replace(&mut seen[index], number) != number {
                    line.cum = line.cum.saturating_add(value);
                }
            }
        }
    }
    Ok(total)
}

/// Groups lines by function. Lines without values are left out.
fn functions(lines: IndexMap<(String, String, i64), ListedLine, RandomState>) -> Vec<ListedFunction> {
    let mut by_function: BTreeMap<(String, String), Vec<ListedLine>> = BTreeMap::new();
    for ((name, file, _), line) in lines {
        if line.flat != 0 || line.cum != 0 {
            by_function.entry((name, file)).or_default().push(line);
        }
    }
    let function = |((name, file), mut lines): ((String, String), Vec<ListedLine>)| {
        lines.sort_by_key(|line| line.line);
        let sum = |of: fn(&ListedLine) -> i64| lines.iter().map(of).fold(0, i64::saturating_add);
        let (flat, cum) = (sum(|line| line.flat), sum(|line| line.cum));
        ListedFunction { name, file, flat, cum, lines }
    };
    let mut functions: Vec<ListedFunction> = by_function.into_iter().map(function).collect();
    functions.sort_by_key(|function| std::cmp::Reverse(function.cum.saturating_abs()));
    functions
}
