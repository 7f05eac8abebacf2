//! What the fuzz targets share: a reader that asks for everything, in bounded time.

pub mod account;
pub mod budget;
pub mod chunked;
pub mod model;
pub mod questions;

/// A number that the bytes choose, where there is more to do than there is time for.
pub fn choice(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |seed, &byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
