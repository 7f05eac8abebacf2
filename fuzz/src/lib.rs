//! Code that several fuzz targets use.

pub mod budget;
pub mod chunked;
pub mod listing;
pub mod queries;
pub mod scheduler;

/// A number that depends only on the input, so that failures are reproducible. It is a seed, or
/// selects one of several variants if there is no time for all.
pub fn choice(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |seed, &byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
