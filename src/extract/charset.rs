//! A body's characters, by the WHATWG sniffing rules: byte order mark, then
//! the header, then a `meta` in the first 1,024 bytes, then a guess.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memmem;
use std::borrow::Cow;

/// Bytes that are searched for a `meta`.
const PRESCAN: usize = 1024;

/// The text of a body and the encoding it was in. UTF-8 costs a validation;
/// what is broken becomes U+FFFD.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> (Cow<'a, str>, &'static Encoding) {
    // `decode` looks for a byte order mark first, which overrides all else.
    let encoding = content_type
        .and_then(from_content_type)
        .or_else(|| from_meta(&body[..body.len().min(PRESCAN)]))
        .unwrap_or_else(|| guess(body));
    let (text, used, _) = encoding.decode(body);
    (text, used)
}

/// The `charset` parameter of a media type.
fn from_content_type(value: &str) -> Option<&'static Encoding> {
    value.split(';').skip(1).find_map(|parameter| {
        let (name, label) = parameter.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("charset") {
            return None;
        }
        Encoding::for_label(label.trim().trim_matches(['"', '\'']).as_bytes())
    })
}

/// Without any label: UTF-8 where it is that, else the web's oldest habit.
fn guess(body: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(body).is_ok() {
        UTF_8
    } else {
        WINDOWS_1252
    }
}

/// The encoding that a `meta` names, comments passed over.
fn from_meta(head: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &head[at..]) {
        at += found;
        let rest = &head[at..];
        if rest.starts_with(b"<!--") {
            at += 2 + memmem::find(&rest[2..], b"-->")? + 3;
            continue;
        }
        at += 1;
        let is_meta = rest.len() > 5
            && rest[1..5].eq_ignore_ascii_case(b"meta")
            && (rest[5].is_ascii_whitespace() || rest[5] == b'/');
        if is_meta {
            let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
            if let Some(encoding) = from_tag(&rest[5..end]) {
                return Some(encoding);
            }
        }
    }
    None
}

/// The encoding in a meta tag: `charset=x`, alone or inside `content`.
fn from_tag(tag: &[u8]) -> Option<&'static Encoding> {
    let tag = tag.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = memmem::find(&tag[from..], b"charset") {
        from += found + b"charset".len();
        let rest = tag[from..].trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b"=") else {
            continue;
        };
        let rest = rest.trim_ascii_start();
        let rest = rest
            .strip_prefix(b"\"")
            .or_else(|| rest.strip_prefix(b"'"))
            .unwrap_or(rest);
        let end = rest
            .iter()
            .position(|byte| b" \t\r\n\x0c\"';/>".contains(byte))
            .unwrap_or(rest.len());
        let encoding = Encoding::for_label(&rest[..end])?;
        // A page whose `meta` can be read is not in UTF-16.
        let ascii = encoding != UTF_16BE && encoding != UTF_16LE;
        return Some(if ascii { encoding } else { UTF_8 });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_mark_header_meta_and_guess_decides() {
        let cases: [(&[u8], Option<&str>, &str, &str); 11] = [
            (
                b"\xef\xbb\xbf\xc3\xbc",
                Some("text/html; charset=latin1"),
                "ü",
                "UTF-8",
            ),
            (b"\xff\xfea\x00", None, "a", "UTF-16LE"),
            (
                b"\xfc",
                Some("text/html;charset=ISO-8859-1"),
                "ü",
                "windows-1252",
            ),
            (
                b"\x8d\x40",
                Some("text/html; charset=\"Shift_JIS\""),
                "后",
                "Shift_JIS",
            ),
            (
                b"\xfc",
                Some("text/html; charset=nonsense"),
                "ü",
                "windows-1252",
            ),
            (
                b"<meta charset=koi8-r>\xc1",
                None,
                "<meta charset=koi8-r>а",
                "KOI8-R",
            ),
            (
                b"<!--<meta charset=koi8-r>--><p>\xc3\xbc",
                None,
                "<!--<meta charset=koi8-r>--><p>ü",
                "UTF-8",
            ),
            (
                b"<META http-equiv=a content='text/html; charset=gbk'>",
                None,
                "<META http-equiv=a content='text/html; charset=gbk'>",
                "GBK",
            ),
            (
                b"<meta charset=utf-16>\xc3\xbc",
                None,
                "<meta charset=utf-16>ü",
                "UTF-8",
            ),
            (b"\xc3\xbc", None, "ü", "UTF-8"),
            (b"\xfc\xff", None, "üÿ", "windows-1252"),
        ];
        for (body, header, text, encoding) in cases {
            let (got, used) = decode(body, header);
            assert_eq!(
                (got.as_ref(), used.name()),
                (text, encoding),
                "{body:?} {header:?}"
            );
        }
    }

    #[test]
    fn plain_utf8_is_not_copied() {
        assert!(matches!(
            decode("grün".as_bytes(), None).0,
            Cow::Borrowed(_)
        ));
    }
}
