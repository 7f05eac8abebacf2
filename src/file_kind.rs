//! Determines the kind of a file from its first bytes.

use std::fmt;

use crate::dump;

/// The kind of a file, according to its first bytes: a trace, another file that a Go program
/// writes, or a file that is often saved by mistake, such as an HTML error page.
///
/// ```
/// use gotrace::FileKind;
///
/// assert_eq!(FileKind::of(b"go 1.26 trace\0\0\0"), FileKind::Trace);
/// let kind = FileKind::of(b"404 page not found\n");
/// assert_eq!(kind.to_string(), "an error response (404 page not found)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A Go execution trace, of any version.
    Trace,
    /// A profile in protobuf (`profile.proto`) that is not compressed.
    Profile,
    /// A log with lines of `GODEBUG=gctrace=1`.
    GcLog,
    /// A gzip file. Go writes profiles as gzip files.
    Gzip,
    /// A zstd file.
    Zstd,
    /// A tar or zip archive.
    Archive,
    /// A trace, a profile or another compressed file, encoded as base64.
    Base64,
    /// No bytes at all.
    Empty,
    /// An HTML page.
    Html,
    /// A JSON document.
    Json,
    /// An HTTP response with its header.
    HttpResponse,
    /// The response of a server that does not have the page.
    NotFound,
    /// The response of `net/http/pprof` to a request for a profile that does not exist.
    UnknownProfile,
    /// The response of `net/http/pprof` if the server's `WriteTimeout` is shorter than the capture.
    WriteTimeout,
    /// The response of `net/http/pprof` if the program is already being traced.
    TracingBusy,
    /// The response of `net/http/pprof` if a CPU profile is already being captured.
    ProfilingBusy,
    /// A trace in Chrome's JSON format.
    ChromeTrace,
    /// A Perfetto trace.
    PerfettoTrace,
    /// A profile in text form (`debug=1`), of any kind except CPU, which has none.
    TextProfile,
    /// A dump of all goroutines (`debug=2`, or a crash): see [`dump`](crate::dump).
    GoroutineDump,
    /// A profile in one of the old text forms of C++ programs.
    OldProfile,
    /// A CPU profile in the old binary form of C++ programs, and of Go 1.8 and earlier.
    OldCpuProfile,
    /// An executable or a script.
    Executable,
    /// Text in UTF-16, as PowerShell's `>` writes it.
    Utf16,
    /// Other text.
    Text,
    /// Other bytes.
    Unknown,
}

impl fmt::Display for FileKind {
    /// Writes the name with its article, as in "this is an HTML page".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::Trace => "an execution trace",
            FileKind::Profile => "a pprof profile",
            FileKind::GcLog => "a GC log",
            FileKind::Gzip => "a gzip file",
            FileKind::Zstd => "a zstd file",
            FileKind::Archive => "a tar or zip archive",
            FileKind::Base64 => "a file encoded as base64",
            FileKind::Empty => "an empty file",
            FileKind::Html => "an HTML page",
            FileKind::Json => "a JSON document",
            FileKind::HttpResponse => "an HTTP response with its header",
            FileKind::NotFound => "an error response (404 page not found)",
            FileKind::UnknownProfile => "an error response (Unknown profile)",
            FileKind::WriteTimeout => "an error response (profile duration exceeds server's WriteTimeout)",
            FileKind::TracingBusy => "the response of a server that is already being traced",
            FileKind::ProfilingBusy => "the response of a server that is already being profiled",
            FileKind::ChromeTrace => "a trace in Chrome's JSON format",
            FileKind::PerfettoTrace => "a Perfetto trace",
            FileKind::TextProfile => "a profile in text form",
            FileKind::GoroutineDump => "a goroutine dump in text form",
            FileKind::OldProfile => "a profile in an old text form of C++ programs",
            FileKind::OldCpuProfile => "a CPU profile in the old binary form of C++ programs",
            FileKind::Executable => "an executable",
            FileKind::Utf16 => "text in UTF-16",
            FileKind::Text => "text",
            FileKind::Unknown => "binary data",
        })
    }
}

impl FileKind {
    /// The maximum number of bytes that [`FileKind::of`] looks at.
    pub const HEAD: usize = 4096;

