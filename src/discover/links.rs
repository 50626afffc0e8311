//! From the links as they stand in a page to URLs that may be pages.
//!
//! A documentation page has hundreds of links, most of them repeats or the same
//! page with another fragment. So fragments are cut off the raw text, repeats
//! are dropped before anything is parsed, and plain relative references are
//! resolved without the URL parser.

use super::scope::{Refusal, ScopeRules};
use crate::config::Site;
use crate::page::{Fingerprint, Fingerprinter, NormalForm};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use url::{Position, Url};
use xxhash_rust::xxh3::xxh3_64;

/// Different links taken of one page; a page with more is a trap.
const LINKS: usize = 20_000;

/// A link that is in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Of `url`.
    pub print: Fingerprint,
    /// In normal form.
    pub url: Box<str>,
    /// Where on the page it stands, the first time.
    pub place: u32,
}

/// A site's link judge.
#[derive(Debug, Clone)]
pub struct Linker {
    form: NormalForm,
    scope: ScopeRules,
    prints: Fingerprinter,
}

impl Linker {
    /// The judge of `site`.
    pub fn new(site: &Site) -> Self {
        Self {
            form: site.url.clone(),
            scope: ScopeRules::new(site),
            prints: Fingerprinter::new(&site.name),
        }
    }

    /// The fingerprint of a URL in normal form.
    pub fn print(&self, url: &str) -> Fingerprint {
        self.prints.of(url)
    }

    /// Begins with a page whose links will be `depth` links from the start.
    pub fn page<'a>(&'a self, url: &'a Url, depth: u32) -> PageLinks<'a> {
        PageLinks {
            linker: self,
            page: url,
            base: None,
            depth,
            seen: HashSet::default(),
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Where a link leads and whether it is in scope.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn explain(
        &self,
        href: &str,
        base: &Url,
        depth: u32,
    ) -> Result<Url, (Option<Url>, Refusal)> {
        let url = self
            .form
            .parse(href, Some(base))
            .map_err(|refusal| (None, Refusal::Url(refusal)))?;
        match self.scope.judge(&url, depth) {
            Ok(()) => Ok(url),
            Err(refusal) => Err((Some(url), refusal)),
        }
    }
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Seen = HashSet<u64, BuildHasherDefault<Hashed>>;

/// The links of one page, collected first and resolved when its base is known.
pub struct PageLinks<'a> {
    linker: &'a Linker,
    page: &'a Url,
    base: Option<Url>,
    depth: u32,
    seen: Seen,
    /// The different links, one after the other, and where each ends.
    text: String,
    ends: Vec<(usize, u32)>,
}

impl PageLinks<'_> {
    /// Adds a link as it stands in the page, entities decoded.
    pub fn push(&mut self, href: &str) {
        self.push_at(href, 0);
    }

    /// [`PageLinks::push`] of a link that stands at this place of the page.
    pub fn push_at(&mut self, href: &str, place: u32) {
        let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
        let href = match href.split_once('#') {
            // The parser strips spaces off the end, which these are not yet.
            Some((start, _)) if !start.ends_with(|c| c <= ' ') => start,
            _ => href,
        };
        if href.is_empty() || is_other_scheme(href) || self.ends.len() >= LINKS {
            return;
        }
        if href.len() <= 2 * NormalForm::MAX_LEN && self.seen.insert(xxh3_64(href.as_bytes())) {
            self.text.push_str(href);
            self.ends.push((self.text.len(), place));
        }
    }

    /// Sets the page's `<base href>`.
    pub fn base(&mut self, href: &str) {
        self.base = self
            .page
            .join(href.trim())
            .ok()
            .filter(|base| !base.cannot_be_a_base());
    }

    /// What relative links are relative to.
    pub fn base_url(&self) -> &Url {
        self.base.as_ref().unwrap_or(self.page)
    }

    /// A single link in normal form, whether or not it is in scope.
    pub fn resolve(&self, href: &str) -> Option<Url> {
        self.linker.form.parse(href, Some(self.base_url())).ok()
    }

    /// Whether a link to `url` would be in scope.
    pub fn reaches(&self, url: &Url) -> bool {
        self.linker.scope.judge(url, self.depth).is_ok()
    }

    /// Resolves and judges what was collected. Links that `is_known` are
    /// dropped before anything is allocated for them.
    pub fn finish(self, is_known: &dyn Fn(Fingerprint) -> bool, sink: &mut dyn FnMut(Candidate)) {
        self.resolve_all(self.depth, &mut |print, url, place| {
            if !is_known(print) {
                sink(Candidate {
                    print,
                    url: url.into(),
                    place,
                });
            }
        });
    }

    /// [`PageLinks::finish`], every link in scope told to `edge` first: those
    /// farther away than `limits.depth` too, which may be known all the same.
    pub fn finish_telling(
        self,
        edge: &mut dyn FnMut(Fingerprint),
        is_known: &dyn Fn(Fingerprint) -> bool,
        sink: &mut dyn FnMut(Candidate),
    ) {
        let follows = self.linker.scope.reaches(self.depth);
        self.resolve_all(0, &mut |print, url, place| {
            edge(print);
            if follows && !is_known(print) {
                sink(Candidate {
                    print,
                    url: url.into(),
                    place,
                });
            }
        });
    }

    /// Tells every link in scope to `edge`, and follows none.
    pub fn tell(&self, edge: &mut dyn FnMut(Fingerprint)) {
        self.resolve_all(0, &mut |print, _, _| edge(print));
    }

    /// Every link that is in scope at this depth, once, in normal form.
    fn resolve_all(&self, depth: u32, each: &mut dyn FnMut(Fingerprint, &str, u32)) {
        let linker = self.linker;
        let base = self.base_url();
        let quick = Quick::new(base, &linker.form, &linker.scope);
        let all_paths = linker.scope.takes_all_paths(depth);
        let mut prints = Seen::default();
        let mut offer = |url: &str, place: u32| {
            let print = linker.print(url);
            if prints.insert(print.0) {
                each(print, url, place);
            }
        };
        let mut buffer = String::new();
        let mut from = 0;
        for &(end, place) in &self.ends {
            let href = &self.text[from..end];
            from = end;
            if let Some(quick) = &quick
                && quick.resolve(href, &mut buffer)
            {
                let fits = buffer.len() <= NormalForm::MAX_LEN
                    && (all_paths
                        || linker
                            .scope
                            .judge_path(&buffer[quick.path_at..], depth)
                            .is_ok());
                if fits {
                    offer(&buffer, place);
                }
            } else if let Ok(url) = linker.form.parse(href, Some(base))
                && linker.scope.judge(&url, depth).is_ok()
            {
                offer(url.as_str(), place);
            }
        }
    }
}

/// Schemes that pages are full of and that never are pages.
fn is_other_scheme(href: &str) -> bool {
    let Some(colon) = href.as_bytes().iter().take(12).position(|&b| b == b':') else {
        return false;
    };
    [
        "javascript",
        "mailto",
        "data",
        "tel",
        "about",
        "blob",
        "ftp",
        "file",
    ]
    .iter()
    .any(|scheme| href[..colon].eq_ignore_ascii_case(scheme))
}

/// What a byte may be part of without any meaning to the URL parser: it is
/// neither encoded nor decoded, nor does it end anything.
const PATH: u8 = 1;
/// The same in a query.
const QUERY: u8 = 2;

const PLAIN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || contains(b"-._~/+,;=@!$()*&", b) {
            table[byte] = PATH | QUERY;
        } else if contains(b":?", b) {
            table[byte] = QUERY;
        }
        byte += 1;
    }
    table
};

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

