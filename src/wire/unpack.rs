//! Logs that are gzip files.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// The first two bytes of every gzip file (RFC 1952).
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Unpacks an input if its first bytes are the first bytes of a gzip file. Passes on any other input unchanged.
///
/// Only the first byte of a plain input is waited for, so that the lines of a running program can be read as soon as
/// they are written.
pub(super) struct Unpack<R> {
    state: State<R>,
}

enum State<R> {
    /// The format is not known yet. Contains the input and its first byte, if this could be the first byte of a gzip
    /// file.
    Start(R, Option<u8>),
    Plain(io::Chain<io::Cursor<Vec<u8>>, R>),
    Packed(Box<MultiGzDecoder<io::Chain<io::Cursor<Vec<u8>>, R>>>),
    /// The state during a change of states, and after an error.
    Ended,
}

impl<R: Read> Unpack<R> {
    pub fn new(input: R) -> Self {
        Unpack { state: State::Start(input, None) }
    }

    /// Reads the bytes that determine the format.
    fn start(&mut self) -> io::Result<()> {
        let State::Start(input, first) = &mut self.state else { return Ok(()) };
        let mut head = Vec::from_iter(*first);
        while head.len() < GZIP_MAGIC.len() && GZIP_MAGIC.starts_with(&head) {
            let mut next = [0];
            if input.read(&mut next)? == 0 {
                break;
            }
            *first = Some(next[0]);
            head.push(next[0]);
        }
        let is_packed = head == GZIP_MAGIC;
        if let State::Start(input, _) = std::mem::replace(&mut self.state, State::Ended) {
            let whole = io::Cursor::new(head).chain(input);
            self.state = match is_packed {
                true => State::Packed(Box::new(MultiGzDecoder::new(whole))),
                false => State::Plain(whole),
            };
        }
        Ok(())
    }
}

impl<R: Read> Read for Unpack<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.start()?;
        match &mut self.state {
            State::Plain(input) => input.read(out),
            State::Packed(input) => input.read(out),
            State::Start(..) | State::Ended => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::gctrace::Log;

    const LINE: &[u8] = b"gc 1 @0.001s 0%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, 4->4->1 MB, 5 MB goal, 2 P\n";

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).expect("memory");
        packed.finish().expect("memory")
    }

    #[test]
    fn packed_and_plain_logs_have_the_same_collections() {
        let packed = packed(LINE);
        // Members can follow each other, as after `cat a.gz b.gz`.
        for (bytes, cycles) in [(LINE, 1), (&packed, 1), (&[&packed[..], &packed].concat(), 2), (b"", 0), (b"\x1f", 0)]
        {
            assert_eq!(Log::from_slice(bytes).expect("a log").cycles.len(), cycles);
            assert_eq!(Log::from_reader(bytes).expect("a log").cycles.len(), cycles);
        }
        let error = Log::from_slice(&packed[..packed.len() / 2]).expect_err("it is cut");
        assert!(error.to_string().starts_with("cannot read: "), "{error}");
    }

    #[test]
    fn a_plain_log_is_readable_after_one_byte() {
        let (input, mut program) = io::pipe().expect("a pipe");
        program.write_all(b"g").expect("room in the pipe");
        let mut out = [0; 8];
        assert_eq!(Unpack::new(input).read(&mut out).expect("a byte"), 1);
    }
}
