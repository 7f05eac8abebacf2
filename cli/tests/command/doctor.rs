//! `gotrace doctor` with complete, damaged and other files. `tools/doctor.rs` checks with Go's tool
//! what it saves.

use std::fs;
use std::path::Path;
use std::process::Command;

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Clock, Generation, Trace};
use gotrace::{Reader, ThreadId, Version};
use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{RELEASES, sample, samples};
use gotrace_tests::doctor::{examine, folder, generations, misused, repair, v1_annotations};
use serde_json::{Value, json};

#[track_caller]
fn assert_says(bytes: &[u8], status: &str, code: i32, cause: &str) -> Value {
    let (report, found) = examine(bytes);
    assert_eq!((report["status"].as_str(), found), (Some(status), code), "{report:#}");
    assert!(report["cause"].as_str().unwrap_or_default().contains(cause), "expected {cause:?}: {report:#}");
    assert_eq!(report["size_bytes"], bytes.len(), "{report:#}");
    report
}

#[test]
fn complete_traces_are_reported_as_whole() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let bytes = sample.bytes();
        let report = assert_says(&bytes, "whole", 0, "");
        assert_eq!(report["cause"], Value::Null);
        let generations = report["generations"].as_array().expect("a list");
        assert!(generations.iter().all(|generation| generation["ok"] == true), "{report:#}");
        let sum =
            generations.iter().map(|generation| generation["size_bytes"].as_u64().expect("a number")).sum::<u64>();
        assert_eq!(sum + 16, bytes.len() as u64, "{}", sample.name);
        let golden = String::from_utf8_lossy(&sample.golden("parsed")).into_owned();
        let events = golden.lines().filter(|line| line.starts_with("M=") && !line.contains(" Sync ")).count();
        let reported =
            generations.iter().map(|generation| generation["events"].as_u64().expect("a number")).sum::<u64>();
        assert_eq!(reported, events as u64, "{}", sample.name);
    }
    assert_says(&sample("go1.21/labels").bytes(), "whole", 0, "");
}

#[test]
fn the_report_has_all_its_fields() {
    let report = assert_says(&sample("go1.26/generations").bytes(), "whole", 0, "");
    assert_eq!(report["version"], "go 1.26");
    let first = &report["generations"][0];
    let wire = String::from_utf8_lossy(&sample("go1.26/generations").golden("wire")).into_owned();
    let batches = wire.lines().filter(|line| line.starts_with("EventBatch gen=1 ")).count();
    assert_eq!(first["batches"], batches);
    assert_eq!((&first["generation"], &first["offset_bytes"]), (&json!(1), &json!(16)));
    assert!(first["start_ns"].as_i64() < first["end_ns"].as_i64());
    let keys = ["generation", "offset_bytes", "size_bytes", "batches", "events", "start_ns", "end_ns", "ok", "error"];
    assert!(keys.iter().all(|key| first.get(key).is_some()), "{first:#}");
    let keys = ["status", "version", "generations", "lost", "warnings", "cause"];
    assert!(keys.iter().all(|key| report.get(key).is_some()), "{report:#}");
    for key in ["lost", "read"] {
        for part in ["bytes", "batches", "generations", "events"] {
            assert!(report[key][part].is_u64(), "{key} {part}");
        }
    }
}

#[test]
fn other_files_are_reported_by_their_kind() {
    assert_says(b"", "unreadable", 2, "it is an empty file");
    assert_says(b"go 1.26", "unreadable", 2, "ended before it had written anything");
    assert_says(b"go 1.99 trace\0\0\0", "unreadable", 2, "go 1.99");
    assert_says(b"go 1.8 trace\0\0\0\0", "unreadable", 2, "Go 1.11 and later");
    assert_says(b"<!DOCTYPE html><html><body>502 Bad Gateway", "unreadable", 2, "HTML page");
    assert_says(b"404 page not found\n", "unreadable", 2, "it is an error response (404 page not found)");
    assert_says(b"HTTP/1.1 200 OK\r\n\r\n", "unreadable", 2, "it is an HTTP response with its header");
    let (report, code) = examine(b"\x1f\x8b\x08\0\0\0\0\0");
    assert_eq!((report["status"].as_str(), code), (Some("unreadable"), 2), "a truncated gzip file: {report:#}");
    assert_says(&[0; 5000], "unreadable", 2, "all zeros");
    // The whole file is read.
    let report = assert_says(&b"words ".repeat(100_000), "unreadable", 2, "it is text");
    assert_eq!(report["size_bytes"], 600_000);
    let half = [vec![0; 300_000], vec![0x80; 300_000]].concat();
    assert_says(&half, "unreadable", 2, "it is not a Go execution trace");
    // The boundary of the examined 512 bytes is inside a character.
    assert_says(&[&b"a".repeat(511), "é and more".as_bytes()].concat(), "unreadable", 2, "it is text");
    let trace = sample("go1.26/channels").bytes();
    for (before, at) in [(&b"\xef\xbb\xbf"[..], 3), (b"\n", 1), (b"HTTP/1.1 200 OK\r\n\r\n", 19)] {
        let cause = format!("a trace begins at byte {at}:");
        assert_says(&[before, &trace].concat(), "unreadable", 2, &cause);
    }
    // Other commands print the same error.
    for file in [&b"404 page not found\n"[..], b"", b"words", b"heap profile: 4: 17072", b"\x7fELF\x02"] {
        let [doctor, summary] = ["doctor", "summary"].map(|name| {
            let mut program = gotrace(name);
            program.arg("-");
            stderr(&run(program, file)).replace(name, "COMMAND")
        });
        assert_eq!(doctor.lines().count(), 1, "{doctor}");
        assert!(doctor.starts_with("gotrace COMMAND: standard input: this is "), "{doctor}");
        assert_eq!(doctor, summary);
    }
}

