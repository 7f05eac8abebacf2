//! The records that were not returned yet.
//!
//! They are filled a block at a time, so that a block is prepared once and its loop stays in the
//! processor's caches.

use crate::event::record::Record;

/// The number of records in a block.
const BLOCK: usize = 64;
/// The maximum number of records of an event.
const MOST: usize = 2;

#[derive(Debug)]
pub(super) struct RecordBlock {
    records: Box<[Record; BLOCK + MOST]>,
    len: usize,
    delivered: usize,
    /// The time of the last record.
    last_time: i64,
}

/// Returns this time. If it is not later than the last time, returns the nanosecond after the last time.
#[inline(always)]
pub(super) fn later(time: i64, last: i64) -> i64 {
    time.max(last.wrapping_add(1))
}

impl Default for RecordBlock {
    fn default() -> Self {
        // The initial time is the same as in Go's converter, so that the first event is not before zero.
        RecordBlock { records: Box::new([Record::BLANK; BLOCK + MOST]), len: 0, delivered: 0, last_time: -1 }
    }
}

impl RecordBlock {
    /// Returns whether there is a record to return.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.delivered < self.len
    }

    /// Returns the next record. There must be a record.
    #[inline(always)]
    pub fn deliver(&mut self) -> &Record {
        let record = &self.records[self.delivered];
        self.delivered += 1;
        record
    }

    /// Returns all remaining records.
    pub fn take(&mut self) -> &[Record] {
        let first = std::mem::replace(&mut self.delivered, self.len);
        self.records.get(first..self.len).unwrap_or_default()
    }

    /// Starts another block. All records must have been returned. Returns how many records there were.
    pub fn clear(&mut self) -> u64 {
        self.delivered = 0;
        std::mem::take(&mut self.len) as u64
    }

    /// Returns whether there is room for another event.
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        self.len < BLOCK
    }

    /// Returns the next record to fill. Its fields contain old values.
    #[inline(always)]
    pub fn next(&mut self) -> &mut Record {
        &mut self.records[self.len]
    }

    /// Returns the last record that was filled.
    pub fn last(&self) -> &Record {
        &self.records[self.len.saturating_sub(1)]
    }

    /// Returns the time of the next record, given the time of its event.
    #[inline(always)]
    pub fn time(&self, event_time: i64) -> i64 {
        later(event_time, self.last_time)
    }

    /// Returns the records to fill, one more than [`has_room`](Self::has_room) allows because an event may have two
    /// records, and the time of the last record.
    #[inline(always)]
    pub fn room(&mut self) -> (&mut [Record], &mut i64) {
        let records = self.records.get_mut(self.len..=BLOCK).unwrap_or_default();
        (records, &mut self.last_time)
    }

    /// Counts records that were filled, with the time of the last record already set.
    #[inline(always)]
    pub fn fill(&mut self, records: usize) {
        self.len += records;
    }

    /// Counts the record from [`next`](Self::next), which has this [`time`](Self::time).
    #[inline(always)]
    pub fn push(&mut self, time: i64) {
        self.last_time = time;
        self.len += 1;
    }

    /// Copies the last record to the next record.
    pub fn repeat(&mut self) -> &mut Record {
        let last = *self.last();
        let record = self.next();
        *record = last;
        record
    }

    /// Returns the number of records that were not returned.
    pub fn waiting(&self) -> u64 {
        (self.len - self.delivered) as u64
    }

    /// Returns the number of records of the block that were returned.
    pub fn delivered(&self) -> u64 {
        self.delivered as u64
    }

    /// Returns the time of the last record.
    pub fn last_time(&self) -> i64 {
        self.last_time
    }

    /// Fills a Sync, which is the only record of its block and has its own time.
    pub fn sync(&mut self, record: Record) {
        self.records[0] = record;
        self.len = 1;
        self.delivered = 0;
    }
}
