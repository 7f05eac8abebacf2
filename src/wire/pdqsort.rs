//! A port of Go's `slices.SortFunc`, which leaves equal keys in the same order as Go does.
//!
//! Go's trace reader sorts its frontier and its CPU samples with this unstable sort, so the order
//! of events with the same time depends on it. To return events in the same order, this module
//! follows the algorithm of Go `src/slices/zsortanyfunc.go` step by step. It is pattern-defeating
//! quicksort by Orson Peters.

/// Slices of up to this length are sorted with insertion sort.
const MAX_INSERTION: usize = 12;
/// Slices of at least this length use the median of three medians as the pivot (Tukey's ninther).
const NINTHER_FROM: usize = 50;
/// The maximum number of swaps while choosing a pivot. If it is reached, the slice is probably
/// descending.
const MAX_SWAPS: usize = 12;
/// The maximum number of out-of-order pairs that [`Sorter::partial_insertion_sort`] fixes.
const MAX_SHIFTS: usize = 5;
/// [`Sorter::partial_insertion_sort`] fixes no pairs in slices shorter than this.
const SHORTEST_SHIFTED: usize = 50;

/// Sorts by an integer key, in ascending order.
pub(crate) fn sort_by_key<T>(data: &mut [T], key: impl Fn(&T) -> i64) {
    let limit = (usize::BITS - data.len().leading_zeros()) as usize;
    let end = data.len();
    Sorter { data, key }.sort(0, end, limit);
}

struct Sorter<'a, T, K> {
    data: &'a mut [T],
    key: K,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

