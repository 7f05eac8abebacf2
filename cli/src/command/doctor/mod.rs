//! `gotrace doctor`: says whether a trace is whole, and repairs a damaged one.

mod place;
mod repair;
mod report;

use std::io::{self, Write};
use std::path::PathBuf;

use gotrace::edit::{DamageReport, TraceStatus, examine, survey, unreadable};

use crate::failure::{self, Answer, Failure, Wanted};
use crate::input::{Input, Original};
use crate::terminal::Terminal;
pub(crate) use report::Report;
use report::{Repairable, RepairedFile};

/// Show whether a Go execution trace is whole, and if not, what is lost and why.
///
/// Exit status: 0 if the trace is whole, 1 if it is damaged, 2 if the file is not a trace or cannot
/// be read, or if OUT cannot be written.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gotrace doctor trace.out
  gotrace doctor --json trace.out
  gotrace doctor --repair repaired.out trace.out")]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the undamaged parts to this file, as a trace that Go's tools accept.
    ///
    /// Generations after a gap may depend on lost data. Such generations cannot be in the same
    /// trace as those before the gap: the longest part goes to OUT, the others to OUT.2 and so on.
    ///
    /// Go's tools refuse a trace whose program ended regions out of order or started a task twice.
    /// These events are left out, and the report says how many.
    ///
    /// An existing file is replaced only after the new one is complete and checked. If nothing can
    /// be saved, it is kept. OUT cannot be FILE itself.
    #[arg(long, value_name = "OUT")]
    repair: Option<PathBuf>,
    /// The trace; - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut repaired = Ok((Vec::new(), Repairable::Maybe));
    let mut refusal = None;
    let damage = match Input::open(&args.file, true) {
        Ok(input) => {
            refusal = input.refusal(&args.file, Wanted::Trace);
            let (original, input) = Original::of(&args.file, input);
            let mut damage = examine(input.bytes);
            damage.cause = damage.cause.map(failure::with_advice);
            repaired = survey_and_repair(args, original, &mut damage);
            damage
        }
        // With --json the error is in the report as well.
        Err(Failure::Input { error, .. }) if args.json => unreadable(error),
        Err(failure) => return Err(failure),
    };
    let ((repaired, repairable), failed) = match repaired {
        Ok(repaired) => (repaired, None),
        Err(failure) => ((Vec::new(), Repairable::Maybe), Some(failure)),
    };
    let report = Report { damage, repaired };
    match print(&report, args, repairable, terminal) {
        // If nobody reads the report, the exit status still says whether the trace is damaged.
        Err(Failure::Output { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed?,
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    let damage = report.damage;
    match damage.status {
        TraceStatus::Whole => Ok(Answer::NoProblem),
        TraceStatus::Damaged => Ok(Answer::Problem),
        // For a file that is not a trace, the message is the same as in the other commands.
        _ => Err(refusal.unwrap_or_else(|| {
            let reasons = damage
                .warnings
                .into_iter()
                .chain(damage.cause.map(|cause| cause.text.into_owned()))
                .filter(|text| !text.is_empty());
            Failure::Input { path: args.file.clone(), error: reasons.collect::<Vec<_>>().join("; "), hint: "".into() }
        })),
    }
}

/// Counts the events in the damaged parts, and repairs the trace if --repair is given. Otherwise it
/// finds out whether a repair can save anything.
fn survey_and_repair(
    args: &Args,
    original: Original,
    damage: &mut DamageReport,
) -> Result<(Vec<RepairedFile>, Repairable), Failure> {
    let mut bytes = original.reopen();
    if let Ok(bytes) = &mut bytes {
        // Parts that cannot be read again stay unknown in the report.
        let _ = survey(damage, bytes);
    }
    if damage.status == TraceStatus::Unreadable {
        return Ok((Vec::new(), Repairable::Maybe));
    }
    match &args.repair {
        Some(out) => {
            let files = repair::repair(bytes, damage, out, &args.file)?;
            let repairable = if files.is_empty() { Repairable::No } else { Repairable::Maybe };
            Ok((files, repairable))
        }
        None if damage.status == TraceStatus::Damaged && !repair::may_save(bytes, damage) => {
            Ok((Vec::new(), Repairable::No))
        }
        None => Ok((Vec::new(), Repairable::Maybe)),
    }
}

fn print(report: &Report, args: &Args, repairable: Repairable, terminal: &mut Terminal) -> Result<(), Failure> {
    match args.json {
        true => terminal.json(report, None)?,
        false => report.write_text(&args.file, repairable, terminal)?,
    }
    Ok(terminal.flush()?)
}
