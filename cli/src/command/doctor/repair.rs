//! Writes what is sound of a damaged trace as traces that are whole.
//!
//! Generations in a row without a gap between them are a trace of their own: that is how they were read. Behind a gap a
//! generation may speak of goroutines that it does not introduce, since they were created in what is lost. Whether such
//! a row can follow the one before it, reading both tells.

use std::io::{self, Write};
use std::path::Path;

use gotrace::Version;
use gotrace::raw::RawReader;

use super::input::Input;
use super::place::{Closed, Draft, Place};
use super::report::{Generation, HEADER, LeftOut, Repaired, Report};
use super::{misuse, rewrite, rewrite_old};
use crate::failure::Failure;

/// How often it is tried whether one row of generations can follow another, which reads both, and how often it is looked for what
/// of a row is not whole, which reads it a dozen times; beyond that rows are halved.
const MAX_TRIES: usize = 64;
/// The mark of a generation's end, from Go 1.26 on (Go `tracev2.EvEndOfGeneration`).
const END: u8 = 52;

/// A row of generations that follow each other.
type Row<'a> = Vec<&'a Generation>;

/// A trace that is whole, and that Go's tools take.
struct Saved {
    file: Closed,
    /// The numbers that its generations have in the damaged file.
    generations: Vec<u64>,
    left_out: LeftOut,
}

/// Writes what can be saved, and tells the report of it. Nothing is put to its place before all is written.
pub(crate) fn repair(input: &Input, report: &mut Report, out: &Path, trace: &Path) -> Result<(), Failure> {
    let out = Place::new(out, trace)?;
    let saved = save(input, report, &out)?;
    let others = (2..=saved.len()).map(|number| out.numbered(number, trace)).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<_> = std::iter::once(&out).chain(&others).collect();
    for (i, place) in places.iter().enumerate() {
        if let Some(other) = places[..i].iter().find(|other| other.is(place)) {
            let (name, other) = (place.name.display(), other.name.display());
            return Err(Failure::Usage(format!("{name}: is {other} by another name: both are to be written")));
        }
    }
    for (Saved { file, generations, left_out }, place) in saved.into_iter().zip(places) {
        let bytes = file.len;
        file.put(place)?;
        let (file, replaces) = (place.name.display().to_string(), place.is_taken());
        report.repaired.push(Repaired { file, bytes, generations, left_out, replaces });
    }
    Ok(())
}

/// Writes what can be saved, the longest part first: that is what was asked for.
fn save(input: &Input, report: &Report, out: &Place) -> Result<Vec<Saved>, Failure> {
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
    let mut saved = Vec::new();
    tries = 0;
    for part in &parts {
        let mut rows = vec![&part[..]];
        while let Some(row) = rows.pop() {
            if let Some(whole) = write_row(input, row, out)? {
                saved.push(whole);
                continue;
            }
            // One that is in doubt is not sound, or what is cut in the last one did not show before its end was looked for.
            let (end, alone) = match row.len() {
                1 => continue,
                _ if tries < MAX_TRIES => {
                    tries += 1;
                    let end = whole_beginning(input, row, out)?;
                    (end, 1)
                }
                len => (len / 2, 0),
            };
            // The first that does not belong to the beginning may be sound by itself.
            let pieces = [&row[end + alone..], &row[end..end + alone], &row[..end]];
            rows.extend(pieces.into_iter().filter(|row| !row.is_empty()));
        }
    }
    saved.sort_by_key(|saved| std::cmp::Reverse(saved.file.len));
    Ok(saved)
}

/// How many generations at the beginning of a row that is not whole are: of those every beginning is.
fn whole_beginning(input: &Input, row: &[&Generation], out: &Place) -> Result<usize, Failure> {
    let (mut whole, mut broken) = (0, row.len());
    while broken - whole > 1 {
        let len = whole.midpoint(broken);
        match write_row(input, &row[..len], out)? {
            Some(_) => whole = len,
            None => broken = len,
        }
    }
    Ok(whole)
}

