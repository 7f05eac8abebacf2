//! [`Profile`] reads a profile: its tables and the fields that occur once.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::error::{Place, ProfileError, ProfileErrorKind};
use super::fields;
use super::limits::ProfileLimits;
use super::location::{Function, Mapping, ProfileLocation};
use super::model::ValueType;
use super::sample::Samples;
use super::table::Table;
use super::unpack;
use super::wire::{Field, Fields, Span};
use crate::event::Text;
use crate::time::WallTime;

/// A profile in memory. It borrows the input bytes if they are not compressed.
///
/// Opening a profile only finds the position of each message and checks the tables. Strings are
/// decoded on demand, and samples are decoded during iteration.
///
/// ```
/// use gotrace::pprof::Profile;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles/go1.27/heap.pb.gz");
/// let profile = Profile::from_path(path)?;
/// let inuse_space = profile.sample_type("inuse_space").ok_or("not a heap profile")?;
/// let mut samples = profile.samples();
/// while let Some(sample) = samples.next_sample()? {
///     if let Some(frame) = sample.frames().next() {
///         println!("{} bytes: {} ({}:{})", sample.values()[inuse_space], frame.func, frame.file, frame.line);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    bytes: Cow<'a, [u8]>,
    pub(super) limits: ProfileLimits,
    /// Their strings have been checked.
    sample_types: Vec<RawType>,
    /// The start and end of each string in `bytes`.
    strings: Vec<(u32, u32)>,
    pub(super) mappings: Table,
    pub(super) locations: Table,
    pub(super) functions: Table,
    /// The start of the first sample and the end of the last one in `bytes`. There may be other
    /// fields in between.
    samples: (usize, usize),
    sample_count: u64,
    head: Head,
    period_type: Option<RawType>,
}

/// The fields that a profile has once. Strings are indexes into the string table.
#[derive(Clone, Debug, Default)]
struct Head {
    time_nanos: i64,
    duration_nanos: i64,
    period: i64,
    comments: Vec<u64>,
    default_sample_type: u64,
    doc_url: u64,
    drop_frames: u64,
    keep_frames: u64,
}

/// A value type, whose strings are indexes into the string table, and its position.
#[derive(Clone, Copy, Debug)]
struct RawType {
    kind: u64,
    unit: u64,
    at: usize,
}

impl Profile<'static> {
    /// Reads a file, compressed with gzip or not.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or decompressed, if it exceeds 1 GiB after decompression,
    /// if it is not a profile, or if its tables are inconsistent. Errors in a sample are reported
    /// when the sample is read.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let file =
            File::open(path).map_err(|error| ProfileError { kind: ProfileErrorKind::Io(error), at: Place::File(0) })?;
        Profile::from_reader(file)
    }

    /// Reads an input, such as standard input, to its end. It may be compressed with gzip.
    ///
    /// # Errors
    ///
    /// See [`from_path`](Profile::from_path).
    pub fn from_reader(input: impl Read) -> Result<Self, ProfileError> {
        Profile::from_reader_with(input, &ProfileLimits::default())
    }

    /// Like [`from_reader`](Profile::from_reader), with other limits than the default.
    ///
    /// # Errors
    ///
    /// See [`from_path`](Profile::from_path).
    pub fn from_reader_with(input: impl Read, limits: &ProfileLimits) -> Result<Self, ProfileError> {
        Profile::parse(Cow::Owned(unpack::read(input, limits)?), limits)
    }
}

impl<'a> Profile<'a> {
    /// Reads a profile in memory. It may be compressed with gzip. If it is not, the bytes are
    /// borrowed.
    ///
    /// # Errors
    ///
    /// See [`from_path`](Profile::from_path).
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, ProfileError> {
        Profile::from_slice_with(bytes, &ProfileLimits::default())
    }

    /// Like [`from_slice`](Profile::from_slice), with other limits than the default.
    ///
    /// # Errors
    ///
    /// See [`from_path`](Profile::from_path).
    pub fn from_slice_with(bytes: &'a [u8], limits: &ProfileLimits) -> Result<Self, ProfileError> {
        Profile::parse(unpack::unpack(bytes, limits)?, limits)
    }

