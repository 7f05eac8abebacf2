//! Strict reading, which stops at the first error. All events before it are delivered.

use std::io;

use super::batch::{self, Batch, Framing};
use super::generation::Generation;
use super::sequencer::{Fault, Next, Sequencer};
use super::spec::EventType;
use crate::error::{Error, ErrorKind, Flaw, Location};
use crate::id::ThreadId;
use crate::wire::header::Version;
use crate::wire::source::Source;

#[derive(Debug, Default)]
pub(super) struct Strict {
    /// An error after a generation that is complete enough to be delivered first.
    pending: Option<Error>,
}

/// The result of reading a generation.
enum Loaded {
    /// A complete generation.
    Whole,
    /// A generation that is followed by damage. It may be complete, because before Go 1.26 its end
    /// is not marked.
    Cut(Error),
    /// The end of the file.
    End,
}

impl Strict {
    /// Continues reading after the last event of a generation.
    pub fn next_generation(&mut self, sequencer: &mut Sequencer, source: &mut Source<'_>) -> Result<Next, Error> {
        if let Some(error) = self.pending.take() {
            sequencer.close();
            return Ok(Next::LastSync(Some(error)));
        }
        let generation = &mut sequencer.generation;
        source.release(generation.len);
        let last = generation.number;
        match load(generation, source, last) {
            Ok(Loaded::Whole) => {}
            Ok(Loaded::Cut(error)) => self.pending = Some(error),
            Ok(Loaded::End) if sequencer.syncs == 0 => {
                let at = Location { offset: source.base(), ..Location::default() };
                return Err(Error { kind: ErrorKind::EmptyTrace, at });
            }
            Ok(Loaded::End) => {
                sequencer.warn_of_end(source);
                sequencer.close();
                return Ok(Next::LastSync(None));
            }
            Err(error) => {
                sequencer.close();
                return Ok(Next::LastSync(Some(error)));
            }
        }
        sequencer.open(source)?;
        for number in 0..sequencer.generation.threads.len() {
            sequencer.begin_thread(number, source).map_err(Fault::into_error)?;
        }
        sequencer.begin_generation();
        Ok(Next::Generation)
    }

    /// Returns the error to report. If the file is truncated, this explains stuck threads and unknown IDs.
    pub fn reason_for(&mut self, error: Error) -> Error {
        match error.kind {
            ErrorKind::StuckFrontier(_) | ErrorKind::UnknownString { .. } | ErrorKind::UnknownStack { .. } => {
                self.pending.take().unwrap_or(error)
            }
            _ => error,
        }
    }
}

/// Reads the generation at the start of the window. `last` is the number of the previous generation, or 0.
fn load(generation: &mut Generation, source: &mut Source<'_>, last: u64) -> Result<Loaded, Error> {
    generation.clear();
    let loaded = read_batches(generation, source, last)?;
    if matches!(loaded, Loaded::End) {
        return Ok(loaded);
    }
    // If the file is truncated, this explains missing table entries.
    match (generation.finish(source.window(), &mut Err), loaded) {
        (Ok(()), Loaded::Cut(error)) => Ok(Loaded::Cut(cut_or_over(generation, error))),
        (Ok(()), loaded) => Ok(loaded),
        (Err(_), Loaded::Cut(error)) => Err(error),
        (Err(fault), _) => Err(generation.error(fault.kind, source.base() + fault.pos as u64, None)),
    }
}

/// Returns the error to report after a cut. Before Go 1.26, the end of a generation is not marked, but the strings are
/// written last. So the trace may have ended after them.
fn cut_or_over(generation: &Generation, error: Error) -> Error {
    let kind = batch::unframed(error.kind, generation.tables.strings.len() > 0);
    Error { kind, ..error }
}

