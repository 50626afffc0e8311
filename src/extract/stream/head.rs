//! The rules before the body: `html`, `head` and `body` are there whether the
//! page writes them or not.

use super::tree::{Mode, Place, Streaming};
use crate::extract::tag::Tag;

impl Streaming<'_, '_> {
    /// Goes on as at the end of the page: `html`, `head` and `body` are there.
    pub(super) fn up_to_body(&mut self) {
        if self.mode == Mode::Initial {
            self.imply(Tag::Html);
            self.mode = Mode::BeforeHead;
        }
        if self.mode == Mode::BeforeHead {
            self.imply(Tag::Head);
            self.mode = Mode::InHead;
        }
        if self.mode == Mode::InHead {
            self.close(1, true);
            self.mode = Mode::AfterHead;
        }
        if self.mode == Mode::AfterHead {
            self.imply(Tag::Body);
            self.mode = Mode::Body;
        }
    }

    /// A start tag before the body.
    pub(super) fn start_head(&mut self, tag: Tag) -> Option<Place> {
        use Tag::*;
        if self.mode == Mode::Initial {
            if tag == Html {
                self.mode = Mode::BeforeHead;
                return Some(Place::Open);
            }
            self.imply(Html);
            self.mode = Mode::BeforeHead;
        }
        if matches!(tag, Html | Template) {
            return Some(Place::Lost);
        }
        if self.mode == Mode::BeforeHead {
            if tag == Head {
                self.mode = Mode::InHead;
                return Some(Place::Open);
            }
            self.imply(Head);
            self.mode = Mode::InHead;
        }
        if tag == Head {
            return Some(Place::Nowhere);
        }
        let of_head = match tag {
            Base | Basefont | Bgsound | Link | Meta => Some(Place::Void),
            Title | Noframes | Style | Script => Some(Place::Open),
            _ => None,
        };
        if self.mode == Mode::InHead {
            if of_head.is_some() {
                return of_head;
            }
            if tag == Noscript {
                return Some(Place::Open);
            }
            self.close(1, true);
            self.mode = Mode::AfterHead;
        }
        match tag {
            Body => {
                self.mode = Mode::Body;
                Some(Place::Open)
            }
            // Put back into the head that was closed.
            _ if of_head.is_some() || tag == Frameset => Some(Place::Lost),
            _ => {
                self.imply(Body);
                self.mode = Mode::Body;
                None
            }
        }
    }

    /// An end tag before the body.
    pub(super) fn end_head(&mut self, tag: Tag) {
        use Tag::*;
        match (self.mode, tag) {
            (_, Br) => self.lose(),
            (Mode::InHead, Head) => {
                self.close(1, true);
                self.mode = Mode::AfterHead;
            }
            // The raw-text elements in the head.
            (Mode::InHead, _) if self.stack.0.len() > 2 && self.stack.current() == tag => {
                self.close(2, true);
            }
            (Mode::Initial | Mode::BeforeHead, Head) => {
                self.up_to_head();
                self.close(1, true);
                self.mode = Mode::AfterHead;
            }
            (_, Body | Html) => self.up_to_body(),
            _ => {}
        }
    }

    fn up_to_head(&mut self) {
        if self.mode == Mode::Initial {
            self.imply(Tag::Html);
        }
        self.imply(Tag::Head);
        self.mode = Mode::InHead;
    }

    /// Text where only white space leaves the mode as it is; answers the rest.
    pub(super) fn text_before_body<'t>(&mut self, text: &'t str) -> &'t str {
        let rest = text.trim_start_matches(is_space);
        let space = &text[..text.len() - rest.len()];
        if matches!(self.mode, Mode::InHead | Mode::AfterHead) {
            self.take_text(space);
        }
        if !rest.is_empty() {
            self.up_to_body();
        }
        rest
    }
}

/// White space to tree construction.
pub(super) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace()
}
