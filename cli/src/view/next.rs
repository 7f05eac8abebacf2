//! What to run next: a command to copy, which is never cut or wrapped.

use std::io::{self, Write};
use std::path::Path;

use super::names;
use super::style::DIM;
use crate::terminal::Terminal;

/// Writes the command that says more: a subcommand, its file and its options.
pub fn write(subcommand: &str, file: &Path, options: &str, terminal: &mut Terminal) -> io::Result<()> {
    let command = format!("next: gotrace {subcommand} {} {options}", names::shell_word(file));
    writeln!(terminal, "\n{}", terminal.paint(DIM, command.trim_end()))
}