/// The rows of generations that may be sound, without a gap in them. Those in doubt are read strictly before they are
/// saved, as all are.
fn rows(generations: &[Generation]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut goes_on = false;
    for generation in generations {
        let may_be_sound = generation.ok || generation.lacks_end || generation.in_doubt;
        if may_be_sound {
            match rows.last_mut() {
                Some(row) if goes_on && generation.gap.is_none() => row.push(generation),
                _ => rows.push(vec![generation]),
            }
        }
        goes_on = may_be_sound;
    }
    rows
}

/// A trace without generations, up to the damage: whole if only what follows is wrong.
fn cut_off(input: &Input, report: &Report, out: &Place) -> Result<Option<Saved>, Failure> {
    let len = report.read.bytes;
    if len <= HEADER {
        return Ok(None);
    }
    let mut draft = out.draft()?;
    draft.copy(input, 0, len)?;
    without_misuse(input, draft, Vec::new(), out)
}

/// Writes generations as a trace that Go's tools take, if they are whole. Their numbers follow each other in it.
fn write_row(input: &Input, row: &[&Generation], out: &Place) -> Result<Option<Saved>, Failure> {
    let generations: Vec<u64> = row.iter().map(|row| row.generation).collect();
    without_misuse(input, write_all(input, row, out)?, generations, out)
}

/// Leaves out what Go's tools refuse of a trace that is whole.
fn without_misuse(
    input: &Input,
    mut draft: Draft<'_>,
    generations: Vec<u64>,
    out: &Place,
) -> Result<Option<Saved>, Failure> {
    let find = |draft: &mut Draft<'_>| misuse::find(draft.path()?).map_err(|error| Failure::output(&out.name, error));
    let Some(misuse) = find(&mut draft)? else { return Ok(None) };
    let left_out = misuse.left_out();
    if misuse.is_empty() {
        return Ok(Some(Saved { file: draft.close()?, generations, left_out }));
    }
    let failure = |error| Failure::output(&out.name, io::Error::other(error));
    let mut shorter = out.draft()?;
    shorter.copy(input, 0, HEADER)?;
    if generations.is_empty() {
        rewrite_old::leave_out(&misuse, &input.part(0, draft.len())?, &mut shorter).map_err(failure)?;
    } else {
        let trace = RawReader::from_path(draft.path()?).map_err(failure)?;
        rewrite::leave_out(&misuse, trace, &mut shorter).map_err(failure)?;
    }
    match find(&mut shorter)? {
        Some(misuse) if misuse.is_empty() => Ok(Some(Saved { file: shorter.close()?, generations, left_out })),
        _ => Ok(None),
    }
}

/// Writes generations as they are, but for their numbers.
fn write_all<'a>(input: &Input, row: &[&Generation], out: &'a Place) -> Result<Draft<'a>, Failure> {
    let failure = |error| Failure::output(&out.name, io::Error::other(error));
    let mut draft = out.draft()?;
    let header = input.part(0, HEADER)?;
    draft.write_all(&header).map_err(|error| Failure::output(&out.name, error))?;
    let version = RawReader::from_slice(&header).map(|reader| reader.version()).ok();
    let first = row.first().map_or(0, |first| first.generation);
    for (number, generation) in (first..).zip(row) {
        let len = generation.bytes.unwrap_or_default();
        if generation.generation == number {
            draft.copy(input, generation.offset, len)?;
        } else {
            let trace = [&header[..], &input.part(generation.offset, len)?].concat();
            let trace = RawReader::from_slice(&trace).map_err(failure)?;
            rewrite::renumber(trace, number, &mut draft).map_err(failure)?;
        }
        if generation.lacks_end && version.is_some_and(|version| version >= Version::Go126) {
            draft.write_all(&[END]).map_err(|error| Failure::output(&out.name, error))?;
        }
    }
    Ok(draft)
}
