//! [`Report`] sums up a profile's values by function, package or stack.

use std::borrow::Cow;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::error::ProfileError;
use super::filter::{LocationFilter, SampleFilter};
use super::kind::PprofKind;
use super::location::{Function, ProfileLocation};
use super::names;
use super::profile::{self, Profile};
use crate::number::intern;
use crate::time::WallTime;

/// The unit by which a report sums up values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum By {
    /// Values are summed up by function, named as in `go tool pprof`. Inlined functions count like other functions.
    Function,
    /// Values are summed up by package. Functions without a package, such as C functions, have separate rows.
    Package,
    /// Values are summed up by stack of functions.
    Stack,
}

/// The sums of a profile's values by function, package or stack. The report does not borrow from the profile.
///
/// Flat and cumulative values are the same as in `go tool pprof -top`. The value of a sample counts as flat for the
/// innermost function of its stack, and as cumulative for every function in its stack, once for each function.
///
/// ```
/// use gotrace::pprof::{By, Profile, Report};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles/go1.27/heap.pb.gz");
/// let report = Report::new(&Profile::from_path(path)?, By::Function)?;
/// let inuse_space = report.sample_type("inuse_space").ok_or("not a heap profile")?;
/// for row in report.top(inuse_space).into_iter().take(10) {
///     println!("{:>12} {:>12}  {}", row.flat[inuse_space], row.cum[inuse_space], row.name());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) by: By,
    pub(super) kind: PprofKind,
    pub(super) sample_types: Vec<SampleType>,
    pub(super) default_sample_type: usize,
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    /// The names of functions or packages.
    pub(super) names: IndexSet<Box<str>, RandomState>,
    /// Indexes into `names`, innermost first. Only used for reports by stack.
    pub(super) stacks: IndexSet<Box<[u32]>, RandomState>,
    /// The values of all rows, one row after another. Each row has a value for each sample type.
    pub(super) flat: Vec<i64>,
    pub(super) cum: Vec<i64>,
    pub(super) total: Vec<i64>,
}

/// The type and unit of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SampleType {
    /// The type, such as `inuse_space` or `cpu`. A type without a name is called `value`, or `value1`, `value2` and so
    /// on in a profile with several types.
    pub kind: String,
    /// The unit, such as `bytes` or `nanoseconds`.
    pub unit: String,
}

/// The sums of a function, package or stack.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    report: &'r Report,
    index: usize,
    /// The sum over all samples with this function or package as the innermost frame. One value per sample type.
    pub flat: &'r [i64],
    /// The sum over all samples with this function or package in their stack. One value per sample
    /// type. For a stack, the same as `flat`.
    pub cum: &'r [i64],
}

impl<'r> Row<'r> {
    /// Returns the name of the function or package. For a stack, the name of the innermost function, or empty if it has
    /// no functions.
    pub fn name(&self) -> &'r str {
        self.frames().next().unwrap_or_default()
    }

    /// Returns the functions of a stack, innermost first. For other rows, the only function or package.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &'r str> + use<'r> {
        let report = self.report;
        let names: Cow<'r, [u32]> = match report.by {
            // An index of a name fits into 32 bits.
            By::Function | By::Package => Cow::Owned(vec![self.index as u32]),
            By::Stack => Cow::Borrowed(&report.stacks[self.index]),
        };
        (0..names.len()).map(move |i| &*report.names[names[i] as usize])
    }
}

/// The value by which rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The values of samples that end in the function.
    #[default]
    Flat,
    /// The values of samples that contain the function.
    Cum,
}

impl Report {
    /// Sums up the values of a profile.
    ///
    /// # Errors
    ///
    /// Fails if the profile has an invalid sample.
    pub fn new(profile: &Profile<'_>, by: By) -> Result<Self, ProfileError> {
        Self::with_filter(profile, by, &SampleFilter::default())
    }

    /// Sums up the values of the samples that a filter chooses. The [total](Self::total) is that of all samples.
    ///
    /// # Errors
    ///
    /// Fails if the profile has an invalid sample.
    pub fn with_filter(profile: &Profile<'_>, by: By, filter: &SampleFilter<'_>) -> Result<Self, ProfileError> {
        let sample_types = profile.sample_types().enumerate().map(|(index, value_type)| {
            let kind = match value_type.kind.is_empty() {
                true if profile.sample_type_count() == 1 => "value".to_owned(),
                true => format!("value{}", index + 1),
                false => value_type.kind.to_string(),
            };
            SampleType { kind, unit: value_type.unit.to_string() }
        });
        let mut report = Report {
            by,
            kind: profile.kind(),
            sample_types: sample_types.collect(),
            default_sample_type: profile.default_sample_type().unwrap_or(0),
            time_nanos: profile.time_nanos(),
            duration_nanos: profile.duration_nanos(),
            names: IndexSet::default(),
            stacks: IndexSet::default(),
            flat: Vec::new(),
            cum: Vec::new(),
            total: vec![0; profile.sample_type_count()],
        };
        let locations = Nodes::new(profile, by, &mut report.names);
        let filter = filter.of(profile);
        match by {
            By::Function | By::Package => report.add_nodes(profile, &locations, &filter)?,
            By::Stack => report.add_stacks(profile, &locations, &filter)?,
        }
        Ok(report)
    }

