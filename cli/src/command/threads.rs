//! `gotrace threads`: what each operating system thread (M) did.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use gotrace::ProcId;
use gotrace::analysis::threads::{ThreadUse, ThreadsReport};

use crate::failure::Failure;
use crate::select::{Chosen, Selection, Window};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::BOLD;
use crate::view::table::{Column, Table};
use crate::view::{next, paragraph, units};

/// Show what each operating system thread (M) did: how long it ran Go code, was in system calls and had a P.
///
/// With --goroutine, --func or --package, only the time of matching goroutines counts. A goroutine
/// matches by the function that it started in. Thread IDs are those of the operating system; in
/// traces before Go 1.22 they are the runtime's own numbers.
#[derive(clap::Args)]
#[command(mut_arg("label", |arg| arg.hide(true)), after_help = "Examples:\n  gotrace threads trace.out\n  gotrace threads trace.out --sort syscall --top 5\n  gotrace threads trace.out --func 'http.*serve'")]
pub struct Args {
    /// The trace; - for standard input
    file: PathBuf,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// Sort threads by this
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "running")]
    sort: Sort,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sort {
    /// Time running Go code
    Running,
    /// Time in system calls
    Syscall,
    /// Time with a P
    Proc,
    /// Number of goroutines that it ran
    Goroutines,
    /// When it is first seen
    First,
    /// Thread ID
    Id,
}

impl Sort {
    fn apply(self, threads: &mut [ThreadUse]) {
        use std::cmp::Reverse;
        match self {
            Sort::Running => threads.sort_by_key(|thread| Reverse(thread.running)),
            Sort::Syscall => threads.sort_by_key(|thread| Reverse(thread.syscall)),
            Sort::Proc => threads.sort_by_key(|thread| Reverse(thread.with_proc)),
            Sort::Goroutines => threads.sort_by_key(|thread| Reverse(thread.goroutines)),
            Sort::First => threads.sort_by_key(|thread| thread.first_seen),
            Sort::Id => threads.sort_by_key(|thread| thread.thread),
        }
    }
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if args.selection.label.is_some() {
        return Err(Failure::Usage("--label cannot select threads; use --func or --goroutine".to_owned()));
    }
    let timeline = crate::input::load_timeline(&args.file)?;
    let clock = Clock::of(&timeline, terminal.times());
    let range = args.window.range(&timeline, &clock)?;
    let selection = &args.selection;
    let mut chosen = 0_usize;
    let mut report = match selection.is_empty() {
        true => ThreadsReport::new(&timeline, range),
        false => ThreadsReport::of_goroutines(&timeline, range, |goroutine| {
            let is_chosen = selection.matches(goroutine.id(), goroutine.name(), []);
            chosen += usize::from(is_chosen);
            is_chosen
        }),
    };
    args.sort.apply(&mut report.threads);
    report.threads.truncate(args.rows.most());
    let (is_empty, json) = (report.thread_count == 0, args.json);
    let options = Chosen::default().selection(selection).window(&args.window, &clock)?;
    match is_empty {
        _ if json => terminal.json(&report, None)?,
        true if options.is_empty() => writeln!(terminal, "no goroutine ran in the trace")?,
        true => {}
        false => return write_text(args, &report, &clock, terminal),
    }
    terminal.flush()?;
    let instead = match chosen {
        0 => "gotrace goroutines lists the goroutines",
        _ => "the goroutines that match did not run",
    };
    if is_empty && !options.is_empty() { Err(options.nothing("thread", instead)) } else { Ok(()) }
}

fn write_text(args: &Args, report: &ThreadsReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    let whole = report.duration.as_secs_f64();
    let headline = format!(
        "{} ran Go code for {} and were in system calls for {}, in {}",
        units::plural(report.thread_count, "thread"),
        units::duration(report.running),
        units::duration(report.syscall),
        units::duration(report.duration),
    );
    paragraph::write_styled(BOLD, &headline, terminal)?;
    writeln!(terminal)?;
    let with_procs = args.selection.is_empty();
    let mut table = Table::new([
        Column::number("THREAD"),
        Column::number("GO CODE"),
        Column::number(""),
        Column::number("SYSCALLS"),
        Column::number("COUNT").detail(2),
        Column::number("WITH A P").detail(3),
        Column::number("GOROUTINES"),
        Column::text("PS"),
        Column::number("FIRST SEEN").detail(1),
        Column::number("LAST SEEN").detail(1),
    ]);
    for thread in &report.threads {
        table.row([
            thread.thread.to_string(),
            units::duration(thread.running),
            units::percent(thread.running.as_secs_f64(), whole),
            units::duration(thread.syscall),
            units::count(thread.syscalls),
            if with_procs { units::duration(thread.with_proc) } else { "–".to_owned() },
            units::count(thread.goroutines),
            ranges(&thread.procs),
            clock.show(thread.first_seen),
            clock.show(thread.last_seen),
        ]);
    }
    table.write(terminal)?;
    write_rest(report.thread_count, report.threads.len(), "thread", terminal)?;
    next::write("procs", &args.file, "", terminal)?;
    Ok(terminal.flush()?)
}

/// IDs in ascending order, such as `0-3 7`.
fn ranges(procs: &[ProcId]) -> String {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for &ProcId(id) in procs {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => parts.push((id, id)),
        }
    }
    let part = |&(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first} {last}"),
        _ => format!("{first}-{last}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_shown_as_ranges() {
        let text = |ids: &[u64]| ranges(&ids.iter().copied().map(ProcId).collect::<Vec<_>>());
        assert_eq!([text(&[]), text(&[3]), text(&[0, 1, 5, 6, 7])], ["", "3", "0 1 5-7"]);
    }
}
