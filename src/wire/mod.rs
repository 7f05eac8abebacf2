//! Code that the trace formats of all Go versions share: varints, the header, the source of the
//! bytes, and Go's sort.

pub(crate) mod header;
pub(crate) mod pdqsort;
pub(crate) mod source;
pub(crate) mod varint;
