//! Who created whom.

use std::sync::OnceLock;

use super::Timeline;
use super::goroutine::Goroutine;
use crate::id::GoId;

/// The children of each goroutine, made when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Families(OnceLock<Rows>);

#[derive(Debug)]
struct Rows {
    /// Where in `children` those of each goroutine begin, and the end.
    starts: Vec<u32>,
    /// By parent, then in the order in which they were created.
    children: Vec<u32>,
}

impl Rows {
    fn new(timeline: &Timeline) -> Self {
        let count = timeline.goroutines.len();
        let mut starts = vec![0u32; count + 1];
        let parents: Vec<Option<u32>> = timeline.goroutines().map(|goroutine| goroutine.creator_number()).collect();
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
        for (child, &parent) in (0..).zip(&parents) {
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

impl Timeline {
    /// The goroutines that a goroutine created within the trace, in order; none if the trace never
    /// speaks of it.
    ///
    /// The first call makes an index of all of them.
    pub fn children(&self, id: GoId) -> impl ExactSizeIterator<Item = Goroutine<'_>> + Clone {
        let children = self.goroutines.get(id.0).map_or(&[][..], |number| self.children_of(number));
        children.iter().map(|&child| Goroutine::new(self, child))
    }

    pub(super) fn children_of(&self, number: u32) -> &[u32] {
        self.families.0.get_or_init(|| Rows::new(self)).of(number)
    }

    /// The family tree below a goroutine, itself first and then depth by depth: each with how many
    /// generations lie between.
    pub fn descendants(&self, id: GoId) -> Descendants<'_> {
        Descendants {
            timeline: self,
            pending: self.goroutines.get(id.0).map(|number| (0, number)).into_iter().collect(),
        }
    }
}

/// A family tree, parents before their children.
#[derive(Clone, Debug)]
pub struct Descendants<'t> {
    timeline: &'t Timeline,
    /// Depth and number of those that come next, the next one last.
    pending: Vec<(u32, u32)>,
}

impl<'t> Iterator for Descendants<'t> {
    type Item = (u32, Goroutine<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let (depth, number) = self.pending.pop()?;
        // A goroutine comes later than its creator in the order of first mention, unless a file is
        // forged: no cycles.
        let children = self.timeline.children_of(number).iter().rev().filter(|&&child| child > number);
        self.pending.extend(children.map(|&child| (depth + 1, child)));
        Some((depth, Goroutine::new(self.timeline, number)))
    }
}
