//! What the fuzz targets share: a reader that asks for everything, in bounded time.

pub mod account;
pub mod budget;
pub mod chunked;
pub mod model;
pub mod questions;
