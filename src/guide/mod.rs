//! Pages to read: a [`tutorial`], a [`cookbook`], and a page on [finding leaks](leaks).

#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

#[doc = include_str!("cookbook.md")]
pub mod cookbook {}

#[doc = include_str!("leaks.md")]
pub mod leaks {}
