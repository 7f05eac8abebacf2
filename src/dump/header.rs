//! The header of a goroutine: `goroutine 7 [chan send, 12 minutes, locked to thread] {key: value}:`.

use std::str;
use std::time::Duration;

use memchr::memmem;

use super::DumpGoroutine;
use crate::id::GoId;

const START: &[u8] = b"goroutine ";

/// Returns the byte at which a header starts in a line of a log: after the prefix of a log collector.
pub fn find(line: &[u8]) -> Option<usize> {
    // Most lines of a log are rejected by their end.
    if !line.ends_with(b":") {
        return None;
    }
    memmem::find_iter(line, START).find(|&at| {
        let starts_word = at.checked_sub(1).is_none_or(|before| !line[before].is_ascii_alphanumeric());
        starts_word && split(&line[at..]).is_some()
    })
}

/// Returns whether a line of a text has a header.
pub(crate) fn contains_header(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        find(line).is_some()
            || super::prefix::unpack_json(line, &mut Vec::new()).is_some_and(|text| find(text).is_some())
    })
}

/// The parts of a header.
struct Parts<'l> {
    id: u64,
    /// The text between brackets.
    status: &'l str,
    /// The text between braces.
    labels: &'l str,
}

/// Splits a header, given without its prefix.
fn split(line: &[u8]) -> Option<Parts<'_>> {
    let rest = line.strip_prefix(START)?.strip_suffix(b":")?;
    let rest = str::from_utf8(rest).ok()?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = rest.split_at(digits);
    // ` gp=0xc000002380 m=0 mp=0x5a1c40` is there at GOTRACEBACK=system and for a crash of the runtime.
    let (pointers, rest) = rest.split_once(" [")?;
    if !pointers.is_empty() && !pointers.starts_with(" gp=") {
        return None;
    }
    let (status, rest) = rest.split_once(']')?;
    let labels = match rest.is_empty() {
        true => "",
        false => rest.strip_prefix(" {")?.strip_suffix('}')?,
    };
    Some(Parts { id: id.parse().ok()?, status, labels })
}

/// Parses a header, given without its prefix.
pub fn parse(line: &[u8], number: u64) -> Option<DumpGoroutine> {
    let parts = split(line)?;
    let mut goroutine = DumpGoroutine {
        id: GoId(parts.id),
        line: number,
        state: String::new(),
        wait: None,
        is_locked_to_thread: false,
        is_leaked: false,
        is_durable: false,
        synctest_bubble: None,
        labels: labels(parts.labels),
        stack: Vec::new(),
        elided: None,
        is_stack_unavailable: false,
        created_by: None,
        ancestors: Vec::new(),
    };
    let mut status = parts.status.split(", ");
    parse_state(status.next().unwrap_or_default(), &mut goroutine);
    for part in status {
        if part == "locked to thread" {
            goroutine.is_locked_to_thread = true;
        } else if let Some(minutes) = part.strip_suffix(" minutes") {
            goroutine.wait = minutes.parse().ok().map(|minutes: u64| Duration::from_secs(minutes.saturating_mul(60)));
        // Go 1.24 calls a bubble a group.
        } else if let Some(id) = part.strip_prefix("synctest bubble ").or(part.strip_prefix("synctest group ")) {
            goroutine.synctest_bubble = id.parse().ok();
        }
    }
    Some(goroutine)
}

/// Parses a state with its marks, as in `chan receive (durable) (scan)`.
fn parse_state(mut text: &str, goroutine: &mut DumpGoroutine) {
    loop {
        if let Some(state) = text.strip_suffix(" (scan)") {
            text = state;
        } else if let Some(state) = text.strip_suffix(" (durable)") {
            goroutine.is_durable = true;
            text = state;
        } else if let Some(state) = text.strip_suffix(" (leaked)") {
            goroutine.is_leaked = true;
            text = state;
        } else {
            break;
        }
    }
    // A leaked goroutine without a reason for its wait.
    goroutine.is_leaked |= text == "leaked";
    text.clone_into(&mut goroutine.state);
}

/// Parses labels such as `key: value, "a key": "a, value"`. Stops at the first that is malformed.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some((key, after)) = label_text(rest)
        && let Some((value, after)) = after.strip_prefix(": ").and_then(label_text)
    {
        labels.push((key, value));
        match after.strip_prefix(", ") {
            Some(after) => rest = after,
            None => break,
        }
    }
    labels
}

/// Parses a key or a value. Returns the text after it too.
fn label_text(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return unquote(quoted);
    }
    // These characters are not quoted (`tracebackStringNeedsQuoting`).
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_');
    let end = text.find(|c| !is_plain(c)).unwrap_or(text.len());
    Some((text[..end].to_owned(), &text[end..]))
}

/// Parses the rest of a quoted string (`printquoted` in Go's `src/runtime/print.go`). Bytes that are not UTF-8 are
/// replaced by U+FFFD.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(['"', '\\'])?;
        value.push_str(&rest[..end]);
        let mut chars = rest[end..].chars();
        if chars.next() == Some('"') {
            return Some((value, chars.as_str()));
        }
        let escape = chars.next()?;
        rest = chars.as_str();
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' | 'r' | 't' => {
                value.push(match escape {
                    'n' => '\n',
                    'r' => '\r',
                    _ => '\t',
                });
                continue;
            }
            other => {
                value.push(other);
                continue;
            }
        };
        let code = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
        // `\x` is a byte that is not UTF-8 if it is not ASCII.
        let is_valid = escape != 'x' || code < 0x80;
        value.push(char::from_u32(code).filter(|_| is_valid).unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = &rest[digits..];
    }
}
