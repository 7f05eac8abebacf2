//! Tells who allocated what, and what was never freed.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe, time};
use crate::view::text::{duration_text, fit, write_json, write_line};
use clap::Args as ClapArgs;
use gotrace::analysis::{
    AllocatedStack, AllocationBy, AllocationGroup, AllocationOptions, AllocationReport, AllocationTrail, Allocations,
    Histogram, ObjectCount, ObjectTotals,
};
use gotrace::{GoId, Time};
use indicatif::BinaryBytes;
use serde::Serialize;
use serde_json::{Value, json};

/// Tell who allocated what in a trace, when, and what was never freed: by type, size, age and goroutine.
///
/// The program has to run under GODEBUG=traceallocfree=1 (Go 1.23 and later), which makes it slow and its traces large:
/// a second or two will do.
///
/// A trail is what goroutines of one start function allocated of one type and size. It is suspicious if it hoards (in a
/// window more is allocated than --min-allocated and less freed than --max-freed) or is steady (so many short gaps in a
/// row), some of it outlived --cycles collections, and of its type and size less than half as much is freed as is allocated.
#[derive(ClapArgs)]
pub struct Args {
    /// Tell what this goroutine allocated, and when
    #[arg(long, value_name = "ID")]
    goroutine: Option<u64>,
    /// What outlived so many collections is kept; windows with fewer are not judged
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().cycles)]
    cycles: u32,
    /// The length of a window, such as 1s or 250ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    window: i64,
    /// More objects than this in a window...
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().min_allocated)]
    min_allocated: u64,
    /// ...and fewer freed than this are a hoard
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().max_freed)]
    max_freed: u64,
    /// Gaps between allocations shorter than this...
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = parse_time)]
    gap: i64,
    /// ...so many times in a row are steady
    #[arg(long, value_name = "N", default_value_t = AllocationOptions::default().run)]
    run: u64,
    /// Print so many rows of each table, 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace, - for standard input
    file: PathBuf,
}

/// Reads 250ms, 1s, 10us or a number of nanoseconds.
fn parse_time(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err("give a number with ns, us, ms or s".into()),
    };
    let number: f64 = digits.parse().map_err(|_| "give a number with ns, us, ms or s".to_owned())?;
    let nanos = number * unit;
    match (1.0..1e18).contains(&nanos) {
        true => Ok(nanos as i64),
        false => Err("give a time of 1 ns or more".into()),
    }
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let options = AllocationOptions {
        cycles: args.cycles,
        window: args.window,
        min_allocated: args.min_allocated,
        max_freed: args.max_freed,
        gap: args.gap,
        run: args.run,
        ..AllocationOptions::default()
    };
    let (report, error) = observe(&args.file, Allocations::new(options))?;
    if let Some(go) = args.goroutine
        && report.goroutine(GoId(go)).is_none()
        && report.events > 0
    {
        return Err(Failure::Usage(format!("goroutine {go} allocated nothing in the trace")));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let view = View { report: &report, top: if args.top == 0 { usize::MAX } else { args.top } };
    match (args.json, args.goroutine) {
        (true, go) => write_json(&view.json(go.map(GoId), error.as_ref().map(ToString::to_string)), &mut out)?,
        (false, Some(go)) if report.events > 0 => view.write_goroutine(GoId(go), &mut out)?,
        (false, _) => view.write(&mut out)?,
    }
    out.flush()?;
    ended(&args.file, error)?;
    if report.events == 0 {
        return Err(Failure::Input {
            path: args.file.clone(),
            error: "no allocation in the trace".into(),
            hint: "run the program under GODEBUG=traceallocfree=1, with Go 1.23 or later",
        });
    }
    Ok(())
}

struct View<'a> {
    report: &'a AllocationReport,
    top: usize,
}

