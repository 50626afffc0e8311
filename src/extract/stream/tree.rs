//! Tree construction without a tree: which elements are open where, by the
//! HTML standard's rules, and what the selectors make of them.

use super::bits::{Answer, Bits};
use super::head::is_space;
use super::stack::{Open, Stack};
use super::take::{Begun, Found, Program, Taking};
use crate::extract::limits;
use crate::extract::pass::{Start, Tree};
use crate::extract::tag::Tag;
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// The standard's insertion modes, as far as they are gone along with here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Before the `html` element.
    Initial,
    BeforeHead,
    InHead,
    AfterHead,
    Body,
    Table,
    TableBody,
    Row,
    Cell,
    Caption,
    Columns,
}

/// How far the pass can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It sees what a browser sees.
    Certain,
    /// Everything was found that can be; tags are looked at no more.
    Full,
    /// The page does something that only a real tree can tell.
    Lost,
}

/// What becomes of a start tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An element, open from here on.
    Open,
    /// An element without content.
    Void,
    /// No element.
    Nowhere,
    /// Only a tree can tell.
    Lost,
}

/// A doctype, as far as it decides whether a table ends a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doctype {
    /// None: it does not.
    Missing,
    /// `<!doctype html>`: it does.
    Html,
    /// Another one.
    Other,
}

/// The listener of a pass that takes fields.
pub(crate) struct Streaming<'p, 'a> {
    program: &'p Program,
    waiting: Bits,
    pub(super) taking: Taking<'p>,
    pub(super) stack: Stack<'a>,
    pub(super) mode: Mode,
    pub(super) doctype: Doctype,
    /// Whether a form was begun and not ended.
    pub(super) form: bool,
    /// Whether a line feed is dropped if it comes next.
    skip_feed: bool,
    state: State,
}

impl<'p, 'a> Streaming<'p, 'a> {
    /// A pass over `html` for these records' groups.
    pub(crate) fn new(program: &'p Program, records: &[usize], html: &str) -> Self {
        let has_nul = memchr(0, html.as_bytes()).is_some();
        let absent = program.selectors.absent(html);
        Self {
            program,
            waiting: (program.waiting(records) | !program.selectors.last) & !absent,
            taking: Taking::new(program, records, absent),
            stack: Stack::default(),
            mode: Mode::Initial,
            doctype: Doctype::Missing,
            form: false,
            skip_feed: false,
            state: match has_nul {
                true => State::Lost,
                false => State::Certain,
            },
        }
    }

    /// What was taken; `None` where only a DOM can tell.
    pub(crate) fn finish(mut self) -> Option<Found> {
        if self.state == State::Certain {
            self.up_to_body();
            self.close(0, true);
        }
        (self.state != State::Lost).then_some(self.taking.found)
    }

    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
    }

    /// Opens an element; without a `start` it is one that the page leaves out.
    fn open(&mut self, tag: Tag, start: Option<&mut Start<'_, '_>>, name: &'a str, place: Place) {
        let foreign = tag == Tag::Svg || self.stack.in_foreign();
        let parent = self.stack.answer();
        let selectors = &self.program.selectors;
        let possible = selectors.possible(parent, tag, name) & self.waiting;
        let mut start = start;
        let mut here = possible;
        if possible != 0 {
            let tested = selectors.tested(possible);
            if foreign && selectors.unplain(possible) != 0 {
                return self.lose();
            }
            here &= !tested;
            if tested != 0
                && let Some(start) = &mut start
            {
                here |= selectors.holding(tested, start.attributes());
            }
        }
        let last = here & selectors.last;
        let begun = match last {
            0 => Begun::default(),
            // SVG spells some attributes anew.
            _ if foreign && self.taking.wants_attributes(last) => return self.lose(),
            _ => self.taking.hit(last, start),
        };
        if place == Place::Void {
            self.taking.end(begun);
            return;
        }
        if self.stack.0.len() >= limits::DEPTH {
            return self.lose();
        }
        self.stack.0.push(Open {
            tag,
            name,
            foreign,
            answer: Answer {
                here,
                below: parent.below | here,
            },
            begun,
        });
    }

    /// An element that the page leaves out.
    pub(super) fn imply(&mut self, tag: Tag) {
        self.open(tag, None, "", Place::Open);
    }

    /// Ends every element from `place` on. Formatting that ends before its own
    /// end tag would be opened again, unless the element at `place` ends the
    /// `formatting` in it too.
    pub(super) fn close(&mut self, place: usize, formatting: bool) {
        let inner = self.stack.0.get(place + 1..).unwrap_or_default();
        let reopens = |open: &Open<'_>| open.tag.is_formatting() && !formatting;
        let marks = |open: &Open<'_>| open.tag.is_marker();
        if place > 0
            && inner
                .iter()
                .any(|open| !open.foreign && (reopens(open) || marks(open)))
        {
            return self.lose();
        }
        while self.stack.0.len() > place {
            if let Some(open) = self.stack.0.pop() {
                self.taking.end(open.begun);
            }
        }
    }

    /// Ends the innermost elements that end by themselves.
    pub(super) fn close_implied(&mut self, except: Option<Tag>) {
        while self.stack.current().is_implied_end() && Some(self.stack.current()) != except {
            self.close(self.stack.0.len() - 1, false);
        }
    }

    /// A start tag within SVG.
    fn start_foreign(&mut self, start: &mut Start<'_, '_>) -> Place {
        let integration = self.stack.0.last().is_some_and(|open| {
            open.foreign && matches!(open.tag, Tag::Desc | Tag::Foreignobject | Tag::Title)
        });
        let closes = start.closes();
        match start.tag {
            _ if integration => Place::Lost,
            tag if tag.breaks_out() => Place::Lost,
            // The scan takes its content for text, and here it may be none.
            tag if tag.is_raw() && closes => Place::Lost,
            _ if closes => Place::Void,
            _ => Place::Open,
        }
    }

    /// An end tag within SVG.
    fn end_foreign(&mut self, tag: Tag, name: &str) {
        let own = self
            .stack
            .0
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, open)| open.foreign)
            .find(|(_, open)| open.name.eq_ignore_ascii_case(name));
        match own {
            Some((place, _)) if !matches!(tag, Tag::P | Tag::Br) => self.close(place, false),
            _ => self.lose(),
        }
    }

    pub(super) fn take_text(&mut self, text: &str) {
        if self.taking.wants_text() {
            self.taking.text(text);
        }
    }

    fn look_for_the_end(&mut self) {
        if self.mode == Mode::Body && self.taking.is_full() && !self.stack.is_unsettled() {
            self.state = State::Full;
        }
    }
}

