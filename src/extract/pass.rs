//! The one scan over a page's text: its links, and beside them whatever a
//! [`Tree`] makes of its tags.

use super::links::{self, PageHead, RawLink};
use super::place::Places;
use super::tag::Tag;
use super::tokens::{
    Attributes, attributes, name_end, past, past_attributes, past_markup, raw_end,
};
use memchr::{memchr, memchr_iter};

/// A start tag.
pub(super) struct Start<'a, 'b> {
    /// Its name as one of those that have rules.
    pub(super) tag: Tag,
    /// Its name as it is written.
    pub(super) name: &'a str,
    attributes: Lazy<'a, 'b>,
}

/// Attributes, read when somebody asks.
struct Lazy<'a, 'b> {
    html: &'a str,
    at: usize,
    list: &'b mut Attributes<'a>,
    closes: Option<bool>,
}

impl<'a> Start<'a, '_> {
    /// Its attributes, names in any case.
    pub(super) fn attributes(&mut self) -> &Attributes<'a> {
        self.closes();
        self.attributes.list
    }

    /// Whether it ends in `/>`.
    pub(super) fn closes(&mut self) -> bool {
        let lazy = &mut self.attributes;
        *lazy
            .closes
            .get_or_insert_with(|| attributes(lazy.html, lazy.at, lazy.list))
    }
}

/// What listens to the tags of a pass.
pub(super) trait Tree<'a> {
    /// `<!…>`: the text behind the `!`.
    fn markup(&mut self, text: &'a str);
    /// A start tag.
    fn start(&mut self, start: Start<'a, '_>);
    /// An end tag.
    fn end(&mut self, tag: Tag, name: &'a str);
    /// Text between tags, character references as they are written.
    fn text(&mut self, text: &'a str);
    /// The content of a raw-text element, which has just been started.
    fn raw(&mut self, tag: Tag, text: &'a str);
    /// Whether it wants to see no more than the start tags of [`Told::follows`].
    fn is_full(&self) -> bool;
}

/// What is told of a page beside its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Its links, and what it says of itself.
    Links,
    /// What it says of itself.
    Head,
    /// Its base.
    Base,
}

impl Told {
    /// Whether an element of this name says something that is told.
    fn takes(self, tag: Tag) -> bool {
        match self {
            Self::Links => links::matters(tag),
            Self::Head => matches!(tag, Tag::Base | Tag::Link | Tag::Meta),
            Self::Base => tag == Tag::Base,
        }
    }

    /// Whether anything in the rest of a page can matter to it, or to a tree
    /// that is full.
    fn follows(self, rest: &[u8]) -> bool {
        let begins = |at: usize, names: &[&[u8]]| {
            let text = &rest[at + 1..];
            names.iter().any(|name| {
                let start = text.get(..name.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(name))
            })
        };
        memchr_iter(b'<', rest).any(|at| match rest.get(at + 1) {
            Some(b'b' | b'B') => begins(at, &[b"base", b"body"]),
            Some(b'h' | b'H') => begins(at, &[b"html"]),
            Some(b'f' | b'F') => begins(at, &[b"frameset"]),
            Some(b'l' | b'L') => self == Self::Head && begins(at, &[b"link"]),
            Some(b'm' | b'M') => self == Self::Head && begins(at, &[b"meta"]),
            _ => false,
        })
    }
}

/// Nobody listens.
pub(super) struct NoTree;

impl<'a> Tree<'a> for NoTree {
    fn markup(&mut self, _: &'a str) {}
    fn start(&mut self, _: Start<'a, '_>) {}
    fn end(&mut self, _: Tag, _: &'a str) {}
    fn text(&mut self, _: &'a str) {}
    fn raw(&mut self, _: Tag, _: &'a str) {}
    fn is_full(&self) -> bool {
        true
    }
}

/// Scans a page; where its links are not told, up to where nothing more can matter.
pub(super) fn run<'a, T: Tree<'a>>(
    html: &'a str,
    tree: &mut T,
    told: Told,
    head: &mut PageHead,
    sink: &mut dyn FnMut(RawLink<'_>),
) {
    scan(html, tree, told, head, sink, false);
}

/// `inside` a `noscript`, where a second one is an element like any other: a
/// page cannot make the scan call itself again and again.
fn scan<'a, T: Tree<'a>>(
    html: &'a str,
    tree: &mut T,
    told: Told,
    head: &mut PageHead,
    sink: &mut dyn FnMut(RawLink<'_>),
    inside: bool,
) {
    let bytes = html.as_bytes();
    // All cuts are at ASCII bytes, and so at borders of characters.
    let cut = |from: usize, to: usize| html.get(from..to).unwrap_or_default();
    let mut list = Attributes::new();
    let mut places = Places::new(html);
    let (mut at, mut text_at) = (0, 0);
    let mut looks_ahead = told != Told::Links;
    while let Some(found) = memchr(b'<', &bytes[at..]) {
        let open = at + found;
        at = open + 1;
        if looks_ahead && tree.is_full() {
            if !told.follows(&bytes[open..]) {
                return;
            }
            looks_ahead = false;
        }
        let next = bytes.get(at).copied();
        let markup = match (next, bytes.get(at + 1)) {
            (Some(b'!' | b'?'), _) => true,
            (Some(b'/'), second) => second.is_some(),
            (Some(byte), _) => byte.is_ascii_alphabetic(),
            (None, _) => false,
        };
        if !markup {
            continue;
        }
        if text_at < open {
            tree.text(cut(text_at, open));
        }
        at = match next {
            Some(b'!') => {
                let end = past_markup(bytes, at);
                tree.markup(cut(at + 1, end));
                end
            }
            Some(b'?') => {
                tree.markup("");
                past(bytes, at, b'>')
            }
            Some(b'/') if !bytes[at + 1].is_ascii_alphabetic() => {
                if bytes[at + 1] != b'>' {
                    tree.markup("");
                }
                past(bytes, at, b'>')
            }
            Some(b'/') => {
                let end = name_end(bytes, at + 1);
                let name = &bytes[at + 1..end];
                let Some(after) = past_attributes(bytes, end) else {
                    return;
                };
                let tag = Tag::of(name);
                places.end(tag);
                tree.end(tag, cut(at + 1, end));
                after
            }
            _ => {
                let end = name_end(bytes, at);
                let tag = Tag::of(&bytes[at..end]);
                // A tag that the page breaks off in is no tag.
                let Some(after) = past_attributes(bytes, end) else {
                    return;
                };
                let mut start = Start {
                    tag,
                    name: cut(at, end),
                    attributes: Lazy {
                        html,
                        at: end,
                        list: &mut list,
                        closes: None,
                    },
                };
                if told.takes(tag) {
                    links::tell(tag, start.attributes(), head, &mut places, sink);
                }
                places.start(tag, end);
                tree.start(start);
                if tag.is_raw() && !(inside && tag == Tag::Noscript) {
                    let close = raw_end(bytes, after, &bytes[at..end]);
                    let body = cut(after, close);
                    if tag == Tag::Noscript {
                        // Text to a browser that runs scripts; its links count.
                        scan(body, &mut NoTree, told, head, sink, true);
                    }
                    tree.raw(tag, body);
                    close
                } else {
                    after
                }
            }
        };
        text_at = at;
    }
    if text_at < bytes.len() {
        tree.text(cut(text_at, bytes.len()));
    }
}
