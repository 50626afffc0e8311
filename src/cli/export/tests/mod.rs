use super::rows::{JOURNAL_COLUMNS, PAGE_COLUMNS};
use super::*;
use crate::page::{FailureKind, Outcome, SiteId, Verdict};
use crate::store::testing::{Job, new_url, record};
use serde_json::json;

const A: SiteId = SiteId(0);

async fn crawl(dir: &std::path::Path) -> Job {
    let job = Job::open(dir, 2);
    job.add(A, &["start", "=evil", "later"]).await;
    job.end(A, Verdict::Final(Outcome::Done), |c| {
        let mut odd = record("book", "=HYPERLINK(1)");
        odd.fields.insert("price".into(), json!(-3.5));
        odd.fields.insert("tags".into(), json!(["x", "y"]));
        c.records = vec![record("film", "a \"b\", c"), odd];
        c.found = vec![new_url(A, "found", 1)];
    })
    .await;
    let failed = Verdict::Final(Outcome::Failed(FailureKind::Status));
    job.end(A, failed, |_| ()).await;
    for (command, before, after, refused) in [
        ("=concurrency a 9", "4", "9", false),
        ("pause nobody", "", "", true),
    ] {
        let entry = crate::store::JournalEntry {
            origin: "ctl",
            command: command.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            answer: "so, \"it\" is".to_owned(),
            refused,
        };
        job.store.journal(entry).await;
    }
    job.store.flush().await.unwrap();
    job
}

fn export(dir: &std::path::Path, what: What, format: Format, site: Option<&str>) -> String {
    export_with(dir, what, format, |args| {
        args.site = site.map(str::to_owned)
    })
}

fn arguments(what: What, format: Format) -> ExportArgs {
    ExportArgs {
        dir: None,
        what: Some(what),
        format: Some(format),
        output: None,
        site: None,
        columns: None,
        condition: None,
        base: None,
    }
}

fn export_with(
    dir: &std::path::Path,
    what: What,
    format: Format,
    change: impl FnOnce(&mut ExportArgs),
) -> String {
    let reader = Reader::open(dir).unwrap();
    let mut args = arguments(what, format);
    change(&mut args);
    let mut out = Vec::new();
    Wish::of(&args)
        .unwrap()
        .text(&reader, &mut out, &mut Progress::new(0, true))
        .unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn lines_are_objects_with_the_promised_keys() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let text = export(dir.path(), What::Pages, Format::Jsonl, None);
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[1],
        json!({
            "site": "a", "url": "https://a.test/=evil", "final_url": "https://a.test/=evil",
            "outcome": "failed", "reason": "status", "status": 500, "depth": 0, "from": null,
            "attempts": 1, "bytes": 100, "content_type": "text/html",
            "fetched_at": "2023-11-14T22:13:20.000Z", "canonical": null,
        })
    );
    assert_eq!(lines[2]["outcome"], "queued");
    assert_eq!(lines[3]["from"], "https://a.test/start");

    let text = export(dir.path(), What::Failures, Format::Jsonl, None);
    let failure: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&failure["url"], &failure["error"]),
        (&lines[1]["url"], &json!("it was status"))
    );

    let text = export(dir.path(), What::Records, Format::Jsonl, None);
    let second: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        second,
        json!({
            "site": "a", "record": "book", "url": "https://a.test/start",
            "fetched_at": "2023-11-14T22:13:20.000Z",
            "fields": {"title": "=HYPERLINK(1)", "price": -3.5, "tags": ["x", "y"]},
        })
    );
    assert_eq!(
        export(dir.path(), What::Records, Format::Jsonl, Some("b")),
        ""
    );
}

#[tokio::test]
async fn tables_have_a_column_a_field_and_run_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let at = "2023-11-14T22:13:20.000Z";
    assert_eq!(
        export(dir.path(), What::Records, Format::Csv, None),
        format!(
            "site,record,url,fetched_at,title,price,tags\n\
             a,film,https://a.test/start,{at},\"a \"\"b\"\", c\",,\n\
             a,book,https://a.test/start,{at},'=HYPERLINK(1),-3.5,\"[\"\"x\"\",\"\"y\"\"]\"\n"
        )
    );
    let pages = export(dir.path(), What::Pages, Format::Csv, None);
    let lines: Vec<_> = pages.lines().collect();
    assert_eq!(lines[0], PAGE_COLUMNS.join(","));
    assert_eq!(lines.len(), 5);
    assert_eq!(
        lines[3],
        "a,https://a.test/later,https://a.test/later,queued,,,0,,0,0,,,"
    );
    let failures = export(dir.path(), What::Failures, Format::Csv, None);
    assert!(
        failures.lines().nth(1).unwrap().ends_with(",it was status"),
        "{failures}"
    );
}

#[tokio::test]
async fn the_journal_is_told_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let text = export(dir.path(), What::Journal, Format::Jsonl, None);
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let keys: Vec<_> = lines[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, JOURNAL_COLUMNS.iter().collect::<Vec<_>>());
    assert!(lines[0]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        (
            &lines[0]["command"],
            &lines[0]["before"],
            &lines[0]["after"]
        ),
        (&json!("=concurrency a 9"), &json!("4"), &json!("9"))
    );
    assert_eq!(lines[1]["refused"], true);
    let table = export(dir.path(), What::Journal, Format::Csv, None);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[0], JOURNAL_COLUMNS.join(","));
    let end = "ctl,'=concurrency a 9,4,9,\"so, \"\"it\"\" is\",false";
    assert!(lines[1].ends_with(end), "{}", lines[1]);
}

#[tokio::test]
async fn a_taker_that_leaves_ends_it() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let reader = Reader::open(dir.path()).unwrap();
    for what in [What::Pages, What::Failures, What::Records, What::Journal] {
        for format in [Format::Jsonl, Format::Csv] {
            let args = arguments(what, format);
            let mut progress = Progress::new(0, true);
            let written = Wish::of(&args)
                .unwrap()
                .text(&reader, &mut Gone, &mut progress);
            let error = written.unwrap_err();
            assert!(is_broken_pipe(&error), "{what:?} {format:?}: {error}");
        }
    }
}

#[tokio::test]
async fn the_command_writes_a_file_and_refuses_what_it_cannot_find() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let file = dir.path().join("out.csv");
    let mut args = ExportArgs {
        dir: Some(dir.path().to_owned()),
        output: Some(file.clone()),
        site: Some("b".to_owned()),
        ..arguments(What::Pages, Format::Csv)
    };
    let code = |args: &ExportArgs| format!("{:?}", run(args).unwrap());
    assert_eq!(code(&args), format!("{:?}", ExitCode::SUCCESS));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    args.site = Some("z".to_owned());
    assert_eq!(code(&args), format!("{:?}", ExitCode::from(2)));
    args.site = Some("a".to_owned());
    args.what = Some(What::Journal);
    assert_eq!(code(&args), format!("{:?}", ExitCode::from(2)));
    args.site = None;
    args.dir = Some(dir.path().join("gone"));
    assert_eq!(code(&args), format!("{:?}", ExitCode::from(2)));
}

mod formats;
