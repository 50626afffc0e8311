//! What sites have learned of where their pages are had, as it is kept: a row a
//! rung, named, so that another order of rungs does not mislead.

use super::site::Sites;
use super::write::run;
use crate::page::{PageId, Rung, SiteId};
use crate::store::Learned;
use rusqlite::{Connection, Result, params};

/// Bytes of an entry.
const ENTRY: usize = 16;
/// It is a host's.
const HOST: u8 = 1;
/// A lower rung was seen to fail.
const PROVEN: u8 = 2;

/// Puts this in place of what was kept of the site.
pub(super) fn apply(
    conn: &Connection,
    sites: &Sites,
    site: SiteId,
    learned: &[Learned],
) -> Result<()> {
    let Some(site) = sites.get(site).map(|site| site.key) else {
        return Ok(());
    };
    run(conn, "DELETE FROM learned WHERE site = ?1", [site])?;
    for rung in Rung::ALL {
        let of_rung = learned.iter().filter(|entry| entry.rung == rung);
        let entries: Vec<u8> = of_rung.flat_map(pack).collect();
        if !entries.is_empty() {
            run(
                conn,
                "INSERT INTO learned (site, rung, entries) VALUES (?1, ?2, ?3)",
                params![site, rung.as_str(), entries],
            )?;
        }
    }
    Ok(())
}

/// What is kept of a site. Rungs of an unknown name are passed over.
pub(super) fn of_site(conn: &Connection, site: i64) -> Result<Vec<Learned>> {
    let mut statement = conn.prepare_cached("SELECT rung, entries FROM learned WHERE site = ?1")?;
    let mut rows = statement.query([site])?;
    let mut learned = Vec::new();
    while let Some(row) = rows.next()? {
        if let Ok(rung) = row.get::<_, String>(0)?.parse() {
            let entries: Vec<u8> = row.get(1)?;
            let (entries, _) = entries.as_chunks();
            learned.extend(entries.iter().map(|entry| unpack(rung, entry)));
        }
    }
    Ok(learned)
}

fn pack(entry: &Learned) -> [u8; ENTRY] {
    let flag = |is, bit| if is { bit } else { 0 };
    let mut bytes = [0; ENTRY];
    bytes[..8].copy_from_slice(&entry.key.to_le_bytes());
    bytes[8..12].copy_from_slice(&entry.example.0.to_le_bytes());
    bytes[12..14].copy_from_slice(&entry.since.to_le_bytes());
    bytes[14] = entry.trust;
    bytes[15] = flag(entry.host, HOST) | flag(entry.proven, PROVEN);
    bytes
}

fn unpack(rung: Rung, bytes: &[u8; ENTRY]) -> Learned {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, trust, flags] = *bytes;
    Learned {
        key: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        host: flags & HOST != 0,
        rung,
        trust,
        proven: flags & PROVEN != 0,
        example: PageId(u32::from_le_bytes([i, j, k, l])),
        since: u16::from_le_bytes([m, n]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::folder::DATABASE;
    use crate::store::testing::Job;

    const A: SiteId = SiteId(0);

    fn entry(key: u64, rung: Rung) -> Learned {
        Learned {
            key,
            host: key.is_multiple_of(2),
            rung,
            trust: 3,
            proven: !key.is_multiple_of(3),
            example: PageId(u32::MAX - 7),
            since: 515,
        }
    }

    #[tokio::test]
    async fn what_was_learned_outlives_a_run_and_ends_with_its_site() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 2);
        assert!(job.sites[0].learned.is_empty());
        let first = vec![entry(1, Rung::Solver)];
        let learned = vec![
            entry(u64::MAX, Rung::Http),
            entry(2, Rung::Browser),
            entry(3, Rung::Browser),
        ];
        job.store.save_learned(A, first).await;
        job.store.save_learned(A, learned.clone()).await;
        drop(job);

        let job = Job::open(dir.path(), 2);
        let mut kept = job.sites[0].learned.clone();
        kept.sort_unstable_by_key(|entry| (entry.rung, entry.key));
        assert_eq!(kept, learned);
        assert!(job.sites[1].learned.is_empty());
        drop(job);
        // A rung of a later version, and a row that was cut.
        let conn = Connection::open(dir.path().join(DATABASE)).unwrap();
        conn.execute_batch(
            "UPDATE learned SET rung = 'pigeon' WHERE rung = 'http'; \
             UPDATE learned SET entries = substr(entries, 1, 20)",
        )
        .unwrap();
        drop(conn);
        let job = Job::open(dir.path(), 2);
        assert_eq!(job.sites[0].learned, [entry(2, Rung::Browser)]);
        assert!(job.store.forget(A).await);
        drop(job);
        let job = Job::open(dir.path(), 2);
        assert!(job.sites[0].learned.is_empty());
    }
}
