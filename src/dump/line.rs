//! The lines of a goroutine's stack.

use memchr::{memchr, memmem, memrchr};

use super::Creator;
use crate::event::OwnedFrame;
use crate::id::GoId;

/// What a line in a dump says, given without its prefix.
pub enum DumpLine<'l> {
    /// The function of a frame, `main.f(0x1, …)`: its name.
    Call(&'l [u8]),
    /// The place of the function in the line before.
    Place(Place<'l>),
    /// `created by main.f in goroutine 1`.
    CreatedBy(&'l [u8], Option<GoId>),
    /// `...23 frames elided...`, or `...additional frames elided...`.
    Elided(Option<u64>),
    /// `[originating from goroutine 1]:`. The stack of this goroutine follows.
    Ancestor(GoId),
    /// `goroutine running on other thread; stack unavailable`.
    StackUnavailable,
    /// A frame of C code without a symbol, in one line.
    NonGo(Place<'l>),
    /// Other text.
    Other,
}

/// The place in a frame: `\t/app/main.go:14 +0x2c`.
#[derive(Clone, Copy)]
pub struct Place<'l> {
    file: &'l [u8],
    line: u64,
    /// The program counter, if the line has it.
    pc: Option<u64>,
}

impl Place<'_> {
    /// Whether it may be a place in C code, which has a program counter.
    pub fn is_of_c(self) -> bool {
        self.pc.is_some()
    }

    pub fn frame(self, func: &[u8]) -> OwnedFrame {
        OwnedFrame { pc: self.pc.unwrap_or(0), func: text(function_name(func)), file: text(self.file), line: self.line }
    }

    pub fn creator(self, func: &[u8], goroutine: Option<GoId>) -> Creator {
        Creator { frame: self.frame(func), goroutine }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The runtime prints `runtime.gopanic` as `panic` (`printFuncName`).
fn function_name(name: &[u8]) -> &[u8] {
    if name == b"panic" { b"runtime.gopanic" } else { name }
}

impl<'l> DumpLine<'l> {
    /// Recognises a line.
    pub fn of(line: &'l [u8]) -> Self {
        let text = line.trim_ascii();
        let special = match text.first() {
            Some(b'c') => created_by(text),
            Some(b'.') => elided(text),
            Some(b'[') => ancestor(text),
            Some(b'g') => {
                (text == b"goroutine running on other thread; stack unavailable").then_some(DumpLine::StackUnavailable)
            }
            Some(b'n') => text.strip_prefix(b"non-Go function at ").and_then(c_place).map(DumpLine::NonGo),
            _ => None,
        };
        let is_indented = text.len() < line.len() && line.first().is_some_and(u8::is_ascii_whitespace);
        special
            .or_else(|| place(text, is_indented).map(DumpLine::Place))
            .or_else(|| call(text).map(DumpLine::Call))
            .unwrap_or(DumpLine::Other)
    }
}

/// The name in `main.(*T).method(0x1, {0x2, 0x3})`. Arguments have no parentheses.
fn call(text: &[u8]) -> Option<&[u8]> {
    let before = text.strip_suffix(b")")?;
    let name = &before[..memrchr(b'(', before)?];
    let is_name = !name.is_empty() && !name.contains(&b' ');
    is_name.then_some(name)
}

/// The place in `/app/main.go:14 +0x2c fp=0xc000055f70 sp=0xc000055f20 pc=0x4d5b3a`, or `pc=0x4d5b3a` of C code.
///
/// Some log collectors remove the tab at the start. Then the file must have the extension of a source file, so that
/// other text is not taken for a place.
fn place(text: &[u8], is_indented: bool) -> Option<Place<'_>> {
    if is_indented && let Some(place) = c_place(text) {
        return Some(place);
    }
    let colon = memrchr(b':', text)?;
    let (file, rest) = (&text[..colon], &text[colon + 1..]);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (line, rest) = rest.split_at(digits);
    let is_known = [&b" +0x"[..], b" fp=0x", b" pc=0x"].iter().any(|start| rest.starts_with(start));
    let is_source = || (file.ends_with(b".go") || file.ends_with(b".s")) && memchr(b' ', file).is_none();
    if file.is_empty() || !(rest.is_empty() || is_known) || !(is_indented || is_source()) {
        return None;
    }
    let pc = memmem::find(rest, b" pc=").and_then(|at| hex(&rest[at + 4..]));
    Some(Place { file, line: number(line)?, pc })
}

/// The place in C code whose source is unknown: `pc=0x4d5b3a`.
fn c_place<'l>(text: &[u8]) -> Option<Place<'l>> {
    let pc = hex(text.strip_prefix(b"pc=")?)?;
    Some(Place { file: b"", line: 0, pc: Some(pc) })
}

fn created_by(text: &[u8]) -> Option<DumpLine<'_>> {
    let rest = text.strip_prefix(b"created by ")?;
    match memmem::find(rest, b" in goroutine ") {
        Some(at) => Some(DumpLine::CreatedBy(&rest[..at], Some(GoId(number(&rest[at + 14..])?)))),
        None => Some(DumpLine::CreatedBy(rest, None)),
    }
}

fn elided(text: &[u8]) -> Option<DumpLine<'_>> {
    let count = text.strip_prefix(b"...")?.strip_suffix(b" frames elided...")?;
    match count {
        b"additional" => Some(DumpLine::Elided(None)),
        count => number(count).map(|count| DumpLine::Elided(Some(count))),
    }
}

fn ancestor(text: &[u8]) -> Option<DumpLine<'_>> {
    let id = text.strip_prefix(b"[originating from goroutine ")?.strip_suffix(b"]:")?;
    Some(DumpLine::Ancestor(GoId(number(id)?)))
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Parses `0x4d5b3a`.
fn hex(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"0x")?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
