//! Go's own test cases: what its reader takes and refuses, ours takes and refuses.
//! They are in Go's tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gotrace::{Reader, synth};
use gotrace_tests::go::{Missing, goroot};
use regex::Regex;

/// Go's folder of test data.
fn testdata() -> Result<PathBuf, Missing> {
    Ok(goroot()?.join("src/internal/trace/testdata"))
}

/// The files of a folder whose names end so, sorted.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(suffix)).collect();
    paths.sort();
    paths
}

/// Reads to the end; fails with the first error's text.
fn read(bytes: &[u8]) -> Result<u64, String> {
    let mut reader = Reader::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut events = 0;
    while let Some(event) = reader.next_event().map_err(|error| error.to_string())? {
        events += u64::from(!event.to_string().is_empty());
    }
    Ok(events)
}

/// What a test case expects: nothing, or an error that this matches.
fn expectation(text: &str) -> Option<Regex> {
    match text.trim().split_once(' ') {
        None => {
            assert_eq!(text.trim(), "SUCCESS");
            None
        }
        Some((verdict, pattern)) => {
            assert_eq!(verdict, "FAILURE");
            // A Go string literal: none of them has an escape.
            Some(Regex::new(pattern.trim_matches('"')).expect("a regular expression"))
        }
    }
}

pub fn cases_are_accepted_and_refused_as_with_go() -> Result<(), Missing> {
    let testdata = testdata()?;
    let (mut accepted, mut refused) = (0, 0);
    for path in files(&testdata.join("tests"), ".test") {
        let name = path.display();
        let archive = fs::read_to_string(&path).expect("a text file");
        let rest = archive.strip_prefix("-- expect --\n").unwrap_or_else(|| panic!("{name}: no expectation"));
        let (verdict, text) = rest.split_once("-- trace --\n").unwrap_or_else(|| panic!("{name}: no trace"));
        let bytes = synth::from_text(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        match (read(&bytes), expectation(verdict)) {
            (Ok(_), None) => accepted += 1,
            (Err(message), Some(pattern)) if pattern.is_match(&message) => refused += 1,
            (found, expected) => panic!("{name}: found {found:?}, expected {expected:?}"),
        }
    }
    assert_eq!((accepted, refused), (20, 2));
    Ok(())
}

/// The bytes of a file of Go's fuzz corpus: a line with a version and a line `[]byte("…")`.
fn corpus_bytes(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).expect("a text file");
    let literal = text.lines().nth(1).and_then(|line| line.strip_prefix("[]byte(")?.strip_suffix(')'));
    let literal = literal.unwrap_or_else(|| panic!("{}: not a corpus file", path.display()));
    // The text form of traces has Go's literals too: the data of a string.
    let trace = synth::from_text(&format!("Trace Go1.22\nString id=1\ndata={literal}\n")).expect("a literal");
    let mut pos = 16 + 2;
    while trace[pos] >= 0x80 {
        pos += 1;
    }
    trace[pos + 1..].to_vec()
}

pub fn the_fuzz_corpus_neither_panics_nor_hangs() -> Result<(), Missing> {
    const PATIENCE: Duration = Duration::from_secs(20);

    let testdata = testdata()?;
    let inputs = files(&testdata.join("fuzz/FuzzReader"), "");
    assert_eq!(inputs.len(), 17);
    for path in inputs {
        let bytes = corpus_bytes(&path);
        let (done, ended) = mpsc::channel();
        thread::spawn(move || done.send(read(&bytes)));
        ended.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{}: {error}", path.display())).ok();
    }
    Ok(())
}
