//! Parses protobuf messages into fields.

use super::error::{ProfileError, ProfileErrorKind};
use super::limits::ProfileLimits;
use crate::wire::varint;

/// The encoding of a field's value. See protobuf.dev/programming-guides/encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    Group = 3,
    Fixed32 = 5,
}

/// The wire type that ends a group.
const GROUP_END: u8 = 4;

const MAX_FIELD: u64 = (1 << 29) - 1;

/// A message, or the packed values of a field: `bytes[start..]`. `bytes` starts at the start of the
/// profile, so indexes into it are offsets in the profile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub bytes: &'a [u8],
    pub start: usize,
}

impl<'a> Span<'a> {
    /// Returns the bytes of the message.
    pub fn body(self) -> &'a [u8] {
        &self.bytes[self.start..]
    }
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub number: u32,
    /// The offset at which the field starts.
    pub at: usize,
    pub value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Varint(u64),
    Len(Span<'a>),
    /// A field of another wire type. Profiles define no such fields.
    Other(WireType),
}

/// Iterates over the fields of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    /// The profile up to the end of the message.
    bytes: &'a [u8],
    pos: usize,
    message: &'static str,
    /// The maximum nesting depth of groups.
    nesting: u32,
    /// The number of fields that may still follow, including fields in groups, and its initial value.
    left: u32,
    most: u32,
}

impl<'a> Fields<'a> {
    /// Returns the fields of a message that is read only once.
    pub fn new(span: Span<'a>, message: &'static str, limits: &ProfileLimits) -> Self {
        // A profile is smaller than 4 GiB, so this limit is never reached.
        Fields { bytes: span.bytes, pos: span.start, message, nesting: limits.nesting, left: u32::MAX, most: u32::MAX }
    }

    /// Returns the fields of a message that is read repeatedly. Their number is limited by [`ProfileLimits::fields`].
    pub fn few(span: Span<'a>, message: &'static str, limits: &ProfileLimits) -> Self {
        Fields { left: limits.fields, most: limits.fields, ..Fields::new(span, message, limits) }
    }

    /// Returns the offset of the next field.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Returns the next field, or `None` at the end of the message.
    #[inline]
    pub fn next_field(&mut self) -> Result<Option<Field<'a>>, ProfileError> {
        if self.pos >= self.bytes.len() {
            return Ok(None);
        }
        let at = self.pos;
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            2 => Value::Len(self.len_delimited()?),
            _ => Value::Other(self.skip_other(number, wire_type, at)?),
        };
        Ok(Some(Field { number, at, value }))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), ProfileError> {
        let at = self.pos;
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_FIELD {
            return Err(ProfileError::unpacked(ProfileErrorKind::InvalidField { number }, at));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| self.too_many(at))?;
        Ok((number as u32, (tag & 7) as u8))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, ProfileError> {
        varint::read(self.bytes, &mut self.pos).map_err(|fault| ProfileError::varint(fault, self.message, self.pos))
    }

    #[inline]
    fn len_delimited(&mut self) -> Result<Span<'a>, ProfileError> {
        let len = self.varint()?;
        let start = self.pos;
        self.advance(len)?;
        Ok(Span { bytes: &self.bytes[..self.pos], start })
    }

    #[inline]
    fn advance(&mut self, len: u64) -> Result<(), ProfileError> {
        let left = (self.bytes.len() - self.pos) as u64;
        if len > left {
            let kind = ProfileErrorKind::FieldTruncated { message: self.message, missing: len - left };
            return Err(ProfileError::unpacked(kind, self.pos));
        }
        self.pos += len as usize;
        Ok(())
    }

    #[cold]
    fn skip_other(&mut self, number: u32, wire_type: u8, at: usize) -> Result<WireType, ProfileError> {
        match wire_type {
            1 => self.advance(8).map(|()| WireType::Fixed64),
            5 => self.advance(4).map(|()| WireType::Fixed32),
            3 => self.skip_group(number, at).map(|()| WireType::Group),
            GROUP_END => Err(ProfileError::unpacked(ProfileErrorKind::UnbalancedGroup, at)),
            _ => Err(ProfileError::unpacked(ProfileErrorKind::InvalidWireType { wire_type }, at)),
        }
    }

    /// Skips a group whose start has been read. Profiles define no groups, but messages may contain
    /// unknown fields. There is no recursion, because the file controls the nesting depth.
    fn skip_group(&mut self, number: u32, at: usize) -> Result<(), ProfileError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            if open.len() > self.nesting as usize {
                let kind = ProfileErrorKind::LimitExceeded { what: "nested groups", limit: self.nesting.into() };
                return Err(ProfileError::unpacked(kind, at));
            }
            if self.pos >= self.bytes.len() {
                return Err(ProfileError::unpacked(ProfileErrorKind::UnbalancedGroup, at));
            }
            let start = self.pos;
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => {
                    self.varint()?;
                }
                2 => {
                    self.len_delimited()?;
                }
                3 => open.push(number),
                GROUP_END if number == innermost => {
                    open.pop();
                }
                _ => {
                    self.skip_other(number, wire_type, start)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the value of an integer field.
    #[inline]
    pub fn integer(&self, field: Field<'a>) -> Result<u64, ProfileError> {
        match field.value {
            Value::Varint(value) => Ok(value),
            _ => Err(self.wrong_type(field)),
        }
    }

    /// Returns the bytes of a string or message field.
    #[inline]
    pub fn span(&self, field: Field<'a>) -> Result<Span<'a>, ProfileError> {
        match field.value {
            Value::Len(span) => Ok(span),
            _ => Err(self.wrong_type(field)),
        }
    }

    /// Calls `take` with each integer of a list. A field contains one integer, or any number if it
    /// is packed.
    #[inline]
    pub fn integers(
        &self,
        field: Field<'a>,
        mut take: impl FnMut(u64, usize) -> Result<(), ProfileError>,
    ) -> Result<(), ProfileError> {
        match field.value {
            Value::Varint(value) => take(value, field.at),
            Value::Len(Span { bytes, start }) => {
                let mut pos = start;
                while pos < bytes.len() {
                    let at = pos;
                    let value = varint::read(bytes, &mut pos)
                        .map_err(|fault| ProfileError::varint(fault, "list of integers", at))?;
                    take(value, at)?;
                }
                Ok(())
            }
            Value::Other(_) => Err(self.wrong_type(field)),
        }
    }

    #[cold]
    fn too_many(&self, at: usize) -> ProfileError {
        ProfileError::unpacked(
            ProfileErrorKind::LimitExceeded { what: "fields in a message", limit: self.most.into() },
            at,
        )
    }

    #[cold]
    fn wrong_type(&self, field: Field<'a>) -> ProfileError {
        let found = match field.value {
            Value::Varint(_) => WireType::Varint,
            Value::Len(_) => WireType::Len,
            Value::Other(wire_type) => wire_type,
        };
        let kind = ProfileErrorKind::WrongWireType { message: self.message, field: field.number, found: found as u8 };
        ProfileError::unpacked(kind, field.at)
    }
}
