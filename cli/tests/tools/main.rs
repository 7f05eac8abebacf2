//! Comparisons with other programs: Go's tools, curl. What is missing here is shown as ignored, with the reason.

mod conformance;
mod doctor;
mod guide;
mod pprof;
mod v1;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use gotrace_tests::go::Missing;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Passes, panics, or says what it misses.
type Test = fn() -> Result<(), Missing>;

const TESTS: &[(&str, Test)] = &[
    ("conformance::cases_are_accepted_and_refused_as_with_go", conformance::cases_are_accepted_and_refused_as_with_go),
    ("conformance::the_fuzz_corpus_neither_panics_nor_hangs", conformance::the_fuzz_corpus_neither_panics_nor_hangs),
    ("doctor::go_takes_what_is_saved_of_changed_annotations", doctor::go_takes_what_is_saved_of_changed_annotations),
    ("doctor::go_takes_what_is_saved_of_cut_traces", doctor::go_takes_what_is_saved_of_cut_traces),
    ("doctor::go_takes_what_is_saved_of_damaged_traces", doctor::go_takes_what_is_saved_of_damaged_traces),
    ("doctor::go_takes_what_is_saved_of_misused_annotations", doctor::go_takes_what_is_saved_of_misused_annotations),
    ("guide::what_the_guide_captures_is_read", guide::what_the_guide_captures_is_read),
    ("pprof::differences_are_those_of_go_tool_pprof", pprof::differences_are_those_of_go_tool_pprof),
    ("pprof::flat_and_cum_are_those_of_go_tool_pprof", pprof::flat_and_cum_are_those_of_go_tool_pprof),
    ("pprof::go_tool_pprof_opens_every_profile", pprof::go_tool_pprof_opens_every_profile),
    ("pprof::go_tool_pprof_opens_it", pprof::go_tool_pprof_opens_it),
    ("pprof::growth_of_captures_is_that_of_go_tool_pprof", pprof::growth_of_captures_is_that_of_go_tool_pprof),
    ("pprof::names_are_those_of_go_tool_pprof", pprof::names_are_those_of_go_tool_pprof),
    ("v1::agrees_with_go_on_its_own_traces", v1::agrees_with_go_on_its_own_traces),
];

/// Those that run only when asked for: `cargo test -p gotrace-cli --test tools -- --ignored`.
const LONG: &[(&str, Test)] = &[
    // Some thousand calls of the tool: ten minutes.
    ("pprof::all_of_captures_is_that_of_go_tool_pprof", pprof::all_of_captures_is_that_of_go_tool_pprof),
];

fn trial(&(name, test): &(&'static str, Test)) -> Trial {
    Trial::ignorable_test(name, move || match panic::catch_unwind(AssertUnwindSafe(test)) {
        Ok(Ok(())) => Ok(Completion::Completed),
        Ok(Err(missing)) => Ok(Completion::ignored_with(missing)),
        // The message has been printed by the panic itself.
        Err(_) => Err(Failed::without_message()),
    })
}

fn main() -> ExitCode {
    let tests = TESTS.iter().map(trial);
    let long = LONG.iter().map(|test| trial(test).with_ignored_flag(true));
    libtest_mimic::run(&Arguments::from_args(), tests.chain(long).collect()).exit_code()
}
