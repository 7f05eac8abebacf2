//! Writes protobuf messages through a buffer.

use std::io::{self, Write};

use super::wire::WireType;
use crate::wire::varint;

/// The encoded bytes of a message that have not been written out yet.
#[derive(Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

/// [`Message::flush_if_large`] writes the buffer out once it has this size.
const LARGE: usize = 64 << 10;

impl Message {
    fn tag(&mut self, field: u32, wire_type: WireType) {
        varint::write(&mut self.bytes, u64::from(field) << 3 | wire_type as u64);
    }

    /// Appends an integer field. Protobuf leaves out fields with the default value 0.
    pub fn uint64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, WireType::Varint);
            varint::write(&mut self.bytes, value);
        }
    }

    /// Appends a signed integer field. Negative values take ten bytes.
    pub fn int64(&mut self, field: u32, value: i64) {
        self.uint64(field, value.cast_unsigned());
    }

    /// Appends a string or bytes. Empty values are written too, because these fields are elements of a list.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, WireType::Len);
        varint::write(&mut self.bytes, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a packed list of integers, unless it is empty.
    pub fn packed(&mut self, field: u32, values: impl Iterator<Item = u64> + Clone) {
        let len: usize = values.clone().map(varint::len).sum();
        if len > 0 {
            self.tag(field, WireType::Len);
            varint::write(&mut self.bytes, len as u64);
            values.for_each(|value| varint::write(&mut self.bytes, value));
        }
    }

    /// Appends an embedded message, which `fill` writes.
    pub fn message(&mut self, field: u32, fill: impl FnOnce(&mut Message)) {
        self.tag(field, WireType::Len);
        let start = self.bytes.len();
        fill(self);
        // The length precedes the message, but is only known now. So it is appended and then
        // rotated to the front.
        let len = self.bytes.len() - start;
        varint::write(&mut self.bytes, len as u64);
        let len_bytes = self.bytes.len() - start - len;
        self.bytes[start..].rotate_right(len_bytes);
    }

    /// Writes the buffer out. Must not be called inside of [`message`](Self::message).
    pub fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    /// Writes the buffer out if it is large. Must not be called inside of
    /// [`message`](Self::message).
    pub fn flush_if_large(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.bytes.len() < LARGE { Ok(()) } else { self.flush(out) }
    }
}