/// With --json a missing file is reported like an unreadable one. As text, the error is enough.
#[test]
fn a_missing_file_is_reported() {
    let folder = folder("missing");
    for (file, why) in [(folder.join("none"), "cannot read: "), (folder.clone(), "it is a folder")] {
        let mut doctor = gotrace("doctor");
        doctor.arg("--json").arg(&file);
        let output = run(doctor, &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&report["status"], &report["cause"]), (&json!("unreadable"), &json!("the file cannot be read")));
        assert!(report["warnings"][0].as_str().is_some_and(|text| text.starts_with(why)), "{report:#}");
        let mut doctor = gotrace("doctor");
        doctor.arg(&file);
        let output = run(doctor, &[]);
        assert!(output.stdout.is_empty());
        assert!(stderr(&output).contains(&format!(": {why}")), "{output:?}");
    }
}

#[test]
fn the_cause_of_the_damage_is_reported() {
    let bytes = sample("go1.26/borders").bytes();
    assert_says(&bytes[..16], "damaged", 1, "before it wrote any events");
    assert_says(&bytes[..20_001], "damaged", 1, "without trace.Stop");
    assert_says(&bytes[..12_001], "damaged", 1, "; 89 events before the cut cannot be put in order, ");
    assert_says(&bytes[..20_480], "damaged", 1, "whole number of blocks");
    assert_says(&[&bytes[..20_480], &[0; 8192]].concat(), "damaged", 1, "all zeros");
    assert_says(&[&bytes[..], b"\nok\n"].concat(), "damaged", 1, "other data follows the trace");
    let batch = |time| Batch::new(ThreadId(7), time).event(EventType::ProcStatus, &[0, time, 2]);
    let back = Trace::new(Version::Go126).generation(Generation::new(1).batch(batch(200)).batch(batch(100)));
    assert_says(&back.into_bytes(), "damaged", 1, "the machine's clock went back");
    let mut clock = Clock { frequency: 0, time: 1, mono: 0, seconds: 0, nanos: 0 };
    let stopped = |clock| Trace::new(Version::Go126).generation(Generation::new(1).clock(Some(clock))).into_bytes();
    assert_says(&stopped(clock), "damaged", 1, "the clock cannot be trusted");
    clock.frequency = 1_000_000_000;
    assert_says(&stopped(clock), "whole", 0, "");
    let mut as_text = Vec::new();
    for &byte in &bytes {
        if byte == b'\n' {
            as_text.push(b'\r');
        }
        as_text.push(byte);
    }
    assert_says(&as_text, "damaged", 1, "copied as text");
    let old = sample("go1.21/labels").bytes();
    assert_says(&old[..old.len() / 2], "damaged", 1, "without trace.Stop");
}