    fn add_nodes(
        &mut self,
        profile: &Profile<'_>,
        nodes: &Nodes,
        filter: &LocationFilter<'_>,
    ) -> Result<(), ProfileError> {
        let width = self.sample_types.len();
        self.flat = vec![0; width * self.names.len()];
        self.cum = vec![0; width * self.names.len()];
        // For each name and location, the number of the last sample that contained it.
        let mut seen_node = vec![0_u32; self.names.len()];
        let mut seen_location = vec![0_u32; nodes.ends.len()];
        let mut number = 0;
        let mut samples = profile.samples();
        while let Some(sample) = samples.next_sample()? {
            // This cannot overflow, because a profile is smaller than 4 GiB.
            number += 1;
            let values = sample.values();
            add(&mut self.total, values);
            if !filter.keeps(&sample)? {
                continue;
            }
            let places = sample.places();
            if let Some(&leaf) = places.first().and_then(|&place| nodes.of(place).first()) {
                let start = leaf as usize * width;
                add(&mut self.flat[start..start + width], values);
            }
            for &place in places {
                // A recursive function can have the same location several times in a stack. Count
                // it once.
                if std::mem::replace(&mut seen_location[place as usize], number) == number {
                    continue;
                }
                for &node in nodes.of(place) {
                    if std::mem::replace(&mut seen_node[node as usize], number) != number {
                        let start = node as usize * width;
                        add(&mut self.cum[start..start + width], values);
                    }
                }
            }
        }
        Ok(())
    }

    fn add_stacks(
        &mut self,
        profile: &Profile<'_>,
        nodes: &Nodes,
        filter: &LocationFilter<'_>,
    ) -> Result<(), ProfileError> {
        let width = self.sample_types.len();
        let mut stack = Vec::new();
        let mut samples = profile.samples();
        let most = profile.most_frames();
        let mut frames = 0;
        while let Some(sample) = samples.next_sample()? {
            add(&mut self.total, sample.values());
            if !filter.keeps(&sample)? {
                continue;
            }
            stack.clear();
            for &place in sample.places() {
                stack.extend_from_slice(nodes.of(place));
            }
            let row = match self.stacks.get_index_of(&stack[..]) {
                Some(row) => row,
                None => {
                    frames += stack.len() as u64;
                    if frames > most {
                        return Err(sample.too_many_frames());
                    }
                    self.flat.resize(self.flat.len() + width, 0);
                    self.stacks.insert_full(stack[..].into()).0
                }
            };
            add(&mut self.flat[row * width..(row + 1) * width], sample.values());
        }
        self.cum.clone_from(&self.flat);
        Ok(())
    }

    /// Returns the unit by which the report sums up values.
    pub fn by(&self) -> By {
        self.by
    }

    /// Returns the kind of the profile.
    pub fn kind(&self) -> PprofKind {
        self.kind
    }

    /// Returns the sample types.
    pub fn sample_types(&self) -> &[SampleType] {
        &self.sample_types
    }

    /// Returns the index of the sample type with this name. `None` if the profile has no such sample type.
    pub fn sample_type(&self, kind: &str) -> Option<usize> {
        self.sample_types.iter().position(|sample_type| sample_type.kind == kind)
    }

    /// Returns the index of the sample type that `go tool pprof` shows by default. `None` if the report has no sample
    /// types.
    pub fn default_sample_type(&self) -> Option<usize> {
        (!self.sample_types.is_empty()).then_some(self.default_sample_type)
    }

    /// Returns when the profile was taken. `None` if unknown.
    pub fn time(&self) -> Option<WallTime> {
        profile::time(self.time_nanos)
    }

    /// Returns the duration that the profile covers. `None` if unknown, as in a heap profile.
    pub fn duration(&self) -> Option<Duration> {
        profile::duration(self.duration_nanos)
    }

    /// Returns the sums over all samples. One value per sample type.
    pub fn total(&self) -> &[i64] {
        &self.total
    }