    fn parse(bytes: Cow<'a, [u8]>, limits: &ProfileLimits) -> Result<Self, ProfileError> {
        if bytes.len() as u64 > limits.max_bytes() {
            let kind = ProfileErrorKind::LimitExceeded { what: "decompressed bytes", limit: limits.max_bytes() };
            return Err(ProfileError::unpacked(kind, 0));
        }
        if let Some(kind) = not_a_profile(&bytes) {
            return Err(ProfileError::unpacked(kind, 0));
        }
        let mut profile = Profile {
            bytes,
            limits: *limits,
            sample_types: Vec::new(),
            strings: Vec::new(),
            mappings: Table::new("mapping"),
            locations: Table::new("location"),
            functions: Table::new("function"),
            samples: (0, 0),
            sample_count: 0,
            head: Head::default(),
            period_type: None,
        };
        profile.scan()?;
        for &raw in profile.sample_types.iter().chain(&profile.period_type) {
            profile.text_at(raw.kind, raw.at)?;
            profile.text_at(raw.unit, raw.at)?;
        }
        profile.index_tables()?;
        profile.check_head()?;
        Ok(profile)
    }

    /// Finds the position of each message.
    fn scan(&mut self) -> Result<(), ProfileError> {
        let limits = &self.limits;
        let mut fields = Fields::new(Span { bytes: &self.bytes, start: 0 }, "Profile", limits);
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::profile::SAMPLE => {
                    fields.span(field)?;
                    if self.sample_count == 0 {
                        self.samples.0 = field.at;
                    }
                    self.samples.1 = fields.pos();
                    self.sample_count += 1;
                }
                fields::profile::LOCATION => self.locations.push(fields.span(field)?),
                fields::profile::FUNCTION => self.functions.push(fields.span(field)?),
                fields::profile::MAPPING => self.mappings.push(fields.span(field)?),
                fields::profile::STRING_TABLE => {
                    let span = fields.span(field)?;
                    if self.strings.is_empty() && !span.body().is_empty() {
                        return Err(ProfileError::unpacked(ProfileErrorKind::FirstStringNotEmpty, field.at));
                    }
                    // Both fit into 32 bits, because a profile is smaller than 4 GiB.
                    self.strings.push((span.start as u32, span.bytes.len() as u32));
                }
                fields::profile::SAMPLE_TYPE => {
                    if self.sample_types.len() >= limits.sample_types as usize {
                        let limit = limits.sample_types.into();
                        let kind = ProfileErrorKind::LimitExceeded { what: "sample types", limit };
                        return Err(ProfileError::unpacked(kind, field.at));
                    }
                    self.sample_types.push(RawType::read(fields.span(field)?, None, limits)?);
                }
                fields::profile::PERIOD_TYPE => {
                    self.period_type = Some(RawType::read(fields.span(field)?, self.period_type, limits)?);
                }
                _ => self.head.read(&fields, field, limits)?,
            }
        }
        Ok(())
    }

    /// Decodes every table entry once and checks it, so that later decoding cannot fail.
    fn index_tables(&mut self) -> Result<(), ProfileError> {
        let limits = self.limits;
        self.mappings.index(&self.bytes, |span| Mapping::id_of(span, &limits))?;
        self.functions.index(&self.bytes, |span| Function::id_of(span, &limits))?;
        self.locations.index(&self.bytes, |span| ProfileLocation::id_of(span, &limits))?;
        for place in 0..self.mappings.len() {
            Mapping::check(self, self.mappings.span(&self.bytes, place))?;
        }
        for place in 0..self.functions.len() {
            Function::check(self, self.functions.span(&self.bytes, place))?;
        }
        for place in 0..self.locations.len() {
            ProfileLocation::check(self, self.locations.span(&self.bytes, place))?;
        }
        Ok(())
    }

    fn check_head(&self) -> Result<(), ProfileError> {
        let Head { default_sample_type, doc_url, drop_frames, keep_frames, .. } = self.head;
        let once = [default_sample_type, doc_url, drop_frames, keep_frames];
        once.iter().chain(&self.head.comments).try_for_each(|&index| self.text_at(index, 0).map(|_| ()))
    }

    /// The bytes of the profile, decompressed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The string with this index. `at` is the position of the index, for errors.
    pub(super) fn text_at(&self, index: u64, at: usize) -> Result<Text<'_>, ProfileError> {
        match usize::try_from(index).ok().and_then(|index| self.strings.get(index)) {
            Some(&(start, end)) => Ok(Text(&self.bytes[start as usize..end as usize])),
            // Index 0 is the empty string, even if the profile has no strings.
            None if index == 0 => Ok(Text::default()),
            None => Err(ProfileError::unpacked(ProfileErrorKind::UnknownString { index }, at)),
        }
    }

    /// The string with this index, which has been checked.
    pub(super) fn text(&self, index: u64) -> Text<'_> {
        self.text_at(index, 0).unwrap_or_default()
    }

    fn value_type(&self, raw: RawType) -> ValueType<'_> {
        ValueType { kind: self.text(raw.kind), unit: self.text(raw.unit) }
    }

    /// The types of the values of samples. A heap profile has `alloc_objects`, `alloc_space`,
    /// `inuse_objects` and `inuse_space`.
    pub fn sample_types(&self) -> impl ExactSizeIterator<Item = ValueType<'_>> {
        self.sample_types.iter().map(|&raw| self.value_type(raw))
    }

    pub(super) fn sample_type_count(&self) -> usize {
        self.sample_types.len()
    }

    /// The index of the sample type with this name. `None` if the profile does not have it.
    pub fn sample_type(&self, kind: &str) -> Option<usize> {
        self.sample_types().position(|value_type| value_type.kind.as_bytes() == kind.as_bytes())
    }

    /// The index of the sample type that `go tool pprof` shows by default: the one that the profile
    /// names, or else the last. `None` if the profile has no sample types.
    pub fn default_sample_type(&self) -> Option<usize> {
        let named = self.text(self.head.default_sample_type);
        let position = self.sample_types().position(|value_type| !named.is_empty() && value_type.kind == named);
        position.or(self.sample_types.len().checked_sub(1))
    }

    /// The name of the sample type to show by default, as stated in the profile. Empty if the
    /// profile does not state one.
    pub fn default_sample_type_name(&self) -> Text<'_> {
        self.text(self.head.default_sample_type)
    }

    /// What is sampled, such as `cpu` in `nanoseconds`. `None` if unknown.
    pub fn period_type(&self) -> Option<ValueType<'_>> {
        self.period_type.map(|raw| self.value_type(raw))
    }

    /// The number of units of [`period_type`](Profile::period_type) between two samples. 0 if
    /// unknown.
    pub fn period(&self) -> i64 {
        self.head.period
    }

    /// When the profile was taken. `None` if unknown.
    pub fn time(&self) -> Option<WallTime> {
        time(self.head.time_nanos)
    }

    /// When the profile was taken, in nanoseconds since 1970-01-01 00:00 UTC. 0 if unknown.
    pub(crate) fn time_nanos(&self) -> i64 {
        self.head.time_nanos
    }

    /// The duration that the profile covers. `None` if unknown, as in a heap profile, which covers
    /// the time since the start of the program.
    pub fn duration(&self) -> Option<Duration> {
        duration(self.head.duration_nanos)
    }

    pub(super) fn duration_nanos(&self) -> i64 {
        self.head.duration_nanos
    }

    /// Comments, which are lines of text.
    pub fn comments(&self) -> impl ExactSizeIterator<Item = Text<'_>> {
        self.head.comments.iter().map(|&index| self.text(index))
    }

    /// The URL of the documentation of the profile. Empty if there is none.
    pub fn doc_url(&self) -> Text<'_> {
        self.text(self.head.doc_url)
    }

    /// A regular expression for functions that `go tool pprof` removes from stacks, together with
    /// their callees. Empty if there is none, as in all profiles of Go's runtime.
    /// [Reports](super::Report) ignore it.
    pub fn drop_frames(&self) -> Text<'_> {
        self.text(self.head.drop_frames)
    }

    /// A regular expression for exceptions from [`drop_frames`](Profile::drop_frames).
    pub fn keep_frames(&self) -> Text<'_> {
        self.text(self.head.keep_frames)
    }

    /// The number of samples.
    pub fn sample_count(&self) -> u64 {
        self.sample_count
    }

    /// The samples, in the order of the file.
    pub fn samples(&self) -> Samples<'_> {
        let (start, end) = self.samples;
        Samples::new(self, Span { bytes: &self.bytes[..end], start })
    }

    /// The maximum number of frames in all distinct stacks together. See
    /// [`ProfileLimits::frames_per_byte`].
    pub(crate) fn most_frames(&self) -> u64 {
        u64::from(self.limits.frames_per_byte) * self.bytes.len() as u64
    }

    /// The mappings. Usually the first is the program's binary, and the others are libraries.
    pub fn mappings(&self) -> impl ExactSizeIterator<Item = Mapping<'_>> {
        (0..self.mappings.len()).map(|place| Mapping::new(self, place))
    }

    /// The locations, in the order of the file.
    pub fn locations(&self) -> impl ExactSizeIterator<Item = ProfileLocation<'_>> {
        (0..self.locations.len()).map(|place| ProfileLocation::new(self, place))
    }

    /// The functions, in the order of the file.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> {
        (0..self.functions.len()).map(|place| Function::new(self, place))
    }

    /// The string table, in the order of the file. The first string is empty.
    pub fn strings(&self) -> impl ExactSizeIterator<Item = Text<'_>> {
        self.strings.iter().map(|&(start, end)| Text(&self.bytes[start as usize..end as usize]))
    }
}

