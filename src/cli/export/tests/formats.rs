//! Parquet, SQLite, sitemaps, and what of a row is written.

use super::*;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use rusqlite::Connection;
use std::fs::{self, File};
use std::time::Instant;

fn code(args: &ExportArgs) -> String {
    format!("{:?}", run(args).unwrap())
}

fn succeeds(args: &ExportArgs) {
    assert_eq!(code(args), format!("{:?}", ExitCode::SUCCESS));
}

/// Arguments that write `name` in the job's own folder.
fn into(dir: &Path, what: What, format: Format, name: &str) -> (ExportArgs, PathBuf) {
    let path = dir.join(name);
    let args = ExportArgs {
        dir: Some(dir.to_owned()),
        output: Some(path.clone()),
        ..arguments(what, format)
    };
    (args, path)
}

fn parquet_rows(path: &Path) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        let columns = row.get_column_iter();
        columns.map(|(n, f)| (n.clone(), f.clone())).collect()
    })
    .collect()
}

#[tokio::test]
async fn conditions_and_columns_choose() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let text = export_with(dir.path(), What::Pages, Format::Jsonl, |args| {
        args.condition = Some("outcome=failed and status>=500".to_owned());
        args.columns = Some(vec!["status".to_owned(), "url".to_owned()]);
    });
    assert_eq!(text, "{\"status\":500,\"url\":\"https://a.test/=evil\"}\n");
    let text = export_with(dir.path(), What::Records, Format::Csv, |args| {
        args.condition = Some("record=film or status=404".to_owned());
        args.columns = Some(vec!["title".to_owned(), "price".to_owned()]);
    });
    assert_eq!(text, "title,price\n\"a \"\"b\"\", c\",\n");

    let (mut args, _) = into(dir.path(), What::Pages, Format::Csv, "x.csv");
    for (condition, columns) in [
        (Some("depth"), None),
        (None, Some("nothing")),
        (None, Some("url,url")),
    ] {
        args.condition = condition.map(str::to_owned);
        args.columns = columns.map(|c| c.split(',').map(str::to_owned).collect());
        assert_eq!(code(&args), format!("{:?}", ExitCode::from(2)));
    }
    assert!(!dir.path().join("x.csv").exists());
}

#[tokio::test]
async fn parquet_has_a_typed_column_a_field() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let (args, path) = into(dir.path(), What::Records, Format::Parquet, "r.parquet");
    succeeds(&args);
    let rows = parquet_rows(&path);
    let text = |text: &str| Field::Str(text.to_owned());
    let names: Vec<_> = rows[1].iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "site",
        "record",
        "url",
        "fetched_at",
        "title",
        "price",
        "tags",
    ];
    assert_eq!(names, expected);
    let values: Vec<_> = rows[1].iter().map(|(_, field)| field.clone()).collect();
    assert_eq!(values[3], Field::TimestampMillis(1_700_000_000_000));
    // Nothing runs a formula here.
    assert_eq!(values[4..6], [text("=HYPERLINK(1)"), Field::Double(-3.5)]);
    assert_eq!(rows[0][5].1, Field::Null);
    assert_eq!(values[6], text("[\"x\",\"y\"]"));

    let (args, path) = into(dir.path(), What::Pages, Format::Parquet, "p.parquet");
    succeeds(&args);
    assert_eq!(parquet_rows(&path).len(), 4);
    let (mut args, path) = into(dir.path(), What::Records, Format::Parquet, "e.parquet");
    args.site = Some("b".to_owned());
    succeeds(&args);
    assert_eq!(parquet_rows(&path).len(), 0);
}

#[tokio::test]
async fn a_type_that_widens_late_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["p"]).await;
    job.end(A, Verdict::Final(Outcome::Done), |c| {
        c.records = (0..40_000)
            .map(|i| {
                let mut record = record("r", "t");
                let late = i == 39_999;
                let value = if late { json!("last") } else { json!(i) };
                record.fields.insert("n".to_owned(), value);
                record
            })
            .collect();
    })
    .await;
    job.store.flush().await.unwrap();
    let (args, path) = into(dir.path(), What::Records, Format::Parquet, "r.parquet");
    succeeds(&args);
    let rows = parquet_rows(&path);
    assert_eq!(rows.len(), 40_000);
    assert_eq!(rows[7][5].1, Field::Str("7".to_owned()));
    assert_eq!(rows[39_999][5].1, Field::Str("last".to_owned()));
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|e| {
                e.as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .ends_with(".part")
            })
            .count(),
        0
    );
}