    /// Returns the kind of a file, given its first [`FileKind::HEAD`] bytes, or the whole file if it is shorter. A
    /// compressed file has to be unpacked first to determine the kind of its contents.
    ///
    /// ```
    /// use gotrace::FileKind;
    ///
    /// assert_eq!(FileKind::of(b"go 1.26 trace\0\0\0"), FileKind::Trace);
    /// assert_eq!(FileKind::of(b"<html>"), FileKind::Html);
    /// println!("this is {}", FileKind::of(b""));
    /// ```
    pub fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(Self::HEAD)];
        if head.is_empty() {
            return FileKind::Empty;
        }
        if head.starts_with(b"go 1.") && head.get(5..16).unwrap_or(&head[5..]).windows(4).any(|part| part == b" tra") {
            return FileKind::Trace;
        }
        if let Some(kind) = by_magic(head) {
            return kind;
        }
        if is_profile(head) {
            return FileKind::Profile;
        }
        if is_perfetto(head) {
            return FileKind::PerfettoTrace;
        }
        if is_text(head) { of_text(head) } else { FileKind::Unknown }
    }
}

fn by_magic(head: &[u8]) -> Option<FileKind> {
    const EXECUTABLES: [&[u8]; 6] =
        [b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf", b"#!/"];
    // Words of 8 or 4 bytes: 0, 3, 0 (Go 1.8, src/runtime/cpuprof.go).
    const OLD_CPU_64: &[u8] = b"\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const OLD_CPU_32: &[u8] = b"\0\0\0\0\x03\0\0\0\0\0\0\0";
    if head.starts_with(b"\x1f\x8b") {
        Some(FileKind::Gzip)
    } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
        Some(FileKind::Zstd)
    } else if EXECUTABLES.iter().any(|magic| head.starts_with(magic)) {
        Some(FileKind::Executable)
    } else if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        Some(FileKind::Utf16)
    } else if head.starts_with(OLD_CPU_64) || head.starts_with(OLD_CPU_32) {
        Some(FileKind::OldCpuProfile)
    } else if head.starts_with(b"PK\x03\x04") || head.get(257..262) == Some(b"ustar") {
        Some(FileKind::Archive)
    } else {
        None
    }
}

/// Returns whether the bytes look like fields of `profile.proto` (github.com/google/pprof). Skips
/// fields until the first sample type or period type, and checks that this field is a `ValueType`.
/// Go writes a sample type first.
fn is_profile(head: &[u8]) -> bool {
    /// The fields have numbers from 1 to 14. Only these two contain messages of type `ValueType`.
    const SAMPLE_TYPE: u8 = 1;
    const PERIOD_TYPE: u8 = 11;
    let mut rest = head;
    // Looks at eight fields at most, so that other data is rejected early.
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
                // `ValueType { type: 1, unit: 2 }`, both varints. The message is empty for a type without a name.
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

/// Returns whether the bytes start with a field 1 that contains a message, like the first
/// `TracePacket` in Perfetto's `Trace`. Text can look like such a field, so the bytes must also
/// contain a NUL byte.
fn is_perfetto(head: &[u8]) -> bool {
    const FIRST: u8 = 1 << 3 | 2;
    let Some((&FIRST, rest)) = head.split_first() else { return false };
    let len = rest.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    // Valid wire types are 0, 1, 2 and 5. Types 3 and 4 are obsolete.
    let has_field = rest.get(len).is_some_and(|tag| tag >> 3 != 0 && matches!(tag & 7, 0 | 1 | 2 | 5));
    has_field && head.contains(&0)
}

/// Returns whether the bytes are text: UTF-8 without control characters other than white space and
/// ESC. The last character may be incomplete.
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

/// Returns whether a text is the base64 of a trace, a gzip file or a zstd file.
fn is_base64(head: &[u8]) -> bool {
    const STARTS: [&[u8]; 3] = [b"Z28gMS4", b"H4sI", b"KLUv/"];
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n');
    STARTS.iter().any(|start| head.starts_with(start)) && head.iter().all(is_digit)
}

fn of_text(head: &[u8]) -> FileKind {
    if is_base64(head) {
        return FileKind::Base64;
    }
    let text = String::from_utf8_lossy(head);
    let trimmed = text.trim_start();
    let start: String = trimmed.chars().take(200).collect::<String>().to_lowercase();
    let kinds: [(&[&str], FileKind); 10] = [
        (&["<!doctype", "<html", "<?xml", "<head", "<h1"], FileKind::Html),
        (&["could not enable tracing"], FileKind::TracingBusy),
        (&["could not enable cpu profiling"], FileKind::ProfilingBusy),
        (&["404 page not found", "404 not found"], FileKind::NotFound),
        (&["unknown profile"], FileKind::UnknownProfile),
        (&["profile duration exceeds"], FileKind::WriteTimeout),
        (&["--- ", "heap profile:"], FileKind::OldProfile),
        (&["{\"traceevents\"", "[{\"name\"", "{\"displaytimeunit\""], FileKind::ChromeTrace),
        (&["http/1.", "http/2"], FileKind::HttpResponse),
        (&["{", "["], FileKind::Json),
    ];
    // Log collectors put a time or a name before the line, or wrap the line in JSON.
    let is_log = text.match_indices("gc ").any(|(at, _)| {
        let starts_word = !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric());
        let number = text[at + 3..].split_once(" @").map(|(number, _)| number);
        starts_word && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|digit| digit.is_ascii_digit()))
    });
    if is_log {
        return FileKind::GcLog;
    }
    if dump::contains_header(head) {
        return FileKind::GoroutineDump;
    }
    if is_text_profile(trimmed) {
        return FileKind::TextProfile;
    }
    if start.starts_with('{') && start.contains("\"traceevents\"") {
        return FileKind::ChromeTrace;
    }
    let found = kinds.iter().find(|(starts, _)| starts.iter().any(|known| start.starts_with(known)));
    found.map_or(FileKind::Text, |&(_, kind)| kind)
}