/// The cause of damage in the first trace is not derived from the end of the file.
#[test]
fn two_traces_in_one_file_are_reported() {
    let bytes = sample("go1.26/borders").bytes();
    let cause = |file: &[&[u8]]| assert_says(&file.concat(), "damaged", 1, "")["cause"].as_str().map(str::to_owned);
    let two = |at: usize| format!("two traces were written into one file, the second at byte {at}");
    let whole = two(bytes.len()) + "; each part is a trace";
    assert_eq!(cause(&[&bytes, &bytes]), Some(whole));
    for (at, end) in [(20_001, &[][..]), (20_480, &[]), (12_001, &[]), (20_001, &[0; 8192])] {
        assert_eq!(cause(&[&bytes[..at], &bytes, end]), Some(two(at) + "; the first is cut, or damaged at its end"));
    }
    // The end of the last generation is missing.
    let at = bytes.len() - 1;
    for end in [vec![0; 8192], vec![1; 4096 - (2 * at + 1) % 4096]] {
        let cause = cause(&[&bytes[..at], &bytes, &end]).expect("a cause");
        let cut = two(at) + "; the first: the file is cut: the program ended without trace.Stop";
        assert!(cause.starts_with(&cut), "{cause}");
    }
    // A byte in the middle of the first trace is changed.
    let mut changed = bytes.clone();
    changed[11_995] ^= 0xff;
    let cause = cause(&[&changed, &bytes]).expect("a cause");
    assert!(cause.starts_with(&(two(at + 1) + "; the first: ")), "{cause}");
}

#[test]
fn only_the_damaged_generation_is_reported_as_damaged() {
    let mut bytes = sample("go1.26/borders").bytes();
    let whole = assert_says(&bytes, "whole", 0, "");
    let second = &whole["generations"][1];
    let (offset, len) =
        (second["offset_bytes"].as_u64().expect("a number"), second["size_bytes"].as_u64().expect("a number"));
    let middle = (offset + len / 2) as usize;
    bytes[middle..middle + 16].fill(0xff);
    let report = assert_says(&bytes, "damaged", 1, "");
    for (i, generation) in report["generations"].as_array().expect("a list").iter().enumerate() {
        assert_eq!(generation["ok"], i != 1, "{report:#}");
        assert_eq!(generation["error"].is_string(), i == 1, "{report:#}");
        assert_eq!(generation["offset_bytes"], whole["generations"][i]["offset_bytes"]);
    }
}

/// A thousand faults are kept. Generations after the last of them may have more.
#[test]
fn generations_after_a_thousand_faults_are_not_reported_as_undamaged() {
    let bytes = sample("go1.26/generations").bytes();
    let copies = bytes[67..297].repeat(1100);
    let report = assert_says(&[&bytes[..297], &copies, &bytes[297..]].concat(), "damaged", 1, "are repeated");
    assert_eq!((&report["warning_count"], report["warnings"].as_array().map(Vec::len)), (&json!(1100), Some(1000)));
    let rows = report["generations"].as_array().expect("a list");
    let reported: Vec<_> = rows.iter().map(|row| (row["ok"].as_bool(), row["error"].as_str())).collect();
    let doubt = (Some(false), Some("may be damaged: too many faults before it"));
    assert!(
        reported[0].0 == Some(false)
            && reported[0].1.is_some_and(|error| error.contains("a copy of the previous batch")),
        "{reported:?}"
    );
    assert_eq!(reported[1..], [doubt; 2]);
}

/// The generation contradicts the one before and has a fault of its own.
#[test]
fn a_fault_is_reported_rather_than_a_contradiction() {
    let mut bytes = sample("go1.26/generations").bytes();
    bytes[4694] = 0x13;
    let report = assert_says(&bytes, "damaged", 1, "");
    let row = &report["generations"][1];
    assert_eq!(row["ok"], false);
    let error = row["error"].as_str().expect("an error");
    assert!(error.starts_with("the trace is broken: none of 3 threads can proceed: "), "{report:#}");
}

/// The report has the offset, size, batches, events and threads of a generation that cannot be
/// read, for a file and for a pipe.
#[test]
fn the_contents_of_a_skipped_generation_are_counted() {
    let bytes = sample("go1.22/generations").bytes();
    let whole = assert_says(&bytes, "whole", 0, "");
    let counts =
        |row: &Value| ["offset_bytes", "size_bytes", "batches", "events", "threads"].map(|key| row[key].as_u64());
    let damaged = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x55;
        let report = assert_says(&bytes, "damaged", 1, "");
        let file = folder("skipped").join("trace");
        fs::write(&file, &bytes).expect("the folder can be written");
        let mut doctor = gotrace("doctor");
        doctor.arg("--json").arg(&file);
        assert_eq!(serde_json::from_slice::<Value>(&run(doctor, &[]).stdout).expect("JSON"), report);
        report
    };
    // An impossible event in the second generation, and one in the third.
    for (at, i) in [(3993, 1), (3640, 2)] {
        let report = damaged(at);
        let row = &report["generations"][i];
        assert_eq!(
            (&row["ok"], &row["start_ns"], &row["read"]),
            (&json!(false), &Value::Null, &json!(0)),
            "{report:#}"
        );
        assert_eq!(counts(row), counts(&whole["generations"][i]), "{report:#}");
    }
    // The batch with the clock cannot be read. The generation starts after it and uses the clock of
    // the one before.
    let report = damaged(3484);
    assert_eq!(counts(&report["generations"][1]), [3516, 2188, 6, 177, 4].map(Some), "{report:#}");
    assert_eq!(report["generations"][1]["read"], 177, "{report:#}");
    // A batch with a wrong size that ends inside another batch does not damage that batch.
    let report = damaged(3526);
    assert_eq!(counts(&report["generations"][1]), [3484, 2220, 7, 27, 1].map(Some), "{report:#}");
    for row in whole["generations"].as_array().expect("a list") {
        assert_eq!(row["events"], row["read"]);
    }
}

