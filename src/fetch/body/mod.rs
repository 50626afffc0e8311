//! Undoing a body's content codings, under a cap.
//!
//! Everything here computes and nothing waits: it belongs on a thread of the
//! CPU pool, never on the event loop.

mod coding;

use self::coding::{Coding, stack};
use super::{FetchError, Fetched};
use crate::page::FailureKind;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader};
use std::rc::Rc;

/// Codings stacked on one body at most.
const MOST_CODINGS: usize = 3;
/// Bytes of a body that is unpacked as it is read.
const LONGEST: u64 = 64 << 30;

/// The body with its `Content-Encoding` undone; borrowed where it had none.
/// A body that was cut ([`Fetched::cut`]) yields what its part holds.
///
/// # Errors
///
/// [`FailureKind::TooLarge`] as soon as more than `cap` bytes come out, at any
/// stage of a stack of codings; [`FailureKind::Decode`] for broken or truncated
/// data, an unknown coding, or more than three of them.
pub fn decode(fetched: &Fetched, cap: u64) -> Result<Cow<'_, [u8]>, FetchError> {
    let fail = |(kind, detail)| failure(fetched, kind, detail);
    let (body, end) = undo(&fetched.headers, &fetched.body, cap).map_err(fail)?;
    match end {
        End::Whole => Ok(body),
        End::Broken(_) if fetched.cut => Ok(body),
        End::Broken(detail) => Err(fail((FailureKind::Decode, detail))),
        End::OverCap => Err(fail((
            FailureKind::TooLarge,
            format!("the body is larger than {cap} bytes once decompressed"),
        ))),
    }
}

/// The first `cap` bytes of the decoded body, and whether there is (or was)
/// more: for what is worth having in part, like robots.txt and the body of an
/// error status.
///
/// # Errors
///
/// [`FailureKind::Decode`] where not one byte could be decoded.
pub fn decode_prefix(fetched: &Fetched, cap: u64) -> Result<(Cow<'_, [u8]>, bool), FetchError> {
    beginning(&fetched.headers, &fetched.body, cap)
        .map(|(body, more)| (body, more || fetched.cut))
        .map_err(|(kind, detail)| failure(fetched, kind, detail))
}

/// A body of any length with its `Content-Encoding` undone as it is read.
///
/// # Errors
/// [`FailureKind::Decode`] for an unknown coding, or more than three of them;
/// whatever else is wrong is met when it is read.
pub fn reader<'a>(
    fetched: &Fetched,
    wire: impl BufRead + 'a,
) -> Result<Box<dyn BufRead + 'a>, FetchError> {
    let codings = codings(&fetched.headers)
        .map_err(|detail| failure(fetched, FailureKind::Decode, detail))?;
    let wire: Box<dyn BufRead + 'a> = Box::new(wire);
    if codings.is_empty() {
        return Ok(wire);
    }
    let read = stack(wire, &codings, LONGEST, &Rc::default())
        .map_err(|error| failure(fetched, FailureKind::Decode, error.to_string()))?;
    Ok(Box::new(BufReader::new(read)))
}

fn failure(fetched: &Fetched, kind: FailureKind, detail: String) -> FetchError {
    FetchError {
        kind,
        detail,
        elapsed: fetched.elapsed,
        head: Some(Box::new((fetched.status, fetched.headers.clone()))),
        trouble: None,
        cost: fetched.cost,
    }
}

type Problem = (FailureKind, String);

/// As much as `cap` of what `wire`, which may be incomplete, decodes to.
pub(super) fn beginning<'a>(
    headers: &HeaderMap,
    wire: &'a [u8],
    cap: u64,
) -> Result<(Cow<'a, [u8]>, bool), Problem> {
    let (body, end) = undo(headers, wire, cap)?;
    match end {
        End::Whole => Ok((body, false)),
        End::Broken(detail) if body.is_empty() => Err((FailureKind::Decode, detail)),
        End::Broken(_) | End::OverCap => Ok((body, true)),
    }
}

/// How decoding ended; what came out before is kept.
enum End {
    Whole,
    OverCap,
    Broken(String),
}

