//! Constructors of [`Profile`]: find the position of each message and check the tables.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::{Place, ProfileError, ProfileErrorKind, start_of};
use super::fields;
use super::limits::ProfileLimits;
use super::location::{Function, Mapping, ProfileLocation};
use super::profile::{Head, Profile, RawType};
use super::table::Table;
use super::text::{self, Converted};
use super::unpack;
use super::wire::{Field, Fields, Span};
use crate::file_kind::FileKind;

impl Profile<'static> {
    /// Reads a file, compressed with gzip or not. It can be `profile.proto`, or a profile in text form, which Go writes
    /// with `debug=1`.
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
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles/go1.27/heap.pb.gz");
    /// use gotrace::pprof::{PprofKind, Profile};
    ///
    /// let profile = Profile::from_reader(std::fs::File::open(path)?)?;
    /// assert_eq!(profile.kind(), PprofKind::Heap);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`from_path`](Profile::from_path).
    pub fn from_reader(input: impl Read) -> Result<Self, ProfileError> {
        Profile::from_reader_with(input, &ProfileLimits::default())
    }

    /// Like [`from_reader`](Profile::from_reader), with limits other than the default.
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
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles/go1.27/heap.pb.gz");
    /// let bytes = std::fs::read(path)?;
    /// let profile = gotrace::pprof::Profile::from_slice(&bytes)?;
    /// println!("{} samples", profile.sample_count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`from_path`](Profile::from_path).
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, ProfileError> {
        Profile::from_slice_with(bytes, &ProfileLimits::default())
    }

    /// Like [`from_slice`](Profile::from_slice), with limits other than the default.
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
        match FileKind::of(&bytes) {
            FileKind::TextProfile => {
                let Converted { bytes, mem_stats } = text::convert(&bytes, limits)?;
                let profile = Profile::decode(Cow::Owned(bytes), limits)?;
                Ok(Profile { mem_stats: mem_stats.map(Box::new), ..profile })
            }
            kind => match not_a_profile(kind, &bytes) {
                Some(kind) => Err(ProfileError::unpacked(kind, 0)),
                None => Profile::decode(bytes, limits),
            },
        }
    }

    /// Decodes `profile.proto`.
    fn decode(bytes: Cow<'a, [u8]>, limits: &ProfileLimits) -> Result<Self, ProfileError> {
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
            mem_stats: None,
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
    /// Parses a value type. `earlier` is the previous occurrence of the same field: protobuf merges the two messages.
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

/// Returns the error for a file that is not `profile.proto`. Files of unknown kind are decoded, for an
/// error that says what is wrong.
fn not_a_profile(kind: FileKind, bytes: &[u8]) -> Option<ProfileErrorKind> {
    match kind {
        FileKind::Empty => Some(ProfileErrorKind::Empty),
        FileKind::Profile | FileKind::Unknown | FileKind::PerfettoTrace => None,
        _ => {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(FileKind::HEAD)]);
            let start = if head.contains(['\0', '\u{fffd}']) { String::new() } else { start_of(head.trim_start()) };
            // A few bytes of a message can look like text.
            let is_message = kind == FileKind::Text && start.is_empty();
            (!is_message).then_some(ProfileErrorKind::NotAProfile { kind, start })
        }
    }
}
