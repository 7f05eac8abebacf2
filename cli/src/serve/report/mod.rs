//! `gotrace report`: the page of `gotrace view` as one file, with the answers to the requests that most people make.

mod collect;
mod page;

use super::session::{Loaded, NoTrace};

/// Returns the page with the answers about a loaded trace. `command` shows what is left out.
///
/// # Errors
///
/// If there is no trace.
pub fn page(title: &str, command: &str, loaded: &Loaded) -> Result<String, NoTrace> {
    Ok(page::with(&collect::data(title, command, loaded)?))
}
