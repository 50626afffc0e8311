//! The open elements, and what the standard asks of them.

use super::bits::Answer;
use super::take::Begun;
use crate::extract::tag::Tag;

/// An open element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open<'a> {
    pub(super) tag: Tag,
    /// As it is written.
    pub(super) name: &'a str,
    /// Of SVG.
    pub(super) foreign: bool,
    pub(super) answer: Answer,
    pub(super) begun: Begun,
}

/// Open elements, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Stack<'a>(pub(super) Vec<Open<'a>>);

impl<'a> Stack<'a> {
    /// The innermost, where it is of HTML.
    pub(super) fn current(&self) -> Tag {
        match self.0.last() {
            Some(open) if !open.foreign => open.tag,
            _ => Tag::Other,
        }
    }

    /// Whether the innermost is of SVG.
    pub(super) fn in_foreign(&self) -> bool {
        self.0.last().is_some_and(|open| open.foreign)
    }

    /// What the innermost element answers to the selectors.
    pub(super) fn answer(&self) -> Answer {
        self.0.last().map(|open| open.answer).unwrap_or_default()
    }

    /// The innermost element that is `sought`, unless one of `bounds` lies
    /// before it. The bound itself may be what is sought.
    pub(super) fn find(
        &self,
        sought: impl Fn(Tag) -> bool,
        bounds: impl Fn(Tag) -> bool,
    ) -> Option<usize> {
        for (place, open) in self.0.iter().enumerate().rev() {
            // SVG's own elements are neither; those that are never stand here.
            if open.foreign {
                continue;
            }
            if sought(open.tag) {
                return Some(place);
            }
            if bounds(open.tag) {
                return None;
            }
        }
        None
    }

    /// The element of this tag that is in scope.
    pub(super) fn in_scope(&self, tag: Tag) -> Option<usize> {
        self.find(|open| open == tag, Tag::bounds_scope)
    }

    /// The element of this tag that is in table scope.
    pub(super) fn in_table_scope(&self, tag: Tag) -> Option<usize> {
        self.find(
            |open| open == tag,
            |open| matches!(open, Tag::Html | Tag::Table | Tag::Template),
        )
    }

    /// Whether any element above `place` is special.
    pub(super) fn special_above(&self, place: usize) -> bool {
        self.0[place + 1..]
            .iter()
            .any(|open| !open.foreign && open.tag.is_special())
    }

    /// The open elements that browsers could open again or move: whether there
    /// are any, which keeps what was taken from being final.
    pub(super) fn is_unsettled(&self) -> bool {
        self.0
            .iter()
            .any(|open| open.foreign || open.tag == Tag::Table || open.tag.is_formatting())
    }
}
