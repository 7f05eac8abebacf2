//! Any profile is read or refused, and its samples, its reports and a rewritten profile agree.

#![no_main]

use gotrace::pprof::{
    By, Growth, Profile, ProfileBuilder, ProfileError, ProfileLimits, Report, SampleLabel, SortBy, TopReport, ValueType,
};
use libfuzzer_sys::fuzz_target;

/// The maximum size of a decompressed profile.
const BYTES: u64 = 4 << 20;

fuzz_target!(|bytes: &[u8]| {
    let limits = ProfileLimits::default().bytes(BYTES).stack(4096).comments(1 << 10);
    let streamed = Profile::from_reader_with(bytes, &limits);
    match Profile::from_slice_with(bytes, &limits) {
        Ok(profile) => {
            assert_eq!(streamed.expect("the same bytes").bytes(), profile.bytes());
            check_head(&profile);
            match read_samples(&profile) {
                Ok(()) => check_reports(&profile),
                Err(error) => {
                    check_error(&error);
                    assert!(Report::new(&profile, By::Function).is_err(), "a report reads the same samples");
                }
            }
        }
        Err(error) => {
            assert!(streamed.is_err(), "the same bytes");
            check_error(&error);
        }
    }
});

fn check_error(error: &ProfileError) {
    let text = error.to_string();
    assert!(!text.contains('\n'), "an error is one line: {text}");
}

fn check_head(profile: &Profile<'_>) {
    let _ = (profile.kind().to_string(), profile.period_type(), profile.doc_url(), profile.keep_frames());
    assert_eq!(profile.default_sample_type().is_none(), profile.sample_types().len() == 0);
    let _ = (profile.time(), profile.duration());
    assert!(profile.comments().all(|comment| comment.as_bytes().len() <= BYTES as usize));
    assert!(profile.mappings().all(|mapping| mapping.id != 0));
    assert!(profile.functions().all(|function| function.id != 0));
    for location in profile.locations() {
        assert!(location.id != 0 && location.lines().all(|line| line.function.id != 0));
        let _ = location.mapping();
    }
}

/// Reads every sample. A report does not read labels, so their errors are formatted and ignored.
fn read_samples(profile: &Profile<'_>) -> Result<(), ProfileError> {
    let mut count = 0;
    let mut samples = profile.samples();
    let result = loop {
        match samples.next_sample() {
            Ok(Some(sample)) => {
                count += 1;
                assert_eq!(sample.values().len(), profile.sample_types().len());
                let mut labels = sample.labels();
                while let Some(_label) = labels.next_label().unwrap_or_else(|error| {
                    check_error(&error);
                    None
                }) {}
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(matches!(samples.next_sample(), Ok(None)), "the iterator is fused");
    assert!(result.is_err() || count == profile.sample_count());
    result
}

fn check_reports(profile: &Profile<'_>) {
    for by in [By::Function, By::Package, By::Stack] {
        let report = Report::new(profile, by).expect("the samples are valid");
        let width = report.sample_types().len();
        for i in 0..width {
            let flat = report.rows().fold(0_i64, |sum, row| sum.wrapping_add(row.flat[i]));
            // A sample without a stack is only in the total.
            assert!(by != By::Stack || flat == report.total()[i]);
            assert!(report.top(i).iter().all(|row| row.flat[i] != 0 || row.cum[i] != 0));
        }
        if let Ok(difference) = report.minus(&report) {
            assert!(difference.total().iter().all(|&value| value == 0));
            assert!(difference.rows().all(|row| row.flat.iter().chain(row.cum).all(|&value| value == 0)));
        }
        assert!(TopReport::of_report(&report, 0, SortBy::Flat, 3).rows.len() <= 3);
        if let Ok(growth) = Growth::new(vec![report.clone(), report]) {
            assert!(growth.rows(0).is_empty());
            assert!(TopReport::of_growth(&growth, 0, 3).rows.len() <= 3);
        }
    }
    write_again(profile);
}

/// Writes a profile of the first value of each sample, and checks the total after reading it.
fn write_again(profile: &Profile<'_>) {
    // Limits the values, since sums that overflow saturate in one place and wrap in the other.
    let max = i64::MAX / (profile.sample_count().max(1) as i64);
    let mut builder = ProfileBuilder::new([ValueType::new("value", "count")]);
    let mut total = 0;
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample().expect("it is sound") {
        let Some(&value) = sample.values().first() else { return };
        let value = value.clamp(-max, max);
        total += value;
        let mut labels = sample.labels();
        let label: Option<SampleLabel<'_>> = labels.next_label().unwrap_or_default();
        builder.labelled_sample(sample.frames(), [value], label);
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes).expect("writing to a vector cannot fail");
    let written = match Profile::from_slice(&bytes) {
        Ok(written) => written,
        Err(error) => panic!("{error}"),
    };
    let report = Report::new(&written, By::Stack).expect("it is sound");
    assert_eq!(report.total(), [total]);
}
