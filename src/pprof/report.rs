//! What a profile's values come to, by function, package or stack.

use std::borrow::Cow;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::error::Error;
use super::kind::ProfileKind;
use super::location::{Function, Location};
use super::names;
use super::profile::Profile;
use crate::number::intern;

/// What the values of a profile are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// By the function as `go tool pprof` names it; inlined ones count as others do.
    Function,
    /// By the package of the function. Functions outside of packages, which are C's, go by their own names.
    Package,
    /// By the stack of functions.
    Stack,
}

/// The sums of a profile's values by function, package or stack. It owns what it holds.
///
/// Flat and cumulative values are those of `go tool pprof -top`: a sample's value is flat for the innermost function of its
/// stack and cumulative for each that stands in it, however often.
///
/// ```
/// use gotrace::pprof::{By, Profile, ProfileBytes, Report};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles/go1.27/heap.pb.gz");
/// let bytes = ProfileBytes::open(path)?;
/// let report = Report::new(&Profile::parse(bytes.as_bytes())?, By::Function)?;
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
    pub(super) kind: ProfileKind,
    pub(super) sample_types: Vec<SampleType>,
    pub(super) default_sample_type: usize,
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    /// Of functions or packages.
    pub(super) names: IndexSet<Box<str>, RandomState>,
    /// Of names, innermost first; only by stack.
    pub(super) stacks: IndexSet<Box<[u32]>, RandomState>,
    /// A row after another, each with as many values as there are sample types.
    pub(super) flat: Vec<i64>,
    pub(super) cum: Vec<i64>,
    pub(super) total: Vec<i64>,
}

/// What a column of values is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SampleType {
    /// What is measured: `inuse_space`, `cpu`, …
    pub kind: String,
    /// In what: `bytes`, `nanoseconds`, …
    pub unit: String,
}

/// The sums of a function, package or stack.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    report: &'r Report,
    index: usize,
    /// Of samples of which it is the innermost, by sample type.
    pub flat: &'r [i64],
    /// Of samples in whose stacks it is, by sample type. By stack, the same as `flat`.
    pub cum: &'r [i64],
}

impl<'r> Row<'r> {
    /// The function, or the package; of a stack its innermost function, empty if it has none.
    pub fn name(&self) -> &'r str {
        self.frames().next().unwrap_or_default()
    }

    /// The functions of a stack, innermost first; else the one function or package.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &'r str> + use<'r> {
        let report = self.report;
        let names: Cow<'r, [u32]> = match report.by {
            // Names are numbered in 32 bits.
            By::Function | By::Package => Cow::Owned(vec![self.index as u32]),
            By::Stack => Cow::Borrowed(&report.stacks[self.index]),
        };
        (0..names.len()).map(move |i| &*report.names[names[i] as usize])
    }
}

