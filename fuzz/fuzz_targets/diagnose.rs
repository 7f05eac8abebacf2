//! Any set of profiles, traces and logs gets a consistent verdict.
//!
//! An input is a list of parts: one byte for the kind, two for the length, then the bytes.

#![no_main]

use gotrace::analysis::run;
use gotrace::diagnose::{
    Finding, InputKind, Inputs, Judgement, Options, ProcessMemory, TraceEvidence, TraceObserver, Verdict,
    allocations_of, diagnose, passing_through,
};
use gotrace::gctrace::{Log, LogLimits, LogReader};
use gotrace::pprof::{PprofKind, Profile, ProfileError, ProfileLimits};
use gotrace::{Reader, Timeline};
use libfuzzer_sys::fuzz_target;

/// The maximum number of parts that are read.
const MAX_PARTS: usize = 16;
/// The maximum size of a decompressed profile.
const PROFILE_BYTES: u64 = 1 << 20;
/// The number of goroutines and findings that are queried.
const QUERIED: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let mut inputs = Inputs::new();
    let mut timeline = None;
    let mut rest = bytes;
    for _ in 0..MAX_PARTS {
        let [kind, low, high, tail @ ..] = rest else { break };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (part, next) = tail.split_at(length);
        rest = next;
        match kind % 4 {
            0 => {
                if let Err(error) = profile(&mut inputs, part) {
                    inputs.unusable(InputKind::Profile(PprofKind::Heap), "profile", error.to_string());
                }
            }
            1 => {
                if let Some((evidence, note)) = trace(part) {
                    inputs.trace("trace", evidence, note);
                    timeline = Timeline::from_slice(part).ok();
                }
            }
            2 => log(&mut inputs, part),
            _ => {
                if let Some(memory) = ProcessMemory::from_status(&String::from_utf8_lossy(part)) {
                    inputs.memory("status", memory);
                }
            }
        }
    }
    let options = Options::default();
    let verdict = diagnose(&inputs, &options);
    check(&verdict, &inputs, &options);
    if let Some(timeline) = timeline {
        for goroutine in timeline.goroutines().take(QUERIED) {
            for allocation in allocations_of(&timeline, goroutine.id(), &inputs) {
                assert!(allocation.stack.contains(&allocation.place));
            }
        }
        for finding in verdict.findings.iter().take(QUERIED) {
            let function = finding.place.as_ref().map_or("", |place| &place.func);
            let passages = passing_through(&timeline, function);
            assert!(passages.iter().all(|passage| passage.first_seen <= passage.last_seen));
        }
    }
});

fn profile(inputs: &mut Inputs, part: &[u8]) -> Result<(), ProfileError> {
    let limits = ProfileLimits::default().bytes(PROFILE_BYTES);
    inputs.profile("profile", &Profile::from_slice_with(part, &limits)?)
}

fn trace(part: &[u8]) -> Option<(TraceEvidence, Option<String>)> {
    let mut reader = Reader::builder().lenient().from_slice(part).ok()?;
    let (evidence, error) = run(&mut reader, TraceObserver::new());
    Some((evidence, error.map(|error| error.to_string())))
}

fn log(inputs: &mut Inputs, part: &[u8]) {
    let mut log = Log::default();
    // A damaged gzip file yields the lines before the damage.
    let _ = log.fill(LogReader::from_slice(part), LogLimits::default().cycles(4096));
    inputs.log("log", &log);
}

fn check(verdict: &Verdict, inputs: &Inputs, options: &Options) {
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    assert!(is_share(verdict.confidence), "{}", verdict.confidence);
    let expected: &[Judgement] = match verdict.confidence {
        sure if sure >= options.leak => &[Judgement::Leak],
        likely if likely >= options.suspect => &[Judgement::Suspect],
        _ => &[Judgement::Healthy, Judgement::Inconclusive],
    };
    assert!(expected.contains(&verdict.judgement), "{:?}", verdict.judgement);
    assert!(verdict.judgement != Judgement::Inconclusive || verdict.health.is_none() && !verdict.not_judged.is_empty());
    assert!(verdict.findings.iter().all(|finding| is_share(finding.confidence)), "{:?}", verdict.findings);
    let names_code = |finding: &Finding| finding.confidence > 0.0 && finding.place.is_some();
    assert!(verdict.findings.is_sorted_by_key(|finding| !names_code(finding)), "{:?}", verdict.findings);
    assert!(verdict.findings.len() <= options.max_findings);
    if let Some(health) = &verdict.health {
        assert!((-1e-6..=100.0 + 1e-6).contains(&health.score), "{}", health.score);
    }
    let used = verdict.inputs.iter().filter(|input| input.used).count();
    assert_eq!(used == 0, inputs.is_empty());
    assert!(used > 0 || verdict.judgement == Judgement::Inconclusive, "without a usable input nothing is known");
}
