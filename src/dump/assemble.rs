//! Puts the lines of a log together to dumps.

use std::collections::HashMap;
use std::mem;

use foldhash::fast::RandomState;
use memchr::memmem;

use super::line::{DumpLine, Place};
use super::prefix::{Prefix, unpack_json};
use super::{Dump, DumpGoroutine, DumpLines, ElidedFrames, header};
use crate::id::GoId;
use crate::wire::lines::RawLine;

/// The texts with which the runtime starts to report a crash (`src/runtime/panic.go`).
const CRASHES: [&[u8]; 2] = [b"panic: ", b"fatal error: "];

/// The maximum length of the text of a crash that is kept, in bytes.
const MAX_CRASH: usize = 1 << 10;

/// The maximum number of other lines between the report of a crash and its first goroutine: the value of a panic can
/// have several lines, and a stack of the runtime may follow.
const MAX_LINES_AFTER_CRASH: u64 = 100;

/// At `GOTRACEBACK=crash`, each thread prints its goroutine after such a line.
const NEXT_THREAD: &[u8] = b"-----";

/// The maximum number of other lines between two threads of a crash: the signal and the registers.
const MAX_LINES_BETWEEN_THREADS: u64 = 40;

/// The state between two lines.
#[derive(Debug, Default)]
pub struct Assembler {
    prefix: Prefix,
    dump: Dump,
    /// The index of each goroutine of the dump.
    known: HashMap<GoId, usize, RandomState>,
    open: Option<Open>,
    /// The crash that was reported since the last line of a goroutine, and the number of other lines up to it.
    crash: Option<(String, u64)>,
    /// The number of other lines since the last line of a goroutine.
    other_lines: u64,
    /// Whether the threads of a crash print their goroutines, some of them for the second time.
    has_threads: bool,
    lines: DumpLines,
    /// The text of a line of a JSON log.
    unpacked: Vec<u8>,
}

impl Assembler {
    /// Adds a line. Returns the dump that ends before it.
    pub fn line(&mut self, line: &RawLine<'_>) -> Option<Dump> {
        let Some(bytes) = line.bytes else {
            self.lines.too_long += 1;
            return None;
        };
        let mut unpacked = mem::take(&mut self.unpacked);
        let text = unpack_json(bytes, &mut unpacked).unwrap_or(bytes);
        let dump = self.text(text, line.number);
        self.unpacked = unpacked;
        dump
    }

    /// Ends the last dump.
    pub fn finish(&mut self) -> Option<Dump> {
        let is_cut = self.open.as_ref().is_some_and(Open::is_in_frame);
        self.close();
        self.dump.is_cut = is_cut;
        self.take_dump()
    }

    pub fn lines(&self) -> DumpLines {
        self.lines
    }

    /// Adds a line of text. Returns the dump that ends before it.
    fn text(&mut self, text: &[u8], number: u64) -> Option<Dump> {
        if let Some(at) = header::find(text)
            && let Some(goroutine) = header::parse(&text[at..], number)
        {
            self.prefix.set(&text[..at]);
            return self.header(goroutine);
        }
        self.check_prefix(text);
        let content = if text.trim_ascii().is_empty() { Some(&b""[..]) } else { self.prefix.strip(text) };
        match (content, &mut self.open) {
            (Some(content), _) if content.trim_ascii().is_empty() => {
                self.lines.blank += 1;
                self.close();
            }
            (Some(content), Some(open)) => match open.line(content) {
                Use::Part(lines) => self.part(lines),
                Use::Pending { dropped } => self.other(dropped),
                Use::Other => self.other_text(content),
            },
            (content, _) => self.other_text(content.unwrap_or(text)),
        }
        None
    }

    /// Drops the prefix if the line after a header is one of a stack and has no prefix. Programs often log
    /// `boom: goroutine 7 [running]:`, and the stack in lines of its own.
    fn check_prefix(&mut self, text: &[u8]) {
        let is_first = self.open.as_ref().is_some_and(|open| open.goroutine.stack.is_empty() && open.pending.is_none());
        if is_first && !self.prefix.starts(text) && !matches!(DumpLine::of(text), DumpLine::Other) {
            self.prefix.set(b"");
        }
    }

