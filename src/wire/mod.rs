//! Code that the formats share: varints, the header, the source of the bytes, the lines of a log, and
//! Go's sort and heap.

pub(crate) mod frontier;
pub(crate) mod header;
pub(crate) mod lines;
pub(crate) mod pdqsort;
pub(crate) mod source;
#[cfg(feature = "pprof")]
mod unpack;
pub(crate) mod varint;
