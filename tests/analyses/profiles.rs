//! Profiles of traces, compared with those of Go stack by stack.

use std::collections::BTreeMap;

use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler};
use gotrace::analysis::run;
use gotrace::{Reader, Time};

use crate::expected::{Frame, Line, Profile, all_samples, lines, ties};
use crate::goroutines::by_state;
use crate::nanos;
use gotrace_tests::corpus::{RELEASES, samples};

const KINDS: [(&str, ProfileKind); 4] = [
    ("net", ProfileKind::Net),
    ("sync", ProfileKind::Sync),
    ("syscall", ProfileKind::Syscall),
    ("sched", ProfileKind::Sched),
];

/// The count and nanoseconds of each stack, given by its PCs.
type ByStack = BTreeMap<Vec<u64>, (u64, i64)>;

#[test]
fn profiles_equal_those_of_go_for_every_stack() {
    let (mut stacks, mut restricted, mut in_regions) = (0, 0, 0);
    for sample in all_samples() {
        let (bytes, sample_name) = (sample.bytes(), &sample.name);
        let mut expected: BTreeMap<(String, String), ByStack> = BTreeMap::new();
        let mut frames: BTreeMap<u64, Frame> = BTreeMap::new();
        let mut region = None;
        for line in lines(&sample) {
            match line {
                Line::Profile(Profile { error: Some(_), .. }) => {}
                Line::Profile(Profile { kind, only, mut stack, count, ns, .. }) => {
                    // Go merges stacks that differ only in frames without a PC and prints one of
                    // them.
                    while stack.last() == Some(&0) {
                        stack.pop();
                    }
                    if let Some(name) = only.strip_prefix("region ") {
                        region = Some(name.to_owned());
                    }
                    let entry = expected.entry((kind, only)).or_default().entry(stack).or_default();
                    *entry = (entry.0 + count, entry.1 + ns);
                }
                Line::Frame(frame) => {
                    frames.insert(frame.pc, frame);
                }
                _ => {}
            }
        }
        let mut queries = vec![
            (String::new(), ProfileOptions::default()),
            ("main.main.func1".to_owned(), ProfileOptions::default().start("main.main.func1")),
        ];
        if let Some(region) = region {
            queries.push((format!("region {region}"), ProfileOptions::default().region(region)));
        }
        for ((only, options), (kind_name, kind)) in
            queries.into_iter().flat_map(|query| KINDS.map(|kind| (query.clone(), kind)))
        {
            let mut reader = Reader::from_slice(&bytes).expect("a trace");
            let (profile, error) = run(&mut reader, Profiler::new(kind, options));
            assert!(error.is_none(), "{}: {error:?}", sample.name);
            let mut found = ByStack::new();
            for sample in profile.samples() {
                let pcs = sample.frames().map(|frame| frame.pc).collect();
                let entry = found.entry(pcs).or_default();
                *entry = (entry.0 + sample.count, entry.1 + nanos(sample.total));
                for frame in sample.frames() {
                    let (pc, line) = (frame.pc, frame.line);
                    let ours = Frame { pc, func: frame.func.to_string(), file: frame.file.to_string(), line };
                    assert_eq!(Some(&ours), frames.get(&pc), "{kind_name} {only:?} of {}", sample_name);
                }
            }
            let expected = expected.remove(&(kind_name.to_owned(), only.clone())).unwrap_or_default();
            let what = format!("{kind_name} {only:?} of {}", sample.name);
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
            for (stack, &(count, nanos)) in &expected {
                let ours = found[stack];
                assert_eq!(ours.0, count, "{what}");
                assert!((ours.1 - nanos).abs() <= ties(&sample) * count as i64, "{ours:?}, Go's {nanos}: {what}");
                stacks += 1;
                restricted += u32::from(only == "main.main.func1");
                in_regions += u32::from(only.starts_with("region"));
            }
        }
    }
    assert!(stacks > 3000 && restricted > 400 && in_regions > 20, "{stacks} {restricted} {in_regions}");
}

/// The complete profile of a state contains all the time that goroutines spent in it.
#[test]
fn complete_profiles_add_up_to_the_time_in_each_state() {
    let (mut cpu_samples, mut more) = (0, 0);
    for sample in RELEASES.into_iter().flat_map(samples) {
        let (bytes, text) = (sample.bytes(), sample.golden("parsed"));
        let text = String::from_utf8_lossy(&text);
        let states = by_state(&text);
        let in_states = |names: &[&str]| -> i64 {
            states.values().flat_map(|by| names.iter().filter_map(|name| by.get(name))).sum()
        };
        let profile = |kind, complete| -> (u64, i64) {
            let mut reader = Reader::from_slice(&bytes).expect("a trace");
            let mut options = ProfileOptions::default();
            options.complete = complete;
            let (profile, _) = run(&mut reader, Profiler::new(kind, options));
            let samples = profile.samples();
            (samples.iter().map(|sample| sample.count).sum(), samples.iter().map(|sample| nanos(sample.total)).sum())
        };
        assert_eq!(profile(ProfileKind::Sched, true).1, in_states(&["Runnable"]), "{}", sample.name);
        assert_eq!(profile(ProfileKind::Syscall, true).1, in_states(&["Syscall"]), "{}", sample.name);
        more += u32::from(profile(ProfileKind::Sync, true).1 > profile(ProfileKind::Sync, false).1);
        // In a profile, a goroutine that waits forever has exited.
        if !text.contains("Reason=\"forever\"") {
            let off = in_states(&["Runnable", "Syscall", "Waiting"]);
            assert_eq!(profile(ProfileKind::OffCpu, true).1, off, "{}", sample.name);
        }
        let samples = text.lines().filter(|line| line.contains(" StackSample ")).count() as u64;
        assert_eq!(profile(ProfileKind::Cpu, false), (samples, samples as i64 * 10_000_000), "{}", sample.name);
        cpu_samples += samples;
    }
    assert!(cpu_samples > 50 && more > 50, "{cpu_samples} samples, {more} traces with open waits");
}

#[test]
fn profiles_before_and_after_a_moment_add_up_to_the_whole() {
    for name in ["go1.27/http", "go1.25/mutex", "go1.22/channels", "go1.21/http"] {
        let bytes = gotrace_tests::corpus::sample(name).bytes();
        let within = |between| -> i64 {
            let mut reader = Reader::from_slice(&bytes).expect("a trace");
            let mut options = ProfileOptions::default().complete();
            options.between = between;
            let (profile, _) = run(&mut reader, Profiler::new(ProfileKind::OffCpu, options));
            profile.samples().iter().map(|sample| nanos(sample.total)).sum()
        };
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let (mut first, mut last) = (None, Time(0));
        while let Some(event) = reader.next_event().expect("a complete trace") {
            (first, last) = (first.or(Some(event.time())), event.time());
        }
        let first = first.expect("there are events");
        for part in 1..8 {
            let cut = Time(first.0 + last.since(first) * part / 8);
            let parts = within(Some(Time(i64::MIN)..cut)) + within(Some(cut..Time(i64::MAX)));
            assert_eq!(parts, within(None), "{name} cut at {cut}");
        }
    }
}
