//! What the trace formats of all Go versions share: variable-length integers, the header, and where the bytes
//! come from.

pub(crate) mod header;
pub(crate) mod source;
pub(crate) mod varint;
