//! Members: each record is compressed by itself, so that it can be read alone.

use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};
use std::cell::RefCell;
use std::io;
use zstd::bulk;
use zstd::zstd_safe::get_frame_content_size;

/// How members are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// gzip members, which every tool reads.
    Gzip,
    /// Zstandard frames: smaller and faster, read by fewer tools.
    Zstd,
}

/// Markup gains little above these levels, and costs a core.
const GZIP_LEVEL: i32 = 1;
const ZSTD_LEVEL: i32 = 3;

/// Size behind the data of a gzip member, bytes: the last of its trailer.
const GZIP_SIZE: usize = 4;
/// Deflate makes nothing larger than this many times what it was.
const DEFLATE_MOST: usize = 1032;

/// A zstd member that does not tell its size is made room for up to here, bytes.
const TRUSTED: usize = 1 << 20;

thread_local! {
    // The level is one that there is.
    static DEFLATE: RefCell<Compressor> = RefCell::new(Compressor::new(
        CompressionLvl::new(GZIP_LEVEL).unwrap_or_default(),
    ));
    static INFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ZSTD: RefCell<Option<bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

impl Codec {
    /// The ending of its files' names.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "warc.gz",
            Self::Zstd => "warc.zst",
        }
    }

    /// The codec of a file of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Zstd]
            .into_iter()
            .find(|codec| name.ends_with(codec.extension()))
    }

    /// Adds `record` to `out` as one member.
    ///
    /// # Errors
    /// The compressor's, which has none for data in memory.
    pub(super) fn compress(self, record: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip => DEFLATE.with_borrow_mut(|deflate| gzip(deflate, record, out)),
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                encoder.set_pledged_src_size(Some(record.len() as u64))?;
                io::Write::write_all(&mut encoder, record)?;
                encoder.finish()?;
                Ok(())
            }
        }
    }

    /// What one member holds, up to `most` bytes.
    ///
    /// # Errors
    /// Where it is not one whole member, or holds more.
    pub(super) fn decompress(self, member: &[u8], most: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => INFLATE.with_borrow_mut(|inflate| gunzip(inflate, member, most)),
            Self::Zstd => match get_frame_content_size(member) {
                Ok(Some(size)) => ZSTD.with_borrow_mut(|zstd| unzstd(zstd, member, size, most)),
                _ => unzstd_slowly(member, most),
            },
        }
    }
}

fn gzip(deflate: &mut Compressor, record: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let begin = out.len();
    out.resize(begin + deflate.gzip_compress_bound(record.len()), 0);
    let written = deflate.gzip_compress(record, &mut out[begin..]);
    let written = written.map_err(io::Error::other)?;
    out.truncate(begin + written);
    Ok(())
}

fn gunzip(inflate: &mut Decompressor, member: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let Some(size) = member.last_chunk::<GZIP_SIZE>() else {
        return Err(wrong("it is cut short"));
    };
    let size = u32::from_le_bytes(*size) as usize;
    if size > member.len().saturating_mul(DEFLATE_MOST) {
        return Err(wrong("its size cannot be"));
    }
    if size > most {
        return Err(too_large(most));
    }
    let mut out = vec![0; size];
    match inflate.gzip_decompress(member, &mut out) {
        Ok(written) if written == size => Ok(out),
        Err(DecompressionError::BadData) => Err(wrong("it is damaged")),
        // More or less than it says.
        _ => Err(wrong("its size differs")),
    }
}

fn unzstd(
    known: &mut Option<bulk::Decompressor<'static>>,
    member: &[u8],
    size: u64,
    most: usize,
) -> io::Result<Vec<u8>> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > most {
        return Err(too_large(most));
    }
    let zstd = match known {
        Some(zstd) => zstd,
        None => known.insert(bulk::Decompressor::new()?),
    };
    let out = zstd.decompress(member, size)?;
    match out.len() == size {
        true => Ok(out),
        false => Err(wrong("its size differs")),
    }
}

/// A frame that does not tell its size.
fn unzstd_slowly(member: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(member)?.single_frame();
    let mut out = Vec::with_capacity(member.len().saturating_mul(4).min(TRUSTED));
    let mut limited = io::Read::take(&mut decoder, most as u64 + 1);
    io::Read::read_to_end(&mut limited, &mut out)?;
    match out.len() > most {
        true => Err(too_large(most)),
        false => Ok(out),
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn too_large(most: usize) -> io::Error {
    let why = format!("it holds more than {most} bytes");
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    const BOTH: [Codec; 2] = [Codec::Gzip, Codec::Zstd];

    fn member(codec: Codec, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        codec.compress(data, &mut out).unwrap();
        out
    }

    #[test]
    fn others_read_what_is_written() {
        let data = b"some text ".repeat(100_000);
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&member(Codec::Gzip, &data)[..])
            .read_to_end(&mut text)
            .unwrap();
        assert!(text == data);
        assert!(zstd::decode_all(&member(Codec::Zstd, &data)[..]).unwrap() == data);
    }

    #[test]
    fn a_bomb_is_refused() {
        let zeros = vec![0; 32 << 20];
        for codec in BOTH {
            let member = member(codec, &zeros);
            assert!(codec.decompress(&member, 1 << 20).is_err());
            assert_eq!(
                codec.decompress(&member, zeros.len()).unwrap().len(),
                zeros.len()
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn members_come_back_and_damage_is_seen(
            data in prop::collection::vec(any::<u8>(), 0..5000),
            which in 0..2usize,
            cut in 1usize..40,
            flip in any::<prop::sample::Index>(),
        ) {
            let codec = BOTH[which];
            let mut member = member(codec, &data);
            prop_assert_eq!(&codec.decompress(&member, 5000).unwrap(), &data);
            let short = &member[..member.len() - cut.min(member.len())];
            prop_assert!(codec.decompress(short, 5000).is_err());
            let at = flip.index(member.len());
            member[at] ^= 0x55;
            if let Ok(back) = codec.decompress(&member, 5000) {
                prop_assert_eq!(back, data);
            }
        }
    }
}
