//! What a file is, from its first bytes.

/// How many bytes decide.
pub const HEAD: usize = 4096;

/// What a file holds, or seems to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Go execution trace.
    Trace,
    /// A profile in protobuf (profile.proto), unpacked.
    Profile,
    /// A log with lines of `GODEBUG=gctrace=1`.
    GctraceLog,
    /// Something else, which has a name.
    Other(&'static Other),
    /// Text that says nothing more.
    Text,
    /// Bytes that say nothing.
    Unknown,
}

/// A kind of file that no command reads, or not yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    /// As in "this is {name}".
    pub name: &'static str,
    /// What to do instead.
    pub advice: &'static str,
}

macro_rules! others {
    ($($id:ident: $name:literal, $advice:literal;)*) => {$(
        static $id: Other = Other { name: $name, advice: $advice };
    )*};
}

others! {
    EMPTY: "an empty file", "capture it again: curl -o FILE http://HOST/debug/pprof/…";
    HTML: "an HTML page", "an error page was saved in place of the file: look at it, then capture again with curl -f -o";
    JSON_ERROR: "a JSON document", "an error answer was saved in place of the file: look at it, then capture again with curl -f -o";
    CHROME: "a trace in Chrome's JSON format", "open it in ui.perfetto.dev, or give the trace.out that it was made from";
    PERFETTO: "a Perfetto trace", "open it in ui.perfetto.dev, or give the trace.out that it was made from";
    TRACING_ON: "the answer of a server that is already being traced", "wait until the other capture ends, then capture again";
    PROFILING_ON: "the answer of a server that is already being profiled", "wait until the other capture ends, then capture again";
    NOT_FOUND: "an error answer (404 page not found)", "import net/http/pprof in the service, check the path, then capture again";
    UNKNOWN_PROFILE: "an error answer (Unknown profile)", "check the profile's name: the service lists its own at /debug/pprof/";
    TIMEOUT: "an error answer (profile duration exceeds server's WriteTimeout)", "capture fewer seconds, or raise the server's WriteTimeout";
    HEAP_TEXT: "a heap profile in text form", "capture it without ?debug=1";
    GOROUTINE_TEXT: "a goroutine profile in text form", "capture it without ?debug=1";
    GOROUTINE_DUMP: "a goroutine dump in text form", "capture a goroutine profile: /debug/pprof/goroutine without ?debug=2";
    OLD_PROFILE: "a profile in an old text form", "capture it without ?debug=1, with Go 1.9 or later";
    OLD_CPU: "a CPU profile in the binary form of Go 1.8 and earlier", "capture it with Go 1.9 or later";
    EXECUTABLE: "an executable", "give the file that the program wrote: trace.out, heap.pb.gz, …";
    UTF16: "text in UTF-16", "PowerShell's > rewrote the file and damaged it: capture it again with curl -o FILE";
    TAR: "a tar or zip archive", "unpack it first";
}

/// Tells what a file is from its first bytes (up to [`HEAD`] of them).
pub fn identify(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Other(&EMPTY);
    }
    if head.starts_with(b"go 1.") && head.get(5..16).unwrap_or(&head[5..]).windows(4).any(|part| part == b" tra") {
        return Kind::Trace;
    }
    if let Some(other) = by_magic(head) {
        return Kind::Other(other);
    }
    if is_profile(head) {
        return Kind::Profile;
    }
    if head[0] == 0x0a && head.len() > 2 && head.contains(&0) {
        return Kind::Other(&PERFETTO);
    }
    if is_text(head) { text(head) } else { Kind::Unknown }
}

fn by_magic(head: &[u8]) -> Option<&'static Other> {
    const EXECUTABLES: [&[u8]; 6] =
        [b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf", b"#!/"];
    // Words of 8 or 4 bytes: 0, 3, 0 (Go 1.8, src/runtime/cpuprof.go).
    const OLD_CPU_64: &[u8] = b"\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const OLD_CPU_32: &[u8] = b"\0\0\0\0\x03\0\0\0\0\0\0\0";
    if EXECUTABLES.iter().any(|magic| head.starts_with(magic)) {
        Some(&EXECUTABLE)
    } else if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        Some(&UTF16)
    } else if head.starts_with(OLD_CPU_64) || head.starts_with(OLD_CPU_32) {
        Some(&OLD_CPU)
    } else if head.starts_with(b"PK\x03\x04") || head.get(257..262) == Some(b"ustar") {
        Some(&TAR)
    } else {
        None
    }
}

/// Whether these are fields of `profile.proto` (github.com/google/pprof): sample types, as Go writes them first, or any
/// others with a period type or sample type among the first.
fn is_profile(head: &[u8]) -> bool {
    /// Fields 1 to 14, of which only these hold one of the messages `ValueType`.
    const SAMPLE_TYPE: u8 = 1;
    const PERIOD_TYPE: u8 = 11;
    let mut rest = head;
    // A handful is enough, and is nearly always there.
    for _ in 0..8 {
        let [tag, len, ..] = *rest else { return false };
        let (field, wire_type) = (tag >> 3, tag & 7);
        if !(1..=14).contains(&field) {
            return false;
        }
        match wire_type {
            0 => {
                let Some(end) = rest[1..].iter().take(10).position(|byte| byte & 0x80 == 0) else { return false };
                rest = &rest[end + 2..];
            }
            2 if len < 0x80 => {
                let Some(body) = rest.get(2..2 + usize::from(len)) else { return false };
                // `ValueType { type: 1, unit: 2 }`, both varints; empty for a type without a name.
                if field == SAMPLE_TYPE || field == PERIOD_TYPE {
                    return body.iter().step_by(2).all(|&tag| tag == 0x08 || tag == 0x10) && body.len() % 2 == 0;
                }
                rest = &rest[2 + usize::from(len)..];
            }
            _ => return false,
        }
    }
    false
}

