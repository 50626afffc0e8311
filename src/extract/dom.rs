//! A page as a tree, for what a single pass cannot tell. Its size is bounded
//! while it is built: a few bytes of hostile markup can ask for millions of
//! nodes.

use super::gather::{Picked, Place};
use super::limits;
use super::markdown;
use super::rule::{Css, Field, Part, Take};
use html5ever::driver;
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{ElementRef, Html, HtmlTreeSink, Selector};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Bytes that are parsed before the tree's size is looked at again.
const PIECE: usize = 2048;
/// Elements that are looked at before the clock is.
const GLANCE: usize = 64;
/// Compiled selectors kept by a thread.
const SELECTORS_KEPT: usize = 4096;

thread_local! {
    /// Compiled selectors; they cannot leave their thread.
    static SELECTORS: RefCell<HashMap<String, Arc<Selector>>> = RefCell::default();
}

/// The selector of a text; `None` where it is none.
pub(super) fn selector(css: &str) -> Option<Arc<Selector>> {
    SELECTORS.with_borrow_mut(|known| {
        if let Some(selector) = known.get(css) {
            return Some(selector.clone());
        }
        let selector = Arc::new(Selector::parse(css).ok()?);
        if known.len() >= SELECTORS_KEPT {
            known.clear();
        }
        known.insert(css.to_owned(), selector.clone());
        Some(selector)
    })
}

/// A page's tree.
pub(super) struct Dom {
    pub(super) html: Html,
    /// Why the page was not taken in whole.
    cut: Cell<Option<&'static str>>,
    until: Instant,
}

impl Dom {
    /// Parses a page, up to the limits.
    pub(super) fn parse(html: &str) -> Self {
        let sink = HtmlTreeSink::new(Html::new_document());
        let mut parser = driver::parse_document(sink, driver::ParseOpts::default());
        let mut cut = None;
        let mut rest = html;
        let until = Instant::now() + limits::SEARCH;
        while !rest.is_empty() {
            let mut end = PIECE.min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let (piece, more) = rest.split_at(end);
            rest = more;
            parser.process(StrTendril::from_slice(piece));
            let page = parser.tokenizer.sink.sink.0.borrow();
            let mut nodes = page.tree.nodes();
            cut = match nodes.len() {
                limits::NODES.. => Some("the page has more elements than are looked at"),
                _ => match nodes.next_back().map(|node| node.ancestors().count()) {
                    Some(limits::DEPTH..) => Some("the page is nested deeper than is looked at"),
                    _ if Instant::now() > until => Some("the page takes too long to take in"),
                    _ => None,
                },
            };
            if cut.is_some() {
                break;
            }
        }
        Self {
            html: parser.finish(),
            cut: Cell::new(cut),
            until: Instant::now() + limits::SEARCH,
        }
    }

    /// What was left out, in words.
    pub(super) fn cut(&self) -> Option<&'static str> {
        self.cut.get()
    }

    /// Gives the elements that a selector finds, until `see` answers `false`.
    pub(super) fn select<'d>(
        &'d self,
        css: &str,
        within: Option<ElementRef<'d>>,
        see: &mut dyn FnMut(ElementRef<'d>) -> bool,
    ) {
        // The sites file is refused where a selector does not parse.
        let Some(selector) = selector(css) else {
            return;
        };
        let quick = !(css.contains('~') || css.contains(":has"));
        let mut finds = 0;
        let mut see = |element| {
            finds += 1;
            if finds > limits::FINDS {
                self.cut.set(Some("the page has more finds than are taken"));
            }
            finds <= limits::FINDS && see(element)
        };
        match (within, quick) {
            (Some(within), true) => {
                within.select(&selector).all(&mut see);
            }
            (None, true) => {
                self.html.select(&selector).all(&mut see);
            }
            // Each element may cost as much as the page has: watch the clock.
            (Some(within), false) => {
                let elements = within.descendants().skip(1).filter_map(ElementRef::wrap);
                self.search(elements, |element| {
                    !selector.matches_with_scope(&element, Some(within)) || see(element)
                });
            }
            (None, false) => {
                let elements = self.html.tree.nodes().filter_map(ElementRef::wrap);
                self.search(elements, |element| {
                    !selector.matches(&element) || see(element)
                });
            }
        }
    }

    fn search<'d>(
        &self,
        elements: impl Iterator<Item = ElementRef<'d>>,
        mut look: impl FnMut(ElementRef<'d>) -> bool,
    ) {
        for (number, element) in elements.enumerate() {
            if number % GLANCE == GLANCE - 1 && Instant::now() > self.until {
                self.cut
                    .set(Some("the selectors took too long on this page"));
                return;
            }
            if !look(element) {
                return;
            }
        }
    }
}

/// A page or an element, to look for fields in.
#[derive(Clone, Copy)]
pub(super) struct Within<'d> {
    pub(super) dom: &'d Dom,
    pub(super) element: Option<ElementRef<'d>>,
}

/// The text of an element and of those in it, white space as it is written.
pub(super) fn text(element: ElementRef<'_>) -> String {
    let mut out = String::new();
    for part in element.text() {
        out.push_str(part);
    }
    out
}

impl<'d> Within<'d> {
    fn pick(&self, part: &Part, element: ElementRef<'d>) -> Picked<Self> {
        match part {
            Part::Text => Picked::Text(text(element)),
            Part::Attribute(name) => Picked::Attribute(element.attr(name).map(str::to_owned)),
            Part::Html => Picked::Markup(element.inner_html()),
            Part::Markdown => Picked::Markup(markdown::of(element)),
            Part::Object => Picked::Object(Self {
                dom: self.dom,
                element: Some(element),
            }),
        }
    }
}

/// The field's selector of this number.
pub(super) fn css(field: &Field, number: usize) -> Option<&Css> {
    match &field.take {
        Take::Elements { css, .. } => css.get(number),
        Take::Ld { css, .. } => Some(css),
        Take::Json(_) | Take::Nothing => None,
    }
}

impl Place for Within<'_> {
    fn find(
        &self,
        field: &Field,
        number: usize,
        part: &Part,
        see: &mut dyn FnMut(Picked<Self>) -> bool,
    ) {
        let Some(css) = css(field, number) else {
            return;
        };
        match self.element {
            Some(element) if css.text.is_empty() => {
                see(self.pick(part, element));
            }
            within => self.dom.select(&css.text, within, &mut |element| {
                see(self.pick(part, element))
            }),
        }
    }
}
