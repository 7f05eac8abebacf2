//! Mutator utilization, compared with that of Go.

use std::collections::BTreeMap;
use std::time::Duration;

use gotrace::Reader;
use gotrace::analysis::mmu::{Mmu as MmuObserver, MmuOptions};
use gotrace::analysis::run;

use crate::expected::{Line, Mmu, all_samples, lines};

/// The options for a value of Go's `trace.UtilFlags`.
fn flags(bits: u32) -> MmuOptions {
    let has = |bit: u32| bits & (1 << bit) != 0;
    let options = MmuOptions::default().stop_the_world(has(0)).background(has(1));
    options.assists(has(2)).sweeps(has(3)).per_proc(has(4))
}

#[test]
fn mmu_equals_that_of_go_with_all_combinations_of_flags() {
    let (mut values, mut between) = (0, 0);
    for sample in all_samples() {
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let all = (0..32).map(|bits| MmuObserver::new(flags(bits))).collect::<Vec<_>>();
        let (found, error) = run(&mut reader, all);
        assert!(error.is_none(), "{}: {error:?}", sample.name);
        let (mut windows, mut expected) = (Vec::new(), BTreeMap::<u32, Mmu>::new());
        for line in lines(&sample) {
            match line {
                Line::Windows { ns } => windows = ns,
                Line::Mmu(mmu) => {
                    assert_eq!(mmu.flags as usize, expected.len(), "the lines are sorted by flags");
                    let mmu = mmu.same.map_or_else(|| mmu.clone(), |same| expected[&same].clone());
                    expected.insert(expected.len() as u32, mmu);
                }
                _ => {}
            }
        }
        assert_eq!((windows.len(), expected.len()), (100, 32));
        for (bits, expected) in expected {
            let found = &found[bits as usize];
            for (i, (&window, &go)) in windows.iter().zip(&expected.mmu).enumerate() {
                let window = Duration::from_nanos(window as u64);
                let ours = found.mmu(window);
                let what = || format!("flags {bits}, {window:?}, {}", sample.name);
                assert!((ours - go).abs() <= 1e-9, "{ours}, Go's {go}: {}", what());
                values += 1;
                between += u32::from(go > 0.001 && go < 0.999);
                if i % 10 == 0 {
                    // Go means to return the 0.1 %, 1 % and 5 % quantiles too, but returns the
                    // minimum for all.
                    assert!(expected.mud[i / 10].iter().all(|&quantile| (quantile - go).abs() <= 1e-9), "{}", what());
                    let ours = found.mud(window, &[0.0, 0.05, 1.0]);
                    assert!((ours[0] - go).abs() <= 1e-6, "{ours:?}, Go's minimum {go}: {}", what());
                    assert!(ours[0] <= ours[1] && ours[1] <= ours[2] && ours[2] <= 1.0 + 1e-9, "{ours:?}: {}", what());
                }
            }
        }
    }
    assert!(values > 400_000 && between > 20_000, "{values} values, {between} of them neither 0 nor 1");
}

#[test]
fn higher_quantiles_of_the_distribution_are_above_the_minimum() {
    // Two GC cycles in six milliseconds: in most windows the program has all processors, in the
    // worst very few.
    let sample = gotrace_tests::corpus::sample("go1.27/gc");
    let bytes = sample.bytes();
    let mut reader = Reader::from_slice(&bytes).expect("a trace");
    let (found, _) = run(&mut reader, MmuObserver::new(MmuOptions::default()));
    let window = Duration::from_micros(100);
    let quantiles = found.mud(window, &[0.0, 0.5, 1.0]);
    assert!(quantiles[0] < 0.1 && quantiles[2] > 0.9, "{quantiles:?}");
    assert_eq!(quantiles[0], found.mmu(window));
    assert_eq!(found.worst(window, 4)[0].utilization, found.mmu(window));
}