impl Report {
    /// Adds up the values of a profile.
    ///
    /// # Errors
    ///
    /// Those of its samples.
    pub fn new(profile: &Profile<'_>, by: By) -> Result<Self, Error> {
        let sample_types = profile
            .sample_types()
            .iter()
            .map(|value_type| SampleType { kind: value_type.kind.to_string(), unit: value_type.unit.to_string() });
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
            total: vec![0; profile.sample_types().len()],
        };
        let locations = Nodes::new(profile, by, &mut report.names);
        match by {
            By::Function | By::Package => report.add_nodes(profile, &locations)?,
            By::Stack => report.add_stacks(profile, &locations)?,
        }
        Ok(report)
    }

    fn add_nodes(&mut self, profile: &Profile<'_>, nodes: &Nodes) -> Result<(), Error> {
        let width = self.sample_types.len();
        self.flat = vec![0; width * self.names.len()];
        self.cum = vec![0; width * self.names.len()];
        // The number of the sample in which each was seen last.
        let mut seen_node = vec![0_u32; self.names.len()];
        let mut seen_location = vec![0_u32; nodes.ends.len()];
        let mut number = 0;
        let mut samples = profile.samples();
        while let Some(sample) = samples.next_sample()? {
            // A profile is shorter than 4 GiB: so many samples do not fit in.
            number += 1;
            let values = sample.values();
            add(&mut self.total, values);
            let places = sample.places();
            if let Some(&leaf) = places.first().and_then(|&place| nodes.of(place).first()) {
                let start = leaf as usize * width;
                add(&mut self.flat[start..start + width], values);
            }
            for &place in places {
                // Most of a recursion is found out here, and its lines need not be looked at again.
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

    fn add_stacks(&mut self, profile: &Profile<'_>, nodes: &Nodes) -> Result<(), Error> {
        let width = self.sample_types.len();
        let mut stack = Vec::new();
        let mut samples = profile.samples();
        let most = profile.most_frames();
        let mut frames = 0;
        while let Some(sample) = samples.next_sample()? {
            add(&mut self.total, sample.values());
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

    /// By what it is.
    pub fn by(&self) -> By {
        self.by
    }

    /// Which of Go's profiles it is of.
    pub fn kind(&self) -> ProfileKind {
        self.kind
    }

    /// What the values are.
    pub fn sample_types(&self) -> &[SampleType] {
        &self.sample_types
    }

    /// Which of the values has this type.
    pub fn sample_type(&self, kind: &str) -> Option<usize> {
        self.sample_types.iter().position(|sample_type| sample_type.kind == kind)
    }

    /// Which of the values `go tool pprof` shows. `None` if there are none.
    pub fn default_sample_type(&self) -> Option<usize> {
        (!self.sample_types.is_empty()).then_some(self.default_sample_type)
    }

    /// When the profile was taken, in nanoseconds since 1970, UTC; 0 if unknown.
    pub fn time_nanos(&self) -> i64 {
        self.time_nanos
    }

    /// Over how many nanoseconds; 0 if unknown.
    pub fn duration_nanos(&self) -> i64 {
        self.duration_nanos
    }

    /// The sums over all samples, by sample type.
    pub fn total(&self) -> &[i64] {
        &self.total
    }

    /// How many rows there are, those with nothing but zeros included.
    pub fn len(&self) -> usize {
        match self.by {
            By::Function | By::Package => self.names.len(),
            By::Stack => self.stacks.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows, in no particular order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    pub(super) fn row(&self, index: usize) -> Row<'_> {
        let values = index * self.sample_types.len()..(index + 1) * self.sample_types.len();
        Row { report: self, index, flat: &self.flat[values.clone()], cum: &self.cum[values] }
    }

    /// The function or package of this name.
    pub fn find(&self, name: &str) -> Option<Row<'_>> {
        match self.by {
            By::Function | By::Package => self.names.get_index_of(name).map(|index| self.row(index)),
            By::Stack => None,
        }
    }

    /// The rows that have any of a value, as `go tool pprof -top` sorts them: the largest flat value first, whatever its
    /// sign; equal ones by name. Empty if there is no such value.
    pub fn top(&self, sample_type: usize) -> Vec<Row<'_>> {
        if sample_type >= self.sample_types.len() {
            return Vec::new();
        }
        let value = |values: &[i64]| values[sample_type];
        let mut rows: Vec<Row<'_>> = self.rows().filter(|row| value(row.flat) != 0 || value(row.cum) != 0).collect();
        rows.sort_by(|a, b| {
            let by_flat = value(b.flat).unsigned_abs().cmp(&value(a.flat).unsigned_abs());
            by_flat.then_with(|| a.frames().cmp(b.frames()))
        });
        rows
    }
}

pub(super) fn add(sums: &mut [i64], values: &[i64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.wrapping_add(*value);
    }
}

/// The names at each location, innermost first.
struct Nodes {
    nodes: Vec<u32>,
    /// Where those of each location end.
    ends: Vec<u32>,
}

impl Nodes {
    /// Each line is at least four bytes of the profile, so their number fits in 32 bits.
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

/// What `go tool pprof` calls places of which it knows no function, once it has been asked for.
struct Unknown {
    of_mapping: Vec<Option<u32>>,
    /// In no mapping.
    elsewhere: Option<u32>,
}

impl Unknown {
    fn at(&mut self, location: &Location<'_, '_>, names: &mut IndexSet<Box<str>, RandomState>) -> u32 {
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
