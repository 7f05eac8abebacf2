//! `gotrace allocations`: who allocated what, and what was never freed.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use gotrace::analysis::Histogram;
use gotrace::analysis::allocations::{
    AllocatedStack, AllocationBy, AllocationOptions, AllocationSource, Allocations, AllocationsReport, ObjectCount,
    ObjectTotals, PageCount,
};
use gotrace::{GoId, Time};

use crate::failure::Failure;
use crate::pass::{check_read_to_end, observe};
use crate::select::parse_duration;
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::{BAD, BOLD};
use crate::view::table::{Column, Table};
use crate::view::{names, units};

/// Show who allocated what in a trace, when, and what was never freed: by type, size, age and goroutine.
///
/// The program has to run with GODEBUG=traceallocfree=1 (Go 1.23 and later), which makes it slow
/// and its traces large: trace only a second or two.
///
/// An allocation source is all objects of one type and size that goroutines with the same start
/// function allocated. It is suspicious if three conditions hold. First, it has a suspicious window
/// (more than --min-allocated objects are allocated and fewer than --max-freed are freed) or is
/// steady (--run gaps between allocations in a row are shorter than --gap). Second, some of its
/// objects outlived --cycles collections. Third, fewer than half of all objects of its type and
/// size are freed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace allocations allocations.out
  gotrace allocations allocations.out --top 3
  gotrace allocations allocations.out --cycles 4 --window 500ms")]
pub struct Args {
    /// Show what this goroutine allocated, and when
    #[arg(long, value_name = "ID", help_heading = "Selection")]
    goroutine: Option<u64>,
    /// Objects that outlive this many collections count as kept; windows with fewer collections are
    /// not judged
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().cycles, help_heading = "Rules")]
    cycles: u32,
    /// The length of a window, such as 1s or 250ms
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "1s", value_parser = parse_duration, help_heading = "Rules")]
    window: Duration,
    /// A window is suspicious if it has more allocations than this and fewer frees than --max-freed
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().min_allocated, help_heading = "Rules")]
    min_allocated: u64,
    /// A window is suspicious if it has fewer frees than this and more allocations than
    /// --min-allocated
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().max_freed, help_heading = "Rules")]
    max_freed: u64,
    /// A gap between two allocations is short if it is shorter than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "10ms", value_parser = parse_duration, help_heading = "Rules")]
    gap: Duration,
    /// An allocation source is steady if this many gaps in a row are short
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().run, help_heading = "Rules")]
    run: u64,
    #[command(flatten)]
    rows: Rows,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// The trace; - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let options = AllocationOptions::default()
        .cycles(args.cycles)
        .window(args.window)
        .min_allocated(args.min_allocated)
        .max_freed(args.max_freed)
        .gap(args.gap)
        .run(args.run);
    let found = observe(&args.file, terminal.times(), Allocations::new(options))?;
    let (report, error) = (&found.report, found.error.as_ref());
    let go = args.goroutine.map(GoId);
    if let Some(go) = go
        && report.goroutine(go).is_none()
        && report.events > 0
    {
        return Err(Failure::Usage(format!("goroutine {go} allocated nothing in the trace{}", allocators(report))));
    }
    let view = View { report, clock: &found.clock, top: args.rows.most() };
    match (args.json, go) {
        (true, go) => {
            let mut summary = report.summary(view.top);
            summary.goroutine = go.and_then(|go| report.goroutine_summary(go, view.top));
            terminal.json(&summary, error)?;
        }
        (false, _) if report.events == 0 => {}
        (false, Some(go)) => view.write_goroutine(go, terminal)?,
        (false, None) => view.write(terminal)?,
    }
    terminal.flush()?;
    check_read_to_end(&args.file, error)?;
    if report.events == 0 {
        return Err(Failure::Input {
            path: args.file.clone(),
            error: "no allocation in the trace".into(),
            hint: "run the program with GODEBUG=traceallocfree=1, with Go 1.23 or later".into(),
        });
    }
    Ok(())
}

