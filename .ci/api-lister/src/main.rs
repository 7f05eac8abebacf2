//! Prints the public API of a library from its rustdoc JSON, one item on each line, sorted.
//!
//! Blanket and auto trait implementations (`Into`, `Send`) are omitted, and so are the methods of
//! derived implementations, since `impl Clone for X` implies `X::clone`.

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use public_api::{Builder, PublicApi};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: gotrace-api-lister RUSTDOC_JSON")?;
    let path = Path::new(&path);
    let all = public_api_of(path, true)?;
    let handwritten: HashSet<String> = public_api_of(path, false)?.items().map(ToString::to_string).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    for item in all.items().map(ToString::to_string) {
        // The compiler implements StructuralPartialEq with each derived PartialEq.
        let is_derived_impl = item.starts_with("impl ") && !item.contains("::StructuralPartialEq for ");
        if is_derived_impl || handwritten.contains(&item) {
            writeln!(out, "{item}")?;
        }
    }
    out.flush()?;
    Ok(())
}

fn public_api_of(path: &Path, derived: bool) -> Result<PublicApi, public_api::Error> {
    Builder::from_rustdoc_json(path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(!derived)
        .build()
}
