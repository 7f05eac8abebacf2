//! What has probably happened to a file, in plain words.

use crate::account::Tally;
use crate::error::{Error, ErrorKind, Flaw};
use crate::reader::Reader;

/// What the bytes of a file look like before they are decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    pub len: u64,
    /// The first bytes.
    head: Vec<u8>,
    last: u8,
    /// Line feeds, and those that follow a carriage return.
    line_feeds: u64,
    after_returns: u64,
    /// How many zero bytes are at the end.
    zeros: u64,
}

/// How many bytes of the start are kept.
const HEAD: usize = 512;
/// Disks and pages come in blocks of this many bytes.
const BLOCK: u64 = 4096;
/// The most bytes of a batch (Go `tracev2.MaxBatchSize`).
const MAX_BATCH: u64 = 64 << 10;
/// This many line feeds, all after a carriage return, are no coincidence.
const MANY: u64 = 32;

impl Traits {
    /// Takes in the next bytes.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.head.extend(bytes.iter().take(HEAD.saturating_sub(self.head.len())));
        for at in memchr::memchr_iter(b'\n', bytes) {
            let before = if at == 0 { self.last } else { bytes[at - 1] };
            self.line_feeds += 1;
            self.after_returns += u64::from(before == b'\r');
        }
        self.last = bytes.last().copied().unwrap_or(self.last);
        let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count() as u64;
        self.zeros = if zeros == bytes.len() as u64 { self.zeros + zeros } else { zeros };
    }

    fn begins(&self, with: &[u8]) -> bool {
        self.head.starts_with(with)
    }

    fn mentions(&self, text: &str) -> bool {
        let head = String::from_utf8_lossy(&self.head).to_lowercase();
        head.contains(text)
    }

    fn is_text(&self) -> bool {
        // The last character may be cut.
        let is_text = str::from_utf8(&self.head).map_or_else(|error| error.error_len().is_none(), |_| true);
        !self.head.is_empty() && is_text && !self.head.contains(&0)
    }

    /// Where a trace begins, if that is after the first byte.
    fn trace_at(&self) -> Option<usize> {
        (1..self.head.len()).find(|&at| self.head[at] == b'g' && Reader::from_slice(&self.head[at..]).is_ok())
    }
}

/// The cause when the system cannot read the file.
pub(super) const CANT_READ: &str = "the file cannot be read";

/// Why a file is not a trace.
pub(super) fn of_refusal(kind: &ErrorKind, traits: &Traits) -> String {
    if let (ErrorKind::NotATrace { .. }, Some(at)) = (kind, traits.trace_at()) {
        return format!("a trace begins at byte {at}: remove the bytes before it");
    }
    let text = match kind {
        ErrorKind::UnsupportedVersion { version } => {
            let minor = version.strip_prefix("go 1.").and_then(|minor| minor.parse::<u32>().ok());
            return match minor {
                Some(minor) if minor < 11 => {
                    format!("it was written by {version}: traces of Go 1.11 and later are read")
                }
                _ => format!("its header names {version}, which is unknown: a newer Go wrote it, or it is damaged"),
            };
        }
        ErrorKind::TruncatedHeader { .. } => {
            "the program ended before it had written anything: trace.Stop was not called"
        }
        ErrorKind::Io(_) => CANT_READ,
        _ => of_bytes(traits),
    };
    text.to_owned()
}

/// What a file is instead of a trace, by its bytes.
fn of_bytes(traits: &Traits) -> &'static str {
    match traits {
        _ if traits.len == 0 => {
            "the file is empty: trace.Start was not called, or the program ended before it wrote anything"
        }
        _ if traits.begins(b"\x1f\x8b") => {
            "it is a gzip file: unpack it first (a heap or CPU profile of Go is one, too)"
        }
        _ if traits.begins(b"\x28\xb5\x2f\xfd") => "it is a zstd file: unpack it first",
        _ if traits.begins(b"PK\x03\x04") => "it is a zip file: unpack it first",
        _ if traits.begins(b"\x7fELF") => "it is a program, not its trace",
        _ if traits.begins(b"goroutine ") || traits.begins(b"goroutine profile:") => {
            "it is a goroutine dump in text and not a trace: ask for /debug/pprof/trace"
        }
        _ if traits.begins(b"HTTP/1.") || traits.begins(b"HTTP/2") => {
            "it is an HTTP answer with its header: save the body alone"
        }
        _ if traits.mentions("<html") || traits.mentions("<!doctype") => {
            "it is an HTML page that was saved as a trace: probably an error page of a server or proxy, or a login"
        }
        _ if traits.is_text() && (traits.mentions("404") || traits.mentions("not found")) => {
            "it is an HTTP error that was saved as a trace: is net/http/pprof imported, and the address right?"
        }
        _ if traits.is_text() && traits.mentions("tracing") => {
            "it is an HTTP error that was saved as a trace: someone else was tracing at the time"
        }
        _ if traits.is_text() => "it is text, perhaps an error message that was saved as a trace",
        _ if traits.zeros == traits.len => {
            "it is all zeros: the disk was full, or the machine stopped before it was written"
        }
        _ => "it is not a Go execution trace",
    }
}

