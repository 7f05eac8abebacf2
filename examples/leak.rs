//! Finds out whether a process leaks memory or goroutines, from its heap and goroutine profiles, a
//! trace and a GC log.
//!
//! The name of a file says what it is: `*.pb.gz` is a profile, `*.log` or `*.log.gz` is a GC log,
//! and anything else is a trace.
//!
//!     cargo run --release --example leak -- heap.1.pb.gz heap.2.pb.gz heap.3.pb.gz trace.out gctrace.log

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use gotrace::Reader;
use gotrace::analysis::run;
use gotrace::diagnose::{Inputs, Options, TraceObserver, diagnose};
use gotrace::gctrace::Log;
use gotrace::pprof::Profile;

fn main() -> ExitCode {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        paths = ["heap.1.pb.gz", "heap.2.pb.gz", "heap.3.pb.gz", "trace.out"].map(str::to_owned).to_vec();
    }
    let mut inputs = Inputs::new();
    for path in &paths {
        if let Err(error) = add(&mut inputs, path) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    match print_verdict(&inputs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads a file and adds it to the inputs.
fn add(inputs: &mut Inputs, path: &str) -> Result<(), Box<dyn Error>> {
    if path.ends_with(".pb.gz") {
        inputs.profile(path, &Profile::from_path(path)?)?;
    } else if path.ends_with(".log") || path.ends_with(".log.gz") {
        inputs.log(path, &Log::from_path(path)?);
    } else {
        let (evidence, error) = run(&mut Reader::from_path(path)?, TraceObserver::new());
        inputs.trace(path, evidence, error.map(|error| error.to_string()));
    }
    Ok(())
}

fn print_verdict(inputs: &Inputs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let verdict = diagnose(inputs, &Options::default());
    writeln!(out, "{}, evidence: {}", verdict.judgement, verdict.strength)?;
    for finding in verdict.findings.iter().take(3) {
        writeln!(out, "\n{} (based on: {})", finding.title, finding.source.name())?;
        if let Some(place) = &finding.place {
            writeln!(out, "  at    {} ({}:{})", place.func, place.file, place.line)?;
        }
        writeln!(out, "  next  {}", finding.next_step)?;
    }
    for against in &verdict.against {
        writeln!(out, "\nagainst: {}", against.reason)?;
    }
    Ok(())
}
