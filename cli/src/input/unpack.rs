//! Decompresses gzip and zstd while they are read. The first bytes say which it is.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use gotrace::FileKind;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Compressed input may expand to this many times its size. Traces expand about five times and logs
/// thirty times. Input that was made to fill memory expands a thousand times (gzip) or far more
/// (zstd).
const MAX_EXPANSION: u64 = 200;

/// Input may expand to this many bytes, however small it is.
const ALWAYS_ALLOWED: u64 = 64 << 20;

/// Whether the bytes start a gzip file or a zstd frame.
pub fn is_packed(head: &[u8]) -> bool {
    matches!(FileKind::of(head), FileKind::Gzip | FileKind::Zstd)
}

/// Decompresses gzip and zstd. Any other input is returned unchanged.
///
/// Damage is reported when the input is read.
pub fn unpack(head: &[u8], input: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    match FileKind::of(head) {
        FileKind::Gzip => Box::new(Limited::new(input, MultiGzDecoder::new)),
        FileKind::Zstd => Box::new(Limited::new(input, Frames::Between)),
        _ => Box::new(input),
    }
}

/// Counts the compressed bytes that are read.
struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A sequence of zstd frames, since one file may hold several (RFC 8878, section 3.1).
enum Frames<R: BufRead> {
    /// Before a frame, or at the end.
    Between(R),
    /// In a frame.
    In(Box<StreamingDecoder<R, FrameDecoder>>),
    /// After an error.
    Failed,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Frames::Failed) {
                Frames::Failed => return Err(io::Error::new(io::ErrorKind::InvalidData, DAMAGED_ZSTD)),
                Frames::Between(mut packed) => {
                    if packed.fill_buf()?.is_empty() {
                        *self = Frames::Between(packed);
                        return Ok(0);
                    }
                    *self = match StreamingDecoder::new(packed) {
                        Ok(frame) => Frames::In(Box::new(frame)),
                        Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                            return Err(io::Error::other(
                                "its zstd window is too large: unpack it with zstd -d --long=31",
                            ));
                        }
                        Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, DAMAGED_ZSTD)),
                    };
                }
                Frames::In(mut frame) => match frame.read(out) {
                    Ok(0) if !out.is_empty() => *self = Frames::Between(frame.into_inner()),
                    Ok(read) => {
                        *self = Frames::In(frame);
                        return Ok(read);
                    }
                    Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, DAMAGED_ZSTD)),
                },
            }
        }
    }
}

const DAMAGED_ZSTD: &str = "its zstd data is damaged or cut off";

/// A decoder with a limit on expansion.
struct Limited<D> {
    decoder: D,
    packed: Arc<AtomicU64>,
    unpacked: u64,
    /// It may expand to this many bytes, however small it is.
    allowed: u64,
}

impl<D> Limited<D> {
    fn new<R: Read>(input: R, decoder: impl FnOnce(BufReader<Counted<R>>) -> D) -> Self {
        let packed = Arc::default();
        let input = Counted { input, count: Arc::clone(&packed) };
        Limited {
            decoder: decoder(BufReader::with_capacity(1 << 16, input)),
            packed,
            unpacked: 0,
            allowed: ALWAYS_ALLOWED,
        }
    }
}

impl<D: Read> Read for Limited<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(out)?;
        self.unpacked += read as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        if self.unpacked > self.allowed.max(packed.saturating_mul(MAX_EXPANSION)) {
            let message =
                format!("it expands to more than {MAX_EXPANSION} times its size: unpack it yourself if you trust it");
            return Err(io::Error::other(message));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(bytes).expect("memory");
        packed.finish().expect("memory")
    }

    #[test]
    fn gzip_is_unpacked_and_other_input_stays() {
        for (bytes, want) in [(gzip(b"go 1.22 trace"), &b"go 1.22 trace"[..]), (b"plain".to_vec(), b"plain")] {
            let mut found = Vec::new();
            unpack(&bytes.clone(), io::Cursor::new(bytes)).read_to_end(&mut found).expect("whole");
            assert_eq!(found, want);
        }
    }

    /// A zstd frame with one raw block (RFC 8878, sections 3.1.1 and 3.1.1.2).
    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let len = u8::try_from(bytes.len()).expect("a short text");
        // Magic, a single segment with a content size of one byte, and a last block of raw bytes.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, len, (len << 3) | 1, len >> 5, 0];
        frame.extend(bytes);
        frame
    }

    #[test]
    fn every_frame_of_zstd_is_read() {
        let packed = [zstd(b"go 1.22 "), zstd(b"trace")].concat();
        let mut found = String::new();
        let mut input = unpack(&packed.clone(), io::Cursor::new(packed.clone()));
        input.read_to_string(&mut found).expect("whole");
        assert_eq!(found, "go 1.22 trace");

        let cut = packed[..packed.len() - 2].to_vec();
        let mut input = unpack(&cut.clone(), io::Cursor::new(cut));
        let error = input.read_to_string(&mut found).expect_err("it is cut");
        assert_eq!(error.to_string(), DAMAGED_ZSTD);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = gzip(&vec![0; 1 << 20]);
        let mut input = Limited::new(io::Cursor::new(bomb), MultiGzDecoder::new);
        input.allowed = 1 << 16;
        let error = io::copy(&mut input, &mut io::sink()).expect_err("it expands a thousand times");
        assert!(error.to_string().contains("expands to more than 200 times"), "{error}");
    }
}
