//! Profiles that count stacks: goroutines, goroutine leaks, created threads, and profiles that a
//! program defines. `goroutine profile: total 12`.

use super::super::error::ProfileError;
use super::super::limits::ProfileLimits;
use super::super::model::ValueType;
use super::super::write::ProfileBuilder;
use super::lines::{Line, Lines};
use super::{Body, Converted, Sample, expected};

pub(super) fn convert(header: Line<'_>, lines: Lines<'_>, limits: &ProfileLimits) -> Result<Converted, ProfileError> {
    let name = header.text.split_once(" profile: total ").map(|(name, _)| name);
    let name = name.ok_or_else(|| header.error(expected("a header, such as goroutine profile: total 12")))?;
    let text_len = lines.text_len();
    let body = Body::read(lines, limits, false, |line| {
        let is_expected = expected("a number of stacks, such as 5 @ 0x436c8e 0x4062ed");
        let Some((count, addresses)) = line.split_once('@') else { return Err(is_expected) };
        match count.trim().parse() {
            Ok(count) => Ok(Sample { values: [count], block_size: 0, addresses }),
            Err(_) => Err(is_expected),
        }
    })?;
    let count = ValueType::new(name, "count");
    let mut builder = ProfileBuilder::new([count]);
    builder.period(count, 1);
    body.convert(builder, text_len)
}
