//! Files that a command writes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::failure::Failure;

/// Writes a file, or standard output for `-`.
///
/// # Errors
///
/// If the file is the input, which then stays unchanged, or cannot be written.
pub fn write(path: &Path, input: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    check(path, input)?;
    if path == Path::new("-") {
        return Ok(fill(&mut io::stdout().lock())?);
    }
    let failure = |error| Failure::output(path, error);
    let mut file = File::create(path).map(BufWriter::new).map_err(failure)?;
    fill(&mut file).and_then(|()| file.flush()).map_err(failure)
}

/// Fails if an output file is the input. A command that works for long calls this first.
pub fn check(path: &Path, input: &Path) -> Result<(), Failure> {
    if path != Path::new("-") && input != Path::new("-") && same_file::is_same_file(path, input).unwrap_or(false) {
        return Err(Failure::Usage(format!("{} is the input itself; write to another file", path.display())));
    }
    Ok(())
}
