//! The samples in README.md are the output of the command, and the commands in its table run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gotrace_tests::command::{built, stderr};

use super::help;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the command is in a folder of the repository")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md is in the repository")
}

/// Runs a line in a shell with `gotrace` in `PATH`.
fn shell(line: &str, folder: &Path) -> Output {
    let mut path = OsString::from(built());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    shell.output().expect("sh is installed")
}

/// The text that a sample shows: all of it or, if the sample ends with a line `…`, the same number
/// of lines.
fn excerpt(printed: &str, sample: &str) -> String {
    let shown = match sample.lines().last() {
        Some("…") => sample.lines().count() - 1,
        _ => usize::MAX,
    };
    let mut text: String = printed.lines().take(shown).map(|line| format!("{}\n", line.trim_end())).collect();
    if printed.lines().count() > shown {
        text.push_str("…\n");
    }
    text
}

/// `INSTA_UPDATE=always` replaces the samples, as it replaces golden files.
#[test]
fn samples_in_readme_equal_the_output() {
    let readme = readme();
    let mut parts: Vec<String> = readme.split("```console\n").map(str::to_owned).collect();
    assert!(parts.len() > 3);
    let is_update = std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always");
    for part in &mut parts[1..] {
        let (block, rest) = part.split_once("```").expect("a block ends");
        let (line, sample) = block.split_once('\n').expect("a command and its output");
        let output = shell(line.strip_prefix("$ ").expect("a command"), root());
        let printed = String::from_utf8(output.stdout.clone()).expect("text is UTF-8");
        let printed = excerpt(&printed, sample);
        if !is_update {
            assert_eq!(printed, sample, "{line}: {}", stderr(&output));
        }
        *part = format!("{line}\n{printed}```{rest}");
    }
    if is_update {
        fs::write(root().join("README.md"), parts.join("```console\n")).expect("README.md can be written");
    }
}

#[test]
fn commands_in_the_table_of_readme_run() {
    let folder: PathBuf = help::folder("readme");
    let readme = readme();
    let row =
        |line: &str| line.strip_prefix("| ")?.split('`').find(|code| code.starts_with("gotrace ")).map(str::to_owned);
    let commands: Vec<String> = readme.lines().filter_map(row).collect();
    assert!(commands.len() >= 17, "{commands:?}");
    for command in commands {
        let before = help::files(&folder);
        let output = shell(&command, &folder);
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{command}: {}", stderr(&output));
        assert!(
            !output.stdout.is_empty() || help::files(&folder) != before,
            "{command} prints nothing and writes no file"
        );
    }
}
