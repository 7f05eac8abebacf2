//! A profile: its head and its tables.

use super::error::{Error, ErrorKind};
use super::fields;
use super::limits::Limits;
use super::location::{Function, Location, Mapping};
use super::model::ValueType;
use super::sample::Samples;
use super::table::Table;
use super::wire::{Field, Fields, Span};
use crate::event::Text;

/// A profile, borrowed from its bytes.
///
/// Reading one looks at each message once to find its place; strings stay bytes until they are asked for, and samples are
/// visited, not kept.
///
/// ```
/// use gotrace::pprof::{Profile, ProfileBytes};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles/go1.27/heap.pb.gz");
/// let bytes = ProfileBytes::open(path)?;
/// let profile = Profile::parse(bytes.as_bytes())?;
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
#[derive(Debug)]
pub struct Profile<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) limits: Limits,
    sample_types: Vec<ValueType<'a>>,
    /// Start and end of each.
    strings: Vec<(u32, u32)>,
    pub(super) mappings: Table,
    pub(super) locations: Table,
    pub(super) functions: Table,
    /// From the first sample up to where the last one ends.
    samples: (usize, usize),
    sample_count: u64,
    head: Head,
    period_type: Option<ValueType<'a>>,
}

/// What is there once. Strings are indexes that have not been looked up.
#[derive(Debug, Default)]
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

/// A type and a unit that have not been looked up, and where they stand.
#[derive(Clone, Copy, Debug)]
struct RawType {
    kind: u64,
    unit: u64,
    at: usize,
}

