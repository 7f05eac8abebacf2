//! Parses Go's text form of raw traces.
//!
//! Go `src/internal/trace/raw/doc.go` specifies the format. The same texts are accepted as by `textreader.go` in the
//! same folder.

use thiserror::Error;

use super::unquote::unquote;
use super::{write_data, write_event};
use crate::raw::{Class, EventType, FRAME_ARGS};
use crate::wire::header::Version;
use crate::wire::varint;

/// Why a text is not a valid trace, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {kind}")]
pub struct TextError {
    /// The kind of error, with its data.
    pub kind: TextErrorKind,
    /// The line number, starting from 1. If the text ends too early, the number of lines plus one.
    pub line: u64,
}

/// What is wrong with the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextErrorKind {
    /// The text does not start with `Trace Go1.N`.
    #[error("expected `Trace Go1.N`")]
    NoHeader,
    /// The version in the header does not exist, or is older than Go 1.22.
    #[error("unsupported version {version}")]
    UnsupportedVersion {
        /// The version in the header.
        version: String,
    },
    /// A line does not start with the name of an event.
    #[error("unknown event {name}")]
    UnknownEvent {
        /// The first word of the line.
        name: String,
    },
    /// An event was added after the version of the trace.
    #[error("{event} was added in Go 1.{since}, after the version of the trace")]
    EventNotInVersion {
        /// The name of the event.
        event: &'static str,
        /// The minor version of Go that added it.
        since: u32,
    },
    /// An argument is not `name=number` with the expected name.
    #[error("expected {name}=, found {found:?}")]
    BadArgument {
        /// The expected name.
        name: &'static str,
        /// The word found instead. Empty at the end of the line.
        found: String,
    },
    /// The value of an argument is not an unsigned decimal number of at most 64 bits.
    #[error("{value:?} is not an unsigned 64-bit number")]
    BadNumber {
        /// The value found.
        value: String,
    },
    /// A line has text after its last argument.
    #[error("unexpected {found:?}")]
    Trailing {
        /// The first word of this text.
        found: String,
    },
    /// The data of an event is not a Go string literal.
    #[error("not a Go string: {literal}")]
    BadString {
        /// The text found.
        literal: String,
    },
}

/// Converts the text form of a trace to the binary form, byte for byte like Go's `raw.Writer`.
/// Integers have the shortest encoding. Only the syntax is checked: for example, sizes of batches
/// may be wrong.
///
/// There are two differences from Go's reader. Events of the `AllocFree` experiment are accepted
/// (Go 1.23 and later). And the `data=` line may be missing, because Go's writer leaves it out for
/// an event without data.
///
/// # Errors
///
/// A [`TextError`] for the first line that is not valid.
pub fn from_text(text: &str) -> Result<Vec<u8>, TextError> {
    let mut lines = Lines::new(text);
    let version = read_header(&mut lines)?;
    let mut out = version.header().to_vec();
    while let Some(line) = lines.next() {
        read_event(line, version, &mut lines, &mut out)?;
    }
    Ok(out)
}

fn read_header(lines: &mut Lines<'_>) -> Result<Version, TextError> {
    let Some(mut line) = lines.next() else { return Err(lines.error(TextErrorKind::NoHeader)) };
    if line.word() != "Trace" {
        return Err(line.error(TextErrorKind::NoHeader));
    }
    let name = line.word();
    let Some(minor) = name.strip_prefix("Go1.") else { return Err(line.error(TextErrorKind::NoHeader)) };
    let version = minor.parse().ok().and_then(Version::from_minor).filter(|version| !version.is_v1());
    let unsupported = TextErrorKind::UnsupportedVersion { version: name.to_owned() };
    line.end()?;
    version.ok_or_else(|| line.error(unsupported))
}

fn read_event(mut line: Line<'_>, version: Version, lines: &mut Lines<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let name = line.word();
    let Some(event) = EventType::from_name(name) else {
        return Err(line.error(TextErrorKind::UnknownEvent { name: name.to_owned() }));
    };
    let spec = event.spec();
    if version < spec.since {
        let since = spec.since.minor();
        return Err(line.error(TextErrorKind::EventNotInVersion { event: spec.name, since }));
    }
    let args = spec.args.iter().map(|name| line.arg(name)).collect::<Result<Vec<_>, _>>()?;
    line.end()?;
    write_event(out, event, &args);
    match spec.class {
        Class::Data => write_data(out, &read_data(lines)?),
        Class::Stack => {
            for _ in 0..args.last().copied().unwrap_or_default() {
                read_frame(lines, out)?;
            }
        }
        Class::Structural | Class::Timed | Class::AllocFree => {}
    }
    Ok(())
}

fn read_frame(lines: &mut Lines<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let mut line = lines
        .next()
        .ok_or_else(|| lines.error(TextErrorKind::BadArgument { name: FRAME_ARGS[0], found: String::new() }))?;
    for name in FRAME_ARGS {
        varint::write(out, line.arg(name)?);
    }
    line.end()
}