fn undo<'a>(
    headers: &HeaderMap,
    wire: &'a [u8],
    cap: u64,
) -> Result<(Cow<'a, [u8]>, End), Problem> {
    // An empty body has nothing to undo, whatever its headers say.
    let codings = if wire.is_empty() {
        Vec::new()
    } else {
        codings(headers).map_err(|detail| (FailureKind::Decode, detail))?
    };
    if codings.is_empty() {
        return Ok(match usize::try_from(cap) {
            Ok(cap) if wire.len() > cap => (Cow::Borrowed(&wire[..cap]), End::OverCap),
            _ => (Cow::Borrowed(wire), End::Whole),
        });
    }
    // Markup shrinks to about a quarter; a hostile header cannot make this
    // more than four times of what was really received.
    let room = wire.len().saturating_mul(4);
    let mut body = Vec::with_capacity(usize::try_from(cap).map_or(room, |cap| room.min(cap)));
    let over = Rc::new(Cell::new(false));
    let ended =
        stack(Box::new(wire), &codings, cap, &over).and_then(|mut top| top.read_to_end(&mut body));
    let end = match ended {
        _ if over.get() => End::OverCap,
        Ok(_) => End::Whole,
        Err(error) => {
            let names: Vec<&str> = codings.iter().map(|coding| coding.name()).collect();
            let what = if error.kind() == io::ErrorKind::UnexpectedEof {
                "ends too early".to_owned()
            } else {
                format!("is broken: {error}")
            };
            End::Broken(format!("the body's {} data {what}", names.join(", ")))
        }
    };
    Ok((Cow::Owned(body), end))
}

