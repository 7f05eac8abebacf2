//! `gotrace profile`: where goroutines spend their time, as a profile.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler, StackProfile};
use gotrace::{GoId, TaskId};

use crate::failure::{self, Failure};
use crate::output;
use crate::pass::{check_read_to_end, observe_within};
use crate::select::{Chosen, Selection, Window};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::style::DIM;
use crate::view::{names, units};

/// Make a profile of where goroutines spend their time, for go tool pprof or a flame graph.
///
/// Without --complete the numbers are those of go tool trace -pprof, which leaves out the time until a goroutine first runs,
/// and waits that are still open at the end.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace profile trace.out --kind sync -o sync.pb.gz
  gotrace profile trace.out --kind net --folded
  gotrace profile trace.out --kind off-cpu --complete --folded --package net/http")]
pub struct Args {
    /// What to count
    #[arg(long, value_enum)]
    kind: Kind,
    /// Write the profile to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write folded stacks for flame graphs, in nanoseconds, instead of a pprof profile
    #[arg(long)]
    folded: bool,
    /// Also count the time until a goroutine first runs, and waits that are open at the start and at the end
    #[arg(long)]
    complete: bool,
    /// Only goroutines that started in this function, given by its full name
    #[arg(long, value_name = "FUNCTION", help_heading = "Selection")]
    group: Option<String>,
    /// Only within regions of this type
    #[arg(long, value_name = "TYPE", help_heading = "Selection")]
    region: Option<String>,
    /// Only within regions of this task
    #[arg(long, value_name = "ID", help_heading = "Selection")]
    task: Option<u64>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    window: Window,
    /// The trace; - for standard input
    file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Waiting for the network
    Net,
    /// Waiting for channels, selects and package sync
    Sync,
    /// In system calls
    Syscall,
    /// Runnable, waiting for a P (processor)
    Sched,
    /// Not running for any reason, labelled with the reason
    OffCpu,
    /// The samples of the CPU profiler, if the program ran it
    Cpu,
}

impl Kind {
    fn kind(self) -> ProfileKind {
        match self {
            Kind::Net => ProfileKind::Net,
            Kind::Sync => ProfileKind::Sync,
            Kind::Syscall => ProfileKind::Syscall,
            Kind::Sched => ProfileKind::Sched,
            Kind::OffCpu => ProfileKind::OffCpu,
            Kind::Cpu => ProfileKind::Cpu,
        }
    }

    /// The name of what is counted, in the singular.
    fn thing(self) -> &'static str {
        match self {
            Kind::Net => "network wait",
            Kind::Sync => "wait for a channel, a select or package sync",
            Kind::Syscall => "system call",
            Kind::Sched => "wait for a P",
            Kind::OffCpu => "wait",
            Kind::Cpu => "CPU sample",
        }
    }

    /// The name of what is counted, in the plural.
    fn things(self) -> &'static str {
        match self {
            Kind::Net => "network waits",
            Kind::Sync => "waits for a channel, a select or package sync",
            Kind::Syscall => "system calls",
            Kind::Sched => "waits for a P",
            Kind::OffCpu => "waits",
            Kind::Cpu => "CPU samples",
        }
    }
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if !args.folded && args.output.is_none() && io::stdout().is_terminal() {
        let hint = "use -o FILE or --folded";
        return Err(Failure::Usage(format!("refusing to write a binary profile to a terminal; {hint}")));
    }
    let mut options = ProfileOptions::default();
    options.complete = args.complete;
    options.start = args.group.clone();
    options.region = args.region.clone();
    options.task = args.task.map(TaskId);
    options.goroutines = args.selection.goroutines.iter().copied().map(GoId).collect();
    options.label = args.selection.label.clone();
    let selection = args.selection.clone();
    let found = observe_within(&args.file, terminal.times(), &args.window, |range| {
        let profiler = Profiler::new(args.kind.kind(), options.between(range));
        match selection.has_function() {
            true => profiler.with_function(move |func| selection.matches_function(&func.to_str_lossy())),
            false => profiler,
        }
    })?;
    let profile = found.report;
    match &args.output {
        Some(path) => {
            output::write(path, &args.file, |out| write_profile(&profile, args.folded, out))?;
            if !profile.is_empty() && path != Path::new("-") {
                write_confirmation(args, &profile, terminal)?;
            }
        }
        None => write_profile(&profile, args.folded, &mut *terminal)?,
    }
    terminal.flush()?;
    if profile.is_empty() && found.error.is_none() {
        let text = explain_empty(args, &found.clock, &profile)?;
        failure::note("profile", &text);
    }
    check_read_to_end(&args.file, found.error.as_ref())
}

