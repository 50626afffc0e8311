//! A job's archive as others see it.

use super::crawl::Job;
use flate2::bufread::GzDecoder;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The archive's files, in order.
pub fn files(job: &Job) -> Vec<PathBuf> {
    let entries = fs::read_dir(job.dir().join("archive")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().contains(".warc."));
    files.sort();
    files
}

/// Types and URLs of a file's records. Every byte of it must belong to a whole
/// record.
pub fn records(file: &Path) -> Vec<(String, String)> {
    let mut records = Vec::new();
    for record in unpacked(file) {
        let head_end = record.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(record[..head_end].to_vec()).unwrap();
        assert!(head.starts_with("WARC/1.1\r\n"), "{head}");
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
        };
        let length: usize = field("Content-Length").unwrap().parse().unwrap();
        assert_eq!(record.len(), head_end + 4 + length + 4);
        let url = field("WARC-Target-URI").unwrap_or_default();
        records.push((field("WARC-Type").unwrap(), url));
    }
    records
}

/// Everything in it, as text.
pub fn text(job: &Job) -> String {
    let files = files(job);
    let all = files.iter().flat_map(|file| unpacked(file));
    String::from_utf8_lossy(&all.collect::<Vec<_>>().concat()).into_owned()
}

/// The URLs of the answers in it, one for each.
pub fn responses(job: &Job) -> Vec<String> {
    let files = files(job);
    let all = files.iter().flat_map(|file| records(file));
    let responses = all.filter(|(kind, _)| kind == "response");
    responses.map(|(_, url)| url).collect()
}

/// The members of a file, gzip or zstd, each by itself.
fn unpacked(file: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut members = Vec::new();
    while !rest.is_empty() {
        let mut member = Vec::new();
        if file.extension().is_some_and(|end| end == "zst") {
            let frame = zstd::stream::read::Decoder::with_buffer(rest).unwrap();
            let mut frame = frame.single_frame();
            frame.read_to_end(&mut member).unwrap();
            rest = frame.finish();
        } else {
            let mut gzip = GzDecoder::new(rest);
            gzip.read_to_end(&mut member).unwrap();
            rest = gzip.into_inner();
        }
        members.push(member);
    }
    members
}
