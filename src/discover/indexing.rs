//! Whether records are taken of a page: by what it asks of robots, and by the
//! page that it names as its canonical one.

use super::links::PageLinks;
use super::robots;
use super::robots_tag::RobotsTag;
use crate::config::{Canonical, Discover, Site};
use reqwest::header::HeaderMap;
use url::Url;

/// What an answer's headers ask of the site's robot.
pub fn header(site: &Site, headers: &HeaderMap) -> RobotsTag {
    let headers = headers.get_all("x-robots-tag").iter();
    let headers = headers.filter_map(|value| value.to_str().ok());
    RobotsTag::read(headers, robots::product_token(&site.fetch.user_agent))
}

/// Whether a page's own words can keep records from being taken of it.
pub fn decides(found: &Discover) -> bool {
    found.skip_noindex || found.canonical == Canonical::Only
}

/// What a page says of its place in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexing {
    /// Its canonical URL in normal form.
    pub canonical: Option<Url>,
    /// Whether records are taken of it.
    pub taken: bool,
}

/// Judges the page `own`, a URL in normal form, by its `canonical` link and by
/// whether its tag or its header say `noindex`. `links` know its base.
pub fn judge(
    found: &Discover,
    links: &PageLinks<'_>,
    own: &str,
    canonical: Option<&str>,
    noindex: bool,
) -> Indexing {
    let canonical = canonical.and_then(|href| links.resolve(href));
    let is_another = |url: &Url| url.as_str() != own && links.reaches(url);
    let left_out = (found.skip_noindex && noindex)
        || (found.canonical == Canonical::Only && canonical.as_ref().is_some_and(is_another));
    Indexing {
        canonical,
        taken: !left_out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::links::Linker;

    #[test]
    fn a_page_is_left_out_by_its_own_words() {
        let sites = |keys: &str| {
            crate::discover::site(&format!(
                "site: a\nstart: https://a.test/\ndiscover: {{ {keys} }}\n"
            ))
        };
        let own = "https://a.test/x";
        let page = Url::parse(own).unwrap();
        for (keys, canonical, noindex, taken) in [
            ("canonical: record", Some("/y"), true, true),
            ("noindex: skip", Some("/y"), false, true),
            ("noindex: skip", None, true, false),
            ("canonical: only", Some("/y"), true, false),
            ("canonical: only", Some("x#part"), true, true),
            ("canonical: only", Some("https://b.test/y"), true, true),
            ("canonical: only", None, true, true),
        ] {
            let site = sites(keys);
            let linker = Linker::new(&site);
            let links = linker.page(&page, 1);
            let judged = judge(&site.discover, &links, own, canonical, noindex);
            assert_eq!(judged.taken, taken, "{keys} {canonical:?} {noindex}");
        }
    }
}
