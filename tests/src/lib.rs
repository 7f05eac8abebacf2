//! What the tests share.

pub mod command;
pub mod corpus;
pub mod doctor;
pub mod go;
pub mod old_text;
pub mod parsed;
pub mod profiles;
