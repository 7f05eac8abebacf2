//! Golden files of the output of subcommands, as text and as JSON.
//!
//! They check the layout. `tests/analyses` compares the numbers with Go's. `cargo insta review`
//! shows changes.

use std::path::{Path, PathBuf};

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{sample, testdata};
use serde_json::Value;

const VIEWS: [(&str, &str, &[&str]); 30] = [
    ("allocations", "go1.27/registry", &["--top", "6"]),
    ("allocations", "go1.27/registry", &["--top", "2", "--json"]),
    ("allocations", "go1.25/listeners", &["--goroutine", "11", "--top", "6"]),
    ("goroutines", "go1.27/gc", &[]),
    ("goroutines", "go1.27/gc", &["--by", "name", "--sort", "runnable"]),
    ("goroutines", "go1.27/gc", &["--group", "main.main.func1", "--as-go"]),
    ("goroutines", "go1.24/gc", &["--by", "label", "--json"]),
    ("goroutines", "go1.27/http", &["--details", "--top", "2", "--from", "1ms", "--to", "+2ms"]),
    ("blocking", "go1.27/http", &[]),
    ("blocking", "go1.27/http", &["--func", "serve", "--waits", "--top", "5"]),
    ("goroutines", "go1.26/channels", &["--by", "creator", "--json", "--group", ""]),
    ("profile", "go1.27/http", &["--kind", "net", "--folded"]),
    ("profile", "go1.27/mutex", &["--kind", "off-cpu", "--complete", "--folded"]),
    ("profile", "go1.25/cpuprofile", &["--kind", "cpu", "--folded"]),
    ("latency", "go1.27/gc", &["--over-time", "--top", "3"]),
    ("latency", "go1.23/stoptheworld", &["--json"]),
    ("tasks", "go1.27/annotations", &[]),
    ("tasks", "go1.21/annotations", &["--json", "--top", "0"]),
    ("tasks", "go1.27/annotations", &["--log", "e", "--top", "5"]),
    ("tasks", "go1.27/annotations", &["--category", "depth", "--json"]),
    ("procs", "go1.27/gc", &["--over-time"]),
    ("procs", "go1.22/syscalls", &["--json"]),
    ("threads", "go1.27/http", &[]),
    ("threads", "go1.22/syscalls", &["--json"]),
    ("latency", "go1.27/http", &["--slowest", "3"]),
    ("latency", "go1.26/gc", &["--slowest", "2", "--kind", "pause", "--json"]),
    ("gc", "go1.27/gc", &[]),
    ("gc", "go1.27/gc", &["--mmu"]),
    ("gc", "go1.27/gc", &["--mmu", "--flags", "perProc,stw,sweep", "--json"]),
    ("gc", "go1.27/gc", &["--svg", "/dev/stdout"]),
];

/// The output of a subcommand for a trace.
fn view(name: &str, trace: &str, args: &[&str]) -> String {
    let mut program = gotrace(name);
    let path = match name {
        "allocations" => testdata().join("allocations").join(format!("{trace}.trace")),
        _ => sample(trace).path,
    };
    program.args(args).arg(&path);
    let output = run(program, &[]);
    assert!(output.status.success(), "{name} {args:?}: {}", stderr(&output));
    // The output must not depend on the path of the repository.
    String::from_utf8(output.stdout).expect("UTF-8").replace(&path.display().to_string(), "trace.out")
}

#[test]
fn outputs_equal_their_golden_files() {
    for (name, trace, args) in VIEWS {
        let text = view(name, trace, args);
        if args.contains(&"--json") {
            let json: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(json["schema"], 1, "{name} {args:?}");
        }
        let call = format!("{name} {} {trace}", args.join(" "));
        let file = call.replace(['/', '.', ' ', '-', ','], "_").replace("__", "_");
        insta::with_settings!({ prepend_module_to_snapshot => false, description => call, omit_expression => true }, {
            insta::assert_snapshot!(file, text);
        });
    }
}

fn traces(before: &str, after: &str) -> [PathBuf; 2] {
    [sample(before).path, sample(after).path]
}

#[test]
fn compare_exits_with_1_if_a_condition_is_met() {
    let compare = |args: &[&str], files: [PathBuf; 2]| {
        let mut program = gotrace("compare");
        program.args(args).args(files);
        run(program, &[])
    };
    let gc = || traces("go1.22/gc", "go1.27/gc");
    // The values are 85.57 µs and 121.6 µs, an increase of 42 %.
    for (condition, status) in [
        ("gc.pause.max > +20%", 1),
        ("gc.pause.max > +50%", 0),
        ("gc.pause.max > 100us", 1),
        ("gc.pause.max > 1ms", 0),
        ("gc.pause.max > +30us", 1),
        ("mmu.1ms < 0.01", 0),
    ] {
        let output = compare(&["--fail-on", condition], gc());
        assert_eq!(output.status.code(), Some(status), "{condition}: {}", stderr(&output));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(text.contains("met: "), status == 1, "{condition}: {text}");
    }
    let json = compare(&["--json", "--only", "gc.pause", "--fail-on", "gc.pause.max > +20%"], gc());
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["met"], serde_json::json!(["gc.pause.max > +20%"]));
    let max = json["changes"].as_array().expect("an array").iter().find(|change| change["name"] == "gc.pause.max");
    let max = max.expect("the metric changed");
    assert_eq!((max["before"].as_f64(), max["after"].as_f64()), (Some(85_568.0), Some(121_600.0)));

    let same = compare(&["--fail-on", "sched.p99 > +0%"], traces("go1.27/gc", "go1.27/gc"));
    assert_eq!(same.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&same.stdout).contains("nothing changed"));

    for (condition, message) in [
        ("gc.pause.max", "neither > nor <"),
        ("gc.pause.max > often", "no limit"),
        ("no such number > 5", "neither trace has a metric"),
    ] {
        let output = compare(&["--fail-on", condition], gc());
        assert_eq!(output.status.code(), Some(2), "{condition}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    let missing = compare(&[], [sample("go1.27/gc").path, sample("go1.27/gc").path.with_extension("missing")]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("gc.missing: cannot read: "), "{}", stderr(&missing));

    let cut = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cut.trace");
    let bytes = sample("go1.27/gc").bytes();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("the target folder can be written");
    for files in [[sample("go1.27/gc").path, cut.clone()], [cut.clone(), sample("go1.27/gc").path]] {
        let output = compare(&[], files);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("cut.trace: the file ends inside a batch"), "{}", stderr(&output));
    }
}
