//! Shows on standard error how much of a long input has been read.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Reading that takes less time than this shows no progress bar.
const BAR_DELAY: Duration = Duration::from_secs(1);

/// An input that draws a progress bar once it has been read for a second, if standard error is a terminal.
pub struct Progress<R> {
    input: R,
    len: Option<u64>,
    read: u64,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl<R> Progress<R> {
    /// `len` is the input's length in bytes, if it is known.
    pub fn new(input: R, len: Option<u64>) -> Self {
        Progress { input, len, read: 0, start: Instant::now(), bar: None }
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        self.read += read as u64;
        if self.bar.is_none() && self.start.elapsed() > BAR_DELAY {
            self.bar = Some(new_bar(self.len));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.read);
        }
        Ok(read)
    }
}

fn new_bar(len: Option<u64>) -> ProgressBar {
    let (bar, template) = match len {
        Some(len) => (ProgressBar::new(len), "{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {binary_bytes}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is fixed"))
}

impl<R> Drop for Progress<R> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
