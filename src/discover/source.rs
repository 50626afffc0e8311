//! The bytes of a sitemap or a list as UTF-8 text, unpacked piece by piece: what
//! is in memory does not depend on how large it turns out to be.

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Text decoded at a time, bytes.
const CHUNK: usize = 16 << 10;
/// Bytes at the beginning that tell compression and encoding.
const HEAD: usize = 256;
/// Text between two calls of [`Source::renew`], bytes; no element of a sitemap
/// and no line of a list is anywhere near as long.
const PIECE: usize = 1 << 20;
/// Bytes on each side of a place that are told of it.
const AROUND: usize = 60;
/// Bytes of what is wrong that are told.
const EXCERPT: usize = 120;

/// As much of a text as is told.
pub fn beginning(text: &str) -> &str {
    let mut end = text.len().min(EXCERPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first part of something, with a failure at its end: so that the row in
/// which it was cut is not taken for a whole one. `why` says that it is no more.
pub fn part(bytes: impl BufRead, why: String) -> impl BufRead {
    bytes.chain(Missing(why))
}

/// What is not there.
struct Missing(String);

impl Read for Missing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other(self.0.clone()))
    }
}

impl BufRead for Missing {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Err(io::Error::other(self.0.clone()))
    }

    fn consume(&mut self, _: usize) {}
}

/// Its text. What does not fit its encoding becomes U+FFFD.
pub struct Source<'a> {
    raw: Box<dyn BufRead + 'a>,
    decoder: Decoder,
    text: Box<[u8]>,
    from: usize,
    to: usize,
    /// Whether the decoder has been told of the end.
    ended: bool,
    /// Raw bytes that may still come.
    left: u64,
    most: u64,
    /// Text that may still be given before it must be renewed.
    piece: usize,
}

impl<'a> Source<'a> {
    /// Unpacks `bytes`, gzipped never, once or twice (a `.gz` that was served
    /// with `Content-Encoding: gzip`), up to `most` bytes.
    ///
    /// # Errors
    /// Where not even its beginning can be unpacked.
    pub fn new(bytes: impl BufRead + 'a, most: u64) -> io::Result<Self> {
        let mut raw: Box<dyn BufRead + 'a> = Box::new(bytes);
        let mut head = peek(&mut raw)?;
        for _ in 0..2 {
            if !head.starts_with(&[0x1f, 0x8b]) {
                break;
            }
            let packed = Cursor::new(head).chain(raw);
            raw = Box::new(BufReader::new(MultiGzDecoder::new(packed)));
            head = peek(&mut raw)?;
        }
        let decoder = encoding(&head).new_decoder_with_bom_removal();
        Ok(Self {
            raw: Box::new(Cursor::new(head).chain(raw)),
            decoder,
            text: vec![0; CHUNK].into_boxed_slice(),
            from: 0,
            to: 0,
            ended: false,
            left: most,
            most,
            piece: PIECE,
        })
    }

    /// To be called whenever a whole piece of the text has been understood.
    pub fn renew(&mut self) {
        self.piece = PIECE;
    }

    /// The text around the place up to which it was read, as hostile as it came.
    pub fn around(&self) -> String {
        let text = &self.text[..self.to];
        let begin = self.from.saturating_sub(AROUND);
        let end = self.to.min(self.from + AROUND);
        let text = String::from_utf8_lossy(&text[begin..end]);
        // Characters cut at either end.
        text.trim_matches('\u{fffd}').trim().to_owned()
    }

    /// Passes over white space; answers the first byte behind it, if there is
    /// one, and leaves that.
    ///
    /// # Errors
    /// Where it cannot be unpacked that far.
    pub fn first(&mut self) -> io::Result<Option<u8>> {
        loop {
            let text = self.fill_buf()?;
            let space = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
            let (first, over) = (text.get(space).copied(), text.is_empty());
            self.consume(space);
            self.renew();
            if first.is_some() || over {
                return Ok(first);
            }
        }
    }

    /// Decodes until there is text, or none will come.
    fn refill(&mut self) -> io::Result<()> {
        while self.from == self.to && !self.ended {
            let raw = self.raw.fill_buf()?;
            let last = raw.is_empty();
            if !last && self.left == 0 {
                let text = format!("it is larger than {} bytes", self.most);
                return Err(io::Error::other(text));
            }
            let room = usize::try_from(self.left).unwrap_or(usize::MAX);
            let raw = &raw[..raw.len().min(room)];
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, &mut self.text, last);
            self.raw.consume(read);
            self.left -= read as u64;
            // Where nothing more comes, what came last can still be told.
            if written > 0 {
                (self.from, self.to) = (0, written);
            }
            self.ended = last && result == encoding_rs::CoderResult::InputEmpty;
        }
        Ok(())
    }
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.refill()?;
        if self.piece == 0 && self.from < self.to {
            let text = format!("a piece of it is longer than {PIECE} bytes");
            return Err(io::Error::other(text));
        }
        let end = self.to.min(self.from.saturating_add(self.piece));
        Ok(&self.text[self.from..end])
    }

    fn consume(&mut self, amount: usize) {
        self.from = self.to.min(self.from + amount);
        self.piece = self.piece.saturating_sub(amount);
    }
}

/// Takes off the beginning.
fn peek(raw: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    match raw.take(HEAD as u64).read_to_end(&mut head) {
        // The end of what can be unpacked is met again when it is read on.
        Err(error) if head.is_empty() => Err(error),
        _ => Ok(head),
    }
}

/// By the mark, by the zeros of UTF-16, by the XML declaration; else UTF-8.
fn encoding(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    match head {
        [b'<', 0, ..] => return UTF_16LE,
        [0, b'<', ..] => return UTF_16BE,
        _ => {}
    }
    let declared = head.starts_with(b"<?xml").then(|| declared(head)).flatten();
    match declared {
        // Whoever could read as far as this is not reading UTF-16.
        Some(encoding) if encoding != UTF_16LE && encoding != UTF_16BE => encoding,
        _ => UTF_8,
    }
}

/// The encoding that an XML declaration names.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let end = memchr::memmem::find(head, b"?>")?;
    let head = &head[..end];
    let at = memchr::memmem::find(head, b"encoding")?;
    let mut words = head[at..].split(|byte| matches!(byte, b'"' | b'\''));
    Encoding::for_label(words.nth(1)?)
}