/// Asserts that `doctor --repair` fails with one line that contains `why`, and still prints the
/// report.
#[track_caller]
fn assert_refused(out: &Path, file: &Path, why: &str) {
    for json in [true, false] {
        let mut doctor = gotrace("doctor");
        doctor.args(json.then_some("--json")).arg("--repair").arg(out).arg(file);
        let output = run(doctor, &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let stderr = stderr(&output);
        assert!(stderr.lines().count() == 1 && stderr.contains(why), "{stderr}");
        match json {
            true => {
                let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                assert_eq!((&report["status"], &report["repaired"]), (&json!("damaged"), &json!([])));
            }
            false => assert!(output.stdout.starts_with(b"damaged: "), "{output:?}"),
        }
    }
}

/// By the same name, another path or a link.
#[test]
fn a_trace_is_not_repaired_into_its_own_file() {
    let folder = folder("itself");
    let bytes = &sample("go1.26/generations").bytes()[..3000];
    let file = folder.join("trace");
    fs::write(&file, bytes).expect("the folder can be written");
    let hard_link = folder.join("hard link");
    fs::hard_link(&file, &hard_link).expect("the folder can be written");
    let mut names = vec![file.clone(), folder.join(".").join("trace"), hard_link];
    if cfg!(unix) {
        let link = folder.join("link");
        assert!(Command::new("ln").arg("-s").arg("trace").arg(&link).status().expect("ln starts").success());
        names.push(link);
    }
    for out in names {
        assert_refused(&out, &file, "is the trace itself");
        assert!(fs::read(&file).expect("the file exists") == bytes, "{out:?}");
    }
    // No other files were created.
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 2 + usize::from(cfg!(unix)));
}

#[test]
fn an_existing_file_is_replaced_only_by_a_complete_trace() {
    let folder = folder("replaced");
    let out = folder.join("out");
    let others = || ["out.2", "out.3"].map(|name| fs::read(folder.join(name)).expect("the file exists"));
    fs::write(&out, b"mine").expect("the folder can be written");
    fs::write(folder.join("out.2"), b"mine, too").expect("the folder can be written");
    fs::write(folder.join("out.3"), b"and this").expect("the folder can be written");
    let bytes = sample("go1.26/generations").bytes();
    let file = folder.join("trace");
    // No generation can be saved.
    fs::write(&file, &bytes[..200]).expect("the folder can be written");
    let mut doctor = gotrace("doctor");
    doctor.arg("--repair").arg(&out).arg(&file);
    let output = run(doctor, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("nothing can be saved"), "{text}");
    assert_eq!(fs::read(&out).expect("the file exists"), b"mine");
    let (report, _) = repair(&bytes, &folder);
    assert_eq!(report["repaired"][0]["replaces"], true);
    assert!(fs::read(&out).expect("written") == bytes);
    assert_eq!(others(), [&b"mine, too"[..], b"and this"]);
    // No temporary file is left.
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 5);
}

/// A trace of `parts` generations, each of which contradicts the one before.
fn contradicting(parts: u64) -> Vec<u8> {
    let trace = Trace::new(Version::Go126);
    (1..=parts).fold(trace, |trace, part| trace.generation(&with_status(2 * part, 1 + part % 2))).into_bytes()
}

/// A generation with the status of P 0 and nothing else.
fn with_status(number: u64, status: u64) -> Generation {
    let time = 100 * number;
    let mut generation = Generation::new(number);
    generation.batch(Batch::new(ThreadId(7), time).event(EventType::ProcStatus, &[1, 0, status]));
    generation.clock(Some(Clock { frequency: 15_625_000, time, mono: 0, seconds: 0, nanos: 0 }));
    generation
}

