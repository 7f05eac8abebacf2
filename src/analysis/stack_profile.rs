//! Counts and times by stack, and how they are written.

use std::io::{self, Write};

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::names::{Name, Names};
use super::profile::ProfileKind;
#[cfg(feature = "pprof")]
use super::profile::SAMPLE_NANOS;
use super::stacks::{StackKey, Stacks};
use crate::event::{Frame, Text};
#[cfg(feature = "pprof")]
use crate::pprof::{Label, ProfileBuilder, ValueType};

/// How often, and how long, by stack and reason. A time too long for an `i64` stays at the greatest, which no trace
/// but a forged one has.
#[derive(Debug, Default)]
pub(super) struct Tally {
    samples: IndexMap<(StackKey, Name), (u64, i64), RandomState>,
}

impl Tally {
    pub fn into_samples(self) -> impl Iterator<Item = ((StackKey, Name), (u64, i64))> {
        self.samples.into_iter()
    }

    pub fn add(&mut self, key: (StackKey, Name), count: u64, nanos: i64) {
        let entry = self.samples.entry(key).or_default();
        entry.0 += count;
        entry.1 = entry.1.saturating_add(nanos);
    }
}

/// How often and how long, by stack.
#[derive(Debug)]
pub struct Profile {
    kind: ProfileKind,
    duration: i64,
    tally: Tally,
    stacks: Stacks,
    names: Names,
}

/// What happened at one stack.
#[derive(Clone, Copy, Debug)]
pub struct ProfileSample<'a> {
    profile: &'a Profile,
    stack: StackKey,
    /// Why the goroutines did not run, in an off-CPU profile; else empty.
    pub reason: Text<'a>,
    /// How often.
    pub count: u64,
    /// How long in all, in nanoseconds.
    pub nanos: i64,
}

impl<'a> ProfileSample<'a> {
    /// The stack, innermost frame first, at most 128 frames. It is empty where the trace gives none.
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

impl Profile {
    pub(super) fn new(kind: ProfileKind, duration: i64, tally: Tally, stacks: Stacks, names: Names) -> Self {
        Profile { kind, duration, tally, stacks, names }
    }

    /// What was counted.
    pub fn kind(&self) -> ProfileKind {
        self.kind
    }

    /// How long the trace is, in nanoseconds.
    pub fn duration(&self) -> i64 {
        self.duration
    }

    /// What happened at each stack, those with the most time first.
    pub fn samples(&self) -> Vec<ProfileSample<'_>> {
        let mut samples: Vec<_> = self
            .tally
            .samples
            .iter()
            .map(|(&(stack, reason), &(count, nanos))| ProfileSample {
                profile: self,
                stack,
                reason: Text(self.names.bytes(reason)),
                count,
                nanos,
            })
            .collect();
        samples.sort_by_key(|sample| (std::cmp::Reverse(sample.nanos), sample.stack));
        samples
    }

    /// The same for `go tool pprof`, with the sample types of `go tool trace -pprof`, of a CPU profile those of
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
        profile.duration_nanos(self.duration);
        for sample in self.samples() {
            let values = [i64::try_from(sample.count).unwrap_or(i64::MAX), sample.nanos];
            let label = (!sample.reason.is_empty()).then(|| Label::text("reason", sample.reason));
            profile.labelled_sample(sample.frames().map(Into::into), values, label);
        }
        profile
    }

    /// Writes folded stacks, as flame graph programs take them: the functions from the outermost in, separated by `;`, a blank, and
    /// nanoseconds. In an off-CPU profile the reason stands innermost, in brackets.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_folded(&self, out: &mut impl Write) -> io::Result<()> {
        let mut lines: IndexMap<String, i64, RandomState> = IndexMap::default();
        for sample in self.samples() {
            let clean = |text: Text<'_>| text.to_str_lossy().replace(|c: char| c == ';' || c.is_control(), ":");
            let mut frames: Vec<String> = sample.frames().rev().map(|frame| clean(frame.func)).collect();
            if frames.is_empty() {
                frames.push("(no stack)".to_owned());
            }
            if !sample.reason.is_empty() {
                frames.push(format!("[{}]", clean(sample.reason)));
            }
            let nanos = lines.entry(frames.join(";")).or_default();
            *nanos = nanos.saturating_add(sample.nanos);
        }
        lines.sort_keys();
        lines.iter().try_for_each(|(stack, nanos)| writeln!(out, "{stack} {nanos}"))
    }
}
