//! The records of a trace of Go 1.11 to 1.21, in file order. Only their encoding is checked.
//!
//! This module corresponds to [`raw`](crate::raw) for newer traces. Batches of old traces do not state their size, so
//! the reader returns a flat sequence of records. A `Batch` record states the P of the following events.
//!
//! ```
//! use gotrace::raw_v1::RawReader;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.21/channels.trace");
//! let mut reader = RawReader::from_path(path)?;
//! let mut creations = 0;
//! while let Some(record) = reader.next_record()? {
//!     creations += u32::from(record.event().name() == "GoCreate");
//! }
//! assert!(creations > 0);
//! # Ok(())
//! # }
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::parse::{self, Layout, MAX_RECORD, Parsed, Values};
pub use super::spec::EventType;
use super::spec::{self, Class, Shape};
use crate::error::{Error, ErrorKind, Location};
use crate::event::Text;
use crate::event::tables::{RawFrame, Span};
use crate::event::text::write_int;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;
use crate::wire::varint;

/// A record as it is in the file.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    event: EventType,
    offset: u64,
    bytes: &'a [u8],
    shape: Shape,
    values: Values,
    /// The text of a string or log message.
    text: Option<Text<'a>>,
    /// The encoded frames of a stack.
    frames: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// Returns the type of the record.
    pub fn event(&self) -> EventType {
        self.event
    }

    /// Returns the byte offset of the record in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the size in bytes, including text and frames.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes of the record in the file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the values in file order: the time if the record has one, the arguments, and the stack ID if it has one.
    pub fn values(&self) -> &[u64] {
        &self.values[..usize::from(self.shape.values)]
    }

    /// Returns the names of the values, in the same order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let spec = self.event.spec();
        let is_timed = matches!(spec.class, Class::Timed | Class::TimedString | Class::Sample);
        let time = is_timed.then_some("dt");
        let stack = spec.stack.then_some("stk");
        time.into_iter().chain(spec.args.iter().copied()).chain(stack)
    }

    /// Returns the text of a string or log message. `None` for other records.
    pub fn text(&self) -> Option<Text<'a>> {
        self.text
    }

    /// Returns the frames of a stack. Empty for other records.
    pub fn frames(&self) -> impl Iterator<Item = RawFrame> + use<'a> {
        let (bytes, mut pos) = (self.frames, 0);
        // The record has been decoded before, so all frames are complete.
        std::iter::from_fn(move || (pos < bytes.len()).then(|| RawFrame::read(bytes, &mut pos).ok()).flatten())
    }

    /// Writes the record and a newline. The style is the same as in `go tool trace -d=wire`, and the names are the same
    /// as in Go's parser for old traces.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(self.event.name().as_bytes())?;
        for (name, value) in self.names().zip(self.values()) {
            match (self.event, name) {
                // Go's parser shows the missing P as -1.
                (EventType::Batch | EventType::CPUSample, "p") => write!(out, " {name}={}", *value as i64)?,
                _ => {
                    write!(out, " {name}=")?;
                    write_int(*value, out)?;
                }
            }
        }
        if let Some(text) = self.text {
            out.write_all(b"\n\tdata=")?;
            text.write_quoted(out)?;
        }
        for RawFrame { pc, func, file, line } in self.frames() {
            write!(out, "\n\tpc={pc} func={func} file={file} line={line}")?;
        }
        out.write_all(b"\n")
    }
}

