//! Quantities for people: three significant digits and a unit that fits.

use std::time::Duration;

/// A duration, such as `12.3 ms`.
pub fn duration(duration: Duration) -> String {
    const UNITS: [(&str, f64); 3] = [("s", 1e9), ("ms", 1e6), ("µs", 1e3)];
    let nanos = duration.as_nanos() as f64;
    // 999.6 µs are 1.00 ms: what rounds up to the next unit is shown in it.
    let unit = UNITS.into_iter().find(|&(_, size)| nanos >= size * 0.9995);
    match unit {
        // What rounds up to a minute is shown in minutes and hours.
        Some(("s", _)) if nanos >= 59.95e9 => long(duration),
        Some((unit, size)) => format!("{} {unit}", significant(nanos / size)),
        None => format!("{nanos} ns"),
    }
}

fn long(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes} min {seconds} s"),
        1..48 => format!("{hours} h {minutes} min"),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// A size in memory, such as `13.2 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] =
        [("EiB", 1 << 60), ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|&(_, size)| bytes as f64 >= size as f64 * 0.9995) {
        Some((unit, size)) => format!("{} {unit}", significant(bytes as f64 / size as f64)),
        None => format!("{bytes} B"),
    }
}

/// A value of a profile, which has its own unit. The names of units are those that `go tool pprof` knows
/// (`internal/measurement` in github.com/google/pprof): without regard to case, and with or without an `s`.
pub fn quantity(value: u64, unit: &str) -> String {
    const MICRO: u64 = 1_000;
    const MILLI: u64 = 1_000 * MICRO;
    const SECOND: u64 = 1_000 * MILLI;
    let size = |shift: u32| bytes(u64::try_from(u128::from(value) << shift).unwrap_or(u64::MAX));
    let time = |nanos: u64| {
        let seconds = u128::from(value) * u128::from(nanos) / u128::from(SECOND);
        let rest = u128::from(value) * u128::from(nanos) % u128::from(SECOND);
        duration(Duration::new(u64::try_from(seconds).unwrap_or(u64::MAX), rest as u32))
    };
    let unit = unit.to_lowercase();
    let singular = if unit.len() > 2 { unit.strip_suffix('s').unwrap_or(&unit) } else { &unit };
    match singular {
        "b" | "byte" => size(0),
        "kb" | "kbyte" | "kilobyte" => size(10),
        "mb" | "mbyte" | "megabyte" => size(20),
        "gb" | "gbyte" | "gigabyte" => size(30),
        "tb" | "tbyte" | "terabyte" => size(40),
        "pb" | "pbyte" | "petabyte" => size(50),
        "ns" | "nanosecond" => time(1),
        "us" | "μ" | "microsecond" => time(MICRO),
        "ms" | "millisecond" => time(MILLI),
        "s" | "sec" | "second" => time(SECOND),
        "hour" | "hr" => time(3600 * SECOND),
        _ => match singular.strip_suffix("gcu").and_then(|prefix| gcus(value, prefix)) {
            Some(gcus) => gcus,
            None => count(value),
        },
    }
}

/// A value in Google compute units, such as `1.50 k*GCU`. `None` if the prefix is not known.
fn gcus(value: u64, prefix: &str) -> Option<String> {
    const PREFIXES: [(&str, &str, f64); 9] = [
        ("peta", "P*", 1e15),
        ("tera", "T*", 1e12),
        ("giga", "G*", 1e9),
        ("mega", "M*", 1e6),
        ("kilo", "k*", 1e3),
        ("", "", 1.0),
        ("milli", "m*", 1e-3),
        ("micro", "u*", 1e-6),
        ("nano", "n*", 1e-9),
    ];
    let value = value as f64 * PREFIXES.into_iter().find(|&(name, ..)| name == prefix)?.2;
    let (_, symbol, factor) = PREFIXES.into_iter().find(|&(.., factor)| value >= factor).unwrap_or(("", "", 1.0));
    Some(format!("{} {symbol}GCU", significant(value / factor)))
}

/// Whether a word is the unit of the number before it, such as `ms` or `%);`.
pub fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 15] =
        ["ns", "µs", "ms", "s", "min", "h", "d", "%", "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    UNITS.contains(&word.trim_end_matches([',', ';', '.', ':', ')']))
}

/// A whole number with separators, such as `1,234`.
pub fn count(count: u64) -> String {
    indicatif::HumanCount(count).to_string()
}

/// A count with the thing counted, such as `1 cycle` or `1,234 cycles`.
pub fn plural(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", count(number))
}

/// A share of a whole in percent, such as `12 %`, `0.4 %`, `−3.1 %` or `<0.1 %`; `–` of nothing.
pub fn percent(part: f64, whole: f64) -> String {
    let share = part / whole * 100.0;
    let sign = if share < 0.0 { "−" } else { "" };
    match share.abs() {
        share if !share.is_finite() => "–".to_owned(),
        0.0 => "0 %".to_owned(),
        share if share < 0.1 => (if sign.is_empty() { "<0.1 %" } else { ">−0.1 %" }).to_owned(),
        share if share < 9.95 => format!("{sign}{share:.1} %"),
        share => format!("{sign}{share:.0} %"),
    }
}

/// A positive number with three significant digits.
pub fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (12_345, "12.3 µs"),
            (999_400, "999 µs"),
            (999_600, "1.00 ms"),
            (9_996_000, "10.0 ms"),
            (4_330_000, "4.33 ms"),
            (59_900_000_000, "59.9 s"),
            (59_960_000_000, "1 min 0 s"),
            (75_000_000_000, "1 min 15 s"),
            (533_000_000_000, "8 min 53 s"),
            (754_000_000_000, "12 min 34 s"),
            (7_384_000_000_000, "2 h 3 min"),
            (200_000_000_000_000, "2 d 7 h"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (size, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (13_841_203, "13.2 MiB"), (u64::MAX, "16.0 EiB")]
        {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn quantities_have_the_units_that_pprof_knows() {
        for (value, unit, text) in [
            (8_980_000, "microseconds", "8.98 s"),
            (1500, "ms", "1.50 s"),
            (2, "hours", "2 h 0 min"),
            (90, "Seconds", "1 min 30 s"),
            (7, "μs", "7.00 µs"),
            (u64::MAX, "hr", "213503982334601 d 7 h"),
            (3, "kb", "3.00 KiB"),
            (1536, "megabytes", "1.50 GiB"),
            (u64::MAX, "petabyte", "16.0 EiB"),
            (1500, "milliGCU", "1.50 GCU"),
            (0, "GCUs", "0.00 GCU"),
            (1234, "count", "1,234"),
            (1234, "", "1,234"),
            (1234, "yottagcu", "1,234"),
        ] {
            assert_eq!(quantity(value, unit), text, "{unit}");
        }
    }

    #[test]
    fn shares_are_short() {
        for (part, text) in [(0.0, "0 %"), (0.01, "<0.1 %"), (0.44, "0.4 %"), (12.4, "12 %"), (100.0, "100 %")] {
            assert_eq!(percent(part, 100.0), text);
        }
        assert_eq!((percent(1.0, 0.0), percent(-3.08, 100.0)), ("–".into(), "−3.1 %".into()));
        assert_eq!((plural(1, "wait"), plural(1234, "wait")), ("1 wait".into(), "1,234 waits".into()));
    }
}
