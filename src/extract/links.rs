//! The link pass: one scan over a page's tags, without a DOM.
//!
//! It tokenises as the HTML standard does as far as links are concerned:
//! comments, raw-text elements, quoted and unquoted attributes, character
//! references in them. It does not build a tree, so a link inside an element
//! that a browser would move or drop is still a link.

use super::pass;
use super::place::{Places, with_class};
use super::tag::Tag;
use super::tokens::Attributes;
use memchr::memchr;
use std::borrow::Cow;

/// Longest link text taken of an attribute, bytes.
const MAX_HREF: usize = 16 * 1024;
/// Other languages of a page that are noted.
const MAX_ALTERNATES: usize = 500;

/// A link as it stands in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLink<'a> {
    /// The address, character references decoded, white space trimmed.
    pub href: &'a str,
    /// Whether `rel` says `nofollow`.
    pub nofollow: bool,
    /// Where on the page it stands: the same number for links in like parts of
    /// pages made alike. 0 is nowhere in particular.
    pub place: u32,
}

/// What the page says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageHead {
    /// The first `<base href>`.
    pub base_href: Option<String>,
    /// `<link rel=alternate hreflang=…>`: the page in other languages.
    pub alternates: Vec<String>,
    /// `<link rel=canonical>`.
    pub canonical: Option<String>,
    /// Where a `<meta http-equiv=refresh>` leads.
    pub refresh: Option<String>,
    /// `<meta name=robots>`.
    pub robots: RobotsMeta,
}

/// What a robots meta tag asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RobotsMeta {
    /// Not to be indexed.
    pub noindex: bool,
    /// Its links not to be followed.
    pub nofollow: bool,
}

/// Scans a page. Links of `a`, `area`, `iframe` and `frame` are given, and
/// those of `link` where `rel` is `next` or `prev`.
pub fn scan<'a>(html: &'a str, sink: &mut dyn FnMut(RawLink<'_>)) -> PageHead {
    let mut head = PageHead::default();
    pass::run(html, &mut pass::NoTree, pass::Told::Links, &mut head, sink);
    head
}

/// Whether an element carries a link or says something of the page.
pub(super) fn matters(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, A | Area | Base | Frame | Iframe | Link | Meta)
}

