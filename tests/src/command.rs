//! The command `gotrace`, run as a process.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

/// `target/PROFILE`, where cargo puts binaries.
pub fn built() -> PathBuf {
    let test = env::current_exe().expect("a test knows its path");
    test.parent().and_then(Path::parent).expect("tests are built into target/PROFILE/deps").to_owned()
}

/// A subcommand of `gotrace`. Only for tests of the package `gotrace-cli`, since cargo builds the
/// binary before them.
pub fn gotrace(subcommand: &str) -> Command {
    let mut command = Command::new(built().join("gotrace").with_extension(env::consts::EXE_EXTENSION));
    command.arg(subcommand);
    command
}

/// Runs a program with this standard input.
pub fn run(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    thread::scope(|scope| {
        // Writing fails if the program exits before it has read all.
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("the program exits")
    })
}

/// The standard error of a program.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}
