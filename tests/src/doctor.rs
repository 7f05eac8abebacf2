//! `gotrace doctor` and inputs for its tests.

use std::fs;
use std::path::{Path, PathBuf};

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{EventKind, Reader, ThreadId, Version, raw_v1};
use serde_json::Value;

use crate::command::{built, gotrace, run};

/// The JSON report of `gotrace doctor` on standard input, and its exit status.
pub fn examine(bytes: &[u8]) -> (Value, i32) {
    let mut doctor = gotrace("doctor");
    doctor.args(["--json", "-"]);
    let output = run(doctor, bytes);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (report, output.status.code().expect("the command was not killed by a signal"))
}

/// An empty directory for the files of one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = built().with_file_name("tmp").join("doctor").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Runs `gotrace doctor --repair` and returns its report and the files that it wrote.
pub fn repair(bytes: &[u8], folder: &Path) -> (Value, Vec<PathBuf>) {
    let (damaged, out) = (folder.join("damaged"), folder.join("out"));
    let there = fs::read(&out).ok();
    fs::write(&damaged, bytes).expect("the folder can be written");
    let mut doctor = gotrace("doctor");
    doctor.arg("--json").arg("--repair").arg(&out).arg(&damaged);
    let output = run(doctor, &[]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let files = report["repaired"].as_array().expect("a list").iter();
    let files: Vec<_> = files.map(|part| PathBuf::from(part["file"].as_str().expect("a path"))).collect();
    assert!(!files.is_empty() || fs::read(&out).ok() == there);
    for file in &files {
        let mut reader = Reader::from_path(file).expect("a trace");
        while reader.next_event().expect("a repaired trace is valid").is_some() {}
    }
    (report, files)
}

/// The number of generations that lenient reading delivers.
pub fn generations(bytes: &[u8]) -> usize {
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    let mut generations = 0;
    while let Some(event) = reader.next_event().expect("lenient reading never fails") {
        generations += usize::from(matches!(event.kind(), EventKind::Sync(sync) if sync.begins_generation()));
    }
    generations
}

/// The offsets of the bytes of the arguments of region and task events.
pub fn annotations(bytes: &[u8]) -> Vec<usize> {
    use EventType::{UserRegionBegin, UserRegionEnd, UserTaskBegin};
    let mut reader = RawReader::from_slice(bytes).expect("a header");
    let mut places = Vec::new();
    while let Some(batch) = reader.next_batch().expect("a valid trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a valid trace") {
            if matches!(event.event(), UserRegionBegin | UserRegionEnd | UserTaskBegin) {
                let delta = event.bytes()[1..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
                let args = event.offset() as usize + 1 + delta;
                places.extend(args..event.offset() as usize + event.bytes().len());
            }
        }
    }
    places
}

/// The same in a v1 trace.
pub fn v1_annotations(bytes: &[u8]) -> Vec<usize> {
    let mut reader = raw_v1::RawReader::from_slice(bytes).expect("a header");
    let mut places = Vec::new();
    while let Some(record) = reader.next_record().expect("a valid trace") {
        if matches!(record.event(), raw_v1::EventType::UserRegion | raw_v1::EventType::UserTaskCreate) {
            let at = record.offset() as usize;
            // The record starts with its type and the length of its values.
            let delta = bytes[at + 2..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
            places.extend(at + 2 + delta..at + record.size());
        }
    }
    places
}

/// A trace of two generations whose program ends regions out of order and starts a task twice, and
/// the indexes of the events that Go's reader rejects.
pub fn misused(version: Version) -> (Vec<u8>, [usize; 5]) {
    use EventType::{GoStatus, ProcStatus, UserRegionBegin, UserRegionEnd, UserTaskBegin, UserTaskEnd};
    let mut generation = Generation::new(1);
    let [a, b] = ["a", "b"].map(|name| generation.string(name).0);
    let statuses = |batch: Batch| batch.event(ProcStatus, &[1, 0, 1]).event(GoStatus, &[1, 1, 7, 2]);
    generation.batch(
        statuses(Batch::new(ThreadId(7), 100))
            .event(UserRegionBegin, &[1, 0, a, 0])
            .event(UserRegionBegin, &[100, 0, b, 0])
            .event(UserRegionEnd, &[100, 0, a, 0])
            .event(UserRegionEnd, &[100, 3, b, 0])
            .event(UserRegionEnd, &[100, 0, b, 0])
            .event(UserTaskBegin, &[1, 5, 0, a, 0])
            .event(UserTaskBegin, &[1, 5, 0, b, 0]),
    );
    let mut second = Generation::new(2);
    let [a, b] = ["a", "b"].map(|name| second.string(name).0);
    second.batch(statuses(Batch::new(ThreadId(7), 1000)).event(UserRegionEnd, &[1, 0, b, 0]));
    second.batch(
        Batch::new(ThreadId(7), 1100)
            .event(UserTaskBegin, &[1, 5, 0, a, 0])
            .event(UserTaskEnd, &[1, 5, 0])
            .event(UserTaskBegin, &[1, 5, 0, b, 0])
            .event(UserRegionEnd, &[1, 0, a, 0]),
    );
    (Trace::new(version).generation(&generation).generation(&second).into_bytes(), [5, 6, 9, 13, 14])
}