impl<'a> Profile<'a> {
    /// Reads the head and the tables of a profile.
    ///
    /// # Errors
    ///
    /// Bytes that are no profile, or one whose tables contradict themselves. What is wrong with a sample comes up when it is
    /// visited.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Profile::parse_with(bytes, &Limits::default())
    }

    /// Reads a profile within limits other than the default.
    ///
    /// # Errors
    ///
    /// See [`parse`](Profile::parse).
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        if bytes.len() as u64 > limits.max_bytes() {
            let kind = ErrorKind::LimitExceeded { what: "bytes unpacked", limit: limits.max_bytes() };
            return Err(Error::unpacked(kind, 0));
        }
        if let Some(kind) = no_profile(bytes) {
            return Err(Error::unpacked(kind, 0));
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
        let (sample_types, period_type) = profile.scan()?;
        for raw in sample_types {
            profile.sample_types.push(profile.value_type(raw)?);
        }
        profile.period_type = period_type.map(|raw| profile.value_type(raw)).transpose()?;
        profile.index_tables()?;
        profile.check_head()?;
        Ok(profile)
    }

    /// Finds the place of each message.
    fn scan(&mut self) -> Result<(Vec<RawType>, Option<RawType>), Error> {
        let mut sample_types = Vec::new();
        let mut period_type = None;
        let mut fields = Fields::new(Span { bytes: self.bytes, start: 0 }, "Profile", &self.limits);
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
                        return Err(Error::unpacked(ErrorKind::FirstStringNotEmpty, field.at));
                    }
                    // Shorter than 4 GiB, as the whole profile is.
                    self.strings.push((span.start as u32, span.bytes.len() as u32));
                }
                fields::profile::SAMPLE_TYPE => {
                    if sample_types.len() >= self.limits.sample_types as usize {
                        let limit = self.limits.sample_types.into();
                        let kind = ErrorKind::LimitExceeded { what: "sample types", limit };
                        return Err(Error::unpacked(kind, field.at));
                    }
                    sample_types.push(self.raw_type(fields.span(field)?, None)?);
                }
                fields::profile::PERIOD_TYPE => {
                    period_type = Some(self.raw_type(fields.span(field)?, period_type)?);
                }
                _ => self.scan_head(&fields, field)?,
            }
        }
        Ok((sample_types, period_type))
    }

    fn scan_head(&mut self, fields: &Fields<'a>, field: Field<'a>) -> Result<(), Error> {
        let head = &mut self.head;
        match field.number {
            fields::profile::TIME_NANOS => {
                // So Go's reader tells files that were put together, which is no way to merge profiles.
                if head.time_nanos != 0 {
                    return Err(Error::unpacked(ErrorKind::MultipleProfiles, field.at));
                }
                head.time_nanos = fields.integer(field)?.cast_signed();
            }
            fields::profile::DURATION_NANOS => head.duration_nanos = fields.integer(field)?.cast_signed(),
            fields::profile::PERIOD => head.period = fields.integer(field)?.cast_signed(),
            fields::profile::DEFAULT_SAMPLE_TYPE => head.default_sample_type = fields.integer(field)?,
            fields::profile::DOC_URL => head.doc_url = fields.integer(field)?,
            fields::profile::DROP_FRAMES => head.drop_frames = fields.integer(field)?,
            fields::profile::KEEP_FRAMES => head.keep_frames = fields.integer(field)?,
            fields::profile::COMMENT => fields.integers(field, |index, at| {
                head.comments.push(index);
                let limit = self.limits.comments;
                match head.comments.len() > limit as usize {
                    true => {
                        Err(Error::unpacked(ErrorKind::LimitExceeded { what: "comments", limit: limit.into() }, at))
                    }
                    false => Ok(()),
                }
            })?,
            _ => {}
        }
        Ok(())
    }

    /// As protobuf has it, the fields of a message that is there twice are put together.
    fn raw_type(&self, span: Span<'a>, earlier: Option<RawType>) -> Result<RawType, Error> {
        let mut raw = earlier.unwrap_or(RawType { kind: 0, unit: 0, at: span.start });
        let mut fields = Fields::new(span, "ValueType", &self.limits);
        while let Some(field) = fields.next_field()? {
            match field.number {
                fields::value_type::TYPE => raw.kind = fields.integer(field)?,
                fields::value_type::UNIT => raw.unit = fields.integer(field)?,
                _ => {}
            }
        }
        Ok(raw)
    }

    fn value_type(&self, raw: RawType) -> Result<ValueType<'a>, Error> {
        Ok(ValueType { kind: self.text_at(raw.kind, raw.at)?, unit: self.text_at(raw.unit, raw.at)? })
    }

    /// Looks at each message of the tables once, so that afterwards nothing can be wrong with them.
    fn index_tables(&mut self) -> Result<(), Error> {
        let limits = self.limits;
        self.mappings.index(self.bytes, |span| Mapping::id_of(span, &limits))?;
        self.functions.index(self.bytes, |span| Function::id_of(span, &limits))?;
        self.locations.index(self.bytes, |span| Location::id_of(span, &limits))?;
        for place in 0..self.mappings.len() {
            Mapping::check(self, self.mappings.span(self.bytes, place))?;
        }
        for place in 0..self.functions.len() {
            Function::check(self, self.functions.span(self.bytes, place))?;
        }
        for place in 0..self.locations.len() {
            Location::check(self, self.locations.span(self.bytes, place))?;
        }
        Ok(())
    }

    fn check_head(&self) -> Result<(), Error> {
        let Head { default_sample_type, doc_url, drop_frames, keep_frames, .. } = self.head;
        let once = [default_sample_type, doc_url, drop_frames, keep_frames];
        once.iter().chain(&self.head.comments).try_for_each(|&index| self.text_at(index, 0).map(|_| ()))
    }

    /// The string of an index that stands at `at`.
    pub(super) fn text_at(&self, index: u64, at: usize) -> Result<Text<'a>, Error> {
        match usize::try_from(index).ok().and_then(|index| self.strings.get(index)) {
            Some(&(start, end)) => Ok(Text(&self.bytes[start as usize..end as usize])),
            // A profile without strings still has the empty one.
            None if index == 0 => Ok(Text::default()),
            None => Err(Error::unpacked(ErrorKind::UnknownString { index }, at)),
        }
    }

    /// The string of an index that has been checked.
    pub(super) fn text(&self, index: u64) -> Text<'a> {
        self.text_at(index, 0).unwrap_or_default()
    }

    /// What the values of the samples are. A heap profile has `alloc_objects`, `alloc_space`, `inuse_objects`,
    /// `inuse_space`.
    pub fn sample_types(&self) -> &[ValueType<'a>] {
        &self.sample_types
    }

    /// Which of the values has this type.
    pub fn sample_type(&self, kind: &str) -> Option<usize> {
        self.sample_types.iter().position(|value_type| value_type.kind.as_bytes() == kind.as_bytes())
    }

    /// Which of the values `go tool pprof` shows: the one that the profile names, or else the last. `None` if there are
    /// none.
    pub fn default_sample_type(&self) -> Option<usize> {
        let named = self.text(self.head.default_sample_type);
        let position = self.sample_types.iter().position(|value_type| !named.is_empty() && value_type.kind == named);
        position.or(self.sample_types.len().checked_sub(1))
    }

    /// The type that the profile names as the one to show; empty if it names none.
    pub fn default_sample_type_name(&self) -> Text<'a> {
        self.text(self.head.default_sample_type)
    }

    /// What is sampled, such as `cpu` in `nanoseconds`.
    pub fn period_type(&self) -> Option<ValueType<'a>> {
        self.period_type
    }

    /// How much of it lies between two samples; 0 if unknown.
    pub fn period(&self) -> i64 {
        self.head.period
    }

    /// When it was taken, in nanoseconds since 1970, UTC; 0 if unknown.
    pub fn time_nanos(&self) -> i64 {
        self.head.time_nanos
    }

    /// Over how long it was taken, in nanoseconds; 0 if unknown, as in a heap profile, which is of all the time since the
    /// program began.
    pub fn duration_nanos(&self) -> i64 {
        self.head.duration_nanos
    }

    /// Lines that whoever wrote it put there.
    pub fn comments(&self) -> impl ExactSizeIterator<Item = Text<'a>> {
        self.head.comments.iter().map(|&index| self.text(index))
    }

    /// Where it is documented; empty if that is not said.
    pub fn doc_url(&self) -> Text<'a> {
        self.text(self.head.doc_url)
    }

    /// A regular expression for functions that `go tool pprof` cuts stacks off at; empty, as in all that Go's runtime
    /// writes, for none. The [reports](super::Report) do not heed it.
    pub fn drop_frames(&self) -> Text<'a> {
        self.text(self.head.drop_frames)
    }

    /// A regular expression for functions that [`drop_frames`](Profile::drop_frames) is not for.
    pub fn keep_frames(&self) -> Text<'a> {
        self.text(self.head.keep_frames)
    }

    /// How many samples there are.
    pub fn sample_count(&self) -> u64 {
        self.sample_count
    }

    /// The samples, in the order of the file.
    pub fn samples(&self) -> Samples<'_, 'a> {
        let (start, end) = self.samples;
        Samples::new(self, Span { bytes: &self.bytes[..end], start })
    }

    /// How many frames all different stacks together may have: see [`Limits::frames_per_byte`].
    pub(crate) fn most_frames(&self) -> u64 {
        u64::from(self.limits.frames_per_byte) * self.bytes.len() as u64
    }

    /// The mappings: the program's binary first, then the libraries.
    pub fn mappings(&self) -> impl ExactSizeIterator<Item = Mapping<'a>> {
        (0..self.mappings.len()).map(|place| Mapping::new(self, place))
    }

    /// The locations, in the order of the file.
    pub fn locations(&self) -> impl ExactSizeIterator<Item = Location<'_, 'a>> {
        (0..self.locations.len()).map(|place| Location::new(self, place))
    }

    /// The functions, in the order of the file.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'a>> {
        (0..self.functions.len()).map(|place| Function::new(self, place))
    }

    /// The strings, in the order of the file. The first is empty.
    pub fn strings(&self) -> impl ExactSizeIterator<Item = Text<'a>> {
        self.strings.iter().map(|&(start, end)| Text(&self.bytes[start as usize..end as usize]))
    }
}

/// How the profiles in text form begin, see Go src/runtime/pprof/pprof.go.
const TEXT_FORMS: [&str; 6] = [
    "heap profile: ",
    "goroutine profile: ",
    "goroutineleak profile: ",
    "threadcreate profile: ",
    "--- contention:",
    "--- mutex:",
];

fn no_profile(bytes: &[u8]) -> Option<ErrorKind> {
    if bytes.is_empty() {
        return Some(ErrorKind::Empty);
    }
    let begin = TEXT_FORMS.into_iter().find(|form| bytes.starts_with(form.as_bytes()))?;
    Some(ErrorKind::Text { begin: begin.trim_end() })
}
