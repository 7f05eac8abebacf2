//! How far a hostile profile gets.

/// Caps on what a profile may make us allocate or do. The defaults are far above what real profiles have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the unpacked profile: 1 GiB. Never more than 4 GiB.
    pub bytes: u64,
    /// Locations in the stack of one sample: 65,536. Go's runtime writes 128 unless `GODEBUG=profstackdepth` says
    /// otherwise.
    pub stack: u32,
    /// Lines in one location, that is, calls inlined at one address: 256.
    pub lines: u32,
    /// Values of a sample: 64.
    pub sample_types: u32,
    /// Groups in groups, among fields that are not known: 100, as in Google's own readers.
    pub nesting: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 1 << 30, stack: 1 << 16, lines: 256, sample_types: 64, nesting: 100 }
    }
}

impl Limits {
    /// Positions are kept in 32 bits.
    pub(super) fn max_bytes(&self) -> u64 {
        self.bytes.min(u32::MAX.into())
    }
}
