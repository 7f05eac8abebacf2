//! Options that select: what they select, and the error if nothing matches.

use std::collections::BTreeMap;
use std::process::Output;

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::sample;
use regex::Regex;
use serde_json::Value;

fn call(name: &str, trace: &str, args: &[&str]) -> Output {
    let mut program = gotrace(name);
    program.arg(sample(trace).path).args(args);
    run(program, &[])
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json(name: &str, trace: &str, args: &[&str]) -> Value {
    serde_json::from_str(&text(&call(name, trace, &[args, &["--json"]].concat()))).expect("JSON")
}

#[test]
fn slowest_lists_tasks_by_duration_with_their_waits() {
    for trace in ["go1.27/annotations", "go1.22/annotations", "go1.21/annotations"] {
        let all = json("tasks", trace, &[]);
        let slowest = &json("tasks", trace, &["--slowest", "100"])["slowest"];
        assert_eq!(slowest["task_count"], all["task_count"], "{trace}");
        let tasks = slowest["tasks"].as_array().expect("tasks");
        assert_eq!(slowest["matching"].as_u64(), Some(tasks.len() as u64), "{trace}");
        let durations: Vec<u64> = tasks.iter().filter_map(|task| task["duration_ns"].as_u64()).collect();
        assert!(durations.len() == tasks.len() && durations.is_sorted_by(|a, b| a >= b), "{trace}: {durations:?}");
        for task in tasks {
            if let (Some(start), Some(end)) = (task["start_ns"].as_i64(), task["end_ns"].as_i64()) {
                assert_eq!(task["duration_ns"].as_i64(), Some(end - start), "{trace}: {task}");
            }
            let nanos = |value: &Value, key: &str| value[key].as_u64().expect("nanoseconds");
            let waits = task["waits"].as_array().expect("waits");
            let waits: u64 = waits.iter().map(|wait| nanos(wait, "total_ns")).sum();
            let states: u64 = ["running_ns", "runnable_ns", "syscall_ns"].iter().map(|key| nanos(task, key)).sum();
            let goroutines = task["goroutines"].as_array().expect("goroutines");
            let total: u64 = goroutines.iter().map(|goroutine| nanos(goroutine, "total_ns")).sum();
            assert_eq!(states + waits, total, "{trace}: {task}");
        }
        let few = &json("tasks", trace, &["--slowest", "1"])["slowest"];
        assert_eq!(few["tasks"].as_array().map(Vec::len), Some(1), "{trace}");
        assert_eq!(few["tasks"][0], tasks[0], "{trace}");
        let text = text(&call("tasks", trace, &["--slowest", "1"]));
        assert!(text.contains(&format!("task {} ", tasks[0]["id"])), "{trace}: {text}");
    }
}

#[test]
fn a_name_selects_the_slowest_tasks() {
    let slowest = |args: &[&str]| json("tasks", "go1.27/annotations", args)["slowest"].clone();
    assert_eq!(slowest(&["--name", "fan out"]), slowest(&["--name", "fan out", "--slowest", "10"]));
    assert_eq!(slowest(&["--slowest", "0"])["tasks"].as_array().map(Vec::len), Some(15));
    // The program starts one task without a name, and one starts before the trace.
    let text = text(&call("tasks", "go1.27/annotations", &["--slowest", "0"]));
    let names = text.lines().filter(|line| line.starts_with("task "));
    let names: Vec<&str> = names.filter(|line| line.contains("\"\"") || line.contains("(started before")).collect();
    assert_eq!(names.len(), 2, "{text}");
    assert!(text.contains("the timer  "), "what the runtime woke has its name: {text}");
}

#[test]
fn goroutines_are_given_as_a_list() {
    let ids = |args: &[&str]| json("goroutine", "go1.27/http", args)["matches"].clone();
    assert_eq!(ids(&["--goroutine", "1,18"]), ids(&["--goroutine", "1", "--goroutine", "18"]));
    assert_eq!(ids(&["--goroutine", "1,18"]).as_array().map(Vec::len), Some(2));
}

/// A goroutine that spends its time in system calls shows it, at any width.
#[test]
fn a_column_with_a_large_share_stays() {
    for width in ["80", "90", "100"] {
        let mut program = gotrace("goroutines");
        program.arg(sample("go1.27/cpuprofile").path).env("COLUMNS", width);
        let text = text(&run(program, &[]));
        assert!(
            text.lines().nth(1 + usize::from(width == "80")).is_some_and(|head| head.contains("SYSCALL")),
            "{text}"
        );
    }
}

#[test]
fn the_error_for_an_unknown_task_lists_the_names_of_tasks() {
    let names = json("tasks", "go1.27/annotations", &["--sort", "name"]);
    let name = names["tasks"][0]["name"].as_str().expect("a name").to_owned();
    let found = stderr(&call("tasks", "go1.27/annotations", &["--slowest", "3", "--name", "nosuch"]));
    assert!(found.contains(&format!("the trace has 15 tasks, named {name}")), "{found}");
    let none = call("tasks", "go1.27/gc", &[]);
    assert!(String::from_utf8_lossy(&none.stdout).contains("NewTask"), "{none:?}");
    let refused = call("tasks", "go1.27/annotations", &["--from", "1ms"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("need --slowest N or a search"), "{}", stderr(&refused));
}

type Folded = BTreeMap<String, i64>;

fn folded(args: &[&str]) -> Folded {
    let text =
        text(&call("profile", "go1.27/http", &[&["--folded", "--complete", "--kind", "off-cpu"], args].concat()));
    let line = |line: &str| {
        let (stack, nanos) = line.rsplit_once(' ')?;
        Some((stack.to_owned(), nanos.parse().ok()?))
    };
    text.lines().map(|it| line(it).expect("a stack and nanoseconds")).collect()
}

#[test]
fn options_of_profile_select_stacks_goroutines_and_time() {
    let whole = folded(&[]);
    let has_stack =
        |(stack, nanos): (&String, &i64)| (!stack.starts_with("(no stack)")).then(|| (stack.clone(), *nanos));
    for (args, pattern) in
        [(["--func", r"conn\)\.serve"], r"conn\)\.serve"), (["--package", "net/http"], r"(^|;)net/http[./]")]
    {
        let pattern = Regex::new(pattern).expect("a pattern");
        let expected: Folded =
            whole.iter().filter(|(stack, _)| pattern.is_match(stack)).filter_map(has_stack).collect();
        let found: Folded = folded(&args).iter().filter_map(has_stack).collect();
        assert!(!expected.is_empty() && expected.len() < whole.len(), "{args:?}");
        assert_eq!(found, expected, "{args:?}");
    }
    // Two parts of time, and the time of single goroutines, add up.
    let sum = |folded: &Folded| folded.values().sum::<i64>();
    let parts = sum(&folded(&["--to", "2ms"])) + sum(&folded(&["--from", "+2ms"]));
    assert_eq!(parts, sum(&whole));
    let one = folded(&["--goroutine", "1"]);
    let rest = sum(&folded(&["--goroutine", "1", "--goroutine", "18"])) - sum(&one);
    assert!(sum(&one) > 0 && rest >= 0 && sum(&one) + rest <= sum(&whole));
}

/// A selection that matches nothing: the subcommand, the trace, the options, and two parts of the
/// error message.
type Nothing = (&'static str, &'static str, &'static [&'static str], &'static str, &'static str);

const NOTHING: [Nothing; 29] = [
    ("goroutines", "go1.27/labels", &["--label", "a=b"], "no goroutine has this label", "the labels are 'GC (idle)'"),
    ("blocking", "go1.27/annotations", &["--label", "a=b"], "matches --label a=b; ", "labels"),
    (
        "goroutines",
        "go1.27/http",
        &["--group", "main.main", "--func", "serv"],
        "--func serv; ",
        "did you mean 'net/http",
    ),
    ("blocking", "go1.27/http", &["--reason", "sink"], "no wait matches --reason sink; ", "did you mean 'sync'?"),
    (
        "blocking",
        "go1.27/http",
        &["--reason", "zzz"],
        "no wait matches --reason zzz; ",
        "reasons are blocked since before the trace, network, ",
    ),
    ("blocking", "go1.27/http", &["--min", "2s"], "no wait matches --min '2.00 s'; ", "the trace has 126 waits"),
    ("blocking", "go1.27/http", &["--func", "no (such)"], "--func 'no (such)'; ", "the trace has 126 waits"),
    ("blocking", "go1.27/gc", &["--func", "bgscav"], "no wait matches --func bgscav; ", "--idle includes them"),
    ("goroutines", "go1.27/http", &["--group", "main.mai"], "no goroutine matches --group ", "did you mean 'main.main"),
    ("goroutines", "go1.27/http", &["--package", "nosuch"], "no goroutine matches --package ", "the groups with "),
    ("goroutine", "go1.27/http", &["--func", "mian"], "no goroutine matches --func mian; ", "did you mean 'main"),
    ("goroutine", "go1.27/labels", &["--label", "a=b"], "no goroutine matches --label a=b; ", "the labels are 'GC (f"),
    (
        "goroutine",
        "go1.27/http",
        &["--goroutine", "1", "--reason", "zz"],
        "matches --reason zz; ",
        "it waited for sync",
    ),
    (
        "goroutine",
        "go1.27/http",
        &["--goroutine", "1", "--min", "2s"],
        "no span of goroutine 1 matches ",
        "all its spans",
    ),
    ("gc", "go1.27/http", &["--from", "1ms"], "no collection or pause matches --from +1.000ms; ", "lasts 4.33 ms"),
    ("latency", "go1.27/http", &["--func", "nosuch"], "matches --func nosuch; ", "gotrace goroutines"),
    ("threads", "go1.27/http", &["--package", "nosuch"], "no thread matches --package nosuch; ", "gotrace goroutines"),
    (
        "tasks",
        "go1.27/annotations",
        &["--slowest", "3", "--name", "zz"],
        "no task matches --name zz; ",
        "the trace has 15 tasks, named ",
    ),
    ("tasks", "go1.27/annotations", &["--slowest", "3", "--min", "2s"], "no task matches ", "the longest took 1.16 ms"),
    (
        "tasks",
        "go1.27/annotations",
        &["--log", "no text"],
        "no log message matches --log 'no text'; ",
        "has 17 messages",
    ),
    (
        "tasks",
        "go1.27/gc",
        &["--category", "a"],
        "no log message matches --category a; ",
        "the trace has no log messages",
    ),
    ("compare", "go1.27/gc", &["--only", "nosuch"], "no metric matches --only nosuch; ", "--noise --top 0 lists the "),
    (
        "profile",
        "go1.27/http",
        &["--kind", "net", "--group", "zz"],
        "no network wait matches --group zz; ",
        "started in ",
    ),
    ("profile", "go1.27/http", &["--kind", "sync", "--func", "zz"], " matches --func zz; ", "started in "),
    ("profile", "go1.27/http", &["--kind", "sched", "--region", "zz"], " matches --region zz; ", "waits for a P"),
    (
        "profile",
        "go1.27/http",
        &["--kind", "cpu", "--goroutine", "1"],
        "no CPU sample matches ",
        "did not run the CPU ",
    ),
    (
        "procs",
        "go1.27/http",
        &["--from", "1s"],
        "no part of the trace is between --from and --to: ",
        "from +0 s to +4.327 ms",
    ),
    (
        "blocking",
        "go1.27/http",
        &["--from", "1s"],
        "no part of the trace is between --from and --to: ",
        "from +0 s to +4.327 ms",
    ),
    ("dump", "go1.27/http", &["--from", "1s"], "no event is between --from and --to; ", "gotrace summary"),
];

#[test]
fn selections_that_match_nothing_are_errors_with_a_suggestion() {
    for (name, trace, args, what, instead) in NOTHING {
        let mut calls = vec![args.to_vec()];
        match name {
            "profile" => calls[0].push("--folded"),
            "dump" => {}
            _ => calls.push([args, &["--json"]].concat()),
        }
        for args in calls {
            let mut program = gotrace(name);
            program.args(&args).arg(sample(trace).path);
            if name == "compare" {
                program.arg(sample(trace).path);
            }
            let output = run(program, &[]);
            let stderr = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{name} {args:?}: {stderr}");
            assert!(stderr.starts_with(&format!("gotrace {name}: ")), "{stderr}");
            assert!(stderr.contains(what) && stderr.contains(instead), "{name} {args:?}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(args.contains(&"--json") || output.stdout.is_empty(), "{name} {args:?}");
        }
    }
}

#[test]
fn an_empty_output_without_a_selection_is_not_an_error() {
    for (name, trace, args, answer) in [
        ("tasks", "go1.27/gc", &[][..], "the trace has no tasks or regions"),
        ("tasks", "go1.27/gc", &["--slowest", "3"], "the trace has no tasks"),
        ("tasks", "go1.27/gc", &["--log", ""], "the trace has no log messages"),
        ("compare", "go1.27/gc", &[], "nothing changed"),
    ] {
        let mut program = gotrace(name);
        program.args(args).arg(sample(trace).path);
        if name == "compare" {
            program.arg(sample(trace).path);
        }
        let output = run(program, &[]);
        assert!(text(&output).starts_with(answer), "{name} {args:?}: {output:?}");
    }
    let output = call("profile", "go1.27/http", &["--kind", "cpu", "--folded"]);
    assert!(text(&output).is_empty());
    assert!(stderr(&output).contains("the trace has no CPU samples"), "{output:?}");
}

#[test]
fn compare_prints_a_markdown_table_with_the_largest_effects() {
    let compare = |args: &[&str]| {
        let mut program = gotrace("compare");
        program.args(args).args(["go1.22/gc", "go1.27/gc"].map(|name| sample(name).path));
        text(&run(program, &[]))
    };
    let markdown = compare(&["--format", "markdown", "--top", "3"]);
    let rows = markdown.lines().filter(|line| line.starts_with("| `")).count();
    assert!(markdown.starts_with("### gotrace compare: ") && rows == 3, "{markdown}");
    assert!(markdown.contains("|---|--:|--:|--:|---|"), "{markdown}");
    assert_eq!(compare(&["--json"]), compare(&["--format", "json"]));

    let read = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
    let (some, all) = (read(&compare(&["--json"])), read(&compare(&["--json", "--noise", "--top", "0"])));
    let effects: Vec<f64> =
        some["changes"].as_array().into_iter().flatten().filter_map(|change| change["effect"].as_f64()).collect();
    assert!(effects.len() > 3 && effects.is_sorted_by(|a, b| a >= b), "{effects:?}");
    let is_noise = |change: &Value| change["is_noise"] == true;
    assert!(some["changes"].as_array().is_some_and(|changes| !changes.iter().any(is_noise)));
    assert!(all["changes"].as_array().is_some_and(|changes| changes.iter().any(is_noise)));
}
