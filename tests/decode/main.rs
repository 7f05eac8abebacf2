//! Reading traces: from slices and in pieces, errors, limits, and damage.

mod chunks;
mod damage;
mod errors;
mod limits;
mod names;
mod synth;
mod v1;
