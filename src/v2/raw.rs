//! The wire as it is: batches and raw events in file order, with their places in the file.
//!
//! Nothing is ordered, resolved or checked beyond the framing and the number of arguments. What an event means, and
//! in which order the events of several Ms happened, [`Reader`](crate::Reader) knows. This layer is for tools that
//! show, measure, cut or repair traces.
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
//! The events of a batch include the one that frames it, `EventBatch`, `ExperimentalBatch` or `EndOfGeneration`: every
//! byte of a file behind its header belongs to exactly one event. The names and the count are those of
//! `go tool trace -d=wire`, of which [`RawEvent::write_text`] gives the lines.

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
use super::spec::{MAX_FRAMES, MAX_STRING};
use crate::error::{Error, ErrorKind, Location};
use crate::id::ThreadId;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;
use crate::wire::varint;

/// Reads the batches of a trace of Go 1.22 or later in file order.
///
/// Over a slice nothing is copied; over a `Read` no more than a few batches are in memory.
#[derive(Debug)]
pub struct RawReader<'a> {
    source: Source<'a>,
    version: Version,
    /// How much of the window is behind us.
    pos: usize,
    /// The last batch's generation, 0 before the first.
    generation: u64,
    /// Whether a generation has begun and not ended, as far as the version says so.
    open: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Reading,
    /// The last batch was delivered in part, and then this error is due.
    Failing(Error),
    Ended,
}

impl RawReader<'static> {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of [`from_reader`](RawReader::from_reader).
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        Self::from_reader(file)
    }
}

impl<'a> RawReader<'a> {
    /// Reads a trace that is in memory, or mapped into it.
    ///
    /// # Errors
    ///
    /// `NotATrace`, `TruncatedHeader` or `UnsupportedVersion` if the first 16 bytes are not the header of a trace that
    /// has batches.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::from_source(Source::slice(bytes))
    }

    /// Reads a trace from anything that gives bytes. Buffering it gains nothing.
    ///
    /// # Errors
    ///
    /// As [`from_slice`](Self::from_slice), and those of reading the header.
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

    /// The version that the trace's header names.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes of the file have been delivered in batches, or were the header.
    pub fn offset(&self) -> u64 {
        self.source.base() + self.pos as u64
    }

    /// The next batch, `None` at the file's end.
    ///
    /// A batch that the file's end cuts comes with what there is of its body; the error comes behind its last whole
    /// event, and is what the next call of this gives too.
    ///
    /// # Errors
    ///
    /// What is wrong with the framing from here on: `EmptyTrace`, `NotABatch`, `TruncatedBatch`, `BatchTooLarge`,
    /// `VarintOverflow`, `UnknownExperiment`, `MultipleTraces`, `TrailingData`, `MissingEndOfGeneration`. Afterwards
    /// this gives `Ok(None)`. Damage inside a batch is met in [`RawEvents::next_event`], and the batches behind it
    /// can still be read.
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

    /// Reads what begins at the position; `None` at the end of the file.
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

    /// Makes `len` bytes from the position on resident, if the file goes on so far; says whether it does.
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

/// What a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchKind {
    /// The events of one M, or of no M a table or the clock: the batch's second event tells which.
    Events,
    /// Bytes of which only this experiment knows the meaning.
    Experimental(u8),
    /// Nothing: it stands for the byte that ends a generation (Go 1.26 and later).
    EndOfGeneration,
}

/// A batch: what one M wrote at a time, or a part of a generation's tables.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RawBatch<'a> {
    /// Where it begins in the file.
    pub offset: u64,
    /// What it holds.
    pub kind: BatchKind,
    /// The generation that it says it belongs to; for the end of a generation that of the batch before, or 0.
    pub generation: u64,
    /// The M that wrote it; `None` for tables and clocks.
    pub thread: Option<ThreadId>,
    /// The time from which its first event counts, in units of the generation's clock.
    pub time: u64,
    /// How many bytes its body should have.
    pub size: u64,
    /// How many of them the file lacks because it ends before.
    pub missing: u64,
    bytes: &'a [u8],
    /// How long the header is.
    header: usize,
    version: Version,
}

impl<'a> RawBatch<'a> {
    /// A batch in a window that begins at `base` in the file. What lies behind the window is missing.
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

    /// All its bytes, header and body.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes behind its header.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }

    /// Its events, the one that frames it first.
    pub fn events(&self) -> RawEvents<'_> {
        RawEvents::new(self)
    }
}

/// Whether a record is not longer than one can be, as far as that can be told before its end.
fn is_possible(record: &[u8]) -> bool {
    let most = match record.first().and_then(|&code| EventType::from_code(code)) {
        Some(EventType::String) => MAX_STRING,
        Some(EventType::Stack) => MAX_FRAMES,
        _ => return true,
    };
    let mut pos = 1;
    let is_more = |count: u64| count > most;
    // Its ID, and how much follows.
    !(varint::read(record, &mut pos).is_ok() && varint::read(record, &mut pos).is_ok_and(is_more))
}

/// How far the records of a batch are sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sound {
    /// Where they end: that with which they do not go on. If the batch goes on behind the window, that is the window's end where
    /// it is cut there and nothing else is wrong.
    ///
    /// Text is sound whatever it is, so what is wrong may have begun in a string that stands before it.
    pub until: usize,
    /// Where the last string ends that another one follows, or the batch's end; the batch's start if there is none.
    pub texts_until: usize,
}

/// How far the records of a batch are sound. An experiment's may be anything.
pub(super) fn sound(batch: &Batch, window: &[u8]) -> Sound {
    if batch.experiment.is_some() {
        return Sound { until: batch.body, texts_until: batch.start };
    }
    let raw = RawBatch::new(batch, window, 0, Version::NEWEST);
    let mut events = raw.events();
    let bytes = window.get(..batch.end).unwrap_or(window);
    let mut end = batch.start;
    let mut text = None;
    let mut texts_until = batch.start;
    loop {
        let record = bytes.get(end..).unwrap_or_default();
        let is_possible = is_possible(record);
        if text.is_some() && is_possible && record.first() == Some(&EventType::String.code()) {
            texts_until = end;
        }
        match events.next_event() {
            Ok(Some(event)) if is_possible => {
                text = (event.event() == EventType::String).then_some(end);
                end += event.bytes().len();
            }
            Ok(None) => {
                let until = window.len().min(batch.end);
                return Sound { until, texts_until: text.map_or(texts_until, |_| until) };
            }
            Err(error) if is_possible && matches!(error.kind, ErrorKind::TruncatedBatch { .. }) => {
                return Sound { until: window.len(), texts_until };
            }
            Ok(Some(_)) | Err(_) => return Sound { until: text.unwrap_or(end), texts_until },
        }
    }
}
