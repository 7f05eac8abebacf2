//! The raw layer: batches and events in file order, with their offsets.
//!
//! Events are not ordered, and IDs are not resolved. Only the framing and the number of arguments
//! are checked. [`Reader`](crate::Reader) does the rest. Use this module for tools that show,
//! measure, cut or repair traces.
//!
//! ```
//! use gotrace::raw::{EventType, RawReader};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
//! let mut reader = RawReader::from_path(path)?;
//! let mut starts = 0;
//! while let Some(batch) = reader.next_batch()? {
//!     let mut events = batch.events();
//!     while let Some(event) = events.next_event()? {
//!         if event.event() == EventType::GoStart {
//!             starts += 1;
//!             println!("byte {}: goroutine {} on {:?}", event.offset(), event.args()[1], batch.thread);
//!         }
//!     }
//! }
//! assert!(starts > 0);
//! # Ok(())
//! # }
//! ```
//!
//! The first event of a batch is its header: `EventBatch`, `ExperimentalBatch` or `EndOfGeneration`. So every byte
//! after the file header is part of exactly one event. The names and the number of events are the same as in `go tool
//! trace -d=wire`, and [`RawEvent::write_text`] writes the same text.

mod event;
#[cfg(test)]
mod tests;
mod write;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) use event::FRAME_ARGS;
pub use event::{RawEvent, RawEvents, RawFrames};
pub use write::BatchHeader;

pub use super::spec::{Arg, Class, EventType, Spec};
pub use crate::event::tables::RawFrame;

use super::batch::{self, Batch, Framing};
use crate::error::{Error, ErrorKind, Location};
use crate::id::ThreadId;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;

/// Reads the batches of a trace of Go 1.22 or later, in file order.
///
/// When reading from a slice, nothing is copied. When reading from a `Read`, only a few batches are
/// in memory.
#[derive(Debug)]
pub struct RawReader<'a> {
    source: Source<'a>,
    version: Version,
    /// The position of the next batch in the window.
    pos: usize,
    /// The generation of the last batch. 0 before the first batch.
    generation: u64,
    /// Whether the end marker of the current generation has not been read yet. Always false if the
    /// version has no end markers.
    open: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Reading,
    /// The last batch was incomplete. The next call returns this error.
    Failing(Error),
    Ended,
}

impl RawReader<'static> {
    /// Reads the trace file at `path`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, and if [`from_reader`](RawReader::from_reader) fails.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        Self::from_reader(file)
    }
}

