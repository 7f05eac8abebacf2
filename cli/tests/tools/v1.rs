//! The v1 traces (Go 1.11 to 1.21) in Go's source tree.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use gotrace_tests::go::{Missing, goroot, trace_tool};
use gotrace_tests::v1_text::{assert_agrees, whole_text};

/// The reference is the output of Go's tool, which the test runs.
pub fn traces_in_gos_source_tree_have_the_same_text_as_in_gos_tool() -> Result<(), Missing> {
    let (goroot, tool) = (goroot()?, trace_tool()?);
    let folder = goroot.join("src/internal/trace/internal/tracev1/testdata");
    let mut compared = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("Go's tree has traces") {
        let path = entry.expect("readable").path();
        let reference = Command::new(&tool).arg("-d=parsed").arg(&path).output().expect("the tool runs");
        assert!(reference.status.success(), "{}: {reference:?}", path.display());
        let ours = whole_text(&fs::read(&path).expect("readable"));
        assert_agrees(&path.display().to_string(), &ours, &reference.stdout);
        compared.insert(path, ours.len());
    }
    assert_eq!(compared.len(), 12);
    Ok(())
}
