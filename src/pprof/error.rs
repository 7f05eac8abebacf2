//! Errors of reading a profile: what is wrong and where.

use std::fmt;
use std::io;

use crate::file_kind::FileKind;
use crate::wire::varint;

/// Why reading a profile failed, and at which place in the file.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProfileError {
    /// The kind of error, with its data.
    pub kind: ProfileErrorKind,
    /// The place in the file.
    pub at: Place,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)
    }
}

impl std::error::Error for ProfileError {
    /// Returns the source of the kind, because the display text already includes the kind itself.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// A place in a profile. Its display text starts with a space, so that it can follow a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Byte offset in the file, which may be compressed.
    File(u64),
    /// Byte offset in the decompressed profile.
    Unpacked(u64),
    /// Line number in a profile in text form, starting from 1.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(offset) => write!(f, " at byte {offset}"),
            Place::Unpacked(offset) => write!(f, " at byte {offset} of the decompressed profile"),
            Place::Line(number) => write!(f, " in line {number}"),
        }
    }
}

/// What is wrong with a profile.
///
/// The variants are grouped by what is at fault: the file, the protobuf encoding, or the contents
/// of messages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileErrorKind {
    // The file.
    /// Reading the bytes failed.
    #[error("cannot read: {0}")]
    Io(#[source] io::Error),
    /// The gzip stream is damaged or truncated.
    #[error("the gzip file is damaged: {0}")]
    Gzip(#[source] io::Error),
    /// The file has no bytes.
    #[error("the profile is empty")]
    Empty,
    /// A line of a profile in text form is malformed.
    #[error("expected {expected}, found {found:?}")]
    Text {
        /// What the line should be.
        expected: &'static str,
        /// The start of the line.
        found: String,
    },
    /// The file is not a profile that Go 1.9 or later writes, but an error page that was saved instead of a profile, a
    /// profile in an old form, or something else.
    #[error("this is {kind}, not a profile that Go writes{}", quoted(.start))]
    NotAProfile {
        /// What the file is.
        kind: FileKind,
        /// The start of the file. Empty if the file is not text.
        start: String,
    },
    /// The profile exceeds one of the [`ProfileLimits`](super::ProfileLimits).
    #[error("more than {limit} {what}")]
    LimitExceeded {
        /// What exceeds the limit: `decompressed bytes`, `locations in a stack`,
        /// `lines in a location`, `frames in the stacks of a report`, `fields in a message`,
        /// `sample types`, `comments` or `nested groups`.
        what: &'static str,
        /// The limit.
        limit: u64,
    },

    // The encoding.
    /// An integer is longer than ten bytes or exceeds 64 bits.
    #[error("an integer overflows 64 bits")]
    VarintOverflow,
    /// A message ends inside an integer.
    #[error("the {message} ends inside an integer")]
    VarintTruncated {
        /// The name of the message, such as `Sample`.
        message: &'static str,
    },
    /// A field extends beyond the end of its message.
    #[error("the {message} ends inside a field: {missing} byte{} missing", if *.missing == 1 { " is" } else { "s are" })]
    FieldTruncated {
        /// The name of the message.
        message: &'static str,
        /// The number of missing bytes.
        missing: u64,
    },
    /// A field number is 0 or larger than 2²⁹ − 1.
    #[error("invalid field number {number}")]
    InvalidField {
        /// The field number.
        number: u64,
    },
    /// A field has a wire type that does not exist.
    #[error("invalid wire type {wire_type}")]
    InvalidWireType {
        /// The wire type: 6 or 7.
        wire_type: u8,
    },
    /// A known field has the wrong wire type.
    #[error("field {field} of a {message} has wire type {found}")]
    WrongWireType {
        /// The name of the message.
        message: &'static str,
        /// The field number.
        field: u32,
        /// The wire type: 0 is a varint, 1 eight bytes, 2 a length and bytes, 3 a group, 5 four
        /// bytes.
        found: u8,
    },
    /// A group has no start or no end.
    #[error("a group has no start or no end")]
    UnbalancedGroup,

    // The contents of messages.
    /// The first string of the table is not empty, as the format requires.
    #[error("the first string of the table is not empty")]
    FirstStringNotEmpty,
    /// An index is not in the string table.
    #[error("unknown string {index}")]
    UnknownString {
        /// The index.
        index: u64,
    },
    /// A table entry has ID 0, which is reserved for "none".
    #[error("a {table} has the ID 0")]
    ZeroId {
        /// `mapping`, `location` or `function`.
        table: &'static str,
    },
    /// Two entries of a table have the same ID.
    #[error("duplicate {table} ID {id}")]
    DuplicateId {
        /// `mapping`, `location` or `function`.
        table: &'static str,
        /// The ID.
        id: u64,
    },
    /// An ID is not in its table.
    #[error("unknown {table} ID {id}")]
    UnknownId {
        /// `mapping`, `location` or `function`.
        table: &'static str,
        /// The ID.
        id: u64,
    },
    /// The number of values of a sample differs from the number of sample types.
    #[error("a sample has {found} value{} instead of {expected}", if *.found == 1 { "" } else { "s" })]
    WrongValueCount {
        /// The number of sample types.
        expected: usize,
        /// The number of values. Counting stops at `expected + 1`.
        found: usize,
    },
    /// The file contains a second profile after the first.
    #[error("a second profile follows the first")]
    MultipleProfiles,
}

impl ProfileError {
    #[cold]
    pub(super) fn unpacked(kind: ProfileErrorKind, offset: usize) -> Self {
        ProfileError { kind, at: Place::Unpacked(offset as u64) }
    }

    #[cold]
    pub(super) fn varint(fault: varint::Fault, message: &'static str, offset: usize) -> Self {
        let kind = match fault {
            varint::Fault::Truncated => ProfileErrorKind::VarintTruncated { message },
            varint::Fault::Overflow => ProfileErrorKind::VarintOverflow,
        };
        ProfileError::unpacked(kind, offset)
    }
}

fn quoted(start: &str) -> String {
    if start.is_empty() { String::new() } else { format!("; it begins with {start:?}") }
}

/// Returns the first characters of a text, for errors that quote it.
pub(super) fn start_of(text: &str) -> String {
    const MOST: usize = 40;
    text.chars().take(MOST).collect()
}
