//! Exchanging the records of pages that are done, and of answers of APIs, while
//! no crawl runs.

mod answers;

pub use self::answers::{AnswerChange, Fate, Parts, Progress};

use super::code::{DONE, MOST_WITHIN, WITHIN, within};
use super::schema;
use crate::page::Fingerprint;
use crate::store::StoreError;
use crate::store::folder::DATABASE;
use crate::store::lock::Lock;
use rusqlite::{Connection, Result, params};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// The page cache of one connection, KiB.
const CACHE_KIB: u32 = 16 << 10;

/// A record: its name, and its fields as JSON.
pub type Stored = (Arc<str>, String);

/// Fields by a site's number and a record's name.
type Fields = HashMap<(i64, Arc<str>), HashSet<String>>;

/// A page that is done, with the records that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DonePage {
    /// Its number.
    pub id: u32,
    /// Its site's number in the store.
    pub site: i64,
    /// Its URL's fingerprint.
    pub print: Fingerprint,
    /// Its URL in normal form.
    pub url: String,
    /// Where it was found, where that is another address.
    pub landed: Option<String>,
    /// Links from the start page.
    pub depth: u32,
    /// Whether it is an HTML page that was answered well.
    pub html: bool,
    /// Its records, in order.
    pub records: Vec<Stored>,
}

/// New records of one page.
#[derive(Debug)]
pub struct Change {
    /// The page.
    pub page: u32,
    /// Its site's number in the store.
    pub site: i64,
    /// How many records it has had.
    pub before: usize,
    /// Its records from now on.
    pub records: Vec<Stored>,
    /// The fields' names of each.
    pub fields: Vec<Vec<String>>,
}

/// Reads done pages, for one thread. Needs no lock.
pub struct DonePages {
    conn: Connection,
}

impl DonePages {
    /// Opens the job in `dir` for reading.
    ///
    /// # Errors
    /// As for a crawl.
    pub fn open(dir: &Path) -> std::result::Result<Self, StoreError> {
        let conn = schema::open_to_read(&dir.join(DATABASE), CACHE_KIB)?;
        Ok(Self { conn })
    }

    /// The sites in the store: name and number.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sites(&self) -> Result<HashMap<String, i64>> {
        self.conn
            .prepare_cached("SELECT name, key FROM site")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    }

    /// The highest number that a page has.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last(&self) -> Result<u32> {
        let last: Option<u32> = self
            .conn
            .query_row("SELECT max(id) FROM url", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0))
    }

    /// The done pages with these numbers.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn read(&self, ids: RangeInclusive<u32>) -> Result<Vec<DonePage>> {
        let (first, last) = (*ids.start(), *ids.end());
        let mut statement = self.conn.prepare_cached(
            "SELECT p.id, u.site, u.print, u.url, p.status, p.content_type, u.depth, \
             coalesce(t.url, r.address) \
             FROM page p CROSS JOIN url u ON u.id = p.id \
             LEFT JOIN redirect r ON r.id = p.id LEFT JOIN url t ON t.id = r.target \
             WHERE p.id BETWEEN ?1 AND ?2 AND p.outcome = ?3",
        )?;
        let mut pages: BTreeMap<u32, DonePage> = statement
            .query_map(params![first, last, DONE], |row| {
                let id = row.get(0)?;
                let status: Option<u16> = row.get(4)?;
                let kind: Option<String> = row.get(5)?;
                let html =
                    kind.is_none_or(|kind| matches!(&*kind, "text/html" | "application/xhtml+xml"));
                let page = DonePage {
                    id,
                    site: row.get(1)?,
                    // The same 64 bits, read as a signed number.
                    print: Fingerprint(row.get::<_, i64>(2)? as u64),
                    url: row.get(3)?,
                    landed: row.get(7)?,
                    depth: row.get(6)?,
                    html: html && status.is_some_and(|status| (200..300).contains(&status)),
                    records: Vec::new(),
                };
                Ok((id, page))
            })?
            .collect::<Result<_>>()?;
        let mut statement = self.conn.prepare_cached(
            "SELECT id, name, fields FROM record WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
        )?;
        let mut rows = statement.query([within(first, 0), within(last, MOST_WITHIN)])?;
        while let Some(row) = rows.next()? {
            let page = u32::try_from(row.get::<_, i64>(0)? >> WITHIN).unwrap_or(0);
            if let Some(page) = pages.get_mut(&page) {
                let name: String = row.get(1)?;
                page.records.push((name.into(), row.get(2)?));
            }
        }
        Ok(pages.into_values().collect())
    }
}

