//! All that the crate can say of an input, as text.

use std::io::Write;

use gotrace::raw::RawReader;
use gotrace::{Error, Reader};

/// The most text of events in one account; behind it events are told in short.
const TEXT: usize = 64 << 10;

/// The events of a trace in order, or why there are none, and how it ends.
pub fn ordered(reader: Result<Reader<'_>, Error>) -> Vec<u8> {
    let mut account = Vec::new();
    let end = reader.and_then(|mut reader| {
        let result = tell_events(&mut reader, &mut account);
        let (warnings, count) = reader.warnings();
        line(&mut account, format_args!("{count} warnings: {warnings:?}"));
        result
    });
    tell_end(end, &mut account);
    account
}

fn tell_events(reader: &mut Reader<'_>, account: &mut Vec<u8>) -> Result<(), Error> {
    line(account, format_args!("{}", reader.version()));
    while let Some(event) = reader.next_event()? {
        if account.len() < TEXT {
            event.write_text(account).expect("memory does not fail");
        } else {
            let stack = event.stack().map(|stack| stack.id());
            line(account, format_args!("{} {} {stack:?}", event.time(), event.kind().name()));
        }
    }
    Ok(())
}

/// The batches and raw events of a trace in file order, or why there are none, and how it ends.
pub fn wire(reader: Result<RawReader<'_>, Error>) -> Vec<u8> {
    let mut account = Vec::new();
    let end = reader.and_then(|mut reader| {
        let result = tell_batches(&mut reader, &mut account);
        line(&mut account, format_args!("ends at byte {}", reader.offset()));
        result
    });
    tell_end(end, &mut account);
    account
}

fn tell_batches(reader: &mut RawReader<'_>, account: &mut Vec<u8>) -> Result<(), Error> {
    while let Some(batch) = reader.next_batch()? {
        line(account, format_args!("{}: {:?}, {} bytes", batch.offset, batch.kind, batch.bytes().len()));
        let mut events = batch.events();
        loop {
            match events.next_event() {
                Ok(Some(event)) if account.len() < TEXT => {
                    event.write_text(account).expect("memory does not fail");
                }
                Ok(Some(event)) => line(account, format_args!("{} {:?}", event.offset(), event.event())),
                Ok(None) => break,
                // The batches behind a damaged one can still be read.
                Err(error) => {
                    line(account, format_args!("{error}"));
                    break;
                }
            }
        }
    }
    Ok(())
}

fn tell_end(end: Result<(), Error>, account: &mut Vec<u8>) {
    match end {
        Ok(()) => line(account, format_args!("end")),
        Err(error) => line(account, format_args!("error: {error}")),
    }
}

fn line(account: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    writeln!(account, "{text}").expect("memory does not fail");
}

/// Fails with the first line that differs: whole accounts are too long to be shown.
pub fn assert_same(slice: &[u8], other: &[u8], what: &str) {
    if slice == other {
        return;
    }
    let mut number = 0;
    let (mut slice, mut other) = (slice.split(|&byte| byte == b'\n'), other.split(|&byte| byte == b'\n'));
    loop {
        number += 1;
        let (ours, theirs) = (slice.next(), other.next());
        if ours != theirs {
            let show = |line: Option<&[u8]>| line.map(|line| String::from_utf8_lossy(line).into_owned());
            panic!("line {number} depends on the chunks\n slice: {:?}\n {what}: {:?}", show(ours), show(theirs));
        }
    }
}
