//! `gotrace man`: manual pages.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Write a manual page for gotrace and for each of its commands.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  gotrace man man1\n  gotrace man .")]
pub struct Args {
    /// The folder to write to, such as /usr/local/share/man/man1; it is created if it does not exist
    dir: PathBuf,
}

pub fn run(args: &Args, command: clap::Command, terminal: &mut Terminal) -> Result<(), Failure> {
    fs::create_dir_all(&args.dir).map_err(|error| Failure::output(&args.dir, error))?;
    clap_mangen::generate_to(command, &args.dir).map_err(|error| Failure::output(&args.dir, error))?;
    writeln!(terminal, "wrote gotrace.1 and a page for each command to {}", args.dir.display())?;
    Ok(terminal.flush()?)
}
