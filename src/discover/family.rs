//! Which pages are likely made alike, by their addresses.

use std::hash::Hasher;
use url::Url;
use xxhash_rust::xxh3::Xxh3;

/// Segments of a path that are looked at.
const DEEP: usize = 6;

/// The family of a page: its host and its path, without numbers and without
/// the last segment's name, and the names of its query's parameters. Pages of
/// one family are most often made by the same part of a site.
pub fn family(url: &Url) -> u64 {
    let mut hash = begin(url);
    let mut segments = url.path_segments().into_iter().flatten().peekable();
    for _ in 0..DEEP {
        let Some(segment) = segments.next() else {
            break;
        };
        let last = segments.peek().is_none();
        hash.write_u8(b'/');
        if segment.is_empty() {
            continue;
        }
        if last {
            // A name, and what kind of thing it is.
            hash.write_u8(b'*');
            if let Some((_, kind)) = segment.rsplit_once('.') {
                hash.write(kind.as_bytes());
            }
        } else if segment.bytes().any(|byte| byte.is_ascii_digit()) {
            hash.write_u8(b'#');
        } else {
            hash.write(segment.as_bytes());
        }
    }
    if let Some(query) = url.query() {
        for pair in query.split('&') {
            hash.write_u8(b'&');
            hash.write(pair.split('=').next().unwrap_or_default().as_bytes());
        }
    }
    hash.finish()
}

/// The host of a page.
pub fn host(url: &Url) -> u64 {
    begin(url).finish()
}

fn begin(url: &Url) -> Xxh3 {
    let mut hash = Xxh3::new();
    hash.write(url.host_str().unwrap_or_default().as_bytes());
    hash.write_u16(url.port_or_known_default().unwrap_or_default());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_a_place_on_a_host() {
        let of = |url: &str| family(&Url::parse(url).unwrap());
        for (a, b, same) in [
            ("http://e/book/1", "http://e/book/2", true),
            ("http://e/book/blue-shoe", "http://e/book/red-hat", true),
            ("http://e/2024/05/x.html", "http://e/2023/11/y.html", true),
            ("http://e/x.html", "http://e/y.json", false),
            ("http://e/book/1", "http://e/list/1", false),
            ("http://e/book/1", "http://e/book/1/price", false),
            ("http://e/list?page=1", "http://e/list?page=2", true),
            ("http://e/list?page=1", "http://e/list?sort=2", false),
            ("http://e/a", "http://f/a", false),
            ("http://e/a", "http://e:81/a", false),
            ("http://e/", "http://e/a", false),
        ] {
            assert_eq!(of(a) == of(b), same, "{a} {b}");
        }
    }
}
