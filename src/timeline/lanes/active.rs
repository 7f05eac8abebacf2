//! Which goroutines did something at a time, so that a query about a short time need not look at all of them.

/// The goroutines that changed their state, ran or were in a system call in each of equal buckets.
#[derive(Debug)]
pub(super) struct Active {
    /// The number of the first bucket: its start divided by the width.
    first: i64,
    shift: u32,
    /// The index in `goroutines` at which each bucket starts, and the length of `goroutines`.
    starts: Vec<u32>,
    /// The goroutines, sorted by bucket, then by number.
    goroutines: Vec<u32>,
}

/// A bucket has on average at least this many spans.
const SPANS_PER_BUCKET: u64 = 4096;

/// Collects goroutines in ascending order.
#[derive(Debug)]
pub(super) struct ActiveBuilder {
    first: i64,
    shift: u32,
    /// Buckets and goroutines, sorted by goroutine, then by bucket.
    pairs: Vec<(u32, u32)>,
}

impl ActiveBuilder {
    /// Returns a builder for a trace of that many spans.
    pub fn new(spans: u64, start: i64, end: i64) -> Self {
        let most = spans / SPANS_PER_BUCKET + 1;
        let shift = (0..i64::BITS - 1).find(|&shift| (end >> shift).abs_diff(start >> shift) < most);
        let shift = shift.unwrap_or(i64::BITS - 1);
        ActiveBuilder { first: start >> shift, shift, pairs: Vec::new() }
    }

    fn bucket(&self, time: i64) -> u32 {
        (time >> self.shift).saturating_sub(self.first).clamp(0, i64::from(u32::MAX)) as u32
    }

    /// Adds a goroutine that was active from `start` to `end`. Times of the same goroutine must ascend.
    #[inline]
    pub fn add(&mut self, goroutine: u32, start: i64, end: i64) {
        let known = self.pairs.last().filter(|pair| pair.1 == goroutine).map(|pair| pair.0);
        let last = self.bucket(end);
        if known.is_some_and(|known| known >= last) {
            return;
        }
        let first = known.map_or(self.bucket(start), |known| self.bucket(start).max(known + 1));
        self.pairs.extend((first..=last).map(|bucket| (bucket, goroutine)));
    }

    /// Sorts the goroutines by bucket. Doubles the width of buckets until there are at most `most` entries.
    pub fn finish(mut self, most: usize) -> Active {
        while self.pairs.len() > most && self.shift < i64::BITS - 1 {
            let odd = (self.first & 1) as u32;
            for pair in &mut self.pairs {
                pair.0 = (pair.0 + odd) / 2;
            }
            self.pairs.dedup();
            self.first >>= 1;
            self.shift += 1;
        }
        let buckets = self.pairs.iter().map(|pair| pair.0 as usize + 1).max().unwrap_or(0);
        let mut starts = vec![0u32; buckets + 1];
        for &(bucket, _) in &self.pairs {
            starts[bucket as usize + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        let mut goroutines = vec![0; self.pairs.len()];
        for &(bucket, goroutine) in &self.pairs {
            let place = &mut next[bucket as usize];
            goroutines[*place as usize] = goroutine;
            *place += 1;
        }
        Active { first: self.first, shift: self.shift, starts, goroutines }
    }
}

impl Active {
    /// Returns the goroutines that were active between two times, in ascending order, and possibly some that were active
    /// shortly before or after.
    pub fn between(&self, start: i64, end: i64) -> Vec<u32> {
        let last = self.starts.len().saturating_sub(1);
        let bucket = |time: i64| (time >> self.shift).saturating_sub(self.first).clamp(0, last as i64) as usize;
        let (from, to) = (bucket(start), (bucket(end) + 1).min(last));
        let index = |bucket: usize| self.starts.get(bucket).map_or(0, |&start| start as usize);
        let mut found = self.goroutines.get(index(from)..index(to)).unwrap_or_default().to_vec();
        found.sort_unstable();
        found.dedup();
        found
    }

    pub fn bytes(&self) -> u64 {
        ((self.starts.capacity() + self.goroutines.capacity()) * size_of::<u32>()) as u64
    }
}
