//! `go tool pprof`, if there is a Go 1.27.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The tool's binary, built if need be; `None`, with a word on standard error, without a Go 1.27.
pub fn pprof() -> Option<PathBuf> {
    let Some(goroot) = std::env::var_os("GOTRACE_GOROOT") else {
        eprintln!("skipped: GOTRACE_GOROOT is not set");
        return None;
    };
    let goroot = Path::new(&goroot);
    let tool = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-tool-pprof");
    if !tool.exists() {
        // Tests run side by side, and each may build it: the last to be done wins.
        let built = tool.with_extension(format!("{:?}", std::thread::current().id()));
        let status = Command::new(goroot.join("bin/go"))
            .args(["build", "-o"])
            .arg(&built)
            .arg("cmd/pprof")
            .current_dir(goroot.join("src/cmd"))
            .env("GOROOT", goroot)
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0")
            .status()
            .expect("GOTRACE_GOROOT has bin/go");
        assert!(status.success(), "cmd/pprof builds");
        std::fs::rename(&built, &tool).expect("the directory is ours");
    }
    Some(tool)
}

/// What the tool prints when it is called with these arguments.
pub fn run(tool: &Path, args: &[&str]) -> String {
    let output =
        Command::new(tool).args(args).env("PPROF_TMPDIR", env!("CARGO_TARGET_TMPDIR")).output().expect("it was built");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("our names are UTF-8")
}
