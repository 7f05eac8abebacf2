//! Loading a timeline.

use std::path::Path;

use gotrace::{Error, Timeline};

use crate::failure::Failure;

/// Loads a file, or standard input for `-`, with a progress bar if it takes its time.
pub fn load(path: &Path) -> Result<Timeline, Failure> {
    Timeline::from_reader(crate::input::open_trace(path)?).map_err(|error: Error| Failure::trace(path, &error))
}
