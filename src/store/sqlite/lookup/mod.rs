//! The deck's questions, on threads and connections of their own, so that no
//! commit waits for them, and no page's detail for a long list.

mod change;
mod group;
mod linked;
mod list;
mod page;
mod row;
mod scan;
mod search;
mod table;
#[cfg(test)]
mod tests;
mod watch;

use self::watch::{Asked, Watch, Watched};
use super::code::count;
use super::schema::open_to_read;
use crate::bus::{Ask, FailedSource, Failures, SourceState, Told, Why};
use crate::page::SiteId;
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode, Result};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Room for questions.
const QUESTIONS: usize = 32;
/// The page cache of each of the deck's connections, KiB.
const CACHE_KIB: u32 = 2048;
/// Rows given at most.
const ROWS: usize = 1000;
/// Sources of a site given at most.
const SOURCES: usize = 200;

/// One question on its way.
#[derive(Debug)]
struct Question {
    ask: Ask,
    /// The how manieth of its kind it is.
    number: u64,
    reply: oneshot::Sender<Told>,
}

/// Where questions are put.
pub(super) struct Asker {
    /// Of lists and groups, which may take long.
    lists: mpsc::Sender<Question>,
    rest: mpsc::Sender<Question>,
    asked: Arc<Asked>,
}

impl Asker {
    /// Starts the threads that answer; they end with the asker.
    pub(super) fn start(
        path: &Path,
    ) -> std::result::Result<(Self, [JoinHandle<()>; 2]), StoreError> {
        let asked = Arc::<Asked>::default();
        let (lists, list_questions) = mpsc::channel(QUESTIONS);
        let (rest, other_questions) = mpsc::channel(QUESTIONS);
        let begin = |name, questions| {
            let (path, asked) = (path.to_owned(), asked.clone());
            super::spawn(name, move || run(&path, &asked, questions))
        };
        let threads = [
            begin("store-list", list_questions)?,
            begin("store-read", other_questions)?,
        ];
        let asker = Self { lists, rest, asked };
        Ok((asker, threads))
    }

    /// Waits for the answer. Work on it ends where nobody waits any more.
    pub(super) async fn ask(&self, ask: Ask) -> Told {
        let number = self.asked.next(&ask);
        let questions = match ask {
            Ask::Pages { .. } | Ask::Groups(_) | Ask::Linked { .. } => &self.lists,
            _ => &self.rest,
        };
        let (reply, answer) = oneshot::channel();
        let question = Question { ask, number, reply };
        // A reader that is gone answers nothing, which is told below.
        let _ = questions.send(question).await;
        answer.await.unwrap_or_else(|_| {
            Told::Refused("the store cannot be read; the log says why".to_owned())
        })
    }
}

/// Answers questions until nobody can ask any more.
fn run(path: &Path, asked: &Arc<Asked>, mut questions: mpsc::Receiver<Question>) {
    let mut lookup = None;
    while let Some(Question { ask, number, reply }) = questions.blocking_recv() {
        if lookup.is_none() {
            match Lookup::open(path) {
                Ok(opened) => lookup = Some(opened),
                Err(error) => tracing::error!(%error, "opening the store to read"),
            }
        }
        // The question ends unanswered, which its asker is told.
        let Some(lookup) = &lookup else { continue };
        let reply = Arc::new(reply);
        lookup
            .watched
            .begin(Watch::new(&ask, number, asked.clone(), reply.clone()));
        let told = lookup.tell(ask);
        lookup.watched.end();
        // An asker that has left needs no answer.
        if let Some(reply) = Arc::into_inner(reply) {
            let _ = reply.send(told);
        }
    }
}

/// A connection to answer from.
struct Lookup {
    conn: Connection,
    watched: Watched,
}

impl Lookup {
    fn open(path: &Path) -> std::result::Result<Self, StoreError> {
        let mut conn = open_to_read(path, CACHE_KIB)?;
        let watched = Watched::default();
        watched
            .over(&mut conn)
            .map_err(|e| super::schema::failure(path, e))?;
        Ok(Self { conn, watched })
    }

