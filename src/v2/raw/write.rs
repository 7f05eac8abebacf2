//! Writes batches.

use std::io::{self, Write};

use super::{BatchKind, EventType, RawBatch};
use crate::id::{NONE, ThreadId};
use crate::wire::varint;

/// The fields of a batch header.
///
/// ```
/// use gotrace::raw::{BatchHeader, RawReader};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
/// let bytes = std::fs::read(path)?;
/// let mut out = bytes[..16].to_vec();
/// let mut reader = RawReader::from_slice(&bytes)?;
/// while let Some(batch) = reader.next_batch()? {
///     // The batches could be changed here.
///     BatchHeader::of(&batch).write(batch.body(), &mut out)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The kind of the batch.
    pub kind: BatchKind,
    /// The generation.
    pub generation: u64,
    /// The thread that wrote the batch. `None` for tables and the clock.
    pub thread: Option<ThreadId>,
    /// The start time, in units of the generation's clock. The time of the first event is relative to this time.
    pub time: u64,
}

impl BatchHeader {
    /// Copies the header of a batch.
    pub fn of(batch: &RawBatch<'_>) -> Self {
        let RawBatch { kind, generation, thread, time, .. } = *batch;
        BatchHeader { kind, generation, thread, time }
    }

    /// Writes a batch with this header. The end of a generation is a single byte, and `body` is
    /// ignored.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write(&self, body: &[u8], out: &mut impl Write) -> io::Result<()> {
        self.write_claiming(body.len() as u64, body, out)
    }

    /// Like [`write`](Self::write), but the header states the size `size`, even if it is wrong.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write_claiming(&self, size: u64, body: &[u8], out: &mut impl Write) -> io::Result<()> {
        let mut header = Vec::with_capacity(super::batch::MAX_HEADER);
        match self.kind {
            BatchKind::EndOfGeneration => return out.write_all(&[EventType::EndOfGeneration.code()]),
            BatchKind::Events => header.push(EventType::EventBatch.code()),
            BatchKind::Experimental(experiment) => {
                header.extend([EventType::ExperimentalBatch.code(), experiment]);
            }
        }
        let thread = self.thread.map_or(NONE, |thread| thread.0);
        [self.generation, thread, self.time, size].into_iter().for_each(|int| varint::write(&mut header, int));
        out.write_all(&header)?;
        out.write_all(body)
    }
}
