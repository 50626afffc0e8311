//! Members: each record is compressed by itself, so that it can be read alone.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::io;

/// How members are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// gzip members, which every tool reads.
    Gzip,
    /// Zstandard frames: smaller and faster, read by fewer tools.
    Zstd,
}

/// Markup gains little above these levels, and costs a core.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 3;

/// gzip's header: deflate, no name, no time, system unknown.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Checksum and size behind the data.
const GZIP_TAIL: usize = 8;

/// A decompressed member is made room for by the word of its own size at most
/// up to here, bytes.
const TRUSTED: usize = 1 << 20;

/// Room beside that, in which the decoder sees the end.
const END: usize = 64;

thread_local! {
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(GZIP_LEVEL), false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
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
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(member)?.single_frame();
                let mut out = Vec::with_capacity(member.len().saturating_mul(4).min(TRUSTED));
                let mut limited = io::Read::take(&mut decoder, most as u64 + 1);
                io::Read::read_to_end(&mut limited, &mut out)?;
                if out.len() > most {
                    return Err(too_large(most));
                }
                Ok(out)
            }
        }
    }
}

fn gzip(deflate: &mut Compress, record: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    deflate.reset();
    out.extend_from_slice(&GZIP_HEAD);
    out.reserve(record.len() / 3 + 64);
    loop {
        let rest = &record[usize::try_from(deflate.total_in()).unwrap_or(record.len())..];
        match deflate.compress_vec(rest, out, FlushCompress::Finish)? {
            Status::StreamEnd => break,
            Status::Ok | Status::BufError => out.reserve(32 << 10),
        }
    }
    let mut crc = Crc::new();
    crc.update(record);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(())
}

/// Reads a member without a name, an extra field or a comment, which is how
/// they are written here.
fn gunzip(inflate: &mut Decompress, member: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let Some((data, tail)) = member.split_at_checked(member.len().wrapping_sub(GZIP_TAIL)) else {
        return Err(wrong("it is cut short"));
    };
    let Some(data) = data.strip_prefix(&GZIP_HEAD) else {
        return Err(wrong("it does not begin as a gzip member"));
    };
    // Eight bytes, by the split above.
    let number = |at: usize| {
        tail[at..at + 4]
            .iter()
            .rev()
            .fold(0u32, |n, b| n << 8 | u32::from(*b))
    };
    let (sum, size) = (number(0), number(4) as usize);
    inflate.reset(false);
    let mut out = Vec::with_capacity(size.min(TRUSTED) + END);
    loop {
        let rest = &data[usize::try_from(inflate.total_in()).unwrap_or(data.len())..];
        let before = (inflate.total_in(), out.len());
        let status = inflate.decompress_vec(rest, &mut out, FlushDecompress::None);
        let status = status.map_err(|error| wrong(&error.to_string()))?;
        if out.len() > most {
            return Err(too_large(most));
        }
        match status {
            Status::StreamEnd => break,
            _ if before == (inflate.total_in(), out.len())
                && out.len() < out.capacity()
                && before == (inflate.total_in(), out.len()) =>
            {
                return Err(wrong("it is cut short"));
            }
            _ => out.reserve(out.len().max(32 << 10)),
        }
    }
    let mut crc = Crc::new();
    crc.update(&out);
    if (crc.sum(), out.len()) != (sum, size) {
        return Err(wrong("its checksum differs"));
    }
    Ok(out)
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
