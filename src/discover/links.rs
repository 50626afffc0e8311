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
    ends: Vec<usize>,
}

impl PageLinks<'_> {
    /// Adds a link as it stands in the page, entities decoded.
    pub fn push(&mut self, href: &str) {
        let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
        let href = href.split('#').next().unwrap_or_default();
        if href.is_empty() || is_other_scheme(href) || self.ends.len() >= LINKS {
            return;
        }
        if href.len() <= 2 * NormalForm::MAX_LEN && self.seen.insert(xxh3_64(href.as_bytes())) {
            self.text.push_str(href);
            self.ends.push(self.text.len());
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

    /// Resolves and judges what was collected. Links that `is_known` are
    /// dropped before anything is allocated for them.
    pub fn finish(self, is_known: &dyn Fn(Fingerprint) -> bool, sink: &mut dyn FnMut(Candidate)) {
        let linker = self.linker;
        let base = self.base_url();
        let quick = Quick::new(base, linker);
        let all_paths = linker.scope.takes_all_paths(self.depth);
        let mut prints = Seen::default();
        let mut buffer = String::new();
        let mut from = 0;
        for &end in &self.ends {
            let href = &self.text[from..end];
            from = end;
            if let Some(quick) = &quick
                && let Some(path_at) = quick.resolve(href, &mut buffer)
            {
                let fits = buffer.len() <= NormalForm::MAX_LEN
                    && (all_paths
                        || linker
                            .scope
                            .judge_path(&buffer[path_at..], self.depth)
                            .is_ok());
                if fits {
                    offer(linker, &buffer, &mut prints, is_known, sink);
                }
            } else if let Ok(url) = linker.form.parse(href, Some(base))
                && linker.scope.judge(&url, self.depth).is_ok()
            {
                offer(linker, url.as_str(), &mut prints, is_known, sink);
            }
        }
    }
}

fn offer(
    linker: &Linker,
    url: &str,
    prints: &mut Seen,
    is_known: &dyn Fn(Fingerprint) -> bool,
    sink: &mut dyn FnMut(Candidate),
) {
    let print = linker.print(url);
    if prints.insert(print.0) && !is_known(print) {
        sink(Candidate {
            print,
            url: url.into(),
        });
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

/// Resolves relative references that are made of plainly safe characters
/// without the URL parser. Only where the base's host is in scope.
struct Quick<'a> {
    /// Scheme, host and port.
    origin: &'a str,
    /// The base's path up to and including its last slash.
    folder: &'a str,
}

impl<'a> Quick<'a> {
    fn new(base: &'a Url, linker: &Linker) -> Option<Self> {
        linker.scope.judge_host(base).ok()?;
        if !base.username().is_empty() || base.password().is_some() {
            return None;
        }
        let path = base.path();
        // The base's own path is normalised as every URL's is, or not used.
        if path.contains('%') || !path.starts_with('/') {
            return None;
        }
        let folder = &path[..=path.rfind('/')?];
        Some(Self {
            origin: &base[..Position::BeforePath],
            folder,
        })
    }

    /// Writes the URL to `out` and answers where its path begins; `None` where
    /// the reference is not plain enough.
    fn resolve(&self, href: &str, out: &mut String) -> Option<usize> {
        let plain =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/');
        if !href.as_bytes().iter().all(plain) || href.starts_with("//") {
            return None;
        }
        out.clear();
        out.push_str(self.origin);
        let path_at = out.len();
        let mut rest = href;
        if let Some(absolute) = href.strip_prefix('/') {
            out.push('/');
            rest = absolute;
        } else {
            out.push_str(self.folder);
        }
        // `out` ends in a slash here and after each whole segment.
        loop {
            let (segment, more) = match rest.split_once('/') {
                Some((segment, more)) => (segment, Some(more)),
                None => (rest, None),
            };
            match segment {
                "." => {}
                ".." => {
                    let parent = out[path_at..out.len() - 1].rfind('/');
                    out.truncate(path_at + parent.map_or(1, |slash| slash + 1));
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
                None => return Some(path_at),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_quick_way_leads_where_the_parser_does(
            base in "(/[a-z.]{0,4}){1,5}", href in "[a-z./~-]{1,20}",
        ) {
            let base = Url::parse(&format!("http://e.org:81{base}")).unwrap();
            let path = base.path();
            let quick = Quick {
                origin: &base[..Position::BeforePath],
                folder: &path[..=path.rfind('/').unwrap()],
            };
            let mut out = String::new();
            if quick.resolve(&href, &mut out).is_some() {
                let slow = NormalForm::default().parse(&href, Some(&base)).unwrap();
                prop_assert_eq!(out, slow.as_str());
            }
        }
    }
}
