//! Where on a page a link stands, told by the elements around it. Pages made
//! alike have the same places: a menu, a list of results, the foot.

use super::tag::Tag;
use super::tokens::{Attributes, attributes};
use xxhash_rust::xxh3::xxh3_64;

/// Open elements that are kept, the outermost ones.
const DEEPEST: usize = 64;

/// The open elements by which places are told.
pub(super) struct Places<'a> {
    html: &'a str,
    open: Vec<Open>,
    /// Open elements beyond [`DEEPEST`].
    deeper: usize,
    list: Attributes<'a>,
}

/// An open element. What it is called is looked up when a link stands in it.
struct Open {
    tag: Tag,
    /// Where its attributes begin.
    at: usize,
    name: Option<u32>,
    place: Option<u32>,
}

impl<'a> Places<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self {
            html,
            open: Vec::new(),
            deeper: 0,
            list: Attributes::new(),
        }
    }

    /// A start tag whose attributes begin at `at`.
    pub(super) fn start(&mut self, tag: Tag, at: usize) {
        if !is_part(tag) {
            return;
        }
        if self.open.len() < DEEPEST {
            self.open.push(Open {
                tag,
                at,
                name: None,
                place: None,
            });
        } else {
            self.deeper += 1;
        }
    }

    /// An end tag.
    pub(super) fn end(&mut self, tag: Tag) {
        if !is_part(tag) {
            return;
        }
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(at) = self.open.iter().rposition(|open| open.tag == tag) {
            self.open.truncate(at);
        }
    }

    /// The place of what comes next: the innermost part of the page and the
    /// nearest name around it. 0 is outside of any.
    pub(super) fn here(&mut self) -> u32 {
        let Some(last) = self.open.last() else {
            return 0;
        };
        if let Some(place) = last.place {
            return place;
        }
        let inmost = self.open.iter().rev().find(|open| open.tag != Tag::Div);
        let tag = inmost.map_or(0, |open| open.tag as u32 + 1);
        let mut name = 0;
        for open in self.open.iter_mut().rev() {
            name = *open
                .name
                .get_or_insert_with(|| called(self.html, open.at, &mut self.list));
            if name != 0 {
                break;
            }
        }
        let place = name.wrapping_mul(0x9E37_79B1).wrapping_add(tag);
        if let Some(last) = self.open.last_mut() {
            last.place = Some(place);
        }
        place
    }
}

/// A place and the class of a link there.
pub(super) fn with_class(place: u32, class: Option<&str>) -> u32 {
    place ^ class.map_or(0, word).rotate_left(8)
}

/// Elements by which pages are laid out.
fn is_part(tag: Tag) -> bool {
    use Tag::*;
    matches!(
        tag,
        Article
            | Aside
            | Details
            | Div
            | Dl
            | Footer
            | Form
            | Header
            | Main
            | Menu
            | Nav
            | Ol
            | Section
            | Table
            | Ul
    )
}

/// The first of an element's classes, else its id; 0 where it has neither.
fn called<'a>(html: &'a str, at: usize, list: &mut Attributes<'a>) -> u32 {
    attributes(html, at, list);
    let of = |wanted: &str| {
        let mut named = list.iter();
        named
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map_or(0, |(_, value)| word(value))
    };
    match of("class") {
        0 => of("id"),
        class => class,
    }
}

/// The first word of a value as a number, digits being alike.
fn word(value: &str) -> u32 {
    let Some(word) = value.split_ascii_whitespace().next() else {
        return 0;
    };
    // The lower half is as good a hash as the whole.
    let hash = |word: &[u8]| (xxh3_64(word) as u32).max(1);
    if !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return hash(word.as_bytes());
    }
    let alike = word
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    hash(&alike.collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use crate::extract::links::scan;

    /// The places of a page's links, numbered as they first appear.
    fn places(html: &str) -> Vec<usize> {
        let mut seen: Vec<u32> = Vec::new();
        let mut places = Vec::new();
        scan(html, &mut |link| {
            let known = seen.iter().position(|place| *place == link.place);
            places.push(known.unwrap_or_else(|| {
                seen.push(link.place);
                seen.len() - 1
            }));
        });
        places
    }

    #[test]
    fn links_of_one_part_have_one_place() {
        for (html, want) in [
            ("<a href=a><p><a href=b></p><a href=c>", vec![0, 0, 0]),
            (
                "<nav><a href=a></nav><main><a href=b><p><a href=c></main><a href=d>",
                vec![0, 1, 1, 2],
            ),
            (
                "<div class=menu><a href=a></div><div class=list><a href=b></div>\
                 <div class='menu left'><a href=c></div>",
                vec![0, 1, 0],
            ),
            // The nearest name counts, and the innermost part.
            (
                "<div class=x><div><a href=a></div><ul><li><a href=b></ul><a href=c></div>",
                vec![0, 1, 0],
            ),
            (
                "<section id=chapter-1><a href=a></section><section id=chapter-2><a href=b></section>",
                vec![0, 0],
            ),
            (
                "<ul><li><a class=mod href=a><li><a class=struct href=b><li><a class=mod href=c></ul>",
                vec![0, 1, 0],
            ),
            // End tags without a start close nothing.
            ("<ul></nav></div><a href=a></ul><a href=b>", vec![0, 1]),
        ] {
            assert_eq!(places(html), want, "{html}");
        }
    }

    #[test]
    fn nesting_is_bounded_and_found_back_out_of() {
        let deep = "<div class=a>".repeat(500);
        let up = "</div>".repeat(500);
        let html = format!("<a href=a>{deep}<a href=b>{up}<a href=c>");
        assert_eq!(places(&html), [0, 1, 0]);
    }
}
