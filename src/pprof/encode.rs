//! Protobuf, to write: a message grows in a buffer and is poured out when that is large.

use std::io::{self, Write};

use super::wire::WireType;
use crate::wire::varint;

/// The bytes of a message, or of those of its fields that have not been poured out yet.
#[derive(Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

/// So much is poured out at once.
const LARGE: usize = 64 << 10;

impl Message {
    fn tag(&mut self, field: u32, wire_type: WireType) {
        varint::write(&mut self.bytes, u64::from(field) << 3 | wire_type as u64);
    }

    /// An integer; 0 is what a field has that is not there.
    pub fn uint64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, WireType::Varint);
            varint::write(&mut self.bytes, value);
        }
    }

    /// A signed integer; negative ones take ten bytes.
    pub fn int64(&mut self, field: u32, value: i64) {
        self.uint64(field, value.cast_unsigned());
    }

    /// A string or bytes, which are written even if they are empty: they are elements of a list.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, WireType::Len);
        varint::write(&mut self.bytes, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// A list of integers; an empty one is not there.
    pub fn packed(&mut self, field: u32, values: impl Iterator<Item = u64> + Clone) {
        let len: usize = values.clone().map(varint::len).sum();
        if len > 0 {
            self.tag(field, WireType::Len);
            varint::write(&mut self.bytes, len as u64);
            values.for_each(|value| varint::write(&mut self.bytes, value));
        }
    }

    /// A message in this one.
    pub fn message(&mut self, field: u32, fill: impl FnOnce(&mut Message)) {
        self.tag(field, WireType::Len);
        let start = self.bytes.len();
        fill(self);
        // The length stands before what it is the length of, and is known only now.
        let len = self.bytes.len() - start;
        varint::write(&mut self.bytes, len as u64);
        let len_bytes = self.bytes.len() - start - len;
        self.bytes[start..].rotate_right(len_bytes);
    }

    /// Pours out what is there. Only for a message that is in no other.
    pub fn pour(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    /// Pours out what is there, if it is worth it.
    pub fn pour_if_large(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.bytes.len() < LARGE { Ok(()) } else { self.pour(out) }
    }
}
