//! The JSON output of every subcommand conforms to `gotrace schema`, for the files of testdata.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::testdata;
use jsonschema::Validator;
use serde_json::Value;

/// The kind of a file in testdata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Trace,
    AllocationTrace,
    Profile,
    GcLog,
    /// A folder with files captured from one process.
    Capture,
}
use Kind::{AllocationTrace, Capture, GcLog, Profile, Trace};

/// The calls to check: the kind of file, the subcommand, its options, and the arguments after the
/// file.
const CALLS: [(Kind, &str, &[&str], &[&str]); 26] = [
    (Trace, "summary", &[], &[]),
    (Trace, "goroutines", &[], &[]),
    (Trace, "goroutines", &["--by", "label", "--details", "--all"], &[]),
    (Trace, "goroutine", &[], &["1"]),
    (Trace, "gc", &[], &[]),
    (Trace, "gc", &["--mmu"], &[]),
    (Trace, "blocking", &[], &[]),
    (Trace, "blocking", &["--waits", "--idle"], &[]),
    (Trace, "procs", &[], &[]),
    (Trace, "procs", &["--over-time"], &[]),
    (Trace, "threads", &[], &[]),
    (Trace, "tasks", &[], &[]),
    (Trace, "tasks", &["--slowest", "5"], &[]),
    (Trace, "tasks", &["--log", ""], &[]),
    (Trace, "latency", &[], &[]),
    (Trace, "latency", &["--slowest", "5", "--over-time"], &[]),
    (Trace, "compare", &[], &["traces/go1.27/http.trace"]),
    (Trace, "doctor", &[], &[]),
    (AllocationTrace, "allocations", &[], &[]),
    (Profile, "heap", &[], &[]),
    (Profile, "heap", &["--by", "stack", "--top", "0"], &[]),
    (Profile, "heap", &["--list", "."], &[]),
    (GcLog, "gctrace", &[], &[]),
    (GcLog, "gctrace", &["--cycles"], &[]),
    (GcLog, "diagnose", &[], &[]),
    (Capture, "diagnose", &[], &[]),
];

/// Each call takes every n-th file of its kind, starting at different files, so that some call
/// takes each file. The long test uses 1.
fn share(kind: Kind) -> usize {
    match kind {
        Trace => 6,
        Profile | GcLog => 2,
        AllocationTrace => 1,
        Capture => 8,
    }
}

/// The files of testdata that `gotrace` reads.
fn files() -> Vec<(Kind, PathBuf)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("testdata has folders") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() { visit(&path, found) } else { found.push(path) }
        }
        if folder.join("heap.1.pb.gz").exists() {
            found.push(folder.to_owned());
        }
    }
    let mut found = Vec::new();
    ["traces", "allocations", "leaks", "profiles", "gctrace"]
        .iter()
        .for_each(|folder| visit(&testdata().join(folder), &mut found));
    found.sort();
    let kind = |path: &Path| {
        let text = path.to_string_lossy();
        if text.ends_with(".trace") || path.file_name() == Some(OsStr::new("trace")) {
            Some(if text.contains("/allocations/") { AllocationTrace } else { Trace })
        } else if text.ends_with(".pb.gz") {
            Some(Profile)
        } else if path.is_dir() {
            Some(Capture)
        } else if text.contains("/esbuild/gctrace") {
            // The log is empty, since the program ran without a GC.
            None
        } else if text.ends_with(".log") || text.ends_with(".log.gz") {
            Some(GcLog)
        } else {
            None
        }
    };
    found.into_iter().filter_map(|path| Some((kind(&path)?, path))).collect()
}

/// The validator for the JSON output of a subcommand.
fn validator(subcommand: &str) -> Validator {
    let mut schema = gotrace("schema");
    schema.arg(subcommand);
    let output = run(schema, &[]);
    assert!(output.status.success(), "{subcommand}: {}", stderr(&output));
    let schema: Value = serde_json::from_slice(&output.stdout).expect("a schema is JSON");
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("the schema of {subcommand}: {error}"))
}

fn assert_valid(share: fn(Kind) -> usize) {
    let described = String::from_utf8(run(gotrace("schema"), &[]).stdout).expect("names are UTF-8");
    let validators: HashMap<&str, Validator> = described.lines().map(|name| (name, validator(name))).collect();
    let untried = described.lines().find(|name| !CALLS.iter().any(|call| call.1 == *name));
    assert_eq!(untried, None, "no call for a subcommand with a schema");
    let files = files();
    let mut taken = Vec::new();
    for (number, call) in CALLS.iter().enumerate() {
        let fitting = files.iter().filter(|(kind, _)| *kind == call.0).enumerate();
        let mine = fitting.filter(|(index, _)| (index + number).is_multiple_of(share(call.0)));
        taken.extend(mine.map(|(_, (_, path))| (call, path)));
    }
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(((_, name, options, after), path)) = taken.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut program = gotrace(name);
                    program.arg("--json").args(*options).arg(path);
                    program.args(after.iter().map(|arg| match arg.contains('/') {
                        true => testdata().join(arg).into_os_string(),
                        false => (*arg).into(),
                    }));
                    let output = run(program, &[]);
                    let what = format!("gotrace {name} {} {} {}", options.join(" "), path.display(), after.join(" "));
                    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{what}: {}", stderr(&output));
                    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                    assert_eq!(json["schema"], 1, "{what}");
                    let errors = validators[name].iter_errors(&json);
                    let errors: Vec<_> = errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
                    assert!(errors.is_empty(), "{what}: {:?}", &errors[..errors.len().min(3)]);
                }
            });
        }
    });
}

#[test]
fn json_output_conforms_to_the_schema_for_some_files() {
    assert_valid(share);
}

#[test]
#[ignore = "takes minutes: every call on every file"]
fn json_output_conforms_to_the_schema_for_all_files() {
    assert_valid(|_| 1);
}
