//! Traps as they are kept: how many pages of each shape were taken, and the
//! links that were left out.

use super::code::{count, int};
use super::site::Sites;
use super::write::run;
use crate::page::{Fingerprint, LeftOut, SiteId, TrapChange, TrapState};
use rusqlite::{Connection, Result, params};
use std::collections::HashMap;

/// Writes down what has changed.
pub(super) fn apply(
    conn: &Connection,
    sites: &Sites,
    site: SiteId,
    changes: &[TrapChange],
) -> Result<()> {
    let Some(site) = sites.get(site).map(|site| site.key) else {
        return Ok(());
    };
    for change in changes {
        // The same 64 bits, read as signed numbers; so below.
        let key = change.key.cast_signed();
        let sum = |parts: [u64; 2]| int(parts[0].saturating_add(parts[1]));
        let back = change.back.len() as u64;
        let missed = sum([change.links.len() as u64, change.forgotten]);
        run(
            conn,
            "INSERT INTO trap (site, key, kind, shape, taken, missed) \
             VALUES (?1, ?2, ?3, ?4, ?5, max(?6, 0)) \
             ON CONFLICT DO UPDATE SET taken = taken + ?5, missed = max(missed + ?6, 0)",
            params![
                site,
                key,
                change.kind,
                change.shape,
                sum([change.taken, back]),
                missed - int(back),
            ],
        )?;
        for link in &change.links {
            run(
                conn,
                "INSERT OR IGNORE INTO left_out (site, trap, print, depth, url) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![site, key, link.print.0.cast_signed(), link.depth, link.url],
            )?;
        }
        for print in &change.back {
            run(
                conn,
                "DELETE FROM left_out WHERE site = ?1 AND trap = ?2 AND print = ?3",
                params![site, key, print.0.cast_signed()],
            )?;
        }
    }
    Ok(())
}

/// The traps of a site, with the links that they left out.
pub(super) fn of_site(conn: &Connection, site: i64) -> Result<Vec<TrapState>> {
    let mut left: HashMap<i64, Vec<LeftOut>> = HashMap::new();
    let mut links =
        conn.prepare_cached("SELECT trap, print, depth, url FROM left_out WHERE site = ?1")?;
    let mut rows = links.query([site])?;
    while let Some(row) = rows.next()? {
        left.entry(row.get(0)?).or_default().push(LeftOut {
            print: Fingerprint(row.get::<_, i64>(1)?.cast_unsigned()),
            depth: row.get(2)?,
            url: row.get(3)?,
        });
    }
    conn.prepare_cached("SELECT key, kind, shape, taken, missed FROM trap WHERE site = ?1")?
        .query_map([site], |row| {
            let key: i64 = row.get(0)?;
            Ok(TrapState {
                key: key.cast_unsigned(),
                kind: row.get(1)?,
                shape: row.get(2)?,
                taken: count(row.get(3)?),
                left: count(row.get(4)?),
                links: left.remove(&key).unwrap_or_default(),
            })
        })?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Outcome, Verdict};
    use crate::store::testing::{Job, new_url};

    const A: SiteId = SiteId(0);
    const DONE: Verdict = Verdict::Final(Outcome::Done);

    fn change(taken: u64, left: &[&str]) -> TrapChange {
        let links = left.iter().map(|path| {
            let url = new_url(A, path, 0);
            LeftOut {
                print: url.print,
                url: url.url,
                depth: 3,
            }
        });
        TrapChange {
            key: u64::MAX,
            kind: 1,
            shape: "a.test/{date}".into(),
            taken,
            forgotten: 0,
            links: links.collect(),
            back: Vec::new(),
        }
    }

    #[tokio::test]
    async fn traps_outlive_a_run_and_give_back_what_they_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 2);
        assert!(job.sites[0].traps.is_empty());
        job.add(A, &["1", "2"]).await;
        let first = change(2, &["x", "y", "2"]);
        job.end(A, DONE, |commit| commit.traps = vec![first]).await;
        let again = TrapChange {
            forgotten: 4,
            ..change(1, &["x"])
        };
        job.end(A, DONE, |commit| commit.traps = vec![again]).await;
        drop(job);

        let job = Job::open(dir.path(), 2);
        assert!(job.sites[1].traps.is_empty());
        let [trap] = &job.sites[0].traps[..] else {
            panic!("one trap")
        };
        // A link that is a known page by now was not left out; one that two
        // pages left out, read side by side, is counted twice and kept once.
        assert_eq!((trap.taken, trap.left), (3, 7));
        assert_eq!((trap.key, trap.kind), (u64::MAX, 1));
        let mut urls: Vec<&str> = trap.links.iter().map(|link| &*link.url).collect();
        urls.sort_unstable();
        assert_eq!(urls, ["https://a.test/x", "https://a.test/y"]);
        assert!(trap.links.iter().all(|link| link.depth == 3));

        let url = new_url(A, "y", 3);
        let back = TrapChange {
            back: vec![url.print],
            ..change(0, &[])
        };
        assert_eq!(job.store.take_up(A, vec![url], vec![back]).await, 1);
        drop(job);
        let job = Job::open(dir.path(), 2);
        let trap = &job.sites[0].traps[0];
        assert_eq!((trap.taken, trap.left, trap.links.len()), (4, 6, 1));
        assert_eq!(job.sites[0].counts.queued, 1);
        assert!(job.store.forget(A).await);
        drop(job);
        let job = Job::open(dir.path(), 2);
        assert!(job.sites[0].traps.is_empty());
    }
}
