//! Writes what is sound of a damaged trace as traces that are whole.
//!
//! Generations in a row without a gap between them are a trace of their own: that is how they were read. Behind a gap a
//! generation may speak of goroutines that it does not introduce, since they were created in what is lost. Whether such
//! a row can follow the one before it, reading both tells.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use gotrace::raw::{BatchKind, RawReader};
use gotrace::{Reader, Version};

use crate::cli::Failure;
use crate::input::Input;
use crate::report::{Generation, Repaired, Report, Status};

/// How often it is tried whether one row of generations can follow another: each try reads both.
const MAX_TRIES: usize = 64;
/// The header of a trace.
const HEADER: u64 = 16;
/// The mark of a generation's end, from Go 1.26 on (Go `tracev2.EvEndOfGeneration`).
const END: u8 = 52;

/// A row of generations that follow each other.
type Row<'a> = Vec<&'a Generation>;

/// Writes what can be saved, and tells the report of it.
pub(crate) fn repair(input: &Input, report: &mut Report, out: &Path) -> Result<(), Failure> {
    report.repaired = save(input, report, out)?;
    Ok(())
}

/// Writes what can be saved; says which files that are.
fn save(input: &Input, report: &Report, out: &Path) -> Result<Vec<Repaired>, Failure> {
    if report.status == Status::Whole {
        let bytes = write(out, |file| file.copy(input, 0, u64::MAX))?;
        let generations = report.generations.iter().map(|row| row.generation).collect();
        return Ok(vec![Repaired { file: out.to_owned(), bytes, generations }]);
    }
    if report.generations.is_empty() {
        return cut_off(input, report, out);
    }
    let mut parts: Vec<Row<'_>> = Vec::new();
    let mut tries = 0;
    for row in rows(&report.generations) {
        if let Some(last) = parts.last_mut()
            && tries < MAX_TRIES
        {
            tries += 1;
            let joined = [&last[..], &row].concat();
            write_row(input, &joined, out)?;
            if is_whole(out) {
                *last = joined;
                continue;
            }
        }
        parts.push(row);
    }
    // The largest part is what was asked for.
    parts.sort_by_key(|part| std::cmp::Reverse(part.iter().map(|row| row.events).sum::<u64>()));
    let mut repaired = Vec::new();
    for mut part in parts {
        let file = numbered(out, repaired.len() + 1);
        while !part.is_empty() {
            let bytes = write_row(input, &part, &file)?;
            if is_whole(&file) {
                repaired.push(Repaired { file, bytes, generations: part.iter().map(|row| row.generation).collect() });
                break;
            }
            // What is cut in it may not show before its end is looked for.
            part.pop().filter(|_| tries < MAX_TRIES).map_or_else(|| part.clear(), drop);
            tries += 1;
            remove(&file);
        }
    }
    if repaired.is_empty() {
        remove(out);
    }
    Ok(repaired)
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
fn cut_off(input: &Input, report: &Report, out: &Path) -> Result<Vec<Repaired>, Failure> {
    let len = report.read.bytes;
    let bytes = write(out, |file| file.copy(input, 0, len))?;
    if len > HEADER && is_whole(out) {
        return Ok(vec![Repaired { file: out.to_owned(), bytes, generations: Vec::new() }]);
    }
    remove(out);
    Ok(Vec::new())
}

/// OUT, OUT.2, OUT.3 …
fn numbered(out: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return out.to_owned();
    }
    let mut name = OsString::from(out);
    name.push(format!(".{number}"));
    name.into()
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

/// A file that is being written.
struct Output<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

impl Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| Failure::output(self.path, error))
    }

    /// Writes a part of the input.
    fn copy(&mut self, input: &Input, offset: u64, len: u64) -> Result<(), Failure> {
        input.copy(offset, len, |chunk| self.write(chunk))
    }
}

/// Writes a file; gives its size.
fn write(path: &Path, fill: impl FnOnce(&mut Output<'_>) -> Result<(), Failure>) -> Result<u64, Failure> {
    let failure = |error| Failure::output(path, error);
    let mut out = Output { path, file: File::create(path).map(BufWriter::new).map_err(failure)? };
    fill(&mut out)?;
    out.file.flush().map_err(failure)?;
    fs::metadata(path).map(|file| file.len()).map_err(failure)
}

/// Removes a file that may not be there.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Writes generations as a trace. Their numbers follow each other in it.
fn write_row(input: &Input, row: &[&Generation], path: &Path) -> Result<u64, Failure> {
    write(path, |out| {
        let header = input.part(0, HEADER)?;
        out.write(&header)?;
        let version = RawReader::from_slice(&header).map(|reader| reader.version()).ok();
        let first = row.first().map_or(0, |first| first.generation);
        for (number, generation) in (first..).zip(row) {
            if generation.generation == number {
                out.copy(input, generation.offset, generation.bytes)?;
            } else {
                let bytes = input.part(generation.offset, generation.bytes)?;
                let trace = [&header[..], &bytes].concat();
                renumber(&trace, number, &mut out.file)
                    .map_err(|error| Failure::output(path, io::Error::other(error)))?;
            }
            if generation.lacks_end && version.is_some_and(|version| version >= Version::Go126) {
                out.write(&[END])?;
            }
        }
        Ok(())
    })
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
