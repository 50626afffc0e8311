//! Where in a sitemap or a feed the reader is, and what it has of the entry
//! that is open.

use super::{Entry, LASTMOD, LOC, Taken};
use quick_xml::events::BytesStart;
use quick_xml::name::QName;

/// Which text is being collected.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Field {
    #[default]
    Nothing,
    Loc,
    /// What stands in for a location that is missing.
    Guid,
    Lastmod,
}

/// Which kind of entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Sitemap,
    /// Of RSS.
    Item,
    /// Of Atom.
    Entry,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "url" => Some(Self::Page),
            "sitemap" => Some(Self::Sitemap),
            "item" => Some(Self::Item),
            "entry" => Some(Self::Entry),
            _ => None,
        }
    }

    /// Which field of such an entry has this name.
    fn field(self, name: &str) -> Field {
        match (self, name) {
            (Self::Page | Self::Sitemap, "loc") | (Self::Item, "link") => Field::Loc,
            (Self::Item, "guid") => Field::Guid,
            (Self::Page | Self::Sitemap, "lastmod")
            | (Self::Item, "pubDate" | "date")
            | (Self::Entry, "updated" | "published") => Field::Lastmod,
            _ => Field::Nothing,
        }
    }
}

/// Where in the document the reader is. What belongs to an entry is told by
/// its depth and prefix, so that an extension's `loc` (of an image, say) is not
/// taken for the entry's.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) root: Option<String>,
    /// Elements that are open.
    depth: usize,
    /// The entry that is open, and its depth.
    entry: Option<(Kind, usize)>,
    /// The entry's namespace prefix with its colon; mostly empty.
    prefix: String,
    field: Field,
    loc: String,
    guid: String,
    lastmod: String,
}

impl Outline {
    pub(super) fn start(&mut self, tag: &BytesStart, taken: &mut Taken) -> Result<(), String> {
        let (prefix, name) = split(tag.name());
        if self.root.is_none() {
            if is_html(name) || matches!(name, "head" | "body") {
                return Err(HTML.to_owned());
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
        let Some((kind, _)) = self.entry.filter(|(_, depth)| self.depth == depth + 1) else {
            self.field = Field::Nothing;
            return Ok(());
        };
        // The date of RSS 1.0 is Dublin Core's.
        let own = self.prefix == prefix || (kind == Kind::Item && prefix == "dc:");
        self.field = match kind.field(name) {
            _ if !own => Field::Nothing,
            Field::Loc if self.loc.is_empty() => Field::Loc,
            Field::Guid if attribute(tag, "isPermaLink").is_none_or(|is| is != "false") => {
                self.guid.clear();
                Field::Guid
            }
            Field::Lastmod if self.lastmod.is_empty() || name == "updated" => {
                self.lastmod.clear();
                Field::Lastmod
            }
            _ => Field::Nothing,
        };
        if own && kind == Kind::Entry && name == "link" && self.loc.is_empty() {
            let page = attribute(tag, "rel").is_none_or(|rel| rel == "alternate");
            if let Some(href) = attribute(tag, "href").filter(|_| page) {
                self.loc.push_str(&href);
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, tag: QName, taken: &mut Taken) -> Result<(), String> {
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

    pub(super) fn add(&mut self, text: &str) {
        match self.field {
            // A little over the limit shows that it is over.
            Field::Loc if self.loc.len() <= LOC => self.loc.push_str(text),
            Field::Guid if self.guid.len() <= LOC => self.guid.push_str(text),
            Field::Lastmod if self.lastmod.len() <= LASTMOD => self.lastmod.push_str(text),
            _ => {}
        }
    }

    /// Gives the entry that is open, if there is one with a location.
    fn close(&mut self, taken: &mut Taken) -> Result<(), String> {
        let mut loc = std::mem::take(&mut self.loc);
        let guid = std::mem::take(&mut self.guid);
        let lastmod = std::mem::take(&mut self.lastmod);
        let lastmod = lastmod.trim();
        let lastmod = (!lastmod.is_empty() && lastmod.len() <= LASTMOD).then(|| lastmod.to_owned());
        if loc.trim().is_empty() && guid.contains("://") {
            loc = guid;
        }
        match self.entry.take() {
            Some((Kind::Sitemap, _)) => taken.take(&loc, |loc| Entry::Sitemap { loc, lastmod }),
            Some(_) => taken.take(&loc, |loc| Entry::Page { loc, lastmod }),
            None => Ok(()),
        }
    }

    /// The document goes no further: gives the entry that is open, unless it is
    /// its location that is cut short.
    pub(super) fn break_off(&mut self, taken: &mut Taken) -> Result<(), String> {
        let no_guid = self.guid.is_empty() || self.field == Field::Guid;
        if self.field == Field::Loc || (self.loc.is_empty() && no_guid) {
            self.entry = None;
        }
        self.close(taken)
    }

    /// Whether the root has come to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.root.is_some() && self.depth == 0
    }
}

/// The prefix with its colon, and the name without it.
fn split(tag: QName<'_>) -> (&str, &str) {
    let tag = tag.0;
    tag.split_at(tag.find(':').map_or(0, |colon| colon + 1))
}

/// The value of an attribute, entities decoded.
fn attribute(tag: &BytesStart, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    let attributes = attributes.with_checks(false);
    let found = attributes.flatten().find(|a| a.key.as_ref() == name)?;
    let value = match quick_xml::escape::unescape(&found.value) {
        Ok(value) => value.into_owned(),
        // Stray ampersands.
        Err(_) => found.value.clone().into_owned(),
    };
    Some(value)
}

pub(super) const HTML: &str = "it is an HTML page, not a sitemap";

/// Whether a document type or a root is HTML's.
pub(super) fn is_html(name: &str) -> bool {
    let name = name.split_ascii_whitespace().next();
    name.is_some_and(|name| name.eq_ignore_ascii_case("html"))
}

/// Whether a root is that of a sitemap or a feed.
pub(super) fn is_sitemap(root: &str) -> bool {
    matches!(root, "urlset" | "sitemapindex" | "rss" | "feed" | "RDF")
}
