//! Makes a profile out of a trace.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe};
use clap::{Args as ClapArgs, ValueEnum};
use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler, StackProfile};
use gotrace::{TaskId, Time};

/// Make a profile of where goroutines lose their time, for go tool pprof or a flame graph.
///
/// Without --complete the numbers are those of go tool trace -pprof, which leaves out the time until a goroutine first runs,
/// and waits that are still open at the end.
#[derive(ClapArgs)]
pub struct Args {
    /// What is counted
    #[arg(long, value_enum)]
    kind: Kind,
    /// Where the profile goes; standard output if not given
    #[arg(short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write folded stacks for flame graphs, in nanoseconds, instead of a pprof profile
    #[arg(long)]
    folded: bool,
    /// Count the time until a goroutine first runs, and what is open at the begin and at the end
    #[arg(long)]
    complete: bool,
    /// Only goroutines that started in this function
    #[arg(long, value_name = "FUNCTION")]
    group: Option<String>,
    /// Only within regions of this type
    #[arg(long, value_name = "TYPE")]
    region: Option<String>,
    /// Only within regions of this task
    #[arg(long, value_name = "ID")]
    task: Option<u64>,
    /// Only from this time of the trace's clock on, in nanoseconds
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    from: Option<i64>,
    /// Only up to this time of the trace's clock, in nanoseconds
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    to: Option<i64>,
    /// The trace, - for standard input
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
    /// Ready to run, waiting for a P
    Sched,
    /// Not running for any reason, labelled with it
    OffCpu,
    /// The samples of the CPU profiler, if the program ran it
    Cpu,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let is_binary = !args.folded;
    if is_binary && args.output.is_none() && io::stdout().is_terminal() {
        return Err(Failure::Usage("a profile is no text for a terminal: give -o OUT, or --folded".to_owned()));
    }
    let kind = match args.kind {
        Kind::Net => ProfileKind::Net,
        Kind::Sync => ProfileKind::Sync,
        Kind::Syscall => ProfileKind::Syscall,
        Kind::Sched => ProfileKind::Sched,
        Kind::OffCpu => ProfileKind::OffCpu,
        Kind::Cpu => ProfileKind::Cpu,
    };
    let between = match (args.from, args.to) {
        (None, None) => None,
        (from, to) => Some(Time(from.unwrap_or(i64::MIN))..Time(to.unwrap_or(i64::MAX))),
    };
    let mut options = ProfileOptions::default();
    options.complete = args.complete;
    options.start = args.group.clone();
    options.region = args.region.clone();
    options.task = args.task.map(TaskId);
    options.between = between;
    let (profile, error) = observe(&args.file, Profiler::new(kind, options))?;
    let written = match &args.output {
        Some(path) => File::create(path).and_then(|file| write_profile(&profile, args.folded, file)),
        None => write_profile(&profile, args.folded, io::stdout().lock()),
    };
    written.map_err(|error| Failure::output(args.output.as_deref().unwrap_or("-".as_ref()), error))?;
    ended(&args.file, error)
}

fn write_profile(profile: &StackProfile, is_folded: bool, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match is_folded {
        true => profile.write_folded(&mut out)?,
        false => profile.to_pprof().write_gzip(&mut out)?,
    }
    out.flush()
}