/// What is printed as JSON; see `gotrace::analysis::json`.
#[derive(Serialize)]
struct Json {
    schema: u32,
    begin: i64,
    end: i64,
    cycles: u32,
    events: u64,
    shared: u64,
    replaced: u64,
    unknown_frees: u64,
    not_followed: u64,
    lost: u64,
    trails: Vec<Value>,
    types: Vec<Value>,
    classes: Vec<Value>,
    goroutines: Vec<Value>,
    starts: Vec<Value>,
    tasks: Vec<Value>,
    survivors: Vec<Value>,
    ages: Histogram,
    lifetimes: Histogram,
    spans: Vec<Value>,
    stacks: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goroutine: Option<Value>,
    error: Option<String>,
}

fn count_json(count: ObjectCount) -> Value {
    json!({"objects": count.objects, "bytes": count.bytes})
}

fn nanos(time: Option<Time>) -> Option<i64> {
    time.map(|time| time.0)
}

fn add_totals(object: &mut Value, totals: &ObjectTotals) {
    for (name, count) in [
        ("existing", totals.existing),
        ("allocated", totals.allocated),
        ("freed", totals.freed),
        ("live", totals.live),
        ("kept", totals.kept),
    ] {
        object[name] = count_json(count);
    }
    for (name, time) in [("first", totals.first), ("last", totals.last), ("oldest", totals.oldest)] {
        object[name] = json!(nanos(time));
    }
}

fn stack_json(stack: AllocatedStack<'_>) -> Value {
    let frames = stack.frames().map(
        |frame| json!({"function": frame.func.to_str_lossy(), "file": frame.file.to_str_lossy(), "line": frame.line}),
    );
    frames.collect()
}

impl View<'_> {
    fn json(&self, go: Option<GoId>, error: Option<String>) -> Json {
        let report = self.report;
        let groups = |by| report.by(by).iter().take(self.top).map(|group| self.group_json(group, by)).collect();
        let survivors = report.survivors.iter().map(|it| json!({"cycles": it.cycles, "count": count_json(it.count)}));
        let spans = report.spans.iter().map(|spans| {
            let count = |count: gotrace::analysis::PageCount| json!({"spans": count.spans, "pages": count.pages});
            json!({
                "class": spans.class,
                "no_scan": spans.no_scan,
                "existing": count(spans.existing),
                "allocated": count(spans.allocated),
                "freed": count(spans.freed),
            })
        });
        let stacks = report.stacks.iter().map(|stacks| {
            json!({
                "size": stacks.size,
                "existing": stacks.existing,
                "allocated": stacks.allocated,
                "freed": stacks.freed,
            })
        });
        Json {
            schema: 1,
            begin: report.begin.0,
            end: report.end.0,
            cycles: report.cycles,
            events: report.events,
            shared: report.shared,
            replaced: report.replaced,
            unknown_frees: report.unknown_frees,
            not_followed: report.not_followed,
            lost: report.lost,
            trails: report.trails.iter().take(self.top).map(|trail| self.trail_json(trail)).collect(),
            types: groups(AllocationBy::Type),
            classes: groups(AllocationBy::SizeClass),
            goroutines: groups(AllocationBy::Goroutine),
            starts: groups(AllocationBy::Start),
            tasks: groups(AllocationBy::Task),
            survivors: survivors.collect(),
            ages: report.ages.clone(),
            lifetimes: report.lifetimes.clone(),
            spans: spans.collect(),
            stacks: stacks.collect(),
            goroutine: go.map(|go| self.goroutine_json(go)),
            error,
        }
    }

    fn group_json(&self, group: &AllocationGroup, by: AllocationBy) -> Value {
        let mut object = json!({"name": group.name});
        add_totals(&mut object, &group.totals);
        match by {
            AllocationBy::Goroutine => {
                let start = group.go.and_then(|go| self.report.goroutine(go)).map(|goroutine| &goroutine.start);
                object["goroutine"] = json!(group.go.map(|go| go.0));
                object["start"] = json!(start);
            }
            AllocationBy::Task => object["task"] = json!(group.task.map(|task| task.0)),
            _ => {}
        }
        object
    }

    fn trail_json(&self, trail: &AllocationTrail) -> Value {
        let goroutines = trail.goroutines.iter().map(|(go, kept)| json!({"id": go.0, "kept": count_json(*kept)}));
        let worst = trail.worst.map(|worst| {
            json!({
                "begin_ns": worst.begin,
                "allocated": worst.allocated,
                "freed": worst.freed,
                "cycles": worst.cycles,
            })
        });
        let mut object = json!({
            "type": self.type_name(trail.ty),
            "class": trail.class,
            "size": trail.size,
            "start": trail.start,
            "suspicious": trail.is_suspicious(),
            "hoards": trail.hoards,
            "worst": worst,
            "steady": trail.is_steady,
            "longest_run": trail.longest_run,
            "goroutine_count": trail.goroutine_count,
            "goroutines": goroutines.collect::<Vec<_>>(),
            "allocated_of_all": trail.allocated_of_all,
            "freed_of_all": trail.freed_of_all,
            "stack": stack_json(self.report.trail_stack(trail)),
        });
        add_totals(&mut object, &trail.totals);
        object
    }

    fn goroutine_json(&self, go: GoId) -> Value {
        let goroutine = self.report.goroutine(go);
        let rows = self.report.of_goroutine(go).map(|row| {
            let mut object = json!({
                "type": self.type_name(row.ty),
                "class": row.class,
                "size": row.size,
                "task": row.task.map(|task| task.0),
                "stack": stack_json(self.report.stack(row)),
            });
            add_totals(&mut object, &row.totals);
            object
        });
        json!({
            "id": go.0,
            "start": goroutine.map(|goroutine| &goroutine.start),
            "creator": goroutine.and_then(|goroutine| goroutine.creator).map(|go| go.0),
            "created": goroutine.and_then(|goroutine| nanos(goroutine.created)),
            "ended": goroutine.and_then(|goroutine| nanos(goroutine.ended)),
            "rows": rows.collect::<Vec<_>>(),
        })
    }

    fn type_name(&self, ty: usize) -> &str {
        self.report.types.get(ty).map_or("", |ty| &ty.name)
    }

    /// When, since the trace's begin.
    fn at(&self, at: Option<Time>) -> String {
        at.map_or_else(|| "-".into(), |at| time(at.since(self.report.begin)))
    }
}