/// The end of an error message: the goroutines that keep the most.
fn allocators(report: &AllocationsReport) -> String {
    let goroutines = report.by(AllocationBy::Goroutine);
    let ids: Vec<String> = goroutines.iter().filter_map(|group| Some(group.go?.to_string())).take(5).collect();
    match ids.is_empty() {
        true => String::new(),
        false => format!("; goroutines that keep the most: {}", ids.join(", ")),
    }
}

struct View<'a> {
    report: &'a AllocationsReport,
    clock: &'a Clock,
    top: usize,
}

fn objects(count: ObjectCount) -> String {
    format!("{}, {}", units::plural(count.objects, "object"), units::bytes(count.bytes))
}

fn named(name: &str, otherwise: &str) -> String {
    if name.is_empty() { otherwise.to_owned() } else { names::printable(name) }
}

/// Writes a line, cut to the width of the terminal.
fn line(text: &str, out: &mut Terminal) -> io::Result<()> {
    let width = out.width();
    writeln!(out, "{}", names::cut(text, width))
}

impl View<'_> {
    fn at(&self, at: Option<Time>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| self.clock.show(at))
    }

    fn write(&self, out: &mut Terminal) -> io::Result<()> {
        let report = self.report;
        let suspicious = report.sources.iter().take_while(|source| source.is_suspicious()).count();
        let over = units::duration(report.end - report.start);
        let over = format!("over {over} and {}", units::plural(report.cycles.into(), "collection"));
        match suspicious {
            0 => writeln!(out, "no suspicious allocation source {over}")?,
            _ => {
                let found = units::plural(suspicious as u64, "suspicious allocation source");
                writeln!(out, "{} {over}", out.paint(BAD, &found))?;
            }
        }
        self.write_totals(out)?;
        self.write_sources(suspicious, out)?;
        for (by, head, thing) in [
            (AllocationBy::Type, "TYPE", "type"),
            (AllocationBy::SizeClass, "SIZE CLASS", "size"),
            (AllocationBy::Start, "GOROUTINES STARTED IN", "function"),
            (AllocationBy::Goroutine, "GOROUTINE", "goroutine"),
            (AllocationBy::Task, "TASK", "task"),
        ] {
            self.write_groups(by, head, thing, out)?;
        }
        self.write_ages(out)?;
        self.write_spans(out)
    }

    fn write_totals(&self, out: &mut Terminal) -> io::Result<()> {
        let report = self.report;
        let ObjectTotals { existing, allocated, freed, live, kept, .. } = report.totals();
        let mut table = Table::new([
            Column::word(""),
            Column::number("EXISTING"),
            Column::number("ALLOCATED"),
            Column::number("FREED"),
            Column::number("LIVE"),
            Column::number("KEPT"),
        ]);
        let counts = [existing, allocated, freed, live, kept];
        let row = |name: &str, cell: fn(ObjectCount) -> String| {
            std::iter::once(name.to_owned()).chain(counts.map(cell)).collect::<Vec<_>>()
        };
        table.row(row("objects", |count| units::count(count.objects)));
        table.row(row("size", |count| units::bytes(count.bytes)));
        table.write(out)?;
        for (count, what) in [
            (report.shared, "shared a slot with other tiny objects"),
            (report.replaced, "were freed without an event"),
            (report.not_followed, "were not followed, because there are too many"),
            (report.lost, "were lost in a gap of the trace"),
        ] {
            if count > 0 {
                writeln!(out, "{} {what}", units::plural(count, "object"))?;
            }
        }
        match report.unknown_frees {
            0 => Ok(()),
            count => {
                writeln!(out, "{} of objects that the trace did not mention before", units::plural(count, "free"))
            }
        }
    }

    fn write_sources(&self, suspicious: usize, out: &mut Terminal) -> io::Result<()> {
        let shown = suspicious.min(self.top);
        self.report.sources.iter().take(shown).try_for_each(|source| self.write_source(source, out))?;
        if suspicious > shown {
            writeln!(out)?;
        }
        write_rest(suspicious as u64, shown, "suspicious allocation source", out)
    }

    fn write_source(&self, source: &AllocationSource, out: &mut Terminal) -> io::Result<()> {
        let ty = named(self.report.type_name(source.ty), "(no type)");
        writeln!(out)?;
        let width = out.width();
        let title = names::cut(&format!("{ty}, {} each", units::bytes(source.size)), width);
        writeln!(out, "{}", out.paint(BOLD, &title))?;
        let start = named(&source.start, "a function that is not in the trace");
        line(&format!("  by {} of {start}", units::plural(source.goroutine_count as u64, "goroutine")), out)?;
        let ObjectTotals { allocated, freed, kept, first, last, .. } = source.totals;
        let [allocated, freed] = [allocated, freed].map(|count| units::count(count.objects));
        line(&format!("  allocated {allocated}, freed {freed}, kept {}", objects(kept)), out)?;
        let of_all = [source.allocated_of_all, source.freed_of_all].map(units::count);
        line(
            &format!("  by all goroutines, of this type and size: allocated {}, freed {}", of_all[0], of_all[1]),
            out,
        )?;
        if let Some(worst) = source.worst {
            let [allocated, freed] = [worst.allocated, worst.freed].map(units::count);
            let start = self.clock.show(worst.start);
            let cycles = units::plural(worst.cycles, "collection");
            line(
                &format!("  suspicious window: allocated {allocated} and freed {freed} from {start} on, over {cycles}"),
                out,
            )?;
        }
        if source.is_steady {
            line(&format!("  steady: {} in a row", units::plural(source.longest_run, "short gap")), out)?;
        }
        line(&format!("  first {}, last {}", self.at(first), self.at(last)), out)?;
        let most = source.goroutines.iter().filter(|goroutine| goroutine.kept.objects > 0).take(4);
        let most: Vec<_> = most.map(|goroutine| format!("{} ({})", goroutine.id, objects(goroutine.kept))).collect();
        if !most.is_empty() {
            line(&format!("  kept by goroutine {}", most.join(", ")), out)?;
        }
        write_stack(self.report.source_stack(source), out)
    }

    fn write_groups(&self, by: AllocationBy, head: &'static str, thing: &str, out: &mut Terminal) -> io::Result<()> {
        let groups = self.report.by(by);
        if by == AllocationBy::Task && groups.iter().all(|group| group.task.is_none()) {
            return Ok(());
        }
        let names = match by {
            AllocationBy::Goroutine => vec![Column::number(head), Column::name("STARTED IN")],
            _ => vec![Column::name(head)],
        };
        let sizes = [
            Column::number("KEPT"),
            Column::number("LIVE"),
            Column::number("ALLOCATED"),
            Column::number("FREED"),
            Column::number("EXISTING").detail(1),
        ];
        let mut table = Table::new(names.into_iter().chain(sizes).collect::<Vec<_>>());
        for group in groups.iter().take(self.top) {
            let names = match (by, group.go) {
                (AllocationBy::Goroutine, Some(go)) => {
                    vec![go.to_string(), named(group.start.as_deref().unwrap_or_default(), "(not in the trace)")]
                }
                (AllocationBy::Goroutine, None) => vec!["–".into(), "(none, or before the trace)".into()],
                _ => vec![named(&group.name, "(not known)")],
            };
            let ObjectTotals { existing, allocated, freed, live, kept, .. } = group.totals;
            let sizes = [kept, live, allocated, freed, existing].map(|count| units::bytes(count.bytes));
            table.row(names.into_iter().chain(sizes));
        }
        writeln!(out)?;
        table.write(out)?;
        write_rest(groups.len() as u64, self.top, thing, out)
    }

    fn write_ages(&self, out: &mut Terminal) -> io::Result<()> {
        let report = self.report;
        if !report.survivors.is_empty() {
            writeln!(out, "\nobjects allocated and not freed, by how many collections they outlived")?;
            let mut table =
                Table::new([Column::number("COLLECTIONS"), Column::number("OBJECTS"), Column::number("SIZE")]);
            for it in report.survivors.iter().take(self.top) {
                let count = it.count;
                table.row([it.cycles.to_string(), units::count(count.objects), units::bytes(count.bytes)]);
            }
            table.write(out)?;
        }
        let spread = |times: &Histogram| {
            format!("median {}, max {}", units::duration(times.percentile(50.0)), units::duration(times.max()))
        };
        if !report.ages.is_empty() {
            writeln!(out, "age of objects not freed: {}", spread(&report.ages))?;
        }
        if !report.lifetimes.is_empty() {
            writeln!(out, "lifetime of freed objects: {}", spread(&report.lifetimes))?;
        }
        Ok(())
    }

    fn write_spans(&self, out: &mut Terminal) -> io::Result<()> {
        let page = self.report.info.map_or(0, |info| info.page_size);
        let mut sums = [PageCount::default(); 3];
        for spans in &self.report.spans {
            for (sum, count) in sums.iter_mut().zip([spans.existing, spans.allocated, spans.freed]) {
                sum.spans += count.spans;
                sum.pages = sum.pages.saturating_add(count.pages);
            }
        }
        let mut table = Table::new([
            Column::word("MEMORY"),
            Column::number("EXISTING"),
            Column::number("ALLOCATED"),
            Column::number("FREED"),
        ]);
        let spans =
            sums.map(|sum| format!("{} ({})", units::count(sum.spans), units::bytes(sum.pages.saturating_mul(page))));
        table.row(std::iter::once("heap spans".to_owned()).chain(spans));
        for stacks in &self.report.stacks {
            let counts = [stacks.existing, stacks.allocated, stacks.freed].map(units::count);
            let name = format!("goroutine stacks of {}", units::bytes(stacks.size));
            table.row(std::iter::once(name).chain(counts));
        }
        writeln!(out)?;
        table.write(out)
    }

    fn write_goroutine(&self, go: GoId, out: &mut Terminal) -> io::Result<()> {
        let Some(goroutine) = self.report.goroutine(go) else { return Ok(()) };
        line(&format!("goroutine {go}  {}", named(&goroutine.start, "(start function not in the trace)")), out)?;
        let creator = goroutine.creator.map_or_else(String::new, |creator| format!(" by goroutine {creator}"));
        let created = goroutine.created.map_or_else(|| "before the trace".into(), |at| self.clock.show(at));
        let ended = goroutine
            .ended
            .map_or_else(|| "still alive when the trace ended".into(), |at| format!("exited {}", self.clock.show(at)));
        line(&format!("created {created}{creator}, {ended}"), out)?;
        for it in self.report.of_goroutine(go).take(self.top) {
            writeln!(out)?;
            let task = it.task.map_or_else(String::new, |task| format!(", for task {task}"));
            let ty = named(self.report.type_name(it.ty), "(no type)");
            let width = out.width();
            let title = names::cut(&format!("{ty}, {} each{task}", units::bytes(it.size)), width);
            writeln!(out, "{}", out.paint(BOLD, &title))?;
            let ObjectTotals { allocated, freed, live, kept, first, last, .. } = it.totals;
            let [allocated, freed, live] = [allocated, freed, live].map(|count| units::count(count.objects));
            line(&format!("  allocated {allocated}, first {}, last {}", self.at(first), self.at(last)), out)?;
            line(&format!("  freed {freed}, live {live}, kept {}", objects(kept)), out)?;
            write_stack(self.report.stack(it), out)?;
        }
        let rows = self.report.of_goroutine(go).count();
        if rows > self.top {
            writeln!(out)?;
        }
        write_rest(rows as u64, self.top, "allocated type", out)
    }
}

/// Writes the innermost frames outside of the runtime.
fn write_stack(stack: AllocatedStack<'_>, out: &mut Terminal) -> io::Result<()> {
    const FRAMES: usize = 3;
    let frames = stack.frames().filter(|frame| !frame.is_runtime()).take(FRAMES);
    for (number, frame) in frames.enumerate() {
        if number == 0 {
            writeln!(out, "  last stack before the last allocation")?;
        }
        let (func, file) = (frame.func.to_str_lossy(), frame.file.to_str_lossy());
        let place = format!("{}:{}", names::printable(names::file_name(&file)), frame.line);
        let room = out.width().saturating_sub(names::width(&place) + 5);
        writeln!(out, "    {} {place}", names::fit(&func, room))?;
    }
    Ok(())
}
