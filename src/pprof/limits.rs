//! Limits for hostile profiles.

/// Limits on the memory and time that a profile can make us use. The defaults are far above what real profiles need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileLimits {
    /// Bytes of the unpacked profile: 1 GiB. Never more than 4 GiB.
    pub bytes: u64,
    /// Locations in the stack of one sample: 65,536. Go's runtime writes at most 128 unless `GODEBUG=profstackdepth` is set.
    pub stack: u32,
    /// Lines in one location, that is, calls inlined at one address: 256.
    pub lines: u32,
    /// Frames in all the different stacks of a [`Report`](super::Report), per byte of the unpacked profile: 8. A frame
    /// takes at least a byte of a sample, except for inlined calls, which share one.
    pub frames_per_byte: u32,
    /// Fields of one mapping, location, function or line, including the fields of unknown groups: 1,024. They are read again
    /// for every frame.
    pub fields: u32,
    /// Values of a sample: 32.
    pub sample_types: u32,
    /// Comments: 65,536.
    pub comments: u32,
    /// Nesting of groups among unknown fields: 100, as in Google's own readers.
    pub nesting: u32,
}

impl Default for ProfileLimits {
    fn default() -> Self {
        ProfileLimits {
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

impl ProfileLimits {
    /// Sets the most bytes of the unpacked profile.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the most locations in the stack of one sample.
    #[must_use]
    pub fn stack(mut self, stack: u32) -> Self {
        self.stack = stack;
        self
    }

    /// Sets the most lines in one location.
    #[must_use]
    pub fn lines(mut self, lines: u32) -> Self {
        self.lines = lines;
        self
    }

    /// Sets the most frames in all the different stacks of a report, per byte.
    #[must_use]
    pub fn frames_per_byte(mut self, frames_per_byte: u32) -> Self {
        self.frames_per_byte = frames_per_byte;
        self
    }

    /// Sets the most fields of one mapping, location, function or line.
    #[must_use]
    pub fn fields(mut self, fields: u32) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the most values of a sample.
    #[must_use]
    pub fn sample_types(mut self, sample_types: u32) -> Self {
        self.sample_types = sample_types;
        self
    }

    /// Sets the most comments.
    #[must_use]
    pub fn comments(mut self, comments: u32) -> Self {
        self.comments = comments;
        self
    }

    /// Sets the most nested groups.
    #[must_use]
    pub fn nesting(mut self, nesting: u32) -> Self {
        self.nesting = nesting;
        self
    }

    /// Positions are kept in 32 bits.
    pub(super) fn max_bytes(&self) -> u64 {
        self.bytes.min(u32::MAX.into())
    }
}
