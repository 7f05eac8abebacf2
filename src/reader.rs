//! [`Reader`] returns the events of a trace one by one.

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::account::{Account, GenerationInfo};
use crate::error::{Error, Location};
use crate::event::Event;
use crate::event::record::{Record, Sink};
use crate::event::tables::Symbols;
use crate::limits::{Limits, Mode};
use crate::warning::Warning;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;
use crate::{v1, v2};

/// Reads the events of a trace in order.
///
/// ```
/// use gotrace::{EventKind, Reader};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
/// let mut reader = Reader::from_path(path)?;
/// let mut blocked = 0;
/// while let Some(event) = reader.next_event()? {
///     if let EventKind::GoTransition(change) = event.kind() {
///         blocked += u32::from(change.reason == "chan receive");
///     }
/// }
/// assert!(blocked > 0);
/// # Ok(())
/// # }
/// ```
///
/// Events borrow from the reader, so copy what you want to keep. When reading from a slice, nothing
/// of the trace is copied. When reading from a `Read`, the bytes of one generation (about a second
/// of the trace) are in memory. Traces of Go 1.21 and older have no generations: the reader loads
/// the whole file before it returns the first event.
#[derive(Debug)]
pub struct Reader<'a> {
    source: Source<'a>,
    version: Version,
    decoder: Decoder,
    failed: bool,
}

/// The decoder for the format of the trace. Both decoders produce the same kinds of events.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a reader has only one decoder, and boxing V2 would add an indirection per event"
)]
enum Decoder {
    V1(Box<v1::decoder::Decoder>),
    V2(v2::decoder::Decoder),
}

impl Decoder {
    fn new(version: Version, mode: Mode) -> Self {
        match version.is_v1() {
            true => Decoder::V1(Box::new(v1::decoder::Decoder::new(version, mode))),
            false => Decoder::V2(v2::decoder::Decoder::new(version, mode)),
        }
    }

    /// Returns whether the next event is already decoded. This is usually the case, because decoders produce events in
    /// blocks.
    #[inline(always)]
    fn is_ready(&self) -> bool {
        match self {
            Decoder::V1(decoder) => decoder.is_ready(),
            Decoder::V2(decoder) => decoder.is_ready(),
        }
    }

    /// Decodes more events. Returns false at the end of the trace.
    fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match self {
            Decoder::V1(decoder) => decoder.refill(source),
            Decoder::V2(decoder) => decoder.refill(source),
        }
    }

    /// Returns the next event. There must be one: see [`is_ready`](Self::is_ready).
    #[inline(always)]
    fn deliver<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        match self {
            Decoder::V1(decoder) => decoder.deliver(source),
            Decoder::V2(decoder) => decoder.deliver(source),
        }
    }

    fn take<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a [Record], Symbols<'a>) {
        match self {
            Decoder::V1(decoder) => decoder.take(source),
            Decoder::V2(decoder) => decoder.take(source),
        }
    }

    fn batches(&self) -> u64 {
        match self {
            Decoder::V1(decoder) => decoder.batches(),
            Decoder::V2(decoder) => decoder.batches(),
        }
    }

    fn account(&self, source: &Source<'_>) -> Account<'_> {
        match self {
            Decoder::V1(decoder) => decoder.account(source),
            Decoder::V2(decoder) => decoder.account(source),
        }
    }

    fn warnings(&self) -> (&[Warning], u64) {
        match self {
            Decoder::V1(decoder) => decoder.warnings(),
            Decoder::V2(decoder) => decoder.warnings(),
        }
    }
}

impl Reader<'_> {
    /// The supported Go releases, as minor versions: Go 1.11 to 1.27.
    pub const GO_RELEASES: RangeInclusive<u32> = 11..=27;
}

impl Reader<'static> {
    /// Reads the trace file at `path`.
    ///
    /// The file is not memory-mapped. Memory use is proportional to the largest generation, or to
    /// the file for traces of Go 1.21 and older.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, and if [`from_reader`](Reader::from_reader) fails.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().from_path(path)
    }

    /// Returns a builder, for lenient reading or to set other limits.
    pub fn builder() -> ReaderBuilder {
        ReaderBuilder::default()
    }
}

/// Options for reading a trace. [`Reader::builder`] returns the defaults.
///
/// ```
/// use gotrace::{EventKind, Reader};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/generations.trace");
/// # let mut bytes = std::fs::read(path)?;
/// # bytes.truncate(3000);
/// let mut reader = Reader::builder().lenient().from_slice(&bytes)?;
/// while let Some(event) = reader.next_event()? {
///     if let EventKind::Gap(gap) = event.kind() {
///         println!("something is lost{}", gap.at);
///     }
/// }
/// let account = reader.account();
/// println!("{} events read, {} bytes lost", account.read.events, account.lost.bytes);
/// for fault in account.faults {
///     println!("{fault}");
/// }
/// # assert!(account.fault_count > 0);
/// # assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct ReaderBuilder {
    mode: Mode,
}

impl ReaderBuilder {
    /// Continues after damage. The reader returns all undamaged events before the damage, then an
    /// [`EventKind::Gap`](crate::EventKind::Gap), then all undamaged generations after the damage.
    /// [`Reader::account`] reports what was skipped.
    ///
    /// Traces of Go 1.21 and older have no generations, so no events after the damage are returned,
    /// only a Gap and the last Sync. The clock's frequency is at the end of such a file. If it is
    /// missing, the reader assumes that one tick of the clock is one nanosecond.
    ///
    /// The constructors still fail if the input is not a trace or its version is not supported.
    /// Afterwards, only I/O errors and exceeded limits are returned as errors.
    pub fn lenient(mut self) -> Self {
        self.mode.lenient = true;
        self
    }

