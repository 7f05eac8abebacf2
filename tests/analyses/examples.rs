//! The example programs, run by the commands in README.md.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gotrace_tests::command::{built, run, stderr};

/// Lines that each example prints for its command in README.md.
const PRINTED: &[(&str, &[&str])] = &[
    (
        "events",
        &[
            "    78.976µs  stop-the-world (start trace) starts",
            "   113.024µs  goroutine 1: Running -> Waiting (chan send) in runtime.chansend1:161",
            "  4.618561ms  Sync",
        ],
    ),
    (
        "summary",
        &[
            "trace format  go 1.26",
            "duration      4.3ms",
            "goroutines    36 (29 created, 24 exited)",
            "largest heap  3.19 MiB",
            "events        777",
            "        709  StateTransition",
            "          1  RangeEnd",
        ],
    ),
    (
        "goroutine",
        &[
            "goroutine 1 runs main.main",
            "created before the trace",
            "     93.44µs      4.1ms  Waiting (sync) in sync.(*WaitGroup).Wait:206, woken by goroutine 21",
            "  4.297536ms     29.7µs  Running",
        ],
    ),
    (
        "blocking",
        &[
            "     143.5ms       44  sync",
            "      19.4ms  goroutine 1: sync in sync.(*WaitGroup).Wait:206",
            "       6.4ms  goroutine 14: sync in sync.(*Mutex).Lock:46",
        ],
    ),
    (
        "gc",
        &[
            "2 collections in 2.7ms",
            "   2   1.554752ms    784.3µs    126.0µs    410.9µs  6.57 MiB -> 5.46 MiB",
            "5 stop-the-world pauses, 223.3µs in all",
            "the longest: 121.6µs for GC sweep termination",
        ],
    ),
    (
        "procs",
        &[
            "   0      620.5µs    3%       18.2ms        4           10",
            "   5        0.0ns    0%        9.8ms        1            0",
            "   7      127.3µs    1%       12.0ms        2            7",
        ],
    ),
    (
        "threads",
        &[
            "     14762        2.9µs        6.6ms          5  goroutine 12 (main.readOnce.func1)",
            "     14763        0.0ns        0.0ns          0  -",
            "     14766        2.8ms       15.2ms          4  goroutine 11 (main.readOnce.func1)",
        ],
    ),
    (
        "timeline",
        &[
            "36 goroutines, asked by 4 threads",
            "     231.0µs  goroutine 21 (main.main.func2)",
            "      60.9µs  goroutine 22 (main.main.func2)",
            "in the middle of the trace goroutines were: {\"Waiting\": 26}",
        ],
    ),
    (
        "tail",
        &[
            "+1.0s          179 events, 8 goroutines created, 0 exited, 21 waits, heap 2.6 MiB",
            "+2.0s          184 events, 0 goroutines created, 0 exited, 18 waits, heap 2.7 MiB",
            "+2.2s          116 events, 0 goroutines created, 5 exited, 8 waits, heap 2.7 MiB",
        ],
    ),
    (
        "observer",
        &[
            "24 wakeups",
            "       8  goroutine 8 woke goroutine 9",
            "       1  the runtime woke goroutine 12",
            "a woken goroutine ran after 321ns (median), 10.88µs (99th percentile)",
        ],
    ),
    (
        "mapped",
        &[
            "19304 bytes mapped, 657 events of 4 threads",
            "       152 events of thread 14153",
            "       198 events of thread 14157",
        ],
    ),
    ("heap_diff", &["memory in use changed by +5899.3 KiB", "   +5771.1 KiB    +5835.1 KiB  main.askSupplier"]),
    (
        "leak",
        &[
            "leak, evidence: strong",
            "126 goroutines are blocked in main.askSupplier (chan send), and nothing can wake them (based on: goroutineleak profile)",
            "  at    main.askSupplier (example.com/leaks/leak/chansend/main.go:42)",
            "main.askSupplier holds 5.7 MiB more after 3.0 s: 1.9 MiB → 4.8 MiB → 7.6 MiB (based on: heap profiles)",
            "  at    main.askSupplier (example.com/leaks/leak/chansend/main.go:40)",
        ],
    ),
];

/// The start of the commands in the table of examples in README.md.
const CARGO: &str = "cargo run --release --example ";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the repository")
}

/// The binary of an example. Cargo builds all examples before it runs the tests of the workspace.
fn program(name: &str) -> PathBuf {
    let path = built().join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "{} is missing: build it with cargo build --examples", path.display());
    path
}

/// The names and arguments in the table of examples in README.md.
fn commands() -> Vec<(String, String)> {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is in the repository");
    let row = |line: &str| {
        let command = line.strip_prefix("| ")?.split('`').find_map(|code| code.strip_prefix(CARGO))?;
        let (name, arguments) = command.split_once(" -- ").expect("each row names a file");
        Some((name.to_owned(), arguments.to_owned()))
    };
    readme.lines().filter_map(row).collect()
}

#[test]
fn examples_print_the_expected_lines_for_their_commands_in_readme() {
    for (name, arguments) in commands() {
        let mut shell = Command::new("sh");
        shell.current_dir(root()).args(["-c", &format!("\"$0\" {arguments}")]).arg(program(&name));
        let output = run(shell, b"");
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{name}");
        let text = String::from_utf8(output.stdout).expect("examples print text");
        let (_, lines) = PRINTED.iter().find(|(of, _)| *of == name).expect("each example has expected lines");
        for expected in *lines {
            assert!(text.lines().any(|line| line == *expected), "{name}: the line {expected:?} is missing in\n{text}");
        }
    }
}

#[test]
fn readme_lists_every_example_once() {
    let mut listed: Vec<String> = commands().into_iter().map(|(name, _)| name).collect();
    listed.sort();
    let files = fs::read_dir(root().join("examples")).expect("the folder is in the repository");
    let paths = files.map(|file| file.expect("the folder can be read").path());
    let rust = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut examples: Vec<String> = rust.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    examples.sort();
    assert_eq!(listed, examples);
    assert_eq!(listed.len(), PRINTED.len());
}

#[test]
fn without_an_argument_each_example_reads_its_default_file() {
    for (name, _) in commands() {
        let mut command = Command::new(program(&name));
        command.current_dir(root().join("src"));
        let output = run(command, b"");
        let default = match &*name {
            "heap_diff" => "heap.2.pb.gz: ",
            "leak" => "heap.1.pb.gz: ",
            _ => "trace.out: ",
        };
        assert_eq!(output.status.code(), Some(1), "{name}");
        let stderr = stderr(&output);
        assert!(stderr.starts_with(default) && stderr.contains("No such file"), "{name}: {stderr}");
    }
}

/// `tail` prints a generation before the trace is complete.
#[test]
fn tail_follows_a_trace_that_is_being_written() {
    let trace = fs::read(root().join("testdata/traces/go1.27/generations.trace")).expect("the trace is in testdata");
    let (early, late) = trace.split_at(trace.len() - 100);
    let mut command = Command::new(program("tail"));
    let mut child = command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("stdin is piped");
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));

    input.write_all(early).expect("tail reads its input");
    let first = lines.recv_timeout(Duration::from_secs(60)).expect("tail prints the first generation");
    assert!(first.starts_with("+1.0s          179 events"), "{first}");
    input.write_all(late).expect("tail reads its input");
    drop(input);
    assert!(child.wait().expect("tail exits").success());
    assert_eq!(lines.iter().count(), 2);
}