/// There are more faults than are kept, and more gaps than the repair merges parts across.
#[test]
fn undamaged_generations_after_a_thousand_faults_are_saved() {
    let mut first = with_status(1, 2);
    for _ in 0..1100 {
        first.batch(Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[1, 0, 2]));
    }
    let mut trace = Trace::new(Version::Go126).generation(&first);
    for part in 1..=70 {
        trace = trace.generation(&with_status(1 + 2 * part, 1 + part % 2));
    }
    let mut last = with_status(144, 2);
    last.batch(Batch::new(ThreadId(8), 14_410).event(EventType::GoStart, &[1, 99, 1]));
    let bytes = trace.generation(&with_status(143, 2)).generation(&last).into_bytes();
    let (report, _) = repair(&bytes, &folder("doubt"));
    let rows = report["generations"].as_array().expect("a list");
    assert_eq!(rows.iter().filter(|row| row["ok"] == true).count(), 0, "{report:#}");
    let saved = report["repaired"].as_array().expect("a list").iter();
    let mut saved: Vec<_> = saved.flat_map(|part| part["generations"].as_array().expect("a list")).collect();
    saved.sort_by_key(|number| number.as_u64());
    assert_eq!(saved, (1..=71).map(|part| 1 + 2 * part).collect::<Vec<u64>>());
}

/// Some generations after a thousand faults are damaged. The parts between them are saved, the
/// longest first.
#[test]
fn undamaged_generations_between_damaged_ones_after_a_thousand_faults_are_saved() {
    let mut first = with_status(1, 2);
    for _ in 0..1100 {
        first.batch(Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[1, 0, 2]));
    }
    // A few damaged generations are found one by one. If there are many, the repair bisects, which
    // also splits some undamaged sequences.
    let few = |number: u64| [3, 40].contains(&number);
    let many = |number: u64| number.is_multiple_of(3);
    let unknown = Batch::new(ThreadId(8), 310).bytes(&[0xfa, 1, 2]);
    let stuck = Batch::new(ThreadId(8), 310).event(EventType::GoStart, &[1, 99, 1]);
    for (is_broken, by, first_part, parts) in
        [(&few as &dyn Fn(u64) -> bool, &unknown, 260, 3), (&many, &unknown, 2, 124), (&many, &stuck, 2, 136)]
    {
        let mut trace = Trace::new(Version::Go126).generation(&first);
        for number in 2..=300 {
            let mut generation = with_status(number, 2);
            if is_broken(number) {
                generation.batch(by.clone());
            }
            trace = trace.generation(&generation);
        }
        let (report, _) = repair(&trace.into_bytes(), &folder("doubts"));
        let rows = report["repaired"].as_array().expect("a list");
        let numbers = |row: &Value| row["generations"].as_array().expect("a list").iter().map(|n| n.as_u64()).collect();
        let saved: Vec<Vec<_>> = rows.iter().map(numbers).collect();
        assert_eq!((saved[0].len(), saved.len()), (first_part, parts), "{by:?}");
        let mut saved: Vec<_> = saved.concat().into_iter().flatten().collect();
        saved.sort_unstable();
        assert_eq!(saved, (2..=300).filter(|number| !is_broken(*number)).collect::<Vec<_>>(), "{by:?}");
    }
}

/// Standard input is copied to a temporary file only for a repair.
#[test]
#[cfg(unix)]
fn a_full_temporary_directory_is_an_error_only_for_a_repair() {
    let folder = folder("no room");
    let mut trace = Trace::new(Version::Go126);
    for number in 1..=70 {
        let mut generation = with_status(number, 2);
        for i in 0..1024 {
            generation.string(format!("{i:01024}"));
        }
        trace = trace.generation(&generation);
    }
    let bytes = trace.into_bytes();
    assert!(bytes.len() > 64 << 20);
    for repair in [false, true] {
        let out = folder.join("out");
        let mut doctor = gotrace("doctor");
        doctor.env("TMPDIR", folder.join("none")).args(["--json", "-"]);
        if repair {
            doctor.arg("--repair").arg(&out);
        }
        let output = run(doctor, &bytes);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&report["status"], &report["size_bytes"]), (&json!("whole"), &json!(bytes.len())), "{report:#}");
        assert_eq!(output.status.code(), Some(if repair { 2 } else { 0 }));
        let stderr = stderr(&output);
        assert_eq!(stderr.contains("standard input: cannot read: no room for a copy: "), repair, "{stderr}");
        assert!(!out.exists());
    }
}

