//! Reads a trace leniently and notes for each generation what is wrong with it.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use super::cause::{self, Cause, Traits};
use super::report::{DamageReport, GenerationReport, TraceStatus};
use crate::account::{GenerationInfo, Tally};
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::event::record::What;
use crate::reader::Reader;

/// An input that updates the [`Traits`] of its bytes as they are read.
struct Watched<R> {
    input: R,
    traits: Arc<Mutex<Traits>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        if let Ok(mut traits) = self.traits.lock() {
            traits.update(&out[..read]);
        }
        Ok(read)
    }
}

/// The maximum number of bytes to read from an input that is not a trace. Such an input may be endless.
const MOST: u64 = 1 << 30;

/// Reads a trace despite all damage and reports what could be read, what is lost and why.
///
/// Reads to the end, but at most a gigabyte of an input that is not a trace. For generations that could not be read,
/// the report only contains the offset. [`survey`](super::survey) adds their sizes and counts.
pub fn examine(input: impl Read + Send) -> DamageReport {
    let traits = Arc::new(Mutex::new(Traits::default()));
    let mut watched = Watched { input, traits: Arc::clone(&traits) };
    let error = match Reader::builder().lenient().from_reader(&mut watched) {
        Ok(reader) => return read(reader, &traits),
        Err(error) => error,
    };
    // The size and the last bytes of the file help to find the cause.
    let _ = io::copy(&mut watched.take(MOST), &mut io::sink());
    let traits = traits.lock().map(|traits| traits.clone()).unwrap_or_default();
    refused(error.to_string(), cause::of_refusal(&error.kind, &traits), traits.len)
}

/// Returns the report of a file that cannot be opened. It contains only the error.
pub fn unreadable(error: impl Into<String>) -> DamageReport {
    refused(error.into(), Cause::cannot_read(), 0)
}

/// Returns the report of a file that is not read. It contains the error and the cause.
fn refused(error: String, cause: Cause, size: u64) -> DamageReport {
    DamageReport {
        status: TraceStatus::Unreadable,
        version: None,
        size,
        generations: Vec::new(),
        read: Tally::default(),
        lost: Tally::default(),
        trailing: 0,
        warnings: vec![error],
        warning_count: 1,
        cause: Some(cause),
    }
}

fn read(mut reader: Reader<'_>, traits: &Mutex<Traits>) -> DamageReport {
    let mut generations: Vec<GenerationReport> = Vec::new();
    let mut gap = None;
    let end = loop {
        let begins = match reader.next_event() {
            Ok(Some(event)) if !matches!(event.record().what, What::Sync | What::Gap) => {
                if let Some(row) = generations.last_mut() {
                    row.read += 1;
                    row.start.get_or_insert(event.time());
                    row.end = Some(event.time());
                }
                continue;
            }
            Ok(Some(event)) => match event.kind() {
                EventKind::Sync(sync) => sync.begins_generation(),
                EventKind::Gap(it) => {
                    gap = Some(it.at);
                    continue;
                }
                _ => continue,
            },
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        if let Some(info) = reader.generation().filter(|_| begins) {
            generations.push(GenerationReport { gap: gap.take(), ..row(info) });
        }
    };
    // For a damaged generation, `survey` replaces this by the number of events in the file.
    generations.iter_mut().for_each(|row| row.events = Some(row.read));
    let account = reader.account();
    let traits = traits.lock().map(|traits| traits.clone()).unwrap_or_default();
    for fault in account.faults {
        blame(fault, &mut generations);
    }
    if let Some(last) = account.faults.last()
        && account.fault_count > account.faults.len() as u64
    {
        doubt(last, &mut generations);
    }
    let (program, program_count) = reader.warnings();
    let faults = account.faults.iter().chain(&end);
    let status = match account.fault_count == 0 && end.is_none() {
        true => TraceStatus::Whole,
        false => TraceStatus::Damaged,
    };
    DamageReport {
        status,
        version: Some(reader.version()),
        size: traits.len,
        read: account.read,
        lost: account.lost,
        trailing: account.trailing,
        warnings: faults.clone().map(Error::to_string).chain(program.iter().map(ToString::to_string)).collect(),
        warning_count: account.fault_count + u64::from(end.is_some()) + program_count,
        cause: cause::of_faults(account.faults, end.as_ref(), account.lost, &traits),
        generations,
    }
}

fn row(info: GenerationInfo) -> GenerationReport {
    GenerationReport {
        number: info.number,
        offset: info.offset,
        size: Some(info.bytes),
        batches: Some(info.batches),
        events: None,
        threads: Some(info.threads),
        read: 0,
        start: None,
        end: None,
        ok: true,
        error: None,
        lacks_end: false,
        has_text: false,
        in_doubt: false,
        gap: None,
    }
}

/// Stores a fault in the row of its generation. If nothing of the generation was read, this adds a row.
fn blame(fault: &Error, generations: &mut Vec<GenerationReport>) {
    // These faults lie between generations, or after the last generation.
    let is_between = matches!(
        fault.kind,
        ErrorKind::GenerationOutOfOrder { .. } | ErrorKind::MultipleTraces | ErrorKind::TrailingData { .. }
    );
    if is_between {
        return;
    }
    let at = fault.at.offset;
    let before = generations.iter().take_while(|row| row.offset <= at).count();
    // If a generation is cut, the fault is after the bytes of the generation that were read. If its end is missing, the
    // fault is at the start of the next generation.
    let is_in = |row: &GenerationReport| match fault.at.generation {
        Some(number) => number == row.number,
        None => row.size.is_some_and(|size| at < row.offset + size),
    };
    let is_lack = matches!(fault.kind, ErrorKind::MissingEndOfGeneration);
    if let Some(row) = generations[..before].iter_mut().rev().take(2).find(|row| is_in(row)) {
        if row.ok && row.gap == Some(fault.at) {
            row.error = Some(format!("undamaged, but it contradicts the previous generation: {fault}"));
            return;
        }
        row.lacks_end = is_lack && (row.ok || row.lacks_end);
        row.has_text = matches!(fault.kind, ErrorKind::TextInTrace { .. }) && (row.ok || row.has_text);
        if std::mem::take(&mut row.ok) {
            row.error = Some(fault.to_string());
        }
        return;
    }
    let Some(number) = fault.at.generation else { return };
    let skipped = GenerationReport {
        number,
        offset: at,
        size: None,
        batches: None,
        events: None,
        threads: None,
        read: 0,
        start: None,
        end: None,
        ok: false,
        error: Some(fault.to_string()),
        lacks_end: false,
        has_text: false,
        in_doubt: false,
        gap: Some(fault.at),
    };
    // A missing generation is noticed at the start of the next generation.
    let before = generations.iter().take_while(|row| row.offset < at).count();
    generations.insert(before, skipped);
}

/// Marks the generations after the last recorded fault as uncertain, because later faults were only counted.
fn doubt(last: &Error, generations: &mut [GenerationReport]) {
    let ends = |row: &GenerationReport| row.offset + row.size.unwrap_or_default();
    for row in generations.iter_mut().filter(|row| row.ok && ends(row) > last.at.offset) {
        row.ok = false;
        row.in_doubt = true;
        row.error = Some("may be damaged: too many faults before it".to_owned());
    }
}
