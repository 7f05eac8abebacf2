//! How answers look on a terminal: tables, units, colour, pictures.

pub mod analysis;
pub mod mmu;
pub mod text;
pub mod timeline;
