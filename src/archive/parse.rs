//! A response record taken apart. What is read may have been edited by hand or
//! damaged: nothing of it is trusted.

use super::reader::Stored;
use crate::page::time;
use bytes::Bytes;
use memchr::memmem;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// The answer in a response record; `Err` says what is wrong with it.
pub(super) fn response(record: Vec<u8>) -> Result<Stored, &'static str> {
    let record = Bytes::from(record);
    if !record.starts_with(b"WARC/1.") {
        return Err("no WARC record");
    }
    let head = memmem::find(&record, b"\r\n\r\n").ok_or("the record's head has no end")?;
    let field = |wanted: &str| {
        lines(&record[..head]).skip(1).find_map(|line| {
            let (name, value) = named(line)?;
            name.eq_ignore_ascii_case(wanted).then_some(value)
        })
    };
    if field("WARC-Type") != Some(b"response") {
        return Err("no response record");
    }
    let length = field("Content-Length")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok())
        .ok_or("the record has no length")?;
    let at = field("WARC-Date")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(time::from_rfc3339);
    let begin = head + 4;
    let end = begin.checked_add(length).filter(|end| *end <= record.len());
    let block = record.slice(begin..end.ok_or("the record is longer than its member")?);

    let head = memmem::find(&block, b"\r\n\r\n").ok_or("the answer's head has no end")?;
    let mut head_lines = lines(&block[..head]);
    let status = head_lines.next().unwrap_or_default();
    let status = status
        .split(|byte| *byte == b' ')
        .nth(1)
        .and_then(|code| std::str::from_utf8(code).ok()?.parse().ok())
        .ok_or("the answer has no status")?;
    let mut headers = HeaderMap::new();
    for (name, value) in head_lines.filter_map(named) {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value))
        else {
            continue;
        };
        // A map takes 32,768 headers; a record of ours has 256 at most.
        let _ = headers.try_append(name, value);
    }
    Ok(Stored {
        at,
        status,
        headers,
        body: block.slice(head + 4..),
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
}

fn named(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    Some((name.trim(), line[colon + 1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_of_others_are_read() {
        let text = b"WARC/1.0\r\nwarc-type:response\r\n\
            WARC-Date: 2000-02-29T00:00:01Z\r\nContent-Length:  44\r\n\r\n\
            HTTP/2 200\r\nX-A: \xff 1\r\nbad line\r\n\r\n<p>\r\n\r\n</p>\r\n\r\n";
        let stored = response(text.to_vec()).unwrap();
        assert_eq!(stored.at, Some(951_782_401_000));
        assert_eq!(stored.status, 200);
        assert_eq!(stored.headers["x-a"].as_bytes(), b"\xff 1");
        assert_eq!(&stored.body[..7], b"<p>\r\n\r\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damage_ends_in_words(
            keep in 0usize..200,
            flips in prop::collection::vec((0usize..200, any::<u8>()), 0..5),
        ) {
            let mut text = b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 40\r\n\r\n\
                HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n<p>\r\n\r\n".to_vec();
            for (at, byte) in flips {
                let at = at % text.len();
                text[at] = byte;
            }
            text.truncate(keep);
            let _ = response(text);
        }
    }
}
