//! Extraction without the network: the fields of the sites file over the
//! archive, on every core.
//!
//! ```text
//! slices of page numbers ─▶ threads: archive ─▶ decode ─▶ fields ─▶ compare
//! APIs ───────────────────▶                        changed pages ─▶ Replacer
//! ```
//!
//! The answers of one API follow from one another: they are one thread's.

mod api;
mod page;
mod tally;

pub use self::tally::{Fill, KindTally, SiteTally};

use self::api::ApiWork;
use self::page::Reworker;
use self::tally::Tally;
use crate::archive::ArchiveError;
use crate::config::Site;
use crate::store::StoreError;
use crate::store::sqlite::replace::{AnswerChange, Change, DonePages, Fate, Replacer};
use crossbeam_channel::bounded;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Page numbers that a thread takes at once.
const SLICE: u32 = 128;
/// Slices that may wait to be written, for each thread.
const WAITING: usize = 2;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum ReworkError {
    /// There is no archive.
    #[error(
        "{0} has no archive; with `keep: {{ bodies: warc }}` in the sites file a crawl keeps one"
    )]
    NoArchive(String),
    /// The job's folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The database.
    #[error("the crawl's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The system gives no thread, or one broke down.
    #[error("a thread: {0}")]
    Thread(String),
}

/// How it is to be done.
pub struct Options<'a> {
    /// Threads that extract, 1 or more.
    pub threads: usize,
    /// Only look what would change.
    pub preview: bool,
    /// Told now and then: page numbers passed, and the last one there is.
    pub progress: &'a mut dyn FnMut(u32, u32),
}

/// Runs the fields of `sites` over the archive of the job in `dir`, and
/// exchanges the records that differ.
///
/// Pages whose answer is not in the archive, or cannot be read, keep their
/// records, and so do answers of APIs and those that follow them. All records change together; a run that is killed changes none.
///
/// # Errors
/// Where there is no archive, another process works on the job, or a file
/// cannot be read or written.
pub fn run(
    dir: &Path,
    sites: &[Arc<Site>],
    options: Options<'_>,
) -> Result<Vec<SiteTally>, ReworkError> {
    if crate::archive::Reader::open(dir)?.is_none() {
        return Err(ReworkError::NoArchive(dir.display().to_string()));
    }
    // Held for the preview as well: a crawl would change what is compared.
    let mut replacer = Replacer::open(dir)?;
    let source = DonePages::open(dir)?;
    let keys = source.sites()?;
    let last = source.last()?;
    let known: Vec<(i64, Arc<Site>)> = sites
        .iter()
        .filter_map(|site| Some((*keys.get(&site.name)?, site.clone())))
        .collect();
    let mut apis = Vec::new();
    for (key, site) in &known {
        apis.extend(api::of_site(&source, *key, site)?);
    }
    // Only a writer that is the last one to go leaves nothing in the WAL.
    drop(source);
    let mut tally = Tally::new(&known);
    let mut fates: HashMap<i64, Vec<Fate>> = HashMap::new();
    let work = Work {
        dir,
        sites: &known,
        apis,
        next_api: AtomicUsize::new(0),
        last,
        next: AtomicU64::new(0),
        failed: AtomicBool::new(false),
    };
    work.all(options.threads, |worked| {
        tally.add(worked.tally);
        if !options.preview {
            replacer.replace(&worked.changes)?;
            replacer.replace_answers(&worked.answers)?;
        }
        for (key, fate) in worked.fates {
            fates.entry(key).or_default().push(fate);
        }
        let passed = work.next.load(Ordering::Relaxed);
        (options.progress)(u32::try_from(passed).unwrap_or(last).min(last), last);
        Ok(())
    })?;
    if !options.preview {
        for (key, site) in &known {
            // Pages that keep their old records may have other fields.
            if tally.is_whole(*key) {
                replacer.keep_fields(*key, &fields_of(site))?;
            }
            let fates = fates.remove(key).unwrap_or_default();
            let mut apis = work.apis.iter().filter(|api| api.key == *key);
            if !fates.is_empty() || apis.any(|api| !api.settled) {
                replacer.settle(*key, site.digest, &fates)?;
            }
        }
    }
    replacer.commit()?;
    Ok(tally.finish())
}

