//! How often fields of the records that are kept were filled.

use crate::bus::RuleFill;
use rusqlite::{Connection, Result};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The latest records of a site that are looked at, of all kinds together.
/// As a sample they tell a rate to within a percent.
const OF_SITE: u64 = 10_000;
/// Records that are passed in all, so that a job of very many takes no longer.
const PASSED: usize = 200_000;

/// The fill of the latest records of these sites, which are given with how many
/// records each has.
pub(in crate::store) fn of_sites(
    conn: &Connection,
    sites: &[(i64, u64)],
) -> Result<HashMap<i64, Vec<RuleFill>>> {
    let wanted = |(key, records): &(i64, u64)| (*key, (*records).min(OF_SITE));
    let mut left: HashMap<i64, u64> = sites.iter().map(wanted).collect();
    left.retain(|_, records| *records > 0);
    let mut found: HashMap<i64, Vec<RuleFill>> = HashMap::new();
    // Records of pages are numbered upwards from 0, those of APIs downwards.
    for sql in [
        "SELECT site, name, fields FROM record WHERE id >= 0 ORDER BY id DESC",
        "SELECT site, name, fields FROM record WHERE id < 0 ORDER BY id",
    ] {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut passed = 0;
        while !left.is_empty()
            && passed < PASSED
            && let Some(row) = rows.next()?
        {
            passed += 1;
            let key: i64 = row.get(0)?;
            let Some(more) = left.get_mut(&key) else {
                continue;
            };
            *more -= 1;
            if *more == 0 {
                left.remove(&key);
            }
            let fills = found.entry(key).or_default();
            count(fills, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        }
    }
    Ok(found)
}

fn count(fills: &mut Vec<RuleFill>, name: &str, fields: &str) {
    // Written from a map; anything else has been edited by hand.
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(fields) else {
        return;
    };
    let at = fills.iter().position(|fill| *fill.record == *name);
    let at = at.unwrap_or_else(|| {
        fills.push(RuleFill {
            record: name.into(),
            ..RuleFill::default()
        });
        fills.len() - 1
    });
    fills[at].records += 1;
    for (name, value) in &fields {
        fills[at].count(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Outcome, SiteId, Verdict};
    use crate::store::reader::Reader;
    use crate::store::testing::{Job, record};

    #[tokio::test]
    async fn a_run_begins_with_the_fill_of_earlier_ones() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 2);
        let site = SiteId(0);
        job.add(site, &["1", "2", "3"]).await;
        for titles in [&["x", ""][..], &["y"], &[]] {
            let end = Verdict::Final(Outcome::Done);
            job.end(site, end, |commit| {
                commit.records = titles.iter().map(|title| record("book", title)).collect();
            })
            .await;
        }
        drop(job);
        let fill = RuleFill {
            record: "book".into(),
            records: 3,
            fields: vec![("title".into(), 2)],
        };
        let job = Job::open(dir.path(), 2);
        assert_eq!(job.sites[0].fill, std::slice::from_ref(&fill));
        assert!(job.sites[1].fill.is_empty());
        let status = Reader::open(dir.path()).unwrap().status().unwrap();
        let told = serde_json::to_value(&status[0]).unwrap();
        let expected = serde_json::json!([
            { "record": "book", "records": 3, "fields": { "title": 2 } }
        ]);
        assert_eq!(told["fill"], expected);
    }

    #[test]
    fn only_the_latest_are_looked_at() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE record (id INTEGER PRIMARY KEY, site INTEGER, name TEXT, fields TEXT); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 12000) \
             INSERT INTO record SELECT i, 1, 'r', \
             CASE WHEN i > 7000 THEN '{\"f\":null}' ELSE '{\"f\":[1]}' END FROM n; \
             INSERT INTO record VALUES (-1, 2, 'a', '{\"f\":{\"g\":\"\"}}'), (-2, 2, 'b', 'spoilt')",
        )
        .unwrap();
        let found = of_sites(&conn, &[(1, 12_000), (2, 2), (3, 9)]).unwrap();
        let [fill] = &found[&1][..] else {
            panic!("one kind")
        };
        assert_eq!((fill.records, fill.fields[0].1), (10_000, 5000));
        let [fill] = &found[&2][..] else {
            panic!("one kind")
        };
        assert_eq!((fill.records, fill.fields[0].1), (1, 0));
    }
}
