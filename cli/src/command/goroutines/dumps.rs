//! Groups of the goroutines of dumps.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use gotrace::dump::{
    Dump, DumpGoroutine, DumpGroup, DumpGroupBy, DumpGroupOrder, DumpLines, DumpReport, DumpReportOptions, DumpStack,
    Dumps,
};
use gotrace::{FileKind, OwnedFrame};
use serde::Serialize;

use super::{Args, By, Sort};
use crate::failure::{Failure, Wanted};
use crate::input::Input;
use crate::select::{Chosen, Selection};
use crate::terminal::Terminal;
use crate::view::rows::write_rest;
use crate::view::style::{BAD, BOLD, DIM};
use crate::view::table::{Cell, Column, Table};
use crate::view::{frames, names, next, paragraph, suggest, units};

/// What `--json` prints about dumps.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// The file of each dump.
    files: Vec<String>,
    /// The number of dumps of a single running goroutine, which are not part of the report if there are other dumps.
    left_out: u64,
    /// The numbers of lines of all files.
    lines: DumpLines,
    #[serde(flatten)]
    report: DumpReport,
}

/// Whether an input is one that may have dumps: a log can have them anywhere, and each line can be a JSON object.
pub fn may_have_dumps(input: &Input) -> bool {
    matches!(input.kind, FileKind::GoroutineDump | FileKind::Text | FileKind::GcLog | FileKind::Json)
}

pub fn run(args: &Args, first: Input, terminal: &mut Terminal) -> Result<(), Failure> {
    let options = args.dump_options()?;
    let mut logs = vec![read(args.file(), first)?];
    for path in &args.files[1..] {
        logs.push(read(path, Input::open(path, true)?)?);
    }
    let (mut dumps, mut files) = (Vec::new(), Vec::new());
    let mut lines = DumpLines::default();
    for (log, path) in logs.into_iter().zip(&args.files) {
        lines += log.lines;
        files.extend(log.dumps.iter().map(|_| path.display().to_string()));
        dumps.extend(log.dumps);
    }
    let left_out = leave_out_single(&mut dumps, &mut files);
    let order = args.dump_order(dumps.len())?;
    for dump in &mut dumps {
        dump.goroutines.retain(|goroutine| matches(&args.selection, goroutine));
    }
    let mut report = DumpReport::new(&dumps, &options.clone().order(order));
    if report.groups.is_empty() {
        return Err(args.no_goroutine(&dumps));
    }
    report.truncate(args.rows.most());
    let report = Report { files, left_out, lines, report };
    match args.json {
        true => terminal.json(&super::Report::Dumps(&report), None)?,
        false => args.write_dumps(&report, order, terminal)?,
    }
    Ok(terminal.flush()?)
}

/// Reads the dumps of a file.
///
/// # Errors
///
/// If there are none, or the file cannot be read.
fn read(path: &Path, input: Input) -> Result<Dumps, Failure> {
    let refusal = match may_have_dumps(&input) {
        true => Failure::wrong_file(path, input.kind, input.head(), Wanted::TraceOrDump),
        false => return Err(Failure::wrong_file(path, input.kind, input.head(), Wanted::Dump)),
    };
    let log = Dumps::from_reader(input.bytes).map_err(|error| Failure::trace(path, &error))?;
    if log.dumps.is_empty() { Err(refusal) } else { Ok(log) }
}

/// Removes the dumps of a single running goroutine, which a panic or `debug.Stack` wrote, if there are others. Returns
/// how many there were.
fn leave_out_single(dumps: &mut Vec<Dump>, files: &mut Vec<String>) -> u64 {
    let is_kept: Vec<bool> = dumps.iter().map(Dump::has_all_goroutines).collect();
    let kept = is_kept.iter().filter(|kept| **kept).count();
    if kept == 0 {
        return 0;
    }
    let (mut of_dumps, mut of_files) = (is_kept.iter(), is_kept.iter());
    dumps.retain(|_| of_dumps.next().is_some_and(|kept| *kept));
    files.retain(|_| of_files.next().is_some_and(|kept| *kept));
    (is_kept.len() - kept) as u64
}

/// Whether a goroutine is selected. Any function of its stack may match.
fn matches(selection: &Selection, goroutine: &DumpGoroutine) -> bool {
    let has_function = || goroutine.stack.iter().any(|frame| selection.matches_function(&frame.func));
    let has_label = || goroutine.labels.iter().any(|(key, value)| selection.matches_label(&format!("{key}={value}")));
    selection.has_goroutine(goroutine.id)
        && (!selection.has_function() || has_function())
        && (selection.label.is_none() || has_label())
}

