//! The numbers by which the crate's tables know their entries.

use std::hash::Hash;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

/// The number of the entry at an index. It has 32 bits, so that what refers to many entries takes half the memory.
///
/// # Panics
///
/// At the last two of 2³² entries, whose numbers stand for none in several tables. With what finds it again no entry takes less than
/// 12 bytes, and most take 40: the table has at least 48 GiB then, and as with an allocation that fails, the memory is gone.
/// [`Limits`](crate::Limits) keep what lives in a trace far below.
#[inline(always)]
pub(crate) fn number(index: usize) -> u32 {
    match u32::try_from(index) {
        Ok(number) if number < u32::MAX - 1 => number,
        _ => panic!("four billion entries do not fit in memory"),
    }
}

/// The number of a text or list, which is copied once, when it is new.
#[inline]
pub(crate) fn intern<T>(texts: &mut IndexSet<Box<T>, RandomState>, text: &T) -> u32
where
    T: ?Sized + Hash + Eq,
    for<'a> Box<T>: From<&'a T>,
{
    number(texts.get_index_of(text).unwrap_or_else(|| texts.insert_full(text.into()).0))
}
