//! `gotrace goroutines`: groups of goroutines, and how they spent their time.

mod dumps;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use gotrace::analysis::goroutines::{
    Accounting, GoroutineGroup, Goroutines, GoroutinesReport, GroupBy, GroupOrder, NamedTime,
};
use gotrace::analysis::{Histogram, is_runtime_goroutine};
use gotrace::timeline::BLOCKED_BEFORE_TRACE;
use serde::Serialize;

use crate::failure::{Failure, Wanted};
use crate::input::{Input, check_stdin};
use crate::pass::{check_read_to_end, observe_input, observe_within};
use crate::select::{Chosen, Selection, Window, other_labels};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::{BOLD, DIM};
use crate::view::table::{Cell, Column, Table};
use crate::view::{names, next, paragraph, suggest, units};

/// Show goroutines by group: how those of a trace spent their time, or where those of a dump are.
///
/// Of a trace, the columns are those of go tool trace: RUNNING is its "Execution time", RUNNABLE is
/// "Sched wait time", SYSCALL is the sum of both times in system calls, and BLOCKED is the sum of
/// all other "Block time". They are parts of TOTAL and do not overlap. Special ranges, which
/// --details shows, overlap with them.
///
/// go tool trace counts some times twice, and a goroutine that waits forever as exited. --as-go
/// counts like that.
///
/// Percentiles (≈) come from histograms and are within 0.8 %. The trace is read once. Memory use
/// depends on how many goroutines are alive at the same time.
///
/// A goroutine dump is the text that /debug/pprof/goroutine?debug=2, SIGQUIT or a crash writes, also
/// within a log. Of several dumps, in one log or in several files, the groups that grow most come
/// first.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace goroutines trace.out
  gotrace goroutines trace.out --sort blocked --top 5
  gotrace goroutines trace.out --details --group main.main
  curl -s http://HOST/debug/pprof/goroutine?debug=2 | gotrace goroutines -
  gotrace goroutines crash.log --sort wait
  gotrace goroutines dump.1.txt dump.2.txt --by place")]
pub struct Args {
    /// Group goroutines by this
    #[arg(long, value_enum, default_value = "start")]
    by: By,
    /// Only this group, with its goroutines one by one
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Sort groups by this [default: total of a trace, count of a dump, growth of several dumps]
    #[arg(long, value_enum, value_name = "COLUMN")]
    sort: Option<Sort>,
    #[command(flatten)]
    rows: Rows,
    /// Show the distribution of every column of each group
    #[arg(long)]
    details: bool,
    /// Count as go tool trace does, its errors included
    #[arg(long)]
    as_go: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    window: Window,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// A trace, or goroutine dumps in the order in which they were taken; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// The function in which they started, as in go tool trace
    Start,
    /// The function that created them
    Creator,
    /// Their last label: the runtime labels its GC workers
    Label,
    /// The function that they started in; a closure counts as the function that contains it
    Name,
    /// The innermost function outside of the runtime (only of dumps)
    Place,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Time from creation to exit
    Total,
    /// Time running
    Running,
    /// Time runnable, waiting for a P
    Runnable,
    /// Time in system calls
    Syscall,
    /// Time blocked
    Blocked,
    /// Number of goroutines
    Count,
    /// The 99th percentile of the total
    P99,
    /// The longest wait (only of dumps)
    Wait,
    /// How many more goroutines the last dump has than the first (only of several dumps)
    Growth,
}

