//! Names from a traced program, such as functions and files: made safe to print, and cut to fit.

use std::path::Path;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Replaces characters that are not safe to print: control characters, which could move a
/// terminal's cursor or change its colours, and characters that reverse the direction of text.
/// Names and messages come from a traced program and cannot be trusted.
pub fn printable(name: &str) -> String {
    let is_bidi = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    name.chars().map(|c| if c.is_control() || is_bidi(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A file's path quoted for a shell, for commands that the user may copy.
pub fn shell_word(path: &Path) -> String {
    let path = path.display().to_string();
    match path.starts_with('-') && path != "-" {
        true => quoted(&format!("./{path}")),
        false => quoted(&path),
    }
}

/// A text quoted so that a shell reads it as one word.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_./-=+:@%,".contains(c);
    match printable(text) {
        text if !text.is_empty() && text.chars().all(is_plain) => text,
        text => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A function's name without the path of its package: `http.(*conn).serve` for `net/http.(*conn).serve`.
pub fn without_path(name: &str) -> &str {
    // Type arguments have paths of their own: `a/b.F[c/d.T]`.
    let end = name.find(['[', '(', ' ']).unwrap_or(name.len());
    name[..end].rfind('/').map_or(name, |slash| &name[slash + 1..])
}

/// The last part of a file's path.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Shortens a name to at most `room` columns. The package path is dropped first, then the start is
/// cut.
pub fn fit(name: &str, room: usize) -> String {
    let name = printable(name);
    if width(&name) <= room {
        return name;
    }
    let short = without_path(&name);
    if width(short) <= room {
        return short.to_owned();
    }
    // The end of a name, such as the method or the closure, says more than its start.
    let mut kept = Vec::new();
    let mut taken = 1;
    for c in short.chars().rev() {
        taken += c.width().unwrap_or(0);
        if taken > room {
            break;
        }
        kept.push(c);
    }
    std::iter::once('…').chain(kept.into_iter().rev()).take(room).collect()
}

/// Shortens a text to at most `room` columns by cutting its end.
pub fn cut(text: &str, room: usize) -> String {
    let text = printable(text);
    if width(&text) <= room {
        return text;
    }
    let mut kept = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken > room {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_path_goes_first() {
        let name = "github.com/acme/shop/internal/cart.(*Cart).Checkout.func1";
        assert_eq!(fit(name, 80), name);
        assert_eq!(fit(name, 28), "cart.(*Cart).Checkout.func1");
        assert_eq!(fit(name, 12), "…ckout.func1");
        assert_eq!(without_path("a/b.F[c/d.T]"), "b.F[c/d.T]");
        assert_eq!(without_path("main.main"), "main.main");
        assert_eq!(file_name("C:\\go\\main.go"), "main.go");
    }

    #[test]
    fn paths_can_be_copied_to_a_shell() {
        for (path, word) in [
            ("a/trace.out", "a/trace.out"),
            ("-", "-"),
            ("-x", "./-x"),
            ("a b;c", "'a b;c'"),
            ("it's", r"'it'\''s'"),
            ("a\x1b\n", "'a\u{fffd}\u{fffd}'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(cut("a long message", 7), "a long…");
    }
}