/// A job's folder, open for exchanging records in one transaction. No crawl can
/// run meanwhile, and nothing is changed before [`Replacer::commit`].
pub struct Replacer {
    conn: Connection,
    /// Fields that a site's records of a name are known to have.
    fields: Fields,
    /// By how many the records of a site have become more or fewer.
    more: HashMap<i64, i64>,
    _lock: Lock,
}

impl Replacer {
    /// Takes the job in `dir`.
    ///
    /// # Errors
    /// Where a process works on it, or it is no job.
    pub fn open(dir: &Path) -> std::result::Result<Self, StoreError> {
        if !dir.join(DATABASE).is_file() {
            return Err(StoreError::Absent {
                path: dir.to_owned(),
            });
        }
        let lock = Lock::take(dir)?;
        let (conn, _) = schema::open(dir, CACHE_KIB)?;
        let failed = |error| schema::failure(&dir.join(DATABASE), error);
        let fields = known_fields(&conn).map_err(failed)?;
        Ok(Self {
            conn,
            fields,
            more: HashMap::new(),
            _lock: lock,
        })
    }

    /// Exchanges the records of these pages.
    ///
    /// # Errors
    /// What SQLite says; nothing that was exchanged counts then.
    pub fn replace(&mut self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.begin()?;
        let conn = &self.conn;
        let mut put = conn.prepare_cached(
            "INSERT OR REPLACE INTO record (id, site, name, fields) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for change in changes {
            let kept = change.records.len().min(MOST_WITHIN as usize + 1);
            for (n, (name, fields)) in (0..).zip(&change.records[..kept]) {
                put.execute(params![within(change.page, n), change.site, name, fields])?;
            }
            if change.before > kept {
                // It is at most `MOST_WITHIN`, being less than what was kept of the page.
                let first = within(change.page, u32::try_from(kept).unwrap_or(MOST_WITHIN));
                conn.prepare_cached("DELETE FROM record WHERE id BETWEEN ?1 AND ?2")?
                    .execute([first, within(change.page, MOST_WITHIN)])?;
            }
            *self.more.entry(change.site).or_default() += kept as i64 - change.before as i64;
            let names = change.records.iter().map(|(name, _)| name);
            register(
                conn,
                &mut self.fields,
                change.site,
                names.zip(&change.fields),
            )?;
        }
        Ok(())
    }

    /// Forgets fields of a site that none of its rules has any more, so that
    /// they take no column.
    ///
    /// # Errors
    /// As [`Replacer::replace`].
    pub fn keep_fields(&mut self, site: i64, kept: &HashSet<(String, String)>) -> Result<()> {
        self.begin()?;
        let mut statement = self
            .conn
            .prepare("SELECT id, record, field FROM field WHERE site = ?1")?;
        let mut rows = statement.query([site])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if !kept.contains(&(row.get(1)?, row.get(2)?)) {
                self.conn
                    .prepare_cached("DELETE FROM field WHERE id = ?1")?
                    .execute([id])?;
            }
        }
        Ok(())
    }

    /// Makes everything count that was exchanged: all or nothing.
    ///
    /// # Errors
    /// As [`Replacer::replace`].
    pub fn commit(mut self) -> Result<()> {
        if self.conn.is_autocommit() {
            return Ok(());
        }
        for (site, more) in self.more.drain().filter(|(_, more)| *more != 0) {
            self.conn.execute(
                "UPDATE site SET records = records + ?2 WHERE key = ?1",
                [site, more],
            )?;
        }
        self.conn.execute_batch("COMMIT")
    }

    /// What has begun and is not committed ends with the connection.
    fn begin(&self) -> Result<()> {
        match self.conn.is_autocommit() {
            true => self.conn.execute_batch("BEGIN IMMEDIATE"),
            false => Ok(()),
        }
    }
}

