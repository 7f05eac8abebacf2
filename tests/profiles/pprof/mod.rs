//! Profiles: other implementations can read ours, and we read theirs with the same result.

mod broken;
mod growth;
mod proto;
mod read;
mod written;