/// Why a trace is damaged, judged by its faults and its bytes. `end` is the error that ended reading, if one did.
pub(super) fn of_faults(faults: &[Error], end: Option<&Error>, lost: Tally, traits: &Traits) -> Option<String> {
    use ErrorKind as K;
    if let Some(K::Io(error)) = end.map(|end| &end.kind) {
        return Some(format!("the file cannot be read any further: {error}"));
    }
    let Error { kind: first, at: begin } = faults.first().or(end)?;
    let second = faults.iter().chain(end).find(|fault| matches!(fault.kind, K::MultipleTraces));
    let Some(Error { at, .. }) = second else { return Some(of_first(first, lost, traits)) };
    let two = format!("two traces were written into one file, the second at byte {}", at.offset);
    if matches!(first, K::MultipleTraces) {
        return Some(two + ": cut it there, each part is a trace");
    }
    // The second trace starts where the rest of a batch was expected.
    let is_last = faults.get(1).is_some_and(|fault| fault.at.offset == at.offset);
    let breaks_off = matches!(first, K::EventTruncated { .. } | K::VarintTruncated | K::BatchTooLarge { .. });
    if is_last && breaks_off && at.offset.saturating_sub(begin.offset) <= MAX_BATCH {
        return Some(two + "; the first is cut, or damaged at its end");
    }
    // The end of the file is the end of the second trace.
    let traits = Traits { len: at.offset, zeros: 0, ..traits.clone() };
    Some(format!("{two}; the first: {}", of_first(first, lost, &traits)))
}

/// Why a trace whose first fault is this one is damaged, and how many events that costs.
fn of_first(fault: &ErrorKind, lost: Tally, traits: &Traits) -> String {
    let unordered = match lost.events {
        1.. if is_cut(fault) => format!(
            "; {} events before the cut cannot be put in order, because other threads had not written theirs yet",
            lost.events
        ),
        _ => String::new(),
    };
    of_damage(fault, traits).to_owned() + &unordered
}

/// Whether a fault means that the file ends too early.
fn is_cut(fault: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        fault,
        K::TruncatedBatch { .. }
            | K::TruncatedEvent { .. }
            | K::MissingEndOfGeneration
            | K::BadFrequency(Flaw::Missing)
    )
}

/// Why a trace with this fault is damaged.
fn of_damage(fault: &ErrorKind, traits: &Traits) -> &'static str {
    match fault {
        _ if traits.line_feeds >= MANY && traits.after_returns == traits.line_feeds => {
            "it was copied as text: every line feed follows a carriage return"
        }
        ErrorKind::LimitExceeded { .. } => {
            "it exceeds a limit that no real trace reaches: it is damaged, or was made to do harm"
        }
        ErrorKind::EmptyTrace => {
            "the program ended before it wrote any events: trace.Stop was not called (os.Exit, log.Fatal, a crash or a kill)"
        }
        _ if traits.zeros >= BLOCK => {
            "its end is all zeros: the disk was full, or the machine stopped before it was written"
        }
        cut if is_cut(cut) && traits.len.is_multiple_of(BLOCK) => {
            "the file is cut, at a whole number of blocks: most likely the disk was full, or a copy was interrupted"
        }
        cut if is_cut(cut) => {
            "the file is cut: the program ended without trace.Stop (os.Exit, log.Fatal, a crash or a kill), the disk was \
             full, or it was copied before it was complete"
        }
        ErrorKind::TrailingData { .. } => "something that is not a trace was written after the trace",
        ErrorKind::DuplicateBatch | ErrorKind::InterleavedGenerations { .. } => {
            "parts of the file are repeated or in the wrong place: two writers shared it, or a copy went wrong"
        }
        ErrorKind::TimestampOverflow
        | ErrorKind::TimeRegression { .. }
        | ErrorKind::TimeOrder { .. }
        | ErrorKind::BadFrequency(_)
        | ErrorKind::BadClockSnapshot(_) => {
            "the clock cannot be trusted: it is that of a virtual machine, or the file is damaged"
        }
        ErrorKind::GenerationOutOfOrder { .. } => "a part of the file is missing, or its parts are in the wrong order",
        ErrorKind::StuckFrontier(_) | ErrorKind::BadSequence { .. } => "events are missing in the middle of the file",
        _ => "bytes of the file were changed or lost on its way here: copy it again from where it was written",
    }
}
