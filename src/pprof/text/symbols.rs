//! Functions, files and lines of locations, from the comments after each sample.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::super::model::ProfileFrame;

/// A frame in a comment, such as `0x4b766f main.main+0x16f ./profiles.go:38`.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    /// The address of the call: the return address minus one, unless the function starts there.
    address: u64,
    /// Whether the address is the start of the function.
    is_start: bool,
    /// Empty if only the address is known.
    func: &'a str,
    file: &'a str,
    line: i64,
}

impl<'a> Frame<'a> {
    /// Parses a comment. `None` if it is not a frame. Columns are separated by tabs, or by spaces if
    /// the text was copied from a browser.
    pub fn parse(comment: &'a str) -> Option<Self> {
        let (address, rest) = match comment.split_once(char::is_whitespace) {
            Some((address, rest)) => (hexadecimal(address)?, rest.trim_start()),
            None => {
                let address = hexadecimal(comment)?;
                return Some(Frame { address, is_start: false, func: "", file: "", line: 0 });
            }
        };
        // The name of a generic function may contain spaces, but none after the offset in it.
        let ends = rest.match_indices("+0x").map(|(end, _)| end);
        let (func, offset, place) = ends.into_iter().find_map(|end| {
            let (offset, place) = rest[end + 1..].split_once(char::is_whitespace)?;
            Some((&rest[..end], hexadecimal(offset)?, place.trim_start()))
        })?;
        let (file, line) = place.rsplit_once(':')?;
        Some(Frame { address, is_start: offset == 0, func, file, line: line.parse().ok()? })
    }

    /// Returns whether this is a frame of the location with this address.
    pub fn is_at(&self, location: u64) -> bool {
        self.address == location || (self.is_start && self.address == location.wrapping_add(1))
    }
}

/// Parses a number such as `0x4b8f5f`.
pub(super) fn hexadecimal(word: &str) -> Option<u64> {
    let digits = word.strip_prefix("0x").filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u64::from_str_radix(digits, 16).ok()
}

/// The frames of each location.
#[derive(Default)]
pub(super) struct Symbols<'a> {
    frames: Vec<Frame<'a>>,
    /// For the address of a location, its part of `frames`, innermost first.
    of_location: HashMap<u64, Range<usize>, RandomState>,
    /// Locations in the runtime, of which some have no frames.
    in_runtime: HashSet<u64, RandomState>,
}

/// What is known of a location without a comment.
const UNKNOWN: Frame<'static> = Frame { address: 0, is_start: false, func: "", file: "", line: 0 };

/// A function of the runtime at the start of a stack. The comments do not have these.
const IN_RUNTIME: Frame<'static> = Frame { func: "runtime.(unnamed)", ..UNKNOWN };

/// The function at which every goroutine starts. The comments do not have it.
const GOEXIT: Frame<'static> = Frame { func: "runtime.goexit", ..UNKNOWN };

impl<'a> Symbols<'a> {
    /// Adds the frames in the comments of a sample. `stack` is its locations. Returns the number of locations at the
    /// start of the stack that are in the runtime and not in the comments. `None` if a location has more than `most`
    /// lines.
    ///
    /// The writer leaves out `runtime.goexit`, and functions of the runtime at the start of a stack unless the whole
    /// stack is in the runtime (`printStackRecord` in Go `src/runtime/pprof/pprof.go`).
    pub fn add(&mut self, stack: &[u64], frames: &[Frame<'a>], most: usize) -> Option<usize> {
        let mut counts = None;
        for group in frames.chunk_by(|a, b| a.address == b.address) {
            let first = group[0];
            if self.of_location.contains_key(&first.address) {
                continue;
            }
            let lines = match group.len() {
                1 => 1,
                // Either a recursive function, or calls that were inlined at this address.
                len => counts
                    .get_or_insert_with(|| Counts::new(stack, frames))
                    .frames_per_location(first.address)
                    .clamp(1, len),
            };
            if lines > most {
                return None;
            }
            let start = self.frames.len();
            self.frames.extend_from_slice(&group[..lines]);
            let range = start..self.frames.len();
            if first.is_start {
                self.of_location.entry(first.address.wrapping_sub(1)).or_insert_with(|| range.clone());
            }
            self.of_location.insert(first.address, range);
        }
        let (Some(first), Some(last), Some(&root)) = (frames.first(), frames.last(), stack.last()) else {
            return Some(0);
        };
        if !last.func.is_empty() && !last.is_at(root) && !self.of_location.contains_key(&root) {
            self.of_location.insert(root, self.frames.len()..self.frames.len() + 1);
            self.frames.push(GOEXIT);
        }
        let unnamed = stack.iter().position(|&location| first.is_at(location)).unwrap_or(0);
        self.in_runtime.extend(&stack[..unnamed]);
        Some(unnamed)
    }

    fn at(&self, location: u64) -> &[Frame<'a>] {
        match self.of_location.get(&location) {
            Some(range) => &self.frames[range.clone()],
            None if self.in_runtime.contains(&location) => &[IN_RUNTIME],
            None => &[UNKNOWN],
        }
    }

    /// Returns the number of frames of a location, at least 1.
    pub fn depth(&self, location: u64) -> usize {
        self.at(location).len()
    }

    /// Returns the frames of a location, innermost first.
    pub fn frames(&self, location: u64) -> impl Iterator<Item = ProfileFrame<'_>> {
        let frames = self.at(location);
        frames.iter().zip(1..).map(move |(frame, number)| ProfileFrame {
            address: location,
            inlined: number < frames.len(),
            ..ProfileFrame::new(frame.func, frame.file, frame.line)
        })
    }
}

/// How often addresses are in a stack and in its comments.
struct Counts {
    /// For each address, the number of locations and of frames.
    of_address: HashMap<u64, (usize, usize), RandomState>,
}

impl Counts {
    fn new(stack: &[u64], frames: &[Frame<'_>]) -> Self {
        let mut of_address: HashMap<u64, (usize, usize), RandomState> = HashMap::default();
        for &location in stack {
            of_address.entry(location).or_default().0 += 1;
        }
        for frame in frames {
            of_address.entry(frame.address).or_default().1 += 1;
        }
        Counts { of_address }
    }

    /// Returns how many frames each location with this address has. 0 if it has none.
    fn frames_per_location(&self, address: u64) -> usize {
        let (locations, frames) = self.of_address.get(&address).copied().unwrap_or_default();
        frames / locations.max(1)
    }
}
