//! The command `gotrace`: answers questions about Go execution traces, pprof profiles and GC logs.

#![forbid(unsafe_code)]

mod capture;
mod command;
mod failure;
mod foreign;
mod input;
mod json;
mod number;
mod output;
mod pass;
mod select;
#[cfg(feature = "web")]
mod serve;
mod terminal;
mod view;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use failure::{Answer, Failure};
use terminal::Terminal;

/// Answers questions about Go programs: why is it slow, does it leak, what did each goroutine do?
///
/// It reads execution traces (trace.out), pprof profiles and GC logs. FILE may be - for standard
/// input, or a gzip or zstd file.
#[derive(Parser)]
#[command(name = "gotrace", version, after_long_help = include_str!("names.txt"), max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    terminal: terminal::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(about = "What is in a trace: version, duration, counts, heap")]
    Summary(command::summary::Args),
    #[command(about = "Groups of goroutines and how they spent their time")]
    Goroutines(command::goroutines::Args),
    #[command(about = "One goroutine's life, span by span")]
    Goroutine(command::goroutine::Args),
    #[command(about = "Garbage collections and stop-the-world pauses")]
    Gc(command::gc::Args),
    #[command(about = "What goroutines waited for, where, and who woke them")]
    Blocking(command::blocking::Args),
    #[command(about = "What each P (processor) did")]
    Procs(command::procs::Args),
    #[command(about = "What each operating system thread (M) did")]
    Threads(command::threads::Args),
    #[command(about = "User tasks, regions and log messages")]
    Tasks(command::tasks::Args),
    #[command(about = "How long scheduling, system calls, network waits and pauses took")]
    Latency(command::latency::Args),
    #[command(about = "The trace in a browser: what each P and goroutine did over time")]
    View(command::view::Args),
    #[command(about = "The page of view as one file, to attach to a bug")]
    Report(command::report::Args),
    #[command(about = "Is there a leak, and where? Joins heap profiles, traces and a GC log")]
    Diagnose(command::diagnose::Args),
    #[command(about = "Heap and other pprof profiles: top functions, differences, growth")]
    Heap(command::heap::Args),
    #[command(about = "What garbage collection costs and where the heap is heading, from a GC log")]
    Gctrace(command::gctrace::Args),
    #[command(about = "Every object allocated and freed, from a GODEBUG=traceallocfree=1 trace")]
    Allocations(command::allocations::Args),
    #[command(about = "Where goroutines spent their time, as a pprof profile or folded stacks")]
    Profile(command::profile::Args),
    #[command(about = "The events as text, as go tool trace -d prints them")]
    Dump(command::dump::Args),
    #[command(about = "Is the trace whole? What is lost, and why? Can repair it")]
    Doctor(command::doctor::Args),
    #[command(about = "What changed between two traces")]
    Compare(command::compare::Args),
    #[command(about = "The JSON Schema of a command's --json")]
    Schema(command::schema::Args),
    #[command(about = "Shell completions")]
    Completions(command::completions::Args),
    #[command(about = "Manual pages")]
    Man(command::man::Args),
}

fn print(help: &clap::Error) -> Result<(), Failure> {
    help.print()?;
    Ok(io::stdout().flush()?)
}

impl Command {
    fn run(&self, terminal: &mut Terminal) -> Result<Answer, Failure> {
        match self {
            Command::Summary(args) => command::summary::run(args, terminal)?,
            Command::Goroutines(args) => command::goroutines::run(args, terminal)?,
            Command::Goroutine(args) => command::goroutine::run(args, terminal)?,
            Command::Gc(args) => command::gc::run(args, terminal)?,
            Command::Blocking(args) => command::blocking::run(args, terminal)?,
            Command::Procs(args) => command::procs::run(args, terminal)?,
            Command::Threads(args) => command::threads::run(args, terminal)?,
            Command::Tasks(args) => command::tasks::run(args, terminal)?,
            Command::Latency(args) => command::latency::run(args, terminal)?,
            Command::View(args) => command::view::run(args, terminal)?,
            Command::Report(args) => command::report::run(args, terminal)?,
            Command::Diagnose(args) => return command::diagnose::run(args, terminal),
            Command::Heap(args) => command::heap::run(args, terminal)?,
            Command::Gctrace(args) => command::gctrace::run(args, terminal)?,
            Command::Allocations(args) => command::allocations::run(args, terminal)?,
            Command::Profile(args) => command::profile::run(args, terminal)?,
            Command::Dump(args) => command::dump::run(args, terminal)?,
            Command::Doctor(args) => return command::doctor::run(args, terminal),
            Command::Compare(args) => return command::compare::run(args, terminal),
            Command::Schema(args) => command::schema::run(args, terminal)?,
            Command::Completions(args) => command::completions::run(args, Cli::command(), terminal)?,
            Command::Man(args) => command::man::run(args, Cli::command(), terminal)?,
        }
        Ok(Answer::NoProblem)
    }
}

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(hint) = foreign::of_pprof(&args) {
        return failure::exit("heap", Err::<Answer, _>(Failure::Usage(hint)));
    }
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let hint = foreign::without_command(&args).filter(|_| error.kind() == ErrorKind::InvalidSubcommand);
            let Some(hint) = hint else { error.exit() };
            return failure::exit("", Err::<Answer, _>(Failure::Usage(hint)));
        }
        // Help and version go to standard output, so a failed write is reported as for any answer.
        Err(help) => return failure::exit("help", print(&help)),
    };
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut terminal = Terminal::stdout(&cli.terminal);
    failure::exit(matches.subcommand_name().unwrap_or_default(), cli.command.run(&mut terminal))
}
