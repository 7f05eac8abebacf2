//! What a log collector puts around the lines of a program.

/// The prefix of a line: a time, a host, a container. Its length may change from line to line, since some collectors
/// omit the zeros at the end of a time.
#[derive(Clone, Debug, Default)]
pub struct Prefix {
    /// The prefix of the last header.
    bytes: Vec<u8>,
    /// The number of words in it.
    words: usize,
    /// The number of spaces after the last word.
    gap: usize,
}

impl Prefix {
    /// Makes the prefix of later lines like that of a header.
    pub fn set(&mut self, bytes: &[u8]) {
        if self.bytes == bytes {
            return;
        }
        bytes.clone_into(&mut self.bytes);
        self.words = bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
        self.gap = bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// Returns whether a line starts with the prefix of the last header.
    pub fn starts(&self, line: &[u8]) -> bool {
        line.starts_with(&self.bytes)
    }

    /// Returns a line without its prefix, or `None` if it does not have one like the header's.
    pub fn strip<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        if let Some(rest) = line.strip_prefix(self.bytes.as_slice()) {
            return Some(rest);
        }
        // The prefix ends with a word, as in `web|main.main()`. Only digits may change.
        if self.gap == 0 {
            let (prefix, rest) = line.split_at_checked(self.bytes.len())?;
            let is_like = |(a, b): (&u8, &u8)| a == b || a.is_ascii_digit() && b.is_ascii_digit();
            return prefix.iter().zip(&self.bytes).all(is_like).then_some(rest);
        }
        let mut rest = line;
        for _ in 0..self.words {
            rest = rest.trim_ascii_start();
            let len = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            if len == 0 {
                return None;
            }
            rest = &rest[len..];
        }
        // Spaces at the end of a line are often removed.
        let gap = rest.iter().take(self.gap).take_while(|byte| byte.is_ascii_whitespace()).count();
        Some(&rest[gap..])
    }
}

/// Returns the text of a line of Docker's `json-file` log, `{"log":"main.main()\n","stream":"stderr",…}`, or `None` for
/// any other line. The text is written to `text`.
pub fn unpack_json<'t>(line: &[u8], text: &'t mut Vec<u8>) -> Option<&'t [u8]> {
    let mut rest = line.strip_prefix(b"{\"log\":\"")?;
    text.clear();
    loop {
        let end = memchr::memchr2(b'"', b'\\', rest)?;
        text.extend_from_slice(&rest[..end]);
        if rest[end] == b'"' {
            return Some(text.strip_suffix(b"\n").unwrap_or(text));
        }
        let escape = *rest.get(end + 1)?;
        rest = &rest[end + 2..];
        match escape {
            b'n' => text.push(b'\n'),
            b't' => text.push(b'\t'),
            b'r' => {}
            b'u' => {
                let code = std::str::from_utf8(rest.get(..4)?).ok()?;
                let code = u32::from_str_radix(code, 16).ok()?;
                let decoded = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                text.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[4..];
            }
            other => text.push(other),
        }
    }
}
