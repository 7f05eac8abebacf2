//! Reads profiles in text form, which Go writes with `debug=1`, and converts them to
//! `profile.proto`.
//!
//! The values are those of `go tool pprof`, whose rules are in `profile/legacy_profile.go` of
//! github.com/google/pprof. It skips the comments, and finds names in the binary. The names here
//! are those in the comments, so no binary is needed. The writer is `src/runtime/pprof/pprof.go`
//! in Go.

mod contention;
mod count;
mod heap;
mod labels;
mod lines;
mod mem_stats;
mod symbols;

use std::ops::Range;

use super::error::{Place, ProfileError, ProfileErrorKind};
use super::limits::ProfileLimits;
use super::model::SampleLabel;
use super::write::ProfileBuilder;
use lines::{Line, Lines};
pub use mem_stats::MemStats;
use symbols::{Frame, Symbols};

/// A profile in text form, converted.
pub(super) struct Converted {
    /// The same profile as `profile.proto`.
    pub bytes: Vec<u8>,
    /// The statistics at the end of a heap profile.
    pub mem_stats: Option<MemStats>,
}

/// Converts a profile in text form.
pub(super) fn convert(bytes: &[u8], limits: &ProfileLimits) -> Result<Converted, ProfileError> {
    // A path in a comment may not be UTF-8, but `profile.proto` requires it.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = Lines::new(&text);
    let header = lines.next_header();
    if header.text.starts_with(heap::START) {
        heap::convert(header, lines, limits)
    } else if header.text.starts_with("--- ") {
        contention::convert(lines, limits)
    } else {
        count::convert(header, lines, limits)
    }
}

/// A line with a sample: its values and its stack.
struct Sample<'a, const N: usize> {
    values: [i64; N],
    /// The size of each object in bytes. 0 if the profile has no objects.
    block_size: i64,
    /// The return addresses, such as `0x4b8f5f 0x4b7670`.
    addresses: &'a str,
}

/// A sample in a table of samples.
struct Record<'a, const N: usize> {
    values: [i64; N],
    block_size: i64,
    /// The labels, such as `{"worker":"7"}`. Empty if there are none.
    labels: &'a str,
    /// The part of [`Body::addresses`] that is the stack.
    stack: Range<usize>,
}

/// What follows the header of a profile: samples, and comments after each with the frames of its
/// stack.
struct Body<'a, const N: usize> {
    limits: ProfileLimits,
    records: Vec<Record<'a, N>>,
    /// The locations of all stacks, one stack after another.
    addresses: Vec<u64>,
    symbols: Symbols<'a>,
    /// The frames in the comments after the last sample.
    frames: Vec<Frame<'a>>,
    mem_stats: Option<MemStats>,
}

/// The comment before the statistics of a heap profile.
const MEM_STATS: &str = "runtime.MemStats";

/// What ends the samples. A list of shared libraries may follow, which Go does not write.
const END: [&str; 2] = ["---", "MAPPED_LIBRARIES:"];

