//! Profiles: ours are what others read, and what others write we read as they do.

#[path = "../binaries/mod.rs"]
mod binaries;
mod broken;
mod example;
mod files;
mod growth;
mod peer;
mod proto;
mod read;
mod tool;
mod written;
