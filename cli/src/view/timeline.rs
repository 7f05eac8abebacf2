//! Timelines: loading, the window of time that is asked for, and what is printed of stacks.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use gotrace::timeline::{RuntimeWaker, StackTrace, Waker};
use gotrace::{Error, GoId, Time, Timeline, WallTime};
use serde::{Serialize, Serializer};

use crate::failure::Failure;

/// Loads a file, or standard input for `-`, with a progress bar if it takes its time.
pub fn load(path: &Path) -> Result<Timeline, Failure> {
    Timeline::from_reader(crate::input::open_trace(path)?).map_err(|error: Error| Failure::trace(path, &error))
}

/// The part of the trace that is asked for.
#[derive(Args)]
pub struct Window {
    /// Leave out what ends before: nanoseconds of the trace's clock, or RFC 3339 as in 2026-11-23T18:18:16.5Z
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    from: Option<String>,
    /// Leave out what begins from then on, given like --from
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    to: Option<String>,
}

impl Window {
    /// In the times of a trace, and within it.
    pub fn range(&self, timeline: &Timeline) -> Result<Range<Time>, Failure> {
        let instant = |text: &Option<String>| text.as_deref().map(|text| instant(text, timeline)).transpose();
        let from = instant(&self.from)?.unwrap_or(timeline.start()).max(timeline.start());
        let to = instant(&self.to)?.unwrap_or(timeline.end()).min(timeline.end());
        match from <= to {
            true => Ok(from..to),
            false => Err(Failure::Usage(format!(
                "nothing is left between --from and --to: the trace goes from {} to {}{}",
                timeline.start(),
                timeline.end(),
                wall_range(timeline),
            ))),
        }
    }
}

fn wall_range(timeline: &Timeline) -> String {
    match (timeline.wall_at(timeline.start()), timeline.wall_at(timeline.end())) {
        (Some(start), Some(end)) => format!(", {start} to {end}"),
        _ => String::new(),
    }
}

fn instant(text: &str, timeline: &Timeline) -> Result<Time, Failure> {
    if let Ok(nanos) = text.parse() {
        return Ok(Time(nanos));
    }
    let wall = WallTime::from_rfc3339(text).ok_or_else(|| {
        Failure::Usage(format!("{text:?} is neither nanoseconds of the trace's clock nor a time in RFC 3339"))
    })?;
    timeline.time_at(wall).ok_or_else(|| {
        let hint = "give nanoseconds of its own clock";
        Failure::Usage(format!("the trace does not tell the wall time ({}); {hint}", timeline.version()))
    })
}

/// A frame as JSON.
#[derive(Serialize)]
pub struct Frame<'a> {
    func: String,
    file: std::borrow::Cow<'a, str>,
    line: u64,
}

/// A stack as JSON: its frames, innermost first; none if there is no stack.
pub fn frames(stack: Option<StackTrace<'_>>) -> Vec<Frame<'_>> {
    let frames = stack.into_iter().flat_map(|stack| stack.frames());
    frames
        .map(|frame| Frame { func: frame.func.to_string(), file: frame.file.to_str_lossy(), line: frame.line })
        .collect()
}

/// Who woke a goroutine, as JSON: a goroutine's number or a part of the runtime.
#[derive(Serialize)]
#[serde(untagged)]
pub enum WokenBy {
    Goroutine(u64),
    Runtime(&'static str),
}

impl WokenBy {
    pub fn new(waker: &Waker<'_>) -> Option<Self> {
        let go = waker.go().map(|GoId(id)| WokenBy::Goroutine(id));
        go.or_else(|| waker.runtime().map(RuntimeWaker::name).map(WokenBy::Runtime))
    }
}

/// Who woke a goroutine, in words.
pub fn waker_text(waker: &Waker<'_>) -> String {
    match (waker.go(), waker.runtime()) {
        (Some(go), _) => format!("goroutine {go}"),
        (None, Some(runtime)) => format!("the {runtime}"),
        (None, None) => String::new(),
    }
}

/// A JSON array that is made element by element as it is written.
pub struct Each<F>(pub F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The innermost frames that tell where the program was: those of the runtime on top are left out, unless there are no others.
pub fn stack_text(stack: StackTrace<'_>, most: usize) -> String {
    let is_internal = |func: &str| func.starts_with("runtime.") || func.starts_with("internal/runtime");
    let frames = || stack.frames().map(|frame| (frame.func.to_string(), frame.file, frame.line));
    let mut shown: Vec<_> = frames().skip_while(|(func, ..)| is_internal(func)).take(most).collect();
    if shown.is_empty() {
        shown = frames().take(most).collect();
    }
    let place = |(func, file, line): &(String, gotrace::Text<'_>, u64)| {
        let file = file.to_string();
        format!("{func} {}:{line}", file.rsplit('/').next().unwrap_or_default())
    };
    shown.iter().map(place).collect::<Vec<_>>().join(" < ")
}

/// Reads a duration such as `10ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err("give a number and a unit: ns, us, ms or s".to_owned()),
    };
    match number.parse::<f64>() {
        Ok(number) if number * scale < 1e18 => Ok(Duration::from_nanos((number * scale).round() as u64)),
        _ => Err("it is no duration".to_owned()),
    }
}
