//! The command `gotrace`: answers questions about Go execution traces, pprof profiles and GC logs.

#![forbid(unsafe_code)]

mod command;
mod failure;
mod input;
mod json;
mod output;
mod pass;
mod select;
mod terminal;
mod view;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
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

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => error.exit(),
        // Help and version go to standard output, so a failed write is reported as for any answer.
        Err(help) => return failure::exit("help", print(&help)),
    };
    let mut terminal = Terminal::stdout(&cli.terminal);
    let terminal = &mut terminal;
    match &cli.command {
        Command::Summary(args) => failure::exit("summary", command::summary::run(args, terminal)),
        Command::Goroutines(args) => failure::exit("goroutines", command::goroutines::run(args, terminal)),
        Command::Goroutine(args) => failure::exit("goroutine", command::goroutine::run(args, terminal)),
        Command::Gc(args) => failure::exit("gc", command::gc::run(args, terminal)),
        Command::Blocking(args) => failure::exit("blocking", command::blocking::run(args, terminal)),
        Command::Procs(args) => failure::exit("procs", command::procs::run(args, terminal)),
        Command::Threads(args) => failure::exit("threads", command::threads::run(args, terminal)),
        Command::Tasks(args) => failure::exit("tasks", command::tasks::run(args, terminal)),
        Command::Latency(args) => failure::exit("latency", command::latency::run(args, terminal)),
        Command::Diagnose(args) => failure::exit("diagnose", command::diagnose::run(args, terminal)),
        Command::Heap(args) => failure::exit("heap", command::heap::run(args, terminal)),
        Command::Gctrace(args) => failure::exit("gctrace", command::gctrace::run(args, terminal)),
        Command::Allocations(args) => failure::exit("allocations", command::allocations::run(args, terminal)),
        Command::Profile(args) => failure::exit("profile", command::profile::run(args, terminal)),
        Command::Dump(args) => failure::exit("dump", command::dump::run(args, terminal)),
        Command::Doctor(args) => failure::exit("doctor", command::doctor::run(args, terminal)),
        Command::Compare(args) => failure::exit("compare", command::compare::run(args, terminal)),
        Command::Schema(args) => failure::exit("schema", command::schema::run(args, terminal)),
        Command::Completions(args) => {
            failure::exit("completions", command::completions::run(args, Cli::command(), terminal))
        }
        Command::Man(args) => failure::exit("man", command::man::run(args, Cli::command(), terminal)),
    }
}
