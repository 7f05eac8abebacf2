//! Profiles: ours are what others read, and what others write we read as they do.

mod files;
mod growth;
mod peer;
mod proto;
mod read;
mod tool;
mod written;
