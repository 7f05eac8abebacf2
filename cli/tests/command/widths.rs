//! No line of output is wider than the terminal, for every subcommand and many files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{sample, testdata};
use gotrace_tests::profiles;
use unicode_width::UnicodeWidthStr;

use crate::help::subcommands;

/// Traces with long names, deep stacks, many Ps, and non-Latin scripts, in both formats.
const TRACES: [&str; 11] = [
    "go1.27/http",
    "go1.27/annotations",
    "go1.27/deepstack",
    "go1.27/gc",
    "go1.27/labels",
    "go1.27/syscalls",
    "go1.25/manyprocs",
    "go1.24/stoptheworld",
    "go1.22/generations",
    "go1.21/http",
    "go1.21/annotations",
];

/// The calls for each trace.
const VIEWS: [(&str, &[&str]); 34] = [
    ("summary", &[]),
    ("goroutines", &[]),
    ("goroutines", &["--by", "creator", "--all"]),
    ("goroutines", &["--details", "--top", "3"]),
    ("goroutines", &["--group", "main.main"]),
    ("goroutine", &["--goroutine", "1"]),
    ("goroutine", &["--goroutine", "1", "--top", "1"]),
    ("goroutine", &["--goroutine", "1", "--time", "wall"]),
    ("goroutine", &["--func", "."]),
    ("goroutine", &["--func", "nosuch"]),
    ("gc", &[]),
    ("gc", &["--top", "1"]),
    ("gc", &["--mmu"]),
    ("gc", &["--from", "1us", "--to", "2us"]),
    ("blocking", &[]),
    ("blocking", &["--idle", "--top", "2"]),
    ("blocking", &["--waits", "--idle"]),
    ("procs", &[]),
    ("procs", &["--over-time"]),
    ("threads", &[]),
    ("threads", &["--top", "1"]),
    ("threads", &["--func", "."]),
    ("tasks", &[]),
    ("tasks", &["--top", "2"]),
    ("tasks", &["--slowest", "20"]),
    ("tasks", &["--slowest", "20", "--time", "wall"]),
    ("tasks", &["--slowest", "2", "--name", "nosuch"]),
    ("tasks", &["--log", ""]),
    ("latency", &[]),
    ("latency", &["--slowest", "5"]),
    ("latency", &["--slowest", "5", "--over-time", "--time", "clock"]),
    ("latency", &["--slowest", "5", "--kind", "network"]),
    ("doctor", &[]),
    ("diagnose", &[]),
];

/// Subcommands whose output must not be cut: the text of a trace, a script, a schema, a path, a
/// profile, an address.
const UNCUT: [&str; 8] = ["dump", "completions", "schema", "man", "profile", "help", "report", "view"];

/// All calls: the subcommand, its options, and its files.
fn calls() -> Vec<(&'static str, Vec<&'static str>, Vec<PathBuf>)> {
    let leak = |name: &str| testdata().join("leaks/captures/go1.27/chansend").join(name);
    let heaps = ["heap.1.pb.gz", "heap.2.pb.gz", "heap.3.pb.gz"].map(leak);
    let traces = ["go1.22/gc", "go1.27/gc"].map(|name| sample(name).path);
    let log = testdata().join("gctrace/logs/go1.27-leak.log");
    let mut calls = vec![
        ("heap", vec![], heaps.to_vec()),
        ("heap", vec!["--by", "package"], heaps.to_vec()),
        ("gctrace", vec![], vec![log.clone()]),
        ("gctrace", vec!["--limit", "512MiB"], vec![log]),
        ("diagnose", vec![], vec![testdata().join("leaks/captures/go1.27/chansend")]),
        ("compare", vec![], traces.to_vec()),
        ("compare", vec!["--noise", "--all", "--fail-on", "gc.pause.max > +20%"], traces.to_vec()),
        ("compare", vec!["--only", "nosuch"], traces.to_vec()),
        ("compare", vec![], [&traces[0], &traces[0]].map(PathBuf::clone).to_vec()),
    ];
    for name in ["go1.27/registry", "go1.25/listeners"] {
        let path = testdata().join("allocations").join(format!("{name}.trace"));
        calls.push(("allocations", vec![], vec![path.clone()]));
        calls.push(("allocations", vec!["--goroutine", "11", "--top", "3"], vec![path]));
    }
    for (_, path) in profiles::all() {
        calls.push(("heap", vec!["--all"], vec![path.clone()]));
        calls.push(("heap", vec!["--by", "stack", "--top", "5"], vec![path]));
    }
    let cut = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cut-for-widths.trace");
    let bytes = sample("go1.27/gc").bytes();
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("the target folder can be written");
    calls.push(("doctor", vec![], vec![cut.clone()]));
    calls.push(("summary", vec![], vec![cut]));
    for trace in TRACES {
        let views = VIEWS.into_iter().map(|(name, args)| (name, args.to_vec(), vec![sample(trace).path]));
        calls.extend(views);
    }
    calls
}

#[test]
fn every_command_is_covered() {
    let covered: BTreeSet<String> = calls().iter().map(|(name, ..)| (*name).to_owned()).collect();
    let names = subcommands().into_iter().filter(|name| !UNCUT.contains(&name.as_str()));
    assert_eq!(names.collect::<BTreeSet<_>>(), covered);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut wide = Vec::new();
    for (name, args, files) in calls() {
        for width in [80, 140] {
            let mut program = gotrace(name);
            program.args(&args).args(&files).env("COLUMNS", width.to_string());
            let output = run(program, &[]);
            let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
            assert!(!text.is_empty() || !output.stderr.is_empty(), "{name} {args:?} {files:?} prints nothing");
            assert!(!stderr(&output).contains("panicked"), "{name} {args:?} {files:?}");
            // Commands are meant to be copied, so they are not cut.
            let is_command = |line: &str| line.trim_start().starts_with("next") || line.contains("; do ");
            let lines = text.lines().filter(|line| !is_command(line));
            let found = lines.filter(|line| line.width() > width);
            wide.extend(found.map(|line| format!("{name} {args:?} {files:?} at {width}: {line}")));
        }
    }
    assert!(wide.is_empty(), "{} lines:\n{}", wide.len(), wide.join("\n"));
}
