//! The two files: blocks and pieces behind heads with checksums, so that a torn
//! or damaged part is passed over and the rest is still read.

use super::wire::Damaged;
use xxhash_rust::xxh3::xxh3_64;

/// The format's version.
pub const VERSION: u8 = 1;
/// How every head begins.
const MAGIC: [u8; 4] = *b"CDsn";
/// Bytes of a head.
pub const HEAD: usize = 64;
/// Largest block that is believed, bytes of its frames.
pub const MOST_RAW: usize = 32 << 20;
/// zstd's level: blocks are small, and compressed once in minutes.
const LEVEL: i32 = 19;

/// Whether the frames are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A sealed block: zstd.
    Block,
    /// Some frames of the open block, as they are.
    Piece,
}

/// What stands before a block or a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub form: Form,
    /// Which run of the job, from 0.
    pub run: u32,
    /// Frames in it.
    pub frames: u32,
    /// Bytes of its frames.
    pub raw: u32,
    /// Bytes behind this head.
    pub length: u32,
    /// The first frame's and the last one's time since the run began, ms.
    pub from: u64,
    pub to: u64,
    /// When the last one was taken, ms since the epoch.
    pub at: u64,
}

impl Head {
    fn write(&self, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        let form = match self.form {
            Form::Block => 1,
            Form::Piece => 2,
        };
        out.extend_from_slice(&[VERSION, form, 0, 0]);
        for n in [self.run, self.frames, self.raw, self.length] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        for n in [self.from, self.to, self.at, xxh3_64(payload)] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        let own = xxh3_64(&out[start..]);
        out.extend_from_slice(&own.to_le_bytes());
    }

    /// Reads the head at the beginning of `bytes`, and what stands behind it.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (fields, own) = head.split_at(HEAD - 8);
        let long = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let short = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        if own != xxh3_64(fields).to_le_bytes() || head[..4] != MAGIC || head[4] != VERSION {
            return None;
        }
        let head = Self {
            form: match head[5] {
                1 => Form::Block,
                2 => Form::Piece,
                _ => return None,
            },
            run: short(8)?,
            frames: short(12)?,
            raw: short(16)?,
            length: short(20)?,
            from: long(24)?,
            to: long(32)?,
            at: long(40)?,
        };
        let payload = rest.get(..usize::try_from(head.length).ok()?)?;
        (xxh3_64(payload) == long(48)? && head.raw as usize <= MOST_RAW).then_some((head, payload))
    }
}

/// Every whole block or piece of a file, in order; what is damaged is passed over.
pub fn scan(bytes: &[u8]) -> Vec<(Head, &[u8])> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        if let Some((head, payload)) = Head::read(rest) {
            at += HEAD + payload.len();
            found.push((head, payload));
        } else {
            // To the next head, if there is one.
            match memchr::memmem::find(rest.get(1..).unwrap_or_default(), &MAGIC) {
                Some(next) => at += 1 + next,
                None => break,
            }
        }
    }
    found
}

/// A block's or piece's bytes. `head` is filled in.
///
/// # Errors
/// What zstd says.
pub fn bytes(mut head: Head, frames: &[u8]) -> std::io::Result<Vec<u8>> {
    let packed;
    let payload = match head.form {
        Form::Piece => frames,
        Form::Block => {
            packed = zstd::bulk::compress(frames, LEVEL)?;
            &packed
        }
    };
    head.raw = u32::try_from(frames.len()).unwrap_or(u32::MAX);
    head.length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEAD + payload.len());
    head.write(payload, &mut out);
    out.extend_from_slice(payload);
    Ok(out)
}

/// The frames behind a head.
pub fn frames(head: &Head, payload: &[u8]) -> Result<Vec<u8>, Damaged> {
    match head.form {
        Form::Piece => Ok(payload.to_vec()),
        Form::Block => {
            let raw = (head.raw as usize).min(MOST_RAW);
            zstd::bulk::decompress(payload, raw).map_err(|_| Damaged)
        }
    }
}
