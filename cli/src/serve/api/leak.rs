//! The judgement on leaks.

use gotrace::diagnose::Verdict;
use serde::Serialize;

use super::super::charts::Charts;
use super::super::session::Loaded;
use super::{Answer, Nothing, Refusal, to_json};
use crate::json::{Document, SCHEMA};

#[derive(Serialize)]
struct LeakAnswer<'l> {
    /// As `gotrace diagnose --json` prints it.
    verdict: Document<&'l Verdict>,
    charts: &'l Charts,
}

/// Answers with the verdict of `gotrace diagnose`.
pub fn leak(loaded: &Loaded, _: Nothing) -> Answer {
    let leak = loaded.leak().map_err(Refusal::Failed)?;
    to_json(&LeakAnswer {
        verdict: Document { schema: SCHEMA, report: &leak.verdict, error: None },
        charts: &leak.charts,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::pprof;
    use super::*;
    use crate::serve::{Phase, Session};

    /// The answers about a program whose `main.renderInvoice` holds what it allocates.
    #[test]
    fn a_leak_has_its_function_in_verdict_chart_and_profile() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/leaks/captures/go1.27/appendcache");
        let (session, opened) = Session::open(&[folder.into()]).expect("captures");
        session.load(opened);
        let Phase::Ready(loaded) = session.phase() else { panic!("it cannot be loaded") };
        let value = |answer: Answer| -> Value {
            serde_json::from_slice(&answer.unwrap_or_else(|refusal| panic!("{refusal}"))).expect("JSON")
        };
        let leak = value(leak(loaded, Nothing {}));
        assert_eq!(leak["verdict"]["verdict"], "leak");
        assert_eq!(leak["verdict"]["inputs"].as_array().map(Vec::len), Some(session.files.len()));
        let finding = &leak["verdict"]["findings"][0];
        let heap = &leak["charts"]["heap"]["series"][0];
        assert_eq!(finding["place"]["function"], "main.renderInvoice");
        assert_eq!(
            (&heap["name"], &heap["values"]),
            (&finding["place"]["function"], &finding["evidence"]["in_use_bytes"])
        );
        let times = leak["charts"]["heap"]["times_ns"].as_array().expect("times");
        assert_eq!((times.len(), &times[0]), (3, &json!(0)));
        let number = loaded.profiles.iter().position(|profile| profile.name == "heap.3.pb.gz").expect("a profile");
        let query = serde_json::from_value(json!({ "id": number, "type": "inuse_space" })).expect("a query");
        let profile = value(pprof::pprof(loaded, query));
        let nodes = profile["graph"]["nodes"].as_array().expect("nodes");
        let node = nodes.iter().find(|node| node["name"] == "main.renderInvoice").expect("the function");
        assert_eq!((&profile["unit"], &node["flat"]), (&json!("bytes"), &heap["values"][2]));
    }
}
