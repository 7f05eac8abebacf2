//! Trees of calls: the data of a flame graph.

use std::collections::HashMap;

use serde::Serialize;

/// A tree of calls, and its largest functions.
#[derive(Serialize)]
pub struct Tree {
    /// The unit of the values.
    unit: String,
    /// The sum of all values.
    total: u64,
    /// The names of the functions.
    frames: Vec<String>,
    /// The nodes. The first is the root, which has no function.
    nodes: Nodes,
    /// The functions with the largest values of their own.
    table: Vec<Row>,
}

/// The nodes of a tree, in columns. A parent comes before its children.
#[derive(Default, Serialize)]
struct Nodes {
    /// The number of the parent; -1 for the root.
    parent: Vec<i64>,
    /// The number of the function; -1 for the root.
    frame: Vec<i64>,
    /// The value of the function itself.
    #[serde(rename = "self")]
    own: Vec<u64>,
    /// The value of the function and of those that it called.
    total: Vec<u64>,
}

/// The values of a function.
#[derive(Serialize)]
struct Row {
    frame: usize,
    #[serde(rename = "self")]
    own: u64,
    total: u64,
}

/// The functions in the table.
const MAX_ROWS: usize = 50;
/// Nodes with at most the total divided by this are left out: they would be narrower than a pixel.
const SMALLEST_PART: u64 = 4000;

/// Adds up stacks.
#[derive(Default)]
pub struct TreeBuilder {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    nodes: Vec<Node>,
    children: HashMap<(usize, usize), usize>,
    rows: Vec<(u64, u64)>,
}

struct Node {
    parent: usize,
    frame: usize,
    own: u64,
    total: u64,
}

/// The parent of the outermost functions.
const ROOT: usize = usize::MAX;

impl TreeBuilder {
    /// Adds a value to a stack, whose frames are given from the outermost on.
    pub fn add(&mut self, frames: impl Iterator<Item = String>, value: u64) {
        let mut node = ROOT;
        let mut seen: Vec<usize> = Vec::new();
        for name in frames {
            let frame = self.number(name);
            let next = self.nodes.len();
            let child = *self.children.entry((node, frame)).or_insert(next);
            if child == next {
                self.nodes.push(Node { parent: node, frame, own: 0, total: 0 });
            }
            let total = &mut self.nodes[child].total;
            *total = total.saturating_add(value);
            // A recursive function counts once.
            if !seen.contains(&frame) {
                seen.push(frame);
                self.rows[frame].1 = self.rows[frame].1.saturating_add(value);
            }
            node = child;
        }
        if let Some(last) = self.nodes.get_mut(node) {
            last.own = last.own.saturating_add(value);
            self.rows[last.frame].0 = self.rows[last.frame].0.saturating_add(value);
        }
    }

    fn number(&mut self, name: String) -> usize {
        let next = self.names.len();
        let number = *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        });
        if number == next {
            self.rows.push((0, 0));
        }
        number
    }

    /// Returns the tree, with the largest children first.
    pub fn finish(self, unit: &str) -> Tree {
        let roots = self.nodes.iter().filter(|node| node.parent == ROOT);
        let total = roots.fold(0, |sum: u64, node| sum.saturating_add(node.total));
        let smallest = total / SMALLEST_PART;
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.total > smallest) {
            children.entry(node.parent).or_default().push(number);
        }
        let mut nodes = Nodes::default();
        nodes.push(-1, -1, 0, total);
        let mut open: Vec<(usize, i64)> = vec![(ROOT, 0)];
        while let Some((number, place)) = open.pop() {
            let mut own = children.remove(&number).unwrap_or_default();
            own.sort_by_key(|&child| (std::cmp::Reverse(self.nodes[child].total), self.nodes[child].frame));
            for child in own {
                let node = &self.nodes[child];
                open.push((child, nodes.parent.len() as i64));
                nodes.push(place, node.frame as i64, node.own, node.total);
            }
        }
        let row = |(frame, &(own, total)): (usize, &(u64, u64))| Row { frame, own, total };
        let mut table: Vec<Row> = self.rows.iter().enumerate().map(row).collect();
        table.sort_by(|a, b| (b.own, b.total, a.frame).cmp(&(a.own, a.total, b.frame)));
        table.truncate(MAX_ROWS);
        Tree { unit: unit.to_owned(), total, frames: self.names, nodes, table }
    }
}

impl Tree {
    /// Returns the functions of the table, with their numbers.
    pub fn listed(&self) -> impl Iterator<Item = (usize, &str)> {
        self.table.iter().map(|row| (row.frame, &*self.frames[row.frame]))
    }
}

impl Nodes {
    fn push(&mut self, parent: i64, frame: i64, own: u64, total: u64) {
        self.parent.push(parent);
        self.frame.push(frame);
        self.own.push(own);
        self.total.push(total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_with_a_common_start_share_nodes() {
        let mut builder = TreeBuilder::default();
        let mut add = |stack: &str, value| builder.add(stack.split(';').map(str::to_owned), value);
        add("main;a;b", 5);
        add("main;a", 2);
        add("main;c;a;c", 10);
        add("other", 1);
        let tree = builder.finish("ns");
        assert_eq!(tree.total, 18);
        let names = |frame: i64| usize::try_from(frame).map_or("", |frame| &*tree.frames[frame]);
        let nodes: Vec<_> = (0..tree.nodes.parent.len())
            .map(|node| {
                (tree.nodes.parent[node], names(tree.nodes.frame[node]), tree.nodes.own[node], tree.nodes.total[node])
            })
            .collect();
        let expected = [
            (-1, "", 0, 18),
            (0, "main", 0, 17),
            (0, "other", 1, 1),
            (1, "c", 0, 10),
            (1, "a", 2, 7),
            (4, "b", 5, 5),
            (3, "a", 0, 10),
            (6, "c", 10, 10),
        ];
        assert_eq!(nodes, expected);
        let row = |name: &str| {
            let frame = tree.frames.iter().position(|frame| frame == name).expect("a function");
            tree.table.iter().find(|row| row.frame == frame).map(|row| (row.own, row.total))
        };
        assert_eq!((row("c"), row("a"), row("main")), (Some((10, 10)), Some((2, 17)), Some((0, 17))));
    }
}
