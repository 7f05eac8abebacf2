//! Writes the undamaged parts of a damaged trace as whole traces.
//!
//! Consecutive generations without a gap are a valid trace, since they were read one after the other. After a gap, a
//! generation may mention goroutines that were created in the lost part. To find out whether such a row of generations
//! can follow the previous row, both are read as one trace.

use std::io::{self, Read, Seek, Write};

use super::misuse::{self, Misuse};
use super::report::{DamageReport, GenerationReport, LeftOut, RepairedReport};
use super::{rewrite, rewrite_old, survey};
use crate::error::Error;
use crate::raw::{EventType, RawReader};
use crate::v1::raw as raw_v1;
use crate::wire::header::{self, Version};

/// The place where a repaired trace is written, and read again before it is accepted: a temporary file, or a `Vec`.
pub trait Draft: Write + Sized {
    /// A finished draft.
    type Trace;

    /// Returns a reader of the bytes written so far, from their start.
    ///
    /// # Errors
    ///
    /// Errors of writing the buffered bytes, and of opening the draft.
    fn reader(&mut self) -> io::Result<impl Read + Send>;

    /// Finishes the draft. There may be thousands of finished drafts, so they should not hold open files.
    ///
    /// # Errors
    ///
    /// Errors of writing the buffered bytes.
    fn finish(self) -> io::Result<Self::Trace>;
}

impl Draft for Vec<u8> {
    type Trace = Vec<u8>;

    fn reader(&mut self) -> io::Result<impl Read + Send> {
        Ok(&self[..])
    }

    fn finish(self) -> io::Result<Self::Trace> {
        Ok(self)
    }
}

/// A whole trace that was saved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Repaired<T> {
    /// The finished draft.
    pub trace: T,
    /// The contents of the trace.
    pub report: RepairedReport,
}

/// Why a trace was not repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The damaged trace cannot be read.
    #[error("cannot read: {0}")]
    Read(io::Error),
    /// A draft cannot be written or read again.
    #[error("cannot write: {0}")]
    Write(io::Error),
}

/// The maximum number of attempts to append one row of generations to another, each of which reads both rows. Also the
/// maximum number of searches for the generation that is not whole, each of which reads a row a dozen times. After
/// that, rows are halved.
const MAX_TRIES: usize = 64;

/// Writes what can be saved of a trace, the longest part first. Returns an empty list if nothing is undamaged.
///
/// Each part is a whole trace. Events for which Go's tools would reject the trace are left out. They are mistakes of
/// the traced program.
///
/// `input` is the file that `report` describes. `new_draft` creates an empty draft for each part, and for each attempt.
///
/// # Errors
///
/// Errors of reading the file, and of reading and writing the drafts.
pub fn repair<D: Draft>(
    input: &mut (impl Read + Seek),
    report: &DamageReport,
    new_draft: impl FnMut() -> io::Result<D>,
) -> Result<Vec<Repaired<D::Trace>>, RepairError> {
    let mut repair = Repair { input, new_draft };
    let mut saved = match report.generations.is_empty() {
        true => repair.cut_off(report)?.into_iter().collect(),
        false => repair.save(&report.generations)?,
    };
    saved.sort_by_key(|saved| std::cmp::Reverse(saved.report.size));
    Ok(saved)
}

/// Generations that follow each other.
type Row<'a> = Vec<&'a GenerationReport>;

/// Saves the parts of a damaged trace. Contains the input, and the function that creates drafts.
struct Repair<'i, I, F> {
    input: &'i mut I,
    new_draft: F,
}

/// A saved trace. `None` if it is not whole.
type Saved<D> = Result<Option<Repaired<<D as Draft>::Trace>>, RepairError>;

