//! [`ProfileBuilder`] writes profiles.

use std::io::{self, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};
use smallvec::SmallVec;

use super::encode::Message;
use super::fields;
use super::model::{LabelValue, ProfileFrame, SampleLabel, ValueType};
use crate::event::Text;
use crate::number::{intern, number};
use crate::time::WallTime;

/// Builds a profile from stacks and values, and writes it.
///
/// `N` is the number of values of each sample. Samples with the same stack and labels are added up.
/// The output is deterministic: IDs are assigned in order of first use, and the gzip header
/// contains no time.
///
/// ```
/// use std::time::Duration;
///
/// use gotrace::pprof::{ProfileBuilder, ProfileFrame, ValueType};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let types = [ValueType::new("contentions", "count"), ValueType::new("delay", "nanoseconds")];
/// let mut profile = ProfileBuilder::new(types);
/// profile.period(ValueType::new("contentions", "count"), 1);
/// profile.duration(Duration::from_secs(2));
/// let stack = [ProfileFrame::new("main.wait", "main.go", 7), ProfileFrame::new("main.main", "main.go", 3)];
/// profile.sample(stack, [1, 250]);
/// let mut file = Vec::new();
/// profile.write_gzip(&mut file)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ProfileBuilder<const N: usize> {
    sample_types: [Type; N],
    period: Option<(Type, i64)>,
    time_nanos: i64,
    duration_nanos: i64,
    default_sample_type: StringIndex,
    comments: Vec<StringIndex>,
    program: Option<StringIndex>,
    samples: IndexMap<SampleKey, [i64; N], RandomState>,
    locations: IndexSet<Location, RandomState>,
    functions: IndexSet<Function, RandomState>,
    strings: IndexSet<Box<str>, RandomState>,
}

/// An index into the string table. The empty string has index 0.
type StringIndex = u32;

