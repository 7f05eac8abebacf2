//! What the crate makes of an input, as bytes that can be compared.

use std::fmt::Arguments;
use std::io::Write;

use gotrace::raw::{RawBatch, RawReader};
use gotrace::{Error, Event, Reader};

/// The most text of events in one account; behind it events are told in short.
const TEXT: usize = 16 << 10;

/// The events of a trace in order, or why there are none, and how it ends.
pub fn ordered(reader: Result<Reader<'_>, Error>) -> Vec<u8> {
    let mut account = Vec::new();
    let end = reader.and_then(|mut reader| {
        let result = tell_events(&mut reader, &mut account);
        let (warnings, count) = reader.warnings();
        line(&mut account, format_args!("{count} warnings: {warnings:?}"));
        line(&mut account, format_args!("{:?}", reader.account()));
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
            tell_in_short(&event, account);
        }
    }
    Ok(())
}

fn tell_in_short(event: &Event<'_>, account: &mut Vec<u8>) {
    account.extend_from_slice(&event.time().0.to_le_bytes());
    account.extend_from_slice(&event.stack().map_or(0, |stack| stack.id().0).to_le_bytes());
    account.extend_from_slice(event.kind().name().as_bytes());
    account.push(b'\n');
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
        // The batches behind a damaged one can still be read.
        if let Err(error) = tell_batch(&batch, account) {
            line(account, format_args!("{error}"));
        }
    }
    Ok(())
}

/// The text of a raw event follows from its bytes.
fn tell_batch(batch: &RawBatch<'_>, account: &mut Vec<u8>) -> Result<(), Error> {
    let mut events = batch.events();
    while let Some(event) = events.next_event()? {
        account.extend_from_slice(&event.offset().to_le_bytes());
        account.extend_from_slice(event.bytes());
        account.push(b'\n');
    }
    Ok(())
}

fn tell_end(end: Result<(), Error>, account: &mut Vec<u8>) {
    match end {
        Ok(()) => line(account, format_args!("end")),
        Err(error) => line(account, format_args!("error: {error}")),
    }
}

fn line(account: &mut Vec<u8>, text: Arguments<'_>) {
    writeln!(account, "{text}").expect("memory does not fail");
}

/// Fails with the first line that differs: whole accounts are too long to be shown.
pub fn assert_same(slice: &[u8], other: &[u8], what: &str) {
    if slice == other {
        return;
    }
    let lines = |account: &[u8]| account.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (slice, other) = (lines(slice), lines(other));
    let same = slice.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let show = |lines: &[Vec<u8>]| lines.get(same).map(|line| line.escape_ascii().to_string());
    panic!("line {} depends on the chunks\n slice: {:?}\n {what}: {:?}", same + 1, show(&slice), show(&other));
}
