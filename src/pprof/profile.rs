//! The struct [`Profile`]: its tables and the fields that occur once.

use std::borrow::Cow;
use std::time::Duration;

use super::error::{ProfileError, ProfileErrorKind};
use super::limits::ProfileLimits;
use super::model::ValueType;
use super::table::Table;
use super::text::MemStats;
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
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) limits: ProfileLimits,
    /// The sample types. Their strings have been checked.
    pub(super) sample_types: Vec<RawType>,
    /// The start and end of each string in `bytes`.
    pub(super) strings: Vec<(u32, u32)>,
    pub(super) mappings: Table,
    pub(super) locations: Table,
    pub(super) functions: Table,
    /// The start of the first sample and the end of the last sample in `bytes`. There may be other fields in between.
    pub(super) samples: (usize, usize),
    pub(super) sample_count: u64,
    pub(super) head: Head,
    pub(super) period_type: Option<RawType>,
    pub(super) mem_stats: Option<Box<MemStats>>,
}

/// The fields that occur once in a profile. Strings are indexes into the string table.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    pub(super) period: i64,
    pub(super) comments: Vec<u64>,
    pub(super) default_sample_type: u64,
    pub(super) doc_url: u64,
    pub(super) drop_frames: u64,
    pub(super) keep_frames: u64,
}

/// A value type, whose strings are indexes into the string table, and its position.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawType {
    pub(super) kind: u64,
    pub(super) unit: u64,
    pub(super) at: usize,
}

impl Profile<'_> {
    /// Returns the bytes of the profile, decompressed. A profile in text form has been converted to `profile.proto`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the string with this index. `at` is the position of the index, for errors.
    pub(super) fn text_at(&self, index: u64, at: usize) -> Result<Text<'_>, ProfileError> {
        match usize::try_from(index).ok().and_then(|index| self.strings.get(index)) {
            Some(&(start, end)) => Ok(Text(&self.bytes[start as usize..end as usize])),
            // Index 0 is the empty string, even if the profile has no strings.
            None if index == 0 => Ok(Text::default()),
            None => Err(ProfileError::unpacked(ProfileErrorKind::UnknownString { index }, at)),
        }
    }

    /// Returns the string with this index, which has been checked.
    pub(super) fn text(&self, index: u64) -> Text<'_> {
        self.text_at(index, 0).unwrap_or_default()
    }

    fn value_type(&self, raw: RawType) -> ValueType<'_> {
        ValueType { kind: self.text(raw.kind), unit: self.text(raw.unit) }
    }

    /// Returns the types of the values of samples. A heap profile has `alloc_objects`, `alloc_space`, `inuse_objects`
    /// and `inuse_space`.
    pub fn sample_types(&self) -> impl ExactSizeIterator<Item = ValueType<'_>> {
        self.sample_types.iter().map(|&raw| self.value_type(raw))
    }

    pub(super) fn sample_type_count(&self) -> usize {
        self.sample_types.len()
    }

    /// Returns the index of the sample type with this name. `None` if the profile has no such sample type.
    pub fn sample_type(&self, kind: &str) -> Option<usize> {
        self.sample_types().position(|value_type| value_type.kind.as_bytes() == kind.as_bytes())
    }

    /// Returns the index of the sample type that `go tool pprof` shows by default: the sample type that the profile
    /// names, or the last sample type if it names none. `None` if the profile has no sample types.
    pub fn default_sample_type(&self) -> Option<usize> {
        let named = self.text(self.head.default_sample_type);
        let position = self.sample_types().position(|value_type| !named.is_empty() && value_type.kind == named);
        position.or(self.sample_types.len().checked_sub(1))
    }

    /// Returns the name of the sample type to show by default, as stated in the profile. Empty if the profile does not
    /// state one.
    pub fn default_sample_type_name(&self) -> Text<'_> {
        self.text(self.head.default_sample_type)
    }

    /// Returns what is sampled, such as `cpu` in `nanoseconds`. `None` if unknown.
    pub fn period_type(&self) -> Option<ValueType<'_>> {
        self.period_type.map(|raw| self.value_type(raw))
    }

    /// Returns the number of units of [`period_type`](Profile::period_type) between two samples. 0 if unknown.
    pub fn period(&self) -> i64 {
        self.head.period
    }

    /// Returns when the profile was taken. `None` if unknown.
    pub fn time(&self) -> Option<WallTime> {
        time(self.head.time_nanos)
    }

    /// Returns when the profile was taken, in nanoseconds since 1970-01-01 00:00 UTC. 0 if unknown.
    pub(crate) fn time_nanos(&self) -> i64 {
        self.head.time_nanos
    }

    /// Returns the duration that the profile covers. `None` if unknown, as in a heap profile, which covers the time
    /// since the start of the program.
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

    /// Returns the URL of the documentation of the profile. Empty if there is none.
    pub fn doc_url(&self) -> Text<'_> {
        self.text(self.head.doc_url)
    }

    /// Returns a regular expression for functions that `go tool pprof` removes from stacks, together with their
    /// callees. Empty if there is none, as in all profiles of Go's runtime. [Reports](super::Report) ignore it.
    pub fn drop_frames(&self) -> Text<'_> {
        self.text(self.head.drop_frames)
    }

    /// Returns a regular expression for exceptions from [`drop_frames`](Profile::drop_frames).
    pub fn keep_frames(&self) -> Text<'_> {
        self.text(self.head.keep_frames)
    }

    /// Returns the memory statistics of the process. `None` if the profile is not a heap profile in text form.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/text-profiles/go1.27/heap.txt.gz");
    /// let profile = gotrace::pprof::Profile::from_path(path)?;
    /// let memory = profile.mem_stats().ok_or("not a heap profile with debug=1")?;
    /// println!("the program holds {} bytes", memory.sys - memory.heap_released);
    /// # Ok(())
    /// # }
    /// ```
    pub fn mem_stats(&self) -> Option<&MemStats> {
        self.mem_stats.as_deref()
    }

    /// Returns the number of samples.
    pub fn sample_count(&self) -> u64 {
        self.sample_count
    }

    /// Returns the maximum number of frames in all distinct stacks together. See [`ProfileLimits::frames_per_byte`].
    pub(crate) fn most_frames(&self) -> u64 {
        u64::from(self.limits.frames_per_byte) * self.bytes.len() as u64
    }

    /// Returns the string table, in the order of the file. The first string is empty.
    pub fn strings(&self) -> impl ExactSizeIterator<Item = Text<'_>> {
        self.strings.iter().map(|&(start, end)| Text(&self.bytes[start as usize..end as usize]))
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
