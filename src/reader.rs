//! One pass over a trace, event by event.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Location, Warning};
use crate::event::Event;
use crate::event::record::Record;
use crate::event::tables::Symbols;
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
/// let mut reader = Reader::open(path)?;
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
    fn new(version: Version) -> Self {
        match version.is_v1() {
            true => Decoder::V1(Box::new(v1::decoder::Decoder::new(version))),
            false => Decoder::V2(v2::decoder::Decoder::new(version)),
        }
    }

    /// Makes the next event current if it is made already, as most are: they come in blocks.
    #[inline(always)]
    fn deliver(&mut self) -> bool {
        match self {
            Decoder::V1(decoder) => decoder.deliver(),
            Decoder::V2(decoder) => decoder.deliver(),
        }
    }

    fn advance(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        match self {
            Decoder::V1(decoder) => decoder.advance(source),
            Decoder::V2(decoder) => decoder.advance(source),
        }
    }

    #[inline(always)]
    fn current<'a>(&'a self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        match self {
            Decoder::V1(decoder) => decoder.current(source),
            Decoder::V2(decoder) => decoder.current(source),
        }
    }

    fn batches(&self) -> u64 {
        match self {
            Decoder::V1(decoder) => decoder.batches(),
            Decoder::V2(decoder) => decoder.batches(),
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
    /// Those of opening the file and of [`new`](Reader::new).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        Self::new(file)
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
        Self::from_source(Source::slice(bytes))
    }

    /// Reads a trace from anything that gives bytes: a pipe, a decompressor, a connection. Buffering it gains nothing.
    ///
    /// # Errors
    ///
    /// As [`from_slice`](Self::from_slice), and those of reading the header.
    pub fn new(from: impl Read + Send + 'a) -> Result<Self, Error> {
        Self::from_source(Source::stream(from))
    }

    fn from_source(mut source: Source<'a>) -> Result<Self, Error> {
        let version = header::read(&mut source)?;
        Ok(Reader { source, version, decoder: Decoder::new(version), failed: false })
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
        if !self.decoder.deliver() && !self.advance()? {
            return Ok(None);
        }
        let (record, symbols) = self.decoder.current(&self.source);
        Ok(Some(Event::new(record, symbols)))
    }

    /// As [`next_event`](Self::next_event), the bare record.
    #[inline(always)]
    pub(crate) fn next_record(&mut self) -> Result<Option<(&Record, Symbols<'_>)>, Error> {
        if !self.decoder.deliver() && !self.advance()? {
            return Ok(None);
        }
        Ok(Some(self.decoder.current(&self.source)))
    }

    /// Makes the next event current, where that takes more than a step.
    #[inline(never)]
    fn advance(&mut self) -> Result<bool, Error> {
        if self.failed {
            return Ok(false);
        }
        let there = self.decoder.advance(&mut self.source);
        self.failed = there.is_err();
        there
    }

    /// How many batches were read so far: a generation's all at once, those of tables included; of a trace of Go 1.21 or
    /// older those with events, all at the first event.
    pub fn batches(&self) -> u64 {
        self.decoder.batches()
    }

    /// The mistakes of the traced program that were met so far: the first thousand of them, and how many there were.
    ///
    /// Events are ordered up to a few hundred ahead of their delivery, and warnings come as they are ordered.
    pub fn warnings(&self) -> (&[Warning], u64) {
        self.decoder.warnings()
    }
}
