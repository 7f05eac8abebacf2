//! The input, and how far it is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;

/// Opens a file, or standard input for `-`. If asked to, it shows on a terminal how far it is, once it has taken a
/// second.
pub fn open(path: &Path, show_progress: bool) -> Result<Box<dyn Read + Send>, Failure> {
    let (input, len): (Box<dyn Read + Send>, _) = match path == Path::new("-") {
        true => (Box::new(io::stdin()), None),
        false => {
            let failure = |error: io::Error| Failure::input(path, error);
            let file = File::open(path).map_err(failure)?;
            let metadata = file.metadata().map_err(failure)?;
            (Box::new(file), Some(metadata.len()).filter(|_| metadata.is_file()))
        }
    };
    Ok(match show_progress {
        true => Box::new(Progress { input, len, read: 0, begun: Instant::now(), bar: None }),
        false => input,
    })
}

const PATIENCE: Duration = Duration::from_secs(1);

struct Progress {
    input: Box<dyn Read + Send>,
    len: Option<u64>,
    read: u64,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Read for Progress {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        self.read += read as u64;
        if self.bar.is_none() && self.begun.elapsed() > PATIENCE {
            self.bar = Some(new_bar(self.len));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.read);
        }
        Ok(read)
    }
}

/// It draws to standard error, and nothing if that is no terminal.
fn new_bar(len: Option<u64>) -> ProgressBar {
    let (bar, template) = match len {
        Some(len) => (ProgressBar::new(len), "{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {binary_bytes}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is fixed"))
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
