//! Profiles: other implementations read what the crate writes, and read the same from valid files.

mod broken;
mod growth;
mod proto;
mod read;
mod text;
mod written;
