//! Prints the public surface of a library from its rustdoc JSON, one item a line, sorted.
//!
//! Blanket and auto trait implementations (`Into`, `Send`) are left out: they would be two thirds of the lines.

use std::error::Error;
use std::io::{self, Write};

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: gotrace-api-lister RUSTDOC_JSON")?;
    let surface = Builder::from_rustdoc_json(path).omit_blanket_impls(true).omit_auto_trait_impls(true).build()?;
    write!(io::stdout().lock(), "{surface}")?;
    Ok(())
}