fn bytes(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

fn objects(count: ObjectCount) -> String {
    let ending = if count.objects == 1 { "" } else { "s" };
    format!("{} object{ending}, {}", count.objects, bytes(count.bytes))
}

fn named(name: &str, otherwise: &str) -> String {
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

fn row(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    write_line(&format!("{name:<14}{text}"), out)
}

impl View<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let report = self.report;
        let totals = report.totals();
        row(out, "trace", &format!("{}, {} collections", time(report.end.since(report.begin)), report.cycles))?;
        row(out, "existing", &objects(totals.existing))?;
        row(out, "allocated", &objects(totals.allocated))?;
        row(out, "freed", &objects(totals.freed))?;
        row(out, "live", &objects(totals.live))?;
        row(out, "kept", &objects(totals.kept))?;
        for (count, what) in [
            (report.shared, "tiny objects shared a slot with others"),
            (report.replaced, "objects went without a word"),
            (report.unknown_frees, "frees of what was not there"),
            (report.not_followed, "objects not followed, there are too many"),
            (report.lost, "objects that a gap in the trace has swallowed"),
        ] {
            if count > 0 {
                row(out, "", &format!("{count} {what}"))?;
            }
        }
        self.write_trails(out)?;
        for (by, title) in [
            (AllocationBy::Type, "type"),
            (AllocationBy::SizeClass, "size"),
            (AllocationBy::Start, "goroutines that began in"),
            (AllocationBy::Goroutine, "goroutine"),
            (AllocationBy::Task, "task"),
        ] {
            self.write_groups(by, title, out)?;
        }
        self.write_ages(out)?;
        self.write_spans(out)
    }

    fn write_trails(&self, out: &mut impl Write) -> io::Result<()> {
        let suspicious: Vec<_> = self.report.trails.iter().filter(|trail| trail.is_suspicious()).collect();
        writeln!(out)?;
        if suspicious.is_empty() {
            return writeln!(out, "no suspicious trail");
        }
        writeln!(out, "{} suspicious trail{}", suspicious.len(), if suspicious.len() == 1 { "" } else { "s" })?;
        for trail in suspicious.into_iter().take(self.top) {
            self.write_trail(trail, out)?;
        }
        Ok(())
    }

    fn write_trail(&self, trail: &AllocationTrail, out: &mut impl Write) -> io::Result<()> {
        let ty = named(self.type_name(trail.ty), "(no type)");
        writeln!(out)?;
        write_line(&format!("{ty}, {} bytes each", trail.size), out)?;
        let start = named(&trail.start, "(a function not in the trace)");
        write_line(&format!("  by {} of {start}", goroutines(trail.goroutine_count as u64)), out)?;
        let (of, kept) = (trail.totals.allocated.objects, objects(trail.totals.kept));
        write_line(&format!("  allocated {of}, kept {kept}; freed {}", trail.totals.freed.objects), out)?;
        let all = format!("  of its type and size {} allocated", trail.allocated_of_all);
        write_line(&format!("{all}, {} freed, whoever allocated them", trail.freed_of_all), out)?;
        if let Some(worst) = trail.worst {
            let begin = time(worst.begin);
            let line = format!(
                "  hoards: {} allocated and {} freed in the window from {begin} on",
                worst.allocated, worst.freed
            );
            write_line(&format!("{line}, {} collections in it", worst.cycles), out)?;
        }
        if trail.is_steady {
            write_line(&format!("  steady: {} short gaps in a row", trail.longest_run), out)?;
        }
        write_line(&format!("  from {} to {}", self.at(trail.totals.first), self.at(trail.totals.last)), out)?;
        let most = trail.goroutines.iter().filter(|(_, kept)| kept.objects > 0).take(4);
        let most: Vec<_> = most.map(|(go, kept)| format!("{go} ({})", objects(*kept))).collect();
        if !most.is_empty() {
            write_line(&format!("  kept by goroutine {}", most.join(", ")), out)?;
        }
        write_stack("  last seen before in", self.report.trail_stack(trail), out)
    }

    fn write_groups(&self, by: AllocationBy, title: &str, out: &mut impl Write) -> io::Result<()> {
        let groups = self.report.by(by);
        if by == AllocationBy::Task && groups.iter().all(|group| group.task.is_none()) {
            return Ok(());
        }
        writeln!(out)?;
        let head = ["kept", "live", "allocated", "freed", "existing"].map(|name| format!("{name:>10}")).join(" ");
        writeln!(out, "{} {head}", fit(&format!("by {title}"), 43))?;
        for group in groups.iter().take(self.top) {
            let name = match (by, group.go) {
                (AllocationBy::Goroutine, Some(go)) => {
                    let start = self.report.goroutine(go).map_or("", |goroutine| &goroutine.start);
                    format!("{go} {start}")
                }
                (AllocationBy::Goroutine, None) => "(none, or before the trace)".into(),
                _ => named(&group.name, "(not known)"),
            };
            let ObjectTotals { existing, allocated, freed, live, kept, .. } = group.totals;
            let counts = [kept, live, allocated, freed, existing];
            let counts = counts.map(|count| format!("{:>10}", bytes(count.bytes))).join(" ");
            writeln!(out, "{} {counts}", fit(&name, 43))?;
        }
        let left_out = groups.len().saturating_sub(self.top);
        if left_out > 0 { writeln!(out, "and {left_out} more: see --top") } else { Ok(()) }
    }

    fn write_ages(&self, out: &mut impl Write) -> io::Result<()> {
        let report = self.report;
        writeln!(out, "\nleft of what was allocated, by collections outlived")?;
        for it in report.survivors.iter().take(self.top) {
            row(out, &format!("{:>6}", it.cycles), &objects(it.count))?;
        }
        let spread = |name: &str, times: &Histogram| {
            let (half, most) = (duration_text(times.percentile(50.0)), duration_text(times.max()));
            format!("{name} {half} at half of them, {most} at most")
        };
        if report.ages.count() > 0 {
            writeln!(out, "{}", spread("age", &report.ages))?;
        }
        if report.lifetimes.count() > 0 {
            writeln!(out, "{}", spread("what was freed lived for", &report.lifetimes))?;
        }
        Ok(())
    }

    fn write_spans(&self, out: &mut impl Write) -> io::Result<()> {
        let page = self.report.info.map_or(0, |info| info.page_size);
        let (mut existing, mut allocated, mut freed) = ([0, 0], [0, 0], [0, 0]);
        for spans in &self.report.spans {
            for (sum, count) in
                [(&mut existing, spans.existing), (&mut allocated, spans.allocated), (&mut freed, spans.freed)]
            {
                sum[0] += count.spans;
                sum[1] += count.pages.saturating_mul(page);
            }
        }
        let text = |[spans, size]: [u64; 2]| format!("{spans} ({})", bytes(size));
        writeln!(out)?;
        let line = format!("{} existing, {} allocated, {} freed", text(existing), text(allocated), text(freed));
        row(out, "spans", &line)?;
        for stacks in &self.report.stacks {
            let (existing, allocated, freed) = (stacks.existing, stacks.allocated, stacks.freed);
            let line = format!("{existing} of {} existing, {allocated} allocated, {freed} freed", bytes(stacks.size));
            row(out, "stacks", &line)?;
        }
        Ok(())
    }

    fn write_goroutine(&self, go: GoId, out: &mut impl Write) -> io::Result<()> {
        let Some(goroutine) = self.report.goroutine(go) else { return Ok(()) };
        row(out, "goroutine", &go.to_string())?;
        row(out, "start", &named(&goroutine.start, "(not in the trace)"))?;
        let creator = goroutine.creator.map_or(String::new(), |creator| format!(" by goroutine {creator}"));
        let created = goroutine.created.map_or("before the trace".into(), |at| format!("at {}", self.at(Some(at))));
        row(out, "created", &format!("{created}{creator}"))?;
        row(out, "ended", &goroutine.ended.map_or("not".into(), |at| format!("at {}", self.at(Some(at)))))?;
        for it in self.report.of_goroutine(go).take(self.top) {
            writeln!(out)?;
            let task = it.task.map_or(String::new(), |task| format!(", for task {task}"));
            let ty = named(self.type_name(it.ty), "(no type)");
            write_line(&format!("{ty}, {} bytes each{task}", it.size), out)?;
            let when = format!("from {} to {}", self.at(it.totals.first), self.at(it.totals.last));
            let ObjectTotals { allocated, freed, live, kept, .. } = it.totals;
            write_line(&format!("  allocated {} {when}", allocated.objects), out)?;
            let line = format!("  freed {}, live {}, kept {}", freed.objects, live.objects, objects(kept));
            write_line(&line, out)?;
            write_stack("  last seen before in", self.report.stack(it), out)?;
        }
        let left_out = self.report.of_goroutine(go).count().saturating_sub(self.top);
        if left_out > 0 { writeln!(out, "\nand {left_out} more: see --top") } else { Ok(()) }
    }
}

fn goroutines(count: u64) -> String {
    format!("{count} goroutine{}", if count == 1 { "" } else { "s" })
}

/// The innermost frames that are the program's: the runtime's own say little.
fn write_stack(title: &str, stack: AllocatedStack<'_>, out: &mut impl Write) -> io::Result<()> {
    const FRAMES: usize = 3;
    let mut frames = stack.frames().filter(|frame| !frame.func.as_bytes().starts_with(b"runtime."));
    let mut title = Some(title);
    for frame in frames.by_ref().take(FRAMES) {
        if let Some(title) = title.take() {
            writeln!(out, "{title}")?;
        }
        let file = frame.file.to_str_lossy();
        let file = file.rsplit('/').next().unwrap_or_default().to_owned();
        write_line(&format!("    {} {file}:{}", frame.func, frame.line), out)?;
    }
    Ok(())
}
