//! The batches that hold no events: strings, stacks, CPU samples and the clock.

use super::generation::{At, Check, Generation, Sample};
use super::spec::{EventType, MAX_FRAMES, MAX_STRING};
use crate::error::{ErrorKind, Flaw};
use crate::event::tables::{RawFrame, Span, StackEntry};
use crate::id::NONE;
use crate::time::Frequency;
use crate::wire::header::Version;
use crate::wire::varint;

/// The records of a table's batch.
pub(super) struct Records<'a> {
    /// Up to the batch's end.
    pub bytes: &'a [u8],
    pub pos: usize,
}

impl Records<'_> {
    /// Skips the type that says what the batch holds.
    pub fn behind_type(&mut self) -> &mut Self {
        self.pos += 1;
        self
    }

    fn next_any(&mut self) -> Option<(usize, u8)> {
        let at = self.pos;
        let code = *self.bytes.get(at)?;
        self.pos += 1;
        Some((at, code))
    }

    /// The place of the next record, which must be of this type.
    fn next(&mut self, expected: EventType) -> Check<Option<usize>> {
        match self.next_any() {
            None => Ok(None),
            Some((at, code)) if code == expected.code() => Ok(Some(at)),
            Some((at, found)) => Err(ErrorKind::UnexpectedRecord { expected: expected.name(), found }).at(at),
        }
    }

    fn int(&mut self) -> Check<u64> {
        varint::read(self.bytes, &mut self.pos).at(self.pos)
    }

    /// Skips the bytes that a record of this type has.
    fn skip(&mut self, len: u64, event: EventType) -> Check {
        match (self.bytes.len() - self.pos) as u64 >= len {
            true => {
                self.pos += len as usize;
                Ok(())
            }
            false => Err(ErrorKind::EventTruncated { event: event.name() }).at(self.pos),
        }
    }
}

impl Generation {
    pub fn add_strings(&mut self, records: &mut Records<'_>) -> Check {
        while let Some(at) = records.next(EventType::String)? {
            let id = records.int()?;
            let len = records.int()?;
            if len > MAX_STRING {
                self.tolerate(ErrorKind::StringTooLong { len, max: MAX_STRING }, at)?;
            }
            let span = Span { pos: records.pos, len: len.min(MAX_STRING) as u32 };
            records.skip(len, EventType::String)?;
            if let Err(kind) = self.tables.strings.insert(id, span, "string") {
                self.tolerate(kind, at)?;
            }
        }
        Ok(())
    }

    pub fn add_stacks(&mut self, records: &mut Records<'_>) -> Check {
        while let Some(at) = records.next(EventType::Stack)? {
            let id = records.int()?;
            let frames = records.int()?;
            if frames > MAX_FRAMES {
                self.tolerate(ErrorKind::StackTooDeep { frames, max: MAX_FRAMES }, at)?;
            }
            let entry = StackEntry { pos: records.pos, frames: frames.min(MAX_FRAMES) as u32 };
            for _ in 0..frames {
                let frame = RawFrame::read(records.bytes, &mut records.pos).at(records.pos)?;
                self.tables.note_frame(frame);
            }
            if let Err(kind) = self.tables.stacks.insert(id, entry, "stack") {
                self.tolerate(kind, at)?;
            }
        }
        Ok(())
    }

    pub fn add_samples(&mut self, records: &mut Records<'_>) -> Check {
        while let Some(at) = records.next(EventType::CPUSample)? {
            let time = records.int()?;
            let [thread, proc, go, stack] = [records.int()?, records.int()?, records.int()?, records.int()?];
            // The time is in the clock's units until the frequency is known.
            if i64::try_from(time).is_err() {
                self.tolerate(ErrorKind::TimestampOverflow, at)?;
                continue;
            }
            let time = time as i64;
            // The runtime writes 0 for a thread that runs no goroutine.
            let go = if go == 0 { NONE } else { go };
            self.samples.push(Sample { time, thread, proc, go, stack, at });
        }
        Ok(())
    }

    pub fn add_clock(&mut self, records: &mut Records<'_>, batch_time: u64) -> Check {
        let mut time = batch_time;
        while let Some((at, code)) = records.next_any() {
            match EventType::from_code(code) {
                Some(EventType::Frequency) => {
                    let units = records.int()?;
                    if self.has_frequency {
                        return Err(ErrorKind::BadFrequency(Flaw::Repeated)).at(at);
                    }
                    let frequency = Frequency::from_units_per_second(units);
                    self.frequency = frequency.ok_or(ErrorKind::BadFrequency(Flaw::Invalid)).at(at)?;
                    self.has_frequency = true;
                }
                Some(EventType::ClockSnapshot) if self.version >= Version::Go125 || self.mode.lenient => {
                    if self.clock.is_some() {
                        self.tolerate(ErrorKind::BadClockSnapshot(Flaw::Repeated), at)?;
                    }
                    let [delta, mono, seconds, nanos] =
                        [records.int()?, records.int()?, records.int()?, records.int()?];
                    time = time.checked_add(delta).ok_or(ErrorKind::TimestampOverflow).at(at)?;
                    self.clock.get_or_insert([time, mono, seconds, nanos]);
                }
                _ => return Err(ErrorKind::UnexpectedRecord { expected: "Frequency", found: code }).at(at),
            }
        }
        Ok(())
    }
}