/// What `--json` prints, by the kind of the file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Report<'r> {
    /// Of a trace.
    Trace(&'r GoroutinesReport),
    /// Of goroutine dumps.
    Dumps(&'r dumps::Report),
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    check_stdin(args.files.iter().map(PathBuf::as_path))?;
    let input = Input::open(args.file(), true)?;
    if dumps::may_have_dumps(&input) {
        return dumps::run(args, input, terminal);
    }
    let bytes = input.into_bytes(args.file(), Wanted::TraceOrDump)?;
    if args.files.len() > 1 {
        let text =
            "give one trace; only goroutine dumps can be given together. To compare two traces, use gotrace compare";
        return Err(Failure::Usage(text.into()));
    }
    run_trace(args, bytes, terminal)
}

fn run_trace(args: &Args, bytes: Box<dyn Read + Send>, terminal: &mut Terminal) -> Result<(), Failure> {
    let (by, order) = (args.by.of_trace()?, args.trace_sort().of_trace()?);
    let found = observe_input(args.file(), bytes, terminal.times(), &args.window, |range| {
        let mut goroutines = Goroutines::with(by, args.accounting());
        if !args.window.is_whole() {
            goroutines = goroutines.within(range);
        }
        if let Some(name) = &args.group {
            goroutines = goroutines.members_of(name);
        }
        match args.selection.is_empty() {
            true => goroutines,
            false => goroutines
                .filter(|goroutine| args.selection.matches(goroutine.id(), goroutine.name(), [goroutine.label()])),
        }
    })?;
    let mut report = found.report;
    let is_empty = report.groups.is_empty() && found.error.is_none();
    report.sort_by(order);
    let blocked = match args.json || args.is_detailed() || args.rows.most() == usize::MAX {
        true => 0,
        false => take_blocked(&mut report.groups),
    };
    let groups = report.groups.len() as u64;
    report.truncate(args.rows.most());
    match args.json {
        true => terminal.json(&Report::Trace(&report), found.error.as_ref())?,
        false if is_empty => {}
        false => args.write(&report, groups, blocked, terminal)?,
    }
    if is_empty {
        let text = args.nothing(&found.clock, terminal)?;
        if !args.json {
            writeln!(terminal, "{text}")?;
        }
    }
    terminal.flush()?;
    check_read_to_end(args.file(), found.error.as_ref())
}

/// Removes the groups that did nothing in the trace. Returns how many goroutines they have.
fn take_blocked(groups: &mut Vec<GoroutineGroup>) -> u64 {
    groups.extract_if(.., |group| was_blocked_throughout(group)).map(|group| group.count).sum()
}

/// Whether all goroutines of a group belong to the runtime, or are unknown, and were blocked for the
/// whole trace. The program's own goroutines are always shown, because they may have leaked.
fn was_blocked_throughout(group: &GoroutineGroup) -> bool {
    let is_of_program = !group.name.is_empty() && !is_runtime_goroutine(&group.name);
    let before = group.times.blocks.iter().find(|row| row.name == BLOCKED_BEFORE_TRACE);
    !is_of_program && before.is_some_and(|row| row.times.sum() >= group.times.total.sum())
}

/// The failure that an option is given which traces do not have.
fn only_of_dumps(option: &str) -> Failure {
    Failure::Usage(format!("{option} is only for goroutine dumps, and this is a trace"))
}

impl By {
    fn of_trace(self) -> Result<GroupBy, Failure> {
        match self {
            By::Start => Ok(GroupBy::Start),
            By::Creator => Ok(GroupBy::Creator),
            By::Label => Ok(GroupBy::Label),
            By::Name => Ok(GroupBy::Name),
            By::Place => Err(only_of_dumps("--by place")),
        }
    }

    /// What the goroutines of a group have in common.
    fn name(self) -> &'static str {
        match self {
            By::Start => "start function",
            By::Creator => "creator",
            By::Label => "label",
            By::Name => "source function",
            By::Place => "place",
        }
    }

    /// The option that groups like this, with a space after it. Empty for the default.
    fn option(self) -> String {
        match self {
            By::Start => String::new(),
            by => by.to_possible_value().map_or(String::new(), |by| format!("--by {} ", by.get_name())),
        }
    }

    /// Why a group of a dump has no name.
    fn missing_in_dump(self) -> &'static str {
        match self {
            By::Start | By::Name | By::Place => "(no stack in the dump)",
            By::Creator => "(created by the runtime)",
            By::Label => "(no label)",
        }
    }

    /// Why a group has no name.
    fn missing(self) -> &'static str {
        match self {
            By::Start | By::Name | By::Place => "(no stack in the trace)",
            By::Creator => "(created before the trace)",
            By::Label => "(no label)",
        }
    }
}