    /// Starts a goroutine. Returns the dump that ends before it.
    fn header(&mut self, goroutine: DumpGoroutine) -> Option<Dump> {
        self.close();
        let ended = if self.starts_dump(&goroutine) { self.take_dump() } else { None };
        if self.dump.goroutines.is_empty() {
            self.dump.line = goroutine.line;
            self.dump.crash = self.crash.take().map(|(text, _)| text);
        }
        self.part(1);
        self.open = Some(Open { goroutine, pending: None, is_in_ancestor: false });
        ended
    }

    fn starts_dump(&self, goroutine: &DumpGoroutine) -> bool {
        // When several goroutines crash, the stack of each is printed after the first dump.
        let is_repeated = |known: &DumpGoroutine| !known.is_stack_unavailable || self.other_lines > 0;
        let known = self.known.get(&goroutine.id).and_then(|&index| self.dump.goroutines.get(index));
        let is_known = known.is_some_and(is_repeated);
        let is_crash =
            self.crash.as_ref().is_some_and(|(_, before)| self.other_lines - before <= MAX_LINES_AFTER_CRASH);
        let is_after_text = self.other_lines > 0 && goroutine.state == "running";
        !self.has_threads && (is_known || is_crash || is_after_text)
    }

    /// Ends the goroutine, if there is one.
    fn close(&mut self) {
        let Some(Open { goroutine, pending, .. }) = self.open.take() else { return };
        self.other(u64::from(pending.is_some()));
        // Goroutine 0 is the stack on which a thread runs the scheduler.
        if goroutine.id == GoId(0) {
            return;
        }
        match self.known.get(&goroutine.id).and_then(|&index| self.dump.goroutines.get_mut(index)) {
            // A thread prints its own goroutine, whose stack other threads could not print.
            Some(known) => {
                if known.is_stack_unavailable {
                    *known = goroutine;
                }
            }
            None => {
                self.known.insert(goroutine.id, self.dump.goroutines.len());
                self.dump.goroutines.push(goroutine);
            }
        }
    }

    /// Removes the current dump. Returns `None` if it has no goroutines.
    fn take_dump(&mut self) -> Option<Dump> {
        self.known.clear();
        let dump = mem::take(&mut self.dump);
        (!dump.goroutines.is_empty()).then_some(dump)
    }

    /// Counts lines of a goroutine.
    fn part(&mut self, lines: u64) {
        self.lines.goroutines += lines;
        self.other_lines = 0;
        self.crash = None;
    }

    /// Counts other lines.
    fn other(&mut self, lines: u64) {
        self.lines.other += lines;
        self.other_lines += lines;
        self.has_threads &= self.other_lines <= MAX_LINES_BETWEEN_THREADS;
    }

    /// Counts a line of other text, and notes whether it reports a crash.
    fn other_text(&mut self, text: &[u8]) {
        self.other(1);
        if text == NEXT_THREAD {
            self.has_threads = !self.dump.goroutines.is_empty() || self.open.is_some();
            self.other_lines = 0;
            self.crash = None;
        } else if let Some(text) = crash(text, self.has_threads) {
            let is_old = |(_, before): &(String, u64)| self.other_lines - before > MAX_LINES_AFTER_CRASH;
            // The first line of several is the cause.
            if self.crash.as_ref().is_none_or(is_old) {
                let text = String::from_utf8_lossy(&text[..text.len().min(MAX_CRASH)]).into_owned();
                self.crash = Some((text, self.other_lines));
            }
        }
    }
}

