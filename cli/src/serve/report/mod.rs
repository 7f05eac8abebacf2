//! `gotrace report`: the page of `gotrace view` as one file, with the answers to the requests that most people make.

mod collect;
mod page;

use super::session::{Loaded, SessionFile};

/// Returns the page with the answers about loaded files. `command` shows what is left out.
pub fn page(title: &str, command: &str, files: &[SessionFile], loaded: &Loaded) -> String {
    page::with(&collect::data(title, command, files, loaded))
}
