//! The verdict as text.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gotrace::OwnedFrame;
use gotrace::diagnose::{
    Allocation, Evidence, Finding, Health, InputKind, InputSummary, Judgement, Passage, Source, Strength, Value,
    Verdict,
};
use gotrace::pprof::PprofKind;

use super::Document;
use crate::capture::Captured;
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::units::{bytes, duration, plural, significant};
use crate::view::{names, next, paragraph, style};

/// The most frames of a stack to print.
const MAX_FRAMES: usize = 8;

pub(super) fn write(
    document: &Document,
    captured: &Captured,
    clock: Option<&Clock>,
    is_verbose: bool,
    terminal: &mut Terminal,
) -> io::Result<()> {
    let verdict = &document.verdict;
    write_headline(verdict, terminal)?;
    if let Some(health) = &verdict.health {
        write_health(health, terminal)?;
    }
    for (number, finding) in (1..).zip(&verdict.findings) {
        writeln!(terminal)?;
        write_finding(number, finding, is_verbose, terminal)?;
    }
    let against: Vec<&str> = verdict.against.iter().map(|against| &*against.reason).collect();
    section("against", &against, terminal)?;
    let conflicts: Vec<&str> = verdict.conflicts.iter().map(|text| &**text).collect();
    section("not one run", &conflicts, terminal)?;
    let not_judged: Vec<String> = verdict.not_judged.iter().map(ToString::to_string).collect();
    section("not judged", &not_judged.iter().map(|text| &**text).collect::<Vec<_>>(), terminal)?;
    write_captures(verdict, is_verbose, terminal)?;
    write_inputs(&verdict.inputs, is_verbose, terminal)?;
    if let Some(passages) = &document.passages {
        let lines: Vec<String> = passages.iter().map(|passage| passage_text(passage, clock)).collect();
        answer("goroutines that pass through the function", &lines, terminal)?;
    }
    if let Some(allocations) = &document.allocations {
        let lines: Vec<String> = allocations.sites.iter().map(allocation_text).collect();
        answer(&format!("what goroutine {} may have allocated", allocations.goroutine), &lines, terminal)?;
    }
    write_next(verdict, captured, terminal)
}

fn write_headline(verdict: &Verdict, terminal: &mut Terminal) -> io::Result<()> {
    let (word, style) = match verdict.judgement {
        Judgement::Leak => ("LEAK", style::BAD),
        Judgement::Suspect => ("SUSPECT", style::WARN),
        Judgement::Inconclusive => ("INCONCLUSIVE", style::WARN),
        _ => ("HEALTHY", style::GOOD),
    };
    // A finding that names no code comes after weak ones that do.
    let strongest = verdict.findings.iter().find(|finding| finding.strength >= Strength::Moderate);
    let first = strongest.or_else(|| verdict.findings.iter().find(|finding| finding.confidence > 0.0));
    let text = match (verdict.judgement, first) {
        (Judgement::Leak | Judgement::Suspect, Some(finding)) => format!("{word}: {}", finding.title),
        (Judgement::Leak | Judgement::Suspect, None) => word.to_owned(),
        (Judgement::Inconclusive, _) => format!("{word}: not enough data to find a leak or to rule one out"),
        _ => format!("{word}: no sign of a leak{}", unjudged(verdict)),
    };
    // Wrap first and paint then, so that wrapping does not count escape sequences.
    let lines = paragraph::lines(&names::printable(&text), terminal.width());
    for line in lines {
        let line = match line.strip_prefix(word) {
            Some(rest) => format!("{}{rest}", terminal.paint(style, word)),
            None => line,
        };
        writeln!(terminal, "{line}")?;
    }
    if matches!(verdict.judgement, Judgement::Healthy | Judgement::Inconclusive) {
        return Ok(());
    }
    let agree: Vec<&str> = verdict.agree.iter().map(|source| source.name()).collect();
    let missing = match verdict.judgement {
        Judgement::Suspect => confirmation(verdict),
        _ => String::new(),
    };
    paragraph::write("", &format!("evidence: {}, from {}{missing}", verdict.strength, agree.join(", ")), terminal)
}

/// Which half of the question a healthy verdict does not answer.
fn unjudged(verdict: &Verdict) -> &'static str {
    match (verdict.judges_memory(), verdict.judges_goroutines()) {
        (true, true) => "",
        (true, false) => " in memory; goroutines were not judged",
        _ => " of goroutines; memory was not judged",
    }
}

