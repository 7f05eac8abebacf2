//! The example programs, run as a user runs them.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;

/// An example program, up to date whichever tests are run.
pub fn example(name: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(build);
    Command::new(folder.join(name).with_extension(env::consts::EXE_EXTENSION))
}

/// `cargo test` builds the examples, `cargo test --test NAME` does not. Gives target/PROFILE/examples.
fn build() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(Path::parent).expect("tests are built into target/PROFILE/deps");
    // The profiles test and dev share a folder.
    let name = if profile.ends_with("debug") { "test".as_ref() } else { profile.file_name().unwrap_or_default() };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--examples", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).arg("--profile").arg(name);
    assert!(cargo.status().expect("cargo starts").success(), "the examples do not build");
    profile.join("examples")
}

/// Runs a program on some input.
pub fn run(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    thread::scope(|scope| {
        // A program that has seen enough does not read to the end.
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("the program ends")
    })
}

/// What it wrote to standard error.
pub fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}