impl Sort {
    fn of_trace(self) -> Result<GroupOrder, Failure> {
        match self {
            Sort::Total => Ok(GroupOrder::Total),
            Sort::Running => Ok(GroupOrder::Execution),
            Sort::Runnable => Ok(GroupOrder::SchedWait),
            Sort::Syscall => Ok(GroupOrder::Syscall),
            Sort::Blocked => Ok(GroupOrder::Block),
            Sort::Count => Ok(GroupOrder::Count),
            Sort::P99 => Ok(GroupOrder::P99),
            Sort::Wait => Err(only_of_dumps("--sort wait")),
            Sort::Growth => Err(only_of_dumps("--sort growth")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Sort::Total => "total time",
            Sort::Running => "time running",
            Sort::Runnable => "time runnable",
            Sort::Syscall => "time in system calls",
            Sort::Blocked => "time blocked",
            Sort::Count => "count",
            Sort::P99 => "99th percentile of the total",
            Sort::Wait => "longest wait",
            Sort::Growth => "growth",
        }
    }
}

impl Args {
    /// The first file.
    fn file(&self) -> &Path {
        &self.files[0]
    }

    /// What the groups of a trace are sorted by.
    fn trace_sort(&self) -> Sort {
        self.sort.unwrap_or(Sort::Total)
    }

    fn accounting(&self) -> Accounting {
        if self.as_go { Accounting::Reference } else { Accounting::Corrected }
    }

    /// Says why there is no goroutine. If options select none, it is a failure that suggests labels
    /// or groups. Finding them takes another pass over the trace, which standard input does not
    /// allow.
    fn nothing(&self, clock: &Clock, out: &Terminal) -> Result<String, Failure> {
        let chosen = Chosen::default().option("--group", self.group.as_ref()).selection(&self.selection);
        let chosen = chosen.window(&self.window, clock)?;
        if chosen.is_empty() {
            return Ok("the trace has no goroutines".to_owned());
        }
        if self.selection.label.is_some() {
            let labels = self.group_names(GroupBy::Label, out)?.into_iter().collect();
            if let Some(instead) = other_labels(&self.selection, &labels).filter(|_| !self.is_stdin()) {
                return Err(chosen.nothing("goroutine", &instead));
            }
        }
        let mut known = self.group_names(self.by.of_trace()?, out)?;
        let unknown_group = self.group.as_deref().filter(|group| known.iter().all(|name| name != group));
        let wanted = unknown_group.or(self.selection.func.as_ref().map(|func| func.as_str()));
        let instead = match wanted.and_then(|wanted| suggest::nearest(wanted, known.iter().map(|name| &**name))) {
            Some(name) => format!("did you mean '{name}'?"),
            None if known.is_empty() => "gotrace goroutines without these options lists the groups".to_owned(),
            None => {
                known.truncate(5);
                format!("the groups with the most time running are {}", known.join(", "))
            }
        };
        Err(chosen.nothing("goroutine", &instead))
    }

    fn is_stdin(&self) -> bool {
        self.file().as_os_str() == "-"
    }

    /// The names of all groups of the trace, or none of standard input, which cannot be read twice.
    fn group_names(&self, by: GroupBy, out: &Terminal) -> Result<Vec<String>, Failure> {
        if self.is_stdin() {
            return Ok(Vec::new());
        }
        let groups = |_| Goroutines::with(by, self.accounting());
        let found = observe_within(self.file(), out.times(), &Window::default(), groups)?;
        Ok(found.report.groups.into_iter().map(|group| group.name).filter(|name| !name.is_empty()).collect())
    }