/// Which inputs could confirm a suspicion and were not given.
fn confirmation(verdict: &Verdict) -> String {
    let count = |is_kind: &dyn Fn(InputKind) -> bool| {
        verdict.inputs.iter().filter(|input| input.used && is_kind(input.kind)).count()
    };
    let heaps = count(&|kind| matches!(kind, InputKind::Profile(PprofKind::Heap | PprofKind::Allocs)));
    let mut missing = Vec::new();
    if heaps < 3 {
        missing.push("three heap profiles");
    }
    if !verdict.judged_by.contains(&"goroutine-growth") {
        missing.push("three goroutine profiles");
    }
    if count(&|kind| kind == InputKind::Trace) == 0 {
        missing.push("a trace");
    }
    if count(&|kind| kind == InputKind::GcLog) == 0 {
        missing.push("a GC log");
    }
    match missing.as_slice() {
        [] => "; captures over a longer time could confirm it".to_owned(),
        [one] => format!("; {one} could confirm it"),
        [others @ .., last] => format!("; {} or {last} could confirm it", others.join(", ")),
    }
}

fn write_health(health: &Health, terminal: &mut Terminal) -> io::Result<()> {
    let parts = [("heap", health.heap), ("GC pauses", health.pauses), ("blocking", health.blocking)];
    let parts = parts.into_iter().filter_map(|(name, part)| Some(format!("{name} {:.0}", part?.score)));
    let text = format!("health {:.0}/100: {}", health.score, parts.collect::<Vec<_>>().join(" · "));
    paragraph::write("", &text, terminal)
}

fn write_finding(number: usize, finding: &Finding, is_verbose: bool, terminal: &mut Terminal) -> io::Result<()> {
    let evidence = match finding.confidence > 0.0 {
        true => format!("{} evidence", finding.strength),
        false => "not a sign of a leak".to_owned(),
    };
    let title = format!("{} ({}, {evidence})", finding.title, finding.source.name());
    paragraph::write(&format!("{number:>2}  "), &title, terminal)?;
    let mut row = |name: &str, text: &str| paragraph::write(&format!("    {name:<9}"), text, terminal);
    if let Some(place) = &finding.place {
        let line = if place.file.is_empty() { String::new() } else { format!("  {}:{}", place.file, place.line) };
        row("at", &format!("{}{line}", place.func))?;
    }
    if let Some(Value::Stack(stack)) = finding.value("stack") {
        // The innermost frames of the runtime only show that it allocates or waits.
        let outside: Vec<&OwnedFrame> = stack.iter().skip_while(|frame| frame.is_runtime()).collect();
        // A single frame is already shown as the place.
        if outside.len() > 1 || finding.place.is_none() {
            row("stack", &stack_text(&outside))?;
        }
    }
    if let Some(Value::Stack(stack)) = finding.value("creation_stack") {
        row("created", &format!("by {}", stack_text(&stack.iter().collect::<Vec<_>>())))?;
    }
    if !finding.goroutines.is_empty() {
        let ids: Vec<String> = finding.goroutines.iter().take(8).map(ToString::to_string).collect();
        let more = if finding.goroutines.len() > 8 { ", …" } else { "" };
        row("who", &format!("goroutines {}{more}", ids.join(", ")))?;
    }
    if is_verbose {
        row("rule", &format!("{}, confidence {:.2}", finding.rule, finding.confidence))?;
        let facts: Vec<String> = finding.evidence.iter().filter_map(fact).collect();
        if !facts.is_empty() {
            row("facts", &facts.join(", "))?;
        }
    }
    row("fix", &finding.next_step)
}

/// Writes the commands that capture what is missing: for an inconclusive verdict, and on request.
fn write_captures(verdict: &Verdict, is_verbose: bool, terminal: &mut Terminal) -> io::Result<()> {
    if verdict.judgement != Judgement::Inconclusive && !is_verbose {
        return Ok(());
    }
    let mut commands: Vec<&str> = Vec::new();
    for command in verdict.not_judged.iter().filter_map(|missing| missing.capture) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return Ok(());
    }
    section("capture", &["commands for the missing inputs; a loop takes three minutes:"], terminal)?;
    // Not wrapped, so that they can be copied.
    commands.iter().try_for_each(|command| writeln!(terminal, "  {command}"))
}

fn stack_text(stack: &[&OwnedFrame]) -> String {
    let frames = stack.iter().take(MAX_FRAMES).map(|frame| match frame.file.is_empty() {
        true => frame.func.clone(),
        false => format!("{} ({}:{})", names::without_path(&frame.func), names::file_name(&frame.file), frame.line),
    });
    let more = if stack.len() > MAX_FRAMES { " < …" } else { "" };
    format!("{}{more}", frames.collect::<Vec<_>>().join(" < "))
}

