//! What can be wrong with a profile, and where.

use std::fmt;
use std::io;

use crate::wire::varint;

/// Why a profile could not be read, and the place.
#[derive(Debug)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where.
    pub at: Place,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)
    }
}

impl std::error::Error for Error {
    /// What is behind the kind: the kind itself is in the text already.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// A place in a profile. Its text begins with a blank, to follow a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub enum ErrorKind {
    // The file.
    /// The bytes could not be read.
    #[error("cannot read: {0}")]
    Io(#[source] io::Error),
    /// The gzip stream is damaged or cut.
    #[error("the gzip file is damaged: {0}")]
    Gzip(#[source] io::Error),
    /// There is nothing in it.
    #[error("the profile is empty")]
    Empty,
    /// It is the text that `/debug/pprof/…?debug=1` gives, which is for people.
    #[error("a profile in text form: it begins with \"{begin}\"")]
    Text {
        /// How it begins.
        begin: &'static str,
    },
    /// It is larger than the [`Limits`](super::Limits) allow.
    #[error("more than {limit} {what}")]
    LimitExceeded {
        /// What there is too much of: `bytes unpacked`, `locations in a stack`, `lines in a location`,
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
        /// How many bytes more were announced.
        missing: u64,
    },
    /// A field has a number that none can have: 0, or over 2²⁹ − 1.
    #[error("invalid field number {number}")]
    InvalidField {
        /// The number.
        number: u64,
    },
    /// A field has a wire type that there is not.
    #[error("invalid wire type {wire_type}")]
    InvalidWireType {
        /// Its number: 6 or 7.
        wire_type: u8,
    },
    /// A field is encoded in another way than its type is.
    #[error("field {field} of a {message} has wire type {found}")]
    WrongWireType {
        /// The message's name.
        message: &'static str,
        /// The field's number.
        field: u32,
        /// The wire type: 0 varint, 1 eight bytes, 2 bytes, 3 group, 5 four bytes.
        found: u8,
    },
    /// A group ends that did not begin, or one that began does not end.
    #[error("a group does not begin or does not end")]
    UnbalancedGroup,

    // The messages.
    /// The first string of the table is not the empty one.
    #[error("the first string of the table is not empty")]
    FirstStringNotEmpty,
    /// An index is not one of the string table's.
    #[error("unknown string {index}")]
    UnknownString {
        /// The index.
        index: u64,
    },
    /// A table gives something the ID 0, which stands for nothing.
    #[error("a {table} has the ID 0")]
    ZeroId {
        /// `mapping`, `location` or `function`.
        table: &'static str,
    },
    /// A table gives an ID twice.
    #[error("the {table} ID {id} is given twice")]
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
    #[error("a sample has {found} value{} and not {expected}", if *.found == 1 { "" } else { "s" })]
    WrongValueCount {
        /// How many sample types there are.
        expected: usize,
        /// How many values it has, or one more than there should be.
        found: usize,
    },
    /// A second profile follows the first in the same file.
    #[error("a second profile follows the first")]
    MultipleProfiles,
}

impl Error {
    #[cold]
    pub(super) fn unpacked(kind: ErrorKind, offset: usize) -> Self {
        Error { kind, at: Place::Unpacked(offset as u64) }
    }

    #[cold]
    pub(super) fn varint(fault: varint::Fault, message: &'static str, offset: usize) -> Self {
        let kind = match fault {
            varint::Fault::Truncated => ErrorKind::VarintTruncated { message },
            varint::Fault::Overflow => ErrorKind::VarintOverflow,
        };
        Error::unpacked(kind, offset)
    }
}