#[tokio::test]
async fn a_database_has_a_table_a_kind() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let (mut args, path) = into(dir.path(), What::Pages, Format::Sqlite, "out.db");
    args.what = None;
    for _ in 0..2 {
        succeeds(&args);
        let conn = Connection::open(&path).unwrap();
        let ask = |sql: &str| {
            conn.query_row(sql, [], |row| row.get::<_, String>(0))
                .unwrap()
        };
        assert_eq!(ask("SELECT title FROM film"), "a \"b\", c");
        assert_eq!(ask("SELECT price || tags FROM book"), "-3.5[\"x\",\"y\"]");
        assert_eq!(ask("SELECT count(*) || '' FROM pages"), "4");
    }
    args.what = Some(What::Failures);
    succeeds(&args);
    let conn = Connection::open(&path).unwrap();
    let tables = conn
        .query_row("SELECT group_concat(name) FROM sqlite_master", [], |row| {
            row.get::<_, String>(0)
        })
        .unwrap();
    assert_eq!(tables, "failures");
}

#[tokio::test]
async fn a_sitemap_is_split_and_has_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["1", "2?a=1&b=2", "3", "copy", "broken"]).await;
    let done = Verdict::Final(Outcome::Done);
    for _ in 0..3 {
        job.end(A, done, |_| ()).await;
    }
    job.end(A, done, |c| c.canonical = Some("https://a.test/1".into()))
        .await;
    job.end(
        A,
        Verdict::Final(Outcome::Failed(FailureKind::Status)),
        |_| (),
    )
    .await;
    job.store.flush().await.unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let (args, path) = into(dir.path(), What::Sitemap, Format::Xml, "sitemap.xml");
    let wish = Wish::of(&args).unwrap();
    let write = |urls| {
        let limits = sitemap::Limits {
            urls,
            ..sitemap::Limits::default()
        };
        let base = Some(Url::parse("https://cdn.test/maps/").unwrap());
        sitemap::write(
            &reader,
            wish.selection(),
            Some(&path),
            base.as_ref(),
            limits,
            &mut || (),
        )
        .unwrap();
        fs::read_to_string(&path).unwrap()
    };
    let whole = write(3);
    assert_eq!(whole.matches("<loc>").count(), 3);
    assert!(whole.contains(
        "<url><loc>https://a.test/2?a=1&amp;b=2</loc>\
         <lastmod>2023-11-14T22:13:20.000Z</lastmod></url>"
    ));
    assert!(!dir.path().join("sitemap-1.xml").exists());
    let index = write(2);
    assert!(index.contains("<sitemapindex"));
    assert!(index.contains("<loc>https://cdn.test/maps/sitemap-2.xml</loc>"));
    let part = |n: u32| fs::read_to_string(dir.path().join(format!("sitemap-{n}.xml"))).unwrap();
    assert_eq!(part(1).matches("<loc>").count(), 2);
    assert!(part(2).contains("https://a.test/3") && part(2).ends_with("</urlset>\n"));
}

/// cargo test --release --lib measure_ -- --ignored --nocapture
#[tokio::test]
#[ignore = "measures: a million records, in release builds"]
async fn measure_a_million_records() {
    const PAGES: u32 = 1000;
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    for page in 0..PAGES {
        job.add(A, &[&format!("page/{page}")]).await;
        job.end(A, Verdict::Final(Outcome::Done), |c| {
            c.records = (0..1000)
                .map(|i| {
                    let mut record = record("product", &format!("A fine thing, number {i}"));
                    for (name, value) in [
                        ("price", json!(f64::from(i * page) / 100.0)),
                        ("stock", json!(i)),
                        ("tags", json!(["new", "blue"])),
                        ("cover", json!(format!("https://a.test/img/{page}/{i}.jpg"))),
                    ] {
                        record.fields.insert(name.to_owned(), value);
                    }
                    record
                })
                .collect();
        })
        .await;
    }
    job.store.flush().await.unwrap();
    for (format, name) in [
        (Format::Parquet, "r.parquet"),
        (Format::Sqlite, "r.db"),
        (Format::Csv, "r.csv"),
        (Format::Jsonl, "r.jsonl"),
    ] {
        let (args, path) = into(dir.path(), What::Records, format, name);
        let begin = Instant::now();
        succeeds(&args);
        let took = begin.elapsed();
        let size = fs::metadata(path).unwrap().len();
        println!("{format:?}: {took:.2?}, {} MB", size / 1_000_000);
        if format == Format::Parquet {
            assert!(took.as_secs() < 10, "{took:?}");
        }
    }
}
