//! Decodes text in UTF-16, as PowerShell's `>` writes it.

use std::io::{self, Read};

/// Decodes two bytes.
pub type ByteOrder = fn([u8; 2]) -> u16;

/// The first bytes of text in UTF-16, for each byte order.
const MARKS: [([u8; 2], ByteOrder); 2] = [([0xff, 0xfe], u16::from_le_bytes), ([0xfe, 0xff], u16::from_be_bytes)];

/// Returns how pairs of bytes are decoded, if an input starts with a byte order mark.
pub fn byte_order(head: &[u8]) -> Option<ByteOrder> {
    MARKS.into_iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, order)| order)
}

/// Decodes the start of an input, without its byte order mark.
pub fn decode_head(head: &[u8], order: ByteOrder) -> Vec<u8> {
    let mut text = Vec::new();
    // Reading a slice does not fail.
    let _ = Decoder::new(head, order).read_to_end(&mut text);
    text
}

/// Reads UTF-16 as UTF-8.
pub struct Decoder<R> {
    input: R,
    order: ByteOrder,
    /// The bytes that are not decoded yet: a part of a character.
    units: Vec<u8>,
    /// The decoded text, and how much of it has been read.
    text: Vec<u8>,
    at: usize,
}

impl<R: Read> Decoder<R> {
    pub fn new(input: R, order: ByteOrder) -> Self {
        Decoder { input, order, units: Vec::new(), text: Vec::new(), at: 0 }
    }

    /// Decodes the next bytes of the input. Returns whether there were any.
    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 8 << 10];
        let len = self.input.read(&mut buffer)?;
        self.units.extend_from_slice(&buffer[..len]);
        let is_end = len == 0;
        let mut whole = self.units.len() / 2 * 2;
        let unit = |bytes: &[u8]| (self.order)([bytes[0], bytes[1]]);
        // The second half of a character may come with the next bytes.
        let is_first_half = |unit: u16| (0xd800..0xdc00).contains(&unit);
        if !is_end && whole >= 2 && is_first_half(unit(&self.units[whole - 2..whole])) {
            whole -= 2;
        }
        let units = self.units[..whole].chunks_exact(2).map(unit);
        let characters = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        let text: String = characters.filter(|character| *character != '\u{feff}').collect();
        (self.text, self.at) = (text.into_bytes(), 0);
        self.units.drain(..whole);
        Ok(!is_end)
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if !self.fill()? && self.text.is_empty() {
                return Ok(0);
            }
        }
        let len = out.len().min(self.text.len() - self.at);
        out[..len].copy_from_slice(&self.text[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(out.len()).min(1);
            out[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    #[test]
    fn both_byte_orders_are_decoded_however_the_input_is_split() {
        let text = "gc 1 µs 𝄞\r\n";
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            let bytes: Vec<u8> = units.flat_map(to_bytes).collect();
            let order = byte_order(&bytes).expect("a mark");
            let mut decoded = String::new();
            Decoder::new(Slow(&bytes), order).read_to_string(&mut decoded).expect("valid");
            assert_eq!(decoded, text);
            assert_eq!(decode_head(&bytes, order), text.as_bytes());
        }
        assert!(byte_order(b"gc 1").is_none());
    }

    #[test]
    fn a_cut_character_is_replaced() {
        let order = byte_order(&[0xff, 0xfe]).expect("a mark");
        let mut decoded = String::new();
        let cut = [0xff, 0xfe, b'a', 0, 0x34, 0xd8, 0x1e];
        Decoder::new(&cut[..], order).read_to_string(&mut decoded).expect("valid");
        assert_eq!(decoded, "a\u{fffd}");
    }
}