impl<'a, const N: usize> Body<'a, N> {
    /// Reads all lines. `parse` reads a line with a sample.
    ///
    /// A stack of a heap profile starts with functions of the runtime, which are not in the
    /// comments. With `drop_unnamed`, these frames are left out, as in a binary profile and in `go
    /// tool pprof`.
    fn read(
        lines: Lines<'a>,
        limits: &ProfileLimits,
        drop_unnamed: bool,
        parse: impl Fn(&'a str) -> Result<Sample<'a, N>, ProfileErrorKind>,
    ) -> Result<Self, ProfileError> {
        let mut body = Body {
            limits: *limits,
            records: Vec::new(),
            addresses: Vec::new(),
            symbols: Symbols::default(),
            frames: Vec::new(),
            mem_stats: None,
        };
        for line in lines {
            if line.text.is_empty() {
                continue;
            }
            if let Some(comment) = line.text.strip_prefix('#') {
                body.add_comment(comment.trim());
            } else if END.iter().any(|end| line.text.starts_with(end)) {
                break;
            } else {
                body.end_stack(drop_unnamed, line)?;
                let sample = parse(line.text).map_err(|kind| line.error(kind))?;
                body.add_sample(&sample, line)?;
            }
        }
        body.end_stack(drop_unnamed, Line { number: 0, text: "" })?;
        Ok(body)
    }

    fn add_sample(&mut self, sample: &Sample<'a, N>, line: Line<'a>) -> Result<(), ProfileError> {
        let start = self.addresses.len();
        for word in sample.addresses.split_ascii_whitespace() {
            let Some(address) = symbols::hexadecimal(word) else {
                return Err(line.error(expected("a return address, such as 0x4b8f5f")));
            };
            if self.addresses.len() - start >= self.limits.stack as usize {
                let limit = self.limits.stack.into();
                return Err(line.error(ProfileErrorKind::LimitExceeded { what: "locations in a stack", limit }));
            }
            // A return address is that of the next instruction. The one before it is part of the
            // call, so this is its location. Go's reader does the same.
            self.addresses.push(address.wrapping_sub(1));
        }
        let stack = start..self.addresses.len();
        self.records.push(Record { values: sample.values, block_size: sample.block_size, labels: "", stack });
        Ok(())
    }

    /// Adds a comment, without its `#`. Comments that are not understood are skipped, because people
    /// add some.
    fn add_comment(&mut self, comment: &'a str) {
        if let Some(mem_stats) = &mut self.mem_stats {
            mem_stats.add(comment);
        } else if comment == MEM_STATS {
            self.mem_stats = Some(MemStats::default());
        } else if let Some(record) = self.records.last_mut() {
            match comment.strip_prefix("labels:") {
                Some(labels) => record.labels = labels.trim(),
                None => self.frames.extend(Frame::parse(comment)),
            }
        }
    }

    /// Ends the stack of the last sample, whose frames are now known. `line` is the one after it.
    fn end_stack(&mut self, drop_unnamed: bool, line: Line<'a>) -> Result<(), ProfileError> {
        let Some(record) = self.records.last_mut() else { return Ok(()) };
        let stack = &self.addresses[record.stack.clone()];
        let Some(unnamed) = self.symbols.add(stack, &self.frames, self.limits.lines as usize) else {
            let limit = self.limits.lines.into();
            return Err(line.error(ProfileErrorKind::LimitExceeded { what: "lines in a location", limit }));
        };
        if drop_unnamed {
            record.stack.start += unnamed;
        }
        self.frames.clear();
        Ok(())
    }

    /// Writes the samples with a builder that has the fields of the header.
    fn convert(self, mut builder: ProfileBuilder<N>, text_len: usize) -> Result<Converted, ProfileError> {
        let most = u64::from(self.limits.frames_per_byte) * text_len as u64;
        let mut frames = 0;
        for record in &self.records {
            let stack = &self.addresses[record.stack.clone()];
            frames += stack.iter().map(|&address| self.symbols.depth(address) as u64).sum::<u64>();
            if frames > most {
                let kind = ProfileErrorKind::LimitExceeded { what: "frames in the stacks of a report", limit: most };
                return Err(ProfileError { kind, at: Place::Line(1) });
            }
            let stack = stack.iter().flat_map(|&address| self.symbols.frames(address));
            let labels = labels::parse(record.labels);
            let texts = labels.iter().map(|(key, value)| SampleLabel::text(&**key, &**value));
            let size = Some(record.block_size).filter(|&size| size != 0);
            let size = size.map(|size| SampleLabel::number("bytes", size, ""));
            builder.labelled_sample(stack, record.values, texts.chain(size));
        }
        let mut bytes = Vec::new();
        builder
            .write(&mut bytes)
            .map_err(|error| ProfileError { kind: ProfileErrorKind::Io(error), at: Place::Line(1) })?;
        Ok(Converted { bytes, mem_stats: self.mem_stats })
    }
}

/// The error that a line is not what its profile has there.
fn expected(expected: &'static str) -> ProfileErrorKind {
    ProfileErrorKind::Text { expected, found: String::new() }
}
