//! What can be wrong with a profile, and where.

use std::fmt;
use std::io;

use crate::wire::varint;

/// Why a profile could not be read, and where.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProfileError {
    /// What is wrong.
    pub kind: ProfileErrorKind,
    /// Where.
    pub at: Place,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)
    }
}

impl std::error::Error for ProfileError {
    /// The cause of the kind. The kind itself is already in the text.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// A place in a profile. Its text starts with a blank, so that it can follow a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Bytes from the start of the file, before anything is unpacked.
    File(u64),
    /// Bytes from the start of the unpacked profile.
    Unpacked(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(offset) => write!(f, " at byte {offset}"),
            Place::Unpacked(offset) => write!(f, " at byte {offset} of the unpacked profile"),
        }
    }
}

/// What is wrong with a profile.
///
/// The variants are grouped by what is at fault: the file, the protobuf encoding, or what the messages say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileErrorKind {
    // The file.
    /// The bytes could not be read.
    #[error("cannot read: {0}")]
    Io(#[source] io::Error),
    /// The gzip stream is damaged or cut.
    #[error("the gzip file is damaged: {0}")]
    Gzip(#[source] io::Error),
    /// It has no bytes.
    #[error("the profile is empty")]
    Empty,
    /// It is the text that `/debug/pprof/…?debug=1` returns, which is for people.
    #[error("a profile in text form: it starts with \"{start}\"")]
    Text {
        /// How it starts.
        start: &'static str,
    },
    /// It is larger than the [`ProfileLimits`](super::ProfileLimits) allow.
    #[error("more than {limit} {what}")]
    LimitExceeded {
        /// What exceeds the limit: `bytes unpacked`, `locations in a stack`, `lines in a location`,
        /// `frames in the stacks of a report`, `fields in a message`, `sample types`, `comments`, `groups in groups`.
        what: &'static str,
        /// The limit.
        limit: u64,
    },

    // The encoding.
    /// An integer is longer than ten bytes or 64 bits.
    #[error("an integer overflows 64 bits")]
    VarintOverflow,
    /// A message ends inside an integer.
    #[error("the {message} ends inside an integer")]
    VarintTruncated {
        /// The message's name, such as `Sample`.
        message: &'static str,
    },
    /// A field is longer than the message it is in.
    #[error("the {message} ends inside a field: {missing} byte{} missing", if *.missing == 1 { " is" } else { "s are" })]
    FieldTruncated {
        /// The message's name.
        message: &'static str,
        /// The number of missing bytes.
        missing: u64,
    },
    /// A field has an impossible number: 0, or over 2²⁹ − 1.
    #[error("invalid field number {number}")]
    InvalidField {
        /// The number.
        number: u64,
    },
    /// A field has a wire type that does not exist.
    #[error("invalid wire type {wire_type}")]
    InvalidWireType {
        /// Its number: 6 or 7.
        wire_type: u8,
    },
    /// A field has the wrong wire type.
    #[error("field {field} of a {message} has wire type {found}")]
    WrongWireType {
        /// The message's name.
        message: &'static str,
        /// The field's number.
        field: u32,
        /// The wire type: 0 varint, 1 eight bytes, 2 bytes, 3 group, 5 four bytes.
        found: u8,
    },
    /// A group has no start or no end.
    #[error("a group has no start or no end")]
    UnbalancedGroup,

    // The messages.
    /// The first string of the table is not empty.
    #[error("the first string of the table is not empty")]
    FirstStringNotEmpty,
    /// An index is beyond the string table.
    #[error("unknown string {index}")]
    UnknownString {
        /// The index.
        index: u64,
    },
    /// An entry of a table has the ID 0, which means "none".
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
    /// A sample has more or fewer values than the profile has sample types.
    #[error("a sample has {found} value{} instead of {expected}", if *.found == 1 { "" } else { "s" })]
    WrongValueCount {
        /// The number of sample types.
        expected: usize,
        /// The number of values, counted up to one more than expected.
        found: usize,
    },
    /// A second profile follows the first in the same file.
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