impl Head {
    fn read(&mut self, fields: &Fields<'_>, field: Field<'_>, limits: &ProfileLimits) -> Result<(), ProfileError> {
        match field.number {
            fields::profile::TIME_NANOS => {
                // Go's reader also rejects concatenated profiles here, because concatenation does
                // not merge profiles.
                if self.time_nanos != 0 {
                    return Err(ProfileError::unpacked(ProfileErrorKind::MultipleProfiles, field.at));
                }
                self.time_nanos = fields.integer(field)?.cast_signed();
            }
            fields::profile::DURATION_NANOS => self.duration_nanos = fields.integer(field)?.cast_signed(),
            fields::profile::PERIOD => self.period = fields.integer(field)?.cast_signed(),
            fields::profile::DEFAULT_SAMPLE_TYPE => self.default_sample_type = fields.integer(field)?,
            fields::profile::DOC_URL => self.doc_url = fields.integer(field)?,
            fields::profile::DROP_FRAMES => self.drop_frames = fields.integer(field)?,
            fields::profile::KEEP_FRAMES => self.keep_frames = fields.integer(field)?,
            fields::profile::COMMENT => fields.integers(field, |index, at| {
                self.comments.push(index);
                let limit = limits.comments;
                match self.comments.len() > limit as usize {
                    true => {
                        let kind = ProfileErrorKind::LimitExceeded { what: "comments", limit: limit.into() };
                        Err(ProfileError::unpacked(kind, at))
                    }
                    false => Ok(()),
                }
            })?,
            _ => {}
        }
        Ok(())
    }
}

