//! Limits on what a profile can make the reader allocate or compute.

/// Limits on the memory and time that reading a profile can take. Real profiles stay far below the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileLimits {
    /// The size in bytes of the decompressed profile. Default: 1 GiB. The maximum is 4 GiB.
    pub bytes: u64,
    /// The number of locations in the stack of one sample. Default: 65,536. Go's runtime writes at most 128, unless
    /// `GODEBUG=profstackdepth` is set.
    pub stack: u32,
    /// The number of lines in one location, which are the calls inlined at its address. Default: 256.
    pub lines: u32,
    /// The number of frames in all distinct stacks of a [`Report`](super::Report), per byte of the decompressed
    /// profile. Default: 8. Each location in a sample takes at least one byte, so only inlined calls can exceed one
    /// frame per byte.
    pub frames_per_byte: u32,
    /// The number of fields of one mapping, location, function or line, including the fields of unknown groups.
    /// Default: 1,024. They are decoded again for every frame.
    pub fields: u32,
    /// The number of values per sample. Default: 32.
    pub sample_types: u32,
    /// The number of comments. Default: 65,536.
    pub comments: u32,
    /// The nesting depth of groups in unknown fields. Default: 100, as in Google's protobuf libraries.
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
    /// Sets the maximum size of the decompressed profile in bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the maximum number of locations in the stack of one sample.
    #[must_use]
    pub fn stack(mut self, stack: u32) -> Self {
        self.stack = stack;
        self
    }

    /// Sets the maximum number of lines in one location.
    #[must_use]
    pub fn lines(mut self, lines: u32) -> Self {
        self.lines = lines;
        self
    }

    /// Sets the maximum number of frames in all distinct stacks of a report, per byte of the
    /// profile.
    #[must_use]
    pub fn frames_per_byte(mut self, frames_per_byte: u32) -> Self {
        self.frames_per_byte = frames_per_byte;
        self
    }

    /// Sets the maximum number of fields of one mapping, location, function or line.
    #[must_use]
    pub fn fields(mut self, fields: u32) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the maximum number of values per sample.
    #[must_use]
    pub fn sample_types(mut self, sample_types: u32) -> Self {
        self.sample_types = sample_types;
        self
    }

    /// Sets the maximum number of comments.
    #[must_use]
    pub fn comments(mut self, comments: u32) -> Self {
        self.comments = comments;
        self
    }

    /// Sets the maximum nesting depth of groups.
    #[must_use]
    pub fn nesting(mut self, nesting: u32) -> Self {
        self.nesting = nesting;
        self
    }

    /// Returns the maximum size in bytes. Positions are stored in 32 bits.
    pub(super) fn max_bytes(&self) -> u64 {
        self.bytes.min(u32::MAX.into())
    }
}
