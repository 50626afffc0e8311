use super::*;
use crate::page::{Fingerprint, Fingerprinter};
use bytes::Bytes;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use url::Url;

const ROTATE: u64 = 1 << 30;

fn print(url: &str) -> Fingerprint {
    Fingerprinter::new("a").of(url)
}

fn packed(url: &str, body: &[u8], codec: Codec) -> Packed {
    let parsed = Url::parse(url).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/html"));
    headers.insert("x-odd", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let answer = Answer {
        url: &parsed,
        site: "a",
        depth: 1,
        at: 1_700_000_000_000,
        elapsed_ms: 12,
        request: &HeaderMap::new(),
        status: 200,
        headers: &headers,
        body,
        cut: false,
        asked: None,
        revisit: None,
    };
    pack(&answer, codec).unwrap()
}

fn open(dir: &Path) -> Archive {
    Archive::open(dir, "job", mpsc::channel(10).0).unwrap()
}

fn put(archive: &Archive, url: &str, body: &[u8]) {
    let packed = packed(url, body, Codec::Gzip);
    assert!(archive.put(packed, Some(print(url)), ROTATE).wait());
}

fn body(dir: &Path, url: &str) -> Option<Bytes> {
    let reader = Reader::open(dir).unwrap().unwrap();
    let place = reader.find(print(url)).unwrap()?;
    Some(reader.read(place, 1 << 20).unwrap().body)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(FOLDER)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().contains(".warc."));
    files.sort();
    files
}

/// Every record of a gzip file: its type and its whole text.
fn records(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let mut text = Vec::new();
        let mut decoder = flate2::bufread::GzDecoder::new(rest);
        std::io::Read::read_to_end(&mut decoder, &mut text).unwrap();
        rest = decoder.into_inner();
        records.push(String::from_utf8_lossy(&text).into_owned());
    }
    records
}

#[test]
fn answers_come_back_from_either_codec() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Reader::open(dir.path()).unwrap().is_none());
    let archive = open(dir.path());
    for (url, codec) in [
        ("http://e.org/gz", Codec::Gzip),
        ("http://e.org/zst", Codec::Zstd),
    ] {
        let packed = packed(url, b"<h1>x</h1>\r\n\r\n", codec);
        assert!(archive.put(packed, Some(print(url)), ROTATE).wait());
        // Beside the writer.
        assert_eq!(body(dir.path(), url).unwrap(), "<h1>x</h1>\r\n\r\n");
    }
    put(&archive, "http://e.org/gz", b"newer");
    archive.close();
    assert_eq!(body(dir.path(), "http://e.org/gz").unwrap(), "newer");
    assert_eq!(body(dir.path(), "http://e.org/none"), None);
    let names: Vec<_> = files(dir.path());
    assert!(names[0].ends_with("job-00001.warc.gz") && names[1].ends_with("job-00002.warc.zst"));
    Archive::remove(dir.path()).unwrap();
    assert_eq!(fs::read_dir(dir.path().join(FOLDER)).unwrap().count(), 0);
}

#[test]
fn an_answer_is_three_records_that_tell_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let url = Url::parse("http://user:pass@e.org:81/a?b=c#d").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("999"));
    let mut request = HeaderMap::new();
    request.insert("user-agent", HeaderValue::from_static("me/1"));
    let answer = Answer {
        url: &url,
        site: "a",
        depth: 3,
        at: 1_700_000_000_000,
        elapsed_ms: 12,
        request: &request,
        status: 404,
        headers: &headers,
        body: b"gone",
        cut: true,
        asked: None,
        revisit: None,
    };
    let archive = open(dir.path());
    let packed = pack(&answer, Codec::Gzip).unwrap();
    assert!(archive.put(packed, None, ROTATE).wait());
    archive.close();
    let records = records(&files(dir.path())[0]);
    let kinds: Vec<&str> = records
        .iter()
        .map(|r| {
            r.split("WARC-Type: ")
                .nth(1)
                .unwrap()
                .split('\r')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(kinds, ["warcinfo", "request", "response", "metadata"]);
    let all = records.concat();
    assert!(!all.contains("pass") && !all.contains("#d"));
    let [info, request, response, metadata] = &records[..] else {
        panic!()
    };
    assert!(info.contains("WARC-Filename: job-00001.warc.gz\r\n"));
    assert!(
        request
            .contains("\r\n\r\nGET /a?b=c HTTP/1.1\r\nhost: e.org:81\r\nuser-agent: me/1\r\n\r\n")
    );
    assert!(response.contains("WARC-Target-URI: http://e.org:81/a?b=c\r\n"));
    assert!(response.contains("WARC-Truncated: length\r\n"));
    assert!(response.contains("WARC-Date: 2023-11-14T22:13:20.000Z\r\n"));
    assert!(response.ends_with(
        "HTTP/1.1 404 Not Found\r\nx-crawler-transfer-encoding: chunked\r\n\
         content-encoding: br\r\nx-crawler-content-length: 999\r\ncontent-length: 4\r\n\r\n\
         gone\r\n\r\n"
    ));
    assert!(metadata.contains("hopsFromSeed: 3\r\nfetchTimeMs: 12\r\n"));
    let id = |record: &str, name: &str| {
        let value = record.split(&format!("{name}: ")).nth(1).unwrap();
        value.split('\r').next().unwrap().to_owned()
    };
    assert_eq!(
        id(response, "WARC-Record-ID"),
        id(request, "WARC-Concurrent-To")
    );
    assert_eq!(
        id(response, "WARC-Record-ID"),
        id(metadata, "WARC-Concurrent-To")
    );
}

#[test]
fn a_large_file_is_followed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let archive = open(dir.path());
    for n in 0..5 {
        let url = format!("http://e.org/{n}");
        let packed = packed(&url, b"x", Codec::Gzip);
        // Each file is full with its first answer.
        assert!(archive.put(packed, Some(print(&url)), 500).wait());
    }
    archive.close();
    assert_eq!(files(dir.path()).len(), 5);
    for n in 0..5 {
        assert_eq!(body(dir.path(), &format!("http://e.org/{n}")).unwrap(), "x");
    }
    // The numbers go on, and never back.
    fs::remove_file(&files(dir.path())[1]).unwrap();
    let archive = open(dir.path());
    put(&archive, "http://e.org/6", b"y");
    archive.close();
    assert_eq!(body(dir.path(), "http://e.org/6").unwrap(), "y");
    let reader = Reader::open(dir.path()).unwrap().unwrap();
    let gone = reader.find(print("http://e.org/1")).unwrap().unwrap();
    assert!(matches!(
        reader.read(gone, 100),
        Err(ReadError::File { .. })
    ));
}

