//! The commands in the guide (`src/guide/leaks.md`) capture files from a running service that
//! gotrace can read.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use gotrace::Reader;
use gotrace::gctrace::Log;
use gotrace::pprof::{By, PprofKind, Profile, Report};
use gotrace_tests::go::{Missing, build};

const GUIDE: &str = include_str!("../../../src/guide/leaks.md");

/// The shell commands after a mark in the guide, with another address and shorter pauses.
fn block(mark: &str, address: &str) -> String {
    let (_, text) = GUIDE.split_once(&format!("<!-- checked: {mark} -->\n```sh\n")).expect("the guide has the block");
    let (block, _) = text.split_once("```").expect("the block ends");
    assert!(block.contains("localhost:6060"));
    let quick = block.replace("localhost:6060", address).replace("sleep 120", "sleep 0.3");
    quick.replace("seconds=5", "seconds=1")
}

/// A child process that is killed at the end of the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shell(script: &str, folder: &Path) {
    let status = Command::new("sh").args(["-eu", "-c", script]).current_dir(folder).status().expect("sh is installed");
    assert!(status.success(), "{script}");
}

fn report(file: &Path, kind: PprofKind) -> Report {
    let profile = Profile::from_path(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(profile.kind(), kind, "{}", file.display());
    Report::new(&profile, By::Function).expect("a valid trace")
}

pub fn files_captured_by_the_commands_in_the_guide_are_read() -> Result<(), Missing> {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Err("needs curl".to_owned());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let program = folder.join("service");
    build(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/server.go")), &[], &program)?;
    let log = File::create(folder.join("gc.log")).expect("the target folder can be written");
    let mut service = Command::new(program);
    service.env("GODEBUG", "gctrace=1").stdout(Stdio::piped()).stderr(log);
    let mut service = Service(service.spawn().expect("the service starts"));
    let mut address = String::new();
    let out = service.0.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut address).expect("the service prints its address");

    shell(&block("capture", address.trim()), &folder);
    shell(&block("goroutineleak", address.trim()), &folder);
    drop(service);

    let in_use = [1, 2, 3].map(|n| {
        report(&folder.join(format!("goroutine.{n}.pb.gz")), PprofKind::Goroutine);
        let heap = report(&folder.join(format!("heap.{n}.pb.gz")), PprofKind::Heap);
        let index =
            heap.sample_types().iter().position(|it| it.kind == "inuse_space").expect("heap profiles have inuse_space");
        heap.find("main.main").map_or(0, |row| row.flat[index])
    });
    assert!(in_use[0] < in_use[2], "the memory in use grows: {in_use:?}");
    report(&folder.join("goroutineleak.pb.gz"), PprofKind::GoroutineLeak);
    let mut reader = Reader::from_path(folder.join("trace.out")).expect("a trace");
    let mut events = 0;
    while reader.next_event().expect("a valid trace").is_some() {
        events += 1;
    }
    assert!(events > 100, "{events} events");
    let log = Log::from_path(folder.join("gc.log")).expect("a log");
    assert!(log.cycles.len() > 10 && log.skipped.damaged == 0, "{log:?}");
    Ok(())
}
