//! Digests of a page's visible text, made beside its links and fields.

use super::pass::{Start, Tree};
use super::tag::Tag;
use super::tokens::is_space;
use crate::page::TextPrint;
use xxhash_rust::xxh3::xxh3_64;

/// Words in a shingle.
const SHINGLE: usize = 3;
/// Bits of the counters: a page has fewer words than that counts to.
const PLANES: usize = 32;
/// An odd number with bits all over (Knuth's golden ratio, 64 bits).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The digests of a text, as its words come.
#[derive(Debug)]
pub struct Content {
    exact: u64,
    /// The last words' hashes.
    last: [u64; SHINGLE],
    words: u64,
    shingles: u32,
    /// For each bit how many shingles have it set: bit `b` of plane `p` counts 2^p.
    planes: [u64; PLANES],
}

impl Default for Content {
    fn default() -> Self {
        Self {
            exact: 0,
            last: [0; SHINGLE],
            words: 0,
            shingles: 0,
            planes: [0; PLANES],
        }
    }
}

impl Content {
    /// The digests; `None` of a page without words.
    pub fn print(mut self) -> Option<TextPrint> {
        if self.words == 0 {
            return None;
        }
        if self.shingles == 0 {
            self.count();
        }
        let half = self.shingles / 2;
        let near = (0..64).fold(0, |near, bit| {
            let planes = self.planes.iter().zip(0u32..);
            let set: u64 = planes
                .map(|(plane, place)| (plane >> bit & 1) << place)
                .sum();
            near | u64::from(set > u64::from(half)) << bit
        });
        Some(TextPrint {
            exact: self.exact,
            near,
        })
    }

    /// Takes in text between two tags.
    pub(super) fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut from = 0;
        while from < bytes.len() {
            let word = bytes[from..].iter().position(|byte| !is_space(*byte));
            let Some(start) = word.map(|start| from + start) else {
                return;
            };
            let end = bytes[start..].iter().position(|byte| is_space(*byte));
            from = end.map_or(bytes.len(), |end| start + end);
            self.word(xxh3_64(&bytes[start..from]));
        }
    }

    fn word(&mut self, hash: u64) {
        self.exact = (self.exact.rotate_left(7) ^ hash).wrapping_mul(MIX);
        self.last.rotate_left(1);
        self.last[SHINGLE - 1] = hash;
        self.words += 1;
        if self.words >= SHINGLE as u64 {
            self.count();
        }
    }

    /// Counts the shingle of the last words.
    fn count(&mut self) {
        if self.shingles == u32::MAX {
            return;
        }
        self.shingles += 1;
        let mix = |shingle: u64, word: &u64| (shingle.rotate_left(23) ^ word).wrapping_mul(MIX);
        let mut carry = self.last.iter().fold(0, mix);
        // The high bits are mixed best.
        carry ^= carry >> 32;
        for plane in &mut self.planes {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
            if carry == 0 {
                return;
            }
        }
    }
}

/// A tree, and the text that it hears taken in beside it.
pub(super) struct Beside<'t, T> {
    pub(super) tree: &'t mut T,
    pub(super) content: &'t mut Content,
}

impl<'a, T: Tree<'a>> Tree<'a> for Beside<'_, T> {
    fn markup(&mut self, text: &'a str) {
        self.tree.markup(text);
    }

    fn start(&mut self, start: Start<'a, '_>) {
        self.tree.start(start);
    }

    fn end(&mut self, tag: Tag, name: &'a str) {
        self.tree.end(tag, name);
    }

    fn text(&mut self, text: &'a str) {
        self.content.text(text);
        self.tree.text(text);
    }

    fn raw(&mut self, tag: Tag, text: &'a str) {
        // The title, scripts, styles and form fields are not the page's text.
        self.tree.raw(tag, text);
    }

    fn is_full(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::fields::Plan;

    fn print(html: &str) -> Option<TextPrint> {
        let mut content = Content::default();
        let plan = Plan::compile(&[]);
        plan.pass_with(html, "/", Some(&mut content), &mut |_| {});
        content.print()
    }

    fn page(changed: usize) -> String {
        let words: Vec<String> = (0..400)
            .map(|n| match n < changed {
                true => format!("other{n}"),
                false => format!("word{}", n * 7919 % 1009),
            })
            .collect();
        format!("<title>{changed}</title><body><p>{}</p>", words.join(" "))
    }

    #[test]
    fn only_visible_text_counts() {
        let plain = print("<body><p>one two three four</p>").unwrap();
        for same in [
            "<title>x</title><script>var a</script><div class=y>one <b>two</b>\n three&#x20; four</div>",
            "<body><p>one two</p><!-- no --><p>three four</p>",
        ] {
            let same = same.replace("&#x20;", "");
            assert_eq!(print(&same), Some(plain), "{same}");
        }
        let other = print("<p>two one three four").unwrap();
        assert_ne!(other.exact, plain.exact, "the order counts");
        for none in ["", "<p></p>", "<script>a b c</script> \n"] {
            assert_eq!(print(none), None, "{none}");
        }
        assert!(print("one").is_some());
    }

    #[test]
    fn little_changes_are_near_and_other_texts_are_not() {
        let base = print(&page(0)).unwrap();
        let near = print(&page(1)).unwrap();
        assert_ne!(near.exact, base.exact);
        assert!(near.distance(base) <= 3, "{}", near.distance(base));
        let far = print(&page(400)).unwrap();
        assert!(far.distance(base) > 12, "{}", far.distance(base));
    }
}
