//! Options that select a part of a trace. They have the same names and meaning in every command.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use clap::Args;
use gotrace::timeline::Query;
use gotrace::{GoId, Text, Time, Timeline, WallTime};
use regex_lite::Regex;

use crate::failure::Failure;
use crate::view::clock::Clock;
use crate::view::{names, units};

/// A moment as given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the start of the trace: `1.5s`, `+20ms`.
    Offset(Duration),
    /// On the trace's clock, in nanoseconds.
    Clock(Time),
    /// RFC 3339.
    Wall(WallTime),
}

/// Parses a moment.
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(nanos) = text.parse::<i64>()
        && !text.starts_with('+')
    {
        return Ok(Moment::Clock(Time(nanos)));
    }
    if let Some(wall) = WallTime::from_rfc3339(text) {
        return Ok(Moment::Wall(wall));
    }
    parse_duration(text.strip_prefix('+').unwrap_or(text)).map(Moment::Offset).map_err(|error| {
        let negative = if error == NEGATIVE { "an offset cannot be negative: " } else { "" };
        let forms = "RFC 3339 (2026-11-23T18:18:16.5Z), or nanoseconds of the trace's clock";
        format!("{negative}give an offset from the start of the trace (1.5s, +20ms), {forms}")
    })
}

const NEGATIVE: &str = "a duration cannot be negative";

/// Parses a duration such as `10ms`, `1.5s` or `2m30s`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let hint = || "give a number and a unit (ns, us, ms, s, m, h), as in 10ms or 1.5s".to_owned();
    let duration: jiff::SignedDuration = text.parse().map_err(|_| hint())?;
    Duration::try_from(duration).map_err(|_| NEGATIVE.to_owned())
}

/// The requested part of the trace: what overlaps it is shown, and only time within it counts.
#[derive(Args, Clone, Debug, Default)]
pub struct Window {
    /// Only from this moment on: 1.5s or +20ms after the start, RFC 3339, or nanoseconds of the trace's clock
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_moment, help_heading = "Selection")]
    from: Option<Moment>,
    /// Only up to this moment, in any form that --from takes
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_moment, help_heading = "Selection")]
    to: Option<Moment>,
}

impl Window {
    /// Whether neither `--from` nor `--to` is given.
    pub fn is_whole(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// The window as a range of times, when only the start of the trace is known.
    ///
    /// # Errors
    ///
    /// If a wall time is given and the trace has none, or `--from` is later than `--to`.
    pub fn on(&self, clock: &Clock) -> Result<Range<Time>, Failure> {
        let find = |moment: Option<Moment>| moment.map(|moment| time(moment, clock)).transpose();
        let from = find(self.from)?.unwrap_or(Time(i64::MIN));
        let to = find(self.to)?.unwrap_or(Time(i64::MAX));
        match from <= to {
            true => Ok(from..to),
            false => {
                Err(Failure::Usage(format!("--from ({}) is later than --to ({})", clock.show(from), clock.show(to))))
            }
        }
    }

    /// The window as a range of times within a timeline.
    ///
    /// # Errors
    ///
    /// Those of [`on`](Self::on), and if the window does not overlap the trace.
    pub fn range(&self, timeline: &Timeline, clock: &Clock) -> Result<Range<Time>, Failure> {
        self.within(timeline.end(), clock)
    }

    /// The window as a range of times within a trace that ends at `end`.
    ///
    /// # Errors
    ///
    /// As [`range`](Self::range).
    pub fn within(&self, end: Time, clock: &Clock) -> Result<Range<Time>, Failure> {
        let asked = self.on(clock)?;
        let range = asked.start.max(clock.start())..asked.end.min(end);
        match range.start <= range.end {
            true => Ok(range),
            false => {
                let (start, end) = (clock.show(clock.start()), clock.show(end));
                let text = format!("no part of the trace is between --from and --to: it lasts from {start} to {end}");
                Err(Failure::Usage(text))
            }
        }
    }
}

fn time(moment: Moment, clock: &Clock) -> Result<Time, Failure> {
    match moment {
        Moment::Clock(time) => Ok(time),
        Moment::Offset(offset) => {
            let nanos = i64::try_from(offset.as_nanos()).unwrap_or(i64::MAX);
            Ok(Time(clock.start().0.saturating_add(nanos)))
        }
        Moment::Wall(wall) => clock.snapshot().and_then(|snapshot| snapshot.time_at(wall)).ok_or_else(|| {
            let hint = "give an offset from its start, such as 1.5s";
            Failure::Usage(format!("this trace has no wall time (only Go 1.25 and later write it): {hint}"))
        }),
    }
}

/// The goroutines and functions to select.
///
/// A row matches if a function in its stack matches, or the function that its goroutine started in.
/// A row without a stack, such as a group of goroutines, matches by its function.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Only these goroutines, such as 17 or 17,18; may be repeated
    #[arg(long = "goroutine", value_name = "ID", value_delimiter = ',', help_heading = "Selection")]
    pub goroutines: Vec<u64>,
    /// Only if the function that the goroutine started in, or one in the stack, matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    pub func: Option<Regex>,
    /// Like --func, for functions of this package and of the packages below it
    #[arg(long, value_name = "PATH", help_heading = "Selection")]
    pub package: Option<String>,
    /// Only goroutines with this label, as gotrace goroutines --by label shows it
    #[arg(long, value_name = "LABEL", value_parser = parse_label, help_heading = "Selection")]
    pub label: Option<String>,
}

