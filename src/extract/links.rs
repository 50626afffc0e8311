//! The link pass: one scan over a page's tags, without a DOM.
//!
//! It tokenises as the HTML standard does as far as links are concerned:
//! comments, raw-text elements, quoted and unquoted attributes, character
//! references in them. It does not build a tree, so a link inside an element
//! that a browser would move or drop is still a link.

use memchr::{memchr, memchr3, memmem};
use std::borrow::Cow;

/// Longest link text taken of an attribute, bytes.
const MAX_HREF: usize = 16 * 1024;

/// A link as it stands in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLink<'a> {
    /// The address, character references decoded, white space trimmed.
    pub href: &'a str,
    /// Whether `rel` says `nofollow`.
    pub nofollow: bool,
}

/// What the page says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageHead {
    /// The first `<base href>`.
    pub base_href: Option<String>,
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
pub fn scan(html: &str, sink: &mut dyn FnMut(RawLink<'_>)) -> PageHead {
    let mut head = PageHead::default();
    let bytes = html.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr(b'<', &bytes[at..]) {
        at += found + 1;
        at = match bytes.get(at) {
            None => break,
            Some(b'!') => past_markup(bytes, at),
            Some(b'?') => past(bytes, at, b'>'),
            Some(b'/') => past_end_tag(bytes, at + 1),
            Some(byte) if byte.is_ascii_alphabetic() => element(html, at, &mut head, sink),
            Some(_) => at,
        };
    }
    head
}

/// Past an end tag, or the comment that a browser takes it for where no name
/// follows; `at` is behind the slash.
fn past_end_tag(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(byte) if byte.is_ascii_alphabetic() => past_attributes(bytes, at),
        _ => past(bytes, at, b'>'),
    }
}

/// Past a comment, a doctype or a bogus comment; `at` is at the `!`.
fn past_markup(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at + 1..];
    if !rest.starts_with(b"--") {
        return past(bytes, at, b'>');
    }
    let body = at + 3;
    if bytes[body..].starts_with(b">") {
        return body + 1;
    }
    if bytes[body..].starts_with(b"->") {
        return body + 2;
    }
    let mut from = body;
    while let Some(dashes) = memmem::find(&bytes[from..], b"--") {
        let end = from + dashes + 2;
        if bytes[end..].starts_with(b">") {
            return end + 1;
        }
        if bytes[end..].starts_with(b"!>") {
            return end + 2;
        }
        from = end - 1;
    }
    bytes.len()
}

fn past(bytes: &[u8], at: usize, byte: u8) -> usize {
    memchr(byte, &bytes[at..]).map_or(bytes.len(), |found| at + found + 1)
}

/// Which elements matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Anchor,
    Frame,
    Base,
    Link,
    Meta,
    /// Its content is text up to its end tag.
    Raw,
    Other,
}

fn kind(name: &[u8]) -> Kind {
    let is = |text: &str| name.eq_ignore_ascii_case(text.as_bytes());
    match name.len() {
        1 if is("a") => Kind::Anchor,
        4 if is("area") => Kind::Anchor,
        4 if is("base") => Kind::Base,
        4 if is("link") => Kind::Link,
        4 if is("meta") => Kind::Meta,
        5 if is("frame") => Kind::Frame,
        6 if is("iframe") => Kind::Frame,
        3 if is("xmp") => Kind::Raw,
        5 if is("style") || is("title") => Kind::Raw,
        6 if is("script") => Kind::Raw,
        7 if is("noembed") => Kind::Raw,
        8 if is("textarea") || is("noframes") => Kind::Raw,
        9 if is("plaintext") => Kind::Raw,
        _ => Kind::Other,
    }
}

/// One start tag; answers where to go on.
fn element(html: &str, at: usize, head: &mut PageHead, sink: &mut dyn FnMut(RawLink<'_>)) -> usize {
    let bytes = html.as_bytes();
    let end = bytes[at..]
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'/' | b'>'))
        .map_or(bytes.len(), |length| at + length);
    let name = &bytes[at..end];
    match kind(name) {
        Kind::Other => past_attributes(bytes, end),
        Kind::Raw => {
            let body = past_attributes(bytes, end);
            past_raw_text(bytes, body, name)
        }
        kind => {
            let mut wanted = Wanted::default();
            let after = attributes(html, end, &mut |name, value| wanted.see(name, value));
            // A tag that the page breaks off in is no tag.
            if let Some(after) = after {
                wanted.tell(kind, head, sink);
                if kind == Kind::Frame && name.len() == 6 {
                    return past_raw_text(bytes, after, name);
                }
                return after;
            }
            bytes.len()
        }
    }
}

