//! Databases of older formats.

use super::*;
use crate::store::reader::Reader;
use crate::store::testing::Job;

const A: SiteId = SiteId(0);

/// What a crawl of format 1 left behind.
fn old(dir: &Path) {
    let conn = Connection::open(dir.join(DATABASE)).unwrap();
    conn.execute_batch(include_str!("format1.sql")).unwrap();
    let print = new_url(A, "failed", 0).print.0 as i64;
    conn.execute_batch(&format!(
        "PRAGMA application_id = 1668446052; PRAGMA user_version = 1;
         INSERT INTO site (key, name, place, digest, state, done, failed, queued, records, bytes,
                           concurrency, delay_ms, paused, sitemaps_done)
           VALUES (1, 'a', 0, 0, 'stopped', 1, 1, 1, 1, 30, 7, 250, 0, 1);
         INSERT INTO url VALUES (1, 1, 11, 0, 0, 0, NULL, 'https://a.test/');
         INSERT INTO url VALUES (2, 1, {print}, 0, 0, 2, 1, 'https://a.test/failed');
         INSERT INTO url VALUES (3, 1, 13, 1, 0, 2, 1, 'https://a.test/queued');
         INSERT INTO page VALUES
           (1, 1, 1, NULL, 200, 1, 10, 'text/html', 5, 6, 'http', 1000, NULL),
           (2, 1, 2, 'status', 500, 1, 20, 'text/html', 5, 6, 'http', 2000, NULL);
         INSERT INTO attempt VALUES (131073, 5, 'http', 500, 'status', 6, 20, 'it was status');
         INSERT INTO record VALUES (65536, 1, 'book', '{{\"title\":\"x\"}}');
         INSERT INTO field VALUES (1, 1, 'book', 'title');
         INSERT INTO queue VALUES (1, 1, 3, 0);
         INSERT INTO journal VALUES (1, 9, 'deck', 'pause a', 'a is paused');"
    ))
    .unwrap();
}

/// Name and definition of everything that is in the database, but for the
/// order of a table's columns.
fn shape(conn: &Connection) -> Vec<String> {
    let mut shape = Vec::new();
    let sql = "SELECT CASE m.type WHEN 'index' THEN m.sql ELSE m.name END, coalesce(c.name, ''), coalesce(c.type, ''), c.[notnull] \
               FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) c ORDER BY 1, 2";
    let mut statement = conn.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let text = |i| row.get::<_, Option<String>>(i).unwrap().unwrap_or_default();
        let must: Option<i64> = row.get(3).unwrap();
        shape.push(format!("{} {} {} {must:?}", text(0), text(1), text(2)));
    }
    shape
}

#[tokio::test]
async fn a_crawl_of_the_first_format_is_read_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    old(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let sites = reader.status().unwrap();
    assert_eq!((sites[0].pages.failed, sites[0].concurrency), (1, 7));
    let mut rows = Vec::new();
    let visit = |row| {
        rows.push(row);
        Ok::<(), rusqlite::Error>(())
    };
    reader.journal(visit).unwrap();
    assert_eq!(
        (rows[0].command.as_str(), rows[0].before.as_str()),
        ("pause a", "")
    );
    assert!(!rows[0].refused);
    let conn = Connection::open(dir.path().join(DATABASE)).unwrap();
    assert_eq!(schema::format(&conn).unwrap(), 1, "untouched");
}

#[tokio::test]
async fn a_crawl_of_the_first_format_goes_on_in_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    old(dir.path());
    let job = Job::open(dir.path(), 1);
    assert!(job.resumed);
    // Not all of its controls were kept then.
    assert_eq!(job.sites[0].saved, None);
    assert_eq!(
        (job.sites[0].counts.queued, job.sites[0].counts.failed),
        (1, 1)
    );
    assert!(job.store.knows(new_url(A, "failed", 0).print));
    let all = Pick::Matching(crate::bus::PageFilter::failed());
    assert_eq!(job.store.revise(all, Revision::Retry).await, [(A, 1)]);
    assert_eq!(job.lease(A, 9).await.len(), 2);
    let entry = JournalEntry {
        origin: "ctl",
        command: "delay a 1s".to_owned(),
        before: "250ms".to_owned(),
        after: "1s".to_owned(),
        answer: "set".to_owned(),
        refused: false,
    };
    job.store.journal(entry).await;
    job.store.flush().await.unwrap();
    let ask = bus::Ask::Journal {
        search: None,
        offset: 0,
        limit: 9,
    };
    let Told::Journal(journal) = job.store.ask(ask).await else {
        panic!()
    };
    assert_eq!(journal.total, 2);
    let told: Vec<_> = journal
        .rows
        .iter()
        .map(|r| (r.before.as_str(), r.after.as_str()))
        .collect();
    assert_eq!(told, [("250ms", "1s"), ("", "")]);
    drop(job);

    let new = tempfile::tempdir().unwrap();
    drop(Job::open(new.path(), 1));
    let conn = |dir: &Path| Connection::open(dir.join(DATABASE)).unwrap();
    let (old, new) = (conn(dir.path()), conn(new.path()));
    assert_eq!(shape(&old), shape(&new));
    assert_eq!(schema::format(&old).unwrap(), schema::FORMAT);
    assert_consistent(&old);
}
