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

/// The number of processors that the process may use. It is queried once, since that takes longer than
/// reading a small trace.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

impl Timeline {
    /// Builds the timeline of a file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, and if [`from_events`](Self::from_events) fails.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_events(Reader::from_path(path)?)
    }

    /// Builds the timeline of a trace in memory, which may be a mapped file.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/channels.trace");
    /// let bytes = std::fs::read(path)?;
    /// let timeline = gotrace::Timeline::from_slice(&bytes)?;
    /// println!("{:?} with {} goroutines", timeline.end() - timeline.start(), timeline.goroutines().len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`from_events`](Self::from_events).
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_events(Reader::from_slice(bytes)?)
    }

    /// Builds the timeline of a trace from any `Read`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/channels.trace");
    /// // Any `Read` will do: a socket, a decompressor, standard input.
    /// let timeline = gotrace::Timeline::from_reader(std::fs::File::open(path)?)?;
    /// assert!(timeline.gaps().len() == 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`from_events`](Self::from_events).
    pub fn from_reader(from: impl Read + Send) -> Result<Self, Error> {
        Self::from_events(Reader::from_reader(from)?)
    }

    /// Builds the timeline of the events that a reader has not returned yet.
    ///
    /// If a lenient reader skips damage, the timeline has [gaps](Self::gaps). After a gap, the state of a goroutine or
    /// P and the value of a metric are not known until the trace reports them again. Spans, ranges and regions that are
    /// open at a gap are cut there.
    ///
    /// With the feature `parallel` and a second processor, a second thread builds the timeline while this thread reads.
    /// The result is the same.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/channels.trace");
    /// use gotrace::{Reader, Timeline};
    ///
    /// let timeline = Timeline::from_events(Reader::builder().lenient().from_path(path)?)?;
    /// println!("{} bytes were lost", timeline.lost().bytes);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with the first error of the reader.
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