impl<'a> RawReader<'a> {
    /// Reads a trace from memory, such as a mapped file.
    ///
    /// # Errors
    ///
    /// `NotATrace`, `TruncatedHeader` or `UnsupportedVersion` if the first 16 bytes are not the
    /// header of a trace of Go 1.22 or later.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::from_source(Source::slice(bytes))
    }

    /// Reads a trace from any `Read`. A `BufReader` is not needed.
    ///
    /// # Errors
    ///
    /// The same as for [`from_slice`](Self::from_slice), and `Io` if reading the header fails.
    pub fn from_reader(from: impl Read + Send + 'a) -> Result<Self, Error> {
        Self::from_source(Source::stream(from))
    }

    fn from_source(mut source: Source<'a>) -> Result<Self, Error> {
        let version = header::read(&mut source)?;
        if version.is_v1() {
            let kind = ErrorKind::UnsupportedVersion { version: version.to_string() };
            return Err(Error { kind, at: Location::default() });
        }
        Ok(RawReader { source, version, pos: 0, generation: 0, open: false, stage: Stage::Reading })
    }

    /// Returns the version in the header of the trace.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the byte offset of the next batch in the file.
    pub fn offset(&self) -> u64 {
        self.source.base() + self.pos as u64
    }

    /// Returns the next batch, or `None` at the end of the file.
    ///
    /// If the file ends inside a batch, this returns the incomplete batch. Reading its events ends
    /// with `TruncatedBatch`, and the next call of this function returns that error too.
    ///
    /// # Errors
    ///
    /// Errors in the framing: `EmptyTrace`, `NotABatch`, `TruncatedBatch`, `BatchTooLarge`,
    /// `VarintOverflow`, `UnknownExperiment`, `MultipleTraces`, `TrailingData` and
    /// `MissingEndOfGeneration`. Afterwards, this returns `Ok(None)`. Errors inside a batch are
    /// returned by [`RawEvents::next_event`]. They do not affect later batches.
    #[inline(never)]
    pub fn next_batch(&mut self) -> Result<Option<RawBatch<'_>>, Error> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Reading => {}
            Stage::Failing(error) => return Err(error),
            Stage::Ended => return Ok(None),
        }
        let Some(framing) = self.frame()? else { return Ok(None) };
        self.stage = Stage::Reading;
        Ok(Some(match framing {
            Framing::Batch(batch) => self.batch(batch)?,
            Framing::EndOfGeneration => self.end_of_generation(),
        }))
    }

    /// Parses the header at the position. `None` at the end of the file.
    fn frame(&mut self) -> Result<Option<Framing>, Error> {
        if !self.reach(1)? {
            let at = Location { offset: self.offset(), ..Location::default() };
            let generation = Some(self.generation);
            return match (self.open, self.generation) {
                (false, 0) => Err(Error { kind: ErrorKind::EmptyTrace, at }),
                (false, _) => Ok(None),
                (true, _) => Err(Error { kind: ErrorKind::MissingEndOfGeneration, at: Location { generation, ..at } }),
            };
        }
        self.reach(batch::MAX_HEADER)?;
        let marks_ends = self.version >= Version::Go126;
        match batch::read(self.source.window(), self.pos) {
            Ok(Framing::EndOfGeneration) if !marks_ends => {
                let kind = ErrorKind::NotABatch { found: EventType::EndOfGeneration.code() };
                Err(Error { kind, at: Location { offset: self.offset(), ..Location::default() } })
            }
            Ok(framing) => Ok(Some(framing)),
            Err(fault) => Err(Error {
                kind: batch::unframed(fault.kind, marks_ends && self.generation != 0 && !self.open),
                at: Location {
                    offset: self.source.base() + fault.at as u64,
                    generation: fault.generation,
                    thread: fault.thread,
                    event: None,
                },
            }),
        }
    }

    /// Reads until `len` bytes after the position are in memory. Returns false if the file ends before this position.
    fn reach(&mut self, len: usize) -> Result<bool, Error> {
        if self.source.window().len() - self.pos >= len {
            return Ok(true);
        }
        self.source.release(self.pos);
        self.pos = 0;
        let at = Location { offset: self.source.base(), ..Location::default() };
        self.source.fill(len).map_err(|error| Error { kind: error.into(), at })
    }

    fn batch(&mut self, found: Batch) -> Result<RawBatch<'_>, Error> {
        let header = found.body - found.start;
        let size = found.end - found.body;
        let whole = self.reach(header + size)?;
        let start = self.pos;
        let len = (header + size).min(self.source.window().len() - start);
        let missing = (header + size - len) as u64;
        self.pos += len;
        self.generation = found.generation;
        self.open = self.version >= Version::Go126;
        if !whole {
            let at = Location {
                offset: self.offset(),
                generation: Some(found.generation),
                thread: found.thread_id(),
                event: None,
            };
            self.stage = Stage::Failing(Error { kind: ErrorKind::TruncatedBatch { missing }, at });
        }
        let found = Batch { start, body: start + header, end: start + header + size, ..found };
        Ok(RawBatch::new(&found, self.source.window(), self.source.base(), self.version))
    }

    fn end_of_generation(&mut self) -> RawBatch<'_> {
        let start = self.pos;
        self.pos += 1;
        self.open = false;
        RawBatch {
            offset: self.source.base() + start as u64,
            kind: BatchKind::EndOfGeneration,
            generation: self.generation,
            thread: None,
            time: 0,
            size: 0,
            missing: 0,
            bytes: &self.source.window()[start..self.pos],
            header: 1,
            version: self.version,
        }
    }
}

/// The kind of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchKind {
    /// Events of one thread. If the batch has no thread, it contains a table or the clock, depending on its second
    /// event.
    Events,
    /// Data of the experiment with this number. Its format depends on the experiment.
    Experimental(u8),
    /// Not a batch, but the byte that ends a generation (Go 1.26 and later).
    EndOfGeneration,
}

/// A batch: events that one thread wrote at once, or a part of a table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RawBatch<'a> {
    /// The byte offset of the start in the file.
    pub offset: u64,
    /// The kind of the batch.
    pub kind: BatchKind,
    /// The generation in the header. For the end of a generation, the generation of the previous batch, or 0 if it is
    /// the first.
    pub generation: u64,
    /// The thread that wrote the batch. `None` for tables and the clock.
    pub thread: Option<ThreadId>,
    /// The start time, in units of the generation's clock. The time of the first event is relative to this time.
    pub time: u64,
    /// The size of the body in bytes, as stated in the header.
    pub size: u64,
    /// The number of bytes at the end of the body that are missing because the file ends inside the body.
    pub missing: u64,
    bytes: &'a [u8],
    /// The length of the header.
    header: usize,
    version: Version,
}

impl<'a> RawBatch<'a> {
    /// Creates a batch in a window that starts at offset `base` of the file. Bytes after the end of the window are
    /// missing.
    fn new(found: &Batch, window: &'a [u8], base: u64, version: Version) -> Self {
        RawBatch {
            offset: base + found.start as u64,
            kind: match found.experiment {
                None => BatchKind::Events,
                Some(experiment) => BatchKind::Experimental(experiment),
            },
            generation: found.generation,
            thread: found.thread_id(),
            time: found.time,
            size: (found.end - found.body) as u64,
            missing: found.end.saturating_sub(window.len()) as u64,
            bytes: window.get(found.start..found.end.min(window.len())).unwrap_or_default(),
            header: found.body - found.start,
            version,
        }
    }

    /// Returns the bytes of the header and the body.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the bytes of the body.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }

    /// Iterates over the events. The first event is the header of the batch.
    pub fn events(&self) -> RawEvents<'_> {
        RawEvents::new(self)
    }
}
