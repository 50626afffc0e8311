//! Sitemaps by the protocol of sitemaps.org, and feeds (RSS, Atom), as they are
//! found in the wild: XML or plain text, gzipped or not whatever the label says, and salvaged up
//! to the point where they break.

mod outline;
mod xml;

use super::source::{Source, beginning};
use crate::page::NormalForm;
use std::io::{self, BufRead};
use url::Url;

/// Longest location taken, bytes: what does not fit a URL in normal form is
/// left room for.
const LOC: usize = 2 * NormalForm::MAX_LEN;
/// Longest `lastmod` kept, bytes.
const LASTMOD: usize = 64;

/// Limits on what one sitemap may hold.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// Entries taken.
    pub entries: usize,
    /// Bytes after decompression.
    pub bytes: u64,
}

impl Default for Caps {
    /// Twice what the protocol allows (50,000 entries, 50 MB).
    fn default() -> Self {
        Self {
            entries: 100_000,
            bytes: 100 << 20,
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A page.
    Page {
        /// Its URL, absolute.
        loc: Url,
        /// `lastmod` (of a feed, its date) as it stands there.
        lastmod: Option<String>,
    },
    /// A further sitemap, named in an index.
    Sitemap {
        /// Its URL, absolute.
        loc: Url,
        /// `lastmod` as it stands there.
        lastmod: Option<String>,
    },
    /// A location that is no URL: how it begins, as hostile as it came.
    Bad(String),
}

/// How reading went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries given.
    pub entries: usize,
    /// Locations that are no URLs.
    pub bad: usize,
    /// What is wrong with the sitemap, if something is; what stood before it
    /// was given.
    pub problem: Option<String>,
    /// What stands where it broke, or how it begins; as hostile as it came.
    pub excerpt: String,
}

/// Reads a sitemap and gives its entries one by one. Relative locations are
/// resolved against `base`, the sitemap's own URL.
pub fn read(bytes: impl BufRead, base: &Url, caps: &Caps, sink: &mut dyn FnMut(Entry)) -> Summary {
    let mut taken = Taken {
        base,
        caps,
        summary: Summary::default(),
        sink,
    };
    if let Err(end) = contents(bytes, &mut taken) {
        taken.problem(end);
    }
    let mut summary = taken.summary;
    if summary.entries == 0 && summary.bad > 0 {
        summary
            .problem
            .get_or_insert_with(|| "it is not a sitemap".to_owned());
    }
    summary
}

fn contents(bytes: impl BufRead, taken: &mut Taken) -> Result<(), String> {
    let mut source = Source::new(bytes, taken.caps.bytes).map_err(|e| unreadable(&e))?;
    let read = match source.first() {
        Err(error) => Err(unreadable(&error)),
        Ok(None) => Err("it is empty".to_owned()),
        Ok(Some(b'<')) => xml::read(&mut source, taken),
        Ok(Some(_)) => lines(&mut source, taken),
    };
    if read.is_err() {
        taken.summary.excerpt = source.around();
    }
    read
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        // Of this room's own making, in whole words.
        io::ErrorKind::Other => error.to_string(),
        _ => format!("its gzip breaks off: {error}"),
    }
}

struct Taken<'a> {
    base: &'a Url,
    caps: &'a Caps,
    summary: Summary,
    sink: &'a mut dyn FnMut(Entry),
}

impl Taken<'_> {
    /// Takes a location.
    ///
    /// # Errors
    /// Where the cap is reached.
    fn take(&mut self, loc: &str, entry: impl FnOnce(Url) -> Entry) -> Result<(), String> {
        let loc = loc.trim();
        if self.summary.entries >= self.caps.entries {
            return Err(format!("it has more than {} entries", self.caps.entries));
        }
        let url = (!loc.is_empty() && loc.len() <= LOC)
            .then(|| self.base.join(loc).ok())
            .flatten();
        match url {
            Some(url) if matches!(url.scheme(), "http" | "https") => {
                self.summary.entries += 1;
                (self.sink)(entry(url));
            }
            _ => self.bad(loc),
        }
        Ok(())
    }

    /// Gives a location that is no URL.
    fn bad(&mut self, loc: &str) {
        self.summary.bad += 1;
        (self.sink)(Entry::Bad(beginning(loc).to_owned()));
    }

    fn problem(&mut self, text: String) {
        self.summary.problem.get_or_insert(text);
    }
}

/// A list of locations, one a line.
fn lines(source: &mut Source, taken: &mut Taken) -> Result<(), String> {
    let mut line = Vec::new();
    loop {
        let text = source.fill_buf().map_err(|e| unreadable(&e))?;
        let end = memchr::memchr2(b'\n', b'\r', text);
        let part = &text[..end.unwrap_or(text.len())];
        // Of a line that is too long, enough is kept to see that it is.
        let room = (LOC + 1).saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let over = text.is_empty();
        let used = part.len() + usize::from(end.is_some());
        source.consume(used);
        source.renew();
        if end.is_some() || over {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            // A location in a text sitemap is a whole URL.
            if text.len() > LOC || (!text.is_empty() && Url::parse(text).is_err()) {
                taken.bad(text);
            } else if !text.is_empty() {
                taken.take(text, |loc| Entry::Page { loc, lastmod: None })?;
            }
            line.clear();
        }
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
