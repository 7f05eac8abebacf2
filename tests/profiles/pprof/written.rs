//! Tests of `ProfileBuilder`.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use gotrace::WallTime;
use gotrace::pprof::{LabelValue, ProfileBuilder, ProfileFrame, SampleLabel, ValueType};
use gotrace_tests::corpus::testdata;
use proptest::prelude::*;
use prost::Message;

use super::proto;

fn contentions() -> ProfileBuilder<2> {
    let mut profile =
        ProfileBuilder::new([ValueType::new("contentions", "count"), ValueType::new("delay", "nanoseconds")]);
    profile.period(ValueType::new("contentions", "count"), 1);
    profile
}

fn plain<const N: usize>(profile: &ProfileBuilder<N>) -> Vec<u8> {
    let mut bytes = Vec::new();
    profile.write(&mut bytes).expect("writing to a Vec cannot fail");
    bytes
}

fn gzip<const N: usize>(profile: &ProfileBuilder<N>) -> Vec<u8> {
    let mut bytes = Vec::new();
    profile.write_gzip(&mut bytes).expect("writing to a Vec cannot fail");
    bytes
}

#[test]
fn every_field_is_encoded_correctly() {
    let mut profile = ProfileBuilder::new([ValueType::new("delay", "nanoseconds")]);
    let time = WallTime::from_nanos(5).expect("in range");
    profile.time(time).duration(Duration::from_nanos(6)).period(ValueType::new("delay", "count"), 7);
    profile.comment("c").default_sample_type("delay").program("/p");
    let inner = ProfileFrame { inlined: true, address: 0x99, ..ProfileFrame::new("f", "f.go", 3) };
    let outer = ProfileFrame { start_line: 2, address: 0x99, ..ProfileFrame::new("g", "f.go", 4) };
    profile.labelled_sample([inner, outer], [-1], [SampleLabel::text("k", "v"), SampleLabel::number("n", 9, "bytes")]);
    let bytes = plain(&profile);
    #[rustfmt::skip]
    let expected = [
        0x0a, 4, 8, 1, 0x10, 2,                     // sample_type {delay, nanoseconds}
        0x48, 5, 0x50, 6,                           // time_nanos, duration_nanos
        0x5a, 4, 8, 1, 0x10, 3, 0x60, 7,            // period_type {delay, count}, period
        0x6a, 1, 4,                                 // comment c
        0x70, 1,                                    // default_sample_type delay
        0x12, 29, 0x0a, 1, 1,                       // sample: location_id 1
        0x12, 10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, // value -1
        0x1a, 4, 8, 9, 0x10, 10,                    // label {k, v}
        0x1a, 6, 8, 11, 0x18, 9, 0x20, 12,          // label {n, 9, bytes}
        0x1a, 12, 8, 1, 0x28, 5, 0x38, 1, 0x40, 1, 0x48, 1, 0x50, 1, // mapping /p, with all symbols known
        0x22, 19, 8, 1, 0x10, 1, 0x18, 0x99, 1,     // location 1 of mapping 1 at 0x99
        0x22, 4, 8, 1, 0x10, 3,                     // line {f, 3}
        0x22, 4, 8, 2, 0x10, 4,                     // line {g, 4}
        0x2a, 8, 8, 1, 0x10, 6, 0x18, 6, 0x20, 7,   // function f, its system name, its file
        0x2a, 10, 8, 2, 0x10, 8, 0x18, 8, 0x20, 7, 0x28, 2, // function g, from line 2 on
    ];
    assert_eq!(bytes[..expected.len()], expected);
    let strings = proto::Profile::decode(&bytes[..]).expect("valid protobuf").string_table;
    assert_eq!(strings, ["", "delay", "nanoseconds", "count", "c", "/p", "f", "f.go", "g", "k", "v", "n", "bytes"]);
}

#[test]
fn equal_stacks_are_added_up() {
    let mut profile = contentions();
    profile.sample([ProfileFrame::new("f", "f.go", 1)], [1, 10]);
    profile.sample([ProfileFrame::new("f", "f.go", 2)], [1, 20]);
    profile.sample([ProfileFrame::new("f", "f.go", 1)], [2, i64::MAX]);
    profile.labelled_sample([ProfileFrame::new("f", "f.go", 1)], [4, 40], [SampleLabel::text("k", "v")]);
    let read = proto::Profile::decode(&plain(&profile)[..]).expect("valid protobuf");
    let values: Vec<_> = read.sample.iter().map(|sample| (&sample.location_id[..], &sample.value[..])).collect();
    assert_eq!(
        values,
        [(&[1][..], &[3, i64::MAX][..]), (&[2], &[1, 20]), (&[1], &[4, 40])],
        "three stacks, one of them with and without a label"
    );
}

#[test]
fn invalid_utf8_is_replaced() {
    let mut profile = contentions();
    profile.sample([ProfileFrame::new(&b"f\xff"[..], "f.go", 1)], [1, 2]);
    let read = proto::Profile::decode(&plain(&profile)[..]).expect("valid protobuf");
    assert_eq!(read.string_table[5..], ["f\u{fffd}", "f.go"]);
}

