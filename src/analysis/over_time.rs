//! Windows of equal length over a trace of unknown length. The windows get longer as the trace gets
//! longer.

use super::histogram::Histogram;

/// The maximum number of windows. When more are needed, adjacent windows are merged in pairs.
const MAX_WINDOWS: usize = 128;

/// The initial length of a window is 2 to this power, in nanoseconds.
const FIRST_LENGTH_BITS: u32 = 20;

/// The content of a window.
pub(super) trait Content: Default {
    /// Adds the content of another window.
    fn merge(&mut self, other: &Self);
}

impl Content for Histogram {
    fn merge(&mut self, other: &Self) {
        Histogram::merge(self, other);
    }
}

impl Content for i64 {
    fn merge(&mut self, other: &Self) {
        *self += *other;
    }
}

/// Windows of equal length, beginning at the start of the trace.
#[derive(Clone, Debug)]
pub(super) struct OverTime<T> {
    start: Option<i64>,
    /// The length of a window in nanoseconds as a power of two, so that finding a window needs no
    /// division.
    length_bits: u32,
    windows: Vec<T>,
}

impl<T> Default for OverTime<T> {
    fn default() -> Self {
        OverTime { start: None, length_bits: FIRST_LENGTH_BITS, windows: Vec::new() }
    }
}

impl<T: Content> OverTime<T> {
    /// Sets the start of the first window, unless it is already set.
    pub fn start(&mut self, time: i64) {
        self.start.get_or_insert(time);
    }

    /// Returns the window that contains a time, and the start of the next window. A time before the
    /// first window belongs to the first window.
    #[inline]
    pub fn at(&mut self, time: i64) -> (&mut T, i64) {
        let start = *self.start.get_or_insert(time);
        let since = (time - start).max(0) as u64;
        let mut index = (since >> self.length_bits) as usize;
        if index >= self.windows.len() {
            self.reach(since);
            index = (since >> self.length_bits) as usize;
        }
        (&mut self.windows[index], start + ((index as i64 + 1) << self.length_bits))
    }

    /// Returns the end of the window that contains a time, for the current window length.
    pub fn window_end(&self, time: i64) -> i64 {
        let start = self.start.unwrap_or(time);
        let index = (time - start).max(0) >> self.length_bits;
        start + ((index + 1) << self.length_bits)
    }

    /// Adds windows up to `since` nanoseconds after the start. Merges windows in pairs if there
    /// would be too many.
    #[cold]
    #[inline(never)]
    fn reach(&mut self, since: u64) {
        while since >> self.length_bits >= MAX_WINDOWS as u64 {
            self.double();
        }
        let len = (since >> self.length_bits) as usize + 1;
        if len > self.windows.len() {
            self.windows.resize_with(len, T::default);
        }
    }

    /// Doubles the length of the windows by merging them in pairs.
    fn double(&mut self) {
        self.length_bits += 1;
        let mut old = std::mem::take(&mut self.windows).into_iter();
        while let Some(mut window) = old.next() {
            old.next().iter().for_each(|later| window.merge(later));
            self.windows.push(window);
        }
    }

    /// Adds the windows of `other`, which must have the same start.
    pub fn merge(&mut self, other: &Self) {
        while self.length_bits < other.length_bits {
            self.double();
        }
        self.start = self.start.or(other.start);
        let more_bits = self.length_bits - other.length_bits;
        for (index, window) in other.windows.iter().enumerate() {
            let index = index >> more_bits;
            if index >= self.windows.len() {
                self.windows.resize_with(index + 1, T::default);
            }
            self.windows[index].merge(window);
        }
    }

    /// Returns the length of a window in nanoseconds, and the windows in order, each with its
    /// start.
    pub fn into_windows(self) -> (i64, Vec<(i64, T)>) {
        let (start, length) = (self.start.unwrap_or(0), 1 << self.length_bits);
        let windows = self.windows.into_iter().enumerate();
        (length, windows.map(|(i, window)| (start + i as i64 * length, window)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_with_the_trace_and_keep_all_values() {
        let mut over_time = OverTime::<Histogram>::default();
        for i in 0..10_000_i64 {
            let time = 5 + i * 300_000;
            over_time.at(time).0.add_nanos(i);
        }
        let (length, windows) = over_time.into_windows();
        assert_eq!(length, 32 << FIRST_LENGTH_BITS, "three seconds in 128 windows at most");
        assert!(windows.len() <= MAX_WINDOWS && windows.len() > MAX_WINDOWS / 2, "{}", windows.len());
        assert_eq!(windows.iter().map(|(_, window)| window.count()).sum::<u64>(), 10_000);
        for (start, window) in &windows {
            let first = (start - 5 + 299_999) / 300_000;
            assert_eq!(window.min().as_nanos(), first as u128, "the first that comes in the window of {start}");
        }
    }
}