/// Traces before Go 1.22 have no generations, and a header with_status has no events.
#[test]
fn traces_without_generations_are_not_saved() {
    let folder = folder("old");
    let (old, new) = (sample("go1.21/labels").bytes(), sample("go1.26/labels").bytes());
    let file = folder.join("trace");
    for (bytes, why) in [
        (&old[..old.len() / 8], "the part before the damage is not valid"),
        (&old[..16], "no valid data follows its header"),
        (&[&new[..16], b"this is no trace"].concat(), "no valid data follows its header"),
        (&new[..16], "no valid data follows its header"),
    ] {
        fs::write(&file, bytes).expect("the folder can be written");
        let mut doctor = gotrace("doctor");
        doctor.arg("--repair").arg(folder.join("out")).arg(&file);
        let text = String::from_utf8(run(doctor, &[]).stdout).expect("text");
        assert!(text.ends_with(&format!("nothing can be saved: {why}\n")), "{text}");
    }
}

/// Where nothing can be saved, no repair is suggested.
#[test]
fn a_repair_that_saves_nothing_is_not_suggested() {
    let folder = folder("hopeless");
    let file = folder.join("trace");
    let (http, many) = (sample("go1.27/http").bytes(), sample("go1.26/generations").bytes());
    for (bytes, hopeless) in [(&http[..10295], true), (&http[..16], true), (&many[..many.len() - 100], false)] {
        fs::write(&file, bytes).expect("the folder can be written");
        let mut doctor = gotrace("doctor");
        doctor.arg(&file);
        let text = String::from_utf8(run(doctor, &[]).stdout).expect("text");
        assert_eq!(text.contains("nothing can be saved: "), hopeless, "{text}");
        assert_eq!(text.contains("next: gotrace doctor "), !hopeless, "{text}");
        assert!(!text.contains("lost      0 bytes, 0 generations"), "{text}");
    }
    fs::write(&file, &http[..10]).expect("the folder can be written");
    let mut doctor = gotrace("doctor");
    doctor.arg(&file);
    let stderr = stderr(&run(doctor, &[]));
    let message = "the file ends inside the trace header: 10 of 16 bytes at byte 0; the program ended before";
    assert!(stderr.contains(message) && !stderr.contains("text"), "{stderr}");
}

/// There are more parts than the process may have open files.
#[test]
#[cfg(unix)]
fn more_parts_than_open_files_are_saved() {
    let folder = folder("parts");
    let file = folder.join("trace");
    fs::write(&file, contradicting(200)).expect("the folder can be written");
    let doctor = gotrace("doctor");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" doctor \"$@\""]).arg(doctor.get_program());
    let output = run_with(shell, &["--json", "--repair"], &[&folder.join("out"), &file]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["repaired"].as_array().map(Vec::len), Some(200), "{output:?}");
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 201);
}

#[cfg(unix)]
fn run_with(mut command: Command, options: &[&str], files: &[&Path]) -> std::process::Output {
    command.args(options).args(files);
    run(command, &[])
}

/// The name of the second part is a link to the file of the first.
#[test]
#[cfg(unix)]
fn two_parts_are_not_written_into_the_same_file() {
    let folder = folder("link");
    let (file, out) = (folder.join("trace"), folder.join("out"));
    fs::write(&file, contradicting(2)).expect("the folder can be written");
    fs::write(&out, b"mine").expect("the folder can be written");
    std::os::unix::fs::symlink("out", folder.join("out.2")).expect("the folder can be written");
    assert_refused(&out, &file, "out are the same file");
    assert_eq!(fs::read(&out).expect("the file exists"), b"mine");
}

#[test]
fn text_between_batches_is_removed() {
    for name in ["go1.22/channels", "go1.25/generations", "go1.27/channels"] {
        let whole = sample(name).bytes();
        let mut reader = gotrace::raw::RawReader::from_slice(&whole).expect("a header");
        let first = reader.next_batch().expect("a batch").expect("a batch");
        let end = first.offset as usize + first.bytes().len();
        let bytes = [&whole[..end], b"server: request done in 12ms\n", &whole[end..]].concat();
        let report = assert_says(&bytes, "damaged", 1, "the program printed to the file that it traces to");
        assert_eq!(report["lost"]["events"], 0, "{report:#}");
        let (_, files) = repair(&bytes, &folder("text"));
        assert_eq!(files.len(), 1, "{name}");
        assert!(fs::read(&files[0]).expect("the trace") == whole, "{name}");
    }
}

