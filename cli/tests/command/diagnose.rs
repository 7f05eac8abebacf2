//! `gotrace diagnose`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gotrace_tests::command::{gotrace, run, stderr};
use serde_json::Value;

fn testdata(path: &str) -> PathBuf {
    gotrace_tests::corpus::testdata().join(path)
}

fn capture(name: &str) -> PathBuf {
    testdata("leaks/captures").join(name)
}

/// `gotrace diagnose` with all files of a capture.
fn all_of(folder: &Path) -> Command {
    let mut program = gotrace("diagnose");
    for (flag, kind) in [("--heap", "heap"), ("--goroutine-profile", "goroutine")] {
        program.arg(flag).args([1, 2, 3].map(|number| folder.join(format!("{kind}.{number}.pb.gz"))));
    }
    program.arg("--trace").arg(folder.join("trace")).arg("--gctrace").arg(folder.join("gctrace.log.gz"));
    program
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_leak_is_printed_with_its_line_and_the_next_command() {
    let output = run(all_of(&capture("go1.27/chansend")), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = text(&output);
    assert!(text.starts_with("LEAK: ") && text.contains("evidence: strong, from "), "{text}");
    for expected in [
        "main.askSupplier",
        "main.go:42",
        "chan send",
        "created by main.cheapestQuote",
        "not judged",
        "health ",
        "/100: heap ",
        "next: gotrace goroutine ",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn the_json_output_of_a_leak_has_the_same_contents() {
    let mut program = all_of(&capture("go1.27/chansend"));
    program.arg("--json");
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(1));
    let verdict = json(&output);
    assert_eq!(verdict["verdict"], "leak");
    assert!(verdict["confidence"].as_f64().expect("a number") > 0.9);
    assert_eq!(verdict["strength"], "strong");
    assert!((0.0..=100.0).contains(&verdict["health"]["score"].as_f64().expect("a number")));
    let findings = verdict["findings"].as_array().expect("an array");
    for key in ["rule", "source", "confidence", "strength", "title", "place", "goroutines", "evidence", "next_step"] {
        assert!(findings.iter().all(|finding| finding.get(key).is_some()), "{key}");
    }
    let trace =
        findings.iter().find(|finding| finding["rule"] == "goroutines-stay").expect("the trace shows the goroutines");
    let place = &trace["place"];
    assert_eq!((&place["function"], &place["line"]), (&"main.askSupplier".into(), &42.into()));
    assert!(trace["goroutines"].as_array().is_some_and(|all| !all.is_empty()));
    assert_eq!(trace["evidence"]["creation_stack"][0]["function"], "main.cheapestQuote");
    let inputs = verdict["inputs"].as_array().expect("an array");
    assert_eq!(inputs.len(), 8);
    for input in inputs {
        assert_eq!(input["used"], true);
        // A Go 1.27 trace contains wall-clock times, and the log is aligned with it by GC cycles.
        assert!(input["start"].as_str().is_some_and(|start| start.starts_with("2026-")), "{input}");
        assert!(input["name"].is_string() && input["kind"].is_string() && input["end"].is_string());
    }
    assert!(verdict["against"].is_array() && !verdict["not_judged"].as_array().expect("an array").is_empty());
}

#[test]
fn a_look_alike_is_healthy() {
    let mut program = all_of(&capture("go1.24/cachewarm"));
    program.arg("--json");
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let verdict = json(&output);
    assert_eq!(verdict["verdict"], "healthy");
    let against = verdict["against"].as_array().expect("an array");
    let warms_up = |reason: &&Value| reason["reason"].as_str().is_some_and(|reason| reason.contains("slows down"));
    assert!(against.iter().filter(warms_up).count() >= 2, "expected in profiles and in the log: {against:?}");
}

#[test]
fn offset_sets_the_start_time_of_a_gc_log() {
    let mut program = gotrace("diagnose");
    program.arg("--gctrace").arg(capture("go1.21/globalmap/gctrace.log.gz"));
    program.args(["--json", "--offset", "2026-11-25T16:00:00Z"]);
    let verdict = json(&run(program, &[]));
    let start = verdict["inputs"][0]["start"].as_str().expect("a time");
    assert_eq!(start, "2026-11-25T16:00:00Z", "the first GC cycle is at 0.000 s");
    assert_eq!(verdict["verdict"], "suspect", "a log alone cannot prove a leak");
}

#[test]
fn through_and_goroutine_link_goroutines_and_allocations() {
    let folder = capture("go1.27/chansend");
    let mut program = all_of(&folder);
    program.args(["--json", "--through", "main.askSupplier"]);
    let verdict = json(&run(program, &[]));
    let stays = verdict["passages"].as_array().expect("passages").iter().find(|passage| passage["end_ns"].is_null());
    let id = stays.expect("a goroutine that does not leave the function")["goroutine"].to_string();
    let mut program = all_of(&folder);
    program.args(["--json", "--goroutine", &id]);
    let verdict = json(&run(program, &[]));
    let first = &verdict["allocations"]["sites"][0];
    assert_eq!((&first["place"]["function"], &first["seen"]), (&"main.askSupplier".into(), &true.into()));
}

#[test]
fn inputs_that_cannot_be_used_are_reported() {
    let mut program = gotrace("diagnose");
    program.arg("--json").arg("--heap").arg(testdata("profiles/go1.27/heap.pb.gz"));
    program.arg("--goroutine-profile").arg(testdata("profiles/go1.27/block.pb.gz"));
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(3), "one heap profile cannot show growth");
    let verdict = json(&output);
    assert_eq!((&verdict["verdict"], &verdict["health"]), (&"inconclusive".into(), &Value::Null));
    let block = &verdict["inputs"][1];
    assert_eq!((&block["kind"], &block["used"]), (&"block or mutex".into(), &false.into()));
    assert!(block["note"].is_string());
    let not_judged = verdict["not_judged"].as_array().expect("an array");
    let missing = not_judged.iter().find(|missing| missing["question"] == "which memory grows").expect("memory");
    assert_eq!(missing["why"], "one heap profile was given; three are needed");
    assert!(missing["capture"].as_str().is_some_and(|command| command.contains("curl -o heap.$i")), "{missing}");
}

#[test]
fn a_truncated_trace_is_used_up_to_the_damage() {
    let bytes = std::fs::read(capture("go1.27/selectwait/trace")).expect("a trace");
    let mut program = gotrace("diagnose");
    program.args(["--json", "--trace", "-"]);
    let output = run(program, &bytes[..bytes.len() - 100]);
    let verdict = json(&output);
    assert_eq!(verdict["inputs"][0]["used"], true);
    assert!(verdict["inputs"][0]["note"].as_str().is_some_and(|note| note.contains("damaged")), "{verdict}");
}

/// Also of standard input, which can be read only once, and over damage.
#[test]
fn questions_about_a_damaged_trace_are_answered() {
    let bytes = std::fs::read(capture("go1.27/selectwait/trace")).expect("a trace");
    let mut program = gotrace("diagnose");
    program.args(["--json", "--through", "main.main", "-"]);
    let verdict = json(&run(program, &bytes[..bytes.len() - 100]));
    assert_eq!(verdict["inputs"][0]["used"], true);
    assert!(verdict["passages"].as_array().is_some_and(|passages| !passages.is_empty()), "{verdict}");
}

#[test]
fn what_the_trace_does_not_have_is_named() {
    for (args, message) in [
        (["--goroutine", "99999"], "there is no goroutine 99999; "),
        (["--through", "main.askSuplier"], "main.askSuplier; did you mean 'main.askSupplier'?"),
    ] {
        let mut program = gotrace("diagnose");
        program.args(args).arg(capture("go1.27/chansend/trace"));
        let output = run(program, &[]);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        assert!(text(&output).starts_with("SUSPECT: "), "the verdict is still told");
    }
}

#[test]
fn other_files_of_a_folder_are_skipped() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnose-folder");
    std::fs::create_dir_all(folder.join("sub")).expect("the target folder can be written");
    let mut program = gotrace("diagnose");
    program.arg(&folder);
    assert!(stderr(&run(program, &[])).contains("the folder has no files; subfolders are not searched"));
    let files = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnose-files");
    std::fs::create_dir_all(&files).expect("the target folder can be written");
    std::fs::write(files.join("go.mod"), "module example.com/x\n").expect("a file of our own");
    std::fs::copy(testdata("profiles/go1.27/heap.pb.gz"), files.join("heap.pb.gz")).expect("a file of our own");
    let mut program = gotrace("diagnose");
    program.arg("--json").arg(&files);
    let verdict = json(&run(program, &[]));
    let input = &verdict["inputs"][0];
    assert_eq!(
        (&input["kind"], &input["note"]),
        (&"unknown".into(), &"text that has no goroutine dump and no GC log".into())
    );
}

#[test]
fn a_profile_of_another_kind_is_not_used() {
    let mut program = gotrace("diagnose");
    program.arg("--heap").arg(capture("go1.27/chansend/goroutine.1.pb.gz"));
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("not a profile for --heap; give it with --goroutine-profile"), "{output:?}");
}

