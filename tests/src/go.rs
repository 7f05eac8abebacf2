//! Go's tools, for tests that compare with them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The reason that a test is skipped.
pub type Missing = String;

/// The Go 1.27.3 installation at `GOTRACE_GOROOT`.
pub fn goroot() -> Result<PathBuf, Missing> {
    let goroot = std::env::var_os("GOTRACE_GOROOT").map(PathBuf::from);
    let goroot = goroot.ok_or("needs Go: set GOTRACE_GOROOT to what .ci/go-toolchain 1.27.3 prints")?;
    match goroot.join("bin/go").is_file() {
        true => Ok(goroot),
        false => Err(format!("needs Go: GOTRACE_GOROOT is {}, which has no bin/go", goroot.display())),
    }
}

/// The binary of `go tool trace`, built if necessary.
pub fn trace_tool() -> Result<PathBuf, Missing> {
    tool("--trace-tool")
}

/// The binary of `go tool pprof`, built if necessary.
pub fn pprof_tool() -> Result<PathBuf, Missing> {
    tool("--pprof-tool")
}

fn tool(option: &str) -> Result<PathBuf, Missing> {
    goroot()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".ci").join("go-toolchain");
    let built = Command::new(script).arg(option).output().map_err(|error| format!("needs bash: {error}"))?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Ok(PathBuf::from(String::from_utf8(built.stdout).expect("a path").trim()))
}

/// Builds a program of one file, with more arguments of `go build`.
pub fn build(source: &Path, options: &[&str], program: &Path) -> Result<(), Missing> {
    let goroot = goroot()?;
    let status = Command::new(goroot.join("bin/go"))
        .arg("build")
        .args(options)
        .arg("-o")
        .args([program, source])
        .envs([("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")])
        .env("GOROOT", goroot)
        .status()
        .expect("GOTRACE_GOROOT has bin/go");
    assert!(status.success(), "{} builds", source.display());
    Ok(())
}