impl<I: Read + Seek, F: FnMut() -> io::Result<D>, D: Draft> Repair<'_, I, F> {
    fn save(&mut self, generations: &[GenerationReport]) -> Result<Vec<Repaired<D::Trace>>, RepairError> {
        let mut parts: Vec<Row<'_>> = Vec::new();
        let mut tries = 0;
        for row in rows(generations) {
            if let Some(last) = parts.last_mut()
                && tries < MAX_TRIES
            {
                tries += 1;
                let joined = [&last[..], &row].concat();
                if self.write_row(&joined)?.is_some() {
                    *last = joined;
                    continue;
                }
            }
            parts.push(row);
        }
        let mut saved = Vec::new();
        tries = 0;
        for part in &parts {
            let mut rows = vec![&part[..]];
            while let Some(row) = rows.pop() {
                if let Some(whole) = self.write_row(row)? {
                    saved.push(whole);
                    continue;
                }
                // Either an uncertain generation is damaged, or the last generation is cut, which lenient reading did
                // not notice.
                let (end, alone) = match row.len() {
                    1 => continue,
                    _ if tries < MAX_TRIES => {
                        tries += 1;
                        (self.whole_beginning(row)?, 1)
                    }
                    len => (len / 2, 0),
                };
                // The first generation after the whole beginning may be valid without the generations before it.
                let pieces = [&row[end + alone..], &row[end..end + alone], &row[..end]];
                rows.extend(pieces.into_iter().filter(|row| !row.is_empty()));
            }
        }
        Ok(saved)
    }

    /// Returns the number of generations at the start of a row that form a valid trace. The whole row is known to be
    /// invalid.
    fn whole_beginning(&mut self, row: &[&GenerationReport]) -> Result<usize, RepairError> {
        let (mut whole, mut broken) = (0, row.len());
        while broken - whole > 1 {
            let len = whole.midpoint(broken);
            match self.write_row(&row[..len])? {
                Some(_) => whole = len,
                None => broken = len,
            }
        }
        Ok(whole)
    }

    /// Saves a trace without generations up to the damage. The result is whole if only the bytes after it are wrong. A
    /// trace of that time ends with its stacks. Those that are missing get no frames.
    fn cut_off(&mut self, report: &DamageReport) -> Saved<D> {
        let len = report.read.bytes;
        if len <= header::LEN as u64 {
            return Ok(None);
        }
        let mut draft = self.draft()?;
        self.copy(0, len, &mut draft)?;
        let copied = draft.draft.reader().map_err(RepairError::Write)?;
        let trace = raw_v1::RawReader::from_reader(copied).map_err(write_error)?;
        for stack in rewrite_old::missing_stacks(trace) {
            rewrite_old::write_stack_without_frames(stack, &mut draft).map_err(RepairError::Write)?;
        }
        self.without_misuse(draft, Vec::new())
    }

    /// Writes generations as a trace that Go's tools accept, if they are whole. Renumbers them consecutively.
    fn write_row(&mut self, row: &[&GenerationReport]) -> Saved<D> {
        let numbers: Vec<u64> = row.iter().map(|row| row.number).collect();
        let draft = self.write_all(row)?;
        self.without_misuse(draft, numbers)
    }

    /// Leaves out the events for which Go's tools reject a trace. Returns `None` if the draft is not a whole trace.
    fn without_misuse(&mut self, mut draft: Counted<D>, generations: Vec<u64>) -> Saved<D> {
        let Some(misuse) = find(&mut draft)? else { return Ok(None) };
        let left_out = misuse.left_out();
        if misuse.is_empty() {
            return draft.finish(generations, left_out).map(Some);
        }
        let mut shorter = self.draft()?;
        self.copy(0, header::LEN as u64, &mut shorter)?;
        let trace = draft.draft.reader().map_err(RepairError::Write)?;
        if generations.is_empty() {
            let trace = raw_v1::RawReader::from_reader(trace).map_err(write_error)?;
            rewrite_old::leave_out(&misuse, trace, &mut shorter).map_err(write_error)?;
        } else {
            let trace = RawReader::from_reader(trace).map_err(write_error)?;
            rewrite::leave_out(&misuse, trace, &mut shorter).map_err(write_error)?;
        }
        match find(&mut shorter)? {
            Some(misuse) if misuse.is_empty() => shorter.finish(generations, left_out).map(Some),
            _ => Ok(None),
        }
    }

    /// Writes generations unchanged except for their numbers, which become consecutive.
    fn write_all(&mut self, row: &[&GenerationReport]) -> Result<Counted<D>, RepairError> {
        let mut draft = self.draft()?;
        let header = survey::part(self.input, 0, header::LEN as u64).map_err(RepairError::Read)?;
        draft.write_all(&header).map_err(RepairError::Write)?;
        let version = RawReader::from_slice(&header).map(|reader| reader.version()).ok();
        let first = row.first().map_or(0, |first| first.number);
        for (number, generation) in (first..).zip(row) {
            let len = generation.size.unwrap_or_default();
            if generation.number == number && !generation.has_text {
                self.copy(generation.offset, len, &mut draft)?;
            } else {
                let mut part = survey::part(self.input, generation.offset, len).map_err(RepairError::Read)?;
                if generation.has_text {
                    part = rewrite::without_text(&header, &part);
                }
                if generation.number == number {
                    draft.write_all(&part).map_err(RepairError::Write)?;
                } else {
                    let trace = RawReader::from_reader(header.chain(&part[..])).map_err(write_error)?;
                    rewrite::renumber(trace, number, &mut draft).map_err(write_error)?;
                }
            }
            if generation.lacks_end && version.is_some_and(|version| version >= Version::Go126) {
                draft.write_all(&[EventType::EndOfGeneration.code()]).map_err(RepairError::Write)?;
            }
        }
        Ok(draft)
    }

    fn draft(&mut self) -> Result<Counted<D>, RepairError> {
        let draft = (self.new_draft)().map_err(RepairError::Write)?;
        Ok(Counted { draft, len: 0 })
    }

    /// Writes a part of the input, or as much of it as exists.
    fn copy(&mut self, offset: u64, len: u64, draft: &mut Counted<D>) -> Result<(), RepairError> {
        /// The number of bytes to copy at a time.
        const CHUNK: u64 = 64 << 10;
        self.input.seek(io::SeekFrom::Start(offset)).map_err(RepairError::Read)?;
        let mut rest = self.input.by_ref().take(len);
        let mut chunk = Vec::new();
        while rest.by_ref().take(CHUNK).read_to_end(&mut chunk).map_err(RepairError::Read)? > 0 {
            draft.write_all(&chunk).map_err(RepairError::Write)?;
            chunk.clear();
        }
        Ok(())
    }
}