impl<T, K: Fn(&T) -> i64> Sorter<'_, T, K> {
    fn less(&self, i: usize, j: usize) -> bool {
        (self.key)(&self.data[i]) < (self.key)(&self.data[j])
    }

    fn sort(&mut self, mut a: usize, mut b: usize, mut limit: usize) {
        let mut balanced = true;
        let mut partitioned = true;
        loop {
            let length = b - a;
            if length <= MAX_INSERTION {
                return self.insertion_sort(a, b);
            }
            if limit == 0 {
                return self.heap_sort(a, b);
            }
            if !balanced {
                self.break_patterns(a, b);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.choose_pivot(a, b);
            if hint == Hint::Decreasing {
                self.data[a..b].reverse();
                pivot = (b - 1) - (pivot - a);
                hint = Hint::Increasing;
            }
            if balanced && partitioned && hint == Hint::Increasing && self.partial_insertion_sort(a, b) {
                return;
            }
            // The element before the slice is not less than the pivot, so the pivot is the smallest element of the
            // slice. The slice probably contains many elements equal to the pivot, which need no further sorting.
            if a > 0 && !self.less(a - 1, pivot) {
                a = self.partition_equal(a, b, pivot);
                continue;
            }
            let (middle, already) = self.partition(a, b, pivot);
            partitioned = already;
            let (left, right) = (middle - a, b - middle);
            balanced = left.min(right) >= length / 8;
            // Recurse into the shorter side, so that the depth is logarithmic.
            if left < right {
                self.sort(a, middle, limit);
                a = middle + 1;
            } else {
                self.sort(middle + 1, b, limit);
                b = middle;
            }
        }
    }

    fn insertion_sort(&mut self, a: usize, b: usize) {
        for i in a + 1..b {
            let mut j = i;
            while j > a && self.less(j, j - 1) {
                self.data.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn heap_sort(&mut self, a: usize, b: usize) {
        let length = b - a;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift_down(root, length, a);
        }
        for end in (0..length).rev() {
            self.data.swap(a, a + end);
            self.sift_down(0, end, a);
        }
    }

    fn sift_down(&mut self, mut root: usize, end: usize, first: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.data.swap(first + root, first + child);
            root = child;
        }
    }

    /// Partitions around the pivot. Returns the pivot's new index, and whether the slice was
    /// already partitioned.
    fn partition(&mut self, a: usize, b: usize, pivot: usize) -> (usize, bool) {
        self.data.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        self.skip_partitioned(a, &mut i, &mut j);
        if i > j {
            self.data.swap(j, a);
            return (j, true);
        }
        self.data.swap(i, j);
        i += 1;
        j -= 1;
        loop {
            self.skip_partitioned(a, &mut i, &mut j);
            if i > j {
                break;
            }
            self.data.swap(i, j);
            i += 1;
            j -= 1;
        }
        self.data.swap(j, a);
        (j, false)
    }

    /// Moves `i` and `j` towards each other, past elements that are on the correct side already.
    fn skip_partitioned(&self, pivot: usize, i: &mut usize, j: &mut usize) {
        while *i <= *j && self.less(*i, pivot) {
            *i += 1;
        }
        while *i <= *j && !self.less(*j, pivot) {
            *j -= 1;
        }
    }

    /// Partitions into elements equal to the pivot and greater elements. Returns the index of the first greater
    /// element.
    fn partition_equal(&mut self, a: usize, b: usize, pivot: usize) -> usize {
        self.data.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        loop {
            while i <= j && !self.less(a, i) {
                i += 1;
            }
            while i <= j && self.less(a, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.data.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Tries to sort a slice that is nearly sorted. Returns whether the slice is sorted now.
    fn partial_insertion_sort(&mut self, a: usize, b: usize) -> bool {
        let mut i = a + 1;
        for _ in 0..MAX_SHIFTS {
            while i < b && !self.less(i, i - 1) {
                i += 1;
            }
            if i == b {
                return true;
            }
            if b - a < SHORTEST_SHIFTED {
                return false;
            }
            self.data.swap(i, i - 1);
            if i - a >= 2 {
                let mut j = i - 1;
                while j >= 1 && self.less(j, j - 1) {
                    self.data.swap(j, j - 1);
                    j -= 1;
                }
            }
            if b - i >= 2 {
                let mut j = i + 1;
                while j < b && self.less(j, j - 1) {
                    self.data.swap(j, j - 1);
                    j += 1;
                }
            }
        }
        false
    }

    /// Swaps three elements with pseudo-random elements, to break patterns that cause bad pivots. The
    /// seed is the length, so the result is deterministic.
    fn break_patterns(&mut self, a: usize, b: usize) {
        let length = b - a;
        let mut random = length as u64;
        let mask = (1usize << (usize::BITS - length.leading_zeros())) - 1;
        let middle = a + (length / 4) * 2;
        for at in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = random as usize & mask;
            if other >= length {
                other -= length;
            }
            self.data.swap(at, a + other);
        }
    }

    fn choose_pivot(&self, a: usize, b: usize) -> (usize, Hint) {
        let length = b - a;
        let mut swaps = 0;
        let [mut i, mut j, mut k] = [1, 2, 3].map(|quarter| a + length / 4 * quarter);
        if length >= NINTHER_FROM {
            i = self.median(i - 1, i, i + 1, &mut swaps);
            j = self.median(j - 1, j, j + 1, &mut swaps);
            k = self.median(k - 1, k, k + 1, &mut swaps);
        }
        j = self.median(i, j, k, &mut swaps);
        match swaps {
            0 => (j, Hint::Increasing),
            MAX_SWAPS => (j, Hint::Decreasing),
            _ => (j, Hint::Unknown),
        }
    }

    fn median(&self, a: usize, b: usize, c: usize, swaps: &mut usize) -> usize {
        let (a, b) = self.ordered(a, b, swaps);
        let (b, _) = self.ordered(b, c, swaps);
        self.ordered(a, b, swaps).1
    }

    fn ordered(&self, a: usize, b: usize, swaps: &mut usize) -> (usize, usize) {
        match self.less(b, a) {
            true => {
                *swaps += 1;
                (b, a)
            }
            false => (a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each length, the FNV-1a hash of the permutations that `slices.SortFunc` of Go 1.27.3
    /// produces for the patterns of [`keys`]:
    ///
    /// ```go
    /// items := make([]item, n) // item{key: keys[i], at: uint32(i)}
    /// slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.key, b.key) })
    /// for _, item := range items {
    ///     hash = (hash ^ item.at) * 16777619
    /// }
    /// ```
    #[rustfmt::skip]
    const GO: [u32; 201] = [
        0x811c_9dc5, 0xa413_d797, 0x6d39_fc82, 0xb046_ef22, 0xed42_a99d, 0x3605_a82d, 0x9891_1088, 0xb016_4c46,
        0x10f3_df5f, 0x1fa0_b437, 0x4d9c_d6a0, 0x9ea2_351e, 0x2d7e_0a61, 0x1857_0afd, 0xbb4e_ebb4, 0xe27a_ebe0,
        0x0bba_c8bb, 0x0076_b3ff, 0x1f00_bff6, 0xfc83_2dfa, 0x99d8_38b3, 0xb219_cdb5, 0x6d5f_9188, 0x4226_600c,
        0x479a_5faf, 0x60a3_96a1, 0xf38d_0c5a, 0x85e0_3f74, 0x3b5c_d577, 0x77cb_f27b, 0x2d9c_9e00, 0x9ff7_52ba,
        0x6156_18c7, 0xad81_3101, 0xd7fb_56c0, 0xdfc0_63c0, 0x6ed0_2f93, 0x49d6_c465, 0x6f00_1a4a, 0x708a_93a2,
        0x72e5_8d97, 0xd0ac_b3af, 0x7bf7_1340, 0x941e_383e, 0x521f_c481, 0xbff5_f0c9, 0x520d_8c08, 0x77d7_f5ca,
        0xa075_f8bd, 0x79e5_5401, 0x36d1_3d32, 0xa4e4_1ab2, 0x01dc_602d, 0x50b7_98f7, 0x913c_0a76, 0x6ff6_697a,
        0x9bc0_6605, 0xab9b_7257, 0x4a47_102a, 0x7aa2_527c, 0xd3c3_0201, 0xefa5_e3ed, 0x1afb_5646, 0xd948_ece2,
        0xcb51_5e33, 0x55fb_5d47, 0x4104_5adc, 0x30a1_a26e, 0x75e5_a491, 0x256d_3009, 0xe2b2_c666, 0xb94e_b8ca,
        0x7d6f_ba9f, 0xdd32_36a7, 0x44a7_852e, 0x201b_2d96, 0xab9e_a3e5, 0x8580_8993, 0x4b1f_bb72, 0x54bb_9d7a,
        0x63b2_a70d, 0xcbbd_c55b, 0xe767_eb48, 0xb938_1b78, 0xf7e0_d8fd, 0x0262_cdad, 0x812c_ddfa, 0x56c2_ba5c,
        0x1b26_dd8b, 0x55fe_0c79, 0xfba4_1a14, 0x09b5_c1bc, 0x76f1_31dd, 0xbc37_fe11, 0x2848_4096, 0x6fff_7f82,
        0x3fe5_728f, 0x3b34_871f, 0xf0ad_4b8c, 0x4192_2d86, 0xc486_9fb5, 0x4c3e_354b, 0xbb69_23e8, 0xaf5c_ea4e,
        0x8fc3_b40d, 0x119f_e773, 0x8fe4_a062, 0x8c0a_6f22, 0xf5b4_f4e9, 0x3261_721b, 0x1c8b_24e8, 0x77af_048e,
        0xf1b7_5867, 0xe632_81c7, 0x2506_4190, 0xf563_f9b6, 0xeee6_6401, 0x7447_1499, 0x79e2_464a, 0x4368_7c7c,
        0x819f_745f, 0x5826_6aff, 0x342d_56fa, 0x954e_6572, 0x19af_72df, 0x6b8f_77ef, 0xf7e1_b7ea, 0x2cba_d6c6,
        0xcdcb_c249, 0x5748_cee7, 0x5ed3_530c, 0x755b_b10c, 0xb060_8eb1, 0xca26_9f23, 0xbfcb_9866, 0xa900_f8e0,
        0x2947_5d7d, 0xb40d_763b, 0x75a3_344a, 0x255a_952e, 0x00c2_3a93, 0xfb4a_6353, 0xe835_bed0, 0x6a59_7404,
        0xa45a_e16f, 0x5d30_54a9, 0x9ea6_8308, 0xc570_96ec, 0x7a45_cc19, 0xf781_bfa3, 0x8661_1f3a, 0xae66_2610,
        0x09a6_2809, 0x35a5_c1a5, 0xdf90_7b90, 0x54f6_0340, 0x3cd9_e10f, 0xd8a3_b253, 0x1720_bfa2, 0xd5a0_fc4e,
        0x4eb9_3707, 0x5654_a76f, 0x9785_7c1a, 0x9b0d_3990, 0x4853_38bb, 0x8a3f_54b7, 0x70fa_3da8, 0xbfa5_2348,
        0xb625_6817, 0x8055_26dd, 0x463a_3796, 0xe553_f234, 0x143e_5dbd, 0xca49_c153, 0x4d74_3d92, 0x3be2_013a,
        0xe7e9_5d3d, 0x301b_c5a3, 0x8490_d560, 0x6406_77f4, 0xdf43_60bf, 0x9531_81f7, 0xd482_c550, 0x196c_7716,
        0xd141_07a9, 0x4d6a_379f, 0xce19_ee28, 0x34cc_e2fa, 0x2e3e_c73b, 0x7c9b_a0e3, 0x225a_c740, 0xa257_25e8,
        0x3aef_92ff, 0x1792_5245, 0x2ffc_b9ee, 0xff7d_2726, 0x57e1_dbdf, 0xa8fa_74f3, 0xa775_6ff4, 0xb26b_b092,
        0x0554_f643,
    ];

    const PATTERNS: usize = 11;
    const FNV_START: u32 = 2_166_136_261;

    /// Returns the keys of one pattern. Some keys are equal, as times of events are.
    fn keys(pattern: usize, n: usize, random: &mut u64) -> Vec<i64> {
        let n = n as i64;
        let key = |i: i64| {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            let r = (*random >> 33) as i64;
            match pattern {
                0 => r % 2,
                1 => r % 5,
                2 => r % 16,
                3 => r,
                4 => i / 3,
                5 => -i / 3,
                6 => i.min(n - i) / 2,
                7 => 7,
                8 => i % 7,
                9 => i % 50 / 2,
                _ => i / 3 - r % 8 / 7 * 30,
            }
        };
        (0..n).map(key).collect()
    }

    fn permutation(keys: &[i64]) -> Vec<u32> {
        let mut items: Vec<(i64, u32)> = keys.iter().copied().zip(0..).collect();
        sort_by_key(&mut items, |item| item.0);
        assert!(items.is_sorted_by_key(|item| item.0));
        items.into_iter().map(|item| item.1).collect()
    }

    fn fnv(hash: u32, permutation: &[u32]) -> u32 {
        permutation.iter().fold(hash, |hash, at| (hash ^ at).wrapping_mul(16_777_619))
    }

    #[test]
    fn equal_keys_are_in_the_same_order_as_in_go() {
        let mut random = 88_172_645_463_325_252;
        for (n, expected) in GO.into_iter().enumerate() {
            let permutations = (0..PATTERNS).map(|pattern| permutation(&keys(pattern, n, &mut random)));
            let hash = permutations.fold(FNV_START, |hash, permutation| fnv(hash, &permutation));
            assert_eq!(hash, expected, "{n} items");
        }
    }

    /// Too many bad pivots cause a heap sort. No pattern has that many, so the test lowers the limit. The
    /// expected hashes are computed with `pdqsortCmpFunc(items, 0, n, limit, …)` in a copy of Go's `zsortanyfunc.go`,
    /// over all lengths.
    #[test]
    fn too_many_bad_pivots_cause_the_same_heap_sort_as_in_go() {
        for (limit, expected) in [(0, 0xcd92_c973), (1, 0xa604_b00b)] {
            let mut random = 88_172_645_463_325_252;
            let mut hash = FNV_START;
            for n in 0..=200 {
                for pattern in 0..PATTERNS {
                    let keys = keys(pattern, n, &mut random);
                    let mut items: Vec<(i64, u32)> = keys.into_iter().zip(0..).collect();
                    Sorter { data: &mut items, key: |item: &(i64, u32)| item.0 }.sort(0, n, limit);
                    hash = items.into_iter().fold(hash, |hash, item| fnv(hash, &[item.1]));
                }
            }
            assert_eq!(hash, expected, "limit {limit}");
        }
    }
}
