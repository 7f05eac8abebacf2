//! The records that are made but not yet delivered.
//!
//! They are made a block at a time: what a block needs is looked up once, and the loop stays in the processor's caches.

use crate::event::record::Record;

/// How many records are made at a time.
const BLOCK: usize = 64;
/// The most that one event gives.
const MOST: usize = 2;

#[derive(Debug)]
pub(super) struct Outbox {
    records: Box<[Record; BLOCK + MOST]>,
    len: usize,
    delivered: usize,
    /// The time of the last one.
    last_time: i64,
}

/// A time that is said to be one, but is later than the last.
#[inline(always)]
pub(super) fn later(said: i64, last: i64) -> i64 {
    said.max(last.wrapping_add(1))
}

impl Default for Outbox {
    fn default() -> Self {
        // The reference's converter begins here: the first event is never before zero.
        Outbox { records: Box::new([Record::BLANK; BLOCK + MOST]), len: 0, delivered: 0, last_time: -1 }
    }
}

impl Outbox {
    /// Whether there is a record to deliver.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.delivered < self.len
    }

    /// The next record to deliver, which must be there.
    #[inline(always)]
    pub fn deliver(&mut self) -> &Record {
        let record = &self.records[self.delivered];
        self.delivered += 1;
        record
    }

    /// All records that are left to deliver.
    pub fn take(&mut self) -> &[Record] {
        let first = std::mem::replace(&mut self.delivered, self.len);
        self.records.get(first..self.len).unwrap_or_default()
    }

    /// Begins another block, once all of the last one is delivered. Gives how many there were.
    pub fn clear(&mut self) -> u64 {
        self.delivered = 0;
        std::mem::take(&mut self.len) as u64
    }

    /// Whether another event may be made.
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        self.len < BLOCK
    }

    /// The record to fill next. Its fields hold what an older one left.
    #[inline(always)]
    pub fn next(&mut self) -> &mut Record {
        &mut self.records[self.len]
    }

    /// The last record that was made.
    pub fn last(&self) -> &Record {
        &self.records[self.len.saturating_sub(1)]
    }

    /// The time of the next record, if it says that it happened then: later than the one before in any case.
    #[inline(always)]
    pub fn time(&self, said: i64) -> i64 {
        later(said, self.last_time)
    }

    /// The records to fill next, as many as there may be and one for a second of the last event, and the time of the
    /// last one before them.
    #[inline(always)]
    pub fn room(&mut self) -> (&mut [Record], &mut i64) {
        let records = self.records.get_mut(self.len..=BLOCK).unwrap_or_default();
        (records, &mut self.last_time)
    }

    /// So many of these are filled, and the time is that of the last.
    #[inline(always)]
    pub fn fill(&mut self, records: usize) {
        self.len += records;
    }

    /// The record that [`next`](Self::next) gave is filled, with a [`time`](Self::time).
    #[inline(always)]
    pub fn push(&mut self, time: i64) {
        self.last_time = time;
        self.len += 1;
    }

    /// Copies the last record to where the next one goes.
    pub fn repeat(&mut self) -> &mut Record {
        let last = *self.last();
        let record = self.next();
        *record = last;
        record
    }

    /// How many wait to be delivered.
    pub fn waiting(&self) -> u64 {
        (self.len - self.delivered) as u64
    }

    /// How many of the block were delivered.
    pub fn delivered(&self) -> u64 {
        self.delivered as u64
    }

    /// The time of the last record.
    pub fn last_time(&self) -> i64 {
        self.last_time
    }

    /// Makes a Sync. It is the only record of its block, and its time is its own.
    pub fn sync(&mut self, record: Record) {
        self.records[0] = record;
        self.len = 1;
        self.delivered = 0;
    }
}