/// Returns the rows of consecutive generations that may be undamaged. Uncertain generations are included, since every
/// row is read strictly before it is saved.
fn rows(generations: &[GenerationReport]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut previous_may_be_sound = false;
    for generation in generations {
        let may_be_sound = generation.ok || generation.lacks_end || generation.has_text || generation.in_doubt;
        if may_be_sound {
            match rows.last_mut() {
                Some(row) if previous_may_be_sound && generation.gap.is_none() => row.push(generation),
                _ => rows.push(vec![generation]),
            }
        }
        previous_may_be_sound = may_be_sound;
    }
    rows
}

/// A draft and the number of bytes written to it.
struct Counted<D> {
    draft: D,
    len: u64,
}

impl<D: Draft> Counted<D> {
    fn finish(self, generations: Vec<u64>, left_out: LeftOut) -> Result<Repaired<D::Trace>, RepairError> {
        let report = RepairedReport { size: self.len, generations, left_out };
        Ok(Repaired { trace: self.draft.finish().map_err(RepairError::Write)?, report })
    }
}

impl<D: Write> Write for Counted<D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.draft.write(bytes)?;
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

/// Finds the misused annotations of a draft. Returns `None` if it is not a whole trace.
fn find<D: Draft>(draft: &mut Counted<D>) -> Result<Option<Misuse>, RepairError> {
    draft.draft.reader().and_then(misuse::find).map_err(RepairError::Write)
}

fn write_error(error: Error) -> RepairError {
    RepairError::Write(io::Error::other(error))
}
