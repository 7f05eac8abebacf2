//! Reads the inputs of a diagnosis.

use std::path::PathBuf;

use gotrace::diagnose::InputKind;
use gotrace::pprof::PprofKind;
use gotrace::{Reader, Timeline};

use super::{Args, NEEDS_TRACE};
use crate::capture::{self, Captured, Expected};
use crate::failure::Failure;
use crate::input::{Input, Original, check_stdin};

/// Reads all inputs. A damaged one is listed with the reason, and used as far as it can be read. Also returns where the
/// first trace can be read again, if that is needed.
pub(super) fn read(args: &Args) -> Result<(Captured, Option<Original>), Failure> {
    let inputs = expected_inputs(args)?;
    if inputs.is_empty() {
        return Err(Failure::Usage("give a folder, or profiles, traces and GC logs; see --help".into()));
    }
    if args.needs_trace() && args.trace.is_empty() && args.files.is_empty() {
        return Err(Failure::Usage(NEEDS_TRACE.into()));
    }
    check_stdin(inputs.iter().map(|(path, _)| path.as_path()))?;
    let (mut captured, mut first_trace) = (Captured::default(), None);
    for (path, expected) in &inputs {
        let mut input = Input::open(path, true)?;
        let mut original = None;
        if args.needs_trace() && captured.traces.is_empty() && expected.of(input.kind).0 == InputKind::Trace {
            let (kept, same) = Original::of(path, input);
            (original, input) = (Some(kept), same);
        }
        captured.add(path, input, *expected)?;
        if !captured.traces.is_empty() && first_trace.is_none() {
            first_trace = original;
        }
    }
    Ok((captured, first_trace))
}

/// All files, each with what it has to be.
fn expected_inputs(args: &Args) -> Result<Vec<(PathBuf, Expected)>, Failure> {
    let of = |paths: &[PathBuf], expected: Expected| -> Vec<_> {
        paths.iter().map(|path| (path.clone(), expected)).collect()
    };
    let mut inputs = of(&args.heap, Expected::Profile(PprofKind::Heap));
    inputs.extend(of(&args.goroutine_profile, Expected::Profile(PprofKind::Goroutine)));
    inputs.extend(of(&args.trace, Expected::Trace));
    inputs.extend(args.gctrace.iter().map(|path| (path.clone(), Expected::Log)));
    inputs.extend(of(&capture::files(&args.files)?, Expected::Anything));
    Ok(inputs)
}

/// Builds the timeline of the first trace, which is read again: damage is skipped, as in the first reading.
pub(super) fn timeline(captured: &Captured, original: Option<Original>) -> Result<Timeline, Failure> {
    let (Some(original), Some(path)) = (original, captured.traces.first()) else {
        return Err(Failure::Usage(NEEDS_TRACE.into()));
    };
    let reader = Reader::builder().lenient().from_reader(original.reopen()?);
    reader.and_then(Timeline::from_events).map_err(|error| Failure::trace(path, &error))
}
