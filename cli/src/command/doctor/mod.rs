//! Tells whether a trace is whole, and saves what is sound of a damaged one.

mod cause;
mod examine;
mod input;
mod misuse;
mod place;
mod repair;
mod report;
mod rewrite;
mod rewrite_old;
mod survey;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::failure::{Answer, Failure};
use crate::terminal::Terminal;
use crate::view::text::write_json;
use clap::Args as ClapArgs;
use input::Input;
use report::{Report, Status};

/// Tell whether a Go execution trace is whole, and if not, what is lost and why.
///
/// Exit status: 0 whole, 1 damaged, 2 no trace, one that can't be read, or an OUT that can't be written.
#[derive(ClapArgs)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write what is sound to this file, as a trace that Go's tools take.
    ///
    /// Generations behind a gap may rely on what was lost. Where they do, they can't follow the others in one trace: the
    /// longest part goes to OUT, the others to OUT.2 and so on.
    ///
    /// Go's tools refuse a trace whose program ended regions out of order, or began a task twice: these events are left
    /// out, and the report says how many.
    ///
    /// A file that is there is replaced, once what goes there is whole and checked; where nothing can be saved it stays.
    /// OUT can't be FILE itself.
    #[arg(long, value_name = "OUT")]
    repair: Option<PathBuf>,
    /// The trace, - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut repaired = Ok(());
    let report = match Input::open(&args.file) {
        Ok((input, bytes)) => {
            let mut report = examine::examine(bytes);
            survey::complete(&mut report, &input);
            if let Some(out) = args.repair.as_ref().filter(|_| report.status != Status::Unreadable) {
                repaired = repair::repair(&input, &mut report, out, &args.file);
            }
            report
        }
        // Who reads JSON finds it there as well.
        Err(Failure::Input { error, .. }) if args.json => examine::unopened(error),
        Err(failure) => return Err(failure),
    };
    match print(&report, args, repaired.is_ok()) {
        // The status tells all the same.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed?,
    }
    repaired?;
    match report.status {
        Status::Unreadable => Err(Failure::Input {
            path: args.file.clone(),
            error: report.warnings.join("; ") + "; " + report.cause.as_deref().unwrap_or_default(),
            hint: "",
        }),
        Status::Damaged => Ok(Answer::BadNews),
        Status::Whole => Ok(Answer::Fine),
    }
}

fn print(report: &Report, args: &Args, is_repaired: bool) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(report, &mut out)?,
        false => report.write_text(args.repair.is_some() && is_repaired, &mut out)?,
    }
    out.flush()
}
