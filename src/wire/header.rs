//! The 16-byte header of a trace: `go 1.N trace`, padded with three zeros.

use std::fmt;

use memchr::memmem;

use crate::error::{Error, ErrorKind, Location};
use crate::wire::source::Source;

/// The length of the header in bytes.
pub(crate) const LEN: usize = 16;

/// The first byte after the header of a trace of Go 1.21 or older: the event type of a batch, and
/// in the top two bits the number of its values.
pub(crate) const OLD_BATCH: u8 = 1 | 1 << 6;

const PREFIX: &[u8] = b"go 1.";
const SUFFIX: &[u8] = b" trace\0\0\0";

/// The version of the trace format. It is the Go release that introduced the format, so a trace of
/// Go 1.24 has version 1.23.
///
/// The list is from Go `src/internal/trace/version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// Written by Go 1.11 to 1.18.
    Go111,
    /// Written by Go 1.19 and 1.20.
    Go119,
    /// Written by Go 1.21.
    Go121,
    /// Written by Go 1.22. The first version with generations.
    Go122,
    /// Written by Go 1.23 and 1.24. Adds coroutine switches, stacks of goroutine statuses, and
    /// experimental events.
    Go123,
    /// Written by Go 1.25. Adds clock snapshots.
    Go125,
    /// Written by Go 1.26 and later. Generations have an explicit end.
    Go126,
}

impl Version {
    /// All supported versions, oldest first.
    pub const ALL: [Version; 7] = [
        Version::Go111,
        Version::Go119,
        Version::Go121,
        Version::Go122,
        Version::Go123,
        Version::Go125,
        Version::Go126,
    ];

    /// The length of the header at the start of every trace, in bytes.
    pub const HEADER_LEN: usize = LEN;

    /// The newest supported version.
    pub(crate) const NEWEST: Version = Version::Go126;

    /// Returns the N of `go 1.N` in the header.
    pub const fn minor(self) -> u32 {
        match self {
            Version::Go111 => 11,
            Version::Go119 => 19,
            Version::Go121 => 21,
            Version::Go122 => 22,
            Version::Go123 => 23,
            Version::Go125 => 25,
            Version::Go126 => 26,
        }
    }

    /// Returns the Go releases that write this version, such as `Go 1.23 and 1.24`.
    pub const fn releases(self) -> &'static str {
        match self {
            Version::Go111 => "Go 1.11 to 1.18",
            Version::Go119 => "Go 1.19 and 1.20",
            Version::Go121 => "Go 1.21",
            Version::Go122 => "Go 1.22",
            Version::Go123 => "Go 1.23 and 1.24",
            Version::Go125 => "Go 1.25",
            Version::Go126 => "Go 1.26 and later",
        }
    }

    /// Returns the version with this N of `go 1.N`. `None` if it is not supported.
    pub fn from_minor(minor: u32) -> Option<Self> {
        Version::ALL.into_iter().find(|version| version.minor() == minor)
    }

    /// Returns whether the trace has the format of Go 1.21 and older: a single stream of events without generations.
    pub(crate) fn is_v1(self) -> bool {
        self < Version::Go122
    }

    /// Returns the header of a trace of this version.
    pub(crate) fn header(self) -> [u8; LEN] {
        let mut header = [0; LEN];
        let text = format!("go 1.{} trace", self.minor());
        header[..text.len()].copy_from_slice(text.as_bytes());
        header
    }
}

/// Serialises as the text in the header, such as `go 1.26`.
#[cfg(feature = "serde")]
impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go 1.{}", self.minor())
    }
}

/// Reads the header, and releases it from the window.
pub(crate) fn read(source: &mut Source<'_>) -> Result<Version, Error> {
    let at = Location::default();
    if let Err(error) = source.fill(LEN) {
        let at = Location { offset: source.window().len() as u64, ..at };
        return Err(Error { kind: error.into(), at });
    }
    let window = source.window();
    let version = parse(&window[..window.len().min(LEN)]).map_err(|kind| Error { kind, at })?;
    source.release(LEN);
    Ok(version)
}

/// Returns the offsets at which a header of a supported version starts in `bytes`.
pub(crate) fn find(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memmem::find_iter(bytes, PREFIX).filter(|at| version_at(bytes, *at).is_some())
}

/// Returns the version of the header at `at`. `None` if there is no header, or its version is not supported.
pub(crate) fn version_at(bytes: &[u8], at: usize) -> Option<Version> {
    let number = bytes.get(at..at + LEN)?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    std::str::from_utf8(number).ok()?.parse().ok().and_then(Version::from_minor)
}

/// Parses the header. `bytes` are the first [`LEN`] bytes of a file, or all bytes if the file is shorter.
///
/// # Errors
///
/// `TruncatedHeader`, `NotATrace` or `UnsupportedVersion`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Version, ErrorKind> {
    let not_a_trace = || ErrorKind::NotATrace { preview: preview(bytes) };
    if bytes.is_empty() {
        return Err(not_a_trace());
    }
    let matching = bytes.iter().zip(PREFIX).take_while(|(a, b)| a == b).count();
    if matching < PREFIX.len().min(bytes.len()) {
        return Err(not_a_trace());
    }
    if bytes.len() < LEN {
        return Err(ErrorKind::TruncatedHeader { len: bytes.len() });
    }
    let digits = bytes[PREFIX.len()..LEN].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, suffix) = bytes[PREFIX.len()..LEN].split_at(digits);
    let minor = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u32>().ok());
    // With a one-digit version, the header has four zeros. Such versions are recognised here and
    // rejected below.
    if minor.is_none() || !(suffix.starts_with(SUFFIX) || digits == 1 && suffix.starts_with(b" trace\0")) {
        return Err(not_a_trace());
    }
    minor
        .and_then(Version::from_minor)
        .ok_or_else(|| ErrorKind::UnsupportedVersion { version: format!("go 1.{}", String::from_utf8_lossy(number)) })
}

/// Escapes the first bytes for an error message. The message then shows the user that the file is, for example, an HTML
/// page.
fn preview(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_recognised() {
        for version in Version::ALL {
            assert!(matches!(parse(&version.header()), Ok(found) if found == version), "{version}");
        }
    }

    #[test]
    fn unsupported_versions_are_named_in_the_error() {
        for (header, name) in [
            (b"go 1.99 trace\0\0\0", "go 1.99"),
            (b"go 1.24 trace\0\0\0", "go 1.24"),
            (b"go 1.10 trace\0\0\0", "go 1.10"),
            (b"go 1.5 trace\0\0\0\0", "go 1.5"),
        ] {
            match parse(header) {
                Err(ErrorKind::UnsupportedVersion { version }) => assert_eq!(version, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_error_for_other_files_shows_their_first_bytes() {
        for text in
            ["<!DOCTYPE html><html>", "404 page not found\n", "go 2.0 trace\0\0\0\0", "go 1.x trace\0\0\0\0", "x", ""]
        {
            let head = &text.as_bytes()[..text.len().min(LEN)];
            match parse(head) {
                Err(ErrorKind::NotATrace { preview }) => assert_eq!(preview, head.escape_ascii().to_string()),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_header_cut_short_is_a_truncated_header() {
        for len in 1..LEN {
            match parse(&Version::Go126.header()[..len]) {
                Err(ErrorKind::TruncatedHeader { len: found }) => assert_eq!(found, len),
                other => panic!("{len}: {other:?}"),
            }
        }
    }
}