impl Args {
    fn dump_options(&self) -> Result<DumpReportOptions, Failure> {
        let given = [(self.details, "--details"), (self.as_go, "--as-go"), (!self.window.is_whole(), "a part of time")];
        if let Some((_, option)) = given.into_iter().find(|(is_given, _)| *is_given) {
            return Err(only_of_traces(option));
        }
        let options = DumpReportOptions::default().by(match self.by {
            By::Start => DumpGroupBy::Start,
            By::Creator => DumpGroupBy::Creator,
            By::Label => DumpGroupBy::Label,
            By::Name => DumpGroupBy::Name,
            By::Place => DumpGroupBy::Place,
        });
        Ok(match &self.group {
            Some(name) => options.group(name),
            None => options,
        })
    }

    fn dump_order(&self, dumps: usize) -> Result<DumpGroupOrder, Failure> {
        match self.sort {
            None if dumps > 1 => Ok(DumpGroupOrder::Growth),
            None | Some(Sort::Count) => Ok(DumpGroupOrder::Count),
            Some(Sort::Wait) => Ok(DumpGroupOrder::LongestWait),
            Some(Sort::Growth) if dumps > 1 => Ok(DumpGroupOrder::Growth),
            Some(Sort::Growth) => Err(Failure::Usage("--sort growth needs several goroutine dumps".into())),
            Some(_) => Err(Failure::Usage("goroutine dumps can be sorted by count, wait and growth".into())),
        }
    }

    /// The failure that no goroutine of the dumps matches the options.
    fn no_goroutine(&self, dumps: &[Dump]) -> Failure {
        let chosen = Chosen::default().option("--group", self.group.as_ref()).selection(&self.selection);
        let options = self.dump_options().unwrap_or_default();
        let all = DumpReport::new(dumps, &options.any_group());
        let wanted = self.group.as_deref().unwrap_or_default();
        let instead = match suggest::nearest(wanted, all.groups.iter().map(|group| group.name.as_str())) {
            Some(name) => format!("did you mean '{name}'?"),
            None => "gotrace goroutines without these options lists the groups".to_owned(),
        };
        chosen.nothing("goroutine", &instead)
    }

    fn write_dumps(&self, report: &Report, order: DumpGroupOrder, out: &mut Terminal) -> io::Result<()> {
        let Report { report: DumpReport { dumps, groups, group_count, .. }, .. } = report;
        let goroutines = units::plural(dumps.last().map_or(0, |dump| dump.goroutine_count), "goroutine");
        let head = format!("{goroutines} in {}", units::plural(*group_count, "group"));
        let sort = match order {
            DumpGroupOrder::Growth => Sort::Growth,
            DumpGroupOrder::LongestWait => Sort::Wait,
            _ => Sort::Count,
        };
        let of = if dumps.len() > 1 { ", of the last dump" } else { "" };
        let note = format!("by {}, sorted by {}{of}", self.by.name(), sort.name());
        writeln!(out, "{}    {}", out.paint(BOLD, &head), out.paint(DIM, &note))?;
        if dumps.len() > 1 {
            self.write_each_dump(report, out)?;
            writeln!(out)?;
        } else if let Some(crash) = dumps.first().and_then(|dump| dump.crash.as_ref()) {
            paragraph::write_styled(BAD, crash, out)?;
        }
        match &self.group {
            Some(_) => groups.iter().try_for_each(|group| self.write_stacks(group, out))?,
            None => self.write_dump_groups(groups, dumps.len() > 1, out)?,
        }
        write_rest(*group_count, groups.len(), "group", out)?;
        write_notes(report, out)?;
        match groups.first() {
            Some(first) if self.group.is_none() && !first.name.is_empty() => {
                let files: Vec<&Path> = self.files.iter().map(AsRef::as_ref).collect();
                let by = self.by.option();
                next::write_files("goroutines", &files, &format!("{by}--group {}", names::quoted(&first.name)), out)
            }
            _ => Ok(()),
        }
    }

    /// Writes a table of the dumps.
    fn write_each_dump(&self, Report { report, files, .. }: &Report, out: &mut Terminal) -> io::Result<()> {
        let mut table = Table::new([
            Column::number("DUMP"),
            Column::word("AT"),
            Column::number("GOROUTINES"),
            Column::number("LEAKED"),
            Column::number("LONGEST WAIT"),
            Column::text("CRASH"),
        ]);
        let shown = self.rows.most();
        for (index, (dump, file)) in report.dumps.iter().zip(files).enumerate().take(shown) {
            table.row([
                (index + 1).to_string(),
                format!("{}:{}", names::file_name(file), dump.line),
                units::count(dump.goroutine_count),
                units::count(dump.leaked_count),
                minutes(dump.longest_wait),
                dump.crash.clone().unwrap_or_default(),
            ]);
        }
        table.write(out)?;
        write_rest(report.dumps.len() as u64, shown.min(report.dumps.len()), "dump", out)
    }

