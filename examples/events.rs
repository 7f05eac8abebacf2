//! Prints every event of a trace, one a line.
//!
//!     cargo run --release --example events -- trace.out

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use gotrace::{EventKind, Reader};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_events(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_events(path: &str) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut reader = Reader::from_path(path)?;
    let mut first = None;
    while let Some(event) = reader.next_event()? {
        // Times count from an arbitrary zero, so only differences mean something.
        let start = *first.get_or_insert(event.time());
        let line = format!("{:>12?}  {}", event.time() - start, describe(&event.kind()));
        if writeln!(out, "{line}").is_err() {
            return Ok(()); // the reader of our output, such as head, has closed it
        }
    }
    Ok(out.flush()?)
}

fn describe(kind: &EventKind<'_>) -> String {
    match kind {
        EventKind::GoTransition(change) => {
            let mut text = format!("goroutine {}: {} -> {}", change.go, change.from, change.to);
            if !change.reason.is_empty() {
                text += &format!(" ({})", change.reason);
            }
            if let Some(frame) = change.stack.and_then(|stack| stack.frames().next()) {
                text += &format!(" in {}:{}", frame.func, frame.line);
            }
            text
        }
        EventKind::ProcTransition(change) => format!("P {}: {} -> {}", change.proc, change.from, change.to),
        EventKind::Metric(metric) => format!("{} = {}", metric.name(), metric.value()),
        EventKind::RangeBegin(range) => format!("{} starts", range.name),
        EventKind::RangeEnd(range) => format!("{} ends", range.name),
        EventKind::TaskBegin(task) => format!("task {} starts: {}", task.id, task.name),
        EventKind::RegionBegin(region) => format!("region starts: {}", region.name),
        EventKind::Log(log) => format!("log {}: {}", log.category, log.message),
        other => other.name().to_owned(),
    }
}
