//! All subcommands with valid, damaged and hostile files.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{ThreadId, Version};
use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{sample, testdata};
use serde_json::{Value, json};

use crate::help::subcommands;

/// Runs a subcommand with bytes on standard input.
fn run_with_stdin(name: &str, args: &[&str], bytes: &[u8]) -> Output {
    run(command_for(name, args, "-".as_ref()), bytes)
}

/// A subcommand with its arguments. Replaces the argument `FILE` with the path. Without such an
/// argument, appends the path.
fn command_for(name: &str, args: &[&str], file: &Path) -> Command {
    let mut program = gotrace(name);
    for arg in args {
        program.arg(if *arg == "FILE" { file.as_os_str() } else { arg.as_ref() });
    }
    if !args.contains(&"FILE") {
        program.arg(file);
    }
    program
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts that the command exits with status 2 and prints exactly one line, which contains
/// `message`, to standard error.
fn assert_refused(output: &Output, message: &str) {
    let stderr = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(message), "expected {message:?} in {stderr:?}");
    assert_eq!(stderr.lines().count(), 1, "{stderr:?}");
}

const COMMANDS: [(&str, &[&str]); 22] = [
    ("dump", &[]),
    ("dump", &["--format", "wire"]),
    ("dump", &["--format", "footprint"]),
    ("summary", &[]),
    ("summary", &["--json"]),
    ("goroutine", &["FILE", "1"]),
    ("goroutine", &["--json", "FILE", "1"]),
    ("gc", &[]),
    ("gc", &["--json"]),
    ("blocking", &[]),
    ("blocking", &["--json"]),
    ("gc", &["--mmu"]),
    ("goroutines", &[]),
    ("goroutines", &["--json"]),
    ("profile", &["--kind", "sched"]),
    ("profile", &["--kind", "sync", "--folded"]),
    ("latency", &["--over-time"]),
    ("latency", &["--json"]),
    ("tasks", &[]),
    ("tasks", &["--json"]),
    ("procs", &[]),
    ("procs", &["--json"]),
];

/// The subcommands that need no file: `gctrace` reads standard input by default, and the others
/// print information about `gotrace` itself.
const WITHOUT_FILE: [&str; 4] = ["gctrace", "help", "completions", "schema"];