/// To the end tag of a raw-text element.
fn past_raw_text(bytes: &[u8], body: usize, name: &[u8]) -> usize {
    let mut at = body;
    while let Some(found) = bytes.get(at..).and_then(|rest| memmem::find(rest, b"</")) {
        let start = at + found + 2;
        let end = start + name.len();
        let same = bytes
            .get(start..end)
            .is_some_and(|text| text.eq_ignore_ascii_case(name));
        let closed = bytes.get(end).is_none_or(|byte| {
            matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'/' | b'>')
        });
        if same && closed {
            return at + found;
        }
        at = start;
    }
    bytes.len()
}

/// Past a tag's attributes without looking at them.
fn past_attributes(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let Some(found) = bytes
            .get(at..)
            .and_then(|rest| memchr3(b'>', b'"', b'\'', rest))
        else {
            return bytes.len();
        };
        at += found;
        let quote = bytes[at];
        if quote == b'>' {
            return at + 1;
        }
        // A quote opens a value only after `=`; elsewhere it is a letter.
        let before = bytes[..at]
            .iter()
            .rev()
            .find(|byte| !byte.is_ascii_whitespace());
        at += 1;
        if before == Some(&b'=') {
            at = past(bytes, at, quote);
        }
    }
}

/// Gives a tag's attributes; answers the place after its `>`.
fn attributes<'a>(
    html: &'a str,
    mut at: usize,
    see: &mut dyn FnMut(&'a str, &'a str),
) -> Option<usize> {
    let bytes = html.as_bytes();
    let space = |byte: u8| byte.is_ascii_whitespace() || byte == b'/';
    loop {
        while space(*bytes.get(at)?) {
            at += 1;
        }
        if bytes[at] == b'>' {
            return Some(at + 1);
        }
        let name_at = at;
        // A name may begin with `=`.
        at += 1;
        while !(space(*bytes.get(at)?) || matches!(bytes[at], b'=' | b'>')) {
            at += 1;
        }
        let name = html.get(name_at..at).unwrap_or_default();
        let mut look = at;
        while bytes.get(look)?.is_ascii_whitespace() {
            look += 1;
        }
        if bytes[look] != b'=' {
            see(name, "");
            continue;
        }
        at = look + 1;
        while bytes.get(at)?.is_ascii_whitespace() {
            at += 1;
        }
        let (from, to) = match bytes[at] {
            quote @ (b'"' | b'\'') => {
                let from = at + 1;
                let to = from + memchr(quote, &bytes[from..])?;
                at = to + 1;
                (from, to)
            }
            b'>' => (at, at),
            _ => {
                let from = at;
                while !(bytes.get(at)?.is_ascii_whitespace() || bytes[at] == b'>') {
                    at += 1;
                }
                (from, at)
            }
        };
        see(name, html.get(from..to).unwrap_or_default());
    }
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
}

impl<'a> Wanted<'a> {
    fn see(&mut self, name: &str, value: &'a str) {
        let slot = match name.len() {
            4 if name.eq_ignore_ascii_case("href") => &mut self.href,
            3 if name.eq_ignore_ascii_case("src") => &mut self.src,
            3 if name.eq_ignore_ascii_case("rel") => &mut self.rel,
            4 if name.eq_ignore_ascii_case("name") => &mut self.name,
            10 if name.eq_ignore_ascii_case("http-equiv") => &mut self.equiv,
            7 if name.eq_ignore_ascii_case("content") => &mut self.content,
            _ => return,
        };
        slot.get_or_insert(value);
    }

    fn rel_has(&self, word: &str) -> bool {
        self.rel.is_some_and(|rel| has_word(rel, word))
    }

    fn tell(&self, kind: Kind, head: &mut PageHead, sink: &mut dyn FnMut(RawLink<'_>)) {
        let mut link = |href: Option<&str>| {
            if let Some(href) = href {
                let href = unescape(href);
                let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
                let nofollow = self.rel_has("nofollow");
                sink(RawLink { href, nofollow });
            }
        };
        match kind {
            Kind::Anchor => link(self.href),
            Kind::Frame => link(self.src),
            Kind::Base => {
                if let (None, Some(href)) = (&head.base_href, self.href) {
                    head.base_href = Some(unescape(href).trim().to_owned());
                }
            }
            Kind::Link => {
                if self.rel_has("canonical") && head.canonical.is_none() {
                    head.canonical = self.href.map(|href| unescape(href).trim().to_owned());
                }
                if self.rel_has("next") || self.rel_has("prev") {
                    link(self.href);
                }
            }
            Kind::Meta => self.meta(head),
            Kind::Raw | Kind::Other => {}
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
             <link rel=canonical href=' /x '><meta http-equiv=refresh content=\"0;URL='/y'\">",
            &mut |_| {},
        );
        let robots = RobotsMeta {
            noindex: true,
            nofollow: true,
        };
        let text = |text: &str| Some(text.to_owned());
        let expected = PageHead {
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
        #![proptest_config(ProptestConfig::with_cases(2000))]

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