/// Reads the records of a trace.
///
/// A slice is not copied. For a `Read`, about one megabyte is in memory, which is the maximum size of a record.
#[derive(Debug)]
pub struct RawReader<'a> {
    source: Source<'a>,
    version: Version,
    minor: u8,
    /// The size of the last record, which is still in the window.
    delivered: usize,
    has_failed: bool,
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
    /// Reads a trace from memory.
    ///
    /// # Errors
    ///
    /// `NotATrace`, `TruncatedHeader` or `UnsupportedVersion` if the first 16 bytes are not the
    /// header of a trace of Go 1.11 to 1.21.
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
        if !version.is_v1() {
            let kind = ErrorKind::UnsupportedVersion { version: version.to_string() };
            return Err(Error { kind, at: Location::default() });
        }
        Ok(RawReader { source, version, minor: spec::minor(version), delivered: 0, has_failed: false })
    }

    /// Returns the version in the header of the trace.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the byte offset of the next record in the file.
    pub fn offset(&self) -> u64 {
        self.source.base() + self.delivered as u64
    }

    /// Returns the next record, or `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// Errors in the encoding of the record, with the offset of the record, and `Io` if reading
    /// fails.
    pub fn next_record(&mut self) -> Result<Option<RawRecord<'_>>, Error> {
        self.source.release(std::mem::take(&mut self.delivered));
        if self.has_failed {
            return Ok(None);
        }
        let offset = self.source.base();
        let filled = self.source.fill(MAX_RECORD);
        let window = self.source.window();
        let (kind, offset) = match (read(window, offset, self.minor), filled) {
            // Even if reading failed, there may be complete records before the failure.
            (Ok(Some(record)), _) => {
                self.delivered = record.size();
                return Ok(Some(record));
            }
            (_, Err(error)) => (error.into(), offset + window.len() as u64),
            (Err(kind), Ok(_)) => (*kind, offset),
            (Ok(None), Ok(_)) => return Ok(None),
        };
        self.has_failed = true;
        Err(Error { kind, at: Location { offset, ..Location::default() } })
    }
}

/// Reads the record at the start of `window`. `None` if `window` is empty. The window must contain
/// the complete record, unless the file ends first.
fn read(window: &[u8], offset: u64, minor: u8) -> Parsed<Option<RawRecord<'_>>> {
    let Some(&first) = window.first() else { return Ok(None) };
    let shape = parse::shape(first, minor)?;
    let mut record =
        RawRecord { event: shape.event, offset, bytes: &[], shape, values: Values::default(), text: None, frames: &[] };
    let end = match shape.class {
        Class::String => {
            let mut pos = 1;
            record.values[0] = varint::read(window, &mut pos).map_err(|fault| parse::cut(fault, shape.event))?;
            read_text(window, pos, &mut record)?
        }
        Class::Stack => read_stack(window, &mut record)?,
        _ => {
            let (values, end) = parse::values(window, 0, shape)?;
            record.values = values;
            if shape.class == Class::TimedString { read_text(window, end, &mut record)? } else { end }
        }
    };
    record.bytes = window.get(..end).unwrap_or_default();
    Ok(Some(record))
}

/// Reads the text at `pos`. Returns its end.
fn read_text<'a>(window: &'a [u8], pos: usize, record: &mut RawRecord<'a>) -> Parsed<usize> {
    let (text, end): (Span, usize) = parse::text(window, pos, record.event)?;
    record.text = Some(Text(text.of(window)));
    Ok(end)
}

