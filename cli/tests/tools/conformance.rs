//! Go's own test cases, which are in its source tree: our reader accepts and refuses the same
//! traces.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gotrace::{Reader, synth};
use gotrace_tests::go::{Missing, goroot};
use regex::Regex;

/// The folder with the test data of Go's reader.
fn testdata() -> Result<PathBuf, Missing> {
    Ok(goroot()?.join("src/internal/trace/testdata"))
}

/// The files of a folder whose names end with `suffix`, sorted.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(suffix)).collect();
    paths.sort();
    paths
}

/// Reads to the end and returns the number of events, or the message of the first error.
fn read(bytes: &[u8]) -> Result<u64, String> {
    let mut reader = Reader::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut events = 0;
    while let Some(event) = reader.next_event().map_err(|error| error.to_string())? {
        events += u64::from(!event.to_string().is_empty());
    }
    Ok(events)
}

/// The pattern of the error that a test case expects, or `None` if it expects none.
fn expectation(text: &str) -> Option<Regex> {
    match text.trim().split_once(' ') {
        None => {
            assert_eq!(text.trim(), "SUCCESS");
            None
        }
        Some((verdict, pattern)) => {
            assert_eq!(verdict, "FAILURE");
            // A Go string literal. None of them contains an escape sequence.
            Some(Regex::new(pattern.trim_matches('"')).expect("a regular expression"))
        }
    }
}

pub fn test_cases_of_go_are_accepted_and_refused_as_by_go() -> Result<(), Missing> {
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
    // The text format of traces has the same literals for the data of strings.
    let trace = synth::from_text(&format!("Trace Go1.22\nString id=1\ndata={literal}\n")).expect("a literal");
    let mut pos = 16 + 2;
    while trace[pos] >= 0x80 {
        pos += 1;
    }
    trace[pos + 1..].to_vec()
}

pub fn the_fuzz_corpus_of_go_causes_no_panic_or_hang() -> Result<(), Missing> {
    const TIMEOUT: Duration = Duration::from_secs(20);

    let testdata = testdata()?;
    let inputs = files(&testdata.join("fuzz/FuzzReader"), "");
    assert_eq!(inputs.len(), 17);
    for path in inputs {
        let bytes = corpus_bytes(&path);
        let (done, ended) = mpsc::channel();
        thread::spawn(move || done.send(read(&bytes)));
        ended.recv_timeout(TIMEOUT).unwrap_or_else(|error| panic!("{}: {error}", path.display())).ok();
    }
    Ok(())
}
