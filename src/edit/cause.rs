//! Determines what has probably happened to a file.

use std::borrow::Cow;
use std::fmt;

use crate::account::Tally;
use crate::error::{Error, ErrorKind, Flaw};
use crate::file_kind::FileKind;
use crate::reader::Reader;

/// What has probably happened to a file, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
#[non_exhaustive]
pub struct Cause {
    /// A description of what has happened, such as `two traces were written into one file`.
    pub text: Cow<'static, str>,
    /// What would make the file readable. `None` if only another capture helps, or if the text
    /// already says it.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub remedy: Option<Remedy>,
}

/// What would make a file readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Remove the bytes before the trace.
    RemovePrefix,
    /// Split the file where the second trace begins.
    Split,
    /// Copy the file again from where it was written.
    CopyAgain,
    /// Capture the trace again with a supported Go release: see
    /// [`Reader::GO_RELEASES`](crate::Reader::GO_RELEASES).
    UseNewerGo,
}

impl Cause {
    fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Cause { text: text.into(), remedy: None }
    }

    fn with(self, remedy: Remedy) -> Self {
        Cause { remedy: Some(remedy), ..self }
    }

    /// Returns the cause when the system cannot read the file.
    pub(super) fn cannot_read() -> Self {
        Cause::new("the file cannot be read")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Properties of a file's bytes that show what has happened to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    pub len: u64,
    /// The first bytes.
    head: Vec<u8>,
    last: u8,
    /// The number of line feeds.
    line_feeds: u64,
    /// The number of line feeds that follow a carriage return.
    after_returns: u64,
    /// The number of zero bytes at the end.
    zeros: u64,
}

/// The usual size of a block of a file system and of a page of memory, in bytes.
const BLOCK: u64 = 4096;
/// The maximum size of a batch in bytes (Go `tracev2.MaxBatchSize`).
const MAX_BATCH: u64 = 64 << 10;
/// If at least this many line feeds all follow a carriage return, this is not a coincidence.
const MIN_LINE_FEEDS: u64 = 32;

impl Traits {
    /// Updates the traits with the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.head.extend(bytes.iter().take(FileKind::HEAD.saturating_sub(self.head.len())));
        for at in memchr::memchr_iter(b'\n', bytes) {
            let before = if at == 0 { self.last } else { bytes[at - 1] };
            self.line_feeds += 1;
            self.after_returns += u64::from(before == b'\r');
        }
        self.last = bytes.last().copied().unwrap_or(self.last);
        let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count() as u64;
        self.zeros = if zeros == bytes.len() as u64 { self.zeros + zeros } else { zeros };
    }

    /// Returns the offset at which a trace begins, if it is after the first byte.
    fn trace_at(&self) -> Option<usize> {
        (1..self.head.len()).find(|&at| self.head[at] == b'g' && Reader::from_slice(&self.head[at..]).is_ok())
    }
}

/// Returns why a file is not a trace.
pub(super) fn of_refusal(kind: &ErrorKind, traits: &Traits) -> Cause {
    match kind {
        ErrorKind::NotATrace { .. } => match traits.trace_at() {
            Some(at) => Cause::new(format!("a trace begins at byte {at}")).with(Remedy::RemovePrefix),
            None => of_bytes(traits),
        },
        ErrorKind::UnsupportedVersion { version } => {
            let minor = version.strip_prefix("go 1.").and_then(|minor| minor.parse::<u32>().ok());
            match minor {
                Some(minor) if minor < *Reader::GO_RELEASES.start() => {
                    Cause::new(format!("it was written by {version}")).with(Remedy::UseNewerGo)
                }
                _ => Cause::new(format!(
                    "its header says {version}, which is not supported: it was written by a newer Go, or it is damaged"
                )),
            }
        }
        kind => probable_cause(kind),
    }
}

/// Returns what a file is instead of a trace, judged by its bytes.
fn of_bytes(traits: &Traits) -> Cause {
    if traits.len > 0 && traits.zeros == traits.len {
        return Cause::new("it is all zeros: the disk was full, or the machine stopped before it was written");
    }
    match FileKind::of(&traits.head) {
        FileKind::Trace | FileKind::Unknown => Cause::new("it is not a Go execution trace"),
        kind => Cause::new(format!("it is {kind}, not a Go execution trace")),
    }
}

/// Returns why a trace is damaged, judged by its faults and its bytes. `end` is the error that ended reading, if there
/// was one.
pub(super) fn of_faults(faults: &[Error], end: Option<&Error>, lost: Tally, traits: &Traits) -> Option<Cause> {
    use ErrorKind as K;
    if let Some(K::Io(error)) = end.map(|end| &end.kind) {
        return Some(Cause::new(format!("the file cannot be read any further: {error}")));
    }
    let Error { kind: first, at: begin } = faults.first().or(end)?;
    let second = faults.iter().chain(end).find(|fault| matches!(fault.kind, K::MultipleTraces));
    let Some(Error { at, .. }) = second else { return Some(of_first(first, lost, traits)) };
    let two = format!("two traces were written into one file, the second at byte {}", at.offset);
    if matches!(first, K::MultipleTraces) {
        return Some(Cause::new(two).with(Remedy::Split));
    }
    // The first trace is cut if the second trace starts where the rest of a batch was expected.
    let is_last = faults.get(1).is_some_and(|fault| fault.at.offset == at.offset);
    let breaks_off = matches!(first, K::EventTruncated { .. } | K::VarintTruncated | K::BatchTooLarge { .. });
    let is_near = at.offset.saturating_sub(begin.offset) <= MAX_BATCH;
    // The stated size of a cut batch includes the first bytes of the second trace, so the fault may
    // be after the start of the second trace.
    if is_last && (begin.offset > at.offset || breaks_off && is_near) {
        return Some(Cause::new(two + "; the first is cut, or damaged at its end"));
    }
    // The length and the zeros of the file say nothing about the first trace, because the file ends
    // with the second one.
    let traits = Traits { len: at.offset, zeros: 0, ..traits.clone() };
    let Cause { text, remedy } = of_first(first, lost, &traits);
    Some(Cause { text: format!("{two}; the first: {text}").into(), remedy })
}

