//! The children of each goroutine.

use std::sync::OnceLock;

/// The children of each goroutine, computed at the first query.
#[derive(Debug, Default)]
pub(in crate::timeline) struct Families(OnceLock<Rows>);

#[derive(Debug)]
struct Rows {
    /// The index in `children` at which the children of each goroutine start, and the length of `children`.
    starts: Vec<u32>,
    /// The children, sorted by parent, then by the order in which they were created.
    children: Vec<u32>,
}

impl Rows {
    fn new(parents: &[Option<u32>]) -> Self {
        let count = parents.len();
        let mut starts = vec![0u32; count + 1];
        for &parent in parents.iter().flatten() {
            if let Some(start) = starts.get_mut(parent as usize + 1) {
                *start += 1;
            }
        }
        for i in 0..count {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut children = vec![0; starts[count] as usize];
        for (child, &parent) in (0..).zip(parents) {
            let Some(place) = parent.and_then(|parent| next.get_mut(parent as usize)) else { continue };
            if let Some(slot) = children.get_mut(*place as usize) {
                *slot = child;
                *place += 1;
            }
        }
        Rows { starts, children }
    }

    fn of(&self, parent: u32) -> &[u32] {
        let start = |index: usize| self.starts.get(index).map_or(0, |&start| start as usize);
        self.children.get(start(parent as usize)..start(parent as usize + 1)).unwrap_or_default()
    }
}

impl Families {
    /// Returns the children of a goroutine. `parents` returns the parent of each goroutine and is called once.
    pub fn children(&self, parent: u32, parents: impl FnOnce() -> Vec<Option<u32>>) -> &[u32] {
        self.0.get_or_init(|| Rows::new(&parents())).of(parent)
    }
}
