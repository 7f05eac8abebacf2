//! Any text that starts like a profile is read or refused, and what is read is a valid profile.

#![no_main]

use gotrace::pprof::{By, LabelValue, Place, Profile, ProfileLimits, Report};
use libfuzzer_sys::fuzz_target;

/// The headers, of which the first byte selects one. The last one leaves the header to the input.
const HEADERS: [&[u8]; 5] = [
    b"heap profile: 1: 2 [3: 4] @ heap/1048576\n",
    b"goroutine profile: total 3\n",
    b"--- contention:\ncycles/second=2100018302\n",
    b"--- mutex:\ncycles/second=2100018302\nsampling period=5\n",
    b"",
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let text = [HEADERS[usize::from(choice) % HEADERS.len()], rest].concat();
    let limits = ProfileLimits::default().stack(4096);
    let streamed = Profile::from_reader_with(&text[..], &limits);
    match Profile::from_slice_with(&text, &limits) {
        Ok(profile) => {
            assert_eq!(streamed.expect("the same bytes").bytes(), profile.bytes());
            check(&profile, text.len());
        }
        Err(error) => {
            assert_eq!(streamed.expect_err("the same bytes").to_string(), error.to_string());
            assert!(!error.to_string().contains('\n'), "an error is one line: {error}");
            if let Place::Line(number) = error.at {
                assert!(number <= 1 + text.iter().filter(|&&byte| byte == b'\n').count() as u64, "{error}");
            }
        }
    }
});

fn check(profile: &Profile<'_>, len: usize) {
    // The text has a byte for each digit, and the profile has a number and an entry of a table.
    assert!(profile.bytes().len() <= 16 * len + 256, "{} bytes of {len}", profile.bytes().len());
    let mut samples = profile.samples();
    let mut count = 0;
    // A text that Go would not write can be an uncompressed profile with an invalid sample.
    while let Ok(Some(sample)) = samples.next_sample() {
        count += 1;
        let mut labels = sample.labels();
        while let Ok(Some(label)) = labels.next_label() {
            assert!(matches!(label.value, LabelValue::Text(_) | LabelValue::Number { .. }));
        }
        assert!(sample.frames().count() >= sample.locations().len());
    }
    assert!(count <= profile.sample_count());
    for by in [By::Function, By::Package, By::Stack] {
        if let Ok(report) = Report::new(profile, by) {
            assert_eq!(report.total().len(), profile.sample_types().len());
        }
    }
    if let Some(stats) = profile.mem_stats() {
        assert!(stats.pauses.len() <= 256 && (0.0..=1.0).contains(&stats.gc_cpu_fraction));
    }
}
