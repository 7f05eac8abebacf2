//! Who created whom.

use super::Timeline;
use super::goroutine::Goroutine;
use crate::id::GoId;

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
        let parents = || self.goroutines().map(|goroutine| goroutine.creator_number()).collect();
        self.families.children(number, parents)
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
