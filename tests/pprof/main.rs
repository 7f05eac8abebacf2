//! Profiles: ours are what others read, and what others write we read as they do.

mod proto;
mod tool;
mod written;
