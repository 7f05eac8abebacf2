//! What README.md shows is what the command prints, and the commands in its table run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gotrace_tests::command::{built, complaint};

use super::help;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the command is in a folder of the repository")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md is there")
}

/// Runs a line by a shell that finds `gotrace`.
fn shell(line: &str, folder: &Path) -> Output {
    let mut path = OsString::from(built());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    shell.output().expect("there is a shell")
}

/// Whether a text has these lines, where a line of `…` stands for any number of lines.
fn matches(printed: &str, sample: &str) -> bool {
    let mut rest: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let lines: Vec<&str> = sample.lines().collect();
    for (number, part) in lines.split(|line| *line == "…").enumerate() {
        let found = match (number, part.len()) {
            (_, 0) => Some(0),
            (0, _) => rest.starts_with(part).then_some(0),
            (_, len) => rest.windows(len).position(|lines| lines == part),
        };
        let Some(at) = found else { return false };
        rest.drain(..at + part.len());
    }
    rest.is_empty() || lines.last() == Some(&"…")
}

#[test]
fn samples_in_readme_are_real() {
    let readme = readme();
    let blocks: Vec<&str> =
        readme.split("```console\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    assert!(blocks.len() >= 3);
    for block in blocks {
        let (line, sample) = block.split_once('\n').expect("a command and its output");
        let output = shell(line.strip_prefix("$ ").expect("a command"), root());
        let printed = String::from_utf8(output.stdout.clone()).expect("text is UTF-8");
        assert!(matches(&printed, sample), "{line} prints\n{printed}{}\nREADME.md has\n{sample}", complaint(&output));
    }
}

#[test]
fn commands_in_readme_run() {
    let folder: PathBuf = help::folder("readme");
    let readme = readme();
    let row =
        |line: &str| line.strip_prefix("| ")?.split('`').find(|code| code.starts_with("gotrace ")).map(str::to_owned);
    let commands: Vec<String> = readme.lines().filter_map(row).collect();
    assert!(commands.len() >= 17, "{commands:?}");
    for command in commands {
        let before = help::files(&folder);
        let output = shell(&command, &folder);
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{command}: {}", complaint(&output));
        assert!(!output.stdout.is_empty() || help::files(&folder) != before, "{command} prints and writes nothing");
    }
}