fn read_batches(generation: &mut Generation, source: &mut Source<'_>, last: u64) -> Result<Loaded, Error> {
    let version = generation.version;
    loop {
        let at = source.base() + generation.len as u64;
        let has_more = match source.fill(generation.len + 1) {
            Ok(has_more) => has_more,
            Err(error) => return cut_off(generation, error, source, None),
        };
        if !has_more {
            return match (generation.number, version >= Version::Go126) {
                (0, _) => Ok(Loaded::End),
                (_, true) => Err(generation.error(ErrorKind::MissingEndOfGeneration, at, None)),
                (_, false) => Ok(Loaded::Whole),
            };
        }
        let framing = match batch::read_from(source, generation.len, batch::read) {
            Ok(framing) => framing,
            Err(error) => return cut_off(generation, error, source, None),
        };
        let batch = match framing {
            Ok(Framing::Batch(batch)) => batch,
            Ok(Framing::EndOfGeneration) if version >= Version::Go126 => {
                generation.len += 1;
                if generation.number == 0 {
                    // Go's reader treats an end without a generation as a generation without a clock, and rejects it.
                    return Err(generation.error(ErrorKind::BadFrequency(Flaw::Missing), at, None));
                }
                return Ok(Loaded::Whole);
            }
            Ok(Framing::EndOfGeneration) => {
                let kind = ErrorKind::NotABatch { found: EventType::EndOfGeneration.code() };
                return cut_by(generation, generation.error(kind, at, None));
            }
            Err(fault) => {
                let ended = last != 0 && generation.number == 0 && version >= Version::Go126;
                let kind = batch::unframed(fault.kind, ended);
                return cut_by(generation, generation.error_of(batch::Fault { kind, ..fault }, source.base()));
            }
        };
        let follows = batch.generation == generation.number.wrapping_add(1);
        if generation.number != 0 && version < Version::Go126 && follows {
            return Ok(Loaded::Whole);
        }
        if let Err(kind) = check_number(generation, &batch, last) {
            return cut_by(generation, generation.error_in(&batch, kind, at));
        }
        let is_whole = match source.fill(batch.end) {
            Ok(is_whole) => is_whole,
            Err(error) => return cut_off(generation, error, source, batch.thread_id()),
        };
        if !is_whole {
            let missing = (batch.end - source.window().len()) as u64;
            let offset = source.base() + source.window().len() as u64;
            let error = generation.error_in(&batch, ErrorKind::TruncatedBatch { missing }, offset);
            return cut_by(generation, error);
        }
        generation.count(&batch);
        generation
            .add(&batch, source.window(), &mut Err)
            .map_err(|fault| generation.error(fault.kind, source.base() + fault.pos as u64, batch.thread_id()))?;
        generation.len = batch.end;
        generation.check_limits().map_err(|kind| generation.error(kind, at, batch.thread_id()))?;
    }
}

/// Creates an I/O error, located at the end of the bytes that were read.
fn cut_off(
    generation: &Generation,
    error: io::Error,
    source: &Source<'_>,
    thread: Option<ThreadId>,
) -> Result<Loaded, Error> {
    let end = source.base() + source.window().len() as u64;
    cut_by(generation, generation.error(error.into(), end, thread))
}

/// Handles damage after a generation. Before Go 1.26, the damage may be in the next generation, so the events that were
/// read are delivered first.
fn cut_by(generation: &Generation, error: Error) -> Result<Loaded, Error> {
    match generation.number != 0 && generation.version < Version::Go126 {
        true => Ok(Loaded::Cut(error)),
        false => Err(error),
    }
}

/// Checks that a batch is in the generation, or starts the generation after `last`.
fn check_number(generation: &Generation, batch: &Batch, last: u64) -> Result<(), ErrorKind> {
    let found = batch.generation;
    match (found, generation.number) {
        (0, _) => Err(ErrorKind::InvalidGeneration),
        (_, 0) if last != 0 && found != last.wrapping_add(1) => Err(ErrorKind::GenerationOutOfOrder { last, found }),
        (_, 0) => Ok(()),
        (_, current) if found == current => Ok(()),
        (_, current) if generation.version >= Version::Go126 && found == current.wrapping_add(1) => {
            Err(ErrorKind::MissingEndOfGeneration)
        }
        (_, current) if found < current => Err(ErrorKind::InterleavedGenerations { current, found }),
        (_, current) => Err(ErrorKind::GenerationOutOfOrder { last: current, found }),
    }
}
