//! What is in a trace: its version, how long it is, and how many events of each kind it has.
//!
//!     cargo run --release --example summary -- trace.out

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use gotrace::{EventKind, GoState, Metric, Reader};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match summarize(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn summarize(path: &str) -> Result<(), Box<dyn Error>> {
    let mut reader = Reader::from_path(path)?;
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let mut goroutines = BTreeSet::new();
    let (mut created, mut exited, mut largest_heap) = (0, 0, 0);
    let mut times = None;
    while let Some(event) = reader.next_event()? {
        let (first, _) = times.unwrap_or((event.time(), event.time()));
        times = Some((first, event.time()));
        *kinds.entry(event.kind().name()).or_default() += 1;
        match event.kind() {
            EventKind::GoTransition(change) => {
                goroutines.insert(change.go);
                created += u64::from(change.from == GoState::NotExist);
                exited += u64::from(change.to == GoState::NotExist);
            }
            EventKind::Metric(Metric::HeapObjects(bytes)) => largest_heap = largest_heap.max(bytes),
            _ => {}
        }
    }
    let (first, last) = times.ok_or("the trace has no events")?;
    let mut out = io::stdout().lock();
    writeln!(out, "trace format  {}", reader.version())?;
    writeln!(out, "duration      {:.1?}", last - first)?;
    writeln!(out, "goroutines    {} ({created} created, {exited} exited)", goroutines.len())?;
    writeln!(out, "largest heap  {:.2} MiB", largest_heap as f64 / f64::from(1 << 20))?;
    writeln!(out, "events        {}", kinds.values().sum::<u64>())?;
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    for (kind, count) in kinds {
        writeln!(out, "  {count:>9}  {kind}")?;
    }
    Ok(())
}
