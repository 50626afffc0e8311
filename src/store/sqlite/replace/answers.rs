//! The records of answers of APIs, and how far those have been read.

use super::{DonePages, Replacer, Stored, register};
use crate::store::sqlite::answer;
use crate::store::sqlite::code::{MOST_WITHIN, count, int, within_answer};
use rusqlite::{Result, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far an API has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The API, as its records are known by.
    pub source: String,
    /// The API, as it is known from one run to the next.
    pub key: String,
    /// How far, as JSON.
    pub mark: String,
}

/// What the records of one answer hang on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// When the answer was had, milliseconds since 1970.
    pub at: Option<u64>,
    ids: Vec<i64>,
}

/// New records of one answer.
#[derive(Debug)]
pub struct AnswerChange {
    /// Its site's number in the store.
    pub site: i64,
    /// Its API.
    pub source: String,
    /// Its number, from 0.
    pub number: u64,
    /// Where it was had, as it may be shown.
    pub url: String,
    /// When, milliseconds since 1970.
    pub at: u64,
    /// What its records hung on.
    pub parts: Parts,
    /// Its records from now on, by their names.
    pub records: BTreeMap<Arc<str>, Vec<String>>,
    /// The names of their fields.
    pub fields: Vec<(Arc<str>, Vec<String>)>,
}

/// What becomes of an API that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// What its records were known by.
    pub from: String,
    /// What they are known by from now on.
    pub source: String,
    /// Its key and its mark from now on; without one it is to be asked anew.
    pub mark: Option<(String, String)>,
}

impl Fate {
    /// Whether all stays as it was.
    pub fn is_of(&self, known: &Progress) -> bool {
        let mark = self.mark.as_ref();
        self.source == known.source
            && mark.is_some_and(|(key, mark)| *key == known.key && *mark == known.mark)
    }
}

impl DonePages {
    /// How far each API of a site has been read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn progress(&self, site: i64) -> Result<Vec<Progress>> {
        self.conn
            .prepare_cached("SELECT source, key, mark FROM progress WHERE site = ?1")?
            .query_map([site], |row| {
                Ok(Progress {
                    source: row.get(0)?,
                    key: row.get(1)?,
                    mark: row.get(2)?,
                })
            })?
            .collect()
    }

    /// Whether a site's marks are those of the document with this digest.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_settled(&self, site: i64, digest: u64) -> Result<bool> {
        let digest = digest.cast_signed();
        self.conn
            .prepare_cached(
                "SELECT 1 FROM site WHERE key = ?1 AND digest = ?2 \
                 UNION ALL SELECT 1 FROM reworked WHERE site = ?1 AND digest = ?2",
            )?
            .exists(params![site, digest])
    }

    /// What the records of each answer of an API hang on, by its number.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn answers(&self, site: i64, source: &str) -> Result<BTreeMap<u64, Parts>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT n.number, a.id, a.at FROM answer a JOIN numbered n ON n.id = a.id \
             WHERE a.site = ?1 AND a.source = ?2 ORDER BY a.id DESC",
        )?;
        let mut rows = statement.query(params![site, source])?;
        let mut answers: BTreeMap<u64, Parts> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let parts = answers.entry(count(row.get(0)?)).or_default();
            parts.ids.push(row.get(1)?);
            parts.at = Some(count(row.get(2)?));
        }
        Ok(answers)
    }

    /// The records of one answer.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn answered(&self, parts: &Parts) -> Result<Vec<Stored>> {
        let mut records = Vec::new();
        let mut statement = self
            .conn
            .prepare_cached("SELECT name, fields FROM record WHERE id BETWEEN ?1 AND ?2")?;
        for id in &parts.ids {
            let ids = [within_answer(*id, 0), within_answer(*id, MOST_WITHIN)];
            let mut rows = statement.query(ids)?;
            while let Some(row) = rows.next()? {
                records.push((row.get::<_, String>(0)?.into(), row.get(1)?));
            }
        }
        Ok(records)
    }
}

impl Replacer {
    /// Exchanges the records of these answers.
    ///
    /// # Errors
    /// As [`Replacer::replace`].
    pub fn replace_answers(&mut self, changes: &[AnswerChange]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.begin()?;
        let mut last = answer::last(&self.conn)?;
        for change in changes {
            let mut more = 0;
            let mut ids = change.parts.ids.iter().copied();
            let most = MOST_WITHIN as usize + 1;
            let named = change.records.iter();
            for (name, records) in named.flat_map(|(name, all)| {
                let parts = all.chunks(most);
                parts.map(move |part| (name, part))
            }) {
                // Where it can it takes the place that it had, which is that in exports.
                let id = ids.next().unwrap_or_else(|| {
                    last -= 1;
                    last
                });
                more -= answer::delete(&self.conn, id)?;
                more += self.put_part(change, id, name, records)?;
            }
            for id in ids {
                more -= answer::delete(&self.conn, id)?;
            }
            *self.more.entry(change.site).or_default() += more;
            let fields = change.fields.iter().map(|(name, fields)| (name, fields));
            register(&self.conn, &mut self.fields, change.site, fields)?;
        }
        Ok(())
    }

    fn put_part(
        &self,
        change: &AnswerChange,
        id: i64,
        name: &Arc<str>,
        records: &[String],
    ) -> Result<i64> {
        let size = int(records.len() as u64);
        self.conn
            .prepare_cached(
                "INSERT INTO answer (id, site, source, name, url, at, records) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                change.site,
                change.source,
                name,
                change.url,
                int(change.at),
                size
            ])?;
        self.conn
            .prepare_cached("INSERT INTO numbered (id, number) VALUES (?1, ?2)")?
            .execute([id, int(change.number)])?;
        let mut put = self.conn.prepare_cached(
            "INSERT INTO record (id, site, name, fields) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (n, fields) in (0u32..).zip(records) {
            put.execute(params![within_answer(id, n), change.site, name, fields])?;
        }
        Ok(size)
    }

    /// Makes the marks of a site's APIs those of the document with this digest:
    /// a run with it asks nothing that was asked before, but for the APIs that
    /// have no mark any more.
    ///
    /// # Errors
    /// As [`Replacer::replace`].
    pub fn settle(&mut self, site: i64, digest: u64, fates: &[Fate]) -> Result<()> {
        self.begin()?;
        let forget = "DELETE FROM progress WHERE site = ?1 AND source = ?2";
        for fate in fates {
            self.conn
                .prepare_cached(forget)?
                .execute(params![site, fate.from])?;
        }
        for fate in fates {
            self.conn
                .prepare_cached("UPDATE answer SET source = ?3 WHERE site = ?1 AND source = ?2")?
                .execute(params![site, fate.from, fate.source])?;
            let Some((key, mark)) = &fate.mark else {
                continue;
            };
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO progress (site, source, key, mark) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![site, fate.source, key, mark])?;
        }
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO reworked (site, digest) VALUES (?1, ?2)")?
            .execute(params![site, digest.cast_signed()])?;
        Ok(())
    }
}
