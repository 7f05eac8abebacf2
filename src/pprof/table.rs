//! Tables of mappings, locations and functions, with lookup by ID.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::error::{ProfileError, ProfileErrorKind};
use super::wire::Span;

/// The positions of all messages of one kind.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// `mapping`, `location` or `function`, for errors.
    name: &'static str,
    /// The start and end of each message, in the order of the file.
    places: Vec<(u32, u32)>,
    index: Index,
}

/// Maps the ID of a message to its index in `places`.
#[derive(Clone, Debug)]
enum Index {
    /// The IDs are consecutive, starting from 1, as Go's runtime and most tools assign them.
    Consecutive,
    /// The largest ID is at most about four times the number of entries.
    Dense(Vec<u32>),
    /// The IDs are arbitrary.
    Sparse(HashMap<u64, u32, RandomState>),
}

/// Marks an ID without an entry in [`Index::Dense`].
const NONE: u32 = u32::MAX;

impl Table {
    pub fn new(name: &'static str) -> Self {
        Table { name, places: Vec::new(), index: Index::Consecutive }
    }

    /// Adds the message at `span`. Its positions fit into 32 bits, because the profile is smaller
    /// than 4 GiB.
    pub fn push(&mut self, span: Span<'_>) {
        self.places.push((span.start as u32, span.bytes.len() as u32));
    }

    /// Builds the index. `id_of` decodes the ID of a message. Fails if an ID is 0 or occurs twice.
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
            // This is the first ID that is not consecutive. From here on, store all IDs.
            if ids.is_empty() {
                ids.extend(1..=place as u64);
            }
            ids.push(id);
        }
        if ids.is_empty() {
            return Ok(());
        }
        let duplicate = |place: usize| {
            let kind = ProfileErrorKind::DuplicateId { table: self.name, id: ids[place] };
            Err(ProfileError::unpacked(kind, self.places[place].0 as usize))
        };
        let largest = ids.iter().copied().max().unwrap_or(0);
        self.index = if largest / 4 <= ids.len() as u64 {
            let mut dense = vec![NONE; largest as usize + 1];
            for (place, &id) in ids.iter().enumerate() {
                if std::mem::replace(&mut dense[id as usize], place as u32) != NONE {
                    return duplicate(place);
                }
            }
            Index::Dense(dense)
        } else {
            let mut sparse = HashMap::with_capacity_and_hasher(ids.len(), RandomState::default());
            for (place, &id) in ids.iter().enumerate() {
                if sparse.insert(id, place as u32).is_some() {
                    return duplicate(place);
                }
            }
            Index::Sparse(sparse)
        };
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the index of the entry with this ID. `None` if the table has no such entry.
    #[inline]
    pub fn find(&self, id: u64) -> Option<usize> {
        match &self.index {
            Index::Consecutive => {
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

    /// Returns the index of the entry with this ID. `at` is the position of the ID, for the error if the table has no
    /// such entry.
    #[inline]
    pub fn place(&self, id: u64, at: usize) -> Result<usize, ProfileError> {
        self.find(id).ok_or_else(|| self.unknown(id, at))
    }

    #[cold]
    fn unknown(&self, id: u64, at: usize) -> ProfileError {
        ProfileError::unpacked(ProfileErrorKind::UnknownId { table: self.name, id }, at)
    }

    /// Returns the message at index `place`, which must be less than [`len`](Table::len).
    pub fn span<'a>(&self, bytes: &'a [u8], place: usize) -> Span<'a> {
        let (start, end) = self.places[place];
        Span { bytes: &bytes[..end as usize], start: start as usize }
    }
}
