//! Sitemaps by the protocol of sitemaps.org, as they are found in the wild:
//! XML or plain text, gzipped or not whatever the label says, and salvaged up
//! to the point where they break.

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::borrow::Cow;
use std::io::Read;
use url::Url;

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
    let mut summary = Summary::default();
    let mut plain = Cow::Borrowed(bytes);
    // A .gz served with Content-Encoding: gzip is compressed twice.
    for _ in 0..2 {
        if !plain.starts_with(&[0x1f, 0x8b]) {
            break;
        }
        let mut out = Vec::new();
        let end = MultiGzDecoder::new(&plain[..])
            .take(caps.bytes + 1)
            .read_to_end(&mut out);
        if let Err(error) = end {
            summary.problem = Some(format!("its gzip breaks off: {error}"));
        }
        if out.len() as u64 > caps.bytes {
            out.truncate(usize::try_from(caps.bytes).unwrap_or(usize::MAX));
            summary.problem = Some(format!("it is larger than {} bytes", caps.bytes));
        }
        plain = Cow::Owned(out);
    }
    let text = decode(&plain);
    let start = text.trim_start();
    let mut taken = Taken {
        base,
        caps,
        summary: &mut summary,
        sink,
    };
    if start.starts_with('<') {
        xml(start, &mut taken);
    } else {
        lines(start, &mut taken);
    }
    if summary.entries == 0 && summary.problem.is_none() && summary.bad > 0 {
        summary.problem = Some("it is not a sitemap".to_owned());
    }
    summary
}

struct Taken<'a> {
    base: &'a Url,
    caps: &'a Caps,
    summary: &'a mut Summary,
    sink: &'a mut dyn FnMut(Entry),
}

impl Taken<'_> {
    /// Takes a location; `false` when the cap is reached.
    fn take(&mut self, loc: &str, entry: impl FnOnce(Url) -> Entry) -> bool {
        let loc = loc.trim();
        if self.summary.entries >= self.caps.entries {
            let cap = self.caps.entries;
            self.problem(format!("it has more than {cap} entries"));
            return false;
        }
        match self.base.join(loc) {
            Ok(url) if !loc.is_empty() && matches!(url.scheme(), "http" | "https") => {
                self.summary.entries += 1;
                (self.sink)(entry(url));
            }
            _ => self.summary.bad += 1,
        }
        true
    }

    fn problem(&mut self, text: String) {
        self.summary.problem.get_or_insert(text);
    }
}

/// UTF-8, or UTF-16 by its mark; what is broken becomes U+FFFD.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    encoding_rs::UTF_8.decode(bytes).0
}

fn lines(text: &str, taken: &mut Taken) {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // A location in a text sitemap is a whole URL.
        if Url::parse(line).is_err() {
            taken.summary.bad += 1;
        } else if !taken.take(line, |loc| Entry::Page { loc, lastmod: None }) {
            return;
        }
    }
}

/// Which entry the reader is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Page,
    Sitemap,
}

/// Which text is being collected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Nothing,
    Loc,
    Lastmod,
}

fn xml(text: &str, taken: &mut Taken) {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut inside = Inside::Nothing;
    let mut field = Field::Nothing;
    let mut depth = 0usize;
    let (mut loc, mut lastmod) = (String::new(), String::new());
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let at = reader.error_position();
                return taken.problem(format!("its XML breaks at byte {at}: {error}"));
            }
        };
        match event {
            Event::Start(tag) => {
                let name = tag.local_name();
                let name = name.as_ref();
                if depth == 0
                    && let Some(problem) = stranger(name)
                {
                    return taken.problem(problem.to_owned());
                }
                depth += 1;
                // Extensions (image:loc, video:…) are prefixed; the protocol's
                // own elements may be too, but then all of them are.
                let own = !matches!(tag.name().prefix(), Some(prefix)
                    if matches!(prefix.as_ref(), "image" | "video" | "news" | "xhtml" | "mobile"));
                field = Field::Nothing;
                match name {
                    "url" if own => inside = Inside::Page,
                    "sitemap" if own => inside = Inside::Sitemap,
                    "loc" if own => (field, loc) = (Field::Loc, String::new()),
                    "lastmod" if own => (field, lastmod) = (Field::Lastmod, String::new()),
                    _ => {}
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                field = Field::Nothing;
                let more = match (tag.local_name().as_ref(), inside) {
                    ("url", Inside::Page) => {
                        let text = std::mem::take(&mut lastmod);
                        let lastmod = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
                        inside = Inside::Nothing;
                        taken.take(&std::mem::take(&mut loc), |loc| Entry::Page {
                            loc,
                            lastmod,
                        })
                    }
                    ("sitemap", Inside::Sitemap) => {
                        inside = Inside::Nothing;
                        lastmod.clear();
                        taken.take(&std::mem::take(&mut loc), |loc| Entry::Sitemap { loc })
                    }
                    _ => true,
                };
                if !more {
                    return;
                }
            }
            Event::Text(text) => add(&mut loc, &mut lastmod, field, &text),
            Event::CData(text) => add(&mut loc, &mut lastmod, field, &text),
            Event::GeneralRef(name) => {
                let resolved = match name.resolve_char_ref() {
                    Ok(Some(c)) => Some(c.to_string()),
                    _ => quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned),
                };
                add(
                    &mut loc,
                    &mut lastmod,
                    field,
                    resolved.as_deref().unwrap_or_default(),
                );
            }
            Event::Eof => {
                if inside != Inside::Nothing {
                    taken.problem("it breaks off in the middle of an entry".to_owned());
                }
                return;
            }
            _ => {}
        }
    }
}

fn add(loc: &mut String, lastmod: &mut String, field: Field, text: &str) {
    match field {
        Field::Loc => loc.push_str(text),
        Field::Lastmod => lastmod.push_str(text),
        Field::Nothing => {}
    }
}

/// What a document that is no sitemap is, by its first element.
fn stranger(root: &str) -> Option<&'static str> {
    match root.to_ascii_lowercase().as_str() {
        "html" | "head" | "body" => Some("it is an HTML page, not a sitemap"),
        "rss" | "feed" | "rdf" => Some("it is a feed, not a sitemap"),
        _ => None,
    }
}
