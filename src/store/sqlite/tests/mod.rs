//! The store as a whole: against random histories, and through its trait.

mod format;
mod history;
mod revisions;
mod rounds;
mod stall;
mod steps;
mod store;

use super::op::Op;
use super::*;
use crate::bus::{self, Event, Pick, SiteDelta, Told};
use crate::page::{FailureKind, Outcome, PageId, Verdict};
use crate::store::testing::{commit, evidence, names, new_url, record};
use crate::store::{
    Commit, JournalEntry, Lease, Links, NewUrl, Prune, Refresh, Reorder, Revision, SavedSite,
};
use rusqlite::Connection;
use std::sync::atomic::AtomicU32;
use tokio::sync::oneshot;

/// The counters equal what the tables hold, and every known URL is in exactly
/// one place.
fn assert_consistent(conn: &Connection) {
    let ask = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    let recount = "SELECT count(*) FROM site s WHERE
        (done, failed, skipped, queued, records, bytes) IS NOT (
          (SELECT count(*) FROM page p WHERE p.site = s.key AND outcome = 1),
          (SELECT count(*) FROM page p WHERE p.site = s.key AND outcome = 2),
          (SELECT count(*) FROM page p WHERE p.site = s.key AND outcome = 3),
          (SELECT count(*) FROM queue q WHERE q.site = s.key)
            + (SELECT count(*) FROM retry r WHERE r.site = s.key),
          (SELECT count(*) FROM record r WHERE r.site = s.key),
          (SELECT coalesce(sum(bytes), 0) FROM page p WHERE p.site = s.key))";
    assert_eq!(ask(recount), 0, "counters");
    // Rows of a key that no site has are still to be swept up.
    let held = "site IN (SELECT key FROM site)";
    let places = format!(
        "SELECT id FROM queue WHERE {held} UNION ALL SELECT id FROM retry WHERE {held} \
         UNION ALL SELECT id FROM page WHERE {held}"
    );
    assert_eq!(
        ask(&format!("SELECT count(*) FROM ({places})")),
        ask(&format!("SELECT count(*) FROM url WHERE {held}"))
    );
    assert_eq!(
        ask(&format!(
            "SELECT count(*) FROM url WHERE {held} AND id NOT IN ({places})"
        )),
        0,
        "a URL is nowhere"
    );
    assert_eq!(
        ask(&format!(
            "SELECT count(*) - count(DISTINCT print) FROM url WHERE {held}"
        )),
        0,
        "a URL is known twice"
    );
    assert_waiting(conn);
    for (table, page) in [
        ("record", "id >> 16"),
        ("redirect", "id"),
        ("link", "id"),
        ("evidence", "id"),
    ] {
        assert_eq!(
            ask(&format!(
                "SELECT count(*) FROM {table} WHERE {page} NOT IN (SELECT id FROM page) \
                 AND {page} NOT IN (SELECT id FROM seen)"
            )),
            0,
            "{table} without a page that was had"
        );
    }
}

/// Pages that wait to be asked again wait, and stand nowhere else.
fn assert_waiting(conn: &Connection) {
    let ask = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    let lost = "SELECT count(*) FROM again WHERE site IN (SELECT key FROM site) AND \
                (id IN (SELECT id FROM page) OR id NOT IN \
                (SELECT id FROM queue UNION SELECT id FROM retry))";
    assert_eq!(ask(lost), 0);
}

/// Nothing is left of sites that were forgotten.
fn assert_swept(conn: &Connection) {
    let ask = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    for table in ["url", "queue", "retry", "page", "record", "field", "link"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE site NOT IN (SELECT key FROM site)");
        assert_eq!(ask(&sql), 0, "{table}");
    }
    for table in ["round", "change", "again"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE site NOT IN (SELECT key FROM site)");
        assert_eq!(ask(&sql), 0, "{table}");
    }
    let sql = "SELECT count(*) FROM attempt WHERE id >> 16 NOT IN (SELECT id FROM url)";
    assert_eq!(ask(sql), 0, "attempts");
    let sql = "SELECT count(*) FROM picture WHERE id NOT IN (SELECT id FROM url)";
    assert_eq!(ask(sql), 0, "pictures");
}