#[test]
fn every_subcommand_has_help_and_requires_its_file() {
    let names = subcommands();
    assert!(names.len() > 15 && names.iter().any(|name| name == "doctor"), "{names:?}");
    for name in names.iter().map(String::as_str).filter(|name| *name != "help") {
        let mut program = gotrace(name);
        program.arg("--help");
        let output = run(program, &[]);
        assert!(output.status.success() && stdout(&output).contains("Usage: "), "{name}");
        if !WITHOUT_FILE.contains(&name) {
            let output = run(gotrace(name), &[]);
            assert_eq!(output.status.code(), Some(2), "{name} without a file");
        }
    }
    let version = run(gotrace("--version"), &[]);
    assert_eq!(stdout(&version), format!("gotrace {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(target_os = "linux")]
#[test]
fn output_to_a_full_disk_is_an_error() {
    let path = sample("go1.27/http").path;
    let trace = path.to_str().expect("UTF-8");
    for args in [&["--help"][..], &["--version"], &["gc", "--help"], &["help", "gc"], &["summary", trace]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has /dev/full");
        let mut program = gotrace(args[0]);
        program.args(&args[1..]).stdout(full).stdin(Stdio::null());
        assert_refused(&program.output().expect("the program starts"), "standard output: cannot write: ");
    }
}

/// Standard output without the `next:` line, which contains the path.
fn stdout_without_next(output: &Output) -> String {
    let lines = stdout(output);
    lines.lines().filter(|line| !line.starts_with("next: ")).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn the_output_is_the_same_for_a_file_and_standard_input() {
    let sample = sample("go1.27/channels");
    for (name, args) in COMMANDS {
        let by_name = run(command_for(name, args, &sample.path), &[]);
        assert!(by_name.status.success() && by_name.stderr.is_empty(), "{}", stderr(&by_name));
        assert!(!by_name.stdout.is_empty());
        let by_pipe = run_with_stdin(name, args, &sample.bytes());
        assert_eq!(stdout_without_next(&by_name), stdout_without_next(&by_pipe), "{name} {args:?}");
    }
}

#[test]
fn summary_prints_the_exact_numbers_of_two_traces() {
    let summary = |name: &str| -> Value {
        let output = run_with_stdin("summary", &["--json"], &sample(name).bytes());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    // The numbers were counted in the golden files. `wall_start` comes from the first clock
    // snapshot.
    assert_eq!(
        summary("go1.22/generations"),
        json!({
            "schema": 1, "version": "go 1.22", "size_bytes": 8112, "events": 476, "generations": 3, "batches": 24,
            "goroutines": 13, "procs": 2, "threads": 5, "start_ns": 1_916_052_880_384_i64, "duration_ns": 2_206_824_833_i64, "wall_start": null,
            "gomaxprocs": 2, "gc_cycles": 0, "stop_the_worlds": 1, "stop_the_world_ns": 8192,
            "heap_max_bytes": 2_826_240, "tasks": 2, "regions": 4, "logs": 11, "cpu_samples": 0, "warnings": 0, "misuses": [],
            "events_by_kind": {
                "Log": 11, "Metric": 29, "RangeBegin": 1, "RangeEnd": 1, "RegionBegin": 4, "RegionEnd": 4,
                "StateTransition": 418, "Sync": 4, "TaskBegin": 2, "TaskEnd": 2,
            },
            "error": null,
        })
    );
    let gc = summary("go1.26/gc");
    for (key, value) in [
        ("version", json!("go 1.26")),
        ("events", json!(656)),
        ("gc_cycles", json!(2)),
        ("stop_the_worlds", json!(5)),
        ("stop_the_world_ns", json!(108_160)),
        ("heap_max_bytes", json!(6_963_648)),
        ("wall_start", json!("2026-11-23T18:18:16.507945423Z")),
    ] {
        assert_eq!(gc[key], value, "{key}");
    }
}

#[test]
fn summary_prints_where_the_program_misuses_a_region() {
    let mut generation = Generation::new(1);
    let [func, file] = ["main.work", "a.go"].map(|text| generation.string(text).0);
    let stack = generation.stack(&[RawFrame { pc: 7, func, file, line: 3 }]).0;
    let batch = Batch::new(ThreadId(7), 100)
        .event(EventType::ProcStatus, &[1, 0, 1])
        .event(EventType::GoStatus, &[1, 1, 7, 2])
        .event(EventType::UserRegionBegin, &[1, 0, func, 0])
        .event(EventType::UserRegionEnd, &[1, 5, func, stack]);
    let bytes = Trace::new(Version::Go126).generation(generation.batch(batch)).into_bytes();
    let text = String::from_utf8(run_with_stdin("summary", &[], &bytes).stdout).expect("text");
    let warning = text.lines().skip_while(|line| !line.starts_with("warning: ")).collect::<Vec<_>>();
    let (frame, message) = warning.split_last().expect("a warning");
    assert_eq!(*frame, "  main.work (a.go:3)");
    let words: Vec<&str> = message.iter().flat_map(|line| line.split_whitespace()).collect();
    assert!(words.join(" ").ends_with(", goroutine 1, in main.work"), "{text}");
    let json: Value = serde_json::from_slice(&run_with_stdin("summary", &["--json"], &bytes).stdout).expect("JSON");
    let misuse = &json["misuses"][0];
    assert_eq!(misuse["stack"], json!([{ "function": "main.work", "file": "a.go", "line": 3 }]));
    assert_eq!((&misuse["kind"], &misuse["goroutine"]), (&json!("region_mismatch"), &json!(1)));
}

#[test]
fn summary_counts_agree_with_the_output_of_go_tool_trace() {
    for name in ["go1.22/cpuprofile", "go1.23/generations", "go1.25/gc", "go1.27/borders"] {
        let sample = sample(name);
        let text = String::from_utf8_lossy(&sample.golden("parsed")).into_owned();
        let wire = String::from_utf8_lossy(&sample.golden("wire")).into_owned();
        let output = run_with_stdin("summary", &["--json"], &sample.bytes());
        let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");

        let events: Vec<&str> = text.lines().filter(|line| line.starts_with("M=")).collect();
        assert_eq!(summary["events"], events.len(), "{name}");
        for (kind, count) in summary["events_by_kind"].as_object().expect("an object") {
            let expected = events.iter().filter(|line| line.split(' ').nth(3) == Some(kind)).count();
            assert_eq!(count, expected, "{kind} in {name}");
        }
        let distinct = |keys: &[&str]| -> usize {
            let fields = events.iter().flat_map(|line| line.split(' '));
            let ids =
                fields.filter_map(|field| field.split_once('=')).filter(|(key, id)| keys.contains(key) && *id != "-1");
            ids.map(|(_, id)| id).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(summary["goroutines"], distinct(&["G", "GoID"]), "{name}");
        assert_eq!(summary["procs"], distinct(&["P", "ProcID"]), "{name}");
        assert_eq!(summary["threads"], distinct(&["M"]), "{name}");
        let batches = wire.lines().filter(|line| line.starts_with("EventBatch") || line.starts_with("Experimental"));
        assert_eq!(summary["batches"], batches.count(), "{name}");
        assert_eq!(summary["size_bytes"], sample.bytes().len(), "{name}");
    }
}

#[test]
fn events_before_the_damage_are_printed() {
    let sample = sample("go1.26/borders");
    let bytes = sample.bytes();
    let cut = &bytes[..bytes.len() - 10];
    for format in ["parsed", "wire"] {
        let output = run_with_stdin("dump", &["--format", format], cut);
        assert_refused(&output, "standard input: the file ends inside a batch");
        assert!(stderr(&output).contains("at byte") && stderr(&output).contains("trace.Stop"));
        let golden = sample.golden(format);
        assert!(output.stdout.len() > golden.len() / 2, "{format}");
        // The last line is the Sync that the reader adds at the damage.
        let text = stdout(&output);
        let before = text.trim_end().rsplit_once('\n').map_or("", |(before, _last)| before);
        assert!(golden.starts_with(before.as_bytes()), "{format}");
    }
    let output = run_with_stdin("dump", &["--format", "footprint"], cut);
    assert_refused(&output, "the file ends inside a batch");
    assert!(stdout(&output).contains("EventBatch"));

    let output = run_with_stdin("summary", &["--json"], cut);
    assert_refused(&output, "the file ends inside a batch");
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(summary["events"].as_u64() > Some(10));
    assert!(summary["error"].as_str().is_some_and(|error| error.contains("the file ends inside a batch")));
}

#[test]
fn every_subcommand_reports_a_changed_byte() {
    let mut bytes = sample("go1.26/channels").bytes();
    bytes[16] ^= 0x80;
    for (name, args) in COMMANDS {
        assert_refused(
            &run_with_stdin(name, args, &bytes),
            "standard input: expected a batch, found byte 0x81 at byte 16",
        );
    }
}

/// Names and messages in a trace may be hostile. Control characters in them are not sent to the
/// terminal, except by `dump`, which prints the same bytes as Go's tool.
#[test]
fn control_characters_in_names_are_not_printed() {
    const NAME: &str = "\x1b[2Jab\rcd\nef\x07\u{9b}31m";
    let mut generation = Generation::new(1);
    let name = generation.string(NAME).0;
    let frame = RawFrame { pc: 1, func: name, file: name, line: 7 };
    let stack = generation.stack(&[frame]).0;
    let go = |batch: Batch, event, args: &[u64]| batch.event(event, args);
    let mut batch = go(Batch::new(ThreadId(7), 100), EventType::ProcStatus, &[1, 0, 1]);
    batch = go(batch, EventType::GoStatusStack, &[1, 1, 7, 2, stack]);
    batch = go(batch, EventType::GoCreate, &[1, 2, stack, stack]);
    batch = go(batch, EventType::GoLabel, &[1, name]);
    batch = go(batch, EventType::UserTaskBegin, &[1, 5, 0, name, stack]);
    batch = go(batch, EventType::UserRegionBegin, &[1, 5, name, stack]);
    batch = go(batch, EventType::UserLog, &[1, 5, name, name, stack]);
    batch = go(batch, EventType::STWBegin, &[1, name, stack]);
    batch = go(batch, EventType::STWEnd, &[9]);
    batch = go(batch, EventType::GCMarkAssistBegin, &[1, stack]);
    batch = go(batch, EventType::GCMarkAssistEnd, &[9]);
    batch = go(batch, EventType::UserRegionEnd, &[1, 5, name, stack]);
    batch = go(batch, EventType::UserTaskEnd, &[1, 5, stack]);
    batch = go(batch, EventType::GoBlock, &[1, name, stack]);
    batch = go(batch, EventType::GoStart, &[5, 2, 1]);
    batch = go(batch, EventType::GoUnblock, &[5, 1, 1, stack]);
    batch = go(batch, EventType::GoStop, &[5, name, stack]);
    batch = go(batch, EventType::GoStart, &[5, 1, 2]);
    generation.batch(batch);
    let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
    let mut shown = 0;
    for (name, args) in [
        ("summary", &[][..]),
        ("goroutine", &["FILE", "1"]),
        ("goroutine", &["FILE", "2"]),
        ("goroutines", &[]),
        ("goroutines", &["--by", "label"]),
        ("goroutines", &["--group", NAME]),
        ("gc", &[]),
        ("blocking", &[]),
        ("profile", &["--kind", "sync", "--folded"]),
        ("latency", &[]),
        ("tasks", &[]),
        ("tasks", &["--log", ""]),
        ("procs", &[]),
    ] {
        let output = run_with_stdin(name, args, &bytes);
        assert!(output.status.success(), "{name} {args:?}: {}", stderr(&output));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let control = text.chars().find(|&c| c != '\n' && c != '\t' && c.is_control());
        assert_eq!(control, None, "{name} {args:?}: {text}");
        assert!(!text.lines().any(|line| line.starts_with("ef")), "{name} {args:?} breaks a line: {text}");
        shown += usize::from(text.contains('\u{fffd}'));
    }
    assert!(shown >= 8, "only {shown} subcommands print a name");
}

#[test]
fn a_write_error_names_the_output_file() {
    let bytes = sample("go1.27/gc").bytes();
    let nowhere = "no/such/folder/out";
    for (name, args) in [
        ("profile", &["--kind", "sched", "-o", nowhere][..]),
        ("gc", &["--svg", nowhere]),
        ("doctor", &["--repair", nowhere]),
    ] {
        assert_refused(&run_with_stdin(name, args, &bytes), &format!("{name}: {nowhere}: cannot write: "));
    }
}

#[test]
fn mmu_and_svg_conflict_with_from_and_to() {
    let gc = sample("go1.27/gc");
    for (whole, part) in [(&["--mmu"][..], "--from"), (&["--svg", "gc.svg"], "--to")] {
        let output = run(command_for("gc", &[whole, &[part, "0"]].concat(), &gc.path), &[]);
        assert_eq!(output.status.code(), Some(2), "{whole:?} {part}");
        assert!(output.stdout.is_empty());
        let stderr = stderr(&output);
        assert!(stderr.contains(&format!("cannot be used with '{part} <TIME>'")), "{stderr}");
    }
}

#[test]
fn every_subcommand_rejects_files_that_are_not_valid_traces() {
    let mut hostile = sample("go1.26/channels").bytes()[..16].to_vec();
    // A batch of 2⁶³ bytes.
    hostile.extend([1, 1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]);
    for (name, args) in COMMANDS {
        let check = |bytes: &[u8], message: &str| assert_refused(&run_with_stdin(name, args, bytes), message);
        check(b"", "this is an empty file, not an execution trace");
        let wanted = if name == "goroutines" { " or a goroutine dump" } else { "" };
        let refusal = format!("this is text, not an execution trace{wanted} (it begins with \"words\"); open it");
        check(b"words", &refusal);
        check(b"<!DOCTYPE html><html><body>404</body></html>", "this is an HTML page, not an execution trace");
        check(b"go 1.22 tra", "the file ends inside the trace header: 11 of 16 bytes");
        check(b"go 1.26 trace\0\0\0", "nothing follows its header");
        check(b"go 1.5 trace\0\0\0\0", "unsupported trace version go 1.5");
        check(b"go 1.99 trace\0\0\0", "unsupported trace version go 1.99");
        check(&hostile, "batch of 9223372036854775808 bytes");
        check(&sample("go1.26/channels").bytes().repeat(2), "a second trace starts here");

        assert_refused(&run(command_for(name, args, "no such file".as_ref()), &[]), "no such file: cannot read: ");
    }
}

#[test]
fn the_records_of_v1_traces_add_up_to_the_size_of_the_file() {
    for name in ["go1.19/annotations", "go1.21/annotations", "go1.21/gc"] {
        let sample = sample(name);
        let bytes = sample.bytes();
        let wire = stdout(&run_with_stdin("dump", &["--format", "wire"], &bytes));
        let records = wire.lines().filter(|line| !line.starts_with('\t'));
        let footprint = stdout(&run_with_stdin("dump", &["--format", "footprint"], &bytes));
        let rows: Vec<Vec<&str>> = footprint.lines().skip(2).map(|row| row.split_whitespace().collect()).collect();
        let sum = |column: usize| rows.iter().map(|row| row[column].parse::<usize>().expect("a number")).sum::<usize>();
        assert_eq!(sum(1) + 16, bytes.len(), "{name}: every byte after the header belongs to one record");
        assert_eq!(sum(3), records.clone().count(), "{name}");
        // The numbers of events equal those in the text of Go's reader.
        let parsed = sample.golden("parsed");
        let parsed = String::from_utf8_lossy(&parsed);
        let kind = |kind: &str| parsed.lines().filter(|line| line.split(' ').nth(3) == Some(kind)).count();
        let of = |event: &str| records.clone().filter(|line| line.split(' ').next() == Some(event)).count();
        assert_eq!(of("UserLog"), kind("Log"), "{name}");
        assert_eq!(of("UserTaskCreate"), kind("TaskBegin"), "{name}");
        assert_eq!(of("UserRegion"), kind("RegionBegin") + kind("RegionEnd"), "{name}");
    }
}

#[test]
fn dump_into_a_closed_pipe_succeeds() {
    // More text than fits into the buffer of the pipe.
    let bytes = sample("go1.27/borders").bytes();
    for args in [&["--format", "parsed", "-"], &["--format", "wire", "-"]] {
        let mut dump = gotrace("dump");
        dump.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = dump.spawn().expect("the program starts");
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let _ = std::io::Write::write_all(&mut stdin, &bytes);
        drop(stdin);
        let output = child.wait_with_output().expect("the program exits");
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn from_and_to_select_events_of_the_parsed_format() {
    let sample = sample("go1.26/channels");
    let golden = String::from_utf8(sample.golden("parsed")).expect("UTF-8");
    let time_of =
        |line: &str| -> Option<i64> { line.strip_prefix("M=")?.split("Time=").nth(1)?.split(' ').next()?.parse().ok() };
    let times: Vec<i64> = golden.lines().filter_map(time_of).collect();
    let (start, end) = (times[times.len() / 3], times[times.len() / 2]);
    let after = |time: i64| format!("{}ns", time - times[0]);
    for args in [
        ["--start", &start.to_string(), "--end", &end.to_string()],
        ["--from", &start.to_string(), "--to", &end.to_string()],
        ["--from", &after(start), "--to", &after(end)],
    ] {
        let output = run_with_stdin("dump", &args, &sample.bytes());
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        let found: Vec<i64> = stdout(&output).lines().filter_map(time_of).collect();
        let expected: Vec<i64> = times.iter().copied().filter(|time| (start..end).contains(time)).collect();
        assert_eq!(found, expected, "{args:?}");
        assert!(golden.contains(&stdout(&output)), "stacks are printed with their events");
    }

    for format in ["wire", "footprint"] {
        for option in ["--start", "--end", "--from", "--to"] {
            let output = run_with_stdin("dump", &["--format", format, option, "0"], &sample.bytes());
            assert_refused(&output, "--from, --to, --start and --end need --format parsed");
        }
    }
}

/// Expected values are parsed from the log with a regular expression.
#[test]
fn gctrace_prints_every_cycle_of_a_log() {
    let path = testdata().join("gctrace/logs/go1.27-cache.log");
    let text = std::fs::read_to_string(&path).expect("the log");
    let line = regex::Regex::new(
        r"^gc (\d+) @([\d.]+)s (\d+)%: .* (\d+)->(\d+)->(\d+) MB, (\d+) MB goal, .* \d+ P( \(forced\))?",
    )
    .expect("a pattern");
    let mut want = Vec::new();
    for found in text.lines().filter_map(|text| line.captures(text)) {
        let number = |group: usize| found[group].parse::<u64>().expect("a number");
        let seconds: f64 = found[2].parse().expect("seconds");
        want.push(json!({
            "n": number(1), "start_ns": (seconds * 1e9).round() as u64, "gc_cpu_percent": number(3),
            "heap_start_bytes": number(4) << 20, "heap_end_bytes": number(5) << 20, "heap_live_bytes": number(6) << 20,
            "goal_bytes": number(7) << 20, "forced": found.get(8).is_some(),
        }));
    }
    assert!(want.len() > 20, "the log has over 20 cycles");

    let output = run(command_for("gctrace", &["--json", "--cycles"], &path), b"");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let cycles = printed["cycles"].as_array().expect("cycles");
    assert_eq!(cycles.len(), want.len());
    for (cycle, want) in cycles.iter().zip(&want) {
        for (key, value) in want.as_object().expect("an object") {
            assert_eq!(&cycle[key], value, "{key} of gc {}", want["n"]);
        }
    }
    let others = text.lines().count() - want.len();
    let skipped = printed["skipped"].as_object().expect("an object").values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(skipped, others as u64);

    for (input, message) in [
        (
            &b""[..],
            "this is an empty file, not a GC log (GODEBUG=gctrace=1); give what a program under GODEBUG=gctrace=1",
        ),
        (b"\xff\0gc 1 @\n", "this is binary data, not a GC log"),
        (b"caf\xe9 gc 1 @\n", "no GC cycle in 1 line"),
    ] {
        assert_refused(&run_with_stdin("gctrace", &[], input), message);
    }
}

/// The input can be infinite, such as `/dev/urandom`.
#[cfg(unix)]
#[test]
fn gctrace_stops_reading_at_binary_data() {
    let mut program = gotrace("gctrace");
    program.arg("/dev/urandom");
    assert_refused(&run(program, b""), "/dev/urandom: this is binary data, not a GC log");
}

/// A zstd frame of raw blocks (RFC 8878, sections 3.1.1 and 3.1.1.2).
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).expect("a small trace");
    // Magic, and a single segment with a content size of four bytes.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(size.to_le_bytes());
    let blocks = bytes.chunks(1024);
    let last = blocks.len() - 1;
    for (i, block) in blocks.enumerate() {
        let header = (u32::try_from(block.len()).expect("1 KiB") << 3) | u32::from(i == last);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}

#[test]
fn a_cut_compressed_trace_is_read_up_to_the_cut() {
    let bytes = sample("go1.27/generations").bytes();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut packed, &bytes).expect("memory");
    for (packed, format) in [(packed.finish().expect("memory"), "gzip"), (zstd(&bytes), "zstd")] {
        let whole: Value =
            serde_json::from_slice(&run_with_stdin("summary", &["--json"], &packed).stdout).expect("JSON");
        let cut = run_with_stdin("summary", &["--json"], &packed[..packed.len() - 500]);
        assert_refused(&cut, &format!("its {format} data is damaged or cut off at byte "));
        assert!(stderr(&cut).ends_with("it was probably copied before it was complete: capture it again\n"), "{cut:?}");
        let cut: Value = serde_json::from_slice(&cut.stdout).expect("JSON");
        assert!(
            cut["events"].as_u64() > Some(0) && cut["events"].as_u64() < whole["events"].as_u64(),
            "{format}: {cut}"
        );
    }
}

#[test]
fn an_old_trace_format_is_not_counted_as_a_warning() {
    let text = stdout(&run_with_stdin("summary", &[], &sample("go1.21/gc").bytes()));
    assert!(text.lines().any(|line| line == "warnings       0"), "{text}");
}

#[test]
fn no_next_command_is_suggested_for_standard_input() {
    for (name, args) in [("summary", &[][..]), ("goroutines", &[]), ("blocking", &[]), ("tasks", &["--slowest", "3"])] {
        let text = stdout(&run_with_stdin(name, args, &sample("go1.27/annotations").bytes()));
        assert!(!text.is_empty() && !text.contains("next: "), "{name}: {text}");
    }
}

#[test]
fn standard_input_given_twice_is_refused() {
    for (name, args) in [
        ("compare", &["-", "-"][..]),
        ("heap", &["-", "-"]),
        ("heap", &["--diff-base", "-", "-"]),
        ("diagnose", &["--heap", "-", "--trace", "-"]),
    ] {
        let mut program = gotrace(name);
        program.args(args);
        assert_refused(&run(program, b""), "standard input (-) can be given only once");
    }
}