    fn write_dump_groups(&self, groups: &[DumpGroup], has_growth: bool, out: &mut Terminal) -> io::Result<()> {
        let has_leaks = groups.iter().any(|group| group.leaked_count > 0);
        let mut columns = vec![Column::name("GROUP"), Column::number("COUNT")];
        if has_growth {
            columns.extend([Column::number("GROWTH"), Column::word("DUMPS").detail(3)]);
        }
        columns.extend([Column::text("STATE"), Column::number("LONGEST WAIT")]);
        if has_leaks {
            columns.push(Column::number("LEAKED"));
        }
        columns.push(Column::name("CREATED BY").detail(1));
        let mut table = Table::new(columns);
        for group in groups {
            let name = if group.name.is_empty() { self.by.missing_in_dump() } else { &group.name };
            let mut cells = vec![Cell::from(name.to_owned()), units::count(group.count).into()];
            if let Some(growth) = group.growth {
                cells.extend([signed(growth).into(), counts(&group.counts).into()]);
            }
            cells.extend([states(group).into(), minutes(group.longest_wait).into()]);
            if has_leaks {
                cells.push(units::count(group.leaked_count).into());
            }
            cells.push(group.created_by.as_ref().map_or(String::new(), place).into());
            table.row(cells);
        }
        table.write(out)
    }

    /// Writes the distinct stacks of a group.
    fn write_stacks(&self, group: &DumpGroup, out: &mut Terminal) -> io::Result<()> {
        let shown = self.rows.most().min(group.stacks.len());
        for stack in &group.stacks[..shown] {
            write_stack(stack, out)?;
        }
        write_rest(group.stacks.len() as u64, shown, "stack", out)
    }
}

fn write_stack(stack: &DumpStack, out: &mut Terminal) -> io::Result<()> {
    /// At most this many IDs are shown.
    const SHOWN: usize = 8;
    let count = units::plural(stack.goroutines.len() as u64, "goroutine");
    let wait = match stack.longest_wait {
        Some(_) => format!(", longest wait {}", minutes(stack.longest_wait)),
        None => String::new(),
    };
    writeln!(out, "\n{}  {}{wait}", out.paint(BOLD, &count), names::printable(&stack.state))?;
    let mut table = Table::new([Column::name("FUNCTION"), Column::text("PLACE")]).indent(2);
    for frame in &stack.stack {
        table.row([frame.func.clone(), frames::line(frame)]);
    }
    if let Some(frame) = &stack.created_by {
        table.row([format!("created by {}", frame.func), frames::line(frame)]);
    }
    table.write(out)?;
    let ids = stack.goroutines.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if stack.goroutines.len() > SHOWN { ", …" } else { "" };
    paragraph::write("  IDs: ", &format!("{ids}{more}"), out)
}

fn write_notes(Report { report, lines, left_out, .. }: &Report, out: &mut Terminal) -> io::Result<()> {
    if *left_out > 0 {
        let note = format!("{} of a single running goroutine left out", units::plural(*left_out, "dump"));
        paragraph::write_styled(DIM, &note, out)?;
    }
    if report.dumps.iter().any(|dump| dump.is_cut) {
        paragraph::write_styled(
            DIM,
            "the text ends within a goroutine: the dump was cut, so others may be missing",
            out,
        )?;
    }
    match lines.other + lines.too_long {
        0 => Ok(()),
        other => paragraph::write_styled(DIM, &format!("{} skipped", units::plural(other, "other line")), out),
    }
}

/// The failure that an option is given which dumps do not have.
fn only_of_traces(option: &str) -> Failure {
    Failure::Usage(format!("{option} needs a trace: a goroutine dump shows one moment"))
}

/// The states of a group, such as `chan send`, or `chan send 118, select 2`.
fn states(group: &DumpGroup) -> String {
    match group.states.as_slice() {
        [only] => only.state.clone(),
        states => {
            let states = states.iter().map(|state| format!("{} {}", state.state, units::count(state.count)));
            states.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The counts of several dumps, such as `36 → 82 → 126`. Only the first and the last of many.
fn counts(counts: &[u64]) -> String {
    const SHOWN: usize = 5;
    match counts {
        [first, .., last] if counts.len() > SHOWN => format!("{} → … → {}", units::count(*first), units::count(*last)),
        counts => counts.iter().map(|count| units::count(*count)).collect::<Vec<_>>().join(" → "),
    }
}

fn signed(growth: i64) -> String {
    let sign = match growth {
        1.. => "+",
        0 => "",
        _ => "−",
    };
    format!("{sign}{}", units::count(growth.unsigned_abs()))
}

/// A wait in minutes, as precise as a dump has it.
fn minutes(wait: Option<Duration>) -> String {
    match wait.map(|wait| (wait, wait.as_secs() / 60)) {
        None => String::new(),
        Some((_, minutes @ ..60)) => format!("{minutes} min"),
        Some((wait, _)) => units::duration(wait),
    }
}

/// A frame with its line, such as `main.start main.go:21`.
fn place(frame: &OwnedFrame) -> String {
    format!("{} {}", frame.func, frames::line(frame))
}