    fn tell(&self, ask: Ask) -> Told {
        match self.answer(ask) {
            Ok(told) => told,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Told::Refused(self.watched.why().to_owned())
            }
            Err(error) => {
                tracing::error!(%error, "reading the store");
                Told::Refused(format!("the store cannot be read: {error}"))
            }
        }
    }

    /// Everything that is read for one answer is of one instant.
    fn answer(&self, ask: Ask) -> Result<Told> {
        let read = self.conn.unchecked_transaction()?;
        let sites = Sites::read(&read)?;
        Ok(match ask {
            Ask::Pages {
                filter,
                order,
                reverse,
                offset,
                limit,
            } => {
                let wanted = list::Wanted::new(&read, &sites, &filter, (order, reverse));
                return list::pages(&wanted, offset, limit.min(ROWS));
            }
            Ask::Groups(filter) => {
                let (sources, sources_total) = failed_sources(&read, &sites, filter.site)?;
                Told::Groups(Failures {
                    groups: group::groups(&read, &sites, &filter)?,
                    sources,
                    sources_total,
                })
            }
            Ask::Page(id) => Told::Page(page::page(&read, &sites, id)?),
            Ask::Records {
                site,
                record,
                search,
                offset,
                limit,
            } => {
                let of = table::Of::new(&sites, site, record.as_deref());
                let (search, limit) = (search.as_ref(), limit.min(ROWS));
                Told::Records(table::records(&read, &sites, &of, search, offset, limit)?)
            }
            Ask::Changes {
                site,
                kind,
                search,
                offset,
                limit,
            } => {
                let of = change::Of::new(&sites, site, kind);
                let (search, limit) = (search.as_ref(), limit.min(ROWS));
                Told::Changes(change::changes(&read, &sites, &of, search, offset, limit)?)
            }
            Ask::Linked {
                of,
                by,
                reverse,
                site,
                offset,
                limit,
            } => {
                let wanted = linked::Wanted {
                    of,
                    by,
                    reverse,
                    site,
                };
                return linked::list(&read, &sites, wanted, offset, limit.min(ROWS));
            }
            Ask::Journal {
                search,
                offset,
                limit,
            } => {
                let limit = limit.min(ROWS);
                Told::Journal(table::journal(&read, search.as_ref(), offset, limit)?)
            }
            Ask::Why { site, url } => Told::Why(Box::new(Why {
                answered: match sites.key(Some(site)) {
                    Some(key) => super::answer::records_at(&read, key, &url)?,
                    None => 0,
                },
                url,
                verdict: String::new(),
                taken: false,
                page: None,
            })),
            Ask::Sources(site) => Told::Sources(match sites.key(Some(site)) {
                Some(key) => super::source::list(&read, key, SOURCES)?,
                None => Vec::new(),
            }),
            Ask::Site(_) | Ask::Log { .. } => {
                Told::Refused("the store knows nothing of this".to_owned())
            }
        })
    }
}

/// Sources that failed, of one site or of all those of the file, and how many
/// there are.
fn failed_sources(
    conn: &Connection,
    sites: &Sites,
    of: Option<SiteId>,
) -> Result<(Vec<FailedSource>, u64)> {
    let mut failed = Vec::new();
    let mut total = 0;
    for (site, row) in (0u32..).map(SiteId).zip(&sites.0) {
        if of.is_some_and(|of| of != site) {
            continue;
        }
        let counts = super::source::counts(conn, row.key)?;
        let here = counts
            .iter()
            .find(|(state, _)| *state == SourceState::Failed);
        let Some((_, here)) = here else { continue };
        total += here;
        let room = SOURCES - failed.len();
        if room > 0 {
            let rows = super::source::failed(conn, row.key, room)?;
            failed.extend(rows.into_iter().map(|source| FailedSource { site, source }));
        }
    }
    Ok((failed, total))
}

/// The sites of the file, in its order, and their counters.
struct Sites(Vec<SiteRow>);

#[derive(Debug, Clone, Copy, Default)]
struct SiteRow {
    key: i64,
    done: u64,
    failed: u64,
    skipped: u64,
    queued: u64,
    records: u64,
}

impl SiteRow {
    fn finished(&self) -> u64 {
        self.done + self.failed + self.skipped
    }
}

impl Sites {
    fn read(conn: &Connection) -> Result<Self> {
        let rows = conn
            .prepare_cached(
                "SELECT key, done, failed, skipped, queued, records FROM site \
                 WHERE place IS NOT NULL ORDER BY place",
            )?
            .query_map([], |row| {
                Ok(SiteRow {
                    key: row.get(0)?,
                    done: count(row.get(1)?),
                    failed: count(row.get(2)?),
                    skipped: count(row.get(3)?),
                    queued: count(row.get(4)?),
                    records: count(row.get(5)?),
                })
            })?
            .collect::<Result<_>>()?;
        Ok(Self(rows))
    }

    fn key(&self, site: Option<SiteId>) -> Option<i64> {
        site.and_then(|s| self.0.get(s.index())).map(|s| s.key)
    }

    /// The site of this key, where it is in the file.
    fn of_key(&self, key: i64) -> Option<SiteId> {
        let place = self.0.iter().position(|s| s.key == key)?;
        u32::try_from(place).ok().map(SiteId)
    }

    /// The sum over one site or all.
    fn total(&self, site: Option<SiteId>) -> SiteRow {
        let mut sum = SiteRow::default();
        for (place, row) in self.0.iter().enumerate() {
            if site.is_none_or(|s| s.index() == place) {
                sum.done += row.done;
                sum.failed += row.failed;
                sum.skipped += row.skipped;
                sum.queued += row.queued;
                sum.records += row.records;
            }
        }
        sum
    }
}