impl RawType {
    /// `earlier` is the previous occurrence of the same field: protobuf merges the two messages.
    fn read(span: Span<'_>, earlier: Option<RawType>, limits: &ProfileLimits) -> Result<RawType, ProfileError> {
        let mut raw = earlier.unwrap_or(RawType { kind: 0, unit: 0, at: span.start });
        let mut fields = Fields::new(span, "ValueType", limits);
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::value_type::TYPE => raw.kind = fields.integer(field)?,
                fields::value_type::UNIT => raw.unit = fields.integer(field)?,
                _ => {}
            }
        }
        Ok(raw)
    }
}

/// Converts nanoseconds since 1970. `None` for 0, which means unknown.
pub(super) fn time(nanos: i64) -> Option<WallTime> {
    WallTime::from_nanos(nanos.into()).filter(|_| nanos != 0)
}

/// Converts nanoseconds. `None` if they are not positive: 0 means unknown.
pub(super) fn duration(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos).ok().filter(|&nanos| nanos > 0).map(Duration::from_nanos)
}

/// The starts of profiles in text form (Go `src/runtime/pprof/pprof.go`).
const TEXT_FORMS: [&str; 6] = [
    "heap profile: ",
    "goroutine profile: ",
    "goroutineleak profile: ",
    "threadcreate profile: ",
    "--- contention:",
    "--- mutex:",
];

fn not_a_profile(bytes: &[u8]) -> Option<ProfileErrorKind> {
    if bytes.is_empty() {
        return Some(ProfileErrorKind::Empty);
    }
    let start = TEXT_FORMS.into_iter().find(|form| bytes.starts_with(form.as_bytes()))?;
    Some(ProfileErrorKind::Text { start: start.trim_end() })
}
