//! The call graph of a profile: which function calls which, and with which share of the values.

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::error::ProfileError;
use super::filter::SampleFilter;
use super::profile::Profile;
use super::report::{By, Report};

/// The call graph of a profile, reduced to its largest functions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallGraph {
    /// The sum over all samples of the profile, without a filter.
    pub total: i64,
    /// The functions, those with the largest cumulative values first.
    pub nodes: Vec<CallNode>,
    /// The calls, the largest values first.
    pub edges: Vec<CallEdge>,
}

/// A function of a call graph.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallNode {
    /// The function.
    pub name: String,
    /// The values of the samples that end in the function.
    pub flat: i64,
    /// The values of the samples whose stacks contain the function.
    pub cum: i64,
}

/// A call from one function of a call graph to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEdge {
    /// The index of the calling function in [`CallGraph::nodes`].
    pub caller: usize,
    /// The index of the called function.
    pub callee: usize,
    /// The values of the samples that contain the call. A sample counts once.
    pub value: i64,
    /// Whether functions between the two are left out, in all samples.
    pub is_indirect: bool,
}

impl CallGraph {
    /// Builds the graph of a type of value, with at most `most` functions: those with the largest cumulative values.
    ///
    /// # Errors
    ///
    /// Errors in the profile's samples.
    pub fn new(
        profile: &Profile<'_>,
        sample_type: usize,
        filter: &SampleFilter<'_>,
        most: usize,
    ) -> Result<Self, ProfileError> {
        let report = Report::with_filter(profile, By::Function, filter)?;
        let value = |values: &[i64]| values.get(sample_type).copied().unwrap_or(0);
        let mut nodes: Vec<CallNode> = report
            .rows()
            .map(|row| CallNode { name: row.name().to_owned(), flat: value(row.flat), cum: value(row.cum) })
            .filter(|node| node.cum != 0)
            .collect();
        nodes.sort_by(|a, b| b.cum.saturating_abs().cmp(&a.cum.saturating_abs()).then_with(|| a.name.cmp(&b.name)));
        nodes.truncate(most);
        let names: IndexSet<&str, RandomState> = nodes.iter().map(|node| &*node.name).collect();
        let edges = edges(profile, sample_type, filter, &names)?;
        Ok(CallGraph { total: value(report.total()), nodes, edges })
    }
}

fn edges(
    profile: &Profile<'_>,
    sample_type: usize,
    filter: &SampleFilter<'_>,
    names: &IndexSet<&str, RandomState>,
) -> Result<Vec<CallEdge>, ProfileError> {
    // The node of each line of each location, innermost first. `None` for functions that are left out.
    let line_node = |line: super::ProfileLine<'_>| names.get_index_of(&*line.function.name.to_str_lossy());
    let places: Vec<Vec<Option<usize>>> =
        profile.locations().map(|location| location.lines().map(line_node).collect()).collect();
    let filter = filter.of(profile);
    let mut found: IndexMap<(usize, usize), CallEdge, RandomState> = IndexMap::default();
    let mut of_sample: IndexMap<(usize, usize), bool, RandomState> = IndexMap::default();
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample()? {
        let value = sample.values().get(sample_type).copied().unwrap_or(0);
        if value == 0 || !filter.keeps(&sample)? {
            continue;
        }
        of_sample.clear();
        let (mut callee, mut is_indirect) = (None, false);
        for node in sample.places().iter().flat_map(|&place| &places[place as usize]) {
            let Some(caller) = *node else {
                is_indirect = true;
                continue;
            };
            if let Some(callee) = callee.filter(|callee| *callee != caller) {
                *of_sample.entry((caller, callee)).or_insert(true) &= is_indirect;
            }
            (callee, is_indirect) = (Some(caller), false);
        }
        for (&(caller, callee), &is_indirect) in &of_sample {
            let new = CallEdge { caller, callee, value: 0, is_indirect: true };
            let edge = found.entry((caller, callee)).or_insert(new);
            edge.value = edge.value.saturating_add(value);
            edge.is_indirect &= is_indirect;
        }
    }
    let mut edges: Vec<CallEdge> = found.into_values().collect();
    edges.sort_by_key(|edge| (std::cmp::Reverse(edge.value.saturating_abs()), edge.caller, edge.callee));
    Ok(edges)
}
