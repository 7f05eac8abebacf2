//! Parts of a profile that reading and writing share.

use crate::event::Text;

/// The meaning of a value or of the period: a type and a unit, such as `inuse_space` in `bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType<'a> {
    /// The type, such as `alloc_objects`, `cpu` or `contentions`.
    pub kind: Text<'a>,
    /// The unit, such as `count`, `bytes` or `nanoseconds`.
    pub unit: Text<'a>,
}

impl<'a> ValueType<'a> {
    /// Creates a value type.
    pub fn new(kind: impl Into<Text<'a>>, unit: impl Into<Text<'a>>) -> Self {
        ValueType { kind: kind.into(), unit: unit.into() }
    }
}

/// A frame in the stack of a sample.
///
/// In the file, a stack is a list of machine addresses (locations), and each location has the
/// source lines of all functions that were inlined there. As frames, these lines follow each other,
/// innermost first, and [`inlined`](ProfileFrame::inlined) shows which frames share an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProfileFrame<'a> {
    /// The linker's name of the function, such as `net/http.(*conn).serve`. Empty if unknown.
    pub func: Text<'a>,
    /// The path of the source file. Empty if unknown.
    pub file: Text<'a>,
    /// The line in the source file. 0 if unknown.
    pub line: i64,
    /// The line at which the function starts. 0 if unknown, as in profiles of Go before 1.20.
    pub start_line: i64,
    /// The machine address. 0 if unknown.
    pub address: u64,
    /// Whether the function was inlined into the next frame of the stack, which has the same
    /// address.
    pub inlined: bool,
}

impl<'a> ProfileFrame<'a> {
    /// Creates a frame with only a source line.
    pub fn new(func: impl Into<Text<'a>>, file: impl Into<Text<'a>>, line: i64) -> Self {
        ProfileFrame { func: func.into(), file: file.into(), line, ..ProfileFrame::default() }
    }
}

/// Converts a frame of a trace. Like in profiles made by `go tool trace`, each frame has its own address, so no frame
/// is inlined.
impl<'a> From<crate::Frame<'a>> for ProfileFrame<'a> {
    fn from(frame: crate::Frame<'a>) -> Self {
        let line = i64::try_from(frame.line).unwrap_or(0);
        ProfileFrame { address: frame.pc, ..ProfileFrame::new(frame.func, frame.file, line) }
    }
}

/// A label of a sample. Programs set labels with `pprof.Do`, and heap profiles have a label for the size of the
/// objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleLabel<'a> {
    /// The key, such as `bytes`.
    pub key: Text<'a>,
    /// The value.
    pub value: LabelValue<'a>,
}

/// The value of a [`SampleLabel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue<'a> {
    /// A text. The format cannot distinguish an empty text from the number 0, so an empty text is
    /// read as 0.
    Text(Text<'a>),
    /// A number.
    Number {
        /// The number.
        value: i64,
        /// The unit. Empty if there is none. Then `go tool pprof` uses the key.
        unit: Text<'a>,
    },
}

impl<'a> SampleLabel<'a> {
    /// Creates a label with a text.
    pub fn text(key: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        SampleLabel { key: key.into(), value: LabelValue::Text(value.into()) }
    }

    /// Creates a label with a number.
    pub fn number(key: impl Into<Text<'a>>, value: i64, unit: impl Into<Text<'a>>) -> Self {
        SampleLabel { key: key.into(), value: LabelValue::Number { value, unit: unit.into() } }
    }
}
