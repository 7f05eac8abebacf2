//! Parses Go string literals.

/// Returns the bytes of a literal in double quotes or backquotes, like Go's `strconv.Unquote`. `None` if the literal is
/// invalid.
pub(super) fn unquote(literal: &str) -> Option<Vec<u8>> {
    if let Some(raw) = literal.strip_prefix('`') {
        let raw = raw.strip_suffix('`').filter(|raw| !raw.contains('`'))?;
        return Some(raw.bytes().filter(|&byte| byte != b'\r').collect());
    }
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Vec::with_capacity(rest.len());
    while let Some(special) = rest.find(['\\', '"', '\n']) {
        out.extend_from_slice(&rest.as_bytes()[..special]);
        rest = unescape(rest[special..].strip_prefix('\\')?, &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

/// Decodes an escape sequence and appends its bytes. `escape` starts after the backslash. Returns
/// the rest of the text.
fn unescape<'a>(escape: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    let mut chars = escape.chars();
    let simple = match chars.next()? {
        'a' => b'\x07',
        'b' => b'\x08',
        'f' => b'\x0c',
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => b'\x0b',
        '\\' => b'\\',
        '"' => b'"',
        'x' => return byte(chars.as_str(), 2, 16, out),
        '0'..='7' => return byte(escape, 3, 8, out),
        'u' => return character(chars.as_str(), 4, out),
        'U' => return character(chars.as_str(), 8, out),
        _ => return None,
    };
    out.push(simple);
    Some(chars.as_str())
}

fn byte<'a>(text: &'a str, digits: usize, radix: u32, out: &mut Vec<u8>) -> Option<&'a str> {
    let (value, rest) = number(text, digits, radix)?;
    out.push(u8::try_from(value).ok()?);
    Some(rest)
}

fn character<'a>(text: &'a str, digits: usize, out: &mut Vec<u8>) -> Option<&'a str> {
    let (value, rest) = number(text, digits, 16)?;
    out.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut [0; 4]).as_bytes());
    Some(rest)
}

fn number(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    let all_digits = number.chars().all(|digit| digit.is_digit(radix));
    Some((u32::from_str_radix(number, radix).ok().filter(|_| all_digits)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Text;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unquoting_reverses_quoting(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            any::<String>().prop_map(String::into_bytes),
        ]) {
            let mut quoted = Vec::new();
            Text(&bytes).write_quoted(&mut quoted).expect("writing to a Vec cannot fail");
            prop_assert_eq!(unquote(std::str::from_utf8(&quoted).expect("quoted text is UTF-8")), Some(bytes));
        }
    }

    #[test]
    fn all_escapes_are_decoded() {
        assert_eq!(unquote(r#""\a\b\f\n\r\t\v\\\"""#).as_deref(), Some(&b"\x07\x08\x0c\n\r\t\x0b\\\""[..]));
        assert_eq!(unquote(r#""\x00\377\u00e9\U0001f600""#).as_deref(), Some(&b"\x00\xff\xc3\xa9\xf0\x9f\x98\x80"[..]));
        assert_eq!(unquote("`a\\n\r`").as_deref(), Some(&b"a\\n"[..]));
    }

    #[test]
    fn literals_that_go_rejects_are_rejected() {
        for literal in [
            "",
            "\"",
            "x",
            "\"a",
            "a\"",
            "\"a\"b\"",
            "\"\n\"",
            r#""\'""#,
            r#""\q""#,
            r#""\x1""#,
            r#""\x+1""#,
            r#""\400""#,
        ] {
            assert_eq!(unquote(literal), None, "{literal}");
        }
        for literal in [r#""\ud800""#, r#""\U00110000""#, r#""\""#, "`", "`a`b`", r#""\xé""#] {
            assert_eq!(unquote(literal), None, "{literal}");
        }
    }
}
