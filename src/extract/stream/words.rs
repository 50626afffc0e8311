//! Words without which a selector finds nothing: a page that does not have
//! them need not be read for it.

use super::bits::Bits;
use super::select::{Operator, Test};
use memchr::memchr_iter;
use memchr::memmem::Finder;

/// Words that are looked for in a page; each costs a pass over it.
const MOST: usize = 8;

/// The words of all selectors.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<Word>);

#[derive(Debug)]
struct Word {
    finder: Finder<'static>,
    /// Every compound of the selectors that need it.
    bits: Bits,
}

impl Words {
    /// Notes that the selector of these compounds needs what `test` names.
    pub(super) fn add(&mut self, test: &Test, bits: Bits) {
        let Some(word) = named(test) else {
            return;
        };
        let known = |known: &Word| known.finder.needle() == word.as_bytes();
        match self.0.iter().position(known) {
            Some(place) => self.0[place].bits |= bits,
            None if self.0.len() < MOST => self.0.push(Word {
                finder: Finder::new(word).into_owned(),
                bits,
            }),
            None => {}
        }
    }

    /// The compounds of selectors that can find nothing in a page.
    pub(super) fn absent(&self, html: &str) -> Bits {
        let bytes = html.as_bytes();
        let absent = self.0.iter().filter(|word| !word.is_in(bytes));
        let bits = absent.fold(0, |all, word| all | word.bits);
        match bits != 0 && may_spell(bytes) {
            true => 0,
            false => bits,
        }
    }
}

impl Word {
    /// Whether it stands somewhere between characters that are of no name.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let length = self.finder.needle().len();
        let is_part = |byte: &u8| is_of_name(*byte) || !byte.is_ascii();
        self.finder.find_iter(bytes).any(|at| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !before.is_some_and(is_part) && !bytes.get(at + length).is_some_and(is_part)
        })
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// A plain word that an attribute must have as it is.
fn named(test: &Test) -> Option<&str> {
    let word = match test {
        Test::Id(word) | Test::Class(word) => word,
        Test::Attribute {
            operator: Operator::Equals | Operator::Word,
            value,
            any_case: false,
            ..
        } => value,
        Test::Attribute { .. } => return None,
    };
    let plain = !word.is_empty() && word.bytes().all(is_of_name);
    plain.then_some(word)
}

/// Whether a page spells letters, digits, `-` or `_` by character references,
/// and so may have words that do not stand in it.
fn may_spell(bytes: &[u8]) -> bool {
    memchr_iter(b'&', bytes).any(|at| {
        let rest = &bytes[at + 1..];
        match rest.first() {
            Some(b'#') => spells_ascii(&rest[1..]),
            Some(b'l') => rest.starts_with(b"lowbar"),
            Some(b'U') => rest.starts_with(b"UnderBar"),
            Some(b'f') => rest.starts_with(b"fjlig"),
            _ => false,
        }
    })
}

/// Whether what stands behind `&#` is the number of an ASCII character.
fn spells_ascii(rest: &[u8]) -> bool {
    let (digits, radix) = match rest.first() {
        Some(b'x' | b'X') => (&rest[1..], 16),
        _ => (rest, 10),
    };
    let mut value = None;
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(radix) else {
            break;
        };
        let number = value.unwrap_or(0u32);
        value = Some(number.saturating_mul(radix).saturating_add(digit));
    }
    value.is_some_and(|value| value < 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tests: &[Test]) -> Words {
        let mut words = Words::default();
        for (place, test) in tests.iter().enumerate() {
            words.add(test, 1 << place);
        }
        words
    }

    #[test]
    fn a_word_is_there_or_not() {
        let words = words(&[
            Test::Class("sub-title".to_owned()),
            Test::Id("top".to_owned()),
        ]);
        for (html, absent) in [
            ("<p class=sub-title id='top'>", 0),
            ("<p class='a sub-title'>", 0b10),
            ("<p class=sub-titles id=top>", 0b01),
            ("<p class=x-sub-title>", 0b11),
            ("<p class=Sub-Title>", 0b11),
            ("<p class='a&Tab;sub-title&#9;b'>", 0),
            ("top, sub-title", 0),
            // They may be spelt.
            ("<p class=sub&#45;title>", 0),
            ("<p class=sub&#x02D;title>", 0),
            ("<p class=a&lowbar;b>", 0),
            // They are not.
            ("&#8203;&#x200b;&nbsp;&lt;&#;&#x;&", 0b11),
        ] {
            assert_eq!(words.absent(html), absent, "{html}");
        }
    }

    #[test]
    fn only_so_many_are_looked_for() {
        let tests: Vec<Test> = (0..20).map(|n| Test::Class(format!("c{n}"))).collect();
        assert_eq!(words(&tests).absent("").count_ones() as usize, MOST);
        let test = Test::Attribute {
            name: "rel".to_owned(),
            operator: Operator::Equals,
            value: "next".to_owned(),
            any_case: true,
        };
        assert_eq!(words(&[test]).absent(""), 0);
    }
}
