//! The parts of a profile, for reading and writing.

use crate::event::Text;

/// What a value or the period measures: a type and its unit, such as `inuse_space` in `bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType<'a> {
    /// What is measured: `alloc_objects`, `cpu`, `contentions`, …
    pub kind: Text<'a>,
    /// The unit: `count`, `bytes`, `nanoseconds`, …
    pub unit: Text<'a>,
}

impl<'a> ValueType<'a> {
    /// A type and its unit.
    pub fn new(kind: impl Into<Text<'a>>, unit: impl Into<Text<'a>>) -> Self {
        ValueType { kind: kind.into(), unit: unit.into() }
    }
}

/// A frame of the stack of a sample.
///
/// The format has machine addresses (locations) and, for each, the source lines that were inlined there. A stack of
/// frames has the lines one after another, innermost first. [`inlined`](ProfileFrame::inlined) shows which share an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProfileFrame<'a> {
    /// The function as the linker names it: `net/http.(*conn).serve`. Empty if unknown.
    pub func: Text<'a>,
    /// The path of the source file; empty if unknown.
    pub file: Text<'a>,
    /// The line in the file; 0 if unknown.
    pub line: i64,
    /// The line on which the function starts; 0 if unknown, as before Go 1.20.
    pub start_line: i64,
    /// The machine address; 0 if unknown.
    pub address: u64,
    /// Whether the call was inlined: the next frame of the stack shares this one's address.
    pub inlined: bool,
}

impl<'a> ProfileFrame<'a> {
    /// A frame with a source line and nothing else.
    pub fn new(func: impl Into<Text<'a>>, file: impl Into<Text<'a>>, line: i64) -> Self {
        ProfileFrame { func: func.into(), file: file.into(), line, ..ProfileFrame::default() }
    }
}

/// A frame of a trace, for a profile made from one. As in the profiles of `go tool trace`, each has its own address.
impl<'a> From<crate::Frame<'a>> for ProfileFrame<'a> {
    fn from(frame: crate::Frame<'a>) -> Self {
        let line = i64::try_from(frame.line).unwrap_or(0);
        ProfileFrame { address: frame.pc, ..ProfileFrame::new(frame.func, frame.file, line) }
    }
}

/// A label of a sample, set by `pprof.Do`, or by a heap profile for the size of its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleLabel<'a> {
    /// Its key, such as `bytes`.
    pub key: Text<'a>,
    /// Its value.
    pub value: LabelValue<'a>,
}

/// The value of a [`SampleLabel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue<'a> {
    /// A text. An empty text is read as the number 0: the format does not distinguish them.
    Text(Text<'a>),
    /// A number.
    Number {
        /// The number.
        value: i64,
        /// The unit; empty if there is none. Then `go tool pprof` uses the key.
        unit: Text<'a>,
    },
}

impl<'a> SampleLabel<'a> {
    /// A label with a text.
    pub fn text(key: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        SampleLabel { key: key.into(), value: LabelValue::Text(value.into()) }
    }

    /// A label with a number.
    pub fn number(key: impl Into<Text<'a>>, value: i64, unit: impl Into<Text<'a>>) -> Self {
        SampleLabel { key: key.into(), value: LabelValue::Number { value, unit: unit.into() } }
    }
}
