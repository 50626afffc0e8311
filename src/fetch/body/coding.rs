//! The content codings and the readers that undo them.

use flate2::{Decompress, FlushDecompress, Status};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// Base-2 logarithm of the largest zstd window taken, 8 MiB (RFC 9659).
const ZSTD_WINDOW_LOG: u32 = 23;
/// Room for what a coding of a stack hands to the next, bytes.
const BETWEEN: usize = 16 * 1024;

/// A content coding (RFC 9110, section 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The readers that undo `codings`, last applied first, each under the cap: a
/// stack must not hide a huge middle behind a small end.
pub(super) fn stack<'a>(
    wire: Box<dyn BufRead + 'a>,
    codings: &[Coding],
    cap: u64,
    over: &Rc<Cell<bool>>,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = wire;
    let mut codings = codings.iter().rev().peekable();
    while let Some(coding) = codings.next() {
        let output: Box<dyn Read + 'a> = match coding {
            Coding::Gzip => Box::new(Gunzip::new(input)),
            Coding::Deflate => Box::new(Inflate::new(input)?),
            Coding::Brotli => Box::new(Unbrotli::new(input)),
            Coding::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        let output = Capped {
            inner: output,
            left: cap,
            over: Rc::clone(over),
        };
        if codings.peek().is_none() {
            return Ok(Box::new(output));
        }
        input = Box::new(BufReader::with_capacity(BETWEEN, output));
    }
    Ok(Box::new(input))
}

/// Fails, and remembers it, once more than `left` bytes come.
struct Capped<R> {
    inner: R,
    left: u64,
    over: Rc<Cell<bool>>,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            if self.inner.read(&mut [0])? == 0 {
                return Ok(0);
            }
            self.over.set(true);
            return Err(io::Error::other("it is too large once decompressed"));
        }
        let room = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        let count = self.inner.read(&mut out[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Brotli (RFC 7932). The decoder calls a truncated stream invalid; whether its
/// input had come to an end tells the two apart.
struct Unbrotli<R: Read>(brotli::Decompressor<Ending<R>>);

struct Ending<R> {
    inner: R,
    at_end: bool,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.at_end = count == 0 && !out.is_empty();
        Ok(count)
    }
}

impl<R: Read> Unbrotli<R> {
    fn new(inner: R) -> Self {
        let input = Ending {
            inner,
            at_end: false,
        };
        Self(brotli::Decompressor::new(input, BETWEEN))
    }
}

impl<R: Read> Read for Unbrotli<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData && self.0.get_ref().at_end {
                io::ErrorKind::UnexpectedEof.into()
            } else {
                error
            }
        })
    }
}

/// Gzip of one or more members (RFC 1952); like browsers it passes over
/// anything else that follows a member.
struct Gunzip<R> {
    member: Option<flate2::bufread::GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    fn new(input: R) -> Self {
        Self {
            member: Some(flate2::bufread::GzDecoder::new(input)),
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            let Some(mut input) = self.member.take().map(|member| member.into_inner()) else {
                break;
            };
            if input.fill_buf()?.starts_with(&[0x1F, 0x8B]) {
                self.member = Some(flate2::bufread::GzDecoder::new(input));
            }
        }
        Ok(0)
    }
}

/// `deflate`: zlib (RFC 1950) as it should be, or the raw stream (RFC 1951)
/// that some servers send. Unlike flate2's own readers it tells a truncated
/// stream from a finished one.
struct Inflate<R> {
    input: R,
    state: Decompress,
    done: bool,
}

impl<R: BufRead> Inflate<R> {
    fn new(mut input: R) -> io::Result<Self> {
        let zlib = match input.fill_buf()? {
            [cmf, flags, ..] => {
                cmf & 0x0F == 8
                    && cmf >> 4 <= 7
                    && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0
            }
            _ => true,
        };
        Ok(Self {
            input,
            state: Decompress::new(zlib),
            done: false,
        })
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.done && !out.is_empty() {
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let (read_before, written_before) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(input, out, FlushDecompress::None)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            // Both are at most the length of a slice.
            let read = (self.state.total_in() - read_before) as usize;
            let written = (self.state.total_out() - written_before) as usize;
            self.input.consume(read);
            self.done = status == Status::StreamEnd;
            if written > 0 {
                return Ok(written);
            }
            if at_end && !self.done {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
