//! What a [`Profiler`](super::Profiler) finds, and the formats in which it is written.

use std::io::{self, Write};
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::options::ProfileKind;
#[cfg(feature = "pprof")]
use super::options::SAMPLE_NANOS;
use super::stack_times::StackTimes;
use crate::analysis::names::{Name, Names};
use crate::analysis::stacks::{StackKey, Stacks};
use crate::event::{Frame, Text};
#[cfg(feature = "pprof")]
use crate::pprof::{ProfileBuilder, SampleLabel, ValueType};

/// How often and how long goroutines waited, by stack: the output of [`Profiler`](super::Profiler).
#[derive(Debug)]
pub struct StackProfile {
    kind: ProfileKind,
    duration: i64,
    times: StackTimes,
    left_out: LeftOut,
    stacks: Stacks,
    names: Names,
}

/// What happened at one stack.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StackSample<'a> {
    profile: &'a StackProfile,
    stack: StackKey,
    /// Why the goroutines did not run, in an off-CPU profile; else empty.
    pub reason: Text<'a>,
    /// How often.
    pub count: u64,
    /// How long, all together.
    pub total: Duration,
}

impl<'a> StackSample<'a> {
    /// The stack, innermost frame first, at most 128 frames. It is empty where the trace has none.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = Frame<'a>> + use<'a> {
        let names = &self.profile.names;
        self.profile.stacks.frames(self.stack).map(move |frame| Frame {
            pc: frame.pc,
            func: Text(names.bytes(frame.func)),
            file: Text(names.bytes(frame.file)),
            line: frame.line,
        })
    }
}

/// What a profile of this kind would count without its options. If nothing was counted, this shows which options would match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// By the function in which goroutines started, those with the most time first.
    pub starts: Vec<LeftOutStart>,
    /// The types of regions in the trace, if [`region`](super::ProfileOptions::region) or
    /// [`task`](super::ProfileOptions::task) is set.
    pub regions: Vec<String>,
}

/// What was left out of the goroutines that started in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOutStart {
    /// The function; empty if no stack of the goroutines is in the trace.
    pub function: String,
    /// How often.
    pub count: u64,
    /// How long, all together.
    pub total: Duration,
}

impl LeftOut {
    pub(super) fn new(
        starts: &IndexMap<Name, (u64, i64), RandomState>,
        regions: &IndexSet<Name, RandomState>,
        names: &Names,
    ) -> Self {
        let starts = starts.iter().map(|(&name, &(count, nanos))| LeftOutStart {
            function: names.text(name),
            count,
            total: duration(nanos),
        });
        let mut starts: Vec<_> = starts.collect();
        starts.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.function.cmp(&b.function)));
        let mut regions: Vec<_> = regions.iter().map(|&name| names.text(name)).collect();
        regions.sort();
        LeftOut { starts, regions }
    }
}

fn duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

impl StackProfile {
    pub(super) fn new(
        kind: ProfileKind,
        duration: i64,
        times: StackTimes,
        left_out: LeftOut,
        stacks: Stacks,
        names: Names,
    ) -> Self {
        StackProfile { kind, duration, times, left_out, stacks, names }
    }

    /// What was counted.
    pub fn kind(&self) -> ProfileKind {
        self.kind
    }

    /// How long the trace is.
    pub fn duration(&self) -> Duration {
        duration(self.duration)
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.times.samples.is_empty()
    }

    /// What the options left out.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What happened at each stack, those with the most time first.
    pub fn samples(&self) -> Vec<StackSample<'_>> {
        self.sorted().into_iter().map(|(sample, _)| sample).collect()
    }

    /// The samples with their times in nanoseconds.
    fn sorted(&self) -> Vec<(StackSample<'_>, i64)> {
        let samples = self.times.samples.iter().map(|(&(stack, reason), &(count, nanos))| {
            let reason = Text(self.names.bytes(reason));
            (StackSample { profile: self, stack, reason, count, total: duration(nanos) }, nanos)
        });
        let mut samples: Vec<_> = samples.collect();
        samples.sort_by_key(|(sample, nanos)| (std::cmp::Reverse(*nanos), sample.stack));
        samples
    }

    /// The profile for `go tool pprof`, with the sample types of `go tool trace -pprof`, of a CPU profile those of
    /// `runtime/pprof`.
    #[cfg(feature = "pprof")]
    pub fn to_pprof(&self) -> ProfileBuilder<2> {
        let [count, time] = match self.kind {
            ProfileKind::Cpu => [ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")],
            _ => [ValueType::new("contentions", "count"), ValueType::new("delay", "nanoseconds")],
        };
        let mut profile = ProfileBuilder::new([count, time]);
        match self.kind {
            ProfileKind::Cpu => profile.period(time, SAMPLE_NANOS),
            _ => profile.period(ValueType::new("trace", "count"), 1),
        };
        profile.duration(self.duration());
        for (sample, nanos) in self.sorted() {
            let values = [i64::try_from(sample.count).unwrap_or(i64::MAX), nanos];
            let label = (!sample.reason.is_empty()).then(|| SampleLabel::text("reason", sample.reason));
            profile.labelled_sample(sample.frames().map(Into::into), values, label);
        }
        profile
    }

    /// Writes folded stacks for flame graph programs: the functions from the outermost in, separated by `;`, a space, and
    /// nanoseconds. In an off-CPU profile the reason is the innermost frame, in brackets.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_folded(&self, out: &mut impl Write) -> io::Result<()> {
        let mut lines: IndexMap<String, i64, RandomState> = IndexMap::default();
        for (sample, sample_nanos) in self.sorted() {
            let clean = |text: Text<'_>| text.to_str_lossy().replace(|c: char| c == ';' || c.is_control(), ":");
            let mut frames: Vec<String> = sample.frames().rev().map(|frame| clean(frame.func)).collect();
            if frames.is_empty() {
                frames.push("(no stack)".to_owned());
            }
            if !sample.reason.is_empty() {
                frames.push(format!("[{}]", clean(sample.reason)));
            }
            let nanos = lines.entry(frames.join(";")).or_default();
            *nanos = nanos.saturating_add(sample_nanos);
        }
        lines.sort_keys();
        lines.iter().try_for_each(|(stack, nanos)| writeln!(out, "{stack} {nanos}"))
    }
}
