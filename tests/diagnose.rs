//! The diagnosis of `testdata/leaks`: every leak is found and named, and nothing that only looks like one is called so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use gotrace::Reader;
use gotrace::analysis::run;
use gotrace::diagnose::{Inputs, Judgement, Options, TraceObserver, Verdict, diagnose};
use gotrace::gctrace::Log;
use gotrace::pprof::{Profile, ProfileBytes};
use serde_json::Value;

fn leaks() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks"))
}

/// Which of a capture's files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subset {
    All,
    Heap,
    Goroutine,
    Trace,
    GcLog,
}

impl Subset {
    const EACH: [Subset; 5] = [Subset::All, Subset::Heap, Subset::Goroutine, Subset::Trace, Subset::GcLog];

    fn has(self, file: &str) -> bool {
        let own = match file.split('.').next() {
            Some("heap") => Subset::Heap,
            Some("goroutine") => Subset::Goroutine,
            Some("trace") => Subset::Trace,
            Some("gctrace") => Subset::GcLog,
            // goroutineleak belongs to no subset but all.
            _ => return self == Subset::All,
        };
        self == Subset::All || self == own
    }

    /// The manifest's name.
    fn shows(self, program: &Value) -> bool {
        let shown_by = |name: &str| program["shown_by"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        match self {
            Subset::All => true,
            Subset::Heap => shown_by("heap"),
            Subset::Goroutine => shown_by("goroutine"),
            Subset::Trace => shown_by("trace"),
            Subset::GcLog => shown_by("gctrace"),
        }
    }
}

fn inputs(folder: &Path, subset: Subset) -> Inputs {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a capture").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let mut inputs = Inputs::new();
    for path in files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !subset.has(&name) {
            continue;
        }
        if name.ends_with(".pb.gz") {
            let bytes = ProfileBytes::open(&path).expect("a profile");
            let profile = Profile::parse(bytes.as_bytes()).expect("a profile");
            inputs.profile(&name, &profile).expect("sound samples");
        } else if name == "trace" {
            let (evidence, error) = run(&mut Reader::open(&path).expect("a trace"), TraceObserver::new());
            assert!(error.is_none(), "{path:?}: {error:?}");
            inputs.trace(&name, evidence, None);
        } else if name == "gctrace.log.gz" {
            let mut text = Vec::new();
            let file = fs::File::open(&path).expect("a log");
            flate2::read::GzDecoder::new(file).read_to_end(&mut text).expect("gzip");
            inputs.log(&name, &Log::from_slice(&text));
        }
    }
    inputs
}

/// Whether a finding names what is to blame, and which one does.
fn named(verdict: &Verdict, program: &Value) -> Option<usize> {
    let culprits = program["culprits"].as_array().into_iter().flatten().map(|culprit| &culprit["function"]);
    let witnesses = program["witnesses"].as_array().into_iter().flatten();
    let names: Vec<&str> = culprits.chain(witnesses).filter_map(Value::as_str).collect();
    let guilty = |name: &str| names.contains(&name);
    verdict.findings.iter().position(|finding| finding.place.as_ref().is_some_and(|place| guilty(&place.function)))
}

#[test]
fn the_corpus() {
    let manifest: Value =
        serde_json::from_slice(&fs::read(leaks().join("manifest.json")).expect("the manifest")).expect("JSON");
    let options = Options::default();
    // (subset, is a leak that it can show) to how often it was judged as what.
    let mut matrix: BTreeMap<(Subset, &str), [usize; 3]> = BTreeMap::new();
    let mut wrong = String::new();
    for version in manifest["go_versions"].as_array().expect("versions").iter().filter_map(Value::as_str) {
        for program in manifest["programs"].as_array().expect("programs") {
            let name = program["name"].as_str().expect("a name");
            let leaks_here = program["leaks_in"].as_array().is_some_and(|all| all.iter().any(|one| one == version));
            let folder = leaks().join("captures").join(format!("go{version}")).join(name);
            for subset in Subset::EACH {
                let verdict = diagnose(&inputs(&folder, subset), &options);
                let row = match (leaks_here, subset.shows(program)) {
                    (true, true) => "leak",
                    (true, false) => "leak not shown",
                    (false, _) => "look-alike",
                };
                matrix.entry((subset, row)).or_default()[verdict.judgement as usize] += 1;
                let findings: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
                let report = || {
                    format!(
                        "{subset:?} go{version}/{name}: {} {:.2}\n    {}\n    against: {}\n",
                        verdict.judgement,
                        verdict.confidence,
                        findings.join("\n    "),
                        verdict
                            .against
                            .iter()
                            .map(|against| against.reason.clone())
                            .collect::<Vec<_>>()
                            .join("\n    against: ")
                    )
                };
                if subset == Subset::GcLog {
                    println!(
                        "{row} go{version}/{name} {} {}",
                        verdict.judgement,
                        verdict.not_judged.iter().find(|t| t.starts_with("FLOORS")).cloned().unwrap_or_default()
                    );
                }
                let is_fine = match row {
                    "leak" => {
                        verdict.judgement != Judgement::Healthy
                            && (subset == Subset::GcLog || named(&verdict, program).is_some())
                    }
                    "leak not shown" => true,
                    _ => verdict.judgement == Judgement::Healthy,
                };
                if !is_fine || std::env::var("SHOW").is_ok_and(|show| show == format!("{version}/{name}")) {
                    wrong.push_str(&report());
                }
            }
        }
    }
    let mut text = String::new();
    for ((subset, row), [healthy, suspect, leak]) in &matrix {
        writeln!(
            text,
            "{:<10} {row:<15} healthy {healthy:>3} suspect {suspect:>3} leak {leak:>3}",
            format!("{subset:?}")
        )
        .expect("memory");
    }
    println!("{text}");
    println!("{wrong}");
}
