//! Valid profiles have the same contents as when read by prost.

use std::io::Read;

use flate2::read::GzDecoder;
use gotrace::pprof::{LabelValue, PprofKind, Profile, ProfileFrame, ProfileLimits};
use proptest::prelude::*;
use prost::Message;

use super::proto;
use gotrace_tests::pieces::Pieces;
use gotrace_tests::profiles as files;

/// Looks up strings, which prost does not do. Comparing texts allows for duplicates in the string
/// table.
fn texts(read: &proto::Profile) -> impl Fn(i64) -> String + '_ {
    |index| read.string_table[usize::try_from(index).expect("a valid index")].clone()
}

fn values(kind: gotrace::pprof::ValueType<'_>) -> (String, String) {
    (kind.kind.to_string(), kind.unit.to_string())
}

/// Compares all contents of a profile with those that prost reads.
fn compare(ours: &Profile<'_>, theirs: &proto::Profile) {
    let text = texts(theirs);
    let value_type = |it: &proto::ValueType| (text(it.r#type), text(it.unit));
    let time = ours.time().map_or(0, |time| time.as_nanos());
    assert_eq!((time, ours.period()), (theirs.time_nanos.into(), theirs.period));
    let duration = ours.duration().map_or(0, |duration| duration.as_nanos());
    assert_eq!(duration, u128::try_from(theirs.duration_nanos).unwrap_or(0), "negative durations are unknown");
    assert_eq!(ours.period_type().map(values), theirs.period_type.as_ref().map(value_type));
    let ours_types: Vec<_> = ours.sample_types().map(values).collect();
    assert_eq!(ours_types, theirs.sample_type.iter().map(value_type).collect::<Vec<_>>());
    let names = [ours.default_sample_type_name(), ours.doc_url(), ours.drop_frames(), ours.keep_frames()];
    let indexes = [theirs.default_sample_type, theirs.doc_url, theirs.drop_frames, theirs.keep_frames];
    assert_eq!(names.map(|name| name.to_string()), indexes.map(&text));
    let comments: Vec<String> = ours.comments().map(|comment| comment.to_string()).collect();
    assert_eq!(comments, theirs.comment.iter().map(|&index| text(index)).collect::<Vec<_>>());
    assert!(ours.strings().map(|string| string.to_string()).eq(theirs.string_table.iter().cloned()));

    assert_eq!(ours.mappings().len(), theirs.mapping.len());
    for (ours, theirs) in ours.mappings().zip(&theirs.mapping) {
        let place = (ours.id, ours.start, ours.limit, ours.offset, ours.file.to_string(), ours.build_id.to_string());
        let (file, build_id) = (text(theirs.filename), text(theirs.build_id));
        let expected = (theirs.id, theirs.memory_start, theirs.memory_limit, theirs.file_offset, file, build_id);
        assert_eq!(place, expected);
        assert_eq!(
            [ours.has_functions, ours.has_filenames, ours.has_line_numbers, ours.has_inline_frames],
            [theirs.has_functions, theirs.has_filenames, theirs.has_line_numbers, theirs.has_inline_frames]
        );
    }
    assert_eq!(ours.functions().len(), theirs.function.len());
    for (ours, theirs) in ours.functions().zip(&theirs.function) {
        let names = [ours.name, ours.system_name, ours.file].map(|name| name.to_string());
        assert_eq!(names, [theirs.name, theirs.system_name, theirs.filename].map(&text));
        assert_eq!((ours.id, ours.start_line), (theirs.id, theirs.start_line));
    }
    assert_eq!(ours.locations().len(), theirs.location.len());
    for (ours, theirs) in ours.locations().zip(&theirs.location) {
        let place = (ours.id, ours.address, ours.mapping_id, ours.is_folded);
        assert_eq!(place, (theirs.id, theirs.address, theirs.mapping_id, theirs.is_folded));
        let lines = ours.lines().map(|line| (line.function.id, line.line, line.column));
        assert!(lines.eq(theirs.line.iter().map(|line| (line.function_id, line.line, line.column))));
    }
    compare_samples(ours, theirs);
}

fn compare_samples(ours: &Profile<'_>, theirs: &proto::Profile) {
    let text = texts(theirs);
    assert_eq!(ours.sample_count(), theirs.sample.len() as u64);
    let mut samples = ours.samples();
    for theirs in &theirs.sample {
        let ours = samples.next_sample().expect("valid profile").expect("the same number");
        assert_eq!(ours.values(), theirs.value);
        assert!(ours.locations().map(|location| location.id).eq(theirs.location_id.iter().copied()));
        let frames = ours.locations().map(|location| location.lines().count().max(1));
        assert_eq!(ours.frames().count(), frames.sum::<usize>());
        let mut labels = ours.labels();
        for theirs in &theirs.label {
            let label = labels.next_label().expect("valid profile").expect("the same number");
            assert_eq!(label.key.to_string(), text(theirs.key));
            match label.value {
                LabelValue::Text(value) => assert_eq!(value.to_string(), text(theirs.str)),
                LabelValue::Number { value, unit } => {
                    assert_eq!((value, unit.to_string(), 0), (theirs.num, text(theirs.num_unit), theirs.str));
                }
            }
        }
        assert_eq!(labels.next_label().expect("valid profile"), None);
    }
    assert!(samples.next_sample().expect("valid profile").is_none());
}

#[test]
fn testdata_has_the_same_contents_as_with_prost() {
    for (name, path) in files::all().into_iter().chain(files::captures()) {
        let mut unpacked = Vec::new();
        let file = std::fs::File::open(&path).expect("the file exists");
        GzDecoder::new(file).read_to_end(&mut unpacked).expect("valid gzip");
        let profile = files::open(&path);
        assert_eq!(profile.bytes(), unpacked, "{name}");
        let theirs = proto::Profile::decode(&unpacked[..]).expect("valid protobuf");
        assert!(!theirs.string_table.is_empty(), "{name}");
        compare(&profile, &theirs);
    }
}

#[test]
fn kinds_are_recognised() {
    for (name, path) in files::all() {
        let kind = files::open(&path).kind();
        let expected = match name.split(['/', '.']).nth(2).expect("go1.N/KIND.pb.gz") {
            "heap" | "heap-later" => PprofKind::Heap,
            "allocs" => PprofKind::Allocs,
            "goroutine" => PprofKind::Goroutine,
            "goroutineleak" => PprofKind::GoroutineLeak,
            "threadcreate" => PprofKind::ThreadCreate,
            "block" | "mutex" => PprofKind::Contention,
            "cpu" => PprofKind::Cpu,
            other => panic!("{other}"),
        };
        assert_eq!(kind, expected, "{name}");
    }
}

#[test]
fn labels_and_inlined_frames_of_go_are_found() {
    let profile = files::open(&files::path("go1.27/goroutine"));
    let mut samples = profile.samples();
    let mut labels = Vec::new();
    while let Some(sample) = samples.next_sample().expect("valid profile") {
        let mut of_sample = sample.labels();
        while let Some(label) = of_sample.next_label().expect("valid profile") {
            if let LabelValue::Text(value) = label.value {
                labels.push((label.key.to_string(), value.to_string()));
            }
        }
    }
    labels.sort();
    labels.dedup();
    let expected = [("kind", "größer"), ("worker", "7")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(labels, expected);

    let profile = files::open(&files::path("go1.27/heap-later"));
    let mut samples = profile.samples();
    let mut found = false;
    while let Some(sample) = samples.next_sample().expect("valid profile") {
        let frames: Vec<ProfileFrame<'_>> = sample.frames().collect();
        let inlined = frames.iter().map(|frame| (frame.func.to_string(), frame.inlined)).take(3).collect::<Vec<_>>();
        let expected = [("main.inner", true), ("main.outer", true), ("main.inlined", false)];
        found |= inlined == expected.map(|(name, inlined)| (name.to_owned(), inlined));
    }
    assert!(found, "main.inlined and its inlined calls");
}

fn any_ids(ids: &[u64]) -> impl Strategy<Value = u64> + use<> {
    prop::sample::select(ids.to_vec())
}

/// Any valid profile, as other writers might produce it: IDs can be dense or sparse, in any order.
fn any_profile() -> impl Strategy<Value = proto::Profile> {
    let ids = prop_oneof![
        (1..8_u64).prop_map(|n| (1..=n).collect()),
        prop::collection::hash_set(1..20_u64, 1..8).prop_map(|ids| ids.into_iter().collect()),
        prop::collection::hash_set(1_u64.., 1..8).prop_map(|ids| ids.into_iter().collect::<Vec<u64>>()),
    ];
    (ids.clone(), ids.clone(), ids, prop::collection::vec("[a-zé]{0,4}", 1..6), 0..4_usize).prop_flat_map(
        |(functions, locations, mappings, strings, width)| {
            let string = 0..=strings.len() as i64;
            let function = {
                let string = string.clone();
                let fields = move |id| (Just(id), [string.clone(), string.clone(), string.clone()], any::<i64>());
                functions.iter().map(|&id| fields(id)).collect::<Vec<_>>().prop_map(|all| {
                    let function = |(id, [name, system_name, filename], start_line): (u64, [i64; 3], i64)| {
                        proto::Function { id, name, system_name, filename, start_line }
                    };
                    all.into_iter().map(function).collect::<Vec<_>>()
                })
            };
            let line = (any_ids(&functions), any::<i64>(), any::<i64>())
                .prop_map(|(function_id, line, column)| proto::Line { function_id, line, column });
            let location = {
                let lines = prop::collection::vec(line, 0..4).boxed();
                let mapping = prop_oneof![Just(0), any_ids(&mappings)].boxed();
                let fields = move |id| (Just(id), mapping.clone(), any::<u64>(), lines.clone(), any::<bool>());
                locations.iter().map(|&id| fields(id)).collect::<Vec<_>>().prop_map(|all| {
                    let location = |(id, mapping_id, address, line, is_folded): (_, _, _, Vec<proto::Line>, _)| {
                        proto::Location { id, mapping_id, address, line, is_folded }
                    };
                    all.into_iter().map(location).collect::<Vec<_>>()
                })
            };
            let label = [string.clone(), string.clone(), string.clone()];
            let label = (label, any::<i64>()).prop_map(|([key, str, num_unit], num)| match str {
                0 => proto::Label { key, str, num, num_unit },
                _ => proto::Label { key, str, num: 0, num_unit: 0 },
            });
            let stack = prop::collection::vec(any_ids(&locations), 0..6);
            let values = prop::collection::vec(any::<i64>(), width);
            let sample = (stack, values, prop::collection::vec(label, 0..3))
                .prop_map(|(location_id, value, label)| proto::Sample { location_id, value, label });
            let samples = prop::collection::vec(sample, 0..6);
            let value_type =
                [string.clone(), string.clone()].prop_map(|[r#type, unit]| proto::ValueType { r#type, unit });
            let types = prop::collection::vec(value_type, width);
            let head = (
                any::<[i64; 3]>(),
                prop::option::of(value_type_of(string.clone())),
                prop::collection::vec(string, 0..4),
            );
            (samples, location, function, types, head).prop_map(
                move |(sample, location, function, sample_type, head)| {
                    let ([time_nanos, duration_nanos, period], period_type, comment) = head;
                    let mapping =
                        |&id: &u64| proto::Mapping { id, memory_start: id, has_functions: true, ..Default::default() };
                    proto::Profile {
                        sample_type,
                        sample,
                        mapping: mappings.iter().map(mapping).collect(),
                        location,
                        function,
                        string_table: [String::new()].into_iter().chain(strings.clone()).collect(),
                        time_nanos,
                        duration_nanos,
                        period_type,
                        period,
                        comment,
                        ..Default::default()
                    }
                },
            )
        },
    )
}

fn value_type_of(string: std::ops::RangeInclusive<i64>) -> impl Strategy<Value = proto::ValueType> {
    [string.clone(), string].prop_map(|[r#type, unit]| proto::ValueType { r#type, unit })
}

/// The same message in another encoding: with unpacked lists, top-level fields in another order,
/// and unknown fields.
fn rewrite(profile: &proto::Profile, turn: usize) -> Vec<u8> {
    let mut fields = Vec::new();
    for sample in &profile.sample {
        let mut body = Vec::new();
        for &id in &sample.location_id {
            put_key(&mut body, 1, 0);
            prost::encoding::encode_varint(id, &mut body);
        }
        for &value in &sample.value {
            put_key(&mut body, 2, 0);
            prost::encoding::encode_varint(value.cast_unsigned(), &mut body);
        }
        for label in &sample.label {
            put_key(&mut body, 3, 2);
            body.extend(label.encode_length_delimited_to_vec());
        }
        unknown(&mut body);
        let mut field = Vec::new();
        put_key(&mut field, 2, 2);
        prost::encoding::encode_varint(body.len() as u64, &mut field);
        field.extend(body);
        fields.push(field);
    }
    let rest = proto::Profile { sample: Vec::new(), ..profile.clone() };
    fields.push(rest.encode_to_vec());
    let middle = turn % fields.len().max(1);
    let samples = fields.len() - 1;
    // The samples keep their order. Other fields are put between them.
    fields[middle.min(samples)..].rotate_right(1);
    let mut bytes = Vec::new();
    unknown(&mut bytes);
    for field in fields {
        bytes.extend(field);
        unknown(&mut bytes);
    }
    bytes
}

fn put_key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    prost::encoding::encode_varint(field << 3 | wire_type, out);
}

/// Unknown fields, one of each wire type.
fn unknown(out: &mut Vec<u8>) {
    for (wire_type, body) in [
        (0, &[0xff, 0x01][..]),
        (1, &[1; 8]),
        (2, &[2, 9, 9]),
        // A group that contains an integer and a group.
        (3, &[0x08, 7, 0x13, 0x0d, 1, 2, 3, 4, 0x14]),
        (5, &[1; 4]),
    ] {
        put_key(out, 777, wire_type);
        out.extend_from_slice(body);
        if wire_type == 3 {
            put_key(out, 777, 4);
        }
    }
}

proptest! {
    #[test]
    fn any_valid_profile_has_the_same_contents_as_with_prost(profile in any_profile(), turn: usize) {
        let bytes = profile.encode_to_vec();
        compare(&files::parse(&bytes), &profile);
        let bytes = rewrite(&profile, turn);
        prop_assert_eq!(&proto::Profile::decode(&bytes[..]).expect("valid protobuf"), &profile);
        compare(&files::parse(&bytes), &profile);
    }

    #[test]
    fn flipped_bits_cause_no_panic_and_no_disagreement_with_prost(
        profile in any_profile(), place: prop::sample::Index, bit in 0..8_u8, cut: prop::sample::Index
    ) {
        let mut bytes = profile.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        bytes.truncate(cut.index(bytes.len()) + 1);
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let Ok(ours) = Profile::from_slice(&bytes) else { return Ok(()) };
        let mut samples = ours.samples();
        loop {
            match samples.next_sample() {
                Ok(Some(sample)) => {
                    let mut labels = sample.labels();
                    loop {
                        match labels.next_label() {
                            Ok(Some(_)) => {}
                            Ok(None) => break,
                            Err(_) => return Ok(()),
                        }
                    }
                }
                Ok(None) => break,
                Err(_) => return Ok(()),
            }
        }
        // Invalid UTF-8 is an error in prost, but not in our reader.
        if let Ok(theirs) = proto::Profile::decode(&bytes[..]) && !theirs.string_table.is_empty() {
            compare(&ours, &theirs);
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_sizes_of_pieces() {
    let packed = std::fs::read(files::path("go1.27/heap")).expect("the file exists");
    let whole = Profile::from_reader(&packed[..]).expect("valid profile");
    assert_eq!(Profile::from_reader(Pieces::new(&packed, &[1])).expect("valid profile").bytes(), whole.bytes());
    assert_eq!(Profile::from_slice(&packed).expect("valid profile").bytes(), whole.bytes());
    let plain = Profile::from_reader(Pieces::new(whole.bytes(), &[1])).expect("valid profile");
    assert_eq!(plain.bytes(), whole.bytes(), "uncompressed files are read unchanged");
    let limits = ProfileLimits::default().bytes(whole.bytes().len() as u64);
    assert_eq!(Profile::from_reader_with(&packed[..], &limits).expect("within limits").bytes(), whole.bytes());
}
