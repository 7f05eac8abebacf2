//! Reading traces: every way of reading, every error, every limit, and damage.

mod chunks;
mod damage;
mod errors;
mod limits;
mod names;
mod synth;
mod v1;
