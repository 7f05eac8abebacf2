//! Each kind of damage causes the right error, at the right place.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use gotrace::pprof::{By, Place, Profile, ProfileError, ProfileErrorKind, ProfileLimits, Report};
use prost::Message;

use super::proto;

/// The error of reading all of a profile.
fn error(bytes: &[u8]) -> ProfileError {
    error_within(bytes, &ProfileLimits::default())
}

fn error_within(bytes: &[u8], limits: &ProfileLimits) -> ProfileError {
    match Profile::from_slice_with(bytes, limits).and_then(|profile| Report::new(&profile, By::Stack)) {
        Ok(_) => panic!("no error: {bytes:x?}"),
        Err(error) => error,
    }
}

/// A valid profile with a sample type, a function, a location and a sample, after `change`.
fn profile(change: impl FnOnce(&mut proto::Profile)) -> Vec<u8> {
    let mut profile = proto::Profile {
        sample_type: vec![proto::ValueType { r#type: 1, unit: 1 }],
        sample: vec![proto::Sample { location_id: vec![1], value: vec![5], label: Vec::new() }],
        location: vec![proto::Location {
            id: 1,
            line: vec![proto::Line { function_id: 1, ..Default::default() }],
            ..Default::default()
        }],
        function: vec![proto::Function { id: 1, name: 1, ..Default::default() }],
        string_table: vec![String::new(), "a".to_owned()],
        ..Default::default()
    };
    change(&mut profile);
    profile.encode_to_vec()
}

macro_rules! assert_error {
    ($error:expr, $kind:pat, $offset:expr, $text:expr) => {
        let error = $error;
        assert!(matches!(error.kind, $kind), "{error:?}");
        assert_eq!(error.at, Place::Unpacked($offset), "{error}");
        assert_eq!(error.to_string(), format!("{} at byte {} of the decompressed profile", $text, $offset));
    };
}

#[test]
fn the_unchanged_profile_is_valid() {
    let bytes = profile(|_| {});
    let report =
        Report::new(&Profile::from_slice(&bytes).expect("valid profile"), By::Function).expect("valid profile");
    assert_eq!(report.find("a").map(|row| row.flat), Some(&[5][..]));
}

#[test]
fn other_files_are_errors() {
    assert_error!(error(b""), ProfileErrorKind::Empty, 0, "the profile is empty");
    let text = "this is text, not a profile that Go writes; it begins with \"not a profile\"";
    assert_error!(error(b"not a profile"), ProfileErrorKind::NotAProfile { .. }, 0, text);
    assert_error!(error(b"\x0e"), ProfileErrorKind::InvalidWireType { wire_type: 6 }, 0, "invalid wire type 6");
    let text = "invalid wire type 7";
    assert_error!(error(&[0x0f]), ProfileErrorKind::InvalidWireType { wire_type: 7 }, 0, text);
    assert_error!(
        error(&[0x48, 1, 0x02, 0]),
        ProfileErrorKind::InvalidField { number: 0 },
        2,
        "invalid field number 0"
    );
    let bytes = [0x80, 0x80, 0x80, 0x80, 0x10, 0];
    let text = "invalid field number 536870912";
    assert_error!(error(&bytes), ProfileErrorKind::InvalidField { number: 0x2000_0000 }, 0, text);
}

#[test]
fn damage_to_the_encoding_is_an_error() {
    let text = "the Profile ends inside an integer";
    assert_error!(error(&[0x48, 0x80]), ProfileErrorKind::VarintTruncated { message: "Profile" }, 1, text);
    let mut bytes = vec![0x48];
    bytes.extend([0xff; 10]);
    assert_error!(error(&bytes), ProfileErrorKind::VarintOverflow, 1, "an integer overflows 64 bits");
    let text = "the Profile ends inside a field: 3 bytes are missing";
    assert_error!(error(&[0x32, 4, b'a']), ProfileErrorKind::FieldTruncated { missing: 3, .. }, 2, text);
    let text = "the Profile ends inside a field: 1 byte is missing";
    assert_error!(error(&[0x0d, 1, 2, 3]), ProfileErrorKind::FieldTruncated { missing: 1, .. }, 1, text);
    // Inside a sample, and inside its packed values.
    let text = "the Sample ends inside a field: 1 byte is missing";
    assert_error!(error(&[0x12, 3, 0x0a, 2, 1]), ProfileErrorKind::FieldTruncated { message: "Sample", .. }, 4, text);
    let text = "the list of integers ends inside an integer";
    assert_error!(error(&[0x12, 3, 0x12, 1, 0x80]), ProfileErrorKind::VarintTruncated { .. }, 4, text);
    let text = "field 9 of a Profile has wire type 2";
    assert_error!(error(&[0x4a, 0]), ProfileErrorKind::WrongWireType { field: 9, found: 2, .. }, 0, text);
    let text = "field 4 of a Profile has wire type 0";
    assert_error!(error(&[0x20, 1]), ProfileErrorKind::WrongWireType { field: 4, found: 0, .. }, 0, text);
    let text = "field 1 of a Function has wire type 5";
    assert_error!(
        error(&[0x2a, 5, 0x0d, 1, 2, 3, 4]),
        ProfileErrorKind::WrongWireType { message: "Function", .. },
        2,
        text
    );
    for bytes in [&[0x0c][..], &[0x0b], &[0x0b, 0x08, 1], &[0x0b, 0x14]] {
        let error = error(bytes);
        assert!(matches!(error.kind, ProfileErrorKind::UnbalancedGroup), "{error}");
    }
}

#[test]
fn inconsistent_tables_are_errors() {
    let bytes = profile(|it| it.string_table[0] = "x".to_owned());
    let at = bytes.windows(3).position(|window| window == [0x32, 1, b'x']).expect("contained in the profile");
    assert_error!(
        error(&bytes),
        ProfileErrorKind::FirstStringNotEmpty,
        at as u64,
        "the first string of the table is not empty"
    );
    let unknown = |change: fn(&mut proto::Profile)| error(&profile(change));
    for error in [
        unknown(|it| it.sample_type[0].unit = 2),
        unknown(|it| it.function[0].filename = -1),
        unknown(|it| it.mapping = vec![proto::Mapping { id: 1, build_id: 9, ..Default::default() }]),
        unknown(|it| it.comment = vec![7]),
        unknown(|it| it.default_sample_type = 2),
    ] {
        assert!(matches!(error.kind, ProfileErrorKind::UnknownString { .. }), "{error}");
    }
    for (error, expected) in [
        (unknown(|it| it.function[0].id = 0), "function"),
        (unknown(|it| it.location[0].id = 0), "location"),
        (unknown(|it| it.mapping = vec![proto::Mapping::default()]), "mapping"),
    ] {
        assert!(matches!(error.kind, ProfileErrorKind::ZeroId { table } if table == expected), "{error}");
    }
    for id in [1, 3, u64::MAX] {
        let error = error(&profile(|it| {
            it.function = [1, id, id].map(|id| proto::Function { id, ..Default::default() }).to_vec();
        }));
        assert!(
            matches!(error.kind, ProfileErrorKind::DuplicateId { table: "function", id: found } if found == id),
            "{error}"
        );
    }
    for id in [0, 2, u64::MAX] {
        let error = error(&profile(|it| it.location[0].line[0].function_id = id));
        assert!(
            matches!(error.kind, ProfileErrorKind::UnknownId { table: "function", id: found } if found == id),
            "{error}"
        );
    }
}

#[test]
fn invalid_samples_are_errors() {
    let bytes = profile(|it| it.sample[0].location_id = vec![1, 1, 7]);
    let at = bytes.windows(3).position(|window| window == [1, 1, 7]).expect("contained in the profile") + 2;
    let text = "unknown location ID 7";
    assert_error!(error(&bytes), ProfileErrorKind::UnknownId { table: "location", id: 7 }, at as u64, text);
    let text = "a sample has 2 values instead of 1";
    let bytes = profile(|it| it.sample[0].value.push(6));
    let at = bytes.windows(2).position(|window| window == [5, 6]).expect("contained in the profile") + 1;
    assert_error!(error(&bytes), ProfileErrorKind::WrongValueCount { expected: 1, found: 2 }, at as u64, text);
    let error = error(&profile(|it| it.sample[0].value.clear()));
    assert!(matches!(error.kind, ProfileErrorKind::WrongValueCount { expected: 1, found: 0 }), "{error}");

    // After an error, iteration ends.
    let bytes = profile(|it| it.sample[0].location_id = vec![7]);
    let profile = Profile::from_slice(&bytes).expect("only a sample is broken");
    let mut samples = profile.samples();
    assert!(samples.next_sample().is_err());
    assert!(matches!(samples.next_sample(), Ok(None)));
}

#[test]
fn invalid_labels_are_errors() {
    let bytes = profile(|it| {
        it.sample[0].label = [9, 1].map(|key| proto::Label { key, ..Default::default() }).to_vec();
    });
    let profile = Profile::from_slice(&bytes).expect("only a label is broken");
    let mut samples = profile.samples();
    let mut labels = samples.next_sample().expect("valid profile").expect("one sample").labels();
    let error = labels.next_label().expect_err("there is no such string");
    assert!(matches!(error.kind, ProfileErrorKind::UnknownString { .. }), "{error}");
    assert!(matches!(labels.next_label(), Ok(None)), "iteration ends after an error");
}

#[test]
fn concatenated_profiles_are_an_error() {
    let one = profile(|it| it.time_nanos = 5);
    let at = one.len() + one.windows(2).position(|window| window == [0x48, 5]).expect("contained in the profile");
    let error = error(&[&one[..], &one].concat());
    assert!(
        matches!(error.kind, ProfileErrorKind::FirstStringNotEmpty | ProfileErrorKind::MultipleProfiles),
        "{error}"
    );
    assert_eq!(error.at, Place::Unpacked(at as u64));
}

fn exceeds(error: &ProfileError) -> &'static str {
    match error.kind {
        ProfileErrorKind::LimitExceeded { what, .. } => what,
        _ => panic!("{error}"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).expect("writing to a Vec cannot fail");
    gzip.finish().expect("writing to a Vec cannot fail")
}

#[test]
fn row_28_hostile_profiles_exceed_limits() {
    let limits = ProfileLimits::default().bytes(1 << 20);
    let bomb = gzip(&vec![0; 64 << 20]);
    let error = Profile::from_reader_with(&bomb[..], &limits).expect_err("too large");
    assert_eq!(exceeds(&error), "decompressed bytes");
    assert!(
        matches!(error.at, Place::File(offset) if offset < bomb.len() as u64 / 8),
        "{error}: of {} bytes",
        bomb.len()
    );
    let error = Profile::from_reader_with(std::io::repeat(8), &limits).expect_err("endless input");
    assert_eq!((exceeds(&error), error.at), ("decompressed bytes", Place::File(1 << 20)));

    // Nested groups.
    assert_eq!(exceeds(&error_within(&vec![0x0b; 1 << 20], &ProfileLimits::default())), "nested groups");
    // Packed IDs take one byte each in the file, but four in memory.
    let bytes = profile(|it| it.sample[0].location_id = vec![1; 1 << 20]);
    assert_eq!(exceeds(&error_within(&bytes, &ProfileLimits::default())), "locations in a stack");
    let bytes = profile(|it| it.sample[0].value = vec![1; 1 << 20]);
    let error = error_within(&bytes, &ProfileLimits::default());
    assert!(matches!(error.kind, ProfileErrorKind::WrongValueCount { expected: 1, found: 2 }), "{error}");
    // Every sample would count each line of its location.
    let bytes = profile(|it| it.location[0].line = vec![it.location[0].line[0]; 257]);
    assert_eq!(exceeds(&error_within(&bytes, &ProfileLimits::default())), "lines in a location");
    // Distinct stacks of locations with many lines: each location takes one byte in a sample, and 1
    // kB in a report.
    let bytes = profile(|it| {
        it.location[0].line = vec![it.location[0].line[0]; 256];
        let sample = it.sample[0].clone();
        it.sample = (1..200).map(|depth| proto::Sample { location_id: vec![1; depth], ..sample.clone() }).collect();
    });
    assert_eq!(exceeds(&error_within(&bytes, &ProfileLimits::default())), "frames in the stacks of a report");
    // Messages that are decoded again for every frame.
    for table in [3, 4, 5] {
        // A field of two bytes, 1,025 times.
        let bytes = [&[table << 3 | 2, 0x82, 0x10][..], &[0x08, 1].repeat(1025)].concat();
        let text = "more than 1024 fields in a message";
        assert_error!(
            error_within(&bytes, &ProfileLimits::default()),
            ProfileErrorKind::LimitExceeded { .. },
            3 + 2 * 1024,
            text
        );
    }
    let bytes = profile(|it| it.comment = vec![1; (1 << 16) + 1]);
    assert_eq!(exceeds(&error_within(&bytes, &ProfileLimits::default())), "comments");
    // Every function would have a sum for each sample type.
    let bytes = profile(|it| it.sample_type = vec![it.sample_type[0]; 33]);
    assert_eq!(exceeds(&error_within(&bytes, &ProfileLimits::default())), "sample types");
}

#[test]
fn damaged_gzip_files_are_errors() {
    let packed = gzip(&profile(|_| {}));
    for cut in 2..packed.len() {
        let error = Profile::from_reader(&packed[..cut]).expect_err("truncated");
        assert!(matches!(error.kind, ProfileErrorKind::Gzip(_)), "{cut}: {error}");
        assert!(matches!(error.at, Place::File(offset) if offset <= cut as u64), "{cut}: {error}");
    }
    // Damage in the checksum, and in the length.
    for place in [packed.len() - 5, packed.len() - 1] {
        let mut packed = packed.clone();
        packed[place] ^= 1;
        let error = Profile::from_reader(&packed[..]).expect_err("damaged");
        assert!(matches!(error.kind, ProfileErrorKind::Gzip(_)), "{error}");
    }
}
