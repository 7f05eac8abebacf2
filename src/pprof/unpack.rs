//! Decompresses profiles.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::{Place, ProfileError, ProfileErrorKind};
use super::limits::ProfileLimits;

/// The first two bytes of every gzip file (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The maximum compression ratio of deflate.
const MAX_RATIO: u64 = 1032;

/// Reads an input to its end and decompresses it if necessary. Fails if it exceeds the limits.
pub(super) fn read(input: impl Read, limits: &ProfileLimits) -> Result<Vec<u8>, ProfileError> {
    let mut packed = Vec::new();
    let result = read_up_to(input, limits.max_bytes(), &mut packed);
    let at = Place::File(packed.len() as u64);
    let whole = result.map_err(|error| ProfileError { kind: ProfileErrorKind::Io(error), at })?;
    if !whole {
        return Err(too_large(limits, at));
    }
    match packed.starts_with(&GZIP_MAGIC) {
        true => inflate(&packed, limits),
        false => Ok(packed),
    }
}

/// Decompresses a gzip file in memory. Other bytes are borrowed unchanged.
pub(super) fn unpack<'a>(bytes: &'a [u8], limits: &ProfileLimits) -> Result<Cow<'a, [u8]>, ProfileError> {
    match bytes.starts_with(&GZIP_MAGIC) {
        true => inflate(bytes, limits).map(Cow::Owned),
        false => Ok(Cow::Borrowed(bytes)),
    }
}

/// Decompresses a gzip file. Its last four bytes are the size of the contents, so the buffer is
/// allocated at once. The size can be wrong, so the compression ratio and the limits bound the
/// allocation.
fn inflate(packed: &[u8], limits: &ProfileLimits) -> Result<Vec<u8>, ProfileError> {
    let trailer = packed.last_chunk().map_or(0, |&trailer| u32::from_le_bytes(trailer));
    let most = MAX_RATIO.saturating_mul(packed.len() as u64).min(limits.max_bytes());
    let mut bytes = Vec::with_capacity(u64::from(trailer).min(most) as usize);
    let mut left = packed;
    // A gzip file can consist of several members, for example after concatenation.
    let result = read_up_to(MultiGzDecoder::new(&mut left), limits.max_bytes(), &mut bytes);
    let at = Place::File((packed.len() - left.len()) as u64);
    match result {
        Ok(true) => Ok(bytes),
        Ok(false) => Err(too_large(limits, at)),
        Err(error) => Err(ProfileError { kind: ProfileErrorKind::Gzip(error), at }),
    }
}

/// Reads up to `most` bytes. Returns whether the input ended.
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
fn too_large(limits: &ProfileLimits, at: Place) -> ProfileError {
    let kind = ProfileErrorKind::LimitExceeded { what: "decompressed bytes", limit: limits.max_bytes() };
    ProfileError { kind, at }
}
