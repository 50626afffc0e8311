//! Sitemaps by the protocol of sitemaps.org, as they are found in the wild:
//! XML or plain text, gzipped or not whatever the label says, and salvaged up
//! to the point where they break.

mod source;

use crate::page::NormalForm;
use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::name::QName;
use source::Source;
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
        /// `lastmod` as it stands there.
        lastmod: Option<String>,
    },
    /// A further sitemap, named in an index.
    Sitemap {
        /// Its URL, absolute.
        loc: Url,
    },
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
}

/// Reads a sitemap and gives its entries one by one. Relative locations are
/// resolved against `base`, the sitemap's own URL.
pub fn read(bytes: &[u8], base: &Url, caps: &Caps, sink: &mut dyn FnMut(Entry)) -> Summary {
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

fn contents(bytes: &[u8], taken: &mut Taken) -> Result<(), String> {
    let mut source = Source::new(bytes, taken.caps.bytes).map_err(|e| unreadable(&e))?;
    let first = loop {
        let text = source.fill_buf().map_err(|e| unreadable(&e))?;
        let space = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        match text.get(space) {
            Some(&first) => {
                source.consume(space);
                break first;
            }
            None if text.is_empty() => return Err("it is empty".to_owned()),
            None => source.consume(space),
        }
        source.renew();
    };
    if first == b'<' {
        xml(source, taken)
    } else {
        lines(source, taken)
    }
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
            _ => self.summary.bad += 1,
        }
        Ok(())
    }

    fn problem(&mut self, text: String) {
        self.summary.problem.get_or_insert(text);
    }
}

/// A list of locations, one a line.
fn lines(mut source: Source, taken: &mut Taken) -> Result<(), String> {
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
                taken.summary.bad += 1;
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

fn xml(source: Source, taken: &mut Taken) -> Result<(), String> {
    let mut reader = Reader::from_reader(source);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.expand_empty_elements = true;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut outline = Outline::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().renew();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            // Padding behind the end is no part of the sitemap.
            Err(_) if outline.is_whole() => return Ok(()),
            Err(error) => {
                let at = reader.error_position();
                outline.break_off(taken)?;
                return Err(match error {
                    quick_xml::Error::Io(error) => unreadable(&error),
                    error => format!("its XML breaks at byte {at}: {error}"),
                });
            }
        };
        match event {
            Event::DocType(text) if is_html(&text) => return Err(HTML.to_owned()),
            Event::Start(tag) => outline.start(tag.name(), taken)?,
            Event::End(tag) => outline.end(tag.name(), taken)?,
            Event::Text(text) => outline.add(&text),
            Event::CData(text) => outline.add(&text),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => outline.add(c.encode_utf8(&mut [0; 4])),
                _ => outline.add(
                    // Entities of a document type are not expanded.
                    quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default(),
                ),
            },
            Event::Eof => {
                let whole = outline.is_whole();
                outline.break_off(taken)?;
                return match &outline.root {
                    None => Err("it is empty".to_owned()),
                    Some(_) if !whole => Err("it breaks off in the middle".to_owned()),
                    Some(root) if taken.summary.entries == 0 && !is_sitemap(root) => {
                        Err(format!("its root is <{root}>, so it is not a sitemap"))
                    }
                    _ => Ok(()),
                };
            }
            _ => {}
        }
    }
}

/// Which text is being collected.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Field {
    #[default]
    Nothing,
    Loc,
    Lastmod,
}

/// Which kind of entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Sitemap,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "url" => Some(Self::Page),
            "sitemap" => Some(Self::Sitemap),
            _ => None,
        }
    }
}

/// Where in the document the reader is. What belongs to an entry is told by
/// its depth and prefix, so that an extension's `loc` (of an image, say) is not
/// taken for the entry's.
#[derive(Default)]
struct Outline {
    root: Option<String>,
    /// Elements that are open.
    depth: usize,
    /// The entry that is open, and its depth.
    entry: Option<(Kind, usize)>,
    /// The entry's namespace prefix with its colon; mostly empty.
    prefix: String,
    field: Field,
    loc: String,
    lastmod: String,
}

