//! The numbers by which the crate's tables know their entries.

use std::hash::Hash;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

/// The number of the entry at an index. It has 32 bits, so that what refers to many entries takes half the memory.
///
/// # Panics
///
/// At the entry 2³². With what finds it again no entry of any table takes less than 16 bytes, and most take 40: the table has at least
/// 64 GiB then, and as with an allocation that fails, the memory is gone. [`Limits`](crate::Limits) keep what lives in a trace far
/// below.
#[inline(always)]
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).expect("four billion entries do not fit in memory")
}

/// The number of a text, which is copied once, when it is new.
#[inline]
pub(crate) fn intern<T>(texts: &mut IndexSet<Box<T>, RandomState>, text: &T) -> u32
where
    T: ?Sized + Hash + Eq,
    for<'a> Box<T>: From<&'a T>,
{
    number(texts.get_index_of(text).unwrap_or_else(|| texts.insert_full(text.into()).0))
}
