//! The judgement on leaks.

use gotrace::diagnose::Verdict;
use serde::Serialize;

use super::super::session::Loaded;
use super::{Answer, Nothing, Refusal, to_json};
use crate::json::{Document, SCHEMA};

#[derive(Serialize)]
struct LeakAnswer<'l> {
    /// As `gotrace diagnose --json` prints it.
    verdict: Document<&'l Verdict>,
}

/// Answers with the verdict of `gotrace diagnose`.
pub fn leak(loaded: &Loaded, _: Nothing) -> Answer {
    let leak = loaded.leak().map_err(Refusal::Failed)?;
    to_json(&LeakAnswer { verdict: Document { schema: SCHEMA, report: &leak.verdict, error: None } })
}
