//! Traces of Go 1.11 to 1.21 that are in Go's tree.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use gotrace_tests::go::{Missing, goroot, trace_tool};
use gotrace_tests::v1_text::{assert_agrees, whole_text};

/// Go's own traces, whose text its own tool gives here and now.
pub fn agrees_with_go_on_its_own_traces() -> Result<(), Missing> {
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
