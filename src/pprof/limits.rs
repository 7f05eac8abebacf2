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
    /// Frames in all the different stacks of a [`Report`](super::Report), for each byte of the unpacked profile: 8. A frame
    /// takes at least a byte of a sample, but for inlined calls, which share one.
    pub frames_per_byte: u32,
    /// Fields of one mapping, location, function or line, the fields of unknown groups included: 1,024. They are read again
    /// for every frame that is asked for.
    pub fields: u32,
    /// Values of a sample: 32.
    pub sample_types: u32,
    /// Comments: 65,536.
    pub comments: u32,
    /// Groups in groups, among fields that are not known: 100, as in Google's own readers.
    pub nesting: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: 1 << 30,
            stack: 1 << 16,
            lines: 256,
            frames_per_byte: 8,
            fields: 1 << 10,
            sample_types: 32,
            comments: 1 << 16,
            nesting: 100,
        }
    }
}

impl Limits {
    /// Positions are kept in 32 bits.
    pub(super) fn max_bytes(&self) -> u64 {
        self.bytes.min(u32::MAX.into())
    }
}
