//! Compares two heap profiles: which functions hold more memory than before, and which less?
//!
//!     cargo run --release --example heap_diff -- heap.1.pb.gz heap.2.pb.gz

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use gotrace::pprof::{By, Profile, Report};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let before = args.next().unwrap_or_else(|| "heap.1.pb.gz".to_owned());
    let after = args.next().unwrap_or_else(|| "heap.2.pb.gz".to_owned());
    match compare(&before, &after) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(before: &str, after: &str) -> Result<(), Box<dyn Error>> {
    let diff = report(after)?.minus(&report(before)?)?;
    let bytes = diff.sample_type("inuse_space").ok_or("these are not heap profiles")?;
    let mut out = io::stdout().lock();
    writeln!(out, "memory in use changed by {}", kibibytes(diff.total()[bytes]))?;
    writeln!(out, "{:>14} {:>14}  FUNCTION", "ITSELF", "WITH CALLEES")?;
    for row in diff.top(bytes).iter().take(10) {
        writeln!(out, "{:>14} {:>14}  {}", kibibytes(row.flat[bytes]), kibibytes(row.cum[bytes]), row.name())?;
    }
    Ok(())
}

/// The sums of a profile by function.
fn report(path: &str) -> Result<Report, String> {
    let read = || Report::new(&Profile::from_path(path)?, By::Function);
    read().map_err(|error| format!("{path}: {error}"))
}

fn kibibytes(bytes: i64) -> String {
    format!("{:+.1} KiB", bytes as f64 / 1024.0)
}
