//! Converts Go's test cases to seeds: `text_seeds CASES DIR` writes a trace to DIR for each file
//! `*.test` in CASES, which is `src/internal/trace/testdata/tests` of Go's source tree.
//!
//! They are short, and each caused a bug, so they are better seeds than the traces of most
//! programs.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [cases, seeds] = &folders[..] else { return Err("usage: text_seeds CASES DIR".into()) };
    for entry in fs::read_dir(cases)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "test") {
            let trace = trace(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            fs::write(seeds.join(path.file_stem().unwrap_or_default()), trace)?;
        }
    }
    Ok(())
}

/// The trace of a test case, which is a text archive of the expected result and the text of a
/// trace.
fn trace(case: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let archive = fs::read_to_string(case)?;
    let (_, text) = archive.split_once("-- trace --\n").ok_or("there is no trace in it")?;
    Ok(gotrace::synth::from_text(text)?)
}
