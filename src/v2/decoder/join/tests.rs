//! Pieces joined are what one pass gives.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::*;
use crate::event::{Event, EventKind};
use crate::wire::header;

/// An event's time, and its text without it.
type Line = (i64, String);

/// What a piece tells of an event.
fn text(event: Event<'_>) -> String {
    match event.kind() {
        EventKind::Sync(_) => String::from("Sync"),
        EventKind::GoTransition(change) if change.from == change.to => format!("{} {} again", change.go, change.to),
        EventKind::ProcTransition(change) if change.from == change.to => format!("{} {} again", change.proc, change.to),
        EventKind::TaskEnd(task) => format!("end of task {}", task.id),
        _ => {
            let mut text = Vec::new();
            event.write_text(&mut text).expect("memory does not fail");
            let text = String::from_utf8_lossy(&text);
            text.split_once("Time=").and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(_, rest)| rest).to_owned()
        }
    }
}

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    /// How many generations came in one go.
    joined: usize,
}

impl Sink for Lines {
    fn add(&mut self, records: &[Record], symbols: Symbols<'_>) {
        self.lines.extend(records.iter().map(|record| (record.time, text(Event::new(record, symbols)))));
        self.joined += usize::from(records.len() > super::super::BLOCK);
    }
}

fn assembled(bytes: &[u8], wave: usize) -> (Lines, Result<(), Error>, Vec<String>) {
    let mut source = Source::slice(bytes);
    let version = header::read(&mut source).expect("a header");
    let mut decoder = Decoder::new(version, Mode::default());
    let mut lines = Lines::default();
    let outcome = match wave {
        0 => decoder.follow(&mut source, false, &mut lines),
        wave => decoder.order_in_waves(&mut source, wave, &mut lines),
    };
    let warnings = decoder.warnings().0.iter().map(ToString::to_string).collect();
    (lines, outcome, warnings)
}

fn traces() -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for version in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/traces"))? {
        for trace in fs::read_dir(version?.path())? {
            let path = trace?.path();
            if path.extension().is_some_and(|extension| extension == "trace") {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// What pieces give is what one pass gives: events, error and warnings. Says how many generations were joined, and how many there are.
fn compare(bytes: &[u8], wave: usize, name: &dyn Display) -> (usize, usize) {
    let (one, outcome, warnings) = assembled(bytes, 0);
    let (many, joined_outcome, joined_warnings) = assembled(bytes, wave);
    assert_eq!(format!("{joined_outcome:?}"), format!("{outcome:?}"), "{name}");
    assert_eq!(joined_warnings, warnings, "{name}");
    assert_eq!(many.lines.len(), one.lines.len(), "{name}");
    for (joined, line) in many.lines.iter().zip(&one.lines) {
        assert_eq!(joined, line, "{name}");
    }
    (many.joined, one.lines.iter().filter(|(_, text)| text == "Sync").count().saturating_sub(1))
}

#[test]
fn generations_side_by_side_are_joined() -> io::Result<()> {
    let mut joined = 0;
    for path in traces()? {
        let bytes = fs::read(&path)?;
        if header::read(&mut Source::slice(&bytes)).expect("a header").is_v1() {
            continue;
        }
        compare(&bytes, 2, &path.display());
        joined += compare(&bytes, 7, &path.display()).0;
    }
    // Some are ordered again: those in which a stop-the-world lies across the border, and the last one before Go 1.26.
    assert!(joined > 30, "{joined}");
    Ok(())
}

#[test]
fn damage_is_met_as_in_one_pass() -> io::Result<()> {
    for (trace, step) in [("go1.27/borders.trace", 97), ("go1.23/borders.trace", 131), ("go1.26/generations.trace", 23)]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/traces").join(trace);
        let mut bytes = fs::read(&path)?;
        for place in (16..bytes.len()).step_by(step) {
            for flip in [0x01, 0x80, 0xff] {
                bytes[place] ^= flip;
                compare(&bytes, 7, &format_args!("{trace}, byte {place} ^ {flip:#x}"));
                bytes[place] ^= flip;
            }
            compare(&bytes[..place], 7, &format_args!("{trace}, cut at {place}"));
        }
    }
    Ok(())
}
