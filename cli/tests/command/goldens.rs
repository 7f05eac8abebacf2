//! The output of `dump` for every trace in testdata equals that of Go 1.27.3's tool: `parsed` and
//! `wire` byte for byte, `footprint` row by row.

use std::collections::BTreeSet;

use gotrace::Reader;
use gotrace::raw::RawReader;
use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::{RELEASES, Sample, samples};

/// Fails with the first line that differs, since complete texts are too long to print. If `cut`,
/// compares only as many bytes as the golden file has.
fn assert_same_text(ours: &[u8], golden: &[u8], cut: bool, what: &str) {
    let ours = if cut { ours.get(..golden.len()).unwrap_or(ours) } else { ours };
    if ours == golden {
        return;
    }
    let lines = |text: &[u8]| -> Vec<String> { String::from_utf8_lossy(text).lines().map(str::to_owned).collect() };
    let (ours, golden) = (lines(ours), lines(golden));
    let same = ours.iter().zip(&golden).take_while(|(a, b)| a == b).count();
    panic!("{what}, line {}:\nours:   {:?}\ngolden: {:?}", same + 1, ours.get(same), golden.get(same));
}

fn parsed(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    while let Some(event) = reader.next_event().expect("a complete trace") {
        event.write_text(&mut text).expect("writing to a vector cannot fail");
    }
    text
}

fn wire(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut reader = RawReader::from_slice(bytes).expect("a trace");
    while let Some(batch) = reader.next_batch().expect("a complete trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a complete trace") {
            event.write_text(&mut text).expect("writing to a vector cannot fail");
        }
    }
    text
}

/// Returns the rows of event types that occur, since Go prints all types. A set, because Go prints
/// rows with equal sizes in random order.
fn rows(text: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(text);
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    rows.filter(|row| !row.ends_with(" 0 0.00%")).collect()
}

fn footprint(sample: &Sample) -> Vec<u8> {
    let mut dump = gotrace("dump");
    dump.args(["--format", "footprint"]).arg(&sample.path);
    let output = run(dump, &[]);
    assert!(output.status.success(), "{}: {}", sample.name, stderr(&output));
    output.stdout
}

#[test]
fn dumps_of_every_trace_equal_the_output_of_go() {
    let mut traces = 0;
    for sample in RELEASES.into_iter().flat_map(samples) {
        let (bytes, name) = (sample.bytes(), &sample.name);
        let check = |ours: &[u8], format: &str| {
            let cut = sample.golden_is_cut(format);
            assert_same_text(ours, &sample.golden(format), cut, &format!("{name} as {format}"));
        };
        check(&parsed(&bytes), "parsed");
        check(&wire(&bytes), "wire");
        if !sample.golden_is_cut("footprint") {
            let golden = rows(&sample.golden("footprint"));
            assert_eq!(rows(&footprint(&sample)), golden, "{name} as footprint");
        }
        traces += 1;
    }
    assert_eq!(traces, 149, "the number of traces in testdata");
}

#[test]
fn golden_files_are_incomplete_only_for_experimental_events() {
    let all = || RELEASES.into_iter().flat_map(samples);
    let cut: Vec<_> = all().filter(|sample| sample.golden_is_cut("wire")).map(|sample| sample.name).collect();
    assert_eq!(cut, ["go1.23/allocfree", "go1.24/allocfree", "go1.25/allocfree"]);
    assert!(!all().any(|sample| sample.golden_is_cut("parsed")));
}
