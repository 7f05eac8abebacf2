//! Compares trends with SciPy and pymannkendall on fifty series (`testdata/trend/oracle.py`), and
//! with straightforward loops.

use std::fs;

use gotrace::trend::{
    Forecast, InflectionOptions, Interval, PeakOptions, Shape, ShapeOptions, Trend, Turn, find_peaks, inflections,
    mann_kendall, theil_sen,
};
use gotrace_tests::corpus::testdata;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Oracle {
    series: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    at: Vec<f64>,
    values: Vec<f64>,
    /// The slope, the intercept, and both ends of the interval.
    theil_sen: [f64; 4],
    mann_kendall: Test,
    inflections: Vec<Turns>,
}

#[derive(Deserialize)]
struct Test {
    s: i64,
    variance: f64,
    z: f64,
    p: f64,
    tau: f64,
}

#[derive(Deserialize)]
struct Turns {
    window: usize,
    distance: usize,
    prominence: f64,
    peaks: Peaks,
    valleys: Peaks,
}

#[derive(Deserialize)]
struct Peaks {
    index: Vec<usize>,
    prominence: Vec<f64>,
}

fn oracle() -> Vec<Series> {
    let path = testdata().join("trend/oracle.json");
    let oracle: Oracle = serde_json::from_slice(&fs::read(path).expect("the expected values")).expect("JSON");
    assert_eq!(oracle.series.len(), 50);
    oracle.series
}

/// Equal to nine digits.
fn assert_close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1e-9);
    assert!(error < 1e-9, "{what}: {found}, expected {expected}");
}

fn peak(distance: usize, prominence: f64) -> PeakOptions {
    PeakOptions::default().distance(distance).prominence(prominence)
}

#[test]
fn the_line_equals_that_of_scipy() {
    for (number, series) in oracle().iter().enumerate() {
        let line = theil_sen(&series.at, &series.values, 0.95).expect("a line");
        let Interval { low, high } = line.interval.expect("an interval");
        for (found, expected) in [line.slope, line.intercept, low, high].into_iter().zip(series.theil_sen) {
            assert_close(found, expected, &format!("series {number}"));
        }
    }
}

#[test]
fn the_test_equals_that_of_pymannkendall() {
    for (number, series) in oracle().iter().enumerate() {
        let (test, expected) = (mann_kendall(&series.values).expect("a test"), &series.mann_kendall);
        assert_eq!(test.s, expected.s, "series {number}");
        assert_close(test.variance, expected.variance, &format!("series {number}: variance"));
        assert_close(test.z, expected.z, &format!("series {number}: z"));
        assert_close(test.tau, expected.tau, &format!("series {number}: tau"));
        // pymannkendall computes 1 − Φ, so small values have no significant digits.
        assert!((test.p - expected.p).abs() < 1e-9, "series {number}: p is {}, expected {}", test.p, expected.p);
    }
}

#[test]
fn turning_points_equal_those_of_scipy() {
    let mut turns = 0;
    for (number, series) in oracle().iter().enumerate() {
        for expected in &series.inflections {
            let &Turns { window, distance, prominence, .. } = expected;
            let found = inflections(
                &series.values,
                &InflectionOptions::default().window(window).peak(peak(distance, prominence)),
            );
            turns += found.len();
            assert!(found.is_sorted_by_key(|inflection| inflection.index));
            for (turn, expected) in [(Turn::Peak, &expected.peaks), (Turn::Valley, &expected.valleys)] {
                let found: Vec<_> = found.iter().filter(|inflection| inflection.turn == turn).collect();
                // SciPy's index refers to the averages, ours to the samples.
                let index: Vec<usize> = found.iter().map(|inflection| inflection.index - (window - 1) / 2).collect();
                assert_eq!(index, expected.index, "{turn:?} of series {number} with a window of {window}");
                for (inflection, &prominence) in found.iter().zip(&expected.prominence) {
                    assert_close(inflection.prominence, prominence, &format!("series {number}"));
                    let samples = &series.values[inflection.index - (window - 1) / 2..][..window];
                    assert_close(inflection.value, samples.iter().sum::<f64>() / window as f64, "the average");
                }
            }
        }
    }
    assert!(turns > 1000, "only {turns} turning points were compared");
}

