//! Profiles: ours are what others read, and what others write we read as they do.

mod broken;
mod growth;
mod proto;
mod read;
mod written;
