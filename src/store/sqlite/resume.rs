//! What is read back when a job's folder is opened.

use super::again::{self, Refreshing};
use super::answer;
use super::code::state;
use super::core::Fields;
use super::fill;
use super::learned;
use super::site::{Site, Sites};
use super::source;
use super::trap;
use super::{OpenedSite, OpeningSite, Redirect, SiteCounts};
use crate::bus::{Round, SiteDelta};
use crate::page::{Fingerprint, PageId, TextPrint};
use crate::store::SavedSite;
use crate::store::known::Known;
use rusqlite::{Connection, OptionalExtension, Result, Row, TransactionBehavior, params};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Texts of pages that are read back, to be counted on.
const TEXTS: i64 = 2_000_000;

/// The job as it stands in the tables.
pub(super) struct Resumed {
    pub(super) sites: Sites,
    pub(super) opened: Vec<OpenedSite>,
    pub(super) known: Known,
    pub(super) next: u32,
    /// The number of the last answer of an API.
    pub(super) last_answer: i64,
    pub(super) fields: Fields,
    /// Keys of URLs that no site has: what is left of sites that were forgotten.
    pub(super) orphans: Vec<i64>,
    /// Rounds that are half in the queue.
    pub(super) rounds: Vec<Refreshing>,
}

/// Matches the sites of the file with those in the tables, by name, and reads
/// everything that is kept in RAM.
pub(super) fn resume(conn: &mut Connection, wanted: &[OpeningSite]) -> Result<Resumed> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("UPDATE site SET place = NULL, in_flight = 0", [])?;
    let retries = retries(&tx)?;
    let mut sites = Vec::with_capacity(wanted.len());
    let mut opened = Vec::with_capacity(wanted.len());
    for (place, site) in (0i64..).zip(wanted) {
        let (key, delta, found) = take_up(&tx, place, site)?;
        let retries = retries.get(&key).copied().unwrap_or(0);
        sites.push(Site::new(key, delta, retries, Arc::default()));
        opened.push(found);
    }
    tx.commit()?;
    let sites = Sites::new(sites);
    redirects(conn, &sites, &mut opened)?;
    texts(conn, &sites, &mut opened)?;
    fills(conn, &sites, &mut opened)?;
    let (known, next, orphans) = known(conn, &sites)?;
    let fields = fields(conn, &sites)?;
    let rounds = Refreshing::left(conn, &sites)?;
    let last_answer = answer::last(conn)?;
    Ok(Resumed {
        sites,
        opened,
        known,
        next,
        last_answer,
        fields,
        orphans,
        rounds,
    })
}

pub(super) fn take_up(
    conn: &Connection,
    place: i64,
    site: &OpeningSite,
) -> Result<(i64, SiteDelta, OpenedSite)> {
    // The same 64 bits, read as a signed number.
    let digest = site.digest as i64;
    let row = conn
        .prepare_cached(
            "SELECT key, digest, done, failed, skipped, queued, records, bytes, \
             state, why, concurrency, delay_ms, paused, sitemaps_done, controls, rules \
             FROM site WHERE name = ?1",
        )?
        .query_row([&site.name], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?, delta(row)?, saved(row)?))
        })
        .optional()?;
    let Some((key, old, mut delta, saved)) = row else {
        conn.prepare_cached("INSERT INTO site (name, place, digest) VALUES (?1, ?2, ?3)")?
            .execute(params![site.name, place, digest])?;
        let none = SiteDelta::default();
        return Ok((conn.last_insert_rowid(), none, OpenedSite::default()));
    };
    conn.prepare_cached("UPDATE site SET place = ?2, digest = ?3 WHERE key = ?1")?
        .execute(params![key, place, digest])?;
    delta.round = again::round(conn, key)?;
    if old != digest {
        // All of them are read again, unless they were made those of this document.
        if answer::outdate_marks(conn, key, digest)? {
            source::forget(conn, key)?;
        }
    }
    let opened = OpenedSite {
        saved,
        counts: SiteCounts::from(delta),
        changed: old != digest,
        redirects: Vec::new(),
        texts: Vec::new(),
        marks: answer::marks(conn, key)?,
        fill: Vec::new(),
        sitemaps: source::left(conn, key)?,
        traps: trap::of_site(conn, key)?,
        learned: learned::of_site(conn, key)?,
    };
    Ok((key, delta, opened))
}

fn delta(row: &Row<'_>) -> Result<SiteDelta> {
    Ok(SiteDelta {
        done: row.get("done")?,
        failed: row.get("failed")?,
        skipped: row.get("skipped")?,
        queued: row.get("queued")?,
        records: row.get("records")?,
        bytes: row.get("bytes")?,
        round: Round::default(),
    })
}

