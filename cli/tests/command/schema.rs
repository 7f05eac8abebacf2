//! What every subcommand prints with `--json` is what `gotrace schema` says of it, for every fitting file of testdata.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gotrace_tests::command::{complaint, gotrace, run};
use gotrace_tests::corpus::testdata;
use jsonschema::Validator;
use serde_json::Value;

/// What a file of testdata is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Trace,
    AllocationTrace,
    Profile,
    GcLog,
}
use Kind::{AllocationTrace, GcLog, Profile, Trace};

/// Every form of JSON that a subcommand has: the kind of file, the subcommand, its options, and what comes after the file.
const CALLS: [(Kind, &str, &[&str], &[&str]); 15] = [
    (Trace, "summary", &[], &[]),
    (Trace, "goroutines", &[], &[]),
    (Trace, "goroutine", &[], &["1"]),
    (Trace, "gc", &[], &[]),
    (Trace, "gc", &["--mmu"], &[]),
    (Trace, "blocking", &[], &[]),
    (Trace, "procs", &[], &[]),
    (Trace, "tasks", &[], &[]),
    (Trace, "latency", &[], &[]),
    (Trace, "doctor", &[], &[]),
    (AllocationTrace, "allocations", &[], &[]),
    (Profile, "heap", &[], &[]),
    (GcLog, "gctrace", &[], &[]),
    (GcLog, "diagnose", &[], &[]),
    (Trace, "diagnose", &[], &[]),
];

/// One file in how many is taken by a call. The long test takes all.
const SHARE: u64 = 6;

/// The files of testdata that the command reads.
fn files() -> Vec<(Kind, PathBuf)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("testdata has folders") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() { visit(&path, found) } else { found.push(path) }
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
        } else if text.ends_with(".log") || text.ends_with(".log.gz") {
            Some(GcLog)
        } else {
            None
        }
    };
    found.into_iter().filter_map(|path| Some((kind(&path)?, path))).collect()
}

/// What a subcommand's JSON must be.
fn validator(subcommand: &str) -> Validator {
    let mut schema = gotrace("schema");
    schema.arg(subcommand);
    let output = run(schema, &[]);
    assert!(output.status.success(), "{subcommand}: {}", complaint(&output));
    let schema: Value = serde_json::from_slice(&output.stdout).expect("a schema is JSON");
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("the schema of {subcommand}: {error}"))
}

/// Whether a call takes a file; another share of the files for each call.
fn is_taken(call: usize, path: &Path, share: u64) -> bool {
    let mut hasher = DefaultHasher::new();
    (call, path.strip_prefix(testdata()).expect("it is below")).hash(&mut hasher);
    hasher.finish().is_multiple_of(share)
}

fn assert_valid(share: u64) {
    let described = String::from_utf8(run(gotrace("schema"), &[]).stdout).expect("names are UTF-8");
    let described: Vec<&str> = described.lines().collect();
    let calls = CALLS.iter().enumerate().filter(|(_, call)| described.contains(&call.1));
    let validators: HashMap<&str, Validator> = described.iter().map(|name| (*name, validator(name))).collect();
    let files = files();
    let fitting = |kind| files.iter().filter(move |file| file.0 == kind);
    let taken = calls.flat_map(|(number, call)| {
        fitting(call.0).filter(move |(_, path)| is_taken(number, path, share)).map(move |(_, path)| (call, path))
    });
    let taken: Vec<_> = taken.collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(((_, name, options, after), path)) = taken.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut program = gotrace(name);
                    program.arg("--json").args(*options).arg(path).args(*after);
                    let output = run(program, &[]);
                    let what = format!("gotrace {name} {} {} {}", options.join(" "), path.display(), after.join(" "));
                    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{what}: {}", complaint(&output));
                    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                    assert_eq!(json["schema"], 1, "{what}");
                    let errors: Vec<_> = validators[name].iter_errors(&json).map(|error| error.to_string()).collect();
                    assert!(errors.is_empty(), "{what}: {:?}", &errors[..errors.len().min(3)]);
                }
            });
        }
    });
}

#[test]
fn json_is_as_its_schema_says() {
    assert_valid(SHARE);
}

#[test]
#[ignore = "takes minutes: every call on every file"]
fn all_json_is_as_its_schema_says() {
    assert_valid(1);
}
