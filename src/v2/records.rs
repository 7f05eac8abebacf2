//! The records of batches without events: strings, stacks, CPU samples and the clock.

use super::batch::Batch;
use super::spec::EventType;
use crate::error::ErrorKind;
use crate::event::tables::RawFrame;
use crate::wire::varint;

/// A fault and its position in the window.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: ErrorKind,
    pub pos: usize,
}

pub(super) type Check<T = ()> = Result<T, Fault>;

/// A function that is called for a fault after which the rest of the batch can be read. It returns the fault to stop,
/// or `Ok` to continue.
pub(super) type Faults<'a> = &'a mut dyn FnMut(Fault) -> Check;

/// Adds a position to an error.
pub(super) trait At<T> {
    fn at(self, pos: usize) -> Check<T>;
}

impl<T, E: Into<ErrorKind>> At<T> for Result<T, E> {
    fn at(self, pos: usize) -> Check<T> {
        self.map_err(|kind| Fault { kind: kind.into(), pos })
    }
}

/// Reads the records of a batch.
pub(super) struct Records<'a> {
    /// The bytes of the window up to the end of the batch.
    bytes: &'a [u8],
    pub pos: usize,
}

impl<'a> Records<'a> {
    /// Reads the records of a batch that starts with the type of its first record.
    pub fn new(batch: &Batch, window: &'a [u8]) -> Self {
        Records { bytes: window.get(..batch.end).unwrap_or_default(), pos: batch.body }
    }

    /// Reads the records of a batch that starts with a byte for the kind of its records.
    pub fn after_type(batch: &Batch, window: &'a [u8]) -> Self {
        Records { pos: batch.body + 1, ..Records::new(batch, window) }
    }

    /// Returns the position and the type of the next record.
    pub fn next_any(&mut self) -> Option<(usize, u8)> {
        let at = self.pos;
        let code = *self.bytes.get(at)?;
        self.pos += 1;
        Some((at, code))
    }

    /// Returns the position of the next record, which must be of this type.
    pub fn next(&mut self, expected: EventType) -> Check<Option<usize>> {
        match self.next_any() {
            None => Ok(None),
            Some((at, code)) if code == expected.code() => Ok(Some(at)),
            Some((at, found)) => Err(ErrorKind::UnexpectedRecord { expected: expected.name(), found }).at(at),
        }
    }

    pub fn int(&mut self) -> Check<u64> {
        varint::read(self.bytes, &mut self.pos).at(self.pos)
    }

    pub fn frame(&mut self) -> Check<RawFrame> {
        RawFrame::read(self.bytes, &mut self.pos).at(self.pos)
    }

    /// Skips this number of bytes of a record of this type.
    pub fn skip(&mut self, len: u64, event: EventType) -> Check {
        match (self.bytes.len() - self.pos) as u64 >= len {
            true => {
                self.pos += len as usize;
                Ok(())
            }
            false => Err(ErrorKind::EventTruncated { event: event.name() }).at(self.pos),
        }
    }
}