fn parse_label(text: &str) -> Result<String, String> {
    match text {
        "" => Err("give the text of a label, as gotrace goroutines --by label shows it".to_owned()),
        text => Ok(text.to_owned()),
    }
}

impl Selection {
    /// Whether no option is given, so that everything matches.
    pub fn is_empty(&self) -> bool {
        self.goroutines.is_empty() && !self.has_function() && self.label.is_none()
    }

    /// Whether `--func` or `--package` is given.
    pub fn has_function(&self) -> bool {
        self.func.is_some() || self.package.is_some()
    }

    /// Whether a goroutine matches `--goroutine`.
    pub fn has_goroutine(&self, id: GoId) -> bool {
        self.goroutines.is_empty() || self.goroutines.contains(&id.0)
    }

    /// Whether a function, given by its full name, matches `--func` and `--package`.
    pub fn matches_function(&self, name: &str) -> bool {
        self.func.as_ref().is_none_or(|regex| regex.is_match(name))
            && self.package.as_deref().is_none_or(|package| is_in_package(name, package))
    }

    /// Whether a goroutine matches by its ID, the function in which it started, and one of its
    /// labels.
    pub fn matches<'t>(&self, id: GoId, function: Text<'_>, labels: impl IntoIterator<Item = Text<'t>>) -> bool {
        let has_label = || labels.into_iter().any(|label| self.matches_label(&label.to_str_lossy()));
        self.has_goroutine(id)
            && (!self.has_function() || self.matches_function(&function.to_str_lossy()))
            && (self.label.is_none() || has_label())
    }

    /// Whether a label matches `--label`.
    pub fn matches_label(&self, label: &str) -> bool {
        self.label.as_deref().is_none_or(|wanted| wanted == label)
    }

    /// Restricts a query to what matches.
    pub fn apply<'t>(&self, mut query: Query<'t>) -> Query<'t> {
        if self.has_function() {
            query = query.with_function(|func| self.matches_function(func));
        }
        if !self.goroutines.is_empty() {
            query = query.of_goroutines(|goroutine| self.has_goroutine(goroutine.id()));
        }
        if self.label.is_some() {
            let labels = query.timeline().labels().filter(|label| self.matches_label(&label.text().to_str_lossy()));
            let labelled: HashSet<GoId> = labels.filter_map(|label| label.go()).collect();
            query = query.of_goroutines(|goroutine| labelled.contains(&goroutine.id()));
        }
        query
    }
}

/// The selecting options that were given, as text for an error message.
///
/// If nothing matches them, the command fails with status 2. Without such options, an empty answer
/// is a success.
#[derive(Clone, Debug, Default)]
pub struct Chosen(Vec<String>);