#[test]
fn what_was_never_confirmed_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let archive = open(dir.path());
    put(&archive, "http://e.org/1", b"one");
    archive.close();
    let file = files(dir.path()).remove(0);
    let good = fs::read(&file).unwrap();
    let more = packed("http://e.org/2", b"two", Codec::Gzip).bytes;
    // A kill at any byte of the next answer.
    for cut in [1, more.len() / 3, more.len() / 2, more.len()] {
        fs::write(&file, [&good[..], &more[..cut]].concat()).unwrap();
        open(dir.path()).close();
        assert!(fs::read(&file).unwrap() == good, "{cut}");
    }
    fs::write(&file, [&good[..], &more[..9]].concat()).unwrap();
    let archive = open(dir.path());
    put(&archive, "http://e.org/2", b"two");
    archive.close();
    assert_eq!(body(dir.path(), "http://e.org/1").unwrap(), "one");
    assert_eq!(body(dir.path(), "http://e.org/2").unwrap(), "two");
    assert_eq!(records(&file).len(), 7);
}

#[test]
fn a_file_that_lost_its_end_costs_what_stood_there() {
    let dir = tempfile::tempdir().unwrap();
    let archive = open(dir.path());
    put(&archive, "http://e.org/1", b"one");
    put(&archive, "http://e.org/2", b"two");
    archive.close();
    let file = files(dir.path()).remove(0);
    let bytes = fs::read(&file).unwrap();
    // The metadata record of the second, and the end of its response; the
    // names of records are of one length and compress nearly alike.
    let like = packed("http://e.org/2", b"two", Codec::Gzip);
    let lost = like.bytes.len() - like.response.end + like.response.len() / 2;
    fs::write(&file, &bytes[..bytes.len() - lost]).unwrap();
    let archive = open(dir.path());
    assert_eq!(body(dir.path(), "http://e.org/2"), None);
    put(&archive, "http://e.org/3", b"three");
    archive.close();
    assert_eq!(body(dir.path(), "http://e.org/1").unwrap(), "one");
    assert_eq!(body(dir.path(), "http://e.org/3").unwrap(), "three");
    records(&file);
}

#[test]
fn damage_is_told_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let archive = open(dir.path());
    put(&archive, "http://e.org/1", &b"one".repeat(1000));
    archive.close();
    let file = files(dir.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let reader = Reader::open(dir.path()).unwrap().unwrap();
    let place = reader.find(print("http://e.org/1")).unwrap().unwrap();
    let error = reader.read(place, 10).map(|_| ());
    assert!(
        error.is_ok(),
        "a member is allowed the heads on top: {error:?}"
    );
    let half = bytes.len() / 2;
    bytes[half..half + 20].fill(0x5a);
    fs::write(&file, &bytes).unwrap();
    let error = reader.read(place, 1 << 20).unwrap_err().to_string();
    assert!(error.starts_with("job-00001.warc.gz, byte "), "{error}");
}

#[test]
fn a_closed_archive_keeps_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let archive = open(dir.path());
    let other = archive.clone();
    archive.close();
    let packed = packed("http://e.org/", b"x", Codec::Gzip);
    assert!(!other.put(packed, None, ROTATE).wait());
}

/// The folder is taken away and given back while an answer waits.
#[cfg(unix)]
#[test]
fn an_archive_that_cannot_write_says_so_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (events, mut bus) = mpsc::channel(10);
    let archive = Archive::open(dir.path(), "job", events).unwrap();
    let folder = dir.path().join(FOLDER);
    let away = dir.path().join("away");
    fs::rename(&folder, &away).unwrap();
    let packed = packed("http://e.org/", b"x", Codec::Gzip);
    let receipt = archive.put(packed, Some(print("http://e.org/")), ROTATE);
    let stalled = bus.blocking_recv().unwrap();
    assert!(matches!(stalled, crate::bus::Event::Stalled(Some(_))));
    assert!(archive.is_stalled());
    fs::rename(&away, &folder).unwrap();
    assert!(receipt.wait());
    assert!(matches!(
        bus.blocking_recv().unwrap(),
        crate::bus::Event::Stalled(None)
    ));
    archive.close();
    assert_eq!(body(dir.path(), "http://e.org/").unwrap(), "x");
}
