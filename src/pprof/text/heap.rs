//! Heap profiles: `heap profile: 4: 17072 [18: 1499136] @ heap/1048576`.

use super::super::error::{ProfileError, ProfileErrorKind};
use super::super::limits::ProfileLimits;
use super::super::model::ValueType;
use super::super::write::ProfileBuilder;
use super::lines::{Line, Lines};
use super::{Body, Converted, Sample, expected};

/// The start of a heap profile.
pub(super) const START: &str = "heap profile:";

/// Numbers of objects and bytes.
#[derive(Clone, Copy)]
struct Amount {
    objects: i64,
    bytes: i64,
}

/// The start of a line, `INUSE_OBJECTS: INUSE_BYTES [ALLOC_OBJECTS: ALLOC_BYTES] @`.
struct Amounts {
    in_use: Amount,
    allocated: Amount,
}

impl Amounts {
    /// Parses the start of a line, and returns the rest.
    fn parse(line: &str) -> Option<(Self, &str)> {
        let number = |text: &str| text.trim().parse::<i64>().ok();
        let (in_use_objects, rest) = line.split_once(':')?;
        let (in_use_bytes, rest) = rest.split_once('[')?;
        let (alloc_objects, rest) = rest.split_once(':')?;
        let (alloc_bytes, rest) = rest.split_once(']')?;
        let in_use = Amount { objects: number(in_use_objects)?, bytes: number(in_use_bytes)? };
        let allocated = Amount { objects: number(alloc_objects)?, bytes: number(alloc_bytes)? };
        Some((Amounts { in_use, allocated }, rest.trim_start().strip_prefix('@')?))
    }
}

impl Amount {
    /// Estimates all allocations from the sampled ones. `rate` is the average number of bytes from
    /// one sample to the next. The probability that an object of `size` bytes is sampled is
    /// 1 − exp(−size / rate). See `scaleHeapSample` in `profile/legacy_profile.go`.
    fn estimate(self, rate: i64) -> Amount {
        if self.objects == 0 || self.bytes == 0 {
            return Amount { objects: 0, bytes: 0 };
        }
        if rate <= 1 {
            return self;
        }
        let size = self.bytes as f64 / self.objects as f64;
        let scale = 1.0 / (1.0 - (-size / rate as f64).exp());
        Amount { objects: (self.objects as f64 * scale) as i64, bytes: (self.bytes as f64 * scale) as i64 }
    }

    fn is_valid(self) -> bool {
        self.objects != 0 || self.bytes == 0
    }

    /// Returns the size of an object. `None` if there are no objects.
    fn block_size(self) -> Option<i64> {
        self.bytes.checked_div(self.objects)
    }
}

pub(super) fn convert(header: Line<'_>, lines: Lines<'_>, limits: &ProfileLimits) -> Result<Converted, ProfileError> {
    let is_expected = || header.error(expected("heap profile: N: N [N: N] @ heap/N"));
    let (total, rest) = header.text.strip_prefix(START).and_then(Amounts::parse).ok_or_else(is_expected)?;
    let rate = match rest.trim().strip_prefix("heap") {
        Some("") => 0,
        // The writer doubles the rate, because old C++ programs did (`writeHeapInternal`).
        Some(rate) => rate.strip_prefix('/').and_then(|rate| rate.parse::<i64>().ok()).ok_or_else(is_expected)? / 2,
        None => return Err(is_expected()),
    };
    // Go's reader does not distinguish allocated objects from those in use if the totals are equal.
    let differs = |allocated: i64, in_use: i64| allocated != 0 && allocated != in_use;
    let text_len = lines.text_len();
    if differs(total.allocated.objects, total.in_use.objects) || differs(total.allocated.bytes, total.in_use.bytes) {
        let body = Body::read(lines, limits, true, |line| {
            sample(line, |Amounts { in_use, allocated }| {
                let (allocated, in_use) = (allocated.estimate(rate), in_use.estimate(rate));
                [allocated.objects, allocated.bytes, in_use.objects, in_use.bytes]
            })
        })?;
        let kinds = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"];
        body.convert(builder(kinds, rate), text_len)
    } else {
        let body = Body::read(lines, limits, true, |line| {
            sample(line, |Amounts { in_use, .. }| {
                let in_use = in_use.estimate(rate);
                [in_use.objects, in_use.bytes]
            })
        })?;
        body.convert(builder(["objects", "space"], rate), text_len)
    }
}

/// Creates a builder. `kinds` are objects and bytes in turn.
fn builder<const N: usize>(kinds: [&str; N], rate: i64) -> ProfileBuilder<N> {
    let unit = |kind: &str| if kind.ends_with("space") { "bytes" } else { "count" };
    let mut builder = ProfileBuilder::new(kinds.map(|kind| ValueType::new(kind, unit(kind))));
    builder.period(ValueType::new("space", "bytes"), rate);
    builder
}

fn sample<const N: usize>(line: &str, values: impl Fn(Amounts) -> [i64; N]) -> Result<Sample<'_, N>, ProfileErrorKind> {
    let is_expected = expected("a sample of a heap profile, such as 1: 48 [2: 96] @ 0x4b8f5f");
    let Some((amounts, addresses)) = Amounts::parse(line) else { return Err(is_expected) };
    let Amounts { in_use, allocated } = amounts;
    if !in_use.is_valid() || !allocated.is_valid() {
        return Err(expected("0 bytes for 0 objects"));
    }
    let block_size = in_use.block_size().or(allocated.block_size()).unwrap_or(0);
    Ok(Sample { values: values(amounts), block_size, addresses })
}