impl<'a> Tree<'a> for Streaming<'_, 'a> {
    fn is_full(&self) -> bool {
        self.state != State::Certain
    }

    fn markup(&mut self, text: &'a str) {
        if self.state != State::Certain {
            return;
        }
        self.skip_feed = false;
        if text.starts_with("[CDATA[") && self.stack.in_foreign() {
            return self.lose();
        }
        let is_doctype = text
            .get(..7)
            .is_some_and(|word| word.eq_ignore_ascii_case("doctype"));
        if is_doctype && self.mode == Mode::Initial && self.doctype == Doctype::Missing {
            self.doctype = match text[7..].trim_end_matches('>').trim_matches(is_space) {
                name if name.eq_ignore_ascii_case("html") => Doctype::Html,
                _ => Doctype::Other,
            };
        }
    }

    fn start(&mut self, mut start: Start<'a, '_>) {
        let tag = start.tag;
        match self.state {
            State::Lost => return,
            State::Full => {
                if matches!(tag, Tag::Html | Tag::Body | Tag::Frameset) {
                    self.lose();
                }
                return;
            }
            State::Certain => {}
        }
        self.skip_feed = false;
        let before = match self.mode {
            Mode::Initial | Mode::BeforeHead | Mode::InHead | Mode::AfterHead => {
                self.start_head(tag)
            }
            _ => None,
        };
        let place = match before {
            Some(place) => place,
            None if self.stack.in_foreign() => self.start_foreign(&mut start),
            None => self.start_body(&mut start),
        };
        match place {
            _ if self.state == State::Lost => {}
            Place::Lost => self.lose(),
            Place::Nowhere => {}
            Place::Open | Place::Void => {
                let name = start.name;
                let tag = match tag {
                    Tag::Image if !self.stack.in_foreign() => Tag::Img,
                    tag => tag,
                };
                self.open(tag, Some(&mut start), name, place);
                self.skip_feed = matches!(tag, Tag::Pre | Tag::Listing | Tag::Textarea)
                    && !self.stack.in_foreign();
            }
        }
    }

    fn end(&mut self, tag: Tag, name: &'a str) {
        if self.state != State::Certain {
            return;
        }
        self.skip_feed = false;
        match self.mode {
            Mode::Initial | Mode::BeforeHead | Mode::InHead | Mode::AfterHead => self.end_head(tag),
            _ if self.stack.in_foreign() => self.end_foreign(tag, name),
            _ => self.end_body(tag, name),
        }
        self.look_for_the_end();
    }

    fn text(&mut self, text: &'a str) {
        if self.state != State::Certain {
            return;
        }
        let skip = std::mem::take(&mut self.skip_feed);
        let anything_goes = matches!(self.mode, Mode::Body | Mode::Cell | Mode::Caption);
        if anything_goes && !self.taking.wants_text() {
            return;
        }
        let text = match memchr(b'&', text.as_bytes()) {
            Some(_) => htmlize::unescape(text),
            None => Cow::Borrowed(text),
        };
        let mut text = &*text;
        if skip {
            text = text
                .strip_prefix("\r\n")
                .or_else(|| text.strip_prefix(['\r', '\n']))
                .unwrap_or(text);
        }
        match self.mode {
            Mode::Initial | Mode::BeforeHead | Mode::InHead | Mode::AfterHead => {
                text = self.text_before_body(text);
            }
            // A browser puts it before the table.
            Mode::Table | Mode::TableBody | Mode::Row | Mode::Columns
                if !text.chars().all(is_space) =>
            {
                return self.lose();
            }
            _ => {}
        }
        self.take_text(text);
    }

    fn raw(&mut self, tag: Tag, text: &'a str) {
        if self.state != State::Certain {
            return;
        }
        let skip = std::mem::take(&mut self.skip_feed);
        let bytes = text.as_bytes();
        if self.stack.in_foreign() {
            // Not raw to a browser.
            if memchr::memchr2(b'<', b'&', bytes).is_some() {
                return self.lose();
            }
        } else if tag == Tag::Plaintext
            || (tag == Tag::Script && memmem::find(bytes, b"<!--").is_some())
        {
            // Where such a script ends is a long story.
            return self.lose();
        }
        if !self.taking.wants_text() {
            return;
        }
        let text = match tag.has_references() {
            true => htmlize::unescape(text),
            false => Cow::Borrowed(text),
        };
        let text = match skip {
            true => text
                .strip_prefix("\r\n")
                .or_else(|| text.strip_prefix(['\r', '\n']))
                .unwrap_or(&text),
            false => &text,
        };
        self.take_text(text);
    }
}
