//! `gotrace completions`: shell completions for commands and options.

use std::io::Write;

use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Print a script that lets a shell complete gotrace's commands and options.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  gotrace completions bash\n  gotrace completions zsh")]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args, mut command: clap::Command, terminal: &mut Terminal) -> Result<(), Failure> {
    // The generator panics if a write fails, for example to a closed pipe, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "gotrace", &mut script);
    terminal.write_all(&script)?;
    Ok(terminal.flush()?)
}
