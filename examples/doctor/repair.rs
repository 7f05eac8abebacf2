//! Writes what is sound of a damaged trace as traces that are whole.
//!
//! Generations in a row without a gap between them are a trace of their own: that is how they were read. Behind a gap a
//! generation may speak of goroutines that it does not introduce, since they were created in what is lost. Whether such
//! a row can follow the one before it, reading both tells.

use std::io::{self, Write};
use std::path::Path;

use gotrace::raw::{BatchKind, RawReader};
use gotrace::{Reader, Version};

use crate::cli::Failure;
use crate::input::Input;
use crate::place::{Draft, Place};
use crate::report::{Generation, HEADER, Repaired, Report};

/// How often it is tried whether one row of generations can follow another: each try reads both.
const MAX_TRIES: usize = 64;
/// The mark of a generation's end, from Go 1.26 on (Go `tracev2.EvEndOfGeneration`).
const END: u8 = 52;

/// A row of generations that follow each other.
type Row<'a> = Vec<&'a Generation>;

/// A trace that is whole, and the numbers that its generations have in the damaged file.
type Saved<'a> = (Draft<'a>, Vec<u64>);

/// Writes what can be saved, and tells the report of it. Nothing is put to its place before all is written.
pub(crate) fn repair(input: &Input, report: &mut Report, out: &Path, trace: &Path) -> Result<(), Failure> {
    let out = Place::new(out, trace)?;
    let saved = save(input, report, &out)?;
    let others = (2..=saved.len()).map(|number| out.numbered(number, trace)).collect::<Result<Vec<_>, _>>()?;
    for ((draft, generations), place) in saved.into_iter().zip(std::iter::once(&out).chain(&others)) {
        let bytes = draft.len();
        draft.put(place)?;
        report.repaired.push(Repaired { file: place.name.clone(), bytes, generations, replaces: place.is_taken() });
    }
    Ok(())
}

/// Writes what can be saved, the largest part first: that is what was asked for.
fn save<'a>(input: &Input, report: &Report, out: &'a Place) -> Result<Vec<Saved<'a>>, Failure> {
    if report.generations.is_empty() {
        return Ok(cut_off(input, report, out)?.into_iter().collect());
    }
    let mut parts: Vec<Row<'_>> = Vec::new();
    let mut tries = 0;
    for row in rows(&report.generations) {
        if let Some(last) = parts.last_mut()
            && tries < MAX_TRIES
        {
            tries += 1;
            let joined = [&last[..], &row].concat();
            if write_row(input, &joined, out)?.is_some() {
                *last = joined;
                continue;
            }
        }
        parts.push(row);
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.iter().map(|row| row.read).sum::<u64>()));
    let mut saved = Vec::new();
    for mut part in parts {
        while !part.is_empty() {
            if let Some(draft) = write_row(input, &part, out)? {
                saved.push((draft, part.iter().map(|row| row.generation).collect()));
                break;
            }
            // What is cut in it may not show before its end is looked for.
            part.pop().filter(|_| tries < MAX_TRIES).map_or_else(|| part.clear(), drop);
            tries += 1;
        }
    }
    Ok(saved)
}

/// The rows of sound generations without a gap in them.
fn rows(generations: &[Generation]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut goes_on = false;
    for generation in generations {
        let is_sound = generation.ok || generation.lacks_end;
        if is_sound {
            match rows.last_mut() {
                Some(row) if goes_on && !generation.follows_gap => row.push(generation),
                _ => rows.push(vec![generation]),
            }
        }
        goes_on = is_sound;
    }
    rows
}

/// A trace without generations, up to the damage: whole if only what follows is wrong.
fn cut_off<'a>(input: &Input, report: &Report, out: &'a Place) -> Result<Option<Saved<'a>>, Failure> {
    let len = report.read.bytes;
    if len <= HEADER {
        return Ok(None);
    }
    let mut draft = out.draft()?;
    draft.copy(input, 0, len)?;
    Ok(is_whole(draft.path()?).then_some((draft, Vec::new())))
}

/// Whether a file is a trace that can be read to its end.
fn is_whole(path: &Path) -> bool {
    let Ok(mut reader) = Reader::open(path) else { return false };
    loop {
        match reader.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Writes generations as a trace, if that is whole. Their numbers follow each other in it.
fn write_row<'a>(input: &Input, row: &[&Generation], out: &'a Place) -> Result<Option<Draft<'a>>, Failure> {
    let mut draft = out.draft()?;
    let header = input.part(0, HEADER)?;
    draft.write(&header)?;
    let version = RawReader::from_slice(&header).map(|reader| reader.version()).ok();
    let first = row.first().map_or(0, |first| first.generation);
    for (number, generation) in (first..).zip(row) {
        let len = generation.bytes.unwrap_or_default();
        if generation.generation == number {
            draft.copy(input, generation.offset, len)?;
        } else {
            let bytes = input.part(generation.offset, len)?;
            let mut renumbered = Vec::with_capacity(bytes.len());
            renumber(&[&header[..], &bytes].concat(), number, &mut renumbered)
                .map_err(|error| Failure::output(&out.name, io::Error::other(error)))?;
            draft.write(&renumbered)?;
        }
        if generation.lacks_end && version.is_some_and(|version| version >= Version::Go126) {
            draft.write(&[END])?;
        }
    }
    Ok(is_whole(draft.path()?).then_some(draft))
}

/// Writes the batches of a trace of one generation with another number.
fn renumber(trace: &[u8], number: u64, out: &mut impl Write) -> Result<(), gotrace::Error> {
    let io = |error: io::Error| gotrace::Error { kind: error.into(), at: Default::default() };
    let mut reader = RawReader::from_slice(trace)?;
    while let Some(batch) = reader.next_batch()? {
        match batch.kind {
            BatchKind::EndOfGeneration => out.write_all(batch.bytes()).map_err(io)?,
            _ => {
                let body = batch.body();
                // The type, and the experiment if it is one's.
                let types = match batch.kind {
                    BatchKind::Experimental(_) => 2,
                    _ => 1,
                };
                out.write_all(&batch.bytes()[..types]).map_err(io)?;
                let thread = batch.thread.map_or(u64::MAX, |thread| thread.0);
                for int in [number, thread, batch.time, body.len() as u64] {
                    write_int(int, out).map_err(io)?;
                }
                out.write_all(body).map_err(io)?;
            }
        }
    }
    Ok(())
}

/// Writes an integer as the format has them.
fn write_int(mut value: u64, out: &mut impl Write) -> io::Result<()> {
    while value >= 0x80 {
        out.write_all(&[value as u8 | 0x80])?;
        value >>= 7;
    }
    out.write_all(&[value as u8])
}