#[derive(Clone, Copy, Debug)]
struct Type {
    kind: StringIndex,
    unit: StringIndex,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SampleKey {
    /// Indexes of locations, innermost first. Their IDs in the file start from 1.
    locations: Box<[u32]>,
    labels: Box<[LabelKey]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LabelKey {
    key: StringIndex,
    text: StringIndex,
    number: i64,
    unit: StringIndex,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Location {
    address: u64,
    /// The lines, innermost first. All except the last are inlined.
    lines: SmallVec<[Line; 1]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Line {
    function: u32,
    line: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Function {
    name: StringIndex,
    file: StringIndex,
    start_line: i64,
}

impl<const N: usize> ProfileBuilder<N> {
    /// Creates a profile without samples. `sample_types` describe the values of samples.
    pub fn new(sample_types: [ValueType<'_>; N]) -> Self {
        let mut strings = IndexSet::default();
        strings.insert("".into());
        let sample_types = sample_types.map(|value_type| intern_type(&mut strings, value_type));
        ProfileBuilder {
            sample_types,
            period: None,
            time_nanos: 0,
            duration_nanos: 0,
            default_sample_type: 0,
            comments: Vec::new(),
            program: None,
            samples: IndexMap::default(),
            locations: IndexSet::default(),
            functions: IndexSet::default(),
            strings,
        }
    }

    /// Sets what is sampled, and the number of units between two samples.
    pub fn period(&mut self, value_type: ValueType<'_>, period: i64) -> &mut Self {
        self.period = Some((intern_type(&mut self.strings, value_type), period));
        self
    }

    /// Sets when the profile was taken. Times outside the years 1678 to 2262 are left out, because
    /// the format cannot represent them.
    pub fn time(&mut self, time: WallTime) -> &mut Self {
        self.time_nanos = i64::try_from(time.as_nanos()).unwrap_or(0);
        self
    }

    /// Sets the duration that the profile covers. The maximum of the format is 292 years.
    pub fn duration(&mut self, duration: Duration) -> &mut Self {
        self.duration_nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        self
    }

    /// Sets the sample type that readers show by default. If it is not set, they show the last sample type.
    pub fn default_sample_type<'a>(&mut self, kind: impl Into<Text<'a>>) -> &mut Self {
        self.default_sample_type = intern_text(&mut self.strings, kind.into());
        self
    }

    /// Adds a comment. `go tool pprof` prints comments above its reports.
    pub fn comment<'a>(&mut self, text: impl Into<Text<'a>>) -> &mut Self {
        let comment = intern_text(&mut self.strings, text.into());
        self.comments.push(comment);
        self
    }

    /// Sets the path of the program's binary.
    pub fn program<'a>(&mut self, path: impl Into<Text<'a>>) -> &mut Self {
        self.program = Some(intern_text(&mut self.strings, path.into()));
        self
    }

    /// Adds values to a stack, which lists the innermost frame first and may be empty.
    ///
    /// Invalid UTF-8 is replaced by U+FFFD, because the format requires UTF-8. Sums saturate.
    pub fn sample<'a>(&mut self, stack: impl IntoIterator<Item = ProfileFrame<'a>>, values: [i64; N]) -> &mut Self {
        self.labelled_sample(stack, values, [])
    }

    /// Adds values to a stack with labels. See [`sample`](ProfileBuilder::sample).
    pub fn labelled_sample<'a, 'l>(
        &mut self,
        stack: impl IntoIterator<Item = ProfileFrame<'a>>,
        values: [i64; N],
        labels: impl IntoIterator<Item = SampleLabel<'l>>,
    ) -> &mut Self {
        let locations = self.intern_stack(stack);
        let labels = labels.into_iter().map(|label| self.intern_label(label)).collect();
        let sums = self.samples.entry(SampleKey { locations, labels }).or_insert([0; N]);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.saturating_add(value);
        }
        self
    }

    fn intern_stack<'a>(&mut self, stack: impl IntoIterator<Item = ProfileFrame<'a>>) -> Box<[u32]> {
        let mut locations = SmallVec::<[u32; 64]>::new();
        let mut lines = SmallVec::new();
        let mut stack = stack.into_iter().peekable();
        while let Some(frame) = stack.next() {
            let name = intern_text(&mut self.strings, frame.func);
            let file = intern_text(&mut self.strings, frame.file);
            let function = self.functions.insert_full(Function { name, file, start_line: frame.start_line }).0;
            lines.push(Line { function: number(function), line: frame.line });
            if frame.inlined && stack.peek().is_some() {
                continue;
            }
            let location = Location { address: frame.address, lines: std::mem::take(&mut lines) };
            locations.push(number(self.locations.insert_full(location).0));
        }
        locations.as_slice().into()
    }

    fn intern_label(&mut self, label: SampleLabel<'_>) -> LabelKey {
        let key = intern_text(&mut self.strings, label.key);
        match label.value {
            LabelValue::Text(text) => LabelKey { key, text: intern_text(&mut self.strings, text), number: 0, unit: 0 },
            LabelValue::Number { value, unit } => {
                LabelKey { key, text: 0, number: value, unit: intern_text(&mut self.strings, unit) }
            }
        }
    }

