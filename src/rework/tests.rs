use super::*;
use crate::archive::{Answer, Archive, Codec, pack};
use crate::config::{self, Overrides};
use crate::page::{Fingerprinter, Outcome, SiteId, Verdict};
use crate::store::reader::{Reader, RecordRow};
use crate::store::testing::{Job, record};
use reqwest::header::{HeaderMap, HeaderValue};
use url::Url;

const A: SiteId = SiteId(0);
const DONE: Verdict = Verdict::Final(Outcome::Done);

fn sites(extract: &str) -> Vec<Arc<Site>> {
    let text = format!("site: a\nstart: https://a.test/\nextract:\n{extract}");
    config::parse(&text, "s.yaml", &|_| None, &Overrides::default())
        .unwrap()
        .sites
}

/// A crawl of pages with a title each, the last without an answer in the
/// archive and the one before with a broken one.
async fn crawled(dir: &Path, pages: usize) {
    let job = Job::open(dir, 1);
    let archive = Archive::open(dir, "job", tokio::sync::mpsc::channel(1).0).unwrap();
    for n in 0..pages {
        job.add(A, &[&format!("p/{n}")]).await;
        job.end(A, DONE, |c| {
            c.records = vec![record("page", &format!("Title {n}"))]
        })
        .await;
        if n + 1 == pages {
            break;
        }
        let url = Url::parse(&format!("https://a.test/p/{n}")).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/html"));
        if n + 2 == pages {
            headers.insert("content-encoding", HeaderValue::from_static("gzip"));
        }
        let body = format!(
            "<base href=/b/><h1>Title {n}</h1><p>{}</p><a href=x>",
            n * 10
        );
        let answer = Answer {
            url: &url,
            site: "a",
            depth: 0,
            at: 1,
            elapsed_ms: 1,
            request: &HeaderMap::new(),
            status: 200,
            headers: &headers,
            body: body.as_bytes(),
            cut: false,
            asked: None,
            revisit: None,
        };
        let packed = pack(&answer, Codec::Gzip).unwrap();
        let print = Fingerprinter::new("a").of(url.as_str());
        let receipt = archive.put(packed, Some(print), 1 << 30);
        assert!(tokio::task::block_in_place(|| receipt.wait()));
    }
    job.store.flush().await.unwrap();
    tokio::task::block_in_place(|| archive.close());
}

fn rework(dir: &Path, extract: &str, preview: bool) -> SiteTally {
    let options = Options {
        threads: 2,
        preview,
        progress: &mut |_, _| (),
    };
    run(dir, &sites(extract), options).unwrap().remove(0)
}

fn records(dir: &Path) -> Vec<String> {
    let mut told = Vec::new();
    let visit = |r: RecordRow| {
        told.push(format!("{} {}", r.record, serde_json::json!(r.fields)));
        Ok::<(), rusqlite::Error>(())
    };
    Reader::open(dir).unwrap().records(None, visit).unwrap();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_fields_change_the_records() {
    let dir = tempfile::tempdir().unwrap();
    crawled(dir.path(), 300).await;
    let same = "  - record: page\n    fields: { title: h1 }\n";
    let tally = rework(dir.path(), same, false);
    assert_eq!((tally.pages, tally.absent, tally.broken), (298, 1, 1));
    assert_eq!(tally.named[0].0, "https://a.test/p/298");
    assert!(tally.named[0].1.contains("gzip"), "{:?}", tally.named);
    let kind = &tally.kinds[0];
    assert_eq!((kind.before, kind.after), (298, 298));
    assert_eq!((kind.added, kind.removed, kind.changed), (0, 0, 0));

    let other = "  - record: page\n    when: ^/p/1\n    fields:\n      n: { css: p, as: number }\n      \
         link: { css: a, attr: href, as: url }\n      title: { css: h1, required: true }\n";
    let before = records(dir.path());
    let told = rework(dir.path(), other, true);
    assert_eq!(records(dir.path()), before, "only a preview");
    let tally = rework(dir.path(), other, false);
    assert_eq!(tally, told);
    let kind = &tally.kinds[0];
    // 1, 10 to 19 and 100 to 199 are left, each with more fields than before.
    assert_eq!((kind.after, kind.removed, kind.changed), (111, 188, 111));
    let fill: Vec<_> = kind
        .fields
        .iter()
        .map(|(n, f)| (&**n, f.before, f.after))
        .collect();
    assert_eq!(fill, [("n", 0, 111), ("link", 0, 111), ("title", 299, 111)]);
    let after = records(dir.path());
    // What is not in the archive keeps what it had.
    assert_eq!(after.len(), 112);
    assert_eq!(
        after[1],
        "page {\"n\":100,\"link\":\"https://a.test/b/x\",\"title\":\"Title 10\"}"
    );
    let status = Reader::open(dir.path()).unwrap().status().unwrap();
    assert_eq!(status[0].records, 112);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    let try_it = || {
        let options = Options {
            threads: 1,
            preview: false,
            progress: &mut |_, _| (),
        };
        run(dir.path(), &[], options).unwrap_err()
    };
    assert!(matches!(try_it(), ReworkError::NoArchive(_)));
    tokio::task::block_in_place(|| {
        Archive::open(dir.path(), "job", tokio::sync::mpsc::channel(1).0)
            .unwrap()
            .close();
    });
    // Somebody crawls.
    assert!(matches!(
        try_it(),
        ReworkError::Store(StoreError::Held { .. })
    ));
    drop(job);
}
