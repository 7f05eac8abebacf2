//! `gotrace goroutines` on goroutine dumps.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{sample, testdata};

fn path(name: &str) -> PathBuf {
    testdata().join("dumps").join(name)
}

fn goroutines(args: &[&str], files: &[PathBuf]) -> Output {
    let mut program = gotrace("goroutines");
    program.args(args).args(files);
    run(program, &[])
}

fn text(args: &[&str], files: &[PathBuf]) -> String {
    let output = goroutines(args, files);
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn groups_of_a_crash_have_states_waits_and_creators() {
    let printed = text(&[], &[path("go1.27/crash-deadlock.txt")]);
    assert!(printed.starts_with("19 goroutines in 7 groups"), "{printed}");
    assert!(printed.contains("\nfatal error: all goroutines are asleep - deadlock!\n"), "{printed}");
    let row = printed.lines().find(|line| line.starts_with("main.channels.func1 ")).expect("a row");
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[1..5], ["5", "chan", "receive", "main.channels"], "{row}");
    let locks = text(&["--sort", "wait"], &[path("go1.27/locks.txt")]);
    assert!(locks.lines().nth(2).is_some_and(|row| row.contains("1 min")), "{locks}");
    assert!(locks.lines().nth(1).is_some_and(|head| head.contains("LEAKED")), "{locks}");
}

#[test]
fn json_has_every_group_of_a_dump() {
    let report = read(&text(&["--json", "--all"], &[path("go1.27/channels.txt")]));
    assert_eq!(
        (&report["schema"], &report["by"], &report["dumps"][0]["leaked_count"]),
        (&json!(1), &json!("start"), &json!(19))
    );
    let groups = report["groups"].as_array().expect("an array");
    let sum: u64 = groups.iter().filter_map(|group| group["count"].as_u64()).sum();
    assert_eq!(json!(sum), report["dumps"][0]["goroutine_count"]);
    assert!(
        groups
            .iter()
            .all(|group| group["growth"].is_null() && group["counts"].as_array().is_some_and(|it| it.len() == 1))
    );
    let member = read(&text(&["--json", "--group", "main.channels.func1"], &[path("go1.27/channels.txt")]));
    assert_eq!(member["groups"][0]["stacks"][0]["goroutines"].as_array().map(Vec::len), Some(5));
    assert_eq!(member["groups"][0]["stacks"][0]["stack"][0]["function"], "main.channels.func1");
}

#[test]
fn several_dumps_show_growth() {
    let files = [path("go1.27/labels.txt"), path("go1.27/channels.txt")];
    let one_log = std::env::temp_dir().join(format!("gotrace-dumps-{}.log", std::process::id()));
    let logs: Vec<String> = files.iter().map(|file| fs::read_to_string(file).expect("a dump")).collect();
    let prefixed =
        |text: &str| text.lines().map(|line| format!("pod/web 2026-11-30T20:00:00Z {line}\n")).collect::<String>();
    let panic = "boom\ngoroutine 7 [running]:\nmain.f()\n\t/a.go:1 +0x1\nserving\n";
    let log = format!("{}{}{}", prefixed(&logs[0]), prefixed(panic), prefixed(&logs[1]));
    fs::write(&one_log, log).expect("a temporary file");
    for (files, left_out) in [(&files[..], 0), (std::slice::from_ref(&one_log), 1)] {
        let report = read(&text(&["--json", "--all"], files));
        assert_eq!((report["dumps"].as_array().map(Vec::len), &report["left_out"]), (Some(2), &json!(left_out)));
        let first = &report["groups"][0];
        assert_eq!((&first["name"], &first["growth"]), (&json!("main.(*queue[...]).send"), &json!(7)));
        let printed = text(&["--group", "main.(*queue[...]).send"], files);
        assert!(
            printed.contains("7 goroutines  chan send") && printed.contains("created by main.channels"),
            "{printed}"
        );
    }
    fs::remove_file(one_log).expect("the file exists");
}

#[test]
fn options_select_goroutines() {
    let count = |args: &[&str]| {
        let report = read(&text(&[args, &["--json"]].concat(), &[path("go1.27/labels.txt")]));
        report["dumps"][0]["goroutine_count"].as_u64()
    };
    assert_eq!(count(&[]), Some(4));
    assert_eq!(count(&["--label", "tenant=1"]), Some(1));
    assert_eq!(count(&["--func", "^main.labels"]), Some(3));
    assert_eq!(count(&["--goroutine", "1"]), Some(1));
}

#[test]
fn what_does_not_fit_is_refused() {
    let dump = || path("go1.27/channels.txt");
    let trace = || sample("go1.27/http").path;
    for (args, files, message) in [
        (&["--details"][..], vec![dump()], "--details needs a trace"),
        (&["--as-go"], vec![dump()], "--as-go needs a trace"),
        (&["--from", "1ms"], vec![dump()], "a part of time needs a trace"),
        (&["--sort", "running"], vec![dump()], "sorted by count, wait and growth"),
        (&["--sort", "growth"], vec![dump()], "needs several goroutine dumps"),
        (&["--group", "main.channels.func"], vec![dump()], "did you mean 'main.channels.func"),
        (&["--sort", "wait"], vec![trace()], "--sort wait is only for goroutine dumps"),
        (&["--by", "place"], vec![trace()], "--by place is only for goroutine dumps"),
        (&[], vec![trace(), trace()], "gotrace compare"),
        (&[], vec![dump(), trace()], "this is an execution trace, not a goroutine dump"),
    ] {
        let output = goroutines(args, &files);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(message), "{args:?}: {}", stderr(&output));
    }
}