fn is_plain(text: &str, class: u8) -> bool {
    text.bytes()
        .all(|byte| PLAIN[usize::from(byte)] & class != 0)
}

/// Resolves references that are made of plainly safe characters, and stay on
/// the base's origin, without the URL parser.
struct Quick {
    /// The base in normal form, up to and including its path's last slash.
    folder: String,
    /// Where its path begins.
    path_at: usize,
    /// Whether queries may be taken as they are.
    queries: bool,
}

impl Quick {
    /// `None` where the base cannot be a page or its host is not in scope.
    fn new(base: &Url, form: &NormalForm, scope: &ScopeRules) -> Option<Self> {
        let mut base = base.clone();
        form.apply(&mut base).ok()?;
        scope.judge_host(&base).ok()?;
        let path_at = base[..Position::BeforePath].len();
        let mut folder = String::from(base);
        let path = folder[path_at..].split('?').next().unwrap_or_default();
        folder.truncate(path_at + path.rfind('/')? + 1);
        // The parser does not leave a folder that looks like a drive (`c:`).
        if folder[path_at..].contains([':', '|']) {
            return None;
        }
        Some(Self {
            folder,
            path_at,
            queries: form.keeps_queries(),
        })
    }

    /// Writes the URL in normal form to `out`; answers whether it could.
    fn resolve(&self, href: &str, out: &mut String) -> bool {
        let (path, query) = match href.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (href, None),
        };
        if query.is_some_and(|query| !self.queries || query.is_empty() || !is_plain(query, QUERY)) {
            return false;
        }
        let origin = &self.folder[..self.path_at];
        let absolute = path.strip_prefix(origin);
        // What begins with two slashes names a host, what begins with none may
        // name nothing (and mean the base's own query).
        let (start, rest) = match absolute.unwrap_or(path).strip_prefix('/') {
            Some(rest) if absolute.is_some() || !rest.starts_with('/') => (self.path_at + 1, rest),
            None if absolute.is_none() && !path.is_empty() => (self.folder.len(), path),
            _ => return false,
        };
        if !is_plain(rest, PATH) {
            return false;
        }
        out.clear();
        out.push_str(&self.folder[..start]);
        self.append(rest, out);
        if let Some(query) = query {
            out.push('?');
            out.push_str(query);
        }
        true
    }

    /// Appends a path to `out`, which ends in a slash, and resolves its dot
    /// segments.
    fn append(&self, mut rest: &str, out: &mut String) {
        loop {
            let (segment, more) = match rest.split_once('/') {
                Some((segment, more)) => (segment, Some(more)),
                None => (rest, None),
            };
            match segment {
                "." => {}
                ".." => {
                    let parent = out[self.path_at..out.len() - 1].rfind('/');
                    out.truncate(self.path_at + parent.map_or(1, |slash| slash + 1));
                }
                segment => {
                    out.push_str(segment);
                    if more.is_some() {
                        out.push('/');
                    }
                }
            }
            match more {
                Some(more) => rest = more,
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
