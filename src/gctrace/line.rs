//! A line of the log, and its kind.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Cycle;
use super::parse;

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// Its number. The first line is 1.
    pub number: u64,
    /// The byte offset of its start, in the unpacked log.
    pub offset: u64,
    /// Its bytes without the line end. Empty for a line that is [too long](LineKind::TooLong).
    pub bytes: &'a [u8],
    /// Its kind.
    pub kind: LineKind,
}

/// The kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "most lines are cycles")]
#[non_exhaustive]
pub enum LineKind {
    /// A collection.
    Cycle(Cycle),
    /// A part of a collection's line, or such a line with other output in it.
    Damaged,
    /// Another line of the runtime's memory management.
    Runtime(RuntimeLine),
    /// Other output.
    Other,
    /// A line of more than [`MAX_LINE`](super::MAX_LINE) bytes. It is skipped.
    TooLong,
}

/// Lines of the runtime other than lines of collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeLine {
    /// Memory is returned to the system: `scvg…` or `forced scvg…`, part of gctrace until Go 1.13, and `scav …` of
    /// `scavtrace=1` since then.
    Scavenger,
    /// `pacer: …` of `gcpacertrace=1`.
    Pacer,
    /// `GC forced`: the next collection begins because there was none for two minutes.
    ForcedGc,
    /// `scan: …` of `gctrace=2` (Go 1.25 and later).
    ScanStats,
    /// `gc7(2): …`: a collection of Go 1.4 or older, which is not read.
    CycleBeforeGo15,
}

/// The texts with which lines of the runtime start (`src/runtime/mheap.go` of Go 1.10 to 1.13, and `mgcscavenge.go`,
/// `mgcpacer.go`, `mgcsweep.go`, `proc.go`, `mgcmark_greenteagc.go`).
const RUNTIME_LINES: [(&[u8], RuntimeLine); 6] = [
    (b"scvg", RuntimeLine::Scavenger),
    (b"forced scvg", RuntimeLine::Scavenger),
    (b"scav ", RuntimeLine::Scavenger),
    (b"pacer: ", RuntimeLine::Pacer),
    (b"GC forced", RuntimeLine::ForcedGc),
    (b"scan: ", RuntimeLine::ScanStats),
];

/// The text that every line of a collection contains after its head: ` ms clock` and ` ms cpu`, and the goal.
const PIECES: [&[u8]; 2] = [b" ms c", b" MB goal, "];

struct Finders {
    head: Finder<'static>,
    pieces: [Finder<'static>; 2],
}

static FINDERS: LazyLock<Finders> =
    LazyLock::new(|| Finders { head: Finder::new("gc "), pieces: PIECES.map(Finder::new) });

impl LineKind {
    /// Classifies a line, given without its line end.
    pub fn of(line: &[u8]) -> Self {
        match find_head(line) {
            Some(head) => parse::cycle(&line[head..]).map_or(LineKind::Damaged, LineKind::Cycle),
            None => without_head(line),
        }
    }
}

/// Returns where a collection's line starts: at the first `gc ` that is a separate word and is followed by a number and
/// ` @`.
fn find_head(line: &[u8]) -> Option<usize> {
    if parse::is_head(line) {
        return Some(0);
    }
    FINDERS.head.find_iter(line).find(|&at| {
        let starts_word = at.checked_sub(1).is_none_or(|before| !line[before].is_ascii_alphanumeric());
        starts_word && parse::is_head(&line[at..])
    })
}

fn without_head(line: &[u8]) -> LineKind {
    if let Some((_, kind)) = RUNTIME_LINES.iter().find(|(prefix, _)| line.starts_with(prefix)) {
        return LineKind::Runtime(*kind);
    }
    if parse::is_before_go15(line) {
        return LineKind::Runtime(RuntimeLine::CycleBeforeGo15);
    }
    match FINDERS.pieces.iter().any(|piece| piece.find(line).is_some()) {
        true => LineKind::Damaged,
        false => LineKind::Other,
    }
}