/// Reads the values and frames of a stack. Returns its end.
fn read_stack<'a>(window: &'a [u8], record: &mut RawRecord<'a>) -> Parsed<usize> {
    let Layout::Within(mut pos, end) = Layout::read(window, 0, record.event)? else {
        let (values, end) = parse::values(window, 0, record.shape)?;
        record.values = values;
        return Ok(end);
    };
    let within = window.get(..end).unwrap_or_default();
    for value in record.values.iter_mut().take(2) {
        *value = varint::read(within, &mut pos)?;
    }
    record.frames = within.get(pos..).unwrap_or_default();
    let frames = record.values[1];
    parse::check_frames(frames)?;
    for _ in 0..frames {
        RawFrame::read(within, &mut pos)?;
    }
    match pos == end {
        true => Ok(end),
        false => parse::oversized_stack(frames, within, pos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(window: &[u8]) -> Result<String, Error> {
        let trace = [&Version::Go121.header(), window].concat();
        let mut reader = RawReader::from_slice(&trace)?;
        let mut out = Vec::new();
        let mut at = header::LEN;
        while let Some(record) = reader.next_record()? {
            assert_eq!(record.offset(), at as u64, "records follow each other without gaps");
            assert_eq!(record.bytes(), &trace[at..at + record.size()]);
            at += record.size();
            record.write_text(&mut out).expect("writing to a Vec cannot fail");
        }
        assert_eq!((at, reader.offset()), (trace.len(), at as u64));
        Ok(String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn every_kind_of_record_has_a_text() {
        let window = [
            &[0x41, 3, 100][..],                                                     // Batch, P 3, 100 ticks
            &[0x45, 5, 77],                        // ProcStart after 5 ticks on thread 77
            &[0xcd, 4, 1, 9, 2, 3],                // GoCreate, 4 bytes: g 9, its stack 2, by stack 3
            &[0x25, 6, 2, b'o', b'k'],             // String 6
            &[0xc3, 6, 2, 1, 0x10, 6, 6, 44],      // Stack 2 of one frame
            &[0xf0, 4, 1, 0, 6, 2, 2, b'h', b'i'], // UserLog of no task, category 6, stack 2
            &[0xf1, 14, 1, 7, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 8, 2], // CPUSample on no P
            &[0x02, 100],                          // Frequency
        ]
        .concat();
        let want = "Batch p=3 ticks=100\nProcStart dt=5 thread=77\nGoCreate dt=1 g=9 stack=2 stk=3\n\
                    String id=6\n\tdata=\"ok\"\nStack id=2 siz=1\n\tpc=16 func=6 file=6 line=44\n\
                    UserLog dt=1 id=0 keyid=6 stk=2\n\tdata=\"hi\"\nCPUSample dt=1 ts=7 p=-1 g=8 stk=2\n\
                    Frequency freq=100\n";
        assert_eq!(text(&window).expect("valid"), want);
    }

    #[test]
    fn an_error_ends_the_records_and_has_an_offset() {
        let fault = text(&[0x45, 5, 77, 0x00]).expect_err("type 0");
        assert_eq!(fault.at.offset, 16 + 3);
        // A stack of one frame, followed by two more values.
        let fault = text(&[0xc3, 8, 2, 1, 0x10, 6, 6, 44, 1, 1]).expect_err("too long");
        assert!(matches!(fault.kind, ErrorKind::WrongArgumentCount { event: "Stack", expected: 6, found: 8 }));
        let trace = [&Version::Go121.header()[..], &[0x00, 0x45, 5, 77]].concat();
        let mut reader = RawReader::from_slice(&trace).expect("a header");
        assert!(reader.next_record().is_err());
        assert!(matches!(reader.next_record(), Ok(None)));
    }

    /// The reader returns the first records without reading the whole file.
    #[test]
    fn a_stream_is_read_in_bounded_memory() {
        // String 6 of 300,000 bytes.
        let record = [&[0x25, 6, 0xe0, 0xa7, 0x12][..], &[b'x'; 300_000]].concat();
        let trace = [&Version::Go121.header()[..], &record.repeat(20)].concat();
        let mut reader = RawReader::from_reader(&trace[..]).expect("a header");
        let mut count = 0;
        while let Some(record) = reader.next_record().expect("whole records") {
            assert_eq!((record.values(), record.text().map(|text| text.as_bytes().len())), (&[6][..], Some(300_000)));
            count += 1;
            assert!(reader.source.window().len() < 2 * MAX_RECORD);
        }
        assert_eq!((count, reader.offset()), (20, trace.len() as u64));
    }

    #[test]
    fn an_input_that_fails_ends_the_trace() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let header = Version::Go121.header();
        let mut reader = RawReader::from_reader(header.chain(&[0x02, 100][..]).chain(Fails)).expect("a header");
        assert!(matches!(reader.next_record(), Ok(Some(record)) if record.values() == [100]));
        let error = reader.next_record().expect_err("it fails");
        assert_eq!(error.to_string(), "cannot read: gone at byte 18");
        assert!(matches!(reader.next_record(), Ok(None)));
    }
}
