//! From the file to the profile's bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::{Error, ErrorKind, Place};
use super::limits::Limits;

/// The bytes of a profile, unpacked and in memory. [`Profile::parse`](super::Profile::parse) borrows from them.
#[derive(Clone, Debug)]
pub struct ProfileBytes(Vec<u8>);

/// What every gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate makes no more than this out of a byte.
const MAX_RATIO: u64 = 1032;

impl ProfileBytes {
    /// Reads a file, gzip or plain.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`], [`ErrorKind::Gzip`], and [`ErrorKind::LimitExceeded`] if it is over 1 GiB.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: ErrorKind::Io(error), at: Place::File(0) })?;
        ProfileBytes::read(file)
    }

    /// Reads all of an input, gzip or plain.
    ///
    /// # Errors
    ///
    /// See [`open`](ProfileBytes::open).
    pub fn read(input: impl Read) -> Result<Self, Error> {
        ProfileBytes::read_with(input, &Limits::default())
    }

    /// Reads all of an input, but no more than the limits allow.
    ///
    /// # Errors
    ///
    /// See [`open`](ProfileBytes::open).
    pub fn read_with(input: impl Read, limits: &Limits) -> Result<Self, Error> {
        let mut packed = Vec::new();
        let result = read_up_to(input, limits.max_bytes(), &mut packed);
        let at = Place::File(packed.len() as u64);
        let whole = result.map_err(|error| Error { kind: ErrorKind::Io(error), at })?;
        if !whole {
            return Err(too_large(limits, at));
        }
        match packed.starts_with(&GZIP_MAGIC) {
            true => inflate(&packed, limits),
            false => Ok(ProfileBytes(packed)),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A gzip file ends with the length of what is in it, by which we can allocate it at once; it may lie.
fn inflate(packed: &[u8], limits: &Limits) -> Result<ProfileBytes, Error> {
    let trailer = packed.last_chunk().map_or(0, |&trailer| u32::from_le_bytes(trailer));
    let most = MAX_RATIO.saturating_mul(packed.len() as u64).min(limits.max_bytes());
    let mut bytes = Vec::with_capacity(u64::from(trailer).min(most) as usize);
    let mut left = packed;
    // Members may follow each other, as when files are put together.
    let result = read_up_to(MultiGzDecoder::new(&mut left), limits.max_bytes(), &mut bytes);
    let at = Place::File((packed.len() - left.len()) as u64);
    match result {
        Ok(true) => Ok(ProfileBytes(bytes)),
        Ok(false) => Err(too_large(limits, at)),
        Err(error) => Err(Error { kind: ErrorKind::Gzip(error), at }),
    }
}

/// Whether that was all of it.
fn read_up_to(mut input: impl Read, most: u64, bytes: &mut Vec<u8>) -> io::Result<bool> {
    input.by_ref().take(most).read_to_end(bytes)?;
    let mut next = [0];
    loop {
        match input.read(&mut next) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Ok(result? == 0),
        }
    }
}

#[cold]
fn too_large(limits: &Limits, at: Place) -> Error {
    Error { kind: ErrorKind::LimitExceeded { what: "bytes unpacked", limit: limits.max_bytes() }, at }
}
