//! HTML's lexical level: where tags, comments and raw text begin and end. The
//! link pass and the field pass stand on it alike.

use memchr::{memchr, memchr2, memchr3, memmem};

/// White space as HTML's grammar knows it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

/// Past a comment, a doctype or a bogus comment; `at` is at the `!`.
pub(super) fn past_markup(bytes: &[u8], at: usize) -> usize {
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

/// Past the next such byte, or to the end.
pub(super) fn past(bytes: &[u8], at: usize, byte: u8) -> usize {
    memchr(byte, &bytes[at..]).map_or(bytes.len(), |found| at + found + 1)
}

/// The end of a tag's name that begins at `at`.
pub(super) fn name_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| is_space(*byte) || matches!(byte, b'/' | b'>'))
        .map_or(bytes.len(), |length| at + length)
}

/// To the end tag of a raw-text element of this name, or to the end.
pub(super) fn raw_end(bytes: &[u8], body: usize, name: &[u8]) -> usize {
    let mut at = body;
    while let Some(found) = bytes.get(at..).and_then(|rest| memmem::find(rest, b"</")) {
        let start = at + found + 2;
        let end = start + name.len();
        let same = bytes
            .get(start..end)
            .is_some_and(|text| text.eq_ignore_ascii_case(name));
        // A name at the very end of a page is text.
        let closed = bytes
            .get(end)
            .is_some_and(|byte| is_space(*byte) || matches!(byte, b'/' | b'>'));
        if same && closed {
            return at + found;
        }
        at = start;
    }
    bytes.len()
}

/// Past a tag's attributes without looking at them; `at` is behind its name.
/// `None` where the page ends first, which makes it no tag.
pub(super) fn past_attributes(bytes: &[u8], at: usize) -> Option<usize> {
    let mut from = at;
    loop {
        let rest = bytes.get(from..)?;
        let found = memchr3(b'>', b'"', b'\'', rest)?;
        let quote = rest[found];
        if quote == b'>' {
            return Some(from + found + 1);
        }
        // Almost always ` name="`: one `=`, just before the quote.
        let before = &rest[..found];
        let plain = before.len() > 1
            && memchr2(b'=', b'/', before) == Some(before.len() - 1)
            && before[before.len() - 1] == b'='
            && !is_space(before[before.len() - 2]);
        if !plain {
            return attributes_end(bytes, from);
        }
        from += found + 1;
        from += memchr(quote, bytes.get(from..)?)? + 1;
    }
}

/// [`past_attributes`] by the letter, from between two attributes.
fn attributes_end(bytes: &[u8], at: usize) -> Option<usize> {
    attribute_spans(bytes, at, &mut |_, _| {}).map(|(end, _)| end)
}

/// A piece of a page, as two offsets.
pub(super) type Span = (usize, usize);

/// Gives the places of a tag's attributes, of name and value each; answers the
/// place after its `>` and whether the tag closes itself.
fn attribute_spans(
    bytes: &[u8],
    mut at: usize,
    see: &mut dyn FnMut(Span, Span),
) -> Option<(usize, bool)> {
    loop {
        let mut slash = false;
        loop {
            match *bytes.get(at)? {
                b'/' => slash = true,
                byte if is_space(byte) => slash = false,
                _ => break,
            }
            at += 1;
        }
        if bytes[at] == b'>' {
            return Some((at + 1, slash));
        }
        let name_at = at;
        // A name may begin with `=`.
        at += 1;
        while !(is_space(*bytes.get(at)?) || matches!(bytes[at], b'=' | b'>' | b'/')) {
            at += 1;
        }
        let name = (name_at, at);
        let mut look = at;
        while is_space(*bytes.get(look)?) {
            look += 1;
        }
        if bytes[look] != b'=' {
            see(name, (at, at));
            continue;
        }
        at = look + 1;
        while is_space(*bytes.get(at)?) {
            at += 1;
        }
        let value = match bytes[at] {
            quote @ (b'"' | b'\'') => {
                let from = at + 1;
                let to = from + memchr(quote, bytes.get(from..)?)?;
                at = to + 1;
                (from, to)
            }
            b'>' => (at, at),
            _ => {
                let from = at;
                while !(is_space(*bytes.get(at)?) || bytes[at] == b'>') {
                    at += 1;
                }
                (from, at)
            }
        };
        see(name, value);
    }
}

/// A tag's attributes as they stand in the page: names in any case, values
/// with their character references.
pub(super) type Attributes<'a> = Vec<(&'a str, &'a str)>;

/// Reads a tag's attributes into `into`; answers whether the tag closes
/// itself. The tag must be whole.
pub(super) fn attributes<'a>(html: &'a str, at: usize, into: &mut Attributes<'a>) -> bool {
    into.clear();
    let end = attribute_spans(html.as_bytes(), at, &mut |name, value| {
        // Both end at ASCII, and so at borders of characters.
        let name = html.get(name.0..name.1).unwrap_or_default();
        let value = html.get(value.0..value.1).unwrap_or_default();
        into.push((name, value));
    });
    end.is_some_and(|(_, closes)| closes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        #[test]
        fn a_tag_ends_where_its_attributes_do(tag in "[ab =\"'/>\n]{0,30}") {
            let bytes = tag.as_bytes();
            prop_assert_eq!(past_attributes(bytes, 0), attributes_end(bytes, 0), "{}", tag);
        }
    }
}
