//! Members of an archive that somebody has damaged.

use super::fuzz;
use crawldeck::archive::{Answer, Codec, pack, unpack};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{HeaderMap, HeaderValue};
use std::io::Write;
use url::Url;

/// Largest record that is asked for.
const MOST: usize = 1 << 20;

fn member(codec: Codec, body: &[u8]) -> Vec<u8> {
    let url = Url::parse("http://127.0.0.1/a?b").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/html"));
    let answer = Answer {
        url: &url,
        site: "s",
        depth: 1,
        at: 1_700_000_000_000,
        elapsed_ms: 1,
        request: &HeaderMap::new(),
        status: 200,
        headers: &headers,
        body,
        cut: false,
        asked: None,
        revisit: None,
    };
    pack(&answer, codec).unwrap().response().to_vec()
}

#[test]
fn any_member_is_an_answer_or_told_broken() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let whole = member(codec, b"<p>words words words");
        let empty = member(codec, b"");
        let bomb = member(codec, &vec![b' '; 4 * MOST]);
        let seeds = [&whole[..], &empty, &bomb];
        fuzz("warc", &seeds, &["\r\n\r\n", "WARC/1.1\r\n"], |bytes| {
            if let Ok(stored) = unpack(codec, bytes, MOST) {
                assert!(stored.body.len() <= MOST);
            }
        });
    }
}

#[test]
fn any_record_is_an_answer_or_told_broken() {
    let seeds: &[&[u8]] = &[
        b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 40\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n<p>\r\n\r\n",
        b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
    ];
    let words = &[
        "\r\n\r\n",
        "Content-Length: 99999999999999999999",
        "Content-Length: 0",
        "HTTP/2 999999",
        "WARC-Type:",
        ":",
    ];
    fuzz("warc record", seeds, words, |bytes| {
        let mut member = GzEncoder::new(Vec::new(), Compression::default());
        member.write_all(bytes).unwrap();
        if let Ok(stored) = unpack(Codec::Gzip, &member.finish().unwrap(), MOST) {
            assert!(stored.body.len() <= bytes.len());
        }
    });
}