    /// Replaces the default limits on the trace.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.mode.limits = limits;
        self
    }

    /// Like [`Reader::from_path`].
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, and if [`Reader::from_reader`] fails.
    pub fn from_path(self, path: impl AsRef<Path>) -> Result<Reader<'static>, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        self.from_reader(file)
    }

    /// Like [`Reader::from_slice`].
    ///
    /// # Errors
    ///
    /// The same as for [`Reader::from_slice`].
    pub fn from_slice(self, bytes: &[u8]) -> Result<Reader<'_>, Error> {
        Reader::from_source(Source::slice(bytes), self.mode)
    }

    /// Like [`Reader::from_reader`].
    ///
    /// # Errors
    ///
    /// The same as for [`Reader::from_reader`].
    pub fn from_reader<'a>(self, from: impl Read + Send + 'a) -> Result<Reader<'a>, Error> {
        Reader::from_source(Source::stream(from), self.mode)
    }
}

impl<'a> Reader<'a> {
    /// Reads a trace from memory, such as a mapped file.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/channels.trace");
    /// let bytes = std::fs::read(path)?;
    /// let mut reader = gotrace::Reader::from_slice(&bytes)?;
    /// assert_eq!(reader.version(), gotrace::Version::Go126);
    /// let first = reader.next_event()?.ok_or("no events")?;
    /// println!("{first}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `NotATrace`, `TruncatedHeader` or `UnsupportedVersion` if the first 16 bytes are not the
    /// header of a supported trace.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        ReaderBuilder::default().from_slice(bytes)
    }

    /// Reads a trace from any `Read`, such as a pipe, a decompressor or a connection. A `BufReader`
    /// is not needed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/channels.trace");
    /// let input = std::fs::File::open(path)?; // or std::io::stdin(), or a socket
    /// let mut reader = gotrace::Reader::from_reader(input)?;
    /// let mut events = 0;
    /// while let Some(_event) = reader.next_event()? {
    ///     events += 1;
    /// }
    /// println!("{events} events");
    /// # assert!(events > 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as for [`from_slice`](Self::from_slice), and `Io` if reading the header fails.
    pub fn from_reader(from: impl Read + Send + 'a) -> Result<Self, Error> {
        ReaderBuilder::default().from_reader(from)
    }

    fn from_source(mut source: Source<'a>, mode: Mode) -> Result<Self, Error> {
        let version = header::read(&mut source)?;
        Ok(Reader { source, version, decoder: Decoder::new(version, mode), failed: false })
    }

    /// Returns the version in the header of the trace.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the next event, or `None` at the end of the trace. The first and the last event are
    /// an [`EventKind::Sync`](crate::EventKind::Sync).
    ///
    /// # Errors
    ///
    /// Fails if the trace is damaged or exceeds a limit, or if the input cannot be read. All events
    /// before the error have been returned. After an error, this returns `Ok(None)`.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        if !self.decoder.is_ready() && !self.refill()? {
            return Ok(None);
        }
        let (record, symbols) = self.decoder.deliver(&self.source);
        Ok(Some(Event::new(record, symbols)))
    }

    /// Passes the records of all remaining events to `sink`, in blocks. These are the events that
    /// [`next_event`](Self::next_event) would return.
    pub(crate) fn drain(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        while self.decoder.is_ready() || self.refill()? {
            let (records, symbols) = self.decoder.take(&self.source);
            sink.add(records, symbols);
        }
        Ok(())
    }

    /// Decodes more events. Not inlined, because [`next_event`](Self::next_event) rarely calls it.
    #[inline(never)]
    fn refill(&mut self) -> Result<bool, Error> {
        if self.failed {
            return Ok(false);
        }
        let refilled = self.decoder.refill(&mut self.source);
        self.failed = refilled.is_err();
        refilled
    }

    /// Returns the number of bytes read from the input, including bytes that are not decoded yet. For a slice, this is
    /// its length.
    pub fn bytes_read(&self) -> u64 {
        self.source.base() + self.source.window().len() as u64
    }

    /// Returns the number of batches read, including batches of tables. All batches of a generation are counted at
    /// once. For traces of Go 1.21 and older, only batches of events are counted, and all are counted at the first
    /// event.
    pub fn batches(&self) -> u64 {
        self.decoder.batches()
    }

    /// Returns the generation of the last event returned. `None` before the first Sync, and for traces of Go 1.21 and
    /// older. The next generation is only read after all events of the previous generation have been returned.
    pub fn generation(&self) -> Option<GenerationInfo> {
        match &self.decoder {
            Decoder::V1(_) => None,
            Decoder::V2(decoder) => decoder.generation(&self.source),
        }
    }

    /// Returns counts of what was read so far, and of what lenient reading skipped.
    pub fn account(&self) -> Account<'_> {
        self.decoder.account(&self.source)
    }

    /// Returns the warnings so far, such as misused regions and tasks: the first thousand, and the total number.
    ///
    /// The reader decodes a few hundred events before it returns them. Their warnings appear here
    /// as soon as they are decoded.
    pub fn warnings(&self) -> (&[Warning], u64) {
        self.decoder.warnings()
    }
}