#[test]
fn peaks_have_a_minimum_distance_and_are_not_at_the_ends() {
    let peaks = |values: &[f64], distance, prominence| -> Vec<(usize, f64)> {
        let found = find_peaks(values, &peak(distance, prominence));
        found.iter().map(|peak| (peak.index, peak.prominence)).collect()
    };
    // A flat peak has the index of its middle, rounded down. The ends of the series are not peaks.
    assert_eq!(peaks(&[0.0, 2.0, 2.0, 2.0, 1.0, 3.0, 3.0, 0.0], 1, 0.0), [(2, 1.0), (5, 3.0)]);
    assert_eq!(peaks(&[5.0, 5.0, 1.0, 4.0, 4.0], 1, 0.0), []);
    // The minimum distance is applied to the highest peak first, although it is the last.
    assert_eq!(peaks(&[0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0], 3, 0.0), [(1, 1.0), (5, 3.0)]);
    assert_eq!(peaks(&[0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0], 1, 2.0), [(3, 2.0), (5, 3.0)]);
    assert_eq!(peaks(&[0.0, f64::NAN, 0.0, 1.0, 0.0], 1, 0.0), []);
    assert_eq!(peaks(&[], 0, 0.0), []);
}

proptest! {
    /// Compares with walking from each peak, which is the definition of prominence.
    #[test]
    fn prominences_equal_those_found_by_walking(values in proptest::collection::vec(0u8..12, 0..60)) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        for peak in find_peaks(&values, &PeakOptions::default()) {
            let top = values[peak.index];
            let lowest = |side: &mut dyn Iterator<Item = &f64>| {
                side.take_while(|&&value| value <= top).fold(top, |low, &value| low.min(value))
            };
            let base = lowest(&mut values[..peak.index].iter().rev()).max(lowest(&mut values[peak.index..].iter()));
            prop_assert_eq!(peak.prominence, top - base);
        }
    }
}

proptest! {
    // Each series has more than a million slopes.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Compares selected slopes with the sorted list of all slopes. Many slopes may be equal.
    #[test]
    fn slopes_are_selected_exactly_by_rank(seed in any::<u64>(), levels in 1u64..2000, steps in 1u64..50) {
        let mut state = seed | 1;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        // More slopes than are computed and sorted.
        let n = 1700;
        let mut now = 0u64;
        let at: Vec<f64> = (0..n).map(|_| { now += random(steps) * 1_000_000; now as f64 }).collect();
        let values: Vec<f64> = (0..n).map(|i| ((random(levels) + i / 50) << 20) as f64).collect();
        let mut slopes = Vec::new();
        for (i, (x, y)) in at.iter().zip(&values).enumerate() {
            let earlier = at[..i].iter().zip(&values).filter(|(earlier, _)| *earlier < x);
            slopes.extend(earlier.map(|(earlier, value)| (y - value) / (x - earlier)));
        }
        slopes.sort_unstable_by(f64::total_cmp);
        match theil_sen(&at, &values, 0.95) {
            None => prop_assert!(slopes.is_empty()),
            Some(line) => {
                let half = slopes.len() / 2;
                let median = if slopes.len() % 2 == 1 { slopes[half] } else { (slopes[half - 1] + slopes[half]) / 2.0 };
                prop_assert!((line.slope - median).abs() <= 1e-12 * median.abs(), "{} and not {median}", line.slope);
                if let Some(Interval { low, high }) = line.interval {
                    prop_assert!(low <= line.slope && line.slope <= high);
                    for end in [low, high] {
                        let rank = slopes.partition_point(|&slope| slope < end - 1e-12 * end.abs());
                        prop_assert!((slopes[rank] - end).abs() <= 1e-12 * end.abs(), "{end} is not one of the slopes");
                    }
                }
            }
        }
    }
}

