//! `gotrace heap --dot` and `--svg`: the call graph as DOT, and a flame graph as SVG.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gotrace::pprof::{CallGraph, Profile};

use super::{Args, quantity, share};
use crate::failure::{self, Failure};
use crate::output;
use crate::view::names;

/// The most functions of a call graph, as in `go tool pprof`.
const MAX_NODES: usize = 80;

#[derive(clap::Args)]
pub(super) struct GraphArgs {
    /// Write the call graph as DOT, for dot -Tsvg of Graphviz
    #[arg(long, value_name = "FILE", help_heading = "Graphs")]
    dot: Option<PathBuf>,
    /// Write a flame graph as SVG, to open in a browser
    #[arg(long, value_name = "FILE", help_heading = "Graphs")]
    svg: Option<PathBuf>,
}

impl GraphArgs {
    pub fn is_wanted(&self) -> bool {
        self.dot.is_some() || self.svg.is_some()
    }
}

pub(super) fn run(
    profile: &Profile<'_>,
    sample_type: usize,
    unit: &str,
    args: &Args,
    file: &Path,
) -> Result<(), Failure> {
    if let Some(path) = &args.graph.dot {
        let graph = CallGraph::new(profile, sample_type, &args.filter(), MAX_NODES);
        let graph = graph.map_err(|error| Failure::profile(file, &error))?;
        output::write(path, file, |mut out| write_dot(&graph, unit, &mut out))?;
        note(path);
    }
    if let Some(path) = &args.graph.svg {
        flame_graph(profile, sample_type, args, file, path)?;
        note(path);
    }
    Ok(())
}

/// Says where a graph was written.
fn note(path: &Path) {
    if path != Path::new("-") {
        failure::note("heap", &format!("wrote {}", names::printable(&path.display().to_string())));
    }
}

/// Writes a graph in the language DOT.
fn write_dot(graph: &CallGraph, unit: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "digraph calls {{")?;
    writeln!(out, "  node [shape=box, fontname=\"sans-serif\", style=filled, fillcolor=\"#f8f8f8\"];")?;
    for (index, node) in graph.nodes.iter().enumerate() {
        let (flat, cum) = (quantity(node.flat, unit), quantity(node.cum, unit));
        let (flat_share, cum_share) = (share(node.flat, graph.total), share(node.cum, graph.total));
        let label = format!("{}\n{flat} ({flat_share})\nof {cum} ({cum_share})", names::without_path(&node.name));
        // From 8 points for nothing to 24 for all.
        let part = (node.flat as f64 / graph.total as f64).abs().clamp(0.0, 1.0);
        let size = if part.is_nan() { 8.0 } else { 8.0 + 16.0 * part.sqrt() };
        writeln!(out, "  n{index} [label={}, tooltip={}, fontsize={size:.1}];", quoted(&label), quoted(&node.name))?;
    }
    for edge in &graph.edges {
        let style = if edge.is_indirect { ", style=dashed" } else { "" };
        let label = quoted(&quantity(edge.value, unit));
        writeln!(out, "  n{} -> n{} [label={label}{style}];", edge.caller, edge.callee)?;
    }
    writeln!(out, "}}")
}

/// Quotes a text for DOT. Line ends become line breaks of a label.
fn quoted(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| names::printable(line).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}

#[cfg(feature = "flamegraph")]
fn flame_graph(
    profile: &Profile<'_>,
    sample_type: usize,
    args: &Args,
    file: &Path,
    path: &Path,
) -> Result<(), Failure> {
    use gotrace::pprof::{By, Report};
    use inferno::flamegraph;

    let report = Report::with_filter(profile, By::Stack, &args.filter());
    let report = report.map_err(|error| Failure::profile(file, &error))?;
    let of = &report.sample_types()[sample_type];
    let mut lines: Vec<String> = report
        .rows()
        .filter(|row| row.flat[sample_type] > 0)
        .map(|row| {
            let mut frames: Vec<String> = row.frames().map(|name| names::printable(name).replace(';', ":")).collect();
            frames.reverse();
            format!("{} {}", frames.join(";"), row.flat[sample_type])
        })
        .collect();
    if lines.is_empty() {
        return Err(Failure::Usage("no sample has a value above 0, so there is no flame graph".to_owned()));
    }
    lines.sort_unstable();
    let mut options = flamegraph::Options::default();
    options.title = format!("{} ({})", names::printable(&file.display().to_string()), names::printable(&of.kind));
    options.count_name = names::printable(&of.unit);
    options.deterministic = true;
    output::write(path, file, |out| {
        flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out).map_err(io::Error::other)
    })
}

#[cfg(not(feature = "flamegraph"))]
fn flame_graph(_: &Profile<'_>, _: usize, _: &Args, _: &Path, _: &Path) -> Result<(), Failure> {
    let text = "--svg needs the feature flamegraph: install gotrace with --features full";
    Err(Failure::Usage(text.to_owned()))
}
