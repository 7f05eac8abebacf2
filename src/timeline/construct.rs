//! Constructors of [`Timeline`]: read a trace and build its timeline.

use std::io::Read;
use std::num::NonZero;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;

use super::Timeline;
use super::builder::Builder;
use crate::error::Error;
use crate::reader::Reader;

/// How many processors there are for us. Asked once, since it takes longer than a small trace does;
/// if that changes later, it is not seen.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

impl Timeline {
    /// Builds the timeline of a file.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of [`from_events`](Self::from_events).
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_events(Reader::from_path(path)?)
    }

    /// Builds the timeline of a trace that is in memory, or mapped into it.
    ///
    /// # Errors
    ///
    /// As [`from_events`](Self::from_events).
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_events(Reader::from_slice(bytes)?)
    }

    /// Builds the timeline of a trace from anything that gives bytes.
    ///
    /// # Errors
    ///
    /// As [`from_events`](Self::from_events).
    pub fn from_reader(from: impl Read + Send) -> Result<Self, Error> {
        Self::from_events(Reader::from_reader(from)?)
    }

    /// Builds the timeline of what a reader has yet to deliver.
    ///
    /// A lenient reader's damaged trace has [gaps](Self::gaps), after which nothing is known of a
    /// goroutine, P or value until the trace tells it again, and at which whatever was under way is
    /// cut.
    ///
    /// With the feature `parallel`, and if there is a second processor, a second thread keeps what
    /// this one finds. The timeline is the same.
    ///
    /// # Errors
    ///
    /// Whatever the reader finds wrong with the trace.
    pub fn from_events(reader: Reader<'_>) -> Result<Self, Error> {
        let threads = match cfg!(feature = "parallel") {
            true => *PROCESSORS,
            false => 1,
        };
        let builder = Builder::new(reader.version(), threads);
        Self::build(reader, builder)
    }

    pub(super) fn build(mut reader: Reader<'_>, mut builder: Builder) -> Result<Self, Error> {
        reader.drain(&mut builder)?;
        let mut timeline = builder.finish();
        let (warnings, count) = reader.warnings();
        (timeline.warnings, timeline.warning_count) = (warnings.to_vec(), count);
        timeline.lost = reader.account().lost;
        Ok(timeline)
    }
}