/// The fields that a site's rules can make, with the names of their records.
fn fields_of(site: &Site) -> HashSet<(String, String)> {
    let of_rule = |rule: &crate::config::RecordRule| {
        let record = rule.record.clone();
        let fields = rule.fields.clone().into_iter();
        fields.map(move |field| (record.clone(), field.name))
    };
    site.records().flat_map(of_rule).collect()
}

/// What a thread made of a slice.
struct Worked {
    tally: Tally,
    changes: Vec<Change>,
    answers: Vec<AnswerChange>,
    /// What becomes of APIs, each by its site's number in the store.
    fates: Vec<(i64, Fate)>,
}

impl Worked {
    fn new(sites: &[(i64, Arc<Site>)]) -> Self {
        Self {
            tally: Tally::new(sites),
            changes: Vec::new(),
            answers: Vec::new(),
            fates: Vec::new(),
        }
    }
}

/// The slices, shared by the threads.
struct Work<'a> {
    dir: &'a Path,
    sites: &'a [(i64, Arc<Site>)],
    apis: Vec<ApiWork>,
    /// The first API that nobody has taken.
    next_api: AtomicUsize,
    last: u32,
    /// The first page number that nobody has taken. Wider than a page number,
    /// so that it cannot come round.
    next: AtomicU64,
    /// Whether the others may stop.
    failed: AtomicBool,
}

impl Work<'_> {
    /// Does everything on so many threads; `take` gets the results here.
    fn all(
        &self,
        threads: usize,
        mut take: impl FnMut(Worked) -> Result<(), ReworkError>,
    ) -> Result<(), ReworkError> {
        let threads = threads.max(1);
        let (sender, results) = bounded(threads * WAITING);
        std::thread::scope(|scope| {
            for number in 0..threads {
                let sender = sender.clone();
                std::thread::Builder::new()
                    .name(format!("extract-{number}"))
                    .spawn_scoped(scope, move || {
                        if let Err(error) = self.some(&sender) {
                            // Who does not wait any more has failed already.
                            let _ = sender.send(Err(error));
                        }
                    })
                    .map_err(|error| {
                        self.failed.store(true, Ordering::Release);
                        ReworkError::Thread(error.to_string())
                    })?;
            }
            drop(sender);
            // Dropped at the end, so that threads that still send stop.
            let results = results;
            for result in &results {
                let taken = result.and_then(&mut take);
                if let Err(error) = taken {
                    self.failed.store(true, Ordering::Release);
                    return Err(error);
                }
            }
            Ok(())
        })
    }

    /// One thread: takes slices until there are none.
    fn some(
        &self,
        sender: &crossbeam_channel::Sender<Result<Worked, ReworkError>>,
    ) -> Result<(), ReworkError> {
        let mut reworker = Reworker::open(self.dir, self.sites)?;
        // They take longest, and nobody helps with one.
        while let Some(work) = self.apis.get(self.next_api.fetch_add(1, Ordering::Relaxed)) {
            reworker.api(work, |worked| {
                !self.failed.load(Ordering::Acquire) && sender.send(Ok(worked)).is_ok()
            })?;
        }
        while !self.failed.load(Ordering::Acquire) {
            let first = self.next.fetch_add(u64::from(SLICE), Ordering::Relaxed);
            let Some(first) = u32::try_from(first).ok().filter(|id| *id <= self.last) else {
                break;
            };
            let ids = first..=first.saturating_add(SLICE - 1);
            let worked = reworker.work(ids)?;
            if sender.send(Ok(worked)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
