//! Warnings: findings about a trace that do not stop reading.

use std::fmt;

use crate::error::Location;
use crate::event::{Frame, OwnedFrame};
use crate::id::GoId;

/// A finding about a trace that does not stop reading: the traced program misused regions or tasks,
/// or the end of the trace cannot be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Warning {
    /// The kind of the finding.
    pub kind: WarningKind,
    /// The goroutine that caused the warning.
    #[cfg_attr(feature = "serde", serde(rename = "goroutine"))]
    pub go: Option<GoId>,
    /// The position of the event, or of the end of the trace.
    pub at: Location,
    /// The stack of the event, innermost frame first. For a region, this is the event that ends it.
    /// For a task, it is the event that starts it again. Empty if the event has no stack.
    ///
    /// At most 128 frames, and fewer if the stacks of all warnings would exceed about 4 MiB.
    pub stack: Vec<OwnedFrame>,
}

impl Warning {
    /// Returns the innermost frame outside of package `runtime/trace`: the place in the program that caused the
    /// warning. If all frames are inside of that package, this is the innermost frame. `None` if there is no stack.
    pub fn place(&self) -> Option<&OwnedFrame> {
        let mut frames = self.stack.iter();
        frames.find(|frame| !frame.func.starts_with("runtime/trace.")).or(self.stack.first())
    }
}

impl fmt::Display for Warning {
    /// Writes one line, which ends with the function of [`place`](Warning::place).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)?;
        if let Some(go) = self.go {
            write!(f, ", goroutine {go}")?;
        }
        self.place().map_or(Ok(()), |frame| write!(f, ", in {}", frame.func.escape_debug()))
    }
}

/// The kind of a [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum WarningKind {
    /// A region ends that is not the goroutine's innermost region. Go's reader rejects such traces.
    RegionMismatch,
    /// A task starts with the ID of a task that has not ended. Go's reader rejects such traces.
    TaskRestarted,
    /// The trace may be incomplete. Traces of Go 1.25 and older have no end marker, so a complete
    /// trace looks like one that was truncated at the same place.
    UnprovenEnd,
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WarningKind::RegionMismatch => "a region ends that is not the innermost region",
            WarningKind::TaskRestarted => "a task starts that has already started",
            WarningKind::UnprovenEnd => "the trace seems complete, but nothing marks its end before Go 1.26",
        })
    }
}

/// The number of warnings that are kept. Further warnings are only counted.
const MAX_WARNINGS: usize = 1000;

/// The number of frames that are kept of a stack. The runtime does not write more frames (`traceStackSize` in Go
/// `src/runtime/tracestack.go`).
const MAX_FRAMES: usize = 128;

/// The memory that the frames of all warnings may take, in bytes. A malicious file can repeat a stack of long names for
/// each of a thousand warnings. Names are counted as they are in the file: replacing invalid UTF-8 can make them up to
/// three times as long.
const MAX_STACK_BYTES: usize = 4 << 20;

/// Collects the warnings of a decoder.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<Warning>,
    count: u64,
    /// The memory that the frames in `kept` take, in bytes.
    stack_bytes: usize,
}

impl Warnings {
    /// Returns the warnings that are kept, and the number of all warnings.
    pub fn get(&self) -> (&[Warning], u64) {
        (&self.kept, self.count)
    }

    /// Adds a warning that the end of the trace cannot be verified.
    pub fn add_end(&mut self, at: Location) {
        self.add(WarningKind::UnprovenEnd, None, at, std::iter::empty());
    }

    /// Adds a warning about an event.
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

    /// Reserves memory for a frame. Returns false if [`MAX_STACK_BYTES`] would be exceeded.
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
                "a task starts that has already started at byte 0, goroutine 7, in main.a\\nb",
                "a task starts that has already started at byte 0, goroutine 1, in runtime/trace.NewTask",
                "the trace seems complete, but nothing marks its end before Go 1.26 at byte 0",
            ]
        );
    }
}
