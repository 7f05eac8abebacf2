//! Traces of Go 1.11 to 1.21: no input panics, and how the bytes come in does not show in the events.

#![no_main]

use std::io::{self, Read};

use gotrace::{Error, Reader};
use libfuzzer_sys::fuzz_target;

const HEADERS: [&[u8; 16]; 3] = [b"go 1.11 trace\0\0\0", b"go 1.19 trace\0\0\0", b"go 1.21 trace\0\0\0"];

/// The texts of all events, and of the error that ended them.
fn read(reader: Result<Reader<'_>, Error>) -> (Vec<u8>, Option<String>) {
    let mut out = Vec::new();
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(error) => return (out, Some(error.to_string())),
    };
    loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                event.write_text(&mut out).expect("memory does not fail");
                out.extend(format!("{event:?}").into_bytes());
            }
            Ok(None) => return (out, None),
            Err(error) => return (out, Some(error.to_string())),
        }
    }
}

/// Gives so many bytes at a time.
struct Chunks<'a>(&'a [u8], usize);

impl Read for Chunks<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.1.min(self.0.len()).min(out.len());
        self.0.read(&mut out[..len])
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let trace = [HEADERS[usize::from(choice) % HEADERS.len()], body].concat();
    let slice = read(Reader::from_slice(&trace));
    let chunked = read(Reader::new(Chunks(&trace, 1 + usize::from(choice >> 2))));
    assert!(slice == chunked, "{:?} and {:?}", slice.1, chunked.1);
});
