//! What a profile is made of, to read and to write.

use crate::event::Text;

/// What a column of values, or the period, is: a type and its unit, such as `inuse_space` in `bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType<'a> {
    /// What is measured: `alloc_objects`, `cpu`, `contentions`, …
    pub kind: Text<'a>,
    /// In what: `count`, `bytes`, `nanoseconds`, …
    pub unit: Text<'a>,
}

impl<'a> ValueType<'a> {
    /// A type and its unit.
    pub fn new(kind: impl Into<Text<'a>>, unit: impl Into<Text<'a>>) -> Self {
        ValueType { kind: kind.into(), unit: unit.into() }
    }
}

/// A place in the program, of the stack of a sample.
///
/// The format keeps machine addresses (locations) and, for each, the source lines that were inlined there. A stack of
/// frames has the lines one after another, innermost first; [`inlined`](Frame::inlined) tells which share an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    /// The function as the linker names it: `net/http.(*conn).serve`. Empty if unknown.
    pub func: Text<'a>,
    /// The path of the source file; empty if unknown.
    pub file: Text<'a>,
    /// The line in the file; 0 if unknown.
    pub line: i64,
    /// The line on which the function begins; 0 if unknown, as before Go 1.20.
    pub start_line: i64,
    /// The machine address; 0 if unknown.
    pub address: u64,
    /// Whether the call was inlined: the next frame of the stack shares this one's address.
    pub inlined: bool,
}

impl<'a> Frame<'a> {
    /// A frame of which the source line is known, and nothing else.
    pub fn new(func: impl Into<Text<'a>>, file: impl Into<Text<'a>>, line: i64) -> Self {
        Frame { func: func.into(), file: file.into(), line, ..Frame::default() }
    }
}

/// A frame of a trace, for a profile made from one. As in the profiles of `go tool trace`, each has its own address.
impl<'a> From<crate::Frame<'a>> for Frame<'a> {
    fn from(frame: crate::Frame<'a>) -> Self {
        let line = i64::try_from(frame.line).unwrap_or(0);
        Frame { address: frame.pc, ..Frame::new(frame.func, frame.file, line) }
    }
}

/// What a sample was labelled with, by `pprof.Do` or, as the size of its objects, by a heap profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label<'a> {
    /// Its key, such as `bytes`.
    pub key: Text<'a>,
    /// Its value.
    pub value: LabelValue<'a>,
}

/// The value of a [`Label`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue<'a> {
    /// A text. The format can't tell an empty one from the number 0, which is what it is read as.
    Text(Text<'a>),
    /// A number.
    Number {
        /// How much.
        value: i64,
        /// In what; empty if that is not said. Then `go tool pprof` takes the key for it.
        unit: Text<'a>,
    },
}

impl<'a> Label<'a> {
    /// A label with a text.
    pub fn text(key: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        Label { key: key.into(), value: LabelValue::Text(value.into()) }
    }

    /// A label with a number.
    pub fn number(key: impl Into<Text<'a>>, value: i64, unit: impl Into<Text<'a>>) -> Self {
        Label { key: key.into(), value: LabelValue::Number { value, unit: unit.into() } }
    }
}
