//! Stacks, whose frames are decoded on demand.

use std::fmt;
use std::io;

use super::tables::{RawFrame, StackEntry, Symbols};
use super::text::{Text, write_hex, write_int};
use crate::id::StackId;

/// A stack trace. It borrows from the reader, and decodes its frames during iteration.
#[derive(Clone, Copy)]
pub struct Stack<'a> {
    id: u64,
    symbols: Symbols<'a>,
}

/// One frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The program counter. For the innermost frame, this is the current instruction. For other frames, it is the call.
    pub pc: u64,
    /// The name of the function, qualified with its package, such as `net/http.(*conn).serve`.
    pub func: Text<'a>,
    /// The path of the source file.
    pub file: Text<'a>,
    /// The line in the source file.
    pub line: u64,
}

/// A frame that owns its strings, so it can outlive the trace. Invalid UTF-8 is replaced by U+FFFD.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnedFrame {
    /// The program counter.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub pc: u64,
    /// The name of the function, qualified with its package.
    #[cfg_attr(feature = "serde", serde(rename = "function"))]
    pub func: String,
    /// The path of the source file.
    pub file: String,
    /// The line in the source file.
    pub line: u64,
}

/// Returns whether a function, named with its package, is part of the Go runtime, which allocates and blocks for other
/// code.
pub(crate) fn is_runtime(function: &[u8]) -> bool {
    // A function in assembly without a package.
    const WRITE_BARRIER: &[u8] = b"gcWriteBarrier";
    function.starts_with(b"runtime.") || function.starts_with(b"internal/runtime/") || function == WRITE_BARRIER
}

impl Frame<'_> {
    /// Returns whether the function is part of the Go runtime: in the package `runtime`, or in a package below
    /// `internal/runtime`.
    pub fn is_runtime(&self) -> bool {
        is_runtime(self.func.as_bytes())
    }
}

impl OwnedFrame {
    /// Like [`Frame::is_runtime`].
    pub fn is_runtime(&self) -> bool {
        is_runtime(self.func.as_bytes())
    }
}

impl From<Frame<'_>> for OwnedFrame {
    fn from(frame: Frame<'_>) -> Self {
        let Frame { pc, func, file, line } = frame;
        OwnedFrame { pc, func: func.to_str_lossy().into_owned(), file: file.to_str_lossy().into_owned(), line }
    }
}

impl<'a> Stack<'a> {
    pub(crate) fn new(id: u64, symbols: Symbols<'a>) -> Self {
        Stack { id, symbols }
    }

    /// Returns the ID of the stack. Within a generation, equal stacks have equal IDs.
    pub fn id(&self) -> StackId {
        StackId(self.id)
    }

    /// Returns the frames, innermost first.
    pub fn frames(&self) -> Frames<'a> {
        let entry = self.symbols.tables.stacks.get(self.id).unwrap_or(StackEntry { pos: 0, frames: 0 });
        Frames { pos: entry.pos, left: entry.frames, symbols: self.symbols }
    }

    /// Writes the frames like `go tool trace -d=parsed`.
    pub(crate) fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        self.frames().try_for_each(|frame| {
            out.write_all(b"\t")?;
            out.write_all(frame.func.as_bytes())?;
            out.write_all(b" @ 0x")?;
            write_hex(frame.pc, out)?;
            out.write_all(b"\n\t\t")?;
            out.write_all(frame.file.as_bytes())?;
            out.write_all(b":")?;
            write_int(frame.line, out)?;
            out.write_all(b"\n")
        })
    }
}

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({}) ", self.id)?;
        f.debug_list().entries(self.frames()).finish()
    }
}

/// The frames of a [`Stack`], innermost first.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    pos: usize,
    left: u32,
    symbols: Symbols<'a>,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        self.left = self.left.checked_sub(1)?;
        let Symbols { window, tables, .. } = self.symbols;
        // Building the table has checked that all frames are complete.
        let frame = tables.canonical(RawFrame::read(window, &mut self.pos).ok()?);
        Some(Frame {
            pc: frame.pc,
            func: tables.string(frame.func, window),
            file: tables.string(frame.file, window),
            line: frame.line,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Frames<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_runtime_are_recognised() {
        for function in ["runtime.gopark", "internal/runtime/maps.(*table).grow", "gcWriteBarrier"] {
            assert!(is_runtime(function.as_bytes()), "{function}");
        }
        for function in ["runtimes.f", "runtime/debug.FreeOSMemory", "internal/runtimes.f", "main.main", ""] {
            assert!(!is_runtime(function.as_bytes()), "{function}");
        }
    }
}
