//! `gotrace doctor` on bytes, and what its tests share.

use std::fs;
use std::path::{Path, PathBuf};

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{EventKind, Reader, ThreadId, Version, raw_v1};
use serde_json::Value;

use crate::command::{built, gotrace, run};

/// What doctor says of some bytes as JSON, and its exit status.
pub fn examine(bytes: &[u8]) -> (Value, i32) {
    let mut doctor = gotrace("doctor");
    doctor.args(["--json", "-"]);
    let output = run(doctor, bytes);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (report, output.status.code().expect("no signal"))
}

/// A place of its own for the files of a test.
pub fn folder(name: &str) -> PathBuf {
    let folder = built().with_file_name("tmp").join("doctor").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Saves what can be saved; gives the files.
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
        while reader.next_event().expect("what is saved is whole").is_some() {}
    }
    (report, files)
}

/// How many generations a trace gives.
pub fn generations(bytes: &[u8]) -> usize {
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    let mut generations = 0;
    while let Some(event) = reader.next_event().expect("lenient reading goes on") {
        generations += usize::from(matches!(event.kind(), EventKind::Sync(sync) if sync.begins_generation()));
    }
    generations
}

/// Where the arguments of regions and tasks stand, behind their times.
pub fn annotations(bytes: &[u8]) -> Vec<usize> {
    use EventType::{UserRegionBegin, UserRegionEnd, UserTaskBegin};
    let mut reader = RawReader::from_slice(bytes).expect("a header");
    let mut places = Vec::new();
    while let Some(batch) = reader.next_batch().expect("a sound trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a sound trace") {
            if matches!(event.event(), UserRegionBegin | UserRegionEnd | UserTaskBegin) {
                let delta = event.bytes()[1..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
                let args = event.offset() as usize + 1 + delta;
                places.extend(args..event.offset() as usize + event.bytes().len());
            }
        }
    }
    places
}

/// The same in a trace of Go 1.21 or older.
pub fn old_annotations(bytes: &[u8]) -> Vec<usize> {
    let mut reader = raw_v1::RawReader::from_slice(bytes).expect("a header");
    let mut places = Vec::new();
    while let Some(record) = reader.next_record().expect("a sound trace") {
        if matches!(record.event(), raw_v1::EventType::UserRegion | raw_v1::EventType::UserTaskCreate) {
            let at = record.offset() as usize;
            // The type, and the length of the values.
            let delta = bytes[at + 2..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
            places.extend(at + 2 + delta..at + record.size());
        }
    }
    places
}

/// A trace whose program ends regions out of order and begins a task twice, in two generations, and which of its events
/// Go's reader refuses.
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
