//! Lists by other tools: read from files and URLs, into the crawl.

mod common;

use common::crawl::Job;
use common::server::{Answer, Gate, Server};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lists(server: &Server, files: &str) -> Job {
    let more = format!("discover:\n  sitemap: off\n  files: {files}");
    Job::site(&server.url("/"), &more)
}

#[test]
fn every_kind_of_list_is_read() {
    let server = Server::island(12);
    let at = |n: u32| server.url(&format!("/{n}"));
    let job = lists(
        &server,
        &format!(
            "[a.txt, b.csv, sub/c.jsonl.gz, h.csv.gz, i.xml.gz, j, '{}', {{ from: d.bin, format: csv, column: 2 }}, \
             {{ from: '{}', path: '$.to[*]' }}, e.xml]",
            server.url("/lists/f.txt.gz"),
            server.url("/lists/g"),
        ),
    );
    let write = |name: &str, bytes: &[u8]| fs::write(job.folder().join(name), bytes).unwrap();
    fs::create_dir(job.folder().join("sub")).unwrap();
    write(
        "a.txt",
        format!("{}\nhttp://other.example/\n", at(1)).as_bytes(),
    );
    write(
        "b.csv",
        format!("Title,URL\nx,{}\ny,nothing\n", at(2)).as_bytes(),
    );
    write(
        "sub/c.jsonl.gz",
        &gz(format!("{{\"url\":\"{}\"}}\n", at(3)).as_bytes()),
    );
    write("d.bin", format!("1,{}\n", at(4)).as_bytes());
    write(
        "e.xml",
        format!(
            "<sitemapindex><sitemap><loc>{}</loc></sitemap></sitemapindex>",
            server.url("/lists/map.xml")
        )
        .as_bytes(),
    );
    let urlset = |n| format!("<urlset><url><loc>{}</loc></url></urlset>", at(n));
    write("h.csv.gz", &gz(format!("n;href\n1;{}\n", at(9)).as_bytes()));
    write("i.xml.gz", &gz(urlset(10).as_bytes()));
    write(
        "j",
        format!("\u{feff}{}", urlset(11))
            .replace("</urlset>", "<url><loc>ftp://e.org/</loc></url></urlset>")
            .as_bytes(),
    );
    let packed = gz(format!("{}\n", at(5)).as_bytes());
    // A label that is right, as few are.
    server.on(
        "/lists/f.txt.gz",
        Answer::typed("application/gzip", &packed),
    );
    server.on("/lists/g", Answer::text("{\"to\":[\"/6\",\"/7\"]}\n"));
    server.on(
        "/lists/map.xml",
        Answer::typed(
            "text/xml",
            format!("<urlset><url><loc>{}</loc></url></urlset>", at(8)).as_bytes(),
        ),
    );
    job.finish(&[]);
    let mut want: Vec<String> = (1..=11).map(|n| format!("/{n}")).collect();
    want.push("/".to_owned());
    want.sort();
    assert_eq!(job.pages().done(&server.url("")), want);
    let log = job.log();
    assert!(
        log.contains("a.txt: 2 rows, 1 new pages, 1 out of scope"),
        "{log}"
    );
    assert!(log.contains("line 3: not a URL: \"nothing\""), "{log}");
    assert!(
        log.contains("j: 2 rows, 1 new pages, 1 bad (not a URL: \"ftp://e.org/\")"),
        "{log}"
    );
    assert!(
        log.contains("b.csv: 2 rows, 1 new pages, 1 bad (line 3: not a URL"),
        "{log}"
    );
}

#[test]
fn a_list_is_read_once_and_again_when_it_grew() {
    let server = Server::island(4);
    let job = lists(&server, &format!("[a.txt, '{}']", server.url("/lists/b")));
    let file = job.folder().join("a.txt");
    fs::write(&file, server.url("/1")).unwrap();
    server.on("/lists/b", Answer::text(&server.url("/2")));
    job.finish(&[]);
    fs::write(
        &file,
        format!("{}\n{}\n", server.url("/1"), server.url("/3")),
    )
    .unwrap();
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2", "/3"]);
    assert_eq!(
        server.count("/lists/b"),
        1,
        "a list that was read is not asked for again"
    );
    assert!(server.repeated().is_empty());
}

#[test]
fn what_cannot_be_read_is_told_and_ends_nothing() {
    let server = Server::island(2);
    let job = lists(
        &server,
        &format!(
            "[gone.txt, one.csv, '{}', '{}']",
            server.url("/lists/none"),
            server.url("/lists/html")
        ),
    );
    fs::write(
        job.folder().join("one.csv"),
        format!("url\n{}\n\"{}", server.url("/1"), "x".repeat(2 << 20)),
    )
    .unwrap();
    server.on("/lists/none", Answer::status(404));
    server.on("/lists/html", Answer::html("<!doctype html><p>Not found"));
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1"]);
    let log = job.log();
    for words in [
        "gone.txt: cannot be read: ",
        "one.csv: 1 rows, 1 new pages; line 3: a piece of it is longer",
        "/lists/none: status 404 \"<title>404</title><p>status 404</p>\"",
        "/lists/html: 0 rows, 0 new pages; it is an HTML page",
    ] {
        assert!(log.contains(words), "no {words:?} in {log}");
    }
}