/// A value of the evidence in words. `None` for stacks, which are printed separately, and for
/// numbers that are not finite.
fn fact(evidence: &Evidence) -> Option<String> {
    let name = evidence.name.trim_end_matches("_per_second").trim_end_matches("_bytes").trim_end_matches("_ns");
    let name = name.replace('_', " ");
    let size = |size: i64| bytes(size.max(0).unsigned_abs());
    let series = |values: Vec<String>| format!("{name} {}", values.join(" → "));
    Some(match &evidence.value {
        Value::Count(value) => format!("{name} {value}"),
        Value::Bytes(value) => format!("{name} {}", size(*value)),
        Value::BytesPerSecond(value) => format!("{name} {}/s", bytes(value.max(0.0) as u64)),
        Value::PerSecond(value) => format!("{name} {value:.1}/s"),
        Value::Duration(value) => format!("{name} {}", duration(*value)),
        Value::Number(value) if value.is_finite() => format!("{name} {}", significant(*value)),
        Value::Text(text) => format!("{name} {text}"),
        Value::Counts(values) => series(values.iter().map(ToString::to_string).collect()),
        Value::Sizes(values) => series(values.iter().map(|value| size(*value)).collect()),
        _ => return None,
    })
}

/// Writes a section of the verdict, with a paragraph for each line.
fn section(title: &str, lines: &[&str], terminal: &mut Terminal) -> io::Result<()> {
    if !lines.is_empty() {
        writeln!(terminal)?;
    }
    let mut title = title;
    for line in lines {
        paragraph::write(&format!("{title:<13}"), line, terminal)?;
        title = "";
    }
    Ok(())
}

/// Writes the answer to `--through` or `--goroutine`.
fn answer(title: &str, lines: &[String], terminal: &mut Terminal) -> io::Result<()> {
    writeln!(terminal)?;
    let none = ["none".to_owned()];
    paragraph::write("", title, terminal)?;
    let lines = if lines.is_empty() { &none[..] } else { lines };
    lines.iter().try_for_each(|line| paragraph::write("  ", line, terminal))
}

/// Writes all inputs, or by default only those with a note and those not used.
fn write_inputs(inputs: &[InputSummary], is_verbose: bool, terminal: &mut Terminal) -> io::Result<()> {
    let shown = inputs.iter().filter(|input| is_verbose || input.note.is_some() || !input.used);
    let lines: Vec<String> = shown.map(input_text).collect();
    section("inputs", &lines.iter().map(|line| &**line).collect::<Vec<_>>(), terminal)
}

fn input_text(input: &InputSummary) -> String {
    let time = input.start.map_or(String::new(), |start| format!(", {start}"));
    let unused = if input.used { "" } else { ", not used" };
    let note = input.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
    format!("{} {}{time}{unused}{note}", input.kind.name(), input.name)
}

fn passage_text(passage: &Passage, clock: Option<&Clock>) -> String {
    let show = |time: gotrace::Time| clock.map_or_else(|| time.to_string(), |clock| clock.show(time));
    let by = passage.created_by.map_or(String::new(), |id| format!(", created by goroutine {id}"));
    let start = passage.start.map_or("older than the trace".to_owned(), |time| format!("created {}", show(time)));
    let end =
        passage.end.map_or("still alive when the trace ended".to_owned(), |time| format!("exited {}", show(time)));
    format!(
        "goroutine {} ({}){by}: {start}, {end}; seen there {}",
        passage.goroutine,
        passage.name,
        plural(passage.count, "time")
    )
}

fn allocation_text(allocation: &Allocation) -> String {
    let sizes = [allocation.allocated, allocation.in_use].map(|size| bytes(size.max(0).unsigned_abs()));
    let seen = if allocation.is_seen { "seen there" } else { "may have been there" };
    let place = stack_text(&[&allocation.place]);
    let shared = plural(allocation.shared_by, "goroutine");
    format!("{place}: {} allocated, {} in use, by {shared} of its kind; {seen}", sizes[0], sizes[1])
}

/// Suggests the next command to run.
fn write_next(verdict: &Verdict, captured: &Captured, terminal: &mut Terminal) -> io::Result<()> {
    let suspicious = verdict.findings.iter().find(|finding| finding.confidence > 0.0);
    let goroutine = verdict.findings.iter().find_map(|finding| finding.goroutines.first());
    match (suspicious, goroutine, captured.traces.first()) {
        (None, ..) => Ok(()),
        (Some(finding), Some(id), Some(trace)) if finding.source != Source::Heap || captured.heaps.len() < 2 => {
            next::write("goroutine", trace, &id.to_string(), terminal)
        }
        _ if captured.heaps.len() > 1 => {
            let files: Vec<&Path> = captured.heaps.iter().map(PathBuf::as_path).collect();
            next::write_files("heap", &files, "--by stack", terminal)
        }
        _ => Ok(()),
    }
}
