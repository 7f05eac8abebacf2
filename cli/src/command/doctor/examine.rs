//! Reads a trace over whatever is damaged, and notes for each generation how it stands with it.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use gotrace::{Error, ErrorKind, EventKind, GenerationInfo, Reader};

use super::cause::{self, Traits};
use super::report::{Generation, Report, Status, Tally};

/// Looks at the bytes as they are read.
struct Watched {
    input: Box<dyn Read + Send>,
    traits: Arc<Mutex<Traits>>,
}

impl Read for Watched {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        if let Ok(mut traits) = self.traits.lock() {
            traits.see(&out[..read]);
        }
        Ok(read)
    }
}

/// How much is read of what is no trace: it may have no end.
const MOST: u64 = 1 << 30;

/// Examines a trace.
pub(crate) fn examine(input: Box<dyn Read + Send>) -> Report {
    let traits = Arc::new(Mutex::new(Traits::default()));
    let mut watched = Watched { input, traits: Arc::clone(&traits) };
    let error = match Reader::builder().lenient().from_reader(&mut watched) {
        Ok(reader) => return read(reader, &traits),
        Err(error) => error,
    };
    // How long it is, and of what, shows at its end only.
    let _ = io::copy(&mut watched.take(MOST), &mut io::sink());
    let traits = traits.lock().map(|traits| traits.clone()).unwrap_or_default();
    unreadable(error.to_string(), cause::of_refusal(&error.kind, &traits), traits.len)
}

/// The report of a file that can't be opened.
pub(crate) fn unopened(error: String) -> Report {
    unreadable(error, cause::CANT_READ.to_owned(), 0)
}

/// A report with nothing in it but an error.
fn unreadable(error: String, cause: String, bytes: u64) -> Report {
    Report {
        schema: 1,
        status: Status::Unreadable,
        header: None,
        bytes,
        generations: Vec::new(),
        read: Tally::default(),
        lost: Tally::default(),
        trailing: 0,
        warnings: vec![error],
        warning_count: 1,
        cause: Some(cause),
        repaired: Vec::new(),
    }
}

fn read(mut reader: Reader<'_>, traits: &Mutex<Traits>) -> Report {
    let mut generations: Vec<Generation> = Vec::new();
    let mut gap = None;
    let end = loop {
        let begins = match reader.next_event() {
            Ok(Some(event)) => match event.kind() {
                EventKind::Sync(sync) => sync.begins_generation(),
                EventKind::Gap(it) => {
                    gap = Some(it.at);
                    continue;
                }
                _ => {
                    if let Some(row) = generations.last_mut() {
                        row.read += 1;
                        row.start.get_or_insert(event.time().0);
                        row.end = Some(event.time().0);
                    }
                    continue;
                }
            },
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        if let Some(info) = reader.generation().filter(|_| begins) {
            generations.push(Generation { gap: gap.take(), ..row(info) });
        }
    };
    // If one is not sound, what stands in the file is counted.
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
        true => Status::Whole,
        false => Status::Damaged,
    };
    Report {
        schema: 1,
        status,
        header: Some(reader.version().to_string()),
        bytes: traits.len,
        read: account.read.into(),
        lost: account.lost.into(),
        trailing: account.trailing,
        warnings: faults.clone().map(Error::to_string).chain(program.iter().map(ToString::to_string)).collect(),
        warning_count: account.fault_count + u64::from(end.is_some()) + program_count,
        cause: cause::of_faults(account.faults, end.as_ref(), account.lost, &traits),
        generations,
        repaired: Vec::new(),
    }
}

fn row(info: GenerationInfo) -> Generation {
    Generation {
        generation: info.number,
        offset: info.offset,
        bytes: Some(info.bytes),
        batches: Some(info.batches),
        events: None,
        threads: Some(info.threads),
        read: 0,
        start: None,
        end: None,
        ok: true,
        error: None,
        lacks_end: false,
        in_doubt: false,
        gap: None,
    }
}

/// Puts a fault to the generation in which it lies. One of which nothing was read gets a row by that.
fn blame(fault: &Error, generations: &mut Vec<Generation>) {
    // What lies between generations, or behind the last.
    let is_between = matches!(
        fault.kind,
        ErrorKind::GenerationOutOfOrder { .. } | ErrorKind::MultipleTraces | ErrorKind::TrailingData { .. }
    );
    if is_between {
        return;
    }
    let at = fault.at.offset;
    let before = generations.iter().take_while(|row| row.offset <= at).count();
    // Where a generation is cut, the place is behind what was read of it; where its end lacks something, the next begins.
    let is_in = |row: &Generation| match fault.at.generation {
        Some(number) => number == row.generation,
        None => row.bytes.is_some_and(|bytes| at < row.offset + bytes),
    };
    let is_lack = matches!(fault.kind, ErrorKind::MissingEndOfGeneration);
    if let Some(row) = generations[..before].iter_mut().rev().take(2).find(|row| is_in(row)) {
        if row.ok && row.gap == Some(fault.at) {
            row.error = Some(format!("sound, but not what the one before leads to: {fault}"));
            return;
        }
        row.lacks_end = is_lack && (row.ok || row.lacks_end);
        if std::mem::take(&mut row.ok) {
            row.error = Some(fault.to_string());
        }
        return;
    }
    let Some(generation) = fault.at.generation else { return };
    let skipped = Generation {
        generation,
        offset: at,
        bytes: None,
        batches: None,
        events: None,
        threads: None,
        read: 0,
        start: None,
        end: None,
        ok: false,
        error: Some(fault.to_string()),
        lacks_end: false,
        in_doubt: false,
        gap: Some(fault.at),
    };
    // What is missing of it shows where the next begins.
    let before = generations.iter().take_while(|row| row.offset < at).count();
    generations.insert(before, skipped);
}

/// What lies behind the last fault that was kept may have others.
fn doubt(last: &Error, generations: &mut [Generation]) {
    let ends = |row: &Generation| row.offset + row.bytes.unwrap_or_default();
    for row in generations.iter_mut().filter(|row| row.ok && ends(row) > last.at.offset) {
        row.ok = false;
        row.in_doubt = true;
        row.error = Some("not known to be sound: too much is wrong before it".to_owned());
    }
}