/// A pipe can be read only once.
#[test]
#[cfg(unix)]
fn a_trace_from_a_named_pipe_is_repaired() {
    let folder = folder("pipe");
    let bytes = sample("go1.26/generations").bytes();
    let (file, pipe, out) = (folder.join("trace"), folder.join("pipe"), folder.join("out"));
    fs::write(&file, &bytes).expect("the folder can be written");
    fs::write(&out, b"mine").expect("the folder can be written");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let mut shell = Command::new("sh");
    shell.args(["-c", "cat \"$1\" > \"$2\" & exec timeout 60 \"$0\" doctor --repair \"$3\" \"$2\""]);
    shell.arg(gotrace("doctor").get_program());
    let output = run_with(shell, &[], &[&file, &pipe, &out]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(fs::read(&out).expect("written") == bytes);
}

/// The report is valid JSON although the name of the output file is not UTF-8.
#[test]
#[cfg(target_os = "linux")]
fn an_output_file_may_have_a_name_that_is_not_utf8() {
    let folder = folder("any name");
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"o\xff");
    let file = folder.join("trace");
    fs::write(&file, sample("go1.26/channels").bytes()).expect("the folder can be written");
    let output = run_with(gotrace("doctor"), &["--json", "--repair"], &[&folder.join(name), &file]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["repaired"][0]["file"].as_str().is_some_and(|name| name.ends_with("o\u{fffd}")), "{report:#}");
}

/// The exit status does not depend on whether the report can be written.
#[test]
fn the_exit_status_is_the_same_with_a_closed_output() {
    let folder = folder("no reader");
    let file = folder.join("trace");
    let bytes = sample("go1.26/generations").bytes();
    for (len, status) in [(bytes.len(), 0), (3000, 1)] {
        fs::write(&file, &bytes[..len]).expect("the folder can be written");
        let mut doctor = gotrace("doctor");
        doctor.arg(&file).stdout(std::process::Stdio::piped());
        let mut child = doctor.spawn().expect("the program starts");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("the program exits").code(), Some(status));
    }
    // A refused repair fails.
    let mut doctor = gotrace("doctor");
    doctor.arg("--repair").arg(&file).arg(&file).stdout(std::process::Stdio::piped());
    let mut child = doctor.stderr(std::process::Stdio::null()).spawn().expect("the program starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("the program exits").code(), Some(2));
}

#[test]
fn folders_pipes_and_standard_output_are_refused_as_output() {
    let folder = folder("no file");
    let file = folder.join("trace");
    let bytes = sample("go1.26/generations").bytes();
    fs::write(&file, &bytes[..bytes.len() - 1]).expect("the folder can be written");
    let inner = folder.join("inner");
    fs::create_dir(&inner).expect("the folder can be written");
    assert_refused(&inner, &file, "is not a regular file");
    if cfg!(unix) {
        let pipe = folder.join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
        assert_refused(&pipe, &file, "is not a regular file");
        assert!(pipe.exists());
    }
    assert_refused(&folder.join("none/out"), &file, "none/out: cannot write: No such file or directory (os error 2)\n");
    assert_refused(Path::new("-"), &file, "is not written to standard output");
    assert!(inner.exists());
}

#[test]
fn a_complete_trace_is_copied_unchanged() {
    let folder = folder("whole");
    for name in ["go1.22/timers", "go1.27/generations"] {
        let bytes = sample(name).bytes();
        let (_, files) = repair(&bytes, &folder);
        assert_eq!(files.len(), 1);
        assert!(fs::read(&files[0]).expect("written") == bytes, "{name}");
    }
}

#[test]
fn data_after_a_trace_is_removed() {
    let folder = folder("trailing");
    for name in ["go1.22/timers", "go1.25/timers", "go1.26/timers"] {
        let bytes = sample(name).bytes();
        for tail in [b"ok\n", &bytes[..]] {
            let (_, files) = repair(&[&bytes[..], tail].concat(), &folder);
            assert_eq!(files.len(), 1);
            assert!(fs::read(&files[0]).expect("written") == bytes, "{name}");
        }
    }
}

#[test]
fn a_missing_end_of_generation_is_added() {
    let folder = folder("end");
    let bytes = sample("go1.26/generations").bytes();
    let (_, files) = repair(&bytes[..bytes.len() - 1], &folder);
    assert!(fs::read(&files[0]).expect("written") == bytes);
}

/// A batch of the third generation is missing, which shows only when the statuses of the fourth
/// contradict it.
#[test]
fn a_generation_that_contradicts_the_one_before_is_saved_separately() {
    let mut bytes = sample("go1.22/borders").bytes();
    bytes.drain(9108..9151);
    let (report, saved) = repair(&bytes, &folder("contradiction"));
    let fourth = &report["generations"][3];
    assert_eq!((fourth["ok"].as_bool(), fourth["events"].as_u64()), (Some(true), Some(225)));
    assert!(
        fourth["error"]
            .as_str()
            .is_some_and(|error| error.contains("proc 2 has status Running, but its last state was Idle"))
    );
    let generations: Vec<_> = saved.iter().map(|file| generations(&fs::read(file).expect("written"))).collect();
    assert_eq!(generations, [3, 3]);
}