/// Reads the `data=` line of an event, if there is one.
fn read_data(lines: &mut Lines<'_>) -> Result<Vec<u8>, TextError> {
    let Some(line) = lines.peek() else { return Ok(Vec::new()) };
    let Some(literal) = line.data() else { return Ok(Vec::new()) };
    lines.next();
    unquote(literal).ok_or_else(|| line.error(TextErrorKind::BadString { literal: literal.to_owned() }))
}

/// Iterates over lines. Skips blank lines and lines with only a comment.
#[derive(Clone)]
struct Lines<'a> {
    rest: &'a str,
    /// The number of the last line returned.
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Lines { rest: text, number: 0 }
    }

    fn next(&mut self) -> Option<Line<'a>> {
        while !self.rest.is_empty() {
            let (text, rest) = match memchr::memchr(b'\n', self.rest.as_bytes()) {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, ""),
            };
            self.rest = rest;
            self.number += 1;
            let line = Line { rest: text, number: self.number };
            if !line.clone().word().is_empty() {
                return Some(line);
            }
        }
        None
    }

    fn peek(&self) -> Option<Line<'a>> {
        self.clone().next()
    }

    /// Returns an error at the end of the text.
    fn error(&self, kind: TextErrorKind) -> TextError {
        TextError { kind, line: self.number + 1 }
    }
}

/// The unread part of a line.
#[derive(Clone)]
struct Line<'a> {
    rest: &'a str,
    number: u64,
}

impl<'a> Line<'a> {
    /// Returns the next word. Empty at the end of the line and before a comment.
    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word
    }

    fn arg(&mut self, name: &'static str) -> Result<u64, TextError> {
        let word = self.word();
        let value = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        let Some(value) = value else {
            return Err(self.error(TextErrorKind::BadArgument { name, found: word.to_owned() }));
        };
        // `parse` alone would also accept a plus sign.
        let number = value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
        number.ok_or_else(|| self.error(TextErrorKind::BadNumber { value: value.to_owned() }))
    }

    /// Returns the literal of a `data=` line. It may contain `#`, which does not start a comment here.
    fn data(&self) -> Option<&'a str> {
        let (name, literal) = self.rest.split_once('=')?;
        (name.trim() == "data").then(|| literal.trim())
    }

    fn end(&mut self) -> Result<(), TextError> {
        match self.word() {
            "" => Ok(()),
            found => Err(self.error(TextErrorKind::Trailing { found: found.to_owned() })),
        }
    }

    fn error(&self, kind: TextErrorKind) -> TextError {
        TextError { kind, line: self.number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_parsed() {
        let text = "\n# a comment\nTrace Go1.22 # and one more\n\
                    EventBatch gen=1 m=300 time=2 size=9\n\tStack id=1 nframes=2\n\
                    pc=1 func=2 file=3 line=4\n\n pc=5 func=6 file=7 line=8\n\
                    String id=2\n\t data = \"a#\\x00\" \nString id=3\nProcStop dt=1\n";
        let mut bytes = Version::Go122.header().to_vec();
        bytes.extend([1, 1, 0xac, 2, 2, 9]); // EventBatch
        bytes.extend([3, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8]); // Stack
        bytes.extend([5, 2, 3, b'a', b'#', 0]); // String
        bytes.extend([5, 3, 0]); // String without a line of data
        bytes.extend([11, 1]); // ProcStop
        assert_eq!(from_text(text), Ok(bytes));
    }

    #[test]
    fn errors_contain_the_line_number() {
        use TextErrorKind::*;
        let fault = |text: &str| from_text(text).map_err(|error| (error.line, error.kind));
        let after_header = |line: &str| fault(&format!("Trace Go1.22\n\n{line}")).map_err(|(_, kind)| kind);
        assert_eq!(fault(""), Err((1, NoHeader)));
        assert_eq!(fault("\nTrance Go1.22"), Err((2, NoHeader)));
        assert_eq!(fault("Trace 1.22"), Err((1, NoHeader)));
        assert_eq!(fault("Trace Go1.21"), Err((1, UnsupportedVersion { version: "Go1.21".into() })));
        assert_eq!(fault("Trace Go1.22 x"), Err((1, Trailing { found: "x".into() })));
        assert_eq!(fault("Trace Go1.22\n\nNo dt=1"), Err((3, UnknownEvent { name: "No".into() })));
        assert_eq!(after_header("Sync"), Err(EventNotInVersion { event: "Sync", since: 25 }));
        assert_eq!(after_header("ProcStop"), Err(BadArgument { name: "dt", found: String::new() }));
        assert_eq!(after_header("ProcStop d=1"), Err(BadArgument { name: "dt", found: "d=1".into() }));
        for value in ["", "+1", "-1", "0x1", "18446744073709551616"] {
            assert_eq!(after_header(&format!("ProcStop dt={value}")), Err(BadNumber { value: value.into() }));
        }
        assert_eq!(after_header("ProcStop dt=1 p=2"), Err(Trailing { found: "p=2".into() }));
        assert_eq!(after_header("String id=1\ndata=x"), Err(BadString { literal: "x".into() }));
        let cut = fault("Trace Go1.22\nStack id=1 nframes=99999999999");
        assert_eq!(cut, Err((3, BadArgument { name: "pc", found: String::new() })));
    }
}
