//! Suggests the next command to run. It is never cut or wrapped, so that it can be copied.

use std::io::{self, Write};
use std::path::Path;

use super::names;
use super::style::DIM;
use crate::terminal::Terminal;

/// Writes a command that shows more: a subcommand, its file and its options.
pub fn write(subcommand: &str, file: &Path, options: &str, terminal: &mut Terminal) -> io::Result<()> {
    let command = format!("next: gotrace {subcommand} {} {options}", names::shell_word(file));
    writeln!(terminal, "\n{}", terminal.paint(DIM, command.trim_end()))
}
