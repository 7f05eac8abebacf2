//! Growth between snapshots, and differences between two profiles.

use std::time::Duration;

use gotrace::WallTime;
use gotrace::pprof::{By, Growth, Incompatible, PprofKind, Profile, ProfileBuilder, ProfileFrame, Report, ValueType};

fn snapshot(by: By, seconds: i64, sites: &[(&[&str], i64)]) -> Report {
    let types = [ValueType::new("inuse_objects", "count"), ValueType::new("inuse_space", "bytes")];
    let mut profile = ProfileBuilder::new(types);
    profile.time(WallTime::from_nanos(i128::from(seconds) * 1_000_000_000).expect("in range"));
    for &(stack, bytes) in sites {
        profile.sample(stack.iter().map(|&func| ProfileFrame::new(func, "f.go", 1)), [1, bytes]);
    }
    let mut bytes = Vec::new();
    profile.write(&mut bytes).expect("writing to a Vec cannot fail");
    Report::new(&Profile::from_slice(&bytes).expect("valid profile"), by).expect("valid profile")
}

#[test]
fn snapshots_are_sorted_by_time() {
    let middle = snapshot(By::Function, 130, &[(&["a.grows", "a.main"], 300), (&["a.new", "a.main"], 50)]);
    let last = snapshot(By::Function, 160, &[(&["a.grows", "a.main"], 700), (&["a.shrinks"], 10), (&["a.stays"], 5)]);
    let first = snapshot(By::Function, 100, &[(&["a.grows", "a.main"], 100), (&["a.shrinks"], 40), (&["a.stays"], 5)]);
    let growth = Growth::new(vec![middle, last, first]).expect("same sample types");
    assert_eq!(growth.duration(), Some(Duration::from_secs(60)));
    let rows: Vec<_> = growth
        .rows(1)
        .iter()
        .map(|row| {
            (row.diff.name().to_owned(), row.flat.clone(), row.cum.clone(), row.flat_per_second, row.cum_per_second)
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("a.grows".to_owned(), vec![100, 300, 700], vec![100, 300, 700], Some(10.0), Some(10.0)),
            ("a.main".to_owned(), vec![0, 0, 0], vec![100, 350, 700], Some(0.0), Some(10.0)),
            ("a.shrinks".to_owned(), vec![40, 0, 10], vec![40, 0, 10], Some(-0.5), Some(-0.5)),
        ]
    );
    assert_eq!(growth.diff().total(), [0, 570]);
}

#[test]
fn stacks_are_matched_across_snapshots() {
    let first = snapshot(By::Stack, 0, &[(&["a.f", "a.g"], 10), (&["a.f", "a.h"], 20)]);
    let last = snapshot(By::Stack, 0, &[(&["a.h"], 1), (&["a.f", "a.h"], 25), (&["a.f", "a.g"], 10)]);
    let growth = Growth::new(vec![first, last]).expect("same sample types");
    assert_eq!(growth.duration(), None, "the times of the profiles are unknown");
    let rows: Vec<_> = growth
        .rows(1)
        .iter()
        .map(|row| (row.diff.frames().map(str::to_owned).collect::<Vec<_>>(), row.flat.clone(), row.flat_per_second))
        .collect();
    let stack = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(rows, [(stack(&["a.f", "a.h"]), vec![20, 25], None), (stack(&["a.h"]), vec![0, 1], None)]);
}

#[test]
fn a_package_counts_once_per_stack() {
    let report = snapshot(By::Package, 0, &[(&["a/b.f", "c.g", "a/b.h", "memcpy"], 10), (&["c.g"], 1)]);
    let rows: Vec<_> = report.top(1).iter().map(|row| (row.name().to_owned(), row.flat[1], row.cum[1])).collect();
    assert_eq!(rows, [("a/b".to_owned(), 10, 10), ("c".to_owned(), 1, 11), ("memcpy".to_owned(), 0, 10)]);
}

#[test]
fn only_common_sample_types_are_compared() {
    let types = [ValueType::new("inuse_space", "bytes"), ValueType::new("other", "count")];
    let mut profile = ProfileBuilder::new(types);
    profile.sample([ProfileFrame::new("a.f", "f.go", 1)], [7, 70]);
    let mut bytes = Vec::new();
    profile.write(&mut bytes).expect("writing to a Vec cannot fail");
    let base = Report::new(&Profile::from_slice(&bytes).expect("valid profile"), By::Function).expect("valid profile");
    let diff = snapshot(By::Function, 0, &[(&["a.f"], 10)]).minus(&base).expect("both have inuse_space");
    assert_eq!(diff.sample_types().iter().map(|it| &it.kind[..]).collect::<Vec<_>>(), ["inuse_space"]);
    assert_eq!((diff.total(), diff.find("a.f").map(|row| (row.flat, row.cum))), (&[3][..], Some((&[3][..], &[3][..]))));
}

#[test]
fn incompatible_reports_are_rejected() {
    let by_function = snapshot(By::Function, 0, &[]);
    let by_package = snapshot(By::Package, 0, &[]);
    assert_eq!(by_function.minus(&by_package).unwrap_err(), Incompatible::By(By::Function, By::Package));
    let mut bytes = Vec::new();
    let profile = ProfileBuilder::new([ValueType::new("goroutine", "count")]);
    profile.write(&mut bytes).expect("writing to a Vec cannot fail");
    let other = Report::new(&Profile::from_slice(&bytes).expect("valid profile"), By::Function).expect("valid profile");
    let expected = Incompatible::SampleTypes(PprofKind::Other, PprofKind::Goroutine);
    assert_eq!(by_function.minus(&other).unwrap_err(), expected);
    assert_eq!(Growth::new(vec![by_function]).unwrap_err(), Incompatible::TooFew);
    assert_eq!(Growth::new(vec![]).unwrap_err(), Incompatible::TooFew);
}