impl Outline {
    fn start(&mut self, tag: QName, taken: &mut Taken) -> Result<(), String> {
        let (prefix, name) = split(tag);
        if self.root.is_none() {
            if let Some(what) = stranger(name) {
                return Err(what.to_owned());
            }
            self.root = Some(name.chars().take(64).collect());
        }
        let own = self.prefix == prefix;
        match (self.entry, Kind::of(name)) {
            (None, Some(kind)) => {
                prefix.clone_into(&mut self.prefix);
                self.entry = Some((kind, self.depth + 1));
            }
            // The end of the one before is missing.
            (Some((open, depth)), Some(kind)) if open == kind && own => {
                self.close(taken)?;
                self.depth = depth - 1;
                self.entry = Some((kind, depth));
            }
            _ => {}
        }
        self.depth += 1;
        let of_entry = own && self.entry.is_some_and(|(_, depth)| self.depth == depth + 1);
        self.field = match name {
            "loc" if of_entry && self.loc.is_empty() => Field::Loc,
            "lastmod" if of_entry && self.lastmod.is_empty() => Field::Lastmod,
            _ => Field::Nothing,
        };
        Ok(())
    }

    fn end(&mut self, tag: QName, taken: &mut Taken) -> Result<(), String> {
        self.field = Field::Nothing;
        let (prefix, name) = split(tag);
        match self.entry {
            Some((kind, depth)) if Kind::of(name) == Some(kind) && self.prefix == prefix => {
                self.close(taken)?;
                self.depth = depth - 1;
            }
            // An end without a beginning does not leave the entry.
            Some((_, depth)) => self.depth = (self.depth - 1).max(depth),
            None => self.depth = self.depth.saturating_sub(1),
        }
        Ok(())
    }

    fn add(&mut self, text: &str) {
        match self.field {
            // A little over the limit shows that it is over.
            Field::Loc if self.loc.len() <= LOC => self.loc.push_str(text),
            Field::Lastmod if self.lastmod.len() <= LASTMOD => self.lastmod.push_str(text),
            _ => {}
        }
    }

    /// Gives the entry that is open, if there is one with a location.
    fn close(&mut self, taken: &mut Taken) -> Result<(), String> {
        let loc = std::mem::take(&mut self.loc);
        let lastmod = std::mem::take(&mut self.lastmod);
        let lastmod = lastmod.trim();
        match self.entry.take() {
            Some((Kind::Page, _)) => taken.take(&loc, |loc| Entry::Page {
                loc,
                lastmod: (!lastmod.is_empty() && lastmod.len() <= LASTMOD)
                    .then(|| lastmod.to_owned()),
            }),
            Some((Kind::Sitemap, _)) => taken.take(&loc, |loc| Entry::Sitemap { loc }),
            None => Ok(()),
        }
    }

    /// The document goes no further: gives the entry that is open, unless it is
    /// its location that is cut short.
    fn break_off(&mut self, taken: &mut Taken) -> Result<(), String> {
        if self.field == Field::Loc || self.loc.is_empty() {
            self.entry = None;
        }
        self.close(taken)
    }

    /// Whether the root has come to its end.
    fn is_whole(&self) -> bool {
        self.root.is_some() && self.depth == 0
    }
}

/// The prefix with its colon, and the name without it.
fn split(tag: QName<'_>) -> (&str, &str) {
    let tag = tag.0;
    tag.split_at(tag.find(':').map_or(0, |colon| colon + 1))
}

const HTML: &str = "it is an HTML page, not a sitemap";

fn is_html(doctype: &str) -> bool {
    let name = doctype.split_ascii_whitespace().next();
    name.is_some_and(|name| name.eq_ignore_ascii_case("html"))
}

fn is_sitemap(root: &str) -> bool {
    matches!(root, "urlset" | "sitemapindex")
}

/// What a document that is no sitemap is, by its root.
fn stranger(root: &str) -> Option<&'static str> {
    match root.to_ascii_lowercase().as_str() {
        "html" | "head" | "body" => Some(HTML),
        "rss" | "feed" | "rdf" => Some("it is a feed, not a sitemap"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
