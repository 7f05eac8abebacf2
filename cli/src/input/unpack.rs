//! Decompresses gzip and zstd while they are read. The first bytes of the input identify the
//! format.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use gotrace::FileKind;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, StreamingDecoder};

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
        FileKind::Gzip => Box::new(Limited::new(input, |packed| Gzip(MultiGzDecoder::new(packed)))),
        FileKind::Zstd => Box::new(Limited::new(input, Frames::Between)),
        _ => Box::new(input),
    }
}

/// Whether an error says that compressed data is damaged. Errors of the operating system and
/// exceeded limits do not.
pub fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// The error that compressed data is damaged.
fn damage(format: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its {format} data is damaged or cut off"))
}

/// Decompresses gzip.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        self.0.read(out).map_err(|error| match error.kind() {
            InvalidInput | InvalidData | UnexpectedEof => damage("gzip"),
            _ => error,
        })
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
    /// In a frame that is damaged or cut off. The decoder holds the bytes before the damage.
    Damaged(Box<FrameDecoder>),
    /// After an error.
    Failed,
}

/// The end of a frame: an empty last block, and four bytes for the checksum that some frames have.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Decodes an artificial end of a damaged frame, so that all bytes before the damage can be read. A
/// decoder does not return the last bytes before the frame ends, since later blocks may refer to
/// them.
fn end_frame(mut decoder: FrameDecoder) -> Box<FrameDecoder> {
    // If this fails, the last bytes before the damage are lost.
    let _ = decoder.decode_blocks(&END_OF_FRAME[..], BlockDecodingStrategy::UptoBlocks(1));
    Box::new(decoder)
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Frames::Failed) {
                Frames::Failed => return Err(damage("zstd")),
                Frames::Damaged(mut decoder) => match decoder.read(out)? {
                    0 if !out.is_empty() => {}
                    read => {
                        *self = Frames::Damaged(decoder);
                        return Ok(read);
                    }
                },
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
                        Err(_) => return Err(damage("zstd")),
                    };
                }
                Frames::In(mut frame) => match frame.read(out) {
                    Ok(0) if !out.is_empty() => *self = Frames::Between(frame.into_inner()),
                    Ok(read) => {
                        *self = Frames::In(frame);
                        return Ok(read);
                    }
                    Err(_) => *self = Frames::Damaged(end_frame(frame.into_frame_decoder())),
                },
            }
        }
    }
}

/// A decoder with a limit on expansion.
struct Limited<D> {
    decoder: D,
    packed: Arc<AtomicU64>,
    unpacked: u64,
    /// The input may expand to this many bytes, however small it is.
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

    /// A zstd frame of raw blocks (RFC 8878, sections 3.1.1 and 3.1.1.2).
    fn zstd(blocks: &[&[u8]]) -> Vec<u8> {
        let len = |bytes: &[u8]| u8::try_from(bytes.len()).expect("a short text");
        // Magic, and a single segment with a content size of one byte.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, len(&blocks.concat())];
        for (i, block) in blocks.iter().enumerate() {
            let is_last = u8::from(i + 1 == blocks.len());
            frame.extend([(len(block) << 3) | is_last, len(block) >> 5, 0]);
            frame.extend(*block);
        }
        frame
    }

    #[test]
    fn every_frame_of_zstd_is_read() {
        let packed = [zstd(&[b"go ", b"1.22 "]), zstd(&[b"trace"])].concat();
        let mut found = String::new();
        let mut input = unpack(&packed.clone(), io::Cursor::new(packed.clone()));
        input.read_to_string(&mut found).expect("whole");
        assert_eq!(found, "go 1.22 trace");
    }

    #[test]
    fn data_before_a_cut_is_read() {
        let text = b"go 1.22 trace".repeat(100);
        let (gzip, zstd) = (gzip(&text), zstd(&[b"go 1.22 ", b"trace ", b"is cut"]));
        for (packed, cut, format) in [(&gzip, 4, "gzip"), (&zstd, 2, "zstd")] {
            let packed = packed[..packed.len() - cut].to_vec();
            let mut found = Vec::new();
            let mut input = unpack(&packed.clone(), io::Cursor::new(packed));
            let error = input.read_to_end(&mut found).expect_err("it is cut");
            assert!(is_damage(&error), "{error}");
            assert_eq!(error.to_string(), format!("its {format} data is damaged or cut off"));
            assert!(found.starts_with(b"go 1.22 trace"), "{format}: {found:?}");
        }
    }

    #[test]
    fn a_decompression_bomb_is_refused() {
        let bomb = gzip(&vec![0; 1 << 20]);
        let mut input = Limited::new(io::Cursor::new(bomb), MultiGzDecoder::new);
        input.allowed = 1 << 16;
        let error = io::copy(&mut input, &mut io::sink()).expect_err("it expands a thousand times");
        assert!(error.to_string().contains("expands to more than 200 times"), "{error}");
    }
}
