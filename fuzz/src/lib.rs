//! What the fuzz targets share: a reader that asks for everything, in bounded time.

pub mod account;
pub mod budget;
pub mod chunked;
pub mod model;
pub mod questions;

/// A number that follows from the input, so that a failure repeats: a seed, or what to do where there is no time for all.
pub fn choice(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |seed, &byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
