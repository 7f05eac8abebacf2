//! `gotrace report`: the page of `gotrace view` as one file.

use std::path::PathBuf;

use crate::failure::Failure;
#[cfg(feature = "web")]
use crate::serve::{Phase, Session, report};
use crate::terminal::Terminal;

/// Write the page of `gotrace view` to one file, to be attached to a bug or sent to a colleague.
///
/// A browser opens the file without a network and without gotrace. It has all groups, Ps and collections, the longest
/// waits and the slowest tasks with their stacks and wakers, and, where profiles or a GC log are given, the verdict on
/// leaks and the profiles. The page says what is left out.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace report trace.out
  gotrace report trace.out heap.*.pb.gz gctrace.log -o leak.html
  gotrace report trace.out -o - | gzip > report.html.gz")]
pub struct Args {
    /// Write to this file; - for standard output. Without it, report.html, which must not exist yet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A folder, or any traces, profiles, GC logs and goroutine dumps; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[cfg(not(feature = "web"))]
pub fn run(_: &Args, _: &mut Terminal) -> Result<(), Failure> {
    let text = "report needs the feature web: install gotrace with --features full";
    Err(Failure::Usage(text.to_owned()))
}

#[cfg(feature = "web")]
pub fn run(args: &Args, _: &mut Terminal) -> Result<(), Failure> {
    use std::path::Path;

    use crate::view::{names, units};
    use crate::{failure, output};

    let usual = Path::new("report.html");
    let path = args.output.as_deref().unwrap_or(usual);
    if args.output.is_none() && path.exists() {
        return Err(Failure::Usage("report.html exists: write over it with -o report.html".to_owned()));
    }
    let (session, opened) = Session::open(&args.files)?;
    for file in &session.files {
        output::check(path, &file.path)?;
    }
    session.load(opened);
    let loaded = match session.phase() {
        Phase::Ready(loaded) => loaded,
        Phase::Failed(error) => return Err(unreadable(args, error)),
        Phase::Loading(_) => return Err(unreadable(args, "it was not read")),
    };
    let page = report::page(&session.title(), &view_command(&args.files), &session.files, loaded);
    output::write(path, &args.files[0], |out| out.write_all(page.as_bytes()))?;
    if path != Path::new("-") {
        let path = names::printable(&path.display().to_string());
        failure::note("report", &format!("wrote {path}, {}", units::bytes(page.len() as u64)));
    }
    Ok(())
}

/// Returns the command that shows these files. Who gets the report does not have the folders of this machine.
#[cfg(feature = "web")]
fn view_command(files: &[PathBuf]) -> String {
    let name = |file: &PathBuf| match file.file_name().filter(|name| *name != "-") {
        Some(name) => crate::view::names::shell_word(name.as_ref()),
        None => "FILE".to_owned(),
    };
    let names: Vec<String> = files.iter().map(name).collect();
    format!("gotrace view {}", names.join(" "))
}

#[cfg(feature = "web")]
fn unreadable(args: &Args, error: &str) -> Failure {
    Failure::Input { path: args.files[0].clone(), error: error.to_owned(), hint: "".into() }
}
