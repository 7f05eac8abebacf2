//! What one goroutine did: every state that it was in, when, for how long and why.
//!
//!     cargo run --release --example goroutine -- trace.out 17

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use gotrace::{GoId, Timeline};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "trace.out".to_owned());
    let id = args.next().unwrap_or_else(|| "1".to_owned()); // the main goroutine
    match print_life(&path, &id) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_life(path: &str, id: &str) -> Result<(), Box<dyn Error>> {
    let id = id.parse().map_err(|_| format!("{id} is not the number of a goroutine"))?;
    let timeline = Timeline::from_path(path)?;
    let goroutine = timeline.goroutine(GoId(id)).ok_or_else(|| format!("the trace has no goroutine {id}"))?;
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "goroutine {id} runs {}", goroutine.name())?;
    match (goroutine.created_at(), goroutine.created_by()) {
        (Some(time), Some(creator)) => {
            writeln!(out, "created at +{:?} by goroutine {creator}", time - timeline.start())?
        }
        (Some(time), None) => writeln!(out, "created at +{:?}", time - timeline.start())?,
        (None, _) => writeln!(out, "created before the trace")?,
    }

    writeln!(out, "{:>12} {:>10}  STATE", "START", "FOR")?;
    for span in goroutine.spans() {
        let mut line = format!("{:>12?} {:>10.1?}  {}", span.start() - timeline.start(), span.duration(), span.state());
        if !span.reason().is_empty() {
            line += &format!(" ({})", span.reason());
        }
        if let Some(frame) = span.stack().and_then(|stack| stack.frames().next()) {
            line += &format!(" in {}:{}", frame.func, frame.line);
        }
        if let Some(waker) = span.woken_by().and_then(|waker| waker.go()) {
            line += &format!(", woken by goroutine {waker}");
        }
        if writeln!(out, "{line}").is_err() {
            return Ok(()); // the reader of our output, such as head, has closed it
        }
    }
    Ok(out.flush()?)
}
