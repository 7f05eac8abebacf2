//! `gotrace heap --list`: the lines of functions with their values, and their source.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gotrace::pprof::{ListedFunction, Listing};
use regex_lite::Regex;

use super::{Args, quantity, share};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::names;
use crate::view::style::BOLD;
use crate::view::table::{Column, Table};

/// The number of lines of source to show before the first line with a value, and after the last.
const CONTEXT: usize = 3;

/// Larger source files are not read.
const MAX_SOURCE: u64 = 16 << 20;

#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// Show the lines of the functions that match, with the source if it is found
    #[arg(long, value_name = "REGEX", help_heading = "Lines of functions")]
    list: Option<Regex>,
    /// Where to look for source files: DIR, with the end of the path in the profile
    #[arg(long, value_name = "DIR", requires = "list", help_heading = "Lines of functions")]
    source: Vec<PathBuf>,
    /// Remove this from the start of paths in the profile before looking for source files
    #[arg(long, value_name = "PREFIX", requires = "list", help_heading = "Lines of functions")]
    trim_path: Vec<String>,
}

impl ListArgs {
    pub fn pattern(&self) -> Option<&Regex> {
        self.list.as_ref()
    }

    /// Returns the lines of a source file. `None` if it is not found.
    fn source_of(&self, file: &str) -> Option<Vec<String>> {
        let trimmed = self.trim_path.iter().find_map(|prefix| file.strip_prefix(prefix.as_str())).unwrap_or(file);
        let whole = Path::new(trimmed);
        let parts: Vec<_> = whole.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
        // The longest end of the path that exists in the folder.
        let ends = (0..parts.len()).map(|first| parts[first..].iter().collect::<PathBuf>());
        let in_folder = |folder: &PathBuf| ends.clone().map(|end| folder.join(end)).find(|path| path.is_file());
        let path = self.source.iter().find_map(in_folder).or_else(|| whole.is_file().then(|| whole.to_owned()))?;
        if fs::metadata(&path).ok()?.len() > MAX_SOURCE {
            return None;
        }
        let text = fs::read(&path).ok()?;
        Some(String::from_utf8_lossy(&text).lines().map(|line| line.replace('\t', "    ")).collect())
    }
}

pub(super) fn write(listing: &Listing, unit: &str, args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if listing.functions.is_empty() {
        let pattern = args.list.pattern().map(ToString::to_string).unwrap_or_default();
        let text = format!("no function with a value matches {}", names::quoted(&pattern));
        return Err(Failure::Usage(text));
    }
    let shown = listing.functions.iter().take(args.rows.most());
    for (number, function) in shown.enumerate() {
        if number > 0 {
            writeln!(terminal)?;
        }
        write_function(function, listing.total, unit, args, terminal)?;
    }
    let (all, most) = (listing.functions.len() as u64, args.rows.most());
    Ok(crate::view::rows::write_rest(all, most, "function", terminal)?)
}

fn write_function(
    function: &ListedFunction,
    total: i64,
    unit: &str,
    args: &Args,
    terminal: &mut Terminal,
) -> io::Result<()> {
    let head = format!("{}  {}", names::printable(&function.name), names::printable(&function.file));
    writeln!(terminal, "{}", terminal.paint(BOLD, &head))?;
    let (flat, cum) = (quantity(function.flat, unit), quantity(function.cum, unit));
    writeln!(terminal, "{flat} flat, {cum} cumulative ({})", share(function.cum, total))?;
    let mut table =
        Table::new([Column::number("FLAT"), Column::number("CUM"), Column::number("LINE"), Column::text("SOURCE")]);
    let value = |value: i64| if value == 0 { "–".to_owned() } else { quantity(value, unit) };
    let source = args.list.source_of(&function.file);
    let (Some(source), Some(first), Some(last)) = (&source, function.lines.first(), function.lines.last()) else {
        for line in &function.lines {
            table.row([value(line.flat), value(line.cum), line.line.to_string(), String::new()]);
        }
        return table.write(terminal);
    };
    let line_number = |line: i64| usize::try_from(line).unwrap_or(0);
    let start = line_number(first.line).saturating_sub(CONTEXT).max(1);
    let end = line_number(last.line).saturating_add(CONTEXT).min(source.len());
    for number in start..=end {
        let line = function.lines.iter().find(|line| line_number(line.line) == number);
        let (flat, cum) = line.map_or((String::new(), String::new()), |line| (value(line.flat), value(line.cum)));
        table.row([flat, cum, number.to_string(), names::printable(&source[number - 1])]);
    }
    // The source may be of another version, and shorter.
    for line in function.lines.iter().filter(|line| !(start..=end).contains(&line_number(line.line))) {
        table.row([value(line.flat), value(line.cum), line.line.to_string(), "(not in this file)".to_owned()]);
    }
    table.write(terminal)
}
