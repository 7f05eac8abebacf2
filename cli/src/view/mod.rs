//! How answers look on a terminal: tables, units, colour, pictures.

pub mod analysis;
pub mod clock;
pub mod mmu;
pub mod names;
pub mod paragraph;
pub mod style;
pub mod table;
pub mod text;
pub mod timeline;
pub mod units;