/// Returns whether a text starts like a profile that Go writes with `debug=1` (`src/runtime/pprof/pprof.go`). A program
/// can define profiles with other names.
fn is_text_profile(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(header) = lines.next() else { return false };
    if header.starts_with("heap profile:") {
        let name = header.rsplit('@').next().unwrap_or_default().trim();
        return name == "heap" || name.starts_with("heap/");
    }
    let count = header.split_once(" profile: total ").filter(|(name, _)| !name.contains(char::is_whitespace));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    header == "--- contention:" || header == "--- mutex:" || count.is_some_and(|(_, total)| is_number(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_determine_the_kind_of_a_file() {
        for (head, kind) in [
            (&b"go 1.22 trace\0\0\0\x01"[..], FileKind::Trace),
            (b"go 1.99 trace\0\0\0", FileKind::Trace),
            (b"go 1.22 tra", FileKind::Trace),
            (b"", FileKind::Empty),
            (b"404 page not found\n", FileKind::NotFound),
            (b"Could not enable tracing: tracing is already enabled\n", FileKind::TracingBusy),
            (b"<html><head><title>502 Bad Gateway</title></head></html>", FileKind::Html),
            (b"{\"kind\":\"Status\",\"status\":\"Failure\"}", FileKind::Json),
            (b"{ \"traceEvents\": [] }", FileKind::ChromeTrace),
            (b"heap profile: 4: 17072 [18: 1499136] @ heap/1048576\n", FileKind::TextProfile),
            (b"heap profile: 1: 2 [1: 2] @ heapprofile\n", FileKind::OldProfile),
            (b"main.connections profile: total 2\n", FileKind::TextProfile),
            (b"--- mutex:\ncycles/second=1\n", FileKind::TextProfile),
            (b"goroutine profile: total 7046\r\n", FileKind::TextProfile),
            (b"panic: boom\n\ngoroutine 7 [chan receive]:\nmain.main()\n", FileKind::GoroutineDump),
            (b"2026-11-30T19:57:07Z goroutine 7 gp=0xc000002380 m=nil [select]:\r\n", FileKind::GoroutineDump),
            (b"{\"log\":\"goroutine 7 [select]:\\n\",\"stream\":\"stderr\"}\n", FileKind::GoroutineDump),
            (b"--- contentionz 1 ---\ncycles/second = 3201000000\n", FileKind::OldProfile),
            (b"HTTP/1.1 200 OK\r\n\r\n", FileKind::HttpResponse),
            (b"\x1f\x8b\x08\0", FileKind::Gzip),
            (b"\x28\xb5\x2f\xfd\x20", FileKind::Zstd),
            (b"\x0a\x05\x18\x07\x52\x01\x00", FileKind::PerfettoTrace),
            (b"\ngo 1.26 trace\0\0\0", FileKind::Unknown),
            (b"\x7fELF\x02\x01\x01", FileKind::Executable),
            (b"\xff\xfeg\0o\0", FileKind::Utf16),
            (b"\x0a\x04\x08\x01\x10\x02\x0a\x04\x08\x03\x10\x04", FileKind::Profile),
            (b"\x5a\x04\x08\x01\x10\x02\x60\x80\x80\x20", FileKind::Profile),
            (b"\x0a\x00\x0a\x02\x08\x05", FileKind::Profile),
            (b"listening on :8080\ngc 1 @0.012s 2%: 0.01+0.3+0.01 ms clock, \xe2", FileKind::GcLog),
            (b"{\"log\":\"gc 7 @0.012s 2%: 0.01+0.3+0.01 ms clock\"}", FileKind::GcLog),
            (b"Z28gMS4yNiB0cmFjZQAAAAEB\n", FileKind::Base64),
            (b"H4sIAAAAAAAA/6xX\r\n3W7b", FileKind::Base64),
            (b"H4sI is how gzip starts in base64", FileKind::Text),
            (b"the gc 1 is slow", FileKind::Text),
            (b"\x01\x02\x03\xff", FileKind::Unknown),
        ] {
            assert_eq!(FileKind::of(head), kind, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
