//! Tests that need other programs: Go's tools and curl. If a program is missing, the test is
//! ignored with the reason.

mod conformance;
mod doctor;
mod guide;
mod pprof;
mod text_profiles;
mod v1;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use gotrace_tests::go::Missing;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// A test that panics if it fails, and returns the name of a missing program.
type Test = fn() -> Result<(), Missing>;

const TESTS: &[(&str, Test)] = &[
    (
        "conformance::test_cases_of_go_are_accepted_and_refused_as_by_go",
        conformance::test_cases_of_go_are_accepted_and_refused_as_by_go,
    ),
    (
        "conformance::the_fuzz_corpus_of_go_causes_no_panic_or_hang",
        conformance::the_fuzz_corpus_of_go_causes_no_panic_or_hang,
    ),
    (
        "doctor::repaired_traces_with_changed_annotations_are_accepted_by_go",
        doctor::repaired_traces_with_changed_annotations_are_accepted_by_go,
    ),
    ("doctor::repaired_truncated_traces_are_accepted_by_go", doctor::repaired_truncated_traces_are_accepted_by_go),
    ("doctor::repaired_damaged_traces_are_accepted_by_go", doctor::repaired_damaged_traces_are_accepted_by_go),
    (
        "doctor::repaired_traces_with_misused_annotations_are_accepted_by_go",
        doctor::repaired_traces_with_misused_annotations_are_accepted_by_go,
    ),
    (
        "guide::files_captured_by_the_commands_in_the_guide_are_read",
        guide::files_captured_by_the_commands_in_the_guide_are_read,
    ),
    ("pprof::differences_equal_those_of_go_tool_pprof", pprof::differences_equal_those_of_go_tool_pprof),
    ("pprof::chosen_samples_equal_those_of_go_tool_pprof", pprof::chosen_samples_equal_those_of_go_tool_pprof),
    ("pprof::lines_equal_those_of_go_tool_pprof", pprof::lines_equal_those_of_go_tool_pprof),
    ("pprof::flat_and_cum_equal_those_of_go_tool_pprof", pprof::flat_and_cum_equal_those_of_go_tool_pprof),
    ("pprof::profiles_of_traces_are_opened_by_go_tool_pprof", pprof::profiles_of_traces_are_opened_by_go_tool_pprof),
    ("pprof::a_synthetic_profile_is_opened_by_go_tool_pprof", pprof::a_synthetic_profile_is_opened_by_go_tool_pprof),
    ("pprof::growth_of_captures_equals_that_of_go_tool_pprof", pprof::growth_of_captures_equals_that_of_go_tool_pprof),
    ("pprof::names_equal_those_of_go_tool_pprof", pprof::names_equal_those_of_go_tool_pprof),
    (
        "text_profiles::functions_and_stacks_equal_those_of_go_tool_pprof",
        text_profiles::functions_and_stacks_equal_those_of_go_tool_pprof,
    ),
    (
        "v1::traces_in_gos_source_tree_have_the_same_text_as_in_gos_tool",
        v1::traces_in_gos_source_tree_have_the_same_text_as_in_gos_tool,
    ),
];

/// Tests that run only with `cargo test -p gotrace-cli --test tools -- --ignored`.
const LONG: &[(&str, Test)] = &[
    // Thousands of calls of `go tool pprof` take ten minutes.
    ("pprof::all_captures_equal_those_of_go_tool_pprof", pprof::all_captures_equal_those_of_go_tool_pprof),
];

fn trial(&(name, test): &(&'static str, Test)) -> Trial {
    Trial::ignorable_test(name, move || match panic::catch_unwind(AssertUnwindSafe(test)) {
        Ok(Ok(())) => Ok(Completion::Completed),
        Ok(Err(missing)) => Ok(Completion::ignored_with(missing)),
        // The panic has already printed the message.
        Err(_) => Err(Failed::without_message()),
    })
}

fn main() -> ExitCode {
    let tests = TESTS.iter().map(trial);
    let long = LONG.iter().map(|test| trial(test).with_ignored_flag(true));
    libtest_mimic::run(&Arguments::from_args(), tests.chain(long).collect()).exit_code()
}