impl Chosen {
    /// Adds an option if it is given.
    pub fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| format!("{name} {}", names::quoted(&value.to_string()))));
        self
    }

    /// Adds the options of a selection.
    pub fn selection(self, selection: &Selection) -> Self {
        let Selection { goroutines, func, package, label } = selection;
        self.goroutines(goroutines)
            .option("--func", func.as_ref())
            .option("--package", package.as_ref())
            .option("--label", label.as_ref())
    }

    /// Adds `--goroutine` for each ID.
    pub fn goroutines(self, ids: &[u64]) -> Self {
        ids.iter().fold(self, |chosen, id| chosen.option("--goroutine", Some(id)))
    }

    /// Adds `--from` and `--to` if they are given.
    ///
    /// # Errors
    ///
    /// Those of [`Window::on`].
    pub fn window(self, window: &Window, clock: &Clock) -> Result<Self, Failure> {
        let range = window.on(clock)?;
        let show = |time: Time| clock.show(time).replace(' ', "");
        let from = window.from.map(|_| show(range.start));
        Ok(self.option("--from", from).option("--to", window.to.map(|_| show(range.end))))
    }

    /// Whether no selecting option was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The failure that no `thing` matches. `instead` says what the input has, or what to try.
    pub fn nothing(&self, thing: &str, instead: &str) -> Failure {
        Failure::Usage(format!("no {thing} matches {self}; {instead}"))
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// The failure that the trace has no goroutine with this ID.
pub fn no_goroutine(id: u64, timeline: &Timeline) -> Failure {
    let count = units::plural(timeline.goroutines().len() as u64, "goroutine");
    let hint = "gotrace goroutines lists them by group";
    Failure::Usage(format!("there is no goroutine {id}; the trace has {count}, and {hint}"))
}

/// Says which labels there are, for an error message about one that no goroutine has. `None` if
/// `--label` is not given, or if one of the labels matches.
pub fn other_labels(selection: &Selection, labels: &BTreeSet<String>) -> Option<String> {
    /// At most this many labels are listed.
    const SHOWN: usize = 5;
    if selection.label.is_none() || labels.iter().any(|label| selection.matches_label(label)) {
        return None;
    }
    let shown: Vec<String> = labels.iter().take(SHOWN).map(|label| names::quoted(label)).collect();
    let more = if labels.len() > SHOWN { ", …" } else { "" };
    Some(match labels.is_empty() {
        true => "the trace has no labels".to_owned(),
        false => format!("no goroutine has this label; the labels are {}{more}", shown.join(", ")),
    })
}

/// All labels of a timeline.
pub fn labels(timeline: &Timeline) -> BTreeSet<String> {
    timeline.labels().map(|label| label.text().to_string()).collect()
}

/// Whether a function belongs to a package or to one below it: `net` contains `net.(*conn).Read`
/// and `net/http.Get`, but not `netip.X`.
fn is_in_package(func: &str, package: &str) -> bool {
    let rest = func.strip_prefix(package);
    rest.is_some_and(|rest| package.ends_with('/') || rest.starts_with(['.', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form() {
        let ms = Duration::from_millis;
        for (text, moment) in [
            ("1.5s", Moment::Offset(ms(1500))),
            ("+20ms", Moment::Offset(ms(20))),
            ("+1m30s", Moment::Offset(ms(90_000))),
            ("100us", Moment::Offset(Duration::from_micros(100))),
            ("100µs", Moment::Offset(Duration::from_micros(100))),
            ("1948918427904", Moment::Clock(Time(1_948_918_427_904))),
            ("-5", Moment::Clock(Time(-5))),
            ("2026-11-23T18:18:16.5Z", Moment::Wall(WallTime::from_rfc3339("2026-11-23T18:18:16.5Z").expect("a time"))),
        ] {
            assert_eq!(parse_moment(text), Ok(moment), "{text}");
        }
        for text in ["", "soon", "1.5", "-20ms", "+5", "2026-11-23"] {
            assert!(parse_moment(text).is_err_and(|error| error.contains("1.5s, +20ms")), "{text}");
        }
        assert!(parse_moment("-20ms").is_err_and(|error| error.starts_with("an offset cannot be negative: ")));
    }

    #[test]
    fn packages_hold_those_below_them() {
        for (func, is_in) in [("net.Dial", true), ("net/http.Get", true), ("netip.X", false), ("a/net.Dial", false)] {
            assert_eq!(is_in_package(func, "net"), is_in, "{func}");
        }
    }
}
