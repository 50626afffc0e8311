//! A store that holds a hundred thousand failures, made without fetching them.

use crate::subject::Job;
use anyhow::{Context, Result};
use crawldeck::store::folder::DATABASE;
use crawldeck::store::sqlite::Questions;
use rusqlite::Connection;
use std::path::Path;

/// How many.
pub const COUNT: u64 = 100_000;

/// Crawls one page of the job's site, adds the failures, and opens the store.
pub fn make(job: &Job, dir: &Path) -> Result<Questions> {
    job.run(&["--headless", "--max-pages", "1"]).measure()?;
    let folder = dir.join("job");
    let mut conn = Connection::open(folder.join(DATABASE)).context("opening the store")?;
    let tx = conn.transaction()?;
    let site: i64 = tx.query_row("SELECT min(key) FROM site", [], |row| row.get(0))?;
    let first: i64 = tx.query_row("SELECT max(id) + 1 FROM url", [], |row| row.get(0))?;
    let rows = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?3 - 1)";
    let count = i64::try_from(COUNT)?;
    tx.execute(
        &format!(
            "INSERT INTO url (id, site, print, depth, hops, via, url) {rows} \
             SELECT ?1 + i, ?2, ?1 + i, i % 9, 1, 2, 'http://127.1.0.1/of/' || i % 77 || '/' || i \
             FROM n"
        ),
        [first, site, count],
    )?;
    tx.execute(
        &format!(
            "INSERT INTO page (id, site, outcome, reason, status, attempts, bytes, elapsed_ms, \
             ended_at) {rows} \
             SELECT ?1 + i, ?2, 2, iif(i % 3, 'status', 'timeout'), iif(i % 3, 404, NULL), \
             i % 4 + 1, i % 5000, i % 900, 1700000000000 + i FROM n"
        ),
        [first, site, count],
    )?;
    tx.execute(
        "UPDATE site SET failed = failed + ?1 WHERE key = ?2",
        [count, site],
    )?;
    tx.commit()?;
    Ok(Questions::open(&folder)?)
}