/// The codings in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, String> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = String::from_utf8_lossy(value.as_bytes());
        for name in text.split(',').map(str::trim) {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("gzip") || is("x-gzip") {
                codings.push(Coding::Gzip);
            } else if is("deflate") {
                codings.push(Coding::Deflate);
            } else if is("br") {
                codings.push(Coding::Brotli);
            } else if is("zstd") {
                codings.push(Coding::Zstd);
            // Not codings, yet servers write them where there is none.
            } else if !(is("") || is("identity") || is("none") || is("utf-8")) {
                let name: String = name.chars().take(40).collect();
                return Err(format!("unknown Content-Encoding `{name}`"));
            }
        }
    }
    if codings.len() > MOST_CODINGS {
        return Err(format!(
            "{} content codings on one body, more than {MOST_CODINGS}",
            codings.len()
        ));
    }
    Ok(codings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;
    use std::io::Write;
    use std::time::Duration;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(data).unwrap();
        out.finish().unwrap()
    }

    fn encode(coding: &str, data: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match coding {
            "gzip" | "x-gzip" => gzip(data),
            "deflate" => {
                let mut out = flate2::write::ZlibEncoder::new(Vec::new(), level);
                out.write_all(data).unwrap();
                out.finish().unwrap()
            }
            "raw deflate" => {
                let mut out = flate2::write::DeflateEncoder::new(Vec::new(), level);
                out.write_all(data).unwrap();
                out.finish().unwrap()
            }
            "br" => {
                let mut out = Vec::new();
                let params = brotli::enc::BrotliEncoderParams {
                    quality: 5,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &data[..], &mut out, &params).unwrap();
                out
            }
            "zstd" => zstd::encode_all(data, 3).unwrap(),
            other => panic!("{other}"),
        }
    }

    fn fetched(encoding: &[&str], body: Vec<u8>, cut: bool) -> Fetched {
        let mut headers = HeaderMap::new();
        for value in encoding {
            headers.append(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        Fetched {
            cut,
            ..Fetched::whole(200, headers, Bytes::from(body), Duration::ZERO)
        }
    }

    const ALL: &[&str] = &["gzip", "deflate", "raw deflate", "br", "zstd"];

    fn header_of(coding: &'static str) -> &'static str {
        coding.strip_prefix("raw ").unwrap_or(coding)
    }

    fn text() -> Vec<u8> {
        (0..20_000)
            .flat_map(|n| format!("<p>{n} {}</p>\n", n * n).into_bytes())
            .collect()
    }

    #[test]
    fn plain_bodies_are_borrowed() {
        for encoding in [
            &[][..],
            &["identity"],
            &[""],
            &["none", "identity"],
            &["UTF-8"],
        ] {
            let page = fetched(encoding, b"text".to_vec(), false);
            assert!(matches!(decode(&page, 4).unwrap(), Cow::Borrowed(b"text")));
            assert_eq!(decode(&page, 3).unwrap_err().kind, FailureKind::TooLarge);
        }
    }

    #[test]
    fn every_coding_is_undone_up_to_the_cap() {
        let text = text();
        let cap = text.len() as u64;
        for coding in ALL {
            let page = fetched(&[header_of(coding)], encode(coding, &text), false);
            assert_eq!(decode(&page, cap).unwrap(), text, "{coding}");
            let error = decode(&page, cap - 1).unwrap_err();
            assert_eq!(error.kind, FailureKind::TooLarge, "{coding}");
            let (part, more) = decode_prefix(&page, 100).unwrap();
            assert_eq!((&*part, more), (&text[..100], true), "{coding}");
            let (all, more) = decode_prefix(&page, cap).unwrap();
            assert_eq!((&*all, more), (&text[..], false), "{coding}");
        }
    }

    #[test]
    fn truncated_bodies_are_broken_unless_they_were_cut_on_purpose() {
        let text = text();
        for coding in ALL {
            let mut wire = encode(coding, &text);
            wire.truncate(wire.len() / 2);
            let whole = fetched(&[header_of(coding)], wire.clone(), false);
            let error = decode(&whole, u64::MAX).unwrap_err();
            assert_eq!(error.kind, FailureKind::Decode, "{coding}: {error}");
            assert!(error.detail.contains("ends too early"), "{coding}: {error}");
            assert_eq!(error.head.unwrap().0, 200);

            let cut = fetched(&[header_of(coding)], wire, true);
            let part = decode(&cut, u64::MAX).unwrap();
            assert!(!part.is_empty() && text.starts_with(&part), "{coding}");
            assert!(decode_prefix(&cut, u64::MAX).unwrap().1);
        }
    }

    #[test]
    fn garbage_is_broken() {
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let garbage = b"<!doctype html><p>not compressed at all".repeat(9);
            let page = fetched(&[coding], garbage, false);
            let error = decode(&page, u64::MAX).unwrap_err();
            assert_eq!(error.kind, FailureKind::Decode, "{coding}");
            assert!(error.detail.contains(coding), "{error}");
        }
    }

    #[test]
    fn an_empty_body_needs_no_undoing() {
        for coding in ["gzip", "br", "compress"] {
            assert!(
                decode(&fetched(&[coding], Vec::new(), false), 0)
                    .unwrap()
                    .is_empty()
            );
        }
    }

    #[test]
    fn stacks_of_codings() {
        let text = text();
        let twice = encode("br", &gzip(&text));
        for encoding in [
            &["gzip, br"][..],
            &["gzip", "br"],
            &["X-GZip , identity,, BR"],
        ] {
            let page = fetched(encoding, twice.clone(), false);
            assert_eq!(decode(&page, u64::MAX).unwrap(), text, "{encoding:?}");
        }
        let thrice = encode("zstd", &twice);
        let page = fetched(&["gzip, br, zstd"], thrice.clone(), false);
        assert_eq!(decode(&page, u64::MAX).unwrap(), text);

        let page = fetched(&["gzip, br, zstd, gzip"], gzip(&thrice), false);
        let error = decode(&page, u64::MAX).unwrap_err();
        assert_eq!(error.kind, FailureKind::Decode);

        let page = fetched(&["gzip, br"], gzip(&text), false);
        assert_eq!(
            decode(&page, u64::MAX).unwrap_err().kind,
            FailureKind::Decode
        );
    }

    #[test]
    fn unknown_codings_are_named() {
        let error = decode(&fetched(&["compress"], b"x".to_vec(), false), 9).unwrap_err();
        assert_eq!(error.kind, FailureKind::Decode);
        assert!(error.detail.contains("compress"));
    }

    #[test]
    fn members_of_gzip_follow_each_other_and_rubbish_after_them_is_passed_over() {
        let mut wire = gzip(b"one ");
        wire.extend(gzip(b""));
        wire.extend(gzip(b"two"));
        assert_eq!(
            decode(&fetched(&["gzip"], wire.clone(), false), 99).unwrap(),
            &b"one two"[..]
        );
        wire.extend(b"\0\0\0 rubbish");
        assert_eq!(
            decode(&fetched(&["gzip"], wire, false), 99).unwrap(),
            &b"one two"[..]
        );
    }

    #[test]
    fn bombs_stop_at_the_cap() {
        let zeros = vec![0; 64 << 20];
        for coding in ["gzip", "br", "zstd"] {
            let page = fetched(&[coding], encode(coding, &zeros), false);
            assert!(page.body.len() < 100_000);
            let error = decode(&page, 1 << 20).unwrap_err();
            assert_eq!(error.kind, FailureKind::TooLarge, "{coding}");
        }
        // The huge part is between two codings: frames that zstd skips.
        let mut middle = vec![0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 4];
        middle.resize(8 + (64 << 20), 0);
        middle.extend(encode("zstd", b"small"));
        let page = fetched(&["zstd, gzip"], gzip(&middle), false);
        let error = decode(&page, 1 << 20).unwrap_err();
        assert_eq!(error.kind, FailureKind::TooLarge, "{error}");
        assert_eq!(decode(&page, 1 << 27).unwrap(), &b"small"[..]);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(
            data in proptest::collection::vec(any::<u8>(), 0..5000),
            which in 0..ALL.len(),
        ) {
            let page = fetched(&[header_of(ALL[which])], encode(ALL[which], &data), false);
            prop_assert_eq!(&*decode(&page, data.len() as u64).unwrap(), &data[..]);
        }

        #[test]
        fn hostile_bytes_end_in_a_result(
            data in proptest::collection::vec(any::<u8>(), 0..500),
            which in 0..4_usize,
        ) {
            let page = fetched(&[["gzip", "deflate", "br", "zstd"][which]], data, false);
            if let Ok(body) = decode(&page, 10_000) {
                prop_assert!(body.len() <= 10_000);
            }
        }
    }
}
