//! Code that several tests use.

pub mod command;
pub mod corpus;
pub mod doctor;
pub mod go;
pub mod parsed;
pub mod pieces;
pub mod profiles;
pub mod v1_text;
