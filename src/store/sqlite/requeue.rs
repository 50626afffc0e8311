//! Sends failed pages round again.

use super::code::{WITHIN, count};
use super::filter::matching;
use super::site::Sites;
use super::write::run;
use crate::bus::Pick;
use crate::page::SiteId;
use rusqlite::{Connection, Result, params, params_from_iter};

/// What one site's picked pages took with them.
struct Share {
    key: i64,
    pages: i64,
    bytes: i64,
    records: i64,
}

/// Turns the picked pages back into queued ones, if they are failed and of a
/// site in the file: outcome, records, redirect and evidence go; the record of
/// their attempts stays. Answers how many of each site.
pub(super) fn apply(
    conn: &Connection,
    sites: &mut Sites,
    pick: &Pick,
) -> Result<Vec<(SiteId, u64)>> {
    run(conn, "DELETE FROM temp.pick", [])?;
    choose(conn, sites, pick)?;
    let shares = shares(conn)?;
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    conn.execute_batch(&format!(
        "INSERT INTO queue (site, depth, id, attempts)
           SELECT p.site, u.depth, p.id, p.attempts FROM temp.pick k
             CROSS JOIN page p ON p.id = k.id CROSS JOIN url u ON u.id = k.id;
         DELETE FROM record WHERE id IN (SELECT r.id FROM temp.pick k CROSS JOIN record r
           ON r.id >= k.id << {WITHIN} AND r.id < (k.id + 1) << {WITHIN});
         DELETE FROM redirect WHERE id IN temp.pick;
         DELETE FROM evidence WHERE id IN temp.pick;
         DELETE FROM page WHERE id IN temp.pick;
         DELETE FROM temp.pick;"
    ))?;
    let mut counts = Vec::new();
    for share in shares {
        let Some(id) = sites.of_key(share.key) else {
            continue;
        };
        let Some(site) = sites.touch(id) else {
            continue;
        };
        site.now.failed -= share.pages;
        site.now.queued += share.pages;
        site.now.bytes -= share.bytes;
        site.now.records -= share.records;
        site.rewind();
        counts.push((id, count(share.pages)));
    }
    counts.sort();
    Ok(counts)
}

fn choose(conn: &Connection, sites: &Sites, pick: &Pick) -> Result<()> {
    match pick {
        Pick::Pages(pages) => {
            for page in pages {
                run(
                    conn,
                    "INSERT OR IGNORE INTO temp.pick SELECT id FROM page \
                     WHERE id = ?1 AND outcome = 2 \
                     AND site IN (SELECT key FROM site WHERE place IS NOT NULL)",
                    [page.0],
                )?;
            }
        }
        Pick::Matching(filter) => {
            let key = filter.site.and_then(|s| sites.get(s)).map(|s| s.key);
            let m = matching(filter, key);
            let sql = format!("INSERT INTO temp.pick SELECT p.id FROM {}", m.sql);
            conn.execute(&sql, params_from_iter(m.values))?;
        }
    }
    Ok(())
}

fn shares(conn: &Connection) -> Result<Vec<Share>> {
    let mut records = conn.prepare_cached(
        "SELECT count(*) FROM temp.pick k CROSS JOIN page p ON p.id = k.id \
         CROSS JOIN record r ON r.id >= k.id << ?1 AND r.id < (k.id + 1) << ?1 \
         WHERE p.site = ?2",
    )?;
    conn.prepare_cached(
        "SELECT p.site, count(*), sum(p.bytes) FROM temp.pick k \
         CROSS JOIN page p ON p.id = k.id GROUP BY p.site",
    )?
    .query_and_then([], |row| {
        let key = row.get(0)?;
        Ok(Share {
            key,
            pages: row.get(1)?,
            bytes: row.get(2)?,
            records: records.query_row(params![WITHIN, key], |r| r.get(0))?,
        })
    })?
    .collect()
}