/// Tells what such an element says.
pub(super) fn tell(
    tag: Tag,
    attributes: &Attributes<'_>,
    head: &mut PageHead,
    places: &mut Places<'_>,
    sink: &mut dyn FnMut(RawLink<'_>),
) {
    let mut wanted = Wanted::default();
    for (name, value) in attributes {
        wanted.see(name, value);
    }
    wanted.tell(tag, head, places, sink);
}

/// The attributes that links are made of; the first of a name counts.
#[derive(Default)]
struct Wanted<'a> {
    href: Option<&'a str>,
    src: Option<&'a str>,
    rel: Option<&'a str>,
    name: Option<&'a str>,
    equiv: Option<&'a str>,
    content: Option<&'a str>,
    class: Option<&'a str>,
    hreflang: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn see(&mut self, name: &str, value: &'a str) {
        let slot = match name.len() {
            4 if name.eq_ignore_ascii_case("href") => &mut self.href,
            3 if name.eq_ignore_ascii_case("src") => &mut self.src,
            3 if name.eq_ignore_ascii_case("rel") => &mut self.rel,
            4 if name.eq_ignore_ascii_case("name") => &mut self.name,
            10 if name.eq_ignore_ascii_case("http-equiv") => &mut self.equiv,
            5 if name.eq_ignore_ascii_case("class") => &mut self.class,
            8 if name.eq_ignore_ascii_case("hreflang") => &mut self.hreflang,
            7 if name.eq_ignore_ascii_case("content") => &mut self.content,
            _ => return,
        };
        slot.get_or_insert(value);
    }

    fn rel_has(&self, word: &str) -> bool {
        self.rel.is_some_and(|rel| has_word(rel, word))
    }

    fn tell(
        &self,
        tag: Tag,
        head: &mut PageHead,
        places: &mut Places<'_>,
        sink: &mut dyn FnMut(RawLink<'_>),
    ) {
        let mut link = |href: Option<&str>| {
            if let Some(href) = href {
                let href = unescape(href);
                let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
                let nofollow = self.rel_has("nofollow");
                sink(RawLink {
                    href,
                    nofollow,
                    place: with_class(places.here(), self.class),
                });
            }
        };
        match tag {
            Tag::A | Tag::Area => link(self.href),
            Tag::Frame | Tag::Iframe => link(self.src),
            Tag::Base => {
                if let (None, Some(href)) = (&head.base_href, self.href) {
                    head.base_href = Some(unescape(href).trim().to_owned());
                }
            }
            Tag::Link => {
                if self.rel_has("canonical") && head.canonical.is_none() {
                    head.canonical = self.href.map(|href| unescape(href).trim().to_owned());
                }
                let other = self.hreflang.is_some() && self.rel_has("alternate");
                if let (true, Some(href)) = (other, self.href)
                    && head.alternates.len() < MAX_ALTERNATES
                {
                    head.alternates.push(unescape(href).trim().to_owned());
                }
                if self.rel_has("next") || self.rel_has("prev") {
                    link(self.href);
                }
            }
            Tag::Meta => self.meta(head),
            _ => {}
        }
    }

    fn meta(&self, head: &mut PageHead) {
        let Some(content) = self.content.map(unescape) else {
            return;
        };
        if self
            .name
            .is_some_and(|name| name.trim().eq_ignore_ascii_case("robots"))
        {
            let says = |word| has_word(&content.replace(',', " "), word);
            head.robots.noindex |= says("noindex") || says("none");
            head.robots.nofollow |= says("nofollow") || says("none");
        }
        if self
            .equiv
            .is_some_and(|equiv| equiv.trim().eq_ignore_ascii_case("refresh"))
            && head.refresh.is_none()
        {
            head.refresh = refresh_target(&content).map(str::to_owned);
        }
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split_ascii_whitespace()
        .any(|part| part.eq_ignore_ascii_case(word))
}

/// The address in `5; url='next.html'`.
fn refresh_target(content: &str) -> Option<&str> {
    let (_, rest) = content.split_once([';', ','])?;
    let rest = rest.trim_start();
    let rest = match rest.get(..3) {
        Some(url) if url.eq_ignore_ascii_case("url") => rest[3..]
            .trim_start()
            .strip_prefix('=')
            .unwrap_or(rest)
            .trim_start(),
        _ => rest,
    };
    let target = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest[1..].split(quote).next()?,
        _ => rest,
    };
    let target = target.trim();
    (!target.is_empty()).then_some(target)
}

fn unescape(text: &str) -> Cow<'_, str> {
    if text.len() > MAX_HREF {
        return Cow::Borrowed("");
    }
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    htmlize::unescape_attribute(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scraper::{Html, Selector};
    use std::collections::BTreeSet;

    fn links(html: &str) -> Vec<String> {
        let mut links = Vec::new();
        scan(html, &mut |link| links.push(link.href.to_owned()));
        links
    }

    #[test]
    fn what_is_a_link() {
        for (html, expected) in [
            ("<a href=x>", vec!["x"]),
            ("<A HREF = 'x y'>", vec!["x y"]),
            ("<a class='>' href=\"a&amp;b\">", vec!["a&b"]),
            ("<a href=a href=b>", vec!["a"]),
            ("<a/href=a>", vec!["a"]),
            ("<a href=a/>", vec!["a/"]),
            (
                "<abbr href=a><area href=b><iframe src=c><a href=no></iframe><frame src=d>",
                vec!["b", "c", "d"],
            ),
            ("<!-- <a href=x> --><a href=y>", vec!["y"]),
            ("<!--><a href=y>", vec!["y"]),
            ("<!-- --!><a href=y>", vec!["y"]),
            ("<script>'<a href=x>'</script><a href=y>", vec!["y"]),
            ("<STYLE><a href=x></style ><a href=y>", vec!["y"]),
            (
                "<title><a href=x></title><textarea><a href=x></textarea><a href=y>",
                vec!["y"],
            ),
            ("<noscript><a href=x></noscript>", vec!["x"]),
            ("<a href=x", vec![]),
            ("<a title=\"<a href='no'>\" href=y>", vec!["y"]),
            ("</p title='>'><a href=y>", vec!["y"]),
            ("< a href=x><a href>", vec![""]),
            ("<a href=x\"=\"y>z\">", vec!["x\"=\"y"]),
            ("</ \"> <a href=x>", vec!["x"]),
            ("<noscript><!-- </noscript><a href=x>", vec!["x"]),
            (
                "<link rel=stylesheet href=x><link rel='a NEXT' href=y>",
                vec!["y"],
            ),
            ("<a href='&#x41;&#66;&copy=1&para;'>", vec!["AB&copy=1¶"]),
            ("<p a=b' href=no><a href=y>", vec!["y"]),
        ] {
            assert_eq!(links(html), expected, "{html}");
        }
    }

    #[test]
    fn what_the_page_says_of_itself() {
        let head = scan(
            "<base href=/b/><base href=/c/><meta name=ROBOTS content='noindex, NOFOLLOW'>\
             <link rel=canonical href=' /x '><link rel=alternate hreflang=de href=/de><link rel=alternate href=/feed><meta http-equiv=refresh content=\"0;URL='/y'\">",
            &mut |_| {},
        );
        let robots = RobotsMeta {
            noindex: true,
            nofollow: true,
        };
        let text = |text: &str| Some(text.to_owned());
        let expected = PageHead {
            alternates: vec!["/de".to_owned()],
            base_href: text("/b/"),
            canonical: text("/x"),
            refresh: text("/y"),
            robots,
        };
        assert_eq!(head, expected);
        for (content, target) in [
            ("5", None),
            ("0; /a", Some("/a")),
            ("0;url=b c", Some("b c")),
        ] {
            assert_eq!(refresh_target(content), target);
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            Just("<a href=".to_owned()),
            "<a href=\"[a-z&;/ ]{0,8}\">",
            "<a [a-z]=[a-z\"'] href='[a-z]{0,3}'>",
            Just("<!--".to_owned()),
            Just("-->".to_owned()),
            "</?(p|div|span|b)( [a-z]=\"[<>a-z]{0,4}\")?>",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn agrees_with_a_dom(pieces in prop::collection::vec(piece(), 0..12)) {
            let html = format!("<!doctype html><body>{}", pieces.concat());
            let dom = Html::parse_document(&html);
            let selector = Selector::parse("a[href]").unwrap();
            let expected: BTreeSet<String> = dom
                .select(&selector)
                .filter_map(|a| a.value().attr("href"))
                .map(|href| href.trim_matches(|c: char| c.is_ascii_whitespace()).to_owned())
                .collect();
            // A tree may hold a misnested link twice.
            let found: BTreeSet<String> = links(&html).into_iter().collect();
            prop_assert_eq!(found, expected, "{}", html);
        }

        #[test]
        fn nothing_breaks_it(html in "[<>/='\" a-z!-]{0,80}|\\PC{0,40}") {
            scan(&html, &mut |_| {});
        }
    }
}
