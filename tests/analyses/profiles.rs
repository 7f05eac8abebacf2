//! Profiles, stack by stack.

use std::collections::BTreeMap;

use gotrace::Reader;
use gotrace::analysis::{ProfileKind, ProfileOptions, Profiler, run};

use crate::expected::{Frame, Line, Profile, all_samples, lines, ties};

const KINDS: [(&str, ProfileKind); 4] = [
    ("net", ProfileKind::Net),
    ("sync", ProfileKind::Sync),
    ("syscall", ProfileKind::Syscall),
    ("sched", ProfileKind::Sched),
];

/// Count and nanoseconds by PCs.
type ByStack = BTreeMap<Vec<u64>, (u64, i64)>;

#[test]
fn profiles_are_those_of_go_stack_by_stack() {
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
                    // Shown as whichever came last, which is a frame without a PC or no frame.
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
            (
                "main.main.func1".to_owned(),
                ProfileOptions { start: Some("main.main.func1".into()), ..Default::default() },
            ),
        ];
        if let Some(region) = region {
            queries.push((format!("region {region}"), ProfileOptions { region: Some(region), ..Default::default() }));
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
                *entry = (entry.0 + sample.count, entry.1 + sample.nanos);
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
