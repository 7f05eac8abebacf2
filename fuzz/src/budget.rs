//! A limit on the text that one input may cost.
//!
//! An event of four bytes may name a stack of 128 frames, each with two strings of a kilobyte: text can be ten thousand
//! times as long as the input, and to print it all would make the fuzzer crawl.

use std::fmt;
use std::io;

/// A sink that counts, and says when it has had enough.
#[derive(Debug)]
pub struct Budget {
    left: usize,
}

impl Budget {
    /// A sink for about `bytes` of text: the text during which they run out is taken whole.
    pub fn new(bytes: usize) -> Self {
        Budget { left: bytes }
    }

    /// Whether nothing more should be written.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Notes text that went elsewhere.
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