#[test]
fn frames_of_a_trace_convert_to_frames_of_a_profile() {
    let path = testdata().join("traces/go1.27/channels.trace");
    let mut reader = gotrace::Reader::from_path(path).expect("the file exists");
    let mut profile = contentions();
    let mut expected = None;
    while let Some(event) = reader.next_event().expect("a valid trace") {
        if let Some(stack) = event.stack() {
            let frame = stack.frames().next().expect("a stack has frames");
            expected.get_or_insert_with(|| (frame.func.to_string(), frame.pc, frame.line));
            profile.sample(stack.frames().map(ProfileFrame::from), [1, 2]);
        }
    }
    let read = proto::Profile::decode(&plain(&profile)[..]).expect("valid protobuf");
    let text = |index: i64| &read.string_table[usize::try_from(index).unwrap()];
    let location = &read.location[0];
    let found = (text(read.function[0].name).clone(), location.address, location.line[0].line.try_into().unwrap());
    assert_eq!(Some(found), expected);
}

/// A stack of frames. There are few functions, so that some stacks are equal.
fn any_stack() -> impl Strategy<Value = Vec<(String, i64, u64, bool)>> {
    prop::collection::vec(("[a-cé]{0,2}", -1..3i64, 0..3u64, any::<bool>()), 0..5)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    Number(i64, String),
}

fn any_labels() -> impl Strategy<Value = Vec<(String, Value)>> {
    let value = prop_oneof![
        "[x-z]{1,2}".prop_map(Value::Text),
        (any::<i64>(), "(bytes|s)?").prop_map(|(value, unit)| Value::Number(value, unit)),
    ];
    prop::collection::vec(("[k-m]", value), 0..3)
}

/// The address and lines of each location, and the labels.
type Sample = (Vec<(u64, Vec<(String, i64)>)>, Vec<(String, Value)>);

fn locations(stack: &[(String, i64, u64, bool)]) -> Vec<(u64, Vec<(String, i64)>)> {
    let mut all = Vec::new();
    let mut lines = Vec::new();
    for (i, (func, line, address, inlined)) in stack.iter().enumerate() {
        lines.push((func.clone(), *line));
        if !inlined || i + 1 == stack.len() {
            all.push((*address, std::mem::take(&mut lines)));
        }
    }
    all
}

proptest! {
    #[test]
    fn prost_reads_the_same_contents(
        samples in prop::collection::vec((any_stack(), any_labels(), any::<[i32; 3]>()), 0..12)
    ) {
        let types = [ValueType::new("a", "count"), ValueType::new("b", "count"), ValueType::new("c", "count")];
        let mut profile = ProfileBuilder::new(types);
        let mut expected = BTreeMap::<Sample, [i64; 3]>::new();
        for (stack, labels, values) in &samples {
            let values = values.map(i64::from);
            let sums = expected.entry((locations(stack), labels.clone())).or_default();
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            let frames = stack.iter().map(|(func, line, address, inlined)| {
                ProfileFrame { address: *address, inlined: *inlined, ..ProfileFrame::new(&func[..], "f.go", *line) }
            });
            let labels = labels.iter().map(|(key, value)| SampleLabel {
                key: key[..].into(),
                value: match value {
                    Value::Text(text) => LabelValue::Text(text[..].into()),
                    Value::Number(value, unit) => LabelValue::Number { value: *value, unit: unit[..].into() },
                },
            });
            profile.labelled_sample(frames, values, labels);
        }
        let bytes = plain(&profile);
        let mut unpacked = Vec::new();
        GzDecoder::new(&gzip(&profile)[..]).read_to_end(&mut unpacked).expect("valid gzip");
        prop_assert_eq!(&unpacked, &bytes);
        let read = proto::Profile::decode(&bytes[..]).expect("valid protobuf");
        let text = |index: i64| read.string_table[usize::try_from(index).unwrap()].clone();
        let mut found = BTreeMap::new();
        for sample in &read.sample {
            let locations = sample.location_id.iter().map(|&id| {
                let location = &read.location[usize::try_from(id).unwrap() - 1];
                assert_eq!(location.id, id);
                let lines = location.line.iter().map(|line| {
                    let function = read.function[usize::try_from(line.function_id).unwrap() - 1];
                    assert_eq!((function.id, text(function.filename)), (line.function_id, "f.go".to_owned()));
                    (text(function.name), line.line)
                });
                (location.address, lines.collect())
            });
            let labels = sample.label.iter().map(|label| {
                let value = match label.str {
                    0 => Value::Number(label.num, text(label.num_unit)),
                    index => Value::Text(text(index)),
                };
                (text(label.key), value)
            });
            let values = <[i64; 3]>::try_from(&sample.value[..]).unwrap();
            prop_assert_eq!(found.insert((locations.collect(), labels.collect()), values), None, "each combination occurs once");
        }
        prop_assert_eq!(found, expected);
    }
}
