//! Checks that two threads build the same timeline as one.

use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::*;
use crate::Reader;
use crate::error::Error;

/// Returns the whole content of a timeline as text.
fn describe(timeline: &Timeline) -> String {
    let mut text = String::new();
    let t = timeline;
    let mut add = |part: &dyn std::fmt::Debug| writeln!(text, "{part:?}").expect("memory does not fail");
    add(&(t.version(), t.start(), t.end(), t.gaps().collect::<Vec<_>>(), t.lost(), t.warnings()));
    for go in t.goroutines() {
        let life = (go.created_by(), go.created_at(), go.ended_at(), go.start_stack(), go.creation_stack());
        add(&(go.id(), life, go.labels().collect::<Vec<_>>()));
        for span in go.spans() {
            let place = (span.proc(), span.thread());
            add(&(span, span.is_open(), span.reason(), span.stack().map(|stack| stack.number()), place));
            add(&span.woken_by());
        }
    }
    for proc in t.procs() {
        add(&(proc.id(), proc.spans().collect::<Vec<_>>()));
    }
    add(&(&t.gc, &t.metrics, t.clock_snapshots(), &t.places));
    add(&(
        &t.annotations.tasks,
        &t.annotations.regions,
        &t.annotations.logs,
        &t.annotations.labels,
        &t.annotations.samples,
    ));
    text
}

fn built(reader: Reader<'_>, feed: Feed) -> Result<String, Error> {
    let builder = Builder { feed, ..Builder::new(reader.version(), 1) };
    Timeline::build(reader, builder).map(|timeline| describe(&timeline))
}

/// Builds a timeline on one thread and on two, and checks that the timelines or the errors are
/// equal. Returns whether there is a timeline.
fn compare(bytes: &[u8], is_lenient: bool, name: &dyn Display) -> bool {
    let reader = || match is_lenient {
        true => Reader::builder().lenient().from_slice(bytes),
        false => Reader::from_slice(bytes),
    };
    let (Ok(first), Ok(second)) = (reader(), reader()) else { return false };
    let one = built(first, Feed::new(1));
    // This uses the other thread from the first event on.
    let two = built(second, Feed::with_patience(Some(0)));
    match (one, two) {
        (Ok(one), Ok(two)) => {
            let differs = one.lines().zip(two.lines()).find(|(one, two)| one != two);
            assert_eq!(differs, None, "{name}");
            assert_eq!(one.len(), two.len(), "{name}");
            true
        }
        (one, two) => {
            assert_eq!(format!("{:?}", one.err()), format!("{:?}", two.err()), "{name}");
            false
        }
    }
}

fn traces() -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for version in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/traces"))? {
        for trace in fs::read_dir(version?.path())? {
            let path = trace?.path();
            if path.extension().is_some_and(|extension| extension == "trace") {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

#[test]
fn two_threads_build_the_same_timeline_as_one_thread() -> io::Result<()> {
    let mut built = 0;
    for path in traces()? {
        built += u32::from(compare(&fs::read(&path)?, false, &path.display()));
    }
    assert!(built > 100, "{built} traces");
    Ok(())
}

#[test]
fn two_threads_handle_damage_like_one_thread() -> io::Result<()> {
    let mut built = 0;
    for (trace, step) in
        [("go1.27/borders", 397), ("go1.23/borders", 431), ("go1.26/generations", 97), ("go1.21/gc", 499)]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/traces").join(trace).with_extension("trace");
        let mut bytes = fs::read(&path)?;
        for place in (16..bytes.len()).step_by(step) {
            for flip in [0x01, 0x80] {
                bytes[place] ^= flip;
                for is_lenient in [false, true] {
                    built += u32::from(compare(&bytes, is_lenient, &format_args!("{trace}, byte {place} ^ {flip:#x}")));
                }
                bytes[place] ^= flip;
            }
            built += u32::from(compare(&bytes[..place], true, &format_args!("{trace}, cut at {place}")));
        }
    }
    assert!(built > 100, "{built} of the damages leave a timeline");
    Ok(())
}
