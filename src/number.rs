//! Compact indexes for the entries of the crate's tables.

use std::hash::Hash;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

/// Converts the index of a table entry to 32 bits, which halves the memory of everything that
/// refers to entries.
///
/// # Panics
///
/// Panics if `index` is 2³² − 2 or more. Several tables use the last two 32-bit numbers to mean "none". An entry takes
/// at least 12 bytes, and usually 40, so such a table would be larger than 48 GiB. Like a failed allocation, this means
/// that memory is exhausted. [`Limits`](crate::Limits) keep tables far smaller.
#[inline(always)]
pub(crate) fn number(index: usize) -> u32 {
    match u32::try_from(index) {
        Ok(number) if number < u32::MAX - 1 => number,
        _ => panic!("four billion entries do not fit in memory"),
    }
}

/// Returns the index of `text` in `texts`. Copies `text` into the set if it is new.
#[inline]
pub(crate) fn intern<T>(texts: &mut IndexSet<Box<T>, RandomState>, text: &T) -> u32
where
    T: ?Sized + Hash + Eq,
    for<'a> Box<T>: From<&'a T>,
{
    number(texts.get_index_of(text).unwrap_or_else(|| texts.insert_full(text.into()).0))
}
