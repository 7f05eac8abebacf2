//! Parts that the trace formats of all Go versions share: varints, the header, and the source of
//! the bytes.

pub(crate) mod header;
pub(crate) mod source;
pub(crate) mod varint;