#[test]
fn missing_inputs_and_invalid_options_are_errors() {
    for (args, input, message) in [
        (&[][..], &b""[..], "--help"),
        (&["--heap", "/nonexistent"], b"", "/nonexistent"),
        (&["--heap", "-"], b"no profile at all", "standard input"),
        (&["--trace", "-"], b"no trace", "standard input"),
        (&["--gctrace", "-"], b"no collection\n", "GODEBUG"),
        (
            &["-"],
            b"404 page not found\n",
            "standard input: this is an error response (404 page not found), not a trace, a profile, a GC log or a goroutine \
             dump (it begins with \"404 page not found\"); import net/http/pprof",
        ),
        (&["--heap", "-", "--through", "main.f"], b"", "--trace"),
        (&["--weights", "1,2"], b"", "three numbers"),
        (&["--weights", "0,0,0"], b"", "not all 0"),
        (&["--deviations", "nan"], b"", "a number above 0"),
        (&["--expect-heap", "inf"], b"", "a number above 0"),
        (&["--expect-pause", "0s"], b"", "a duration above 0"),
        (&["--leak", "2"], b"", "a number above 0, up to 1"),
        (&["--pace=-0.1"], b"", "between 0 and 1"),
    ] {
        let mut program = gotrace("diagnose");
        program.args(args);
        let output = run(program, input);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn too_little_data_names_the_commands_that_capture_more() {
    let folder = testdata("leaks/small/captures/one-profile");
    let mut program = gotrace("diagnose");
    program.arg(folder.join("heap.pb.gz")).arg(folder.join("heap.pb.gz"));
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(3));
    let text = text(&output);
    assert!(text.starts_with("INCONCLUSIVE: not enough data"), "{text}");
    assert!(text.contains("the same profile was given twice") && !text.contains("health"), "{text}");
    assert!(
        text.contains("\n  for i in 1 2 3; do curl -o heap.$i http://HOST/debug/pprof/heap; sleep 60; done\n"),
        "{text}"
    );
}

#[test]
fn copies_of_proc_status_show_memory_outside_the_heap() {
    let mut program = gotrace("diagnose");
    program.arg(capture("go1.27/offheap"));
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(text.starts_with("SUSPECT: the process grows by ") && text.contains("outside the Go heap"), "{text}");
}

#[test]
fn a_heap_at_its_memory_limit_is_not_healthy() {
    let output = run(all_of(&capture("go1.27/atlimit")), &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(text.starts_with("SUSPECT: the heap is at its memory limit"), "{text}");
    assert!(text.contains("raise GOMEMLIMIT") && !text.contains("raise GOGC"), "{text}");
}

/// A log as a service under GODEBUG=gctrace=1 writes it, with the dumps that `kill -QUIT` or `runtime.Stack` added.
#[test]
fn a_log_may_have_dumps_and_a_gc_log() {
    let unpack = |path: &str| {
        let mut text = String::new();
        let file = std::fs::File::open(testdata(path)).expect("a file");
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("a gzip file");
        text
    };
    let dumps: String = [1, 2, 3].map(|n| unpack(&format!("dumps/go1.27/series/leak.{n}.txt.gz"))).concat();
    let log = unpack("leaks/captures/go1.27/lru/gctrace.log.gz");
    let verdict = json(&run(diagnose_json(), format!("{log}{dumps}").as_bytes()));
    let inputs: Vec<(&str, bool)> = verdict["inputs"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|input| (input["kind"].as_str().expect("a text"), input["used"] == true))
        .collect();
    assert_eq!(inputs, [("gctrace", true), ("dump", true)]);
    assert_eq!((&verdict["verdict"], &verdict["agree"]), (&"suspect".into(), &serde_json::json!(["dump"])));
    assert_eq!(verdict["findings"][0]["evidence"]["goroutines"], serde_json::json!([15, 30, 45]));
    assert_eq!(verdict["judged_by"], serde_json::json!(["goroutine-growth", "live-heap"]));
}

fn diagnose_json() -> Command {
    let mut program = gotrace("diagnose");
    program.args(["--json", "-"]);
    program
}
