//! The records of a trace of Go 1.11 to 1.21 in file order: unordered, unchecked but for their shape.
//!
//! This is to old traces what [`raw`](crate::raw) is to those of Go 1.22 and later. They have no batches of known size,
//! so the records are one row; a `Batch` record says whose the following ones are.
//!
//! ```
//! use gotrace::raw_v1::RawReader;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.21/channels.trace");
//! let bytes = std::fs::read(path)?;
//! let mut reader = RawReader::from_slice(&bytes)?;
//! let mut creations = 0;
//! while let Some(record) = reader.next_record()? {
//!     creations += u32::from(record.event().name() == "GoCreate");
//! }
//! assert!(creations > 0);
//! # Ok(())
//! # }
//! ```

use std::io;

use super::parse::{self, Layout, Parsed, Values};
pub use super::spec::EventType;
use super::spec::{self, Class, Shape};
use crate::error::{Error, ErrorKind, Location};
use crate::event::Text;
use crate::event::tables::{RawFrame, Span};
use crate::event::text::write_int;
use crate::wire::header::{self, Version};
use crate::wire::varint;

/// A record as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    event: EventType,
    /// Where behind the header it begins.
    at: usize,
    len: usize,
    shape: Shape,
    values: Values,
    /// Of a string or a log message.
    text: Option<Text<'a>>,
    /// Of a stack: its frames' bytes.
    frames: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// What it is.
    pub fn event(&self) -> EventType {
        self.event
    }

    /// Its place in the file, in bytes.
    pub fn offset(&self) -> u64 {
        (header::LEN + self.at) as u64
    }

    /// How many bytes it takes, with its text or frames.
    pub fn size(&self) -> usize {
        self.len
    }

    /// Its values in order: the time of a timed event, the arguments, the stack.
    pub fn values(&self) -> &[u64] {
        &self.values[..usize::from(self.shape.values)]
    }

    /// The names of its values, as many as there are.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let spec = self.event.spec();
        let is_timed = matches!(spec.class, Class::Timed | Class::TimedString | Class::Sample);
        let time = is_timed.then_some("dt");
        let stack = spec.stack.then_some("stk");
        time.into_iter().chain(spec.args.iter().copied()).chain(stack)
    }

    /// The text of a string or of a log message.
    pub fn text(&self) -> Option<Text<'a>> {
        self.text
    }

    /// The frames of a stack.
    pub fn frames(&self) -> impl Iterator<Item = RawFrame> + use<'a> {
        let (bytes, mut pos) = (self.frames, 0);
        // They were read once: they are whole.
        std::iter::from_fn(move || (pos < bytes.len()).then(|| RawFrame::read(bytes, &mut pos).ok()).flatten())
    }

    /// Writes the record and a line feed, in the style of Go's `-d=wire` and with the names of its v1 parser.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(self.event.name().as_bytes())?;
        for (name, value) in self.names().zip(self.values()) {
            match (self.event, name) {
                // The P of no number is -1 to Go's parser.
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

/// Reads one record after another.
#[derive(Debug)]
pub struct RawReader<'a> {
    /// The whole trace behind its header.
    window: &'a [u8],
    pos: usize,
    version: Version,
    minor: u8,
}

impl<'a> RawReader<'a> {
    /// Reads a trace that is in memory.
    ///
    /// # Errors
    ///
    /// `NotATrace`, `TruncatedHeader` or `UnsupportedVersion` if the first 16 bytes are not the header of a trace of Go
    /// 1.11 to 1.21.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        let (head, window) = bytes.split_at(header::LEN.min(bytes.len()));
        let version = header::parse(head).and_then(|version| match version.is_v1() {
            true => Ok(version),
            false => Err(ErrorKind::UnsupportedVersion { version: version.to_string() }),
        });
        let version = version.map_err(|kind| Error { kind, at: Location::default() })?;
        Ok(Self::new(window, version))
    }

    fn new(window: &'a [u8], version: Version) -> Self {
        RawReader { window, pos: 0, version, minor: spec::minor(version) }
    }

    /// The version that the trace's header names.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes of the file were delivered in records, or were the header.
    pub fn offset(&self) -> u64 {
        (header::LEN + self.pos) as u64
    }

    /// The next record, `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// Those of the record's shape, with its offset in the file.
    pub fn next_record(&mut self) -> Result<Option<RawRecord<'a>>, Error> {
        let at = self.pos;
        if at >= self.window.len() {
            return Ok(None);
        }
        let offset = (header::LEN + at) as u64;
        match self.read(at) {
            Ok(record) => {
                self.pos = at + record.len;
                Ok(Some(record))
            }
            Err(kind) => {
                self.window = &self.window[..at];
                Err(Error { kind: *kind, at: Location { offset, ..Location::default() } })
            }
        }
    }

    fn read(&self, at: usize) -> Parsed<RawRecord<'a>> {
        let window = self.window;
        let shape = parse::shape(window[at], self.minor)?;
        let mut record =
            RawRecord { event: shape.event, at, len: 0, shape, values: Values::default(), text: None, frames: &[] };
        let end = match shape.class {
            Class::String => {
                let mut pos = at + 1;
                record.values[0] = varint::read(window, &mut pos).map_err(|fault| parse::cut(fault, shape.event))?;
                self.text(&mut record, pos)?
            }
            Class::Stack => self.stack(&mut record)?,
            _ => {
                let (values, end) = parse::values(window, at, shape)?;
                record.values = values;
                if shape.class == Class::TimedString { self.text(&mut record, end)? } else { end }
            }
        };
        record.len = end - at;
        Ok(record)
    }

    fn text(&self, record: &mut RawRecord<'a>, pos: usize) -> Parsed<usize> {
        let (text, end): (Span, usize) = parse::text(self.window, pos, record.event)?;
        record.text = Some(Text(text.of(self.window)));
        Ok(end)
    }

    fn stack(&self, record: &mut RawRecord<'a>) -> Parsed<usize> {
        let Layout::Within(mut pos, end) = Layout::read(self.window, record.at, record.event)? else {
            let (values, end) = parse::values(self.window, record.at, record.shape)?;
            record.values = values;
            return Ok(end);
        };
        let within = self.window.get(..end).unwrap_or_default();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(window: &[u8]) -> Result<String, Error> {
        let mut reader = RawReader::new(window, Version::Go121);
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(record) = reader.next_record()? {
            assert_eq!(record.at, at, "records stand one behind the other");
            at += record.len;
            record.write_text(&mut out).expect("memory does not fail");
        }
        assert_eq!(at, window.len());
        Ok(String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn every_kind_of_record_has_its_text() {
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
        assert_eq!(text(&window).expect("sound"), want);
    }

    #[test]
    fn a_fault_ends_the_row_and_says_where() {
        let fault = text(&[0x45, 5, 77, 0x00]).expect_err("type 0");
        assert_eq!(fault.at.offset, 16 + 3);
        // A stack of one frame, and two values behind it.
        let fault = text(&[0xc3, 8, 2, 1, 0x10, 6, 6, 44, 1, 1]).expect_err("too long");
        assert!(matches!(fault.kind, ErrorKind::WrongArgumentCount { event: "Stack", expected: 6, found: 8 }));
        let mut reader = RawReader::new(&[0x00, 0x45, 5, 77], Version::Go121);
        assert!(reader.next_record().is_err());
        assert!(matches!(reader.next_record(), Ok(None)));
    }
}
