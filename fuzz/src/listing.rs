//! The result of reading an input, as lines that can be compared.

use std::fmt::Arguments;
use std::io::Write;

use gotrace::raw::{RawBatch, RawReader};
use gotrace::{Error, Event, Reader};

/// After this many bytes, events are listed in short form.
const TEXT: usize = 16 << 10;

/// Lists the events of a trace in order, the warnings, and the error if there is one.
pub fn ordered(reader: Result<Reader<'_>, Error>) -> Vec<u8> {
    let mut listing = Vec::new();
    let end = reader.and_then(|mut reader| {
        let result = list_events(&mut reader, &mut listing);
        let (warnings, count) = reader.warnings();
        line(&mut listing, format_args!("{count} warnings: {warnings:?}"));
        line(&mut listing, format_args!("{:?}", reader.account()));
        result
    });
    list_end(end, &mut listing);
    listing
}

fn list_events(reader: &mut Reader<'_>, listing: &mut Vec<u8>) -> Result<(), Error> {
    line(listing, format_args!("{}", reader.version()));
    while let Some(event) = reader.next_event()? {
        if listing.len() < TEXT {
            event.write_text(listing).expect("writing to a vector cannot fail");
        } else {
            list_short(&event, listing);
        }
    }
    Ok(())
}

fn list_short(event: &Event<'_>, listing: &mut Vec<u8>) {
    listing.extend_from_slice(&event.time().0.to_le_bytes());
    listing.extend_from_slice(&event.stack().map_or(0, |stack| stack.id().0).to_le_bytes());
    listing.extend_from_slice(event.kind().name().as_bytes());
    listing.push(b'\n');
}

/// Lists the batches and raw events of a trace in file order, and the error if there is one.
pub fn raw(reader: Result<RawReader<'_>, Error>) -> Vec<u8> {
    let mut listing = Vec::new();
    let end = reader.and_then(|mut reader| {
        let result = list_batches(&mut reader, &mut listing);
        line(&mut listing, format_args!("ends at byte {}", reader.offset()));
        result
    });
    list_end(end, &mut listing);
    listing
}

fn list_batches(reader: &mut RawReader<'_>, listing: &mut Vec<u8>) -> Result<(), Error> {
    while let Some(batch) = reader.next_batch()? {
        line(listing, format_args!("{}: {:?}, {} bytes", batch.offset, batch.kind, batch.bytes().len()));
        // The batches after a damaged one can still be read.
        if let Err(error) = list_batch(&batch, listing) {
            line(listing, format_args!("{error}"));
        }
    }
    Ok(())
}

/// Lists the bytes of raw events, since their text depends only on the bytes.
fn list_batch(batch: &RawBatch<'_>, listing: &mut Vec<u8>) -> Result<(), Error> {
    let mut events = batch.events();
    while let Some(event) = events.next_event()? {
        listing.extend_from_slice(&event.offset().to_le_bytes());
        listing.extend_from_slice(event.bytes());
        listing.push(b'\n');
    }
    Ok(())
}

fn list_end(end: Result<(), Error>, listing: &mut Vec<u8>) {
    match end {
        Ok(()) => line(listing, format_args!("end")),
        Err(error) => line(listing, format_args!("error: {error}")),
    }
}

fn line(listing: &mut Vec<u8>, text: Arguments<'_>) {
    writeln!(listing, "{text}").expect("writing to a vector cannot fail");
}

/// Fails with the first line that differs, since complete listings are too long to print.
pub fn assert_same(slice: &[u8], other: &[u8], what: &str) {
    if slice == other {
        return;
    }
    let lines = |listing: &[u8]| listing.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (slice, other) = (lines(slice), lines(other));
    let same = slice.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let show = |lines: &[Vec<u8>]| lines.get(same).map(|line| line.escape_ascii().to_string());
    panic!(
        "line {} depends on the sizes of the pieces\n slice: {:?}\n {what}: {:?}",
        same + 1,
        show(&slice),
        show(&other)
    );
}