/// Whether it reads as text: UTF-8, perhaps cut, and next to no control characters.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if head.len() - error.valid_up_to() < 4 => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && valid.chars().all(|c| !c.is_control() || c.is_whitespace() || c == '\x1b')
}

fn text(head: &[u8]) -> Kind {
    let text = String::from_utf8_lossy(head);
    let trimmed = text.trim_start();
    let start: String = trimmed.chars().take(200).collect::<String>().to_lowercase();
    let kinds: [(&[&str], &Other); 11] = [
        (&["<!doctype", "<html", "<?xml", "<head", "<h1"], &HTML),
        (&["could not enable tracing"], &TRACING_ON),
        (&["could not enable cpu profiling"], &PROFILING_ON),
        (&["404 page not found", "404 not found"], &NOT_FOUND),
        (&["unknown profile"], &UNKNOWN_PROFILE),
        (&["profile duration exceeds"], &TIMEOUT),
        (&["heap profile:"], &HEAP_TEXT),
        (&["goroutine profile:", "goroutineleak profile:", "threadcreate profile:"], &GOROUTINE_TEXT),
        (&["--- ", "sampling period="], &OLD_PROFILE),
        (&["{\"traceevents\"", "[{\"name\"", "{\"displaytimeunit\""], &CHROME),
        (&["{", "["], &JSON_ERROR),
    ];
    // Log collectors put a time or a name in front, or wrap the line in JSON.
    let is_log = text.match_indices("gc ").any(|(at, _)| {
        let starts_word = !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric());
        let number = text[at + 3..].split_once(" @").map(|(number, _)| number);
        starts_word && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|digit| digit.is_ascii_digit()))
    });
    if is_log {
        return Kind::GctraceLog;
    }
    let is_dump =
        |line: &str| line.strip_prefix("goroutine ").is_some_and(|rest| rest.contains(" [") && rest.ends_with("]:"));
    if text.lines().any(is_dump) {
        return Kind::Other(&GOROUTINE_DUMP);
    }
    if start.starts_with('{') && start.contains("\"traceevents\"") {
        return Kind::Other(&CHROME);
    }
    let found = kinds.iter().find(|(starts, _)| starts.iter().any(|known| start.starts_with(known)));
    found.map_or(Kind::Text, |(_, other)| Kind::Other(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        for (head, kind) in [
            (&b"go 1.22 trace\0\0\0\x01"[..], Kind::Trace),
            (b"go 1.99 trace\0\0\0", Kind::Trace),
            (b"go 1.22 tra", Kind::Trace),
            (b"", Kind::Other(&EMPTY)),
            (b"404 page not found\n", Kind::Other(&NOT_FOUND)),
            (b"Could not enable tracing: tracing is already enabled\n", Kind::Other(&TRACING_ON)),
            (b"<html><head><title>502 Bad Gateway</title></head></html>", Kind::Other(&HTML)),
            (b"{\"kind\":\"Status\",\"status\":\"Failure\"}", Kind::Other(&JSON_ERROR)),
            (b"{ \"traceEvents\": [] }", Kind::Other(&CHROME)),
            (b"heap profile: 4: 17072 [18: 1499136] @ heap/1048576\n", Kind::Other(&HEAP_TEXT)),
            (b"goroutine profile: total 7046\r\n", Kind::Other(&GOROUTINE_TEXT)),
            (b"panic: boom\n\ngoroutine 7 [chan receive]:\nmain.main()\n", Kind::Other(&GOROUTINE_DUMP)),
            (b"--- contentionz 1 ---\ncycles/second = 3201000000\n", Kind::Other(&OLD_PROFILE)),
            (b"\x7fELF\x02\x01\x01", Kind::Other(&EXECUTABLE)),
            (b"\xff\xfeg\0o\0", Kind::Other(&UTF16)),
            (b"\x0a\x04\x08\x01\x10\x02\x0a\x04\x08\x03\x10\x04", Kind::Profile),
            (b"\x5a\x04\x08\x01\x10\x02\x60\x80\x80\x20", Kind::Profile),
            (b"\x0a\x00\x0a\x02\x08\x05", Kind::Profile),
            (b"listening on :8080\ngc 1 @0.012s 2%: 0.01+0.3+0.01 ms clock, \xe2", Kind::GctraceLog),
            (b"{\"log\":\"gc 7 @0.012s 2%: 0.01+0.3+0.01 ms clock\"}", Kind::GctraceLog),
            (b"the gc 1 is slow", Kind::Text),
            (b"\x01\x02\x03\xff", Kind::Unknown),
        ] {
            assert_eq!(identify(head), kind, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