    /// Returns the number of rows, including rows with only zeros.
    pub fn len(&self) -> usize {
        match self.by {
            By::Function | By::Package => self.names.len(),
            By::Stack => self.stacks.len(),
        }
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all rows, in no particular order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    pub(super) fn row(&self, index: usize) -> Row<'_> {
        let values = index * self.sample_types.len()..(index + 1) * self.sample_types.len();
        Row { report: self, index, flat: &self.flat[values.clone()], cum: &self.cum[values] }
    }

    /// Returns the row of a function or package. `None` if there is no such name, and for reports by stack.
    pub fn find(&self, name: &str) -> Option<Row<'_>> {
        match self.by {
            By::Function | By::Package => self.names.get_index_of(name).map(|index| self.row(index)),
            By::Stack => None,
        }
    }

    /// Returns the rows with a flat or cumulative value other than zero, sorted like `go tool pprof -top`: by
    /// descending absolute flat value, then by name. `sample_type` is an index. Empty if it is out of range.
    pub fn top(&self, sample_type: usize) -> Vec<Row<'_>> {
        self.sorted(sample_type, SortBy::Flat)
    }

    /// Returns the same rows as [`top`](Self::top), sorted by descending absolute flat or cumulative value, then by
    /// name.
    pub fn sorted(&self, sample_type: usize, by: SortBy) -> Vec<Row<'_>> {
        if sample_type >= self.sample_types.len() {
            return Vec::new();
        }
        let value = |values: &[i64]| values[sample_type];
        let size = |row: &Row<'_>| match by {
            SortBy::Flat => value(row.flat).unsigned_abs(),
            SortBy::Cum => value(row.cum).unsigned_abs(),
        };
        let mut rows: Vec<Row<'_>> = self.rows().filter(|row| value(row.flat) != 0 || value(row.cum) != 0).collect();
        rows.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| a.frames().cmp(b.frames())));
        rows
    }
}

pub(super) fn add(sums: &mut [i64], values: &[i64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.wrapping_add(*value);
    }
}

/// The names of functions or packages at each location.
struct Nodes {
    nodes: Vec<u32>,
    /// The end of each location's part of `nodes`.
    ends: Vec<u32>,
}

impl Nodes {
    /// Looks up the names. Their number fits into 32 bits, because each line takes at least four
    /// bytes of the profile.
    fn new(profile: &Profile<'_>, by: By, names: &mut IndexSet<Box<str>, RandomState>) -> Self {
        let mut unknown = Unknown { of_mapping: vec![None; profile.mappings.len()], elsewhere: None };
        let functions: Vec<Option<u32>> =
            profile.functions().map(|function| function_name(&function, by).map(|name| intern(names, &name))).collect();
        let mut all = Nodes { nodes: Vec::new(), ends: Vec::with_capacity(profile.locations.len()) };
        for location in profile.locations() {
            let before = all.nodes.len();
            let mut lines = location.lines();
            while let Some((function, _, _)) = lines.next_place() {
                all.nodes.push(functions[function].unwrap_or_else(|| unknown.at(&location, names)));
            }
            if all.nodes.len() == before {
                all.nodes.push(unknown.at(&location, names));
            }
            all.ends.push(all.nodes.len() as u32);
        }
        all
    }

    fn of(&self, place: u32) -> &[u32] {
        let place = place as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.nodes[start as usize..self.ends[place] as usize]
    }
}

fn function_name<'a>(function: &Function<'a>, by: By) -> Option<Cow<'a, str>> {
    let name = names::printed(function.name, function.system_name);
    if name.is_empty() {
        return None;
    }
    Some(match by {
        By::Function | By::Stack => name,
        By::Package => match names::package(&name) {
            Some(package) => Cow::Owned(package.into_owned()),
            None => name,
        },
    })
}

/// The names that `go tool pprof` shows for locations without a known function.
struct Unknown {
    of_mapping: Vec<Option<u32>>,
    /// The name for locations outside of all mappings.
    elsewhere: Option<u32>,
}

impl Unknown {
    fn at(&mut self, location: &ProfileLocation<'_>, names: &mut IndexSet<Box<str>, RandomState>) -> u32 {
        let known = match location.mapping_place() {
            Some(place) => &mut self.of_mapping[place],
            None => &mut self.elsewhere,
        };
        *known.get_or_insert_with(|| {
            let file = location.mapping().map(|mapping| mapping.file.to_str_lossy()).unwrap_or_default();
            match file.rsplit('/').next() {
                Some(base) if !base.is_empty() => intern(names, &format!("[{base}]")),
                _ => intern(names, "<unknown>"),
            }
        })
    }
}
