//! Suggests the next command to run. It is never cut or wrapped, so that it can be copied.

use std::io::{self, Write};
use std::path::Path;

use super::names;
use super::style::DIM;
use crate::terminal::Terminal;

/// Writes a command that shows more: a subcommand, its file and its options.
pub fn write(subcommand: &str, file: &Path, options: &str, terminal: &mut Terminal) -> io::Result<()> {
    write_files(subcommand, &[file], options, terminal)
}

/// Like [`write()`], for several files. Nothing is written for standard input, which cannot be read
/// a second time.
pub fn write_files(subcommand: &str, files: &[&Path], options: &str, terminal: &mut Terminal) -> io::Result<()> {
    if files.contains(&Path::new("-")) {
        return Ok(());
    }
    let files: Vec<String> = files.iter().map(|file| names::shell_word(file)).collect();
    let command = format!("next: gotrace {subcommand} {} {options}", files.join(" "));
    writeln!(terminal, "\n{}", terminal.paint(DIM, command.trim_end()))
}