fn write_profile(profile: &StackProfile, is_folded: bool, mut out: impl Write) -> io::Result<()> {
    match is_folded {
        true => profile.write_folded(&mut out)?,
        false => profile.to_pprof().write_gzip(&mut out)?,
    }
    out.flush()
}

fn write_confirmation(args: &Args, profile: &StackProfile, out: &mut Terminal) -> io::Result<()> {
    let samples = profile.samples();
    let count: u64 = samples.iter().map(|sample| sample.count).sum();
    let total = samples.iter().fold(Duration::ZERO, |sum, sample| sum.saturating_add(sample.total));
    let path = args.output.iter().map(|path| path.display().to_string()).collect::<String>();
    let path = names::printable(&path);
    let quoted = args.output.iter().map(|path| names::shell_word(path)).collect::<String>();
    let stacks = units::plural(samples.len() as u64, "stack");
    writeln!(out, "wrote {path}: {}, {} at {stacks}", counted(args.kind, count), units::duration(total))?;
    let next = match args.folded {
        true => format!("next: inferno-flamegraph < {quoted}"),
        false => format!("next: go tool pprof -top {quoted}"),
    };
    writeln!(out, "{}", out.paint(DIM, &next))
}

fn counted(kind: Kind, count: u64) -> String {
    format!("{} {}", units::count(count), if count == 1 { kind.thing() } else { kind.things() })
}

/// Explains why the profile is empty. If options select a part of the trace, the explanation is a
/// failure.
fn explain_empty(args: &Args, clock: &Clock, profile: &StackProfile) -> Result<String, Failure> {
    let chosen = Chosen::default().option("--group", args.group.as_ref()).option("--region", args.region.as_ref());
    let chosen = chosen.option("--task", args.task).selection(&args.selection).window(&args.window, clock)?;
    let left_out = profile.left_out();
    let count: u64 = left_out.starts.iter().map(|start| start.count).sum();
    if count == 0 {
        let hint = match args.kind {
            Kind::Cpu => ": the program did not run the CPU profiler while it was traced",
            _ if !args.complete => "; --complete also counts waits that are open at the start or the end",
            _ => "",
        };
        let text = format!("the trace has no {}{hint}", args.kind.things());
        return if chosen.is_empty() { Ok(text) } else { Err(chosen.nothing(args.kind.thing(), &text)) };
    }
    let total = left_out.starts.iter().fold(Duration::ZERO, |sum, start| sum.saturating_add(start.total));
    let mut instead = format!("the trace has {}, {}", counted(args.kind, count), units::duration(total));
    const SHOWN: usize = 4;
    let names = |all: &mut dyn Iterator<Item = &str>| {
        let names: Vec<&str> = all.take(SHOWN + 1).collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
    };
    if args.region.is_some() && !left_out.regions.is_empty() {
        instead += &format!(", in the regions {}", names(&mut left_out.regions.iter().map(|name| &**name)));
    }
    let starts = names(&mut left_out.starts.iter().map(|start| &*start.function).filter(|name| !name.is_empty()));
    if !starts.is_empty() {
        instead += &format!(", of goroutines started in {starts}");
    }
    Err(chosen.nothing(args.kind.thing(), &instead))
}