/// Returns the report of a crash in a line. The prefix of the line may not be known yet. With several threads, each
/// reports the signal that made it print its stack.
fn crash(line: &[u8], has_threads: bool) -> Option<&[u8]> {
    let starts = CRASHES.into_iter().filter_map(|start| memmem::find(line, start));
    let signal = memmem::find(line, b"SIG").filter(|&at| !has_threads && is_signal(&line[at..]));
    let at = starts.chain(signal).min()?;
    let starts_word = at.checked_sub(1).is_none_or(|before| !line[before].is_ascii_alphanumeric());
    starts_word.then_some(&line[at..])
}

/// Returns whether a text starts like `SIGQUIT: quit` (`fatalsignal` in `src/runtime/signal_unix.go`).
fn is_signal(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"SIG") else { return false };
    let letters = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    letters > 0 && rest[letters..].starts_with(b": ")
}

/// A goroutine whose lines are being read.
#[derive(Debug)]
struct Open {
    goroutine: DumpGoroutine,
    /// A line that is part of a frame if its place follows.
    pending: Option<Pending>,
    /// Whether frames belong to an ancestor.
    is_in_ancestor: bool,
}

/// The first line of a frame.
#[derive(Debug)]
enum Pending {
    Call(Vec<u8>),
    Creator(Vec<u8>, Option<GoId>),
    /// Possibly the name of a C function, which has no arguments.
    CFunction(Vec<u8>),
}

/// How a line was used.
enum Use {
    /// This many lines are part of the goroutine: this line, and the pending one.
    Part(u64),
    /// The line may be part of a frame. It replaces this many lines, which are not.
    Pending { dropped: u64 },
    /// The line is not part of the goroutine.
    Other,
}

impl Open {
    /// Adds a line, given without its prefix.
    fn line(&mut self, content: &[u8]) -> Use {
        match DumpLine::of(content) {
            DumpLine::Call(name) => self.set_pending(Pending::Call(name.to_vec())),
            DumpLine::CreatedBy(name, by) => self.set_pending(Pending::Creator(name.to_vec(), by)),
            DumpLine::Place(place) => self.place(place),
            DumpLine::Elided(count) => {
                let elided = ElidedFrames { index: self.goroutine.stack.len(), count };
                if !self.is_in_ancestor {
                    self.goroutine.elided = Some(elided);
                }
                Use::Part(1)
            }
            DumpLine::Ancestor(id) => {
                self.is_in_ancestor = true;
                self.goroutine.ancestors.push(id);
                Use::Part(1)
            }
            DumpLine::StackUnavailable => {
                self.goroutine.is_stack_unavailable = true;
                Use::Part(1)
            }
            DumpLine::NonGo(place) => {
                self.push(place, b"non-Go function");
                Use::Part(1)
            }
            DumpLine::Other => {
                let is_c = self.pending.is_none() && (!content.contains(&b' ') || content == b"non-Go function");
                if is_c { self.set_pending(Pending::CFunction(content.to_vec())) } else { Use::Other }
            }
        }
    }

    fn set_pending(&mut self, pending: Pending) -> Use {
        let dropped = u64::from(self.pending.replace(pending).is_some());
        Use::Pending { dropped }
    }

    /// Completes the pending frame.
    fn place(&mut self, place: Place<'_>) -> Use {
        match self.pending.take() {
            Some(Pending::Call(name)) => self.push(place, &name),
            Some(Pending::CFunction(name)) if place.is_of_c() => self.push(place, &name),
            Some(Pending::Creator(name, by)) => {
                if !self.is_in_ancestor {
                    self.goroutine.created_by = Some(place.creator(&name, by));
                }
            }
            other => {
                self.pending = other;
                return Use::Other;
            }
        }
        Use::Part(2)
    }

    fn push(&mut self, place: Place<'_>, name: &[u8]) {
        if !self.is_in_ancestor {
            self.goroutine.stack.push(place.frame(name));
        }
    }

    /// Whether the last line is the first line of a frame, or a part of it.
    fn is_in_frame(&self) -> bool {
        match &self.pending {
            Some(Pending::Call(_) | Pending::Creator(..)) => true,
            Some(Pending::CFunction(text)) => text.contains(&b'('),
            None => false,
        }
    }
}
