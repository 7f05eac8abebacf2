//! The mappings, locations and functions of a profile by their IDs.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::error::{ProfileError, ProfileErrorKind};
use super::wire::Span;

/// Where the messages of one kind lie.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// `mapping`, `location` or `function`, for errors.
    name: &'static str,
    /// Start and end of each message, in the order of the file.
    places: Vec<(u32, u32)>,
    index: Index,
}

/// From an ID to the place in the order of the file.
#[derive(Clone, Debug)]
enum Index {
    /// The IDs count from 1, as Go's runtime and most writers give them.
    Counting,
    /// The IDs are not much larger than their number.
    Dense(Vec<u32>),
    /// They may be anything.
    Sparse(HashMap<u64, u32, RandomState>),
}

/// No entry of a dense index.
const NONE: u32 = u32::MAX;

impl Table {
    pub fn new(name: &'static str) -> Self {
        Table { name, places: Vec::new(), index: Index::Counting }
    }

    /// The message at `span` is one of this table. The span is shorter than 4 GiB, as the whole profile is.
    pub fn push(&mut self, span: Span<'_>) {
        self.places.push((span.start as u32, span.bytes.len() as u32));
    }

    /// Makes ready to look up IDs, which `id_of` finds in the messages.
    pub fn index(
        &mut self,
        bytes: &[u8],
        mut id_of: impl FnMut(Span<'_>) -> Result<u64, ProfileError>,
    ) -> Result<(), ProfileError> {
        let mut ids = Vec::new();
        for place in 0..self.places.len() {
            let span = self.span(bytes, place);
            let id = id_of(span)?;
            if id == 0 {
                return Err(ProfileError::unpacked(ProfileErrorKind::ZeroId { table: self.name }, span.start));
            }
            if ids.is_empty() && id == place as u64 + 1 {
                continue;
            }
            // The first that is out of line: from here on the IDs are kept.
            if ids.is_empty() {
                ids.extend(1..=place as u64);
            }
            ids.push(id);
        }
        if ids.is_empty() {
            return Ok(());
        }
        let twice = |place: usize| {
            let kind = ProfileErrorKind::DuplicateId { table: self.name, id: ids[place] };
            Err(ProfileError::unpacked(kind, self.places[place].0 as usize))
        };
        let largest = ids.iter().copied().max().unwrap_or(0);
        self.index = if largest / 4 <= ids.len() as u64 {
            let mut dense = vec![NONE; largest as usize + 1];
            for (place, &id) in ids.iter().enumerate() {
                if std::mem::replace(&mut dense[id as usize], place as u32) != NONE {
                    return twice(place);
                }
            }
            Index::Dense(dense)
        } else {
            let mut sparse = HashMap::with_capacity_and_hasher(ids.len(), RandomState::default());
            for (place, &id) in ids.iter().enumerate() {
                if sparse.insert(id, place as u32).is_some() {
                    return twice(place);
                }
            }
            Index::Sparse(sparse)
        };
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The place of an ID, if it has one.
    #[inline]
    pub fn find(&self, id: u64) -> Option<usize> {
        match &self.index {
            Index::Counting => {
                let place = id.wrapping_sub(1);
                (place < self.places.len() as u64).then_some(place as usize)
            }
            Index::Dense(dense) => {
                let place = usize::try_from(id).ok().and_then(|id| dense.get(id));
                place.filter(|&&place| place != NONE).map(|&place| place as usize)
            }
            Index::Sparse(sparse) => sparse.get(&id).map(|&place| place as usize),
        }
    }

    /// The place of an ID that stands at `at`.
    #[inline]
    pub fn place(&self, id: u64, at: usize) -> Result<usize, ProfileError> {
        self.find(id).ok_or_else(|| self.unknown(id, at))
    }

    #[cold]
    fn unknown(&self, id: u64, at: usize) -> ProfileError {
        ProfileError::unpacked(ProfileErrorKind::UnknownId { table: self.name, id }, at)
    }

    /// The message at a place, which [`find`](Table::find) gave or which is below [`len`](Table::len).
    pub fn span<'a>(&self, bytes: &'a [u8], place: usize) -> Span<'a> {
        let (start, end) = self.places[place];
        Span { bytes: &bytes[..end as usize], start: start as usize }
    }
}