/// `None` for a site whose state was never saved, or not by a crawldeck that
/// saved all of its controls.
fn saved(row: &Row<'_>) -> Result<Option<SavedSite>> {
    let name: Option<String> = row.get("state")?;
    let Some(state) = name.as_deref().and_then(state) else {
        return Ok(None);
    };
    let Some(controls) = from_json(row, "controls")? else {
        return Ok(None);
    };
    Ok(Some(SavedSite {
        state,
        why: row.get::<_, Option<String>>("why")?.map(Into::into),
        controls,
        rules: from_json(row, "rules")?.unwrap_or_default(),
        paused: row.get("paused")?,
        sitemaps_done: row.get("sitemaps_done")?,
    }))
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn retries(conn: &Connection) -> Result<HashMap<i64, i64>> {
    conn.prepare("SELECT site, count(*) FROM retry GROUP BY site")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The redirects of one site.
pub(super) fn redirects_of(conn: &Connection, key: i64) -> Result<Vec<Redirect>> {
    conn.prepare(
        "SELECT r.id, u.print, t.print FROM redirect r \
         JOIN url u ON u.id = r.id JOIN url t ON t.id = r.target WHERE u.site = ?1",
    )?
    .query_map([key], |row| {
        Ok(Redirect {
            page: PageId(row.get(0)?),
            from: print(row.get(1)?),
            to: print(row.get(2)?),
        })
    })?
    .collect()
}

fn redirects(conn: &Connection, sites: &Sites, opened: &mut [OpenedSite]) -> Result<()> {
    let mut statement = conn.prepare(
        "SELECT u.site, r.id, u.print, t.print FROM redirect r \
         JOIN url u ON u.id = r.id JOIN url t ON t.id = r.target",
    )?;
    let places: HashMap<i64, usize> = sites.keys().zip(0..).collect();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(place) = places.get(&row.get::<_, i64>(0)?) {
            opened[*place].redirects.push(Redirect {
                page: PageId(row.get(1)?),
                from: print(row.get(2)?),
                to: print(row.get(3)?),
            });
        }
    }
    Ok(())
}

/// The texts of pages, up to [`TEXTS`] of them.
fn texts(conn: &Connection, sites: &Sites, opened: &mut [OpenedSite]) -> Result<()> {
    let places: HashMap<i64, usize> = sites.keys().zip(0..).collect();
    let mut statement =
        conn.prepare("SELECT id, site, exact, near FROM content ORDER BY id LIMIT ?1")?;
    let mut rows = statement.query([TEXTS])?;
    while let Some(row) = rows.next()? {
        if let Some(place) = places.get(&row.get::<_, i64>(1)?) {
            opened[*place].texts.push(text(row)?);
        }
    }
    Ok(())
}

/// How often fields were filled, of the sites whose rules are what they were.
fn fills(conn: &Connection, sites: &Sites, opened: &mut [OpenedSite]) -> Result<()> {
    let same = sites.keys().zip(&*opened).filter(|(_, site)| !site.changed);
    let wanted: Vec<(i64, u64)> = same.map(|(key, site)| (key, site.counts.records)).collect();
    let mut found = fill::of_sites(conn, &wanted)?;
    for (key, site) in sites.keys().zip(opened) {
        site.fill = found.remove(&key).unwrap_or_default();
    }
    Ok(())
}

/// The texts of one site.
pub(super) fn texts_of(conn: &Connection, key: i64) -> Result<Vec<(PageId, TextPrint)>> {
    conn.prepare("SELECT id, site, exact, near FROM content WHERE site = ?1 ORDER BY id LIMIT ?2")?
        .query_map([key, TEXTS], text)?
        .collect()
}

fn text(row: &Row<'_>) -> Result<(PageId, TextPrint)> {
    let bits = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let print = TextPrint {
        exact: bits(2)?,
        near: bits(3)?,
    };
    Ok((PageId(row.get(0)?), print))
}

/// In the order of the numbers, which is that of the file: one pass.
fn known(conn: &Connection, sites: &Sites) -> Result<(Known, u32, Vec<i64>)> {
    let known = Known::default();
    let mut ours: Vec<i64> = sites.keys().collect();
    ours.sort_unstable();
    let mut others: BTreeSet<i64> = BTreeSet::new();
    let mut statement = conn.prepare("SELECT id, site, print FROM url ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut last = 0u32;
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        // URLs of sites that are no longer in the file need no RAM.
        let key = row.get(1)?;
        if ours.binary_search(&key).is_ok() {
            known.insert(print(row.get(2)?), PageId(last));
        } else {
            others.insert(key);
        }
    }
    let mut of_site = conn.prepare("SELECT 1 FROM site WHERE key = ?1")?;
    let mut orphans = Vec::new();
    for key in others {
        if !of_site.exists([key])? {
            orphans.push(key);
        }
    }
    Ok((known, last.saturating_add(1), orphans))
}

fn fields(conn: &Connection, sites: &Sites) -> Result<Fields> {
    let mut fields = Fields::new();
    let mut statement = conn.prepare("SELECT site, record, field FROM field")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(site) = sites.of_key(row.get(0)?) {
            let record: String = row.get(1)?;
            let of_record = (site, Arc::from(record));
            fields.entry(of_record).or_default().insert(row.get(2)?);
        }
    }
    Ok(fields)
}

fn print(bits: i64) -> Fingerprint {
    Fingerprint(bits as u64)
}