fn known_fields(conn: &Connection) -> Result<Fields> {
    let mut fields = Fields::new();
    let mut statement = conn.prepare("SELECT site, record, field FROM field")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let record: String = row.get(1)?;
        let own = fields.entry((row.get(0)?, record.into())).or_default();
        own.insert(row.get(2)?);
    }
    Ok(fields)
}

fn register<'a>(
    conn: &Connection,
    known: &mut Fields,
    site: i64,
    made: impl Iterator<Item = (&'a Arc<str>, &'a Vec<String>)>,
) -> Result<()> {
    for (name, fields) in made {
        let seen = known.entry((site, name.clone())).or_default();
        for field in fields {
            if !seen.contains(field) {
                seen.insert(field.clone());
                conn.prepare_cached("INSERT INTO field (site, record, field) VALUES (?1, ?2, ?3)")?
                    .execute(params![site, name, field])?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Outcome, SiteId, Verdict};
    use crate::store::reader::Reader;
    use crate::store::testing::{Job, record};

    const A: SiteId = SiteId(0);
    const DONE: Verdict = Verdict::Final(Outcome::Done);

    #[tokio::test]
    async fn records_are_exchanged_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 1);
        job.add(A, &["1", "2", "queued"]).await;
        for title in ["one", "two"] {
            job.end(A, DONE, |c| {
                c.records = vec![record("old", title), record("x", title)]
            })
            .await;
        }
        job.store.flush().await.unwrap();
        assert!(matches!(
            Replacer::open(dir.path()),
            Err(StoreError::Held { .. })
        ));
        drop(job);

        let mut replacer = Replacer::open(dir.path()).unwrap();
        let source = DonePages::open(dir.path()).unwrap();
        let last = source.last().unwrap();
        let pages = source.read(0..=last).unwrap();
        assert_eq!(pages.len(), 2);
        let page = &pages[1];
        assert!(page.html && page.url == "https://a.test/2");
        let names: Vec<&str> = page.records.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["old", "x"]);
        assert_eq!(source.sites().unwrap()["a"], page.site);
        let change = Change {
            page: page.id,
            site: page.site,
            before: 2,
            records: vec![("new".into(), "{\"name\":\"neu\"}".to_owned())],
            fields: vec![vec!["name".to_owned()]],
        };
        replacer.replace(&[change]).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(reader.status().unwrap()[0].records, 4, "not committed");
        replacer.commit().unwrap();
        assert_eq!(reader.status().unwrap()[0].records, 3);
        let mut told = Vec::new();
        let visit = |r: crate::store::reader::RecordRow| {
            told.push(format!(
                "{} {} {}",
                r.url,
                r.record,
                serde_json::json!(r.fields)
            ));
            Ok::<(), rusqlite::Error>(())
        };
        reader.records(None, visit).unwrap();
        assert_eq!(
            told,
            [
                "https://a.test/1 old {\"title\":\"one\"}",
                "https://a.test/1 x {\"title\":\"one\"}",
                "https://a.test/2 new {\"name\":\"neu\"}",
            ]
        );
        assert_eq!(reader.fields(None).unwrap(), ["title", "name"]);
        let kept = HashSet::from([("new".to_owned(), "name".to_owned())]);
        let mut replacer = Replacer::open(dir.path()).unwrap();
        replacer.keep_fields(page.site, &kept).unwrap();
        drop(replacer);
        assert_eq!(reader.fields(None).unwrap(), ["title", "name"]);
        let mut replacer = Replacer::open(dir.path()).unwrap();
        replacer.keep_fields(page.site, &kept).unwrap();
        replacer.commit().unwrap();
        assert_eq!(reader.fields(None).unwrap(), ["name"]);
    }
}
