//! The report of a [`Profiler`](super::Profiler), and its output formats.

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

/// How often and how long goroutines waited, by stack. This is the output of
/// [`Profiler`](super::Profiler).
#[derive(Debug)]
pub struct StackProfile {
    kind: ProfileKind,
    duration: i64,
    times: StackTimes,
    left_out: LeftOut,
    stacks: Stacks,
    names: Names,
}

/// The waits or CPU samples at one stack.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StackSample<'a> {
    profile: &'a StackProfile,
    stack: StackKey,
    /// The reason why the goroutines did not run, in an off-CPU profile. Empty in other profiles.
    pub reason: Text<'a>,
    /// The number of waits or CPU samples.
    pub count: u64,
    /// The total time.
    pub total: Duration,
}

impl<'a> StackSample<'a> {
    /// Returns the stack, innermost frame first, with at most 128 frames. Empty if the trace has no
    /// stack.
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

/// The waits that the options exclude from a profile. If nothing was counted, this shows which
/// options would match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The excluded waits by the function in which the goroutine started, in descending order of
    /// time.
    pub starts: Vec<LeftOutStart>,
    /// The types of regions in the trace. Empty unless [`region`](super::ProfileOptions::region) or
    /// [`task`](super::ProfileOptions::task) is set.
    pub regions: Vec<String>,
}

/// The excluded waits of goroutines that started in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOutStart {
    /// The function. Empty if the trace has no stack of the goroutines.
    pub function: String,
    /// The number of waits.
    pub count: u64,
    /// The total time.
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

    /// Returns the kind of the profile.
    pub fn kind(&self) -> ProfileKind {
        self.kind
    }

    /// Returns the length of the trace.
    pub fn duration(&self) -> Duration {
        duration(self.duration)
    }

    /// Returns whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.times.samples.is_empty()
    }

    /// Returns what the options excluded.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Returns the samples of all stacks, in descending order of time.
    pub fn samples(&self) -> Vec<StackSample<'_>> {
        self.sorted().into_iter().map(|(sample, _)| sample).collect()
    }

    /// Returns the samples with their times in nanoseconds, in descending order of time.
    fn sorted(&self) -> Vec<(StackSample<'_>, i64)> {
        let samples = self.times.samples.iter().map(|(&(stack, reason), &(count, nanos))| {
            let reason = Text(self.names.bytes(reason));
            (StackSample { profile: self, stack, reason, count, total: duration(nanos) }, nanos)
        });
        let mut samples: Vec<_> = samples.collect();
        samples.sort_by_key(|(sample, nanos)| (std::cmp::Reverse(*nanos), sample.stack));
        samples
    }

    /// Converts the profile to the format of `go tool pprof`. The sample types are the same as in
    /// `go tool trace -pprof`. For a CPU profile, they are the same as in `runtime/pprof`.
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

    /// Writes folded stacks for flame graph programs. A line has the functions from the outermost
    /// to the innermost, separated by `;`, then a space and the time in nanoseconds. In an off-CPU
    /// profile, the innermost frame is the reason in brackets.
    ///
    /// # Errors
    ///
    /// Returns the errors of writing to `out`.
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
