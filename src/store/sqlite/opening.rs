//! What a job's folder is opened with, and what is found in it.

use super::code;
use crate::bus::{Event, Round, RuleFill, SiteDelta};
use crate::page::{Fingerprint, PageId, TextPrint, TrapState};
use crate::store::{Learned, LeftSitemap, SavedSite, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use tokio::sync::mpsc;

/// The writer's page cache unless told otherwise, KiB.
const CACHE_KIB: u32 = 8 << 10;

/// How a job's folder is opened.
#[derive(Debug)]
pub struct Opening {
    /// The sites of the file, in its order.
    pub sites: Vec<OpeningSite>,
    /// Start over: an earlier crawl's database is removed.
    pub fresh: bool,
    /// Where commits and stalls are told. The writer waits for room.
    pub events: mpsc::Sender<Event>,
    /// The writer's page cache, KiB.
    pub cache_kib: u32,
    /// A cap on the database's size in pages of 4 KiB, looked at before each
    /// group: a disk that is full, for tests.
    pub max_page_count: Option<Arc<AtomicU32>>,
}

impl Opening {
    /// Resumes a crawl of `sites`, or begins one.
    pub fn new(sites: Vec<OpeningSite>, events: mpsc::Sender<Event>) -> Self {
        Self {
            sites,
            fresh: false,
            events,
            cache_kib: CACHE_KIB,
            max_page_count: None,
        }
    }
}

/// A site as the sites file has it.
#[derive(Debug, Clone)]
pub struct OpeningSite {
    /// Its name, by which it is known again.
    pub name: String,
    /// Of its document, to notice a change.
    pub digest: u64,
}

/// A job's folder, open.
pub struct Opened {
    /// The store. The last of its clones that is dropped waits until all is
    /// written, and lets the folder go.
    pub store: Arc<dyn Store>,
    /// Whether there was an earlier crawl in the folder.
    pub resumed: bool,
    /// What is known of each site, in the order of the file.
    pub sites: Vec<OpenedSite>,
}

/// What an earlier crawl left of a site.
#[derive(Debug, Clone, Default)]
pub struct OpenedSite {
    /// State and controls; `None` for a site without any saved.
    pub saved: Option<SavedSite>,
    /// Its pages, records and bytes.
    pub counts: SiteCounts,
    /// Whether its document has changed since.
    pub changed: bool,
    /// Its redirects that lead to a known page.
    pub redirects: Vec<Redirect>,
    /// The texts of its pages, as far as they are kept.
    pub texts: Vec<(PageId, TextPrint)>,
    /// How far each of its APIs was read; none where its document has changed.
    pub marks: BTreeMap<String, Value>,
    /// How often fields of its records were filled, as a sample of the latest.
    pub fill: Vec<RuleFill>,
    /// Sitemaps that were not read to their end; none where its document has changed.
    pub sitemaps: Vec<LeftSitemap>,
    /// Its traps.
    pub traps: Vec<TrapState>,
    /// What it has learned of where its pages are had.
    pub learned: Vec<Learned>,
}

/// Counters of a site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteCounts {
    /// Pages done.
    pub done: u64,
    /// Pages failed.
    pub failed: u64,
    /// Pages skipped.
    pub skipped: u64,
    /// Pages known and not finished.
    pub queued: u64,
    /// Records kept.
    pub records: u64,
    /// Bytes of body on the wire of finished pages.
    pub bytes: u64,
    /// The round of crawling again.
    pub round: Round,
}

impl From<SiteDelta> for SiteCounts {
    fn from(counts: SiteDelta) -> Self {
        Self {
            done: code::count(counts.done),
            failed: code::count(counts.failed),
            skipped: code::count(counts.skipped),
            queued: code::count(counts.queued),
            records: code::count(counts.records),
            bytes: code::count(counts.bytes),
            round: counts.round,
        }
    }
}

impl From<SiteCounts> for SiteDelta {
    fn from(counts: SiteCounts) -> Self {
        // No counter comes near the end of either.
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            done: signed(counts.done),
            failed: signed(counts.failed),
            skipped: signed(counts.skipped),
            queued: signed(counts.queued),
            records: signed(counts.records),
            bytes: signed(counts.bytes),
            round: counts.round,
        }
    }
}

/// A redirect from one page to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// The page that redirects.
    pub page: PageId,
    /// Its fingerprint.
    pub from: Fingerprint,
    /// Its target's.
    pub to: Fingerprint,
}
