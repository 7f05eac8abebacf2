//! Labels, such as `{"kind":"größer", "worker":"7"}`.

use std::borrow::Cow;

/// A key and its value.
type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Parses labels. Ends at the first one that is malformed, because Go's own reader ignores labels.
pub(super) fn parse(text: &str) -> Vec<Label<'_>> {
    let mut labels = Vec::new();
    let mut rest = text.strip_prefix('{').unwrap_or(text);
    while let Some((label, after)) = label(rest) {
        labels.push(label);
        rest = after.trim_start_matches([',', ' ']);
    }
    labels
}

/// Parses a label and returns what follows.
fn label(text: &str) -> Option<(Label<'_>, &str)> {
    let (key, rest) = unquote(text)?;
    let (value, rest) = unquote(rest.strip_prefix(':')?)?;
    Some(((key, value), rest))
}

/// Parses a text in the quotes of Go's `%q`, and returns what follows.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let end = rest.find(['"', '\\'])?;
    if rest[end..].starts_with('"') {
        return Some((Cow::Borrowed(&rest[..end]), &rest[end + 1..]));
    }
    let mut unquoted = String::new();
    loop {
        let end = rest.find(['"', '\\'])?;
        unquoted.push_str(&rest[..end]);
        if rest[end..].starts_with('"') {
            return Some((Cow::Owned(unquoted), &rest[end + 1..]));
        }
        let escaped;
        (escaped, rest) = unescape(&rest[end + 1..])?;
        unquoted.push(escaped);
    }
}

/// Parses what follows a backslash, and returns the rest. A byte that is not UTF-8 becomes U+FFFD.
fn unescape(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let digits = match chars.next()? {
        'a' => return Some(('\x07', chars.as_str())),
        'b' => return Some(('\x08', chars.as_str())),
        'f' => return Some(('\x0c', chars.as_str())),
        'n' => return Some(('\n', chars.as_str())),
        'r' => return Some(('\r', chars.as_str())),
        't' => return Some(('\t', chars.as_str())),
        'v' => return Some(('\x0b', chars.as_str())),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        other => return Some((other, chars.as_str())),
    };
    let (number, rest) = chars.as_str().split_at_checked(digits)?;
    let number = u32::from_str_radix(number, 16).ok()?;
    let is_byte = digits == 2 && number >= 0x80;
    Some((char::from_u32(number).filter(|_| !is_byte).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unquoted_like_by_strconv_unquote() {
        let labels = parse(r#"{"a":"1", "größer":"ü\"\\\n\t\x7f\u00a0\U000e0001\xff", "":""}"#);
        let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(labels, [("a", "1"), ("größer", "ü\"\\\n\t\x7f\u{a0}\u{e0001}\u{fffd}"), ("", "")]);
    }

    #[test]
    fn malformed_labels_end_the_list() {
        for (text, count) in [
            ("", 0),
            ("{}", 0),
            (r#"{"a":"1", "b"}"#, 1),
            (r#"{"a":"1", "b":"\u12"}"#, 1),
            (r#"{"a":"1", "b":"\xä"}"#, 1),
            (r#"{"a":"1", "b":"2"#, 1),
        ] {
            assert_eq!(parse(text).len(), count, "{text}");
        }
    }
}
