//! A pprof profile as a tree of calls and as a call graph.

use gotrace::pprof::{By, CallGraph, ProfileError, Report, SampleFilter};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::{Answer, Refusal, to_json};
use crate::serve::tree::{Tree, TreeBuilder};

/// Selects a profile and a type of its values.
#[derive(Deserialize)]
pub struct PprofQuery {
    id: usize,
    /// Without it, the profile's default.
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    tree: Tree,
    /// The number of different stacks.
    count: usize,
    graph: Graph,
}

#[derive(Serialize)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    flat: i64,
    cum: i64,
}

#[derive(Serialize)]
struct Edge {
    from: usize,
    to: usize,
    value: i64,
}

/// The most functions of a call graph.
const MAX_NODES: usize = 60;

/// Answers with a profile's tree and call graph.
pub fn pprof(loaded: &Loaded, query: PprofQuery) -> Answer {
    let absent = || Refusal::Absent(format!("there is no profile {}", query.id));
    let profile = &loaded.profiles.get(query.id).ok_or_else(absent)?.profile;
    let failed = |error: ProfileError| Refusal::Failed(error.to_string());
    let report = Report::new(profile, By::Stack).map_err(failed)?;
    let kind = match &query.kind {
        Some(kind) => report.sample_type(kind),
        None => report.default_sample_type(),
    };
    let unknown = || Refusal::Absent(format!("the profile has no values of type '{}'", query.kind.unwrap_or_default()));
    let kind = kind.ok_or_else(unknown)?;
    let mut tree = TreeBuilder::default();
    let mut count = 0;
    for row in report.rows() {
        // In a difference of profiles, values may be below 0. They have no width in a flame graph.
        let Some(value) = u64::try_from(row.flat[kind]).ok().filter(|&value| value > 0) else { continue };
        let mut frames: Vec<String> = row.frames().map(str::to_owned).collect();
        frames.reverse();
        tree.add(frames.into_iter(), value);
        count += 1;
    }
    let graph = CallGraph::new(profile, kind, &SampleFilter::default(), MAX_NODES).map_err(failed)?;
    let edge = |edge: gotrace::pprof::CallEdge| Edge { from: edge.caller, to: edge.callee, value: edge.value };
    let graph = Graph {
        nodes: graph.nodes.into_iter().map(|of| Node { name: of.name, flat: of.flat, cum: of.cum }).collect(),
        edges: graph.edges.into_iter().map(edge).collect(),
    };
    let tree = tree.finish(&report.sample_types()[kind].unit);
    to_json(&Answered { tree, count, graph })
}
