//! [`Text`], a string of the traced program.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// A string from a trace or a profile, such as a function name, a reason or a log message.
///
/// The string is stored as bytes, because Go strings need not be UTF-8, and the runtime may truncate a long string
/// inside a character. [`Display`](fmt::Display) and [`to_str_lossy`](Text::to_str_lossy) replace invalid UTF-8 by
/// U+FFFD.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(pub(crate) &'a [u8]);

impl<'a> Text<'a> {
    /// Returns the bytes as in the trace.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the text. `None` if it is not UTF-8.
    pub fn to_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// Returns the text with U+FFFD in place of invalid UTF-8.
    pub fn to_str_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// Returns whether the text has no bytes. An absent text, such as a missing reason, is empty.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Writes the text as a Go string literal, like Go's `strconv.Quote`.
    pub(crate) fn write_quoted(self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(b"\"")?;
        for chunk in self.0.utf8_chunks() {
            let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
            if chunk.valid().bytes().all(plain) {
                out.write_all(chunk.valid().as_bytes())?;
            } else {
                chunk.valid().chars().try_for_each(|c| write_quoted_char(c, out))?;
            }
            chunk.invalid().iter().try_for_each(|byte| write!(out, "\\x{byte:02x}"))?;
        }
        out.write_all(b"\"")
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Text(bytes)
    }
}

fn write_quoted_char(c: char, out: &mut impl io::Write) -> io::Result<()> {
    match c {
        '"' | '\\' => write!(out, "\\{c}"),
        '\x07' => out.write_all(b"\\a"),
        '\x08' => out.write_all(b"\\b"),
        '\x0c' => out.write_all(b"\\f"),
        '\n' => out.write_all(b"\\n"),
        '\r' => out.write_all(b"\\r"),
        '\t' => out.write_all(b"\\t"),
        '\x0b' => out.write_all(b"\\v"),
        c if is_print(c) => write!(out, "{c}"),
        c if c < ' ' || c == '\x7f' => write!(out, "\\x{:02x}", c as u32),
        c if (c as u32) < 0x1_0000 => write!(out, "\\u{:04x}", c as u32),
        c => write!(out, "\\U{:08x}", c as u32),
    }
}

/// Returns whether Go's `strconv.IsPrint` accepts a character: letters, marks, numbers, punctuation, symbols and the
/// ASCII space.
///
/// [`str::escape_debug`] escapes all other characters. It also escapes marks, but only at the start of a string, so the
/// character is tested as the second character of a string.
fn is_print(c: char) -> bool {
    let mut text = [0; 5];
    text[0] = b'.';
    let len = 1 + c.encode_utf8(&mut text[1..]).len();
    let printed = std::str::from_utf8(&text[..len]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c));
    // The single quote is the only printable character that Rust escapes and Go does not.
    printed || c == '\''
}

/// Writes an integer in decimal. This is several times as fast as `write!`, which matters because a trace's text is
/// mostly numbers.
pub(crate) fn write_int(value: impl itoa::Integer, out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(itoa::Buffer::new().format(value).as_bytes())
}

/// Writes an integer in hexadecimal, without leading zeros.
pub(crate) fn write_hex(mut value: u64, out: &mut impl io::Write) -> io::Result<()> {
    let mut digits = [b'0'; 16];
    let mut first = digits.len() - 1;
    loop {
        digits[first] = b"0123456789abcdef"[(value % 16) as usize];
        value /= 16;
        if value == 0 {
            return out.write_all(&digits[first..]);
        }
        first -= 1;
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str_lossy(), f)
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        Text(bytes).write_quoted(&mut out).expect("writing to a Vec cannot fail");
        String::from_utf8(out).expect("quoted text is UTF-8")
    }

    #[test]
    fn strings_are_quoted_like_in_go() {
        // Expected values are the output of strconv.Quote in Go 1.27.3.
        for (text, want) in [
            (&b"main.main"[..], r#""main.main""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"it's", r#""it's""#),
            (b"\x00\x07\x08\x0c\n\r\t\x0b\x1f\x7f", r#""\x00\a\b\f\n\r\t\v\x1f\x7f""#),
            ("h\u{e9}llo \u{4e16}\u{1f600}".as_bytes(), "\"h\u{e9}llo \u{4e16}\u{1f600}\""),
            (
                "\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}\u{fffd}".as_bytes(),
                "\"\\u00a0\\u00ad\\u200b\\u2028\\ufeff\u{fffd}\"",
            ),
            ("e\u{301}".as_bytes(), "\"e\u{301}\""),
            ("\u{e000}\u{10ffff}".as_bytes(), r#""\ue000\U0010ffff""#),
            (b"cut \xe4\xb8", r#""cut \xe4\xb8""#),
            (b"\xff\xc0\x80", r#""\xff\xc0\x80""#),
        ] {
            assert_eq!(quoted(text), want);
        }
    }

    #[test]
    fn integers_are_written_like_by_format() {
        for value in [0, 1, 9, 15, 16, 255, 0x46_6784, u64::MAX / 3, u64::MAX] {
            let mut text = Vec::new();
            write_hex(value, &mut text).expect("writing to a Vec cannot fail");
            write_int(value as i64, &mut text).expect("writing to a Vec cannot fail");
            assert_eq!(String::from_utf8(text), Ok(format!("{value:x}{}", value as i64)));
        }
    }

    #[test]
    fn every_character_is_quoted_like_in_go() {
        // The FNV-1a hash of strconv.Quote of all Unicode scalar values in order, computed with Go
        // 1.27.3.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for c in '\0'..=char::MAX {
            for byte in quoted(c.to_string().as_bytes()).bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
        assert_eq!(hash, 0xf128_b4ef_b2ad_4ee8);
    }
}
