//! The framing of batches.

use std::io;

use super::spec::{EventType, MAX_BATCH_SIZE};
use crate::error::ErrorKind;
use crate::event::alloc_free;
use crate::id::{NONE, ThreadId, present};
use crate::wire::lines;
use crate::wire::source::Source;
use crate::wire::varint;

/// The header of a batch, and the position of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The number of the experiment. `None` if this is not a batch of an experiment.
    pub experiment: Option<u8>,
    pub generation: u64,
    /// The ID of the thread. [`NONE`] if no thread wrote the batch.
    pub thread: u64,
    /// The time of the start, in units of the clock.
    pub time: u64,
    /// The start of the batch in the window.
    pub start: usize,
    /// The start of the body in the window.
    pub body: usize,
    /// The end of the batch in the window.
    pub end: usize,
}

/// A batch with events of a thread, linked to the next batch of the thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventBatch {
    pub start: usize,
    pub body: usize,
    pub end: usize,
    pub time: u64,
    pub next: Option<u32>,
}

/// The record that starts at a position between batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Batch(Batch),
    /// The end of a generation (Go 1.26), one byte.
    EndOfGeneration,
}

/// The length of the longest header: type, experiment and four integers.
pub(super) const MAX_HEADER: usize = 2 + 4 * varint::MAX_LEN;

/// A fault and its position in the window.
pub(super) struct Fault {
    pub kind: ErrorKind,
    pub at: usize,
    pub generation: Option<u64>,
    pub thread: Option<ThreadId>,
}

impl Fault {
    /// Returns whether more bytes could lead to another result.
    fn is_short(&self) -> bool {
        // The bytes may be the header of another trace, or text.
        match self.kind {
            ErrorKind::TruncatedBatch { .. } => true,
            ErrorKind::NotABatch { found } => lines::is_printed(&[found]),
            _ => false,
        }
    }
}

/// Reads the header at `start` and nothing after it, so that the reader of a slow source need not wait for the next
/// bytes. The outer error is an I/O error.
pub(super) fn read_from(
    source: &mut Source<'_>,
    start: usize,
    read: fn(&[u8], usize) -> Result<Framing, Fault>,
) -> io::Result<Result<Framing, Fault>> {
    let mut len = start + 1;
    loop {
        let has_more = source.fill(len)?;
        match read(source.window(), start) {
            Err(fault) if has_more && fault.is_short() && len < start + MAX_HEADER => {
                len = source.window().len() + 1;
            }
            framing => return Ok(framing),
        }
    }
}

/// Reads the header at `start`. The body may extend past the window.
pub(super) fn read(window: &[u8], start: usize) -> Result<Framing, Fault> {
    read_of(window, start, &[alloc_free::EXPERIMENT])
}

/// Like [`read`], but accepts batches of any experiment.
pub(super) fn read_any(window: &[u8], start: usize) -> Result<Framing, Fault> {
    read_of(window, start, &[])
}

/// Reads a header. If `experiments` is not empty, the experiment of the batch must be one of these.
fn read_of(window: &[u8], start: usize, experiments: &[u8]) -> Result<Framing, Fault> {
    let mut pos = start;
    let mut seen = [None; 2];
    match read_header(window, &mut pos, &mut seen, experiments) {
        Ok(Framing::Batch(batch)) => Ok(Framing::Batch(Batch { start, ..batch })),
        Ok(end) => Ok(end),
        Err(kind) => Err(Fault {
            // A truncated header means that the file is truncated, unless the caller can fill the
            // window further.
            kind: match kind {
                ErrorKind::VarintTruncated => ErrorKind::TruncatedBatch { missing: 1 },
                kind => kind,
            },
            at: pos,
            generation: seen[0],
            thread: seen[1].and_then(present).map(ThreadId),
        }),
    }
}

/// This many bytes of ASCII are text. An error quotes them.
const TEXT_LEN: usize = 8;

/// Returns the error for bytes that start no batch.
fn not_a_batch(bytes: &[u8], found: u8) -> ErrorKind {
    match bytes.get(..TEXT_LEN) {
        Some(begin) if begin.is_ascii() && lines::is_printed(begin) => {
            ErrorKind::TextInTrace { begin: String::from_utf8_lossy(begin).into_owned() }
        }
        _ => ErrorKind::NotABatch { found },
    }
}