    /// Whether the distributions of each group are shown.
    fn is_detailed(&self) -> bool {
        self.details || self.group.is_some()
    }

    /// Writes the groups of the report, the first of `group_count`. `blocked` goroutines are in
    /// groups that were left out because they were blocked since before the trace.
    fn write(&self, report: &GoroutinesReport, group_count: u64, blocked: u64, out: &mut Terminal) -> io::Result<()> {
        let goroutines = units::plural(report.goroutine_count, "goroutine");
        let groups = units::plural(report.group_count, "group");
        let over = units::duration(report.end - report.start);
        let head = format!("{goroutines} in {groups} over {over}");
        let note = format!("by {}, sorted by {}", self.by.name(), self.trace_sort().name());
        let gap = if names::width(&head) + 4 + names::width(&note) > out.width() { "\n" } else { "    " };
        writeln!(out, "{}{gap}{}", out.paint(BOLD, &head), out.paint(DIM, &note))?;
        match self.is_detailed() {
            true => report.groups.iter().try_for_each(|group| self.write_details(group, out))?,
            false => self.write_groups(report, out)?,
        }
        if self.group.is_some() {
            return self.write_members(report, out);
        }
        if self.details && group_count > report.groups.len() as u64 {
            writeln!(out)?;
        }
        write_rest(group_count, report.groups.len(), "group", out)?;
        if blocked > 0 {
            let goroutines = units::plural(blocked, "runtime goroutine");
            let note = format!("{goroutines} blocked for the whole trace not shown; --top 0 shows all");
            paragraph::write_styled(DIM, &note, out)?;
        }
        match report.groups.first() {
            Some(first) if !self.details && !first.name.is_empty() => {
                let by = self.by.option();
                next::write("goroutines", self.file(), &format!("{by}--group {}", names::quoted(&first.name)), out)
            }
            _ => Ok(()),
        }
    }

