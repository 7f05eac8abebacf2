//! `gotrace heap`.

use std::process::Output;

use gotrace::pprof::{By, Report};
use serde_json::{Value, json};

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::sample;
use gotrace_tests::profiles as files;

fn heap(args: &[&str], files: &[&str]) -> Output {
    let mut program = gotrace("heap");
    program.args(args).args(files.iter().map(|name| files::path(name)));
    run(program, &[])
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json(args: &[&str], files: &[&str]) -> Value {
    serde_json::from_str(&stdout(&heap(&[args, &["--json"]].concat(), files))).expect("JSON")
}

/// `tools/pprof.rs` compares the sums with those of `go tool pprof`.
#[test]
fn json_has_all_four_values_of_each_function() {
    let report = Report::new(&files::open(&files::path("go1.27/heap-later")), By::Function).expect("a valid profile");
    let object = json(&["--top", "0"], &["go1.27/heap-later"]);
    assert_eq!(
        (&object["schema"], &object["kind"], &object["sample"]),
        (&json!(1), &json!("heap"), &json!("inuse_space"))
    );
    let functions = object["rows"].as_array().expect("an array");
    let any = |values: &[i64]| values.iter().any(|&value| value != 0);
    assert_eq!(functions.len(), report.rows().filter(|row| any(row.flat) || any(row.cum)).count());
    for function in functions {
        let row = report.find(function["name"].as_str().expect("a name")).expect("the function is in the report");
        for (i, it) in report.sample_types().iter().enumerate() {
            assert_eq!(function["values"][&it.kind], json!({ "flat": row.flat[i], "cum": row.cum[i] }), "{function}");
        }
    }
    let flat: Vec<i64> =
        functions.iter().filter_map(|function| function["values"]["inuse_space"]["flat"].as_i64()).collect();
    assert!(flat.is_sorted_by(|a, b| a >= b), "the largest comes first: {flat:?}");
    assert_eq!(functions[0]["name"], "main.(*cache[go.shape.string,go.shape.[]uint8]).fill");
}

#[test]
fn growth_between_two_profiles_is_in_the_order_of_their_times() {
    let object = json(&["--by", "package"], &["go1.27/heap-later", "go1.27/heap"]);
    let seconds = object["growth"]["duration_ns"].as_f64().expect("the profiles have times") / 1e9;
    assert!((0.19..2.0).contains(&seconds), "{seconds}");
    let main = &object["growth"]["rows"][0];
    assert_eq!(main["name"], "main");
    let (first, last) = (main["flat"][0].as_f64().expect("a number"), main["flat"][1].as_f64().expect("a number"));
    assert!(first < last, "{main}");
    let rate = main["flat_per_second"].as_f64().expect("the time is known");
    assert!((rate - (last - first) / seconds).abs() < 1e-3, "{main}");
}

#[test]
fn diff_base_is_subtracted() {
    let base = files::path("go1.24/heap").display().to_string();
    let difference = json(&["--top", "0", "--diff-base", &base], &["go1.24/heap-later"]);
    let total = |name: &str| json(&[], &[name])["total"]["inuse_space"].as_i64().expect("a number");
    assert_eq!(difference["total"]["inuse_space"], total("go1.24/heap-later") - total("go1.24/heap"));
}

/// The percentages of `go tool pprof -top -diff_base`, which are of the base's total.
#[test]
fn a_difference_says_that_it_is_one() {
    let base = files::path("go1.27/heap").display().to_string();
    let text = stdout(&heap(&["--wide", "--diff-base", &base], &["go1.27/heap-later"]));
    assert!(text.starts_with(&format!("heap profile, difference from {base}: +561 KiB of inuse_space; ")), "{text}");
    let row = |name: &str| text.lines().find(|line| line.ends_with(name)).expect("a row").to_owned();
    assert!(row("  main.inner").contains("175 %"), "{text}");
    let negative = row("  main.recurse");
    assert!(negative.contains("−46.3 KiB  −27 %") && !negative.contains('-'), "{text}");
}

#[test]
fn options_of_pprof_are_named() {
    for (option, instead) in
        [("-top", "without an option"), ("-diff_base=a", "--diff-base BASE"), ("-http=:80", "pprof")]
    {
        let mut program = gotrace("heap");
        program.arg(option).arg(files::path("go1.27/heap"));
        let output = run(program, &[]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(stderr(&output).contains("is an option of go tool pprof; "), "{}", stderr(&output));
        assert!(stderr(&output).contains(instead), "{}", stderr(&output));
    }
}

#[test]
fn a_profile_without_samples_says_so() {
    let mut program = gotrace("profile");
    program.args(["--kind", "cpu"]).arg(sample("go1.27/http").path);
    let profile = run(program, &[]).stdout;
    let mut program = gotrace("heap");
    program.arg("-");
    let text = stdout(&run(program, &profile));
    assert_eq!(text.lines().last(), Some("the profile has no samples"), "{text}");
}

#[test]
fn the_output_is_the_same_for_a_file_and_standard_input() {
    let by_name = stdout(&heap(&[], &["go1.27/heap"]));
    let mut program = gotrace("heap");
    program.arg("-");
    let bytes = std::fs::read(files::path("go1.27/heap")).expect("the file is in testdata");
    assert_eq!(stdout(&run(program, &bytes)), by_name);
    assert!(by_name.contains("FLAT%") && by_name.contains("main.recurse"), "{by_name}");
}

#[test]
fn other_files_and_incompatible_profiles_are_refused_in_one_line() {
    /// Arguments, profiles, standard input and the error message.
    type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a [u8], &'a str);
    let text = b"heap profile: 1: 2 [3: 4] @ heap/524288\n1: 2\n";
    let cases: [Case<'_>; 6] = [
        (&["-"], &[], text, "found \"1: 2\" in line 2; the text was changed or cut: capture it again"),
        (
            &["-"],
            &[],
            b"<html>\n",
            "this is an HTML page, not a pprof profile (it begins with \"<html>\"); an error page",
        ),
        (&["-"], &[], b"", "standard input: this is an empty file"),
        (
            &["-"],
            &[],
            b"\x1f\x8b\x08",
            "its gzip data is damaged or cut off; it was probably copied before it was complete",
        ),
        (&["--sample", "cpu"], &["go1.27/heap"], b"", "the profile has no sample type cpu; it has alloc_objects, "),
        (&[], &["go1.27/heap", "go1.27/cpu"], b"", "no sample type in common: one is of kind heap, the other cpu"),
    ];
    for (args, files, input, message) in cases {
        let mut program = gotrace("heap");
        program.args(args).args(files.iter().map(|name| files::path(name)));
        let output = run(program, input);
        let stderr = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(message) && stderr.lines().count() == 1, "{message:?} in {stderr:?}");
    }
}

#[test]
fn a_value_without_a_name_is_called_value() {
    // A sample type without a type and a unit, and a sample of 53 without a stack.
    let profile = b"\x0a\x00\x12\x02\x10\x35\x32\x00";
    let run_with = |args: &[&str]| {
        let mut program = gotrace("heap");
        program.args(args).arg("-");
        stdout(&run(program, profile))
    };
    assert!(run_with(&[]).starts_with("other profile: 53 of value\n"), "{}", run_with(&[]));
    let object: Value = serde_json::from_str(&run_with(&["--json"])).expect("JSON");
    assert_eq!((&object["sample"], &object["total"]), (&json!("value"), &json!({ "value": 53 })));
    assert_eq!(run_with(&["--sample", "value"]), run_with(&[]));
}