#[test]
fn an_invalid_series_has_no_trend() {
    assert_eq!(theil_sen(&[1.0], &[1.0], 0.95), None);
    assert_eq!(theil_sen(&[], &[], 0.95), None);
    assert_eq!(theil_sen(&[1.0, 1.0], &[1.0, 2.0], 0.95), None, "one position");
    assert_eq!(theil_sen(&[1.0, 2.0], &[1.0], 0.95), None);
    assert_eq!(theil_sen(&[1.0, 2.0], &[1.0, f64::INFINITY], 0.95), None);
    assert_eq!(mann_kendall(&[1.0]), None);
    assert_eq!(mann_kendall(&[1.0, f64::NAN]), None);
    assert_eq!(Trend::of(&[1.0, 1.0], &[1.0, 2.0], 0.95), None);
    let flat = Trend::of(&[1.0, 2.0, 3.0], &[7.0; 3], 0.95).expect("a trend");
    assert_eq!((flat.theil_sen.slope, flat.mann_kendall.z, flat.mann_kendall.p), (0.0, 0.0, 1.0));
    assert_eq!(flat.forecast(8.0), Forecast::Never);
    assert_eq!(flat.forecast(7.0), Forecast::Reached);
}

const MIB: f64 = (1 << 20) as f64;

/// The shape of a heap, whose size in MiB is a function of the time in seconds, plus a ripple.
fn shape(heap: impl Fn(f64) -> f64) -> Shape {
    let at: Vec<f64> = (0..120).map(f64::from).collect();
    let ripple = |at: f64| (at * 12.9898).sin() * 0.7;
    let values: Vec<f64> = at.iter().map(|&at| (heap(at) + ripple(at)).floor() * MIB).collect();
    Shape::of(&at, &values, &ShapeOptions::default())
}

#[test]
fn shapes_are_classified() {
    assert!(matches!(shape(|_| 40.0), Shape::Flat { level } if (level - 40.0 * MIB).abs() <= MIB));
    assert_eq!(shape(|at| 40.0 + at / 2.0), Shape::Rising);
    assert_eq!(shape(|at| 140.0 - at / 2.0), Shape::Falling);
    // A leak that slows down is still rising.
    assert_eq!(shape(|at| 40.0 + 8.0 * at.sqrt()), Shape::Rising);

    let Shape::Plateau { level, rise, since } = shape(|at| 40.0 + 60.0 * (1.0 - (-at / 10.0).exp())) else {
        panic!("a cache that fills up")
    };
    assert!((level / MIB - 100.0).abs() < 2.0 && (rise / MIB - 58.0).abs() < 8.0, "{level} {rise}");
    // e^(−t/10) is a tenth at t = 23.
    assert!((since - 23.0).abs() < 5.0, "{since}");

    let saw = |at: f64| 40.0 + 3.0 * (at % 20.0);
    let Shape::Sawtooth { peaks, rises: false, valleys: Some(valleys) } = shape(saw) else { panic!("batches") };
    assert_eq!(peaks, 5, "the last rise is not followed by a fall");
    assert!((valleys.theil_sen.slope / MIB).abs() < 0.05);
    let Shape::Sawtooth { rises: true, valleys: Some(valleys), .. } = shape(|at| 40.0 + 6.0 * (at % 10.0) + at / 4.0)
    else {
        panic!("batches with a leak")
    };
    assert!((valleys.theil_sen.slope / MIB - 0.25).abs() < 0.05, "{valleys:?}");

    assert_eq!(Shape::of(&[1.0, 2.0], &[1.0, 2.0], &ShapeOptions::default()), Shape::TooShort);
}

/// A straightforward implementation takes quadratic time on this series. It rises in steps, so
/// walking from a peak reaches the start, and it has 2·10¹⁰ pairs.
#[test]
fn long_series_do_not_take_quadratic_time() {
    let n = 200_000u32;
    let at: Vec<f64> = (0..n).map(f64::from).collect();
    let stairs: Vec<f64> = (0..n).map(|i| f64::from(i) + 2.0 * f64::from(i % 2)).collect();
    let peaks = find_peaks(&stairs, &PeakOptions::default());
    assert_eq!(peaks.len(), n as usize / 2 - 1);
    assert_eq!(mann_kendall(&stairs).expect("a test").s, i64::from(n) * i64::from(n - 1) / 2 - i64::from(n) + 2);
    let line = theil_sen(&at, &stairs, 0.95).expect("a line");
    assert!((line.slope - 1.0).abs() < 1e-9, "{line:?}");
}
