//! `gotrace report`: the page of `gotrace view` as one file, with the answers to the requests that most people make.

mod collect;
mod page;

use super::session::Loaded;

/// Returns the page with the answers about a loaded trace. `command` shows what is left out.
pub fn page(title: &str, command: &str, loaded: &Loaded) -> String {
    page::with(&collect::data(title, command, loaded))
}
