//! One pass over a trace, event by event.

use std::fs::File;
use std::io::Read;
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
/// Events borrow from the reader: what is to be kept is copied. Over a slice nothing of the trace is copied; over a
/// `Read` the bytes of one generation, about a second of the trace, are in memory. Traces of Go 1.21 and older have no
/// generations: all their bytes are, and nothing is delivered before the last is read.
#[derive(Debug)]
pub struct Reader<'a> {
    source: Source<'a>,
    version: Version,
    decoder: Decoder,
    failed: bool,
}

/// Both formats feed the same events.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one, and v2's is used at every event")]
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

    /// Whether the next event is made already, as most are: they come in blocks.
    #[inline(always)]
    fn is_ready(&self) -> bool {
        match self {
            Decoder::V1(decoder) => decoder.is_ready(),
            Decoder::V2(decoder) => decoder.is_ready(),
        }
    }

    /// Makes more events; false at the end.
    fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match self {
            Decoder::V1(decoder) => decoder.refill(source),
            Decoder::V2(decoder) => decoder.refill(source),
        }
    }

    /// The next event, which is ready.
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

impl Reader<'static> {
    /// Reads a file. Nothing is mapped or read ahead: memory follows the largest generation, of a trace of Go 1.21 or older
    /// the file.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of [`from_reader`](Reader::from_reader).
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().from_path(path)
    }

    /// Says how to read before reading: over damage, within limits.
    pub fn builder() -> ReaderBuilder {
        ReaderBuilder::default()
    }
}

/// How a trace is to be read; made by [`Reader::builder`].
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
    /// Reads over damage: every sound event before it is given, then an [`EventKind::Gap`](crate::EventKind::Gap), and then
    /// every sound generation behind it. What was gone over stands in [`Reader::account`].
    ///
    /// Traces of Go 1.21 and older are one row of events: they are given up to the damage, and a Gap. Without the clock's
    /// rate, which stands at the end of such a file, a nanosecond stands for a tick of the clock.
    ///
    /// What is no trace, or of a version that is not read, is refused all the same. Reading ends with an error only where
    /// the bytes can't be read, or go past a limit.
    pub fn lenient(mut self) -> Self {
        self.mode.lenient = true;
        self
    }

    /// Sets the most of everything that a trace may have.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.mode.limits = limits;
        self
    }

    /// As [`Reader::from_path`].
    ///
    /// # Errors
    ///
    /// Those of opening the file and of [`Reader::from_reader`].
    pub fn from_path(self, path: impl AsRef<Path>) -> Result<Reader<'static>, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        self.from_reader(file)
    }

    /// As [`Reader::from_slice`].
    ///
    /// # Errors
    ///
    /// Those of [`Reader::from_slice`].
    pub fn from_slice(self, bytes: &[u8]) -> Result<Reader<'_>, Error> {
        Reader::from_source(Source::slice(bytes), self.mode)
    }

    /// As [`Reader::from_reader`].
    ///
    /// # Errors
    ///
    /// Those of [`Reader::from_reader`].
    pub fn from_reader<'a>(self, from: impl Read + Send + 'a) -> Result<Reader<'a>, Error> {
        Reader::from_source(Source::stream(from), self.mode)
    }
}

impl<'a> Reader<'a> {
    /// Reads a trace that is in memory, or mapped into it.
    ///
    /// # Errors
    ///
    /// `NotATrace`, `TruncatedHeader` or `UnsupportedVersion` if the first 16 bytes are not the header of a trace that
    /// can be read.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        ReaderBuilder::default().from_slice(bytes)
    }

    /// Reads a trace from anything that gives bytes: a pipe, a decompressor, a connection. Buffering it gains nothing.
    ///
    /// # Errors
    ///
    /// As [`from_slice`](Self::from_slice), and those of reading the header.
    pub fn from_reader(from: impl Read + Send + 'a) -> Result<Self, Error> {
        ReaderBuilder::default().from_reader(from)
    }

    fn from_source(mut source: Source<'a>, mode: Mode) -> Result<Self, Error> {
        let version = header::read(&mut source)?;
        Ok(Reader { source, version, decoder: Decoder::new(version, mode), failed: false })
    }

    /// The version that the trace's header names.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The next event, `None` at the trace's end. The first and the last event are a Sync.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the trace from here on. The events before it have been delivered; afterwards this gives
    /// `Ok(None)`.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        if !self.decoder.is_ready() && !self.refill()? {
            return Ok(None);
        }
        let (record, symbols) = self.decoder.deliver(&self.source);
        Ok(Some(Event::new(record, symbols)))
    }

    /// Delivers the bare records of all events that are left: just what [`next_event`](Self::next_event) gives, a block at a
    /// time.
    pub(crate) fn drain(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        while self.decoder.is_ready() || self.refill()? {
            let (records, symbols) = self.decoder.take(&self.source);
            sink.add(records, symbols);
        }
        Ok(())
    }

    /// Makes the next event ready, where that takes more than a step.
    #[inline(never)]
    fn refill(&mut self) -> Result<bool, Error> {
        if self.failed {
            return Ok(false);
        }
        let there = self.decoder.refill(&mut self.source);
        self.failed = there.is_err();
        there
    }

    /// How many bytes of the input were read so far, also those that are not decoded yet: of a slice, its length.
    pub fn bytes_read(&self) -> u64 {
        self.source.base() + self.source.window().len() as u64
    }

    /// How many batches were read so far: a generation's all at once, those of tables included; of a trace of Go 1.21 or
    /// older those with events, all at the first event.
    pub fn batches(&self) -> u64 {
        self.decoder.batches()
    }

    /// The generation of which the last event was given, from its Sync on; `None` before that, and before Go 1.22. Events are
    /// given up to the end of a generation before the next one is read.
    pub fn generation(&self) -> Option<GenerationInfo> {
        match &self.decoder {
            Decoder::V1(_) => None,
            Decoder::V2(decoder) => decoder.generation(&self.source),
        }
    }

    /// What was read so far, and what lenient reading lost.
    pub fn account(&self) -> Account<'_> {
        self.decoder.account(&self.source)
    }

    /// What is doubtful in the trace so far, such as mistakes of the traced program: the first thousand of them, and how
    /// many there were.
    ///
    /// Events are ordered up to a few hundred ahead of their delivery, and warnings come as they are ordered.
    pub fn warnings(&self) -> (&[Warning], u64) {
        self.decoder.warnings()
    }
}
