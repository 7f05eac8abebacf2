//! `gotrace`: what a Go execution trace, a heap profile or a GC log says, from a shell.

mod command;
mod failure;
mod input;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::Answer;

/// Answers questions about Go programs from execution traces, profiles and GC logs.
#[derive(Parser)]
#[command(name = "gotrace", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What is in a trace: version, duration, counts, heap
    Summary(command::summary::Args),
    /// Groups of goroutines and how they spent their time
    Goroutines(command::goroutines::Args),
    /// One goroutine's life, span by span
    Goroutine(command::goroutine::Args),
    /// Garbage collections and stop-the-world pauses
    Gc(command::gc::Args),
    /// What goroutines waited for, where, and who woke them
    Blocking(command::blocking::Args),
    /// What each P (processor) did
    Procs(command::procs::Args),
    /// User tasks, regions and log messages
    Tasks(command::tasks::Args),
    /// Distributions of scheduling, system call, network and pause times
    Latency(command::latency::Args),
    /// Heap profiles, GC log and trace joined: is there a leak, and where?
    Diagnose(command::diagnose::Args),
    /// Heap and other pprof profiles: top functions, differences, growth
    Heap(command::heap::Args),
    /// A GODEBUG=gctrace=1 log: what GC costs and where the heap is heading
    Gctrace(command::gctrace::Args),
    /// Every object of a GODEBUG=traceallocfree=1 trace
    Allocations(command::allocations::Args),
    /// A pprof profile of where goroutines spent their time
    Profile(command::profile::Args),
    /// The events as text, as go tool trace -d prints them
    Dump(command::dump::Args),
    /// Is the trace whole? What is lost, and why? Repairs it
    Doctor(command::doctor::Args),
    /// What changed between two traces
    Compare(command::compare::Args),
}

fn main() -> ExitCode {
    let fine = |()| Answer::Fine;
    let (name, result) = match Cli::parse().command {
        Command::Summary(args) => ("summary", command::summary::run(&args).map(fine)),
        Command::Goroutines(args) => ("goroutines", command::goroutines::run(&args).map(fine)),
        Command::Goroutine(args) => ("goroutine", command::goroutine::run(&args).map(fine)),
        Command::Gc(args) => ("gc", command::gc::run(&args).map(fine)),
        Command::Blocking(args) => ("blocking", command::blocking::run(&args).map(fine)),
        Command::Procs(args) => ("procs", command::procs::run(&args).map(fine)),
        Command::Tasks(args) => ("tasks", command::tasks::run(&args).map(fine)),
        Command::Latency(args) => ("latency", command::latency::run(&args).map(fine)),
        Command::Diagnose(args) => ("diagnose", command::diagnose::run(&args)),
        Command::Heap(args) => ("heap", command::heap::run(&args).map(fine)),
        Command::Gctrace(args) => ("gctrace", command::gctrace::run(&args).map(fine)),
        Command::Allocations(args) => ("allocations", command::allocations::run(&args).map(fine)),
        Command::Profile(args) => ("profile", command::profile::run(&args).map(fine)),
        Command::Dump(args) => ("dump", command::dump::run(&args).map(fine)),
        Command::Doctor(args) => ("doctor", command::doctor::run(&args)),
        Command::Compare(args) => ("compare", command::compare::run(&args)),
    };
    failure::exit(name, result)
}