/// The generations before and after a missing one are saved, in one file or in two.
#[test]
fn generations_around_a_missing_one_are_saved() {
    let folder = folder("lost");
    for name in ["go1.22/borders", "go1.23/borders", "go1.25/borders", "go1.26/borders"] {
        let bytes = sample(name).bytes();
        let (whole, _) = examine(&bytes);
        let rows = whole["generations"].as_array().expect("a list");
        let third = &rows[2];
        let [from, len] = ["offset_bytes", "size_bytes"].map(|key| third[key].as_u64().expect("a number") as usize);
        let mut lost = bytes.clone();
        lost.drain(from..from + len);
        let (report, files) = repair(&lost, &folder);
        let saved: usize = files.iter().map(|file| generations(&fs::read(file).expect("written"))).sum();
        assert_eq!(saved, rows.len() - 1, "{name}: {report:#}");
    }
}

/// The events of a trace as text.
fn texts(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_slice(bytes).expect("a header");
    let mut texts = Vec::new();
    while let Some(event) = reader.next_event().expect("a valid trace") {
        texts.push(event.to_string());
    }
    texts
}

/// Go's tools refuse traces with these events, so a repair removes them. All other events keep
/// their times.
#[test]
fn misused_regions_and_tasks_are_removed() {
    let folder = folder("misused");
    for version in [Version::Go122, Version::Go123, Version::Go125, Version::Go126] {
        let (bytes, refused) = misused(version);
        let (report, files) = repair(&bytes, &folder);
        assert_eq!(report["status"], "whole");
        let left_out = &report["repaired"][0]["left_out"];
        assert_eq!(*left_out, json!({"region_ends": 3, "task_begins": 2}), "{report:#}");
        // The time of a Sync depends on the events before it.
        let is_sync = |text: &String| text.contains(" Sync ");
        let kept = texts(&bytes).into_iter().enumerate().filter(|(i, _)| !refused.contains(i)).map(|(_, text)| text);
        let repaired = fs::read(&files[0]).expect("written");
        let left = texts(&repaired).into_iter().filter(|text| !is_sync(text));
        assert!(left.eq(kept.filter(|text| !is_sync(text))), "{version}: {:#?}", texts(&repaired));
        let again = assert_says(&repaired, "whole", 0, "");
        let warnings = again["warnings"].as_array().expect("a list");
        assert!(warnings.iter().all(|text| text.as_str().is_some_and(|text| text.contains("marks its end"))));
    }
    let mut bytes = sample("go1.22/generations").bytes();
    bytes[2239] = b'~';
    let (report, files) = repair(&bytes, &folder);
    assert_eq!(report["repaired"][0]["left_out"]["region_ends"], 1, "{report:#}");
    let mut doctor = gotrace("doctor");
    doctor.arg("--repair").arg(&files[0]).arg(folder.join("damaged"));
    let text = String::from_utf8(run(doctor, &[]).stdout).expect("text");
    assert!(text.contains("since Go's tools refuse them: region ends out of order: 1\n"), "{text}");
}

#[test]
fn misused_regions_and_tasks_of_v1_traces_are_removed() {
    let folder = folder("misused, v1");
    let mut left_out = [0; 2];
    for name in ["go1.19/annotations", "go1.21/annotations"] {
        let whole = sample(name).bytes();
        for at in v1_annotations(&whole).into_iter().step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            let (report, files) = repair(&bytes, &folder);
            let ([part], [file]) = (&report["repaired"].as_array().expect("a list")[..], &files[..]) else { continue };
            let counts = ["region_ends", "task_begins"].map(|key| part["left_out"][key].as_u64().expect("a number"));
            // The text of a task end has the name and parent from its start, which may be another
            // event now.
            let texts = |bytes: &[u8]| -> Vec<_> {
                let texts = texts(bytes).into_iter();
                texts.map(|text| text.split(" Parent=").next().unwrap_or_default().to_owned()).collect()
            };
            let before = texts(&bytes);
            let mut after = texts(&fs::read(file).expect("written")).into_iter().peekable();
            let gone: Vec<_> = before.iter().filter(|text| after.next_if_eq(*text).is_none()).collect();
            assert_eq!(after.next(), None, "{name} changed at {at}");
            let kinds = ["RegionEnd", "TaskBegin"];
            let missing = kinds.map(|kind| gone.iter().filter(|text| text.contains(kind)).count() as u64);
            assert_eq!((missing, gone.len() as u64), (counts, counts.iter().sum()), "{name} changed at {at}");
            left_out = [left_out[0] + counts[0], left_out[1] + counts[1]];
        }
    }
    assert!(left_out.iter().all(|count| *count > 0), "{left_out:?}");
}
