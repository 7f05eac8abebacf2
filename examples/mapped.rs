//! Reads a trace that is mapped into memory: the reader borrows from the mapping and copies
//! nothing.
//!
//!     cargo run --release --example mapped -- trace.out

#![allow(unsafe_code, reason = "mapping a file is unsafe, which is why the library leaves it to its users")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use gotrace::Reader;
use memmap2::Mmap;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match count_mapped(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn count_mapped(path: &str) -> Result<(), Box<dyn Error>> {
    let file = File::open(path)?;
    // SAFETY: nobody may change or truncate the file while it is mapped. Go does not write to a
    // trace again after it is complete.
    let map = unsafe { Mmap::map(&file)? };
    let mut reader = Reader::from_slice(&map)?;
    let mut by_thread: BTreeMap<_, u64> = BTreeMap::new();
    while let Some(event) = reader.next_event()? {
        if let Some(thread) = event.thread() {
            *by_thread.entry(thread).or_default() += 1;
        }
    }
    let events: u64 = by_thread.values().sum();
    let mut out = io::stdout().lock();
    writeln!(out, "{} bytes mapped, {events} events of {} threads", map.len(), by_thread.len())?;
    for (thread, count) in by_thread {
        writeln!(out, "{count:>10} events of thread {thread}")?;
    }
    Ok(())
}
