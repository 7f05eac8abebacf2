//! Go's tool reads the traces that `gotrace doctor --repair` writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use gotrace::Version;
use gotrace_tests::corpus::{RELEASES, V1_RELEASES, sample, samples};
use gotrace_tests::doctor::{annotations, examine, folder, generations, misused, repair, v1_annotations};
use gotrace_tests::go::{Missing, trace_tool};
use serde_json::Value;

#[track_caller]
fn assert_accepted(tool: &Path, file: &Path, what: &str) {
    let output = Command::new(tool).arg("-d=parsed").arg(file).output().expect("the tool runs");
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A pseudo-random number generator.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// The traces under 200 kB, first those with several generations and then those with one.
struct Traces([Vec<(String, Vec<u8>)>; 2]);

impl Traces {
    fn new() -> Self {
        let traces = RELEASES.into_iter().flat_map(samples).map(|sample| (sample.name.clone(), sample.bytes()));
        let traces: Vec<_> = traces.filter(|(_, bytes)| bytes.len() < 200_000).collect();
        let (long, short) = traces.into_iter().partition(|(_, bytes)| generations(bytes) > 1);
        Traces([long, short])
    }

    /// A random trace, alternately with several generations and with one.
    fn pick(&self, round: usize, random: &mut Random) -> (&str, &[u8]) {
        let traces = &self.0[round % 2];
        let (name, bytes) = &traces[random.below(traces.len())];
        (name, bytes)
    }
}

pub fn repaired_truncated_traces_are_accepted_by_go() -> Result<(), Missing> {
    let tool = trace_tool()?;
    let folder = folder("cut");
    let traces = Traces::new();
    let mut random = Random(1);
    let mut saved = 0;
    for round in 0..200 {
        let (name, bytes) = traces.pick(round, &mut random);
        let len = 17 + random.below(bytes.len() - 17);
        let what = format!("{name} cut at {len}");
        let (report, files) = repair(&bytes[..len], &folder);
        files.iter().for_each(|file| assert_accepted(&tool, file, &what));
        let whole = examine(bytes).0;
        let rows = whole["generations"].as_array().expect("a list");
        let end = |row: &Value| row["offset_bytes"].as_u64().unwrap_or(0) + row["size_bytes"].as_u64().unwrap_or(0);
        let before = rows.iter().filter(|row| end(row) <= len as u64).count();
        let kept: usize = files.iter().map(|file| generations(&fs::read(file).expect("written"))).sum();
        assert!(kept >= before && kept <= rows.len(), "{what}: {report:#}");
        saved += kept;
    }
    assert!(saved > 100, "only {saved} generations were saved");
    Ok(())
}

pub fn repaired_damaged_traces_are_accepted_by_go() -> Result<(), Missing> {
    let tool = trace_tool()?;
    let folder = folder("damaged");
    let traces = Traces::new();
    let mut random = Random(2);
    let mut parts = 0;
    for round in 0..100 {
        let (name, whole) = traces.pick(round, &mut random);
        let mut bytes = whole.to_vec();
        let at = 16 + random.below(bytes.len() - 16);
        let what = match random.below(3) {
            0 => {
                bytes[at] ^= 1 + random.below(255) as u8;
                format!("{name} changed at {at}")
            }
            1 => {
                let len = (1 + random.below(5000)).min(bytes.len() - at);
                bytes.drain(at..at + len);
                format!("{name} without {len} bytes at {at}")
            }
            _ => {
                let len = 1 + random.below(300);
                bytes.splice(at..at, std::iter::repeat_n(7, len));
                format!("{name} with {len} bytes more at {at}")
            }
        };
        let (_, files) = repair(&bytes, &folder);
        files.iter().for_each(|file| assert_accepted(&tool, file, &what));
        parts += files.len();
    }
    assert!(parts >= 75, "{parts} parts");
    Ok(())
}

/// Changed arguments of regions and tasks can look like misuse by the program.
pub fn repaired_traces_with_changed_annotations_are_accepted_by_go() -> Result<(), Missing> {
    let tool = trace_tool()?;
    let folder = folder("annotations");
    let mut random = Random(3);
    let mut left_out = 0;
    let releases = [&RELEASES[..], &V1_RELEASES].concat();
    for round in 0..64 {
        let release = releases[round % releases.len()];
        let name = format!("{release}/{}", ["generations", "annotations"][round / releases.len() % 2]);
        let mut bytes = sample(&name).bytes();
        let places = if V1_RELEASES.contains(&release) { v1_annotations(&bytes) } else { annotations(&bytes) };
        let at = places[random.below(places.len())];
        bytes[at] ^= 1 + random.below(8) as u8;
        let (report, files) = repair(&bytes, &folder);
        for (file, part) in files.iter().zip(report["repaired"].as_array().expect("a list")) {
            assert_accepted(&tool, file, &format!("{name} changed at {at}"));
            let (again, _) = examine(&fs::read(file).expect("written"));
            assert_eq!(again["status"], "whole", "{name} changed at {at}: {again:#}");
            left_out += ["region_ends", "task_begins"]
                .map(|key| part["left_out"][key].as_u64().unwrap_or(0))
                .iter()
                .sum::<u64>();
        }
    }
    assert!(left_out >= 10, "{left_out} events were removed");
    Ok(())
}

/// Go's tools refuse the traces before the repair.
pub fn repaired_traces_with_misused_annotations_are_accepted_by_go() -> Result<(), Missing> {
    let tool = trace_tool()?;
    let folder = folder("misused by go");
    for version in [Version::Go122, Version::Go123, Version::Go125, Version::Go126] {
        let (_, files) = repair(&misused(version).0, &folder);
        assert_accepted(&tool, &files[0], "misused regions and tasks");
    }
    let mut bytes = sample("go1.22/generations").bytes();
    bytes[2239] = b'~';
    let (_, files) = repair(&bytes, &folder);
    assert_accepted(&tool, &files[0], "go1.22/generations with a region that has another name");
    Ok(())
}
