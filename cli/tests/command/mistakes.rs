//! The error messages for command lines that are nearly right.

use std::path::Path;
use std::process::Output;

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{sample, testdata};

/// Runs a command, with `FILE` for a trace.
fn call(args: &[&str]) -> Output {
    let path = sample("go1.27/gc").path;
    let args = args.iter().map(|arg| if *arg == "FILE" { path.as_os_str() } else { arg.as_ref() });
    let mut args = args.collect::<Vec<_>>().into_iter();
    let name = args.next().expect("a command");
    let mut program = gotrace(name.to_str().expect("UTF-8"));
    program.args(args);
    run(program, &[])
}

#[test]
fn they_are_answered_with_what_to_do() {
    for (args, message) in [
        (&["FILE"][..], "give a command first, such as gotrace summary "),
        (&["trace", "FILE"], "there is no command trace; give a command first, such as gotrace summary "),
        (&["sumary", "FILE"], "'summary'"),
        (&["goroutines", "FILE", "--from", "-1s"], "an offset cannot be negative"),
        (&["goroutines", "FILE", "--top", "-1"], "give a whole number of 0 or more"),
        (&["goroutines", "FILE", "--label", ""], "give the text of a label"),
        (&["blocking", "FILE", "--min", "-1s"], "a duration cannot be negative"),
        (&["gc", "FILE", "--flags", "stw"], "--flags needs --mmu or --svg FILE"),
        (&["dump", "FILE", "--time", "wall"], "dump prints times as go tool trace does"),
        (&["summary", "http://localhost:6060/debug/pprof/trace?seconds=5"], "curl -s 'http://localhost:6060/"),
        (&["gctrace", "FILE", "--confidence", "1"], "give a number between 0 and 1, both excluded"),
    ] {
        let output = call(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(message), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn other_compressed_files_are_named() {
    for (head, message) in [
        (&b"BZh91AY&SY"[..], "this is a bzip2 file; unpack it first: bunzip2 FILE"),
        (b"\xfd7zXZ\0\0\x04", "this is an xz file; unpack it first: unxz FILE"),
    ] {
        let mut program = gotrace("summary");
        program.arg("-");
        let output = run(program, head);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_shown_as_asked_is_noted() {
    let mut program = gotrace("goroutine");
    program.arg(sample("go1.24/gc").path).args(["1", "--time", "wall"]);
    let output = run(program, &[]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("this trace has no wall time"), "{}", stderr(&output));

    let svg = Path::new(env!("CARGO_TARGET_TMPDIR")).join("noted.svg");
    let output = call(&["gc", "FILE", "--svg", svg.to_str().expect("UTF-8")]);
    assert!(output.status.success() && stderr(&output).contains("wrote "), "{}", stderr(&output));
}

/// A trend that the confidence interval does not bear out is none, and rates have one unit.
#[test]
fn a_short_log_is_not_judged() {
    let log = std::fs::read_to_string(testdata().join("gctrace/logs/go1.27-leak.log")).expect("the log");
    let lines =
        |count: usize| log.lines().filter(|line| line.starts_with("gc ")).take(count).collect::<Vec<_>>().join("\n");
    for (count, trend) in [(7, None), (11, Some("no clear trend")), (40, Some("rising 65.6 MiB/s"))] {
        let mut program = gotrace("gctrace");
        program.arg("-");
        let output = run(program, lines(count).as_bytes());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let headline = text.lines().next().unwrap_or_default();
        assert!(trend.is_none_or(|trend| headline.contains(trend)), "{count}: {text}");
        assert_eq!(headline.contains("rising"), count == 40, "{count}: {text}");
        assert!(!text.contains("per minute"), "{text}");
    }
    let mut program = gotrace("gctrace");
    program.args(["--max-cycles", "1", "-"]);
    let text = String::from_utf8(run(program, log.as_bytes()).stdout).expect("UTF-8");
    assert!(text.contains("share of CPU in GC not known") && !text.contains("unknown"), "{text}");
}

/// PowerShell's `>` writes text in UTF-16. A log survives that, a trace does not.
#[test]
fn text_in_utf16_is_decoded_and_binary_data_is_refused() {
    let utf16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let log = std::fs::read_to_string(testdata().join("gctrace/logs/go1.27-leak.log")).expect("the log");
    let with = |input: &[u8], command: &str| {
        let mut program = gotrace(command);
        program.arg("-");
        run(program, input)
    };
    let (plain, decoded) = (with(log.as_bytes(), "gctrace"), with(&utf16(&log), "gctrace"));
    assert!(plain.status.success() && !plain.stdout.is_empty());
    assert_eq!(decoded.stdout, plain.stdout, "{}", stderr(&decoded));
    let trace = with(&utf16("go 1.23 trace\0\0\0"), "summary");
    assert_eq!(trace.status.code(), Some(2));
    assert!(stderr(&trace).contains("PowerShell"), "{}", stderr(&trace));
}

#[test]
fn a_log_of_go_1_4_is_named_as_too_old() {
    let mut program = gotrace("gctrace");
    program.arg("-");
    let log =
        b"gc1(1): 4+0+183+0 us, 0 -> 0 MB, 18 (19-1) objects, 0/0/0 sweeps, 0(0) handoff, 0(0) steal, 0/0/0 yields\n";
    let output = run(program, log);
    assert_eq!(output.status.code(), Some(2));
    let expected = "1 GC cycle in the format of Go 1.4 and older; logs of Go 1.5 and later are read";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}
