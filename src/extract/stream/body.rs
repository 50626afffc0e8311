//! The rules of the "in body" insertion mode.

use super::tree::{Doctype, Mode, Place, Streaming};
use crate::extract::pass::Start;
use crate::extract::tag::Tag;

impl<'a> Streaming<'_, 'a> {
    /// A start tag behind the head and outside SVG.
    pub(super) fn start_body(&mut self, start: &mut Start<'a, '_>) -> Place {
        match self.mode {
            Mode::Body => self.start_in_body(start),
            _ => self.start_in_table(start),
        }
    }

    /// An end tag behind the head and outside SVG.
    pub(super) fn end_body(&mut self, tag: Tag, name: &str) {
        let raw = tag.is_raw() && self.stack.current() == tag;
        match self.mode {
            _ if raw => self.close(self.stack.0.len() - 1, false),
            Mode::Body => self.end_in_body(tag, name),
            _ => self.end_in_table(tag, name),
        }
    }

    pub(super) fn start_in_body(&mut self, start: &mut Start<'a, '_>) -> Place {
        use Tag::*;
        match start.tag {
            Html | Body | Template | Frameset | Plaintext | Math => Place::Lost,
            Base | Basefont | Bgsound | Link | Meta | Param | Source | Track => Place::Void,
            Area | Br | Embed | Img | Image | Keygen | Wbr => Place::Void,
            Caption | Col | Colgroup | Frame | Head | Tbody | Td | Tfoot | Th | Thead | Tr => {
                Place::Nowhere
            }
            Address | Article | Aside | Blockquote | Center | Details | Dialog | Dir | Div | Dl
            | Fieldset | Figcaption | Figure | Footer | Header | Hgroup | Listing | Main | Menu
            | Nav | Ol | P | Pre | Search | Section | Summary | Ul | Xmp => {
                self.close_paragraph();
                Place::Open
            }
            H1 | H2 | H3 | H4 | H5 | H6 => {
                self.close_paragraph();
                if self.stack.current().is_heading() {
                    self.close_current();
                }
                Place::Open
            }
            Form if self.form => Place::Nowhere,
            Form => {
                self.close_paragraph();
                self.form = true;
                Place::Open
            }
            tag @ (Li | Dd | Dt) => {
                self.close_item(tag);
                self.close_paragraph();
                Place::Open
            }
            Button => {
                if let Some(place) = self.stack.in_scope(Button) {
                    self.close_implied(None);
                    self.close(place, false);
                }
                Place::Open
            }
            A => self.start_anchor(),
            Nobr if self.stack.in_scope(Nobr).is_some() => Place::Lost,
            Table => {
                if self.paragraph().is_some() {
                    match self.doctype {
                        Doctype::Html => self.close_paragraph(),
                        Doctype::Missing => {}
                        Doctype::Other => return Place::Lost,
                    }
                }
                self.mode = Mode::Table;
                Place::Open
            }
            Input => {
                if let Some(place) = self.stack.in_scope(Select) {
                    self.close(place, false);
                }
                Place::Void
            }
            Hr => {
                self.close_paragraph();
                if self.stack.in_scope(Select).is_some() {
                    self.close_implied(None);
                }
                Place::Void
            }
            Select => match self.stack.in_scope(Select) {
                Some(place) => {
                    self.close(place, false);
                    Place::Nowhere
                }
                None => Place::Open,
            },
            tag @ (Option | Optgroup) => {
                if self.stack.in_scope(Select).is_some() {
                    self.close_implied((tag == Option).then_some(Optgroup));
                } else if self.stack.current() == Option {
                    self.close_current();
                }
                Place::Open
            }
            tag @ (Rb | Rtc | Rp | Rt) => {
                if self.stack.in_scope(Ruby).is_some() {
                    self.close_implied(matches!(tag, Rp | Rt).then_some(Rtc));
                }
                Place::Open
            }
            Svg => match start.closes() {
                true => Place::Void,
                false => Place::Open,
            },
            _ => Place::Open,
        }
    }

    pub(super) fn end_in_body(&mut self, tag: Tag, name: &str) {
        use Tag::*;
        match tag {
            Template | Br => self.lose(),
            // What comes behind them is put into the body all the same.
            Body | Html => {}
            Address | Article | Aside | Blockquote | Button | Center | Details | Dialog | Dir
            | Div | Dl | Fieldset | Figcaption | Figure | Footer | Header | Hgroup | Listing
            | Main | Menu | Nav | Ol | Pre | Search | Section | Select | Summary | Ul => {
                if let Some(place) = self.stack.in_scope(tag) {
                    self.close_implied(None);
                    self.close(place, false);
                }
            }
            Form => self.end_form(),
            P => {
                if self.paragraph().is_none() {
                    self.imply(P);
                }
                self.close_paragraph();
            }
            Li | Dd | Dt => {
                let bounds =
                    |open: Tag| open.bounds_scope() || (tag == Li && matches!(open, Ol | Ul));
                if let Some(place) = self.stack.find(|open| open == tag, bounds) {
                    self.close_implied(Some(tag));
                    self.close(place, false);
                }
            }
            _ if tag.is_heading() => {
                if let Some(place) = self.stack.find(Tag::is_heading, Tag::bounds_scope) {
                    self.close_implied(None);
                    self.close(place, false);
                }
            }
            Applet | Marquee | Object => {
                if let Some(place) = self.stack.in_scope(tag) {
                    self.close_implied(None);
                    self.close(place, true);
                }
            }
            _ if tag.is_formatting() => self.end_formatting(tag, name),
            _ => self.end_other(tag, name),
        }
    }

    /// The paragraph that a block would end.
    fn paragraph(&self) -> std::option::Option<usize> {
        let bounds = |open: Tag| open.bounds_scope() || open == Tag::Button;
        self.stack.find(|open| open == Tag::P, bounds)
    }

    fn close_paragraph(&mut self) {
        if let Some(place) = self.paragraph() {
            self.close_implied(Some(Tag::P));
            self.close(place, false);
        }
    }

    pub(super) fn close_current(&mut self) {
        if let Some(place) = self.stack.0.len().checked_sub(1) {
            self.close(place, false);
        }
    }

    /// The item of a list that the next one ends.
    fn close_item(&mut self, tag: Tag) {
        use Tag::*;
        let same = |open: Tag| match tag {
            Li => open == Li,
            _ => matches!(open, Dd | Dt),
        };
        let bounds = |open: Tag| open.is_special() && !matches!(open, Address | Div | P);
        if let Some(place) = self.stack.find(same, bounds) {
            let open = self.stack.0[place].tag;
            self.close_implied(Some(open));
            self.close(place, false);
        }
    }

    /// `a` ends an `a` that is open.
    fn start_anchor(&mut self) -> Place {
        let Some(place) = self.stack.find(|open| open == Tag::A, Tag::is_marker) else {
            return Place::Open;
        };
        if self.bounded_above(place) || self.stack.special_above(place) {
            return Place::Lost;
        }
        self.close(place, false);
        Place::Open
    }

    fn bounded_above(&self, place: usize) -> bool {
        self.stack.0[place + 1..]
            .iter()
            .any(|open| open.tag.bounds_scope())
    }

    /// `</b>` and its like: the easy half of the "adoption agency".
    fn end_formatting(&mut self, tag: Tag, name: &str) {
        let Some(place) = self.stack.find(|open| open == tag, Tag::is_marker) else {
            return self.end_other(tag, name);
        };
        if self.bounded_above(place) {
            return;
        }
        if self.stack.special_above(place) {
            return self.lose();
        }
        self.close(place, false);
    }

    fn end_form(&mut self) {
        if !std::mem::take(&mut self.form) || self.stack.in_scope(Tag::Form).is_none() {
            return;
        }
        self.close_implied(None);
        match self.stack.current() {
            Tag::Form => self.close_current(),
            // It goes, and what is in it stays open.
            _ => self.lose(),
        }
    }

    /// An end tag without a rule of its own.
    fn end_other(&mut self, tag: Tag, name: &str) {
        let same = |open: &super::stack::Open<'_>| match tag {
            Tag::Other => open.tag == tag && open.name.eq_ignore_ascii_case(name),
            _ => open.tag == tag,
        };
        for place in (0..self.stack.0.len()).rev() {
            let open = &self.stack.0[place];
            if open.foreign {
                continue;
            }
            if same(open) {
                // An element like this may be one of those that end by themselves.
                self.close_implied(Some(tag));
                return self.close(place, false);
            }
            if open.tag.is_special() {
                return;
            }
        }
    }
}
