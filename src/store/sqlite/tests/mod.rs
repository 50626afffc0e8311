//! The store as a whole: against random histories, and through its trait.

mod history;
mod stall;
mod store;

use super::*;
use crate::page::{FailureKind, Outcome, Verdict};
use crate::store::testing::{commit, evidence, names, new_url, record};
use rusqlite::Connection;

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
    let places =
        "SELECT id FROM queue UNION ALL SELECT id FROM retry UNION ALL SELECT id FROM page";
    assert_eq!(
        ask(&format!("SELECT count(*) FROM ({places})")),
        ask("SELECT count(*) FROM url")
    );
    assert_eq!(
        ask(&format!(
            "SELECT count(*) FROM url WHERE id NOT IN ({places})"
        )),
        0,
        "a URL is nowhere"
    );
    assert_eq!(
        ask("SELECT count(*) - count(DISTINCT print) FROM url"),
        0,
        "a URL is known twice"
    );
    assert_eq!(
        ask("SELECT count(*) FROM record WHERE id >> 16 NOT IN (SELECT id FROM page)"),
        0,
        "a record without a finished page"
    );
}