    fn name<'g>(&self, group: &'g GoroutineGroup) -> &'g str {
        if group.name.is_empty() { self.by.missing() } else { &group.name }
    }

    fn write_groups(&self, report: &GoroutinesReport, out: &mut Terminal) -> io::Result<()> {
        let [runnable, syscall, blocked] =
            state_columns(report.groups.iter().map(|GoroutineGroup { times, .. }| {
                let syscall = times.syscall.sum() + times.syscall_block.sum();
                (times.total.sum(), [times.sched_wait.sum(), syscall, times.block.sum()])
            }));
        let mut table = Table::new([
            Column::name("GROUP"),
            Column::number("COUNT"),
            Column::number("EXITED").detail(2),
            Column::number("TOTAL"),
            Column::number("RUNNING"),
            runnable,
            syscall,
            blocked,
            Column::text("MOSTLY BLOCKED ON"),
            Column::number("").detail(4),
            Column::number("≈P99 TOTAL").detail(3),
        ]);
        for group in &report.groups {
            let times = &group.times;
            let most = times.blocks.iter().max_by_key(|row| row.times.sum());
            table.row([
                self.name(group).to_owned(),
                units::count(group.count),
                units::count(group.ended),
                units::duration(times.total.sum()),
                units::duration(times.execution.sum()),
                units::duration(times.sched_wait.sum()),
                units::duration(times.syscall.sum() + times.syscall_block.sum()),
                units::duration(times.block.sum()),
                most.map_or(String::new(), |row| row.name.clone()),
                most.map_or(String::new(), |row| units::duration(row.times.sum())),
                units::duration(times.total.percentile(99.0)),
            ]);
        }
        table.write(out)
    }

    fn write_details(&self, group: &GoroutineGroup, out: &mut Terminal) -> io::Result<()> {
        let goroutines = format!("{}, {} exited", units::plural(group.count, "goroutine"), units::count(group.ended));
        let room = out.width().saturating_sub(names::width(&goroutines) + 2);
        let heading = out.paint(BOLD, &names::fit(self.name(group), room));
        writeln!(out, "\n{heading}  {goroutines}")?;
        let times = &group.times;
        let mut table = Table::new([
            Column::text("TIME"),
            Column::number("SUM"),
            Column::number("MIN").detail(3),
            Column::number("MEAN").detail(1),
            Column::number("≈P50"),
            Column::number("≈P90").detail(2),
            Column::number("≈P99"),
            Column::number("MAX"),
        ])
        .indent(2);
        let mut row = |name: &str, times: &Histogram| {
            let percentile = |percent| times.percentile(percent);
            let numbers = [
                times.sum(),
                times.min(),
                times.mean(),
                percentile(50.0),
                percentile(90.0),
                percentile(99.0),
                times.max(),
            ];
            table.row(std::iter::once(name.to_owned()).chain(numbers.map(units::duration)).map(Cell::from));
        };
        row("total", &times.total);
        row("running", &times.execution);
        for (name, times) in [
            ("runnable", &times.sched_wait),
            ("syscall", &times.syscall),
            ("syscall, without a P", &times.syscall_block),
            ("unknown", &times.unknown),
        ] {
            if !times.max().is_zero() {
                row(name, times);
            }
        }
        for block in &times.blocks {
            let is_named = block.name.starts_with("blocked");
            row(&if is_named { block.name.clone() } else { format!("blocked: {}", block.name) }, &block.times);
        }
        for range in &times.ranges {
            row(&format!("within it: {}", range.name), &range.times);
        }
        table.write(out)
    }

    fn write_members(&self, report: &GoroutinesReport, out: &mut Terminal) -> io::Result<()> {
        let [runnable, syscall, blocked] =
            state_columns(report.members.iter().map(|member| {
                (member.total, [member.sched_wait, member.syscall + member.syscall_block, member.block])
            }));
        let mut table = Table::new([
            Column::number("GOROUTINE"),
            Column::number("TOTAL"),
            Column::number("RUNNING"),
            runnable,
            syscall,
            blocked,
            Column::text("BLOCKED ON"),
        ]);
        for member in &report.members {
            let mut blocks: Vec<&NamedTime> = member.blocks.iter().collect();
            blocks.sort_by_key(|block| std::cmp::Reverse(block.time));
            let blocks = blocks.iter().map(|block| format!("{} {}", block.name, units::duration(block.time)));
            table.row([
                member.goroutine.to_string(),
                units::duration(member.total),
                units::duration(member.execution),
                units::duration(member.sched_wait),
                units::duration(member.syscall + member.syscall_block),
                units::duration(member.block),
                blocks.collect::<Vec<_>>().join(", "),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
        write_rest(report.goroutine_count, report.members.len(), "goroutine", out)?;
        match report.members.first() {
            Some(member) => next::write("goroutine", self.file(), &member.goroutine.to_string(), out),
            None => Ok(()),
        }
    }
}

/// The columns of the times in which goroutines did not run. `rows` are the total of each row of the
/// table, and the three times.
///
/// One column may be left out: that of system calls, unless they take half of the time of a row;
/// otherwise the smaller one of the others.
fn state_columns(rows: impl IntoIterator<Item = (Duration, [Duration; 3])>) -> [Column; 3] {
    let mut has_syscalls = false;
    let mut sums = [Duration::ZERO; 3];
    for (total, times) in rows {
        has_syscalls |= times[1] * 2 > total;
        for (sum, time) in sums.iter_mut().zip(times) {
            *sum += time;
        }
    }
    let [runnable, syscall, blocked] = ["RUNNABLE", "SYSCALL", "BLOCKED"].map(Column::number);
    match (has_syscalls, sums[0] <= sums[2]) {
        (false, _) => [runnable, syscall.detail(1), blocked],
        (true, true) => [runnable.detail(1), syscall, blocked],
        (true, false) => [runnable, syscall, blocked.detail(1)],
    }
}
