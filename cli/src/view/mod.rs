//! How answers look on a terminal: tables, units, colours, diagrams.

pub mod bar;
pub mod clock;
pub mod distribution;
pub mod frames;
pub mod names;
pub mod next;
pub mod paragraph;
pub mod rows;
pub mod style;
pub mod suggest;
pub mod svg;
pub mod table;
pub mod units;
pub mod waker;
