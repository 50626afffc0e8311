//! A job's archive as others see it.

use super::crawl::Job;
use flate2::bufread::GzDecoder;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The archive's files, in order.
pub fn files(job: &Job) -> Vec<PathBuf> {
    let entries = fs::read_dir(job.dir().join("archive")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().contains(".warc."));
    files.sort();
    files
}

/// A member of a file: one record.
pub struct Member {
    /// Its type.
    pub kind: String,
    /// What it is of.
    pub url: String,
    /// Where it stands in the file.
    pub place: Range<usize>,
    text: Vec<u8>,
}

impl Member {
    /// Whether it is a record of this type and URL.
    pub fn is(&self, kind: &str, url: &str) -> bool {
        self.kind == kind && self.url == url
    }
}

/// The records of a file, gzip or zstd. Every byte of it must belong to a whole
/// record.
pub fn members(file: &Path) -> Vec<Member> {
    let bytes = fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut members = Vec::new();
    while !rest.is_empty() {
        let begin = bytes.len() - rest.len();
        let mut record = Vec::new();
        if file.extension().is_some_and(|end| end == "zst") {
            let frame = zstd::stream::read::Decoder::with_buffer(rest).unwrap();
            let mut frame = frame.single_frame();
            frame.read_to_end(&mut record).unwrap();
            rest = frame.finish();
        } else {
            let mut gzip = GzDecoder::new(rest);
            gzip.read_to_end(&mut record).unwrap();
            rest = gzip.into_inner();
        }
        members.push(member(record, begin..bytes.len() - rest.len()));
    }
    members
}

fn member(text: Vec<u8>, place: Range<usize>) -> Member {
    let head_end = text.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(text[..head_end].to_vec()).unwrap();
    assert!(head.starts_with("WARC/1.1\r\n"), "{head}");
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
    };
    let length: usize = field("Content-Length").unwrap().parse().unwrap();
    assert_eq!(text.len(), head_end + 4 + length + 4);
    Member {
        kind: field("WARC-Type").unwrap(),
        url: field("WARC-Target-URI").unwrap_or_default(),
        place,
        text,
    }
}

/// Types and URLs of a file's records.
pub fn records(file: &Path) -> Vec<(String, String)> {
    let members = members(file).into_iter();
    members.map(|member| (member.kind, member.url)).collect()
}

/// Everything in it, as text.
pub fn text(job: &Job) -> String {
    let files = files(job);
    let all = files.iter().flat_map(|file| members(file));
    let all: Vec<Vec<u8>> = all.map(|member| member.text).collect();
    String::from_utf8_lossy(&all.concat()).into_owned()
}

/// The URLs of the answers in it, one for each.
pub fn responses(job: &Job) -> Vec<String> {
    let files = files(job);
    let all = files.iter().flat_map(|file| members(file));
    let responses = all.filter(|member| member.kind == "response");
    responses.map(|member| member.url).collect()
}
