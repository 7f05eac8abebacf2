//! A limit on the amount of text for one input.
//!
//! An event of four bytes can have a stack of 128 frames with two strings of a kilobyte each. The
//! text of such an event can be ten thousand times as long as the input, and formatting all text
//! would make fuzzing very slow.

use std::fmt;
use std::io;

/// A sink that counts bytes up to a limit.
#[derive(Debug)]
pub struct Budget {
    left: usize,
}

impl Budget {
    /// Creates a sink with a limit of `bytes`. The last write may exceed the limit.
    pub fn new(bytes: usize) -> Self {
        Budget { left: bytes }
    }

    /// Whether the limit is reached, so that nothing more should be formatted.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Counts text that was not written to this sink.
    pub fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }
}

impl io::Write for Budget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.spend(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Budget {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.spend(text.len());
        Ok(())
    }
}
