//! What is doubtful in a trace and does not stop the reading.

use std::fmt;

use crate::error::Location;
use crate::event::{Frame, OwnedFrame};
use crate::id::GoId;

/// What is doubtful in a trace: a mistake of the traced program in its annotations, or an end that proves nothing. It does
/// not stop the reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// The goroutine that made the mistake.
    #[cfg_attr(feature = "serde", serde(rename = "goroutine"))]
    pub go: Option<GoId>,
    /// Where the event is, or the end.
    pub at: Location,
    /// Where in the program, innermost frame first: the stack of the event that does not fit, which of a region is its end,
    /// and of a task the second begin. Empty if the event has none.
    ///
    /// 128 frames at the most, and fewer where the stacks of all warnings would take more than some 4 MiB.
    pub stack: Vec<OwnedFrame>,
}

impl Warning {
    /// The innermost frame that is the program's and not of package `runtime/trace`, where the mistake was only noticed.
    pub fn place(&self) -> Option<&OwnedFrame> {
        let mut frames = self.stack.iter();
        frames.find(|frame| !frame.func.starts_with("runtime/trace.")).or(self.stack.first())
    }
}

impl fmt::Display for Warning {
    /// One line, with the function of [`place`](Warning::place).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)?;
        if let Some(go) = self.go {
            write!(f, ", goroutine {go}")?;
        }
        self.place().map_or(Ok(()), |frame| write!(f, ", in {}", frame.func.escape_debug()))
    }
}

/// What is warned of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum WarningKind {
    /// A region ends that is not the goroutine's innermost one. Go's reader refuses such traces.
    RegionMismatch,
    /// A task begins under the ID of one that has not ended. Go's reader refuses such traces.
    TaskRestarted,
    /// The trace ends where it may: before Go 1.26 no end is marked, so it can't be told from a cut at the same place.
    UnprovenEnd,
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WarningKind::RegionMismatch => "a region ends that is not the innermost one",
            WarningKind::TaskRestarted => "a task begins that has begun already",
            WarningKind::UnprovenEnd => "the trace seems whole, but before Go 1.26 nothing marks its end",
        })
    }
}

/// How many warnings are kept; the rest are counted.
const MAX_WARNINGS: usize = 1000;

/// How many frames of a stack are kept: the runtime keeps no more (Go `src/runtime/tracestack.go`, `traceStackSize`).
const MAX_FRAMES: usize = 128;

/// What the frames of all warnings take at the most, as the file has their texts: repairing what is not UTF-8 makes them up to
/// three times as long. A hostile file repeats a stack of long names for each of a thousand mistakes.
const MAX_STACK_BYTES: usize = 4 << 20;

/// The warnings of a decoder.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<Warning>,
    count: u64,
    /// What the frames of those that are kept take.
    stack_bytes: usize,
}

impl Warnings {
    /// Those that are kept, and how many there were.
    pub fn get(&self) -> (&[Warning], u64) {
        (&self.kept, self.count)
    }

    /// Warns of the trace's end.
    pub fn add_end(&mut self, at: Location) {
        self.add(WarningKind::UnprovenEnd, None, at, std::iter::empty());
    }

    /// Warns of an event.
    #[cold]
    pub fn add<'a>(
        &mut self,
        kind: WarningKind,
        go: Option<GoId>,
        at: Location,
        stack: impl Iterator<Item = Frame<'a>>,
    ) {
        self.count += 1;
        if self.kept.len() < MAX_WARNINGS {
            let frames = stack.take(MAX_FRAMES).take_while(|frame| self.make_room(frame));
            let stack = frames.map(OwnedFrame::from).collect();
            self.kept.push(Warning { kind, go, at, stack });
        }
    }

    /// Whether there is room for a frame, which is taken then.
    fn make_room(&mut self, frame: &Frame<'_>) -> bool {
        let bytes = size_of::<OwnedFrame>() + frame.func.as_bytes().len() + frame.file.as_bytes().len();
        let has_room = bytes <= MAX_STACK_BYTES - self.stack_bytes;
        self.stack_bytes += if has_room { bytes } else { 0 };
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(func: &str, number: usize) -> impl Iterator<Item = Frame<'_>> {
        (0..number as u64).map(|line| Frame { pc: 1, func: func.into(), file: "a.go".into(), line })
    }

    fn add(warnings: &mut Warnings, func: &str, number: usize) {
        warnings.add(WarningKind::TaskRestarted, Some(GoId(1)), Location::default(), frames(func, number));
    }

    #[test]
    fn the_stacks_of_all_warnings_are_bounded() {
        let long = "f".repeat(1 << 20);
        let mut warnings = Warnings::default();
        add(&mut warnings, "main.main", 129);
        (0..2 * MAX_WARNINGS).for_each(|_| add(&mut warnings, &long, 2));
        let (kept, count) = warnings.get();
        assert_eq!((kept.len(), count), (MAX_WARNINGS, 2 * MAX_WARNINGS as u64 + 1));
        let lengths: Vec<usize> = kept.iter().map(|warning| warning.stack.len()).take(4).collect();
        assert_eq!(lengths, [128, 2, 1, 0]);
        let texts = kept.iter().flat_map(|warning| &warning.stack).map(|frame| frame.func.len() + frame.file.len());
        assert!(texts.sum::<usize>() <= MAX_STACK_BYTES);
    }

    #[test]
    fn the_text_is_one_line_and_names_the_program() {
        let mut warnings = Warnings::default();
        let frames = frames("runtime/trace.NewTask", 1).chain(frames("main.a\nb", 1)).chain(frames("main.main", 1));
        warnings.add(WarningKind::TaskRestarted, Some(GoId(7)), Location::default(), frames);
        add(&mut warnings, "runtime/trace.NewTask", 1);
        warnings.add_end(Location::default());
        let texts: Vec<String> = warnings.get().0.iter().map(Warning::to_string).collect();
        assert_eq!(
            texts,
            [
                "a task begins that has begun already at byte 0, goroutine 7, in main.a\\nb",
                "a task begins that has begun already at byte 0, goroutine 1, in runtime/trace.NewTask",
                "the trace seems whole, but before Go 1.26 nothing marks its end at byte 0",
            ]
        );
    }
}