/// Returns why a trace is damaged, judged by its first fault. For a cut file, the text also says how many events could
/// not be ordered.
fn of_first(fault: &ErrorKind, lost: Tally, traits: &Traits) -> Cause {
    let Cause { text, remedy } = of_damage(fault, traits);
    let text = match lost.events {
        1.. if is_cut(fault) => {
            let events = lost.events;
            let why = "because other threads had not written their events yet";
            format!("{text}; {events} events before the cut cannot be put in order, {why}").into()
        }
        _ => text,
    };
    Cause { text, remedy }
}

/// Returns whether a fault means that the file ends too early.
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

/// Returns why a trace with this fault is damaged. Also uses the file's bytes.
fn of_damage(fault: &ErrorKind, traits: &Traits) -> Cause {
    match fault {
        _ if traits.line_feeds >= MIN_LINE_FEEDS && traits.after_returns == traits.line_feeds => {
            Cause::new("it was copied as text: every line feed follows a carriage return")
        }
        ErrorKind::LimitExceeded { .. } | ErrorKind::EmptyTrace => probable_cause(fault),
        _ if traits.zeros >= BLOCK => {
            Cause::new("its end is all zeros: the disk was full, or the machine stopped before it was written")
        }
        cut if is_cut(cut) && traits.len.is_multiple_of(BLOCK) => Cause::new(
            "the file is cut, at a whole number of blocks: most likely the disk was full, or a copy was interrupted",
        ),
        _ => probable_cause(fault),
    }
}

/// Returns what has probably happened to a trace that cannot be read because of this error.
///
/// [`examine`](super::examine) knows more, because it looks at the whole file.
///
/// ```
/// use gotrace::edit::{Remedy, probable_cause};
/// use gotrace::{ErrorKind, Reader};
///
/// let error = Reader::from_slice(b"go 1.26 tr").unwrap_err();
/// let cause = probable_cause(&error.kind);
/// assert!(cause.text.contains("trace.Stop was not called"));
/// assert_eq!(cause.remedy, None);
/// assert_eq!(probable_cause(&ErrorKind::VarintOverflow).remedy, Some(Remedy::CopyAgain));
/// ```
pub fn probable_cause(error: &ErrorKind) -> Cause {
    let text = match error {
        ErrorKind::Io(_) => return Cause::cannot_read(),
        ErrorKind::NotATrace { .. } => "it is not a Go execution trace",
        ErrorKind::UnsupportedVersion { .. } => "it was written by an unsupported Go release, or it is damaged",
        ErrorKind::TruncatedHeader { .. } => {
            "the program ended before it had written anything: trace.Stop was not called"
        }
        ErrorKind::LimitExceeded { .. } => "it exceeds a limit that no real trace reaches: it is damaged or malicious",
        ErrorKind::EmptyTrace => {
            "the program ended before it wrote any events: trace.Stop was not called (os.Exit, log.Fatal, a crash or \
             a kill)"
        }
        cut if is_cut(cut) => {
            "the file is cut: the program ended without trace.Stop (os.Exit, log.Fatal, a crash or a kill), the disk \
             was full, or it was copied before it was complete"
        }
        ErrorKind::TextInTrace { .. } => {
            "there is text between parts of the trace: the program printed to the file that it traces to, such as \
             standard output"
        }
        ErrorKind::MultipleTraces => "two traces were written into one file",
        ErrorKind::TrailingData { .. } => "other data follows the trace",
        ErrorKind::DuplicateBatch | ErrorKind::InterleavedGenerations { .. } => {
            "parts of the file are repeated or in the wrong place: two programs wrote to it, or copying failed"
        }
        ErrorKind::TimeRegression { .. } | ErrorKind::TimeOrder { .. } => {
            "the machine's clock went back while the trace was written, as it can in a virtual machine, or the file is \
             damaged"
        }
        ErrorKind::TimestampOverflow | ErrorKind::BadFrequency(_) | ErrorKind::BadClockSnapshot(_) => {
            "the clock cannot be trusted: it is the clock of a virtual machine, or the file is damaged"
        }
        ErrorKind::GenerationOutOfOrder { .. } => "a part of the file is missing, or its parts are in the wrong order",
        ErrorKind::StuckFrontier(_) | ErrorKind::BadSequence { .. } => "events are missing in the middle of the file",
        _ => {
            let text = "bytes of the file were changed or lost while it was copied";
            return Cause::new(text).with(Remedy::CopyAgain);
        }
    };
    Cause::new(text)
}
