//! The examples in the help of every subcommand run, in a folder with the files that they name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use gotrace_tests::command::{built, gotrace, run};
use gotrace_tests::corpus::testdata;

/// The files that examples may name, and the files of testdata that they are copies of.
const FILES: [(&str, &str); 15] = [
    ("trace.out", "traces/go1.27/http.trace"),
    ("before.out", "traces/go1.26/gc.trace"),
    ("after.out", "traces/go1.27/gc.trace"),
    ("allocations.out", "allocations/go1.27/registry.trace"),
    ("heap.1.pb.gz", "leaks/captures/go1.27/chansend/heap.1.pb.gz"),
    ("heap.2.pb.gz", "leaks/captures/go1.27/chansend/heap.2.pb.gz"),
    ("heap.3.pb.gz", "leaks/captures/go1.27/chansend/heap.3.pb.gz"),
    ("goroutine.1.pb.gz", "leaks/captures/go1.27/chansend/goroutine.1.pb.gz"),
    ("goroutine.2.pb.gz", "leaks/captures/go1.27/chansend/goroutine.2.pb.gz"),
    ("goroutine.3.pb.gz", "leaks/captures/go1.27/chansend/goroutine.3.pb.gz"),
    ("cpu.pb.gz", "profiles/go1.27/cpu.pb.gz"),
    ("gctrace.log", "gctrace/logs/go1.27-leak.log"),
    ("crash.log", "dumps/go1.27/crash-deadlock.txt"),
    ("dump.1.txt", "dumps/go1.27/channels.txt"),
    ("dump.2.txt", "dumps/go1.27/locks.txt"),
];

/// The subcommands for which `trace.out` is another trace, since the default one has nothing to
/// show.
const TRACES: [(&str, &str); 1] = [("tasks", "traces/go1.27/annotations.trace")];

/// The subcommands listed by `gotrace --help`.
pub fn subcommands() -> Vec<String> {
    let help = run(gotrace("--help"), &[]);
    let help = String::from_utf8(help.stdout).expect("help is UTF-8");
    let lines = help.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| name.chars().all(|c| c.is_ascii_lowercase())).map(str::to_owned).collect()
}

/// Creates the folder for the examples of a subcommand.
pub fn folder(subcommand: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("help").join(subcommand);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let own = TRACES.iter().filter(|(name, _)| *name == subcommand).map(|(_, file)| ("trace.out", *file));
    for (name, file) in FILES.into_iter().chain(own) {
        fs::copy(testdata().join(file), folder.join(name)).expect("the file is in testdata");
    }
    folder
}

/// The example commands in the help of a subcommand.
fn examples(subcommand: &str) -> Vec<String> {
    let mut program = gotrace(subcommand);
    program.arg("--help");
    let help = String::from_utf8(run(program, &[]).stdout).expect("help is UTF-8");
    let (_, examples) = help.split_once("Examples:\n").unwrap_or_default();
    let lines = examples.lines().map_while(|line| line.strip_prefix("  "));
    lines.filter(|line| line.starts_with("gotrace ")).map(str::to_owned).collect()
}

/// The modification time of each file.
pub fn files(folder: &Path) -> BTreeMap<OsString, SystemTime> {
    let entries = fs::read_dir(folder).expect("the folder exists").map(|entry| entry.expect("the folder is readable"));
    entries.map(|entry| (entry.file_name(), entry.metadata().and_then(|it| it.modified()).expect("a file"))).collect()
}

#[test]
fn every_example_in_the_help_runs() {
    let mut path = OsString::from(built());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut without = Vec::new();
    // The default features lack `view` and `report`, which the tests in a browser run.
    for name in subcommands().into_iter().filter(|name| !["help", "view", "report"].contains(&&**name)) {
        let folder = folder(&name);
        let examples = examples(&name);
        if examples.len() < 2 {
            without.push(name);
        }
        for example in examples {
            let before = files(&folder);
            let mut shell = Command::new("sh");
            shell.args(["-c", &example]).current_dir(&folder).env("PATH", &path).env_remove("NO_COLOR");
            let output = shell.stdin(Stdio::null()).output().expect("sh is installed");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{example}: {:?}: {stderr}", output.status);
            assert!(
                !output.stdout.is_empty() || files(&folder) != before,
                "{example} prints nothing and writes no file"
            );
        }
    }
    assert!(without.is_empty(), "fewer than two examples: {without:?}");
}
