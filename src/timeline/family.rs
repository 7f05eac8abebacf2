//! The parents and children of goroutines.

use super::Timeline;
use super::goroutine::Goroutine;
use crate::id::GoId;

impl Timeline {
    /// Returns the goroutines that a goroutine created during the trace, in the order in which they
    /// were created. Empty if the trace does not mention the goroutine.
    ///
    /// The first call builds an index of all goroutines.
    pub fn children(&self, id: GoId) -> impl ExactSizeIterator<Item = Goroutine<'_>> + Clone {
        let children = self.goroutines.get(id.0).map_or(&[][..], |number| self.children_of(number));
        children.iter().map(|&child| Goroutine::new(self, child))
    }

    pub(super) fn children_of(&self, number: u32) -> &[u32] {
        let parents = || self.goroutines().map(|goroutine| goroutine.creator_number()).collect();
        self.families.children(number, parents)
    }

    /// Returns a goroutine and all its descendants, parents before their children. Each item is a
    /// depth and a goroutine. The depth of the first goroutine is 0.
    pub fn descendants(&self, id: GoId) -> Descendants<'_> {
        Descendants {
            timeline: self,
            pending: self.goroutines.get(id.0).map(|number| (0, number)).into_iter().collect(),
        }
    }
}

/// A goroutine and its descendants, parents before their children.
#[derive(Clone, Debug)]
pub struct Descendants<'t> {
    timeline: &'t Timeline,
    /// The depth and number of the goroutines to return, with the next one at the end.
    pending: Vec<(u32, u32)>,
}

impl<'t> Iterator for Descendants<'t> {
    type Item = (u32, Goroutine<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let (depth, number) = self.pending.pop()?;
        // In a valid trace, a goroutine has a higher number than its creator. Other children are
        // skipped, so that a malicious file cannot cause a cycle.
        let children = self.timeline.children_of(number).iter().rev().filter(|&&child| child > number);
        self.pending.extend(children.map(|&child| (depth + 1, child)));
        Some((depth, Goroutine::new(self.timeline, number)))
    }
}