    /// Writes the profile compressed with gzip, as `go tool pprof` and other tools expect it.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write_gzip(&self, out: impl Write) -> io::Result<()> {
        let mut gzip = GzEncoder::new(out, Compression::fast());
        self.write(&mut gzip)?;
        gzip.finish()?.flush()
    }

    /// Writes the profile without compression. Most tools accept such profiles as well.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut message = Message::default();
        self.write_head(&mut message);
        for (key, values) in &self.samples {
            message.message(fields::profile::SAMPLE, |sample| write_sample(sample, key, values));
            message.flush_if_large(&mut out)?;
        }
        if let Some(program) = self.program {
            message.message(fields::profile::MAPPING, |mapping| write_mapping(mapping, program));
        }
        for (id, location) in (1..).zip(&self.locations) {
            let mapped = self.program.is_some();
            message.message(fields::profile::LOCATION, |message| write_location(message, id, location, mapped));
            message.flush_if_large(&mut out)?;
        }
        for (id, function) in (1..).zip(&self.functions) {
            message.message(fields::profile::FUNCTION, |message| write_function(message, id, function));
            message.flush_if_large(&mut out)?;
        }
        for string in &self.strings {
            message.bytes(fields::profile::STRING_TABLE, string.as_bytes());
            message.flush_if_large(&mut out)?;
        }
        message.flush(&mut out)
    }

    /// Writes the fields that are not tables.
    fn write_head(&self, message: &mut Message) {
        for &value_type in &self.sample_types {
            message.message(fields::profile::SAMPLE_TYPE, |message| write_type(message, value_type));
        }
        message.int64(fields::profile::TIME_NANOS, self.time_nanos);
        message.int64(fields::profile::DURATION_NANOS, self.duration_nanos);
        if let Some((value_type, period)) = self.period {
            message.message(fields::profile::PERIOD_TYPE, |message| write_type(message, value_type));
            message.int64(fields::profile::PERIOD, period);
        }
        message.packed(fields::profile::COMMENT, self.comments.iter().map(|&comment| comment.into()));
        message.uint64(fields::profile::DEFAULT_SAMPLE_TYPE, self.default_sample_type.into());
    }
}

fn intern_type(strings: &mut IndexSet<Box<str>, RandomState>, value_type: ValueType<'_>) -> Type {
    Type { kind: intern_text(strings, value_type.kind), unit: intern_text(strings, value_type.unit) }
}

fn intern_text(strings: &mut IndexSet<Box<str>, RandomState>, text: Text<'_>) -> StringIndex {
    intern(strings, &text.to_str_lossy())
}

fn write_type(message: &mut Message, value_type: Type) {
    message.uint64(fields::value_type::TYPE, value_type.kind.into());
    message.uint64(fields::value_type::UNIT, value_type.unit.into());
}

fn write_sample(message: &mut Message, key: &SampleKey, values: &[i64]) {
    let ids = key.locations.iter().map(|&location| u64::from(location) + 1);
    message.packed(fields::sample::LOCATION_ID, ids);
    message.packed(fields::sample::VALUE, values.iter().map(|&value| value.cast_unsigned()));
    for label in &key.labels {
        message.message(fields::sample::LABEL, |message| {
            message.uint64(fields::label::KEY, label.key.into());
            message.uint64(fields::label::STR, label.text.into());
            message.int64(fields::label::NUM, label.number);
            message.uint64(fields::label::NUM_UNIT, label.unit.into());
        });
    }
}

/// Writes the only mapping. It states that all symbols are known, so that tools do not look for
/// them in the binary.
fn write_mapping(message: &mut Message, program: StringIndex) {
    message.uint64(fields::mapping::ID, 1);
    message.uint64(fields::mapping::FILENAME, program.into());
    for has in [
        fields::mapping::HAS_FUNCTIONS,
        fields::mapping::HAS_FILENAMES,
        fields::mapping::HAS_LINE_NUMBERS,
        fields::mapping::HAS_INLINE_FRAMES,
    ] {
        message.uint64(has, 1);
    }
}

fn write_location(message: &mut Message, id: u64, location: &Location, mapped: bool) {
    message.uint64(fields::location::ID, id);
    message.uint64(fields::location::MAPPING_ID, mapped.into());
    message.uint64(fields::location::ADDRESS, location.address);
    for line in &location.lines {
        message.message(fields::location::LINE, |message| {
            message.uint64(fields::line::FUNCTION_ID, u64::from(line.function) + 1);
            message.int64(fields::line::LINE, line.line);
        });
    }
}

fn write_function(message: &mut Message, id: u64, function: &Function) {
    message.uint64(fields::function::ID, id);
    message.uint64(fields::function::NAME, function.name.into());
    message.uint64(fields::function::SYSTEM_NAME, function.name.into());
    message.uint64(fields::function::FILENAME, function.file.into());
    message.int64(fields::function::START_LINE, function.start_line);
}
