//! Block and mutex profiles: `--- contention:` or `--- mutex:`.

use std::time::Duration;

use super::super::error::{ProfileError, ProfileErrorKind};
use super::super::limits::ProfileLimits;
use super::super::model::ValueType;
use super::super::write::ProfileBuilder;
use super::lines::Lines;
use super::{Body, Converted, Sample, expected};

/// The lines `NAME=NUMBER` before the samples.
struct Head {
    /// 0 if unknown. Then delays are in nanoseconds.
    cycles_per_second: i64,
    /// The number of events for each one that is sampled.
    period: i64,
    duration: Option<Duration>,
}

pub(super) fn convert(mut lines: Lines<'_>, limits: &ProfileLimits) -> Result<Converted, ProfileError> {
    let text_len = lines.text_len();
    let head = Head::read(&mut lines)?;
    let body = Body::read(lines, limits, false, |line| {
        let is_expected = || expected("cycles and a number of events, such as 49667456 11 @ 0x468b85");
        let (numbers, addresses) = line.split_once('@').ok_or_else(is_expected)?;
        let (cycles, events) = numbers.trim().split_once(char::is_whitespace).ok_or_else(is_expected)?;
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| is_expected());
        Ok(Sample { values: head.values(number(cycles)?, number(events)?), block_size: 0, addresses })
    })?;
    let contentions = ValueType::new("contentions", "count");
    let mut builder = ProfileBuilder::new([contentions, ValueType::new("delay", "nanoseconds")]);
    builder.period(contentions, head.period);
    if let Some(duration) = head.duration {
        builder.duration(duration);
    }
    body.convert(builder, text_len)
}

impl Head {
    fn read(lines: &mut Lines<'_>) -> Result<Self, ProfileError> {
        let mut head = Head { cycles_per_second: 0, period: 1, duration: None };
        let mut next = lines.clone();
        while let Some(line) = next.next() {
            if let Some((name, value)) = line.text.split_once('=').filter(|_| !line.text.starts_with('#')) {
                head.set(name.trim(), value.trim()).map_err(|kind| line.error(kind))?;
            } else if !line.text.is_empty() && !line.text.starts_with('#') {
                break;
            }
            *lines = next.clone();
        }
        Ok(head)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ProfileErrorKind> {
        let number = || value.parse::<i64>().map_err(|_| expected("a number after ="));
        match name {
            "cycles/second" => self.cycles_per_second = number()?,
            "sampling period" => self.period = number()?,
            "ms since reset" => self.duration = u64::try_from(number()?).ok().map(Duration::from_millis),
            "discarded samples" => {}
            _ => return Err(expected("cycles/second= or sampling period=")),
        }
        Ok(())
    }

    /// Returns the number of events and their delay in nanoseconds, estimated from the sampled
    /// events. See `parseContentionSample` in `profile/legacy_profile.go`.
    fn values(&self, cycles: i64, events: i64) -> [i64; 2] {
        if self.period <= 0 {
            return [events, cycles];
        }
        let delay = match self.cycles_per_second {
            ..=0 => cycles,
            per_second => (cycles as f64 * self.period as f64 / (per_second as f64 / 1e9)) as i64,
        };
        [events.saturating_mul(self.period), delay]
    }
}
