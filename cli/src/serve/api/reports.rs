//! Reports about the whole trace, with the same fields as the commands' `--json`.

use gotrace::analysis::gc::{GcOptions, GcReport};
use gotrace::analysis::mmu::MmuCurve;
use serde::Serialize;

use super::super::session::Loaded;
use super::super::trace::Reports;
use super::{Answer, Nothing, Refusal, to_json};

/// The collections and pauses, and how much time the program keeps in windows of each length.
#[derive(Serialize)]
struct Gc<'r> {
    gc: GcReport,
    mmu: &'r MmuCurve,
}

/// At most this many collections and pauses are listed.
const MAX_ROWS: usize = 5000;

pub fn gc(loaded: &Loaded, _: Nothing) -> Answer {
    let gc = GcReport::new(loaded.timeline()?, &GcOptions::default().top(MAX_ROWS));
    to_json(&Gc { gc, mmu: &reports(loaded)?.mmu })
}

pub fn tasks(loaded: &Loaded, _: Nothing) -> Answer {
    to_json(&reports(loaded)?.tasks)
}

pub fn latency(loaded: &Loaded, _: Nothing) -> Answer {
    to_json(&reports(loaded)?.latency)
}

pub fn procs(loaded: &Loaded, _: Nothing) -> Answer {
    to_json(&reports(loaded)?.procs)
}

fn reports(loaded: &Loaded) -> Result<&Reports, Refusal> {
    loaded.trace()?.reports().map_err(Refusal::Failed)
}