fn read_header(
    window: &[u8],
    pos: &mut usize,
    seen: &mut [Option<u64>; 2],
    experiments: &[u8],
) -> Result<Framing, ErrorKind> {
    let code = *window.get(*pos).ok_or(ErrorKind::TruncatedBatch { missing: 1 })?;
    let experiment = match EventType::from_code(code) {
        Some(EventType::EventBatch) => None,
        Some(EventType::ExperimentalBatch) => {
            let experiment = *window.get(*pos + 1).ok_or(ErrorKind::TruncatedBatch { missing: 1 })?;
            *pos += 1;
            Some(experiment)
        }
        Some(EventType::EndOfGeneration) => return Ok(Framing::EndOfGeneration),
        _ if window[*pos..].starts_with(b"go 1.") => return Err(ErrorKind::MultipleTraces),
        _ => return Err(not_a_batch(&window[*pos..], code)),
    };
    if let Some(id) = experiment
        && !experiments.is_empty()
        && !experiments.contains(&id)
    {
        return Err(ErrorKind::UnknownExperiment { id });
    }
    *pos += 1;
    let generation = varint::read(window, pos)?;
    seen[0] = Some(generation);
    let thread = varint::read(window, pos)?;
    seen[1] = Some(thread);
    let time = varint::read(window, pos)?;
    let size_at = *pos;
    let size = varint::read(window, pos)?;
    if size > MAX_BATCH_SIZE {
        *pos = size_at;
        return Err(ErrorKind::BatchTooLarge { size });
    }
    let body = *pos;
    Ok(Framing::Batch(Batch { experiment, generation, thread, time, start: 0, body, end: body + size as usize }))
}

/// Determines what is in place of a batch. `ended` is true if the trace may have ended there.
pub(super) fn unframed(kind: ErrorKind, ended: bool) -> ErrorKind {
    match kind {
        ErrorKind::NotABatch { found } if ended => ErrorKind::TrailingData { found },
        ErrorKind::TextInTrace { begin } if ended => {
            ErrorKind::TrailingData { found: begin.bytes().next().unwrap_or_default() }
        }
        kind => kind,
    }
}

impl Batch {
    pub fn body<'a>(&self, window: &'a [u8]) -> &'a [u8] {
        window.get(self.body..self.end).unwrap_or_default()
    }

    /// Returns the type of the first record, which determines the contents of the batch. `None` if the batch is empty,
    /// is a batch of an experiment, or starts with no known type.
    pub fn first(&self, window: &[u8]) -> Option<EventType> {
        let is_typed = self.experiment.is_none() && self.body < self.end;
        window.get(self.body).filter(|_| is_typed).and_then(|&code| EventType::from_code(code))
    }

    /// Returns whether it is the batch of a table or of the clock.
    pub fn is_table(&self, window: &[u8]) -> bool {
        use EventType as E;
        matches!(self.first(window), Some(E::Strings | E::Stacks | E::CPUSamples | E::Sync | E::Frequency))
    }

    pub fn thread_id(&self) -> Option<ThreadId> {
        (self.thread != NONE).then_some(ThreadId(self.thread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_header_yields_its_fields() {
        let bytes = [
            9, // before the batch
            1, // EventBatch
            0x82, 0x00, // generation 2, padded
            7,    // M
            0xac, 0x02, // time 300
            3,    // size
            17, 5, 11,
        ];
        let batch = Batch { experiment: None, generation: 2, thread: 7, time: 300, start: 1, body: 8, end: 11 };
        assert!(matches!(read(&bytes, 1), Ok(Framing::Batch(found)) if found == batch));
        assert_eq!(batch.body(&bytes), [17, 5, 11]);
    }

    #[test]
    fn headers_of_experimental_batches_and_ends_are_read() {
        let bytes = [49, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 2, 8, 8];
        let Ok(Framing::Batch(batch)) = read(&bytes, 0) else { panic!("a batch") };
        assert_eq!((batch.experiment, batch.thread_id(), batch.body(&bytes)), (Some(1), None, &[8, 8][..]));
        assert!(matches!(read(&[52], 0), Ok(Framing::EndOfGeneration)));
    }

    #[test]
    fn faults_have_positions() {
        let fault = |bytes: &[u8]| read(bytes, 0).err().map(|fault| (fault.kind.to_string(), fault.at));
        let expected = |kind: ErrorKind, at| Some((kind.to_string(), at));
        assert_eq!(fault(&[]), expected(ErrorKind::TruncatedBatch { missing: 1 }, 0));
        assert_eq!(fault(&[2, 1]), expected(ErrorKind::NotABatch { found: 2 }, 0));
        assert_eq!(fault(b"go 1.22 trace\0\0\0"), expected(ErrorKind::MultipleTraces, 0));
        assert_eq!(fault(&[1, 1, 1]), expected(ErrorKind::TruncatedBatch { missing: 1 }, 3));
        assert_eq!(fault(&[49, 2, 1, 1, 1, 0]), expected(ErrorKind::UnknownExperiment { id: 2 }, 1));
        assert_eq!(fault(&[1, 1, 1, 1, 0x81, 0x80, 0x04]), expected(ErrorKind::BatchTooLarge { size: 65537 }, 4));
        let mut overflow = vec![1];
        overflow.extend([0xff; 11]);
        assert_eq!(fault(&overflow), expected(ErrorKind::VarintOverflow, 1));
    }
}