#[test]
fn every_bad_row_is_written_down() {
    let server = Server::island(1);
    let job = lists(&server, "[many.txt]");
    let mut rows = format!("{}\n", server.url("/1"));
    for n in 0..300 {
        rows += &format!("nothing {n} \u{202e}\u{1b}[31m\n");
    }
    fs::write(job.folder().join("many.txt"), rows).unwrap();
    job.finish(&[]);
    let log = job.log();
    let (_, named) = log.split_once("300 bad (line 2: ").unwrap();
    let (_, path) = named.split_once("; all are in ").unwrap();
    let (path, _) = path.split_once(")").unwrap();
    let written = fs::read_to_string(job.folder().join(path)).unwrap();
    let written: Vec<&str> = written.lines().collect();
    assert_eq!(written.len(), 300);
    assert!(
        written[299].starts_with("line 301: not a URL: \"nothing 299 "),
        "{}",
        written[299]
    );
    let clean = |line: &&str| line.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    assert!(written.iter().all(clean), "{}", written[0]);
}

/// A list that is larger than what may be held of it in memory, with a body in
/// a coding of the transport beside a plain one.
#[test]
fn a_long_list_from_a_url_is_read_through_a_file() {
    const MIB: usize = 1 << 20;
    let server = Server::island(3);
    let gate = Gate::default();
    server.on("/2", Answer::html("two").behind(&gate));
    let comment = format!("#{}\n", "x".repeat(60_000));
    let mut plain = format!("{}\n", server.url("/1"));
    plain += &comment.repeat(96 * MIB / comment.len());
    plain += &format!("{}\n", server.url("/2"));
    server.on("/plain", Answer::text(&plain));
    let packed = Answer::typed("text/plain", &gz(plain.replace("/2\n", "/3\n").as_bytes()));
    server.on("/packed", packed.header("content-encoding", "gzip"));
    let files = format!("['{}', '{}']", server.url("/packed"), server.url("/plain"));
    let job = lists(&server, &files);
    let running = job.start(&[]);
    server.wait_hits("/2", 1);
    server.wait_hits("/3", 1);
    #[cfg(target_os = "linux")]
    assert_peak(running.id(), 72);
    gate.open();
    running.wait().expect(0);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2", "/3"]);
    let left = fs::read_dir(job.dir().join("spool")).into_iter().flatten();
    assert_eq!(left.count(), 0, "what was read is gone");
}

/// Asserts that a process has never had so much memory.
#[cfg(target_os = "linux")]
fn assert_peak(process: u32, mib: usize) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .and_then(|line| line.split_ascii_whitespace().nth(1));
    let kib: usize = peak.unwrap().parse().unwrap();
    assert!(kib < mib << 10, "{kib} KiB of memory");
}

#[test]
fn a_list_of_300_000_rows_is_told_of_while_it_is_read() {
    let server = Server::island(1);
    let job = lists(&server, "[many.csv.gz]");
    long_list(&job, &server, 300_000);
    // One page is fetched; the site ends when the list is read.
    job.finish(&["--max-pages", "1"]);
    let known = job.site_status("site")["pages"]["queued"].as_u64().unwrap();
    assert_eq!(known, 300_000);
    let log = job.log();
    assert!(
        log.contains("many.csv.gz: 250000 rows so far, 250000 new pages")
            || log.contains("many.csv.gz: 250000 rows so far, 249"),
        "{log}"
    );
    assert!(
        log.contains("many.csv.gz: 300000 rows, 300000 new pages"),
        "{log}"
    );
}

/// Writes a list of so many pages.
fn long_list(job: &Job, server: &Server, rows: u32) {
    let path = job.folder().join("many.csv.gz");
    let mut packer = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
    writeln!(packer, "n,address,status").unwrap();
    for n in 0..rows {
        let url = server.url(&format!("/catalogue/section-{}/product-{n}.html", n % 100));
        writeln!(packer, "{n},{url},200").unwrap();
    }
    packer.finish().unwrap();
}

/// The numbers of `cargo test --release --test lists -- --ignored`: a million
/// rows, and what it takes of time and memory.
#[test]
#[ignore = "measures"]
fn measure_a_million_rows() {
    let server = Server::island(1);
    let job = lists(&server, "[many.csv.gz]");
    long_list(&job, &server, 1_000_000);
    let started = std::time::Instant::now();
    // One page is fetched; the site ends when the list is read.
    let running = job.start(&["--max-pages", "1"]);
    let status = format!("/proc/{}/status", running.id());
    let peak = std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find(|line| line.starts_with("VmHWM:"));
            let kib = line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok());
            peak = peak.max(kib.unwrap_or(0u64));
            if text.contains("(zombie)") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        peak
    });
    running.wait().expect(0);
    let (elapsed, peak) = (started.elapsed(), peak.join().unwrap());
    let known = job.site_status("site")["pages"]["queued"].as_u64().unwrap();
    println!(
        "{known} pages queued in {elapsed:?}, at most {} MiB",
        peak >> 10
    );
    assert!(known >= 1_000_000);
    assert!(elapsed.as_secs_f64() < 10.0, "{elapsed:?}");
    assert!(peak < 150 << 10, "{peak} KiB");
}
