//! Records and commands that hold a text. No index tells which: so many rows are
//! looked at for one answer, which says where the next one goes on.

use super::super::code::{MOST_WITHIN, count, int, within};
use super::super::filter::Sql;
use super::Sites;
use super::table::{self, Of};
use crate::bus::search::{Place, Search, Searched, Seek};
use crate::bus::{JournalRow, RecordRow};
use memchr::memmem::Finder;
use rusqlite::{Connection, Result, params_from_iter};

/// Rows looked at for one answer: some ten milliseconds.
const LOOKS: u64 = 20_000;
/// By how much a page may be stored later than one that ended after it,
/// milliseconds.
const LATE: u64 = 100;

/// What has been found, and how far the search has come.
struct Finding<R> {
    rows: Vec<R>,
    limit: usize,
    so_far: Searched,
}

impl<R> Finding<R> {
    fn new(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            limit,
            so_far: Searched::default(),
        }
    }

    /// Whether enough was done for one answer.
    fn is_full(&self) -> bool {
        self.rows.len() >= self.limit || self.so_far.looked >= LOOKS
    }

    /// Takes a place that was looked at; one `besides` the others is free.
    fn step(&mut self, place: Place, besides: bool) {
        self.so_far.looked += u64::from(!besides);
        let newest = self.so_far.newest;
        self.so_far.newest = Some(newest.map_or(place, |newest| newest.min(place)));
        self.so_far.last = Some(place);
    }

    /// What was found, the newest first; `more` where not every row was reached.
    fn end(mut self, from: Seek, more: bool) -> (Vec<R>, Searched) {
        if matches!(from, Seek::Newer(_)) {
            self.rows.reverse();
        }
        self.so_far.last = self.so_far.last.filter(|_| more);
        (self.rows, self.so_far)
    }
}

/// Records of these that hold the text.
pub(super) fn records(
    conn: &Connection,
    sites: &Sites,
    of: &Of<'_>,
    search: &Search,
    limit: usize,
) -> Result<(Vec<RecordRow>, Searched)> {
    let mut sql = Sql::new(
        "SELECT p.id, p.site, r.name, u.url, r.fields, p.ended_at, r.id FROM page p \
         INDEXED BY ended LEFT JOIN record r ON r.id >= p.id << 16 AND r.id < (p.id + 1) << 16",
    );
    of.named(&mut sql, "r.name");
    sql.push(" LEFT JOIN url u ON u.id = p.id AND r.id IS NOT NULL WHERE 1");
    of.of_site(&mut sql, "p.site");
    let newest_first = " ORDER BY p.ended_at DESC, p.id DESC, r.id";
    match search.from {
        Seek::Newest => sql.push(newest_first),
        Seek::Older(place) => {
            sql.push(" AND (p.ended_at, p.id) <= (").bind(int(place.at));
            sql.push(", ").bind(int(place.id >> 16));
            sql.push(")").push(newest_first)
        }
        Seek::Newer(place) => {
            sql.push(" AND p.ended_at >= ");
            sql.bind(int(place.at.saturating_sub(LATE)));
            sql.push(" ORDER BY p.ended_at, p.id, r.id DESC")
        }
    };
    let mut hint = Hint::new(&search.text);
    let mut finding = Finding::new(limit);
    let mut more = false;
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        let record: Option<i64> = row.get(6)?;
        // A page without any stands behind every record that it could have.
        let id = record.unwrap_or(within(row.get(0)?, MOST_WITHIN));
        let place = Place {
            at: count(row.get(5)?),
            id: count(id),
        };
        if matches!(search.from, Seek::Older(from) if place <= from) {
            continue;
        }
        // Rows about the place are given besides.
        let besides = matches!(search.from, Seek::Newer(from) if place >= from);
        if !besides && finding.is_full() {
            more = true;
            break;
        }
        finding.step(place, besides);
        if record.is_none() {
            continue;
        }
        let mut may = false;
        for at in [2, 3, 4] {
            may |= hint.takes(
                row.get_ref(at)?
                    .as_str_or_null()?
                    .unwrap_or_default()
                    .as_bytes(),
            );
        }
        // What cannot hold the text need not be taken apart.
        if may || search.invert {
            let found = table::record(row, sites)?.filter(|record| match may {
                true => record.is_found(search),
                false => search.invert,
            });
            if let Some(found) = found {
                finding.rows.push(found);
                finding.limit += usize::from(besides);
            }
        }
    }
    Ok(finding.end(search.from, more))
}

/// Commands that hold the text.
pub(super) fn journal(
    conn: &Connection,
    search: &Search,
    limit: usize,
) -> Result<(Vec<JournalRow>, Searched)> {
    let mut sql = Sql::new(table::COMMANDS);
    match search.from {
        Seek::Newest => sql.push(" ORDER BY id DESC"),
        Seek::Older(place) => {
            sql.push(" WHERE id < ").bind(int(place.at));
            sql.push(" ORDER BY id DESC")
        }
        Seek::Newer(place) => {
            sql.push(" WHERE id > ").bind(int(place.at));
            sql.push(" ORDER BY id")
        }
    };
    let mut finding = Finding::new(limit);
    let mut more = false;
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        if finding.is_full() {
            more = true;
            break;
        }
        let row = table::command(row)?;
        finding.step(row.place(), false);
        if row.is_found(search) {
            finding.rows.push(row);
        }
    }
    Ok(finding.end(search.from, more))
}

/// Tells at once of most texts that they do not hold another: a part of it that
/// stands in JSON as it is.
struct Hint {
    part: Finder<'static>,
    lower: Vec<u8>,
}

impl Hint {
    fn new(wanted: &str) -> Self {
        let parts = wanted.split(|c: char| !c.is_alphanumeric());
        let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
        Self {
            part: Finder::new(&longest.to_ascii_lowercase()).into_owned(),
            lower: Vec::new(),
        }
    }

    fn takes(&mut self, text: &[u8]) -> bool {
        self.lower.clear();
        self.lower.extend_from_slice(text);
        self.lower.make_ascii_lowercase();
        self.part.find(&self.lower).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Ask, RecordList, Told};
    use crate::page::{Outcome, SiteId, Verdict};
    use crate::store::testing::{Job, commit, record};
    use crate::store::{JournalEntry, Store};

    const A: SiteId = SiteId(0);

    fn search(text: &str, invert: bool, from: Seek) -> Search {
        Search {
            text: text.to_owned(),
            invert,
            from,
        }
    }

    async fn ask(store: &dyn Store, search: Search, limit: usize) -> (RecordList, Vec<String>) {
        let ask = Ask::Records {
            site: None,
            record: None,
            search: Some(search),
            offset: 0,
            limit,
        };
        let Told::Records(list) = store.ask(ask).await else {
            panic!()
        };
        let title = |row: &RecordRow| row.fields["title"].as_str().unwrap().to_owned();
        let titles = list.rows.iter().map(title).collect();
        (list, titles)
    }

    /// Takes one more page, with records of these titles.
    async fn take(job: &Job, titles: &[&str]) {
        let page = job.lease(A, 1).await[0].id;
        let mut commit = commit(A, page, Verdict::Final(Outcome::Done));
        commit.records = titles.iter().map(|title| record("book", title)).collect();
        job.store.commit(commit).await;
        job.store.flush().await.unwrap();
    }

    #[tokio::test]
    async fn a_search_goes_on_where_it_was_left_and_finds_everything() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 1);
        job.add(A, &["1", "2", "3", "4", "5"]).await;
        take(&job, &["red \"one\"", "blue", "a RED\n two"]).await;
        take(&job, &[]).await;
        take(&job, &["green", "redder"]).await;
        // One at a time, from the newest page on.
        let (mut from, mut found, mut questions) = (Seek::Newest, Vec::new(), 0);
        let newest = loop {
            let (list, titles) = ask(&*job.store, search("red", false, from), 1).await;
            let searched = list.searched.unwrap();
            assert_eq!(list.total, 5);
            found.extend(titles);
            questions += 1;
            match searched.last {
                Some(last) => from = Seek::Older(last),
                None => break searched.newest,
            }
        };
        // Of one page in their order, which is not that of the pages.
        assert_eq!(found, ["redder", "red \"one\"", "a RED\n two"]);
        assert!((3..=4).contains(&questions), "{questions}");
        for (text, invert, expected) in [
            ("RED TWO", false, &["a RED\n two"][..]),
            ("\"one\"", false, &["red \"one\""]),
            ("red", true, &["green", "blue"]),
            ("/1", false, &["red \"one\"", "blue", "a RED\n two"]),
            ("title", false, &[]),
            (
                "title",
                true,
                &["green", "redder", "red \"one\"", "blue", "a RED\n two"],
            ),
        ] {
            let (list, titles) = ask(&*job.store, search(text, invert, Seek::Newest), 9).await;
            assert_eq!(titles, expected, "{text}");
            assert_eq!(list.searched.unwrap().last, None);
        }
        // What has come since.
        let (list, _) = ask(&*job.store, search("red", false, Seek::Newest), 9).await;
        let before = list.searched.unwrap().newest.unwrap();
        assert!(newest.is_some());
        take(&job, &["red again", "not"]).await;
        let (list, titles) = ask(&*job.store, search("red", false, Seek::Newer(before)), 9).await;
        assert!(titles.contains(&"red again".to_owned()), "{titles:?}");
        assert!(list.rows.iter().any(|row| row.place() < before));
        assert!(list.searched.unwrap().newest.unwrap() < before);
    }

    #[tokio::test]
    async fn the_journal_is_searched_by_every_column() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 1);
        for n in 0..6 {
            let entry = JournalEntry {
                origin: if n == 4 { "ctl" } else { "deck" },
                command: format!("delay a {n}s"),
                before: format!("before{n}"),
                after: format!("after{n}"),
                answer: "set".to_owned(),
                refused: false,
            };
            job.store.journal(entry).await;
        }
        job.store.flush().await.unwrap();
        let ask = async |text: &str, from, limit| {
            let ask = Ask::Journal {
                search: Some(search(text, false, from)),
                offset: 0,
                limit,
            };
            let Told::Journal(list) = job.store.ask(ask).await else {
                panic!()
            };
            let ids: Vec<u64> = list.rows.iter().map(|row| row.id).collect();
            (ids, list.searched.unwrap())
        };
        for (text, expected) in [
            ("CTL", &[5][..]),
            ("before2", &[3]),
            ("after5", &[6]),
            ("delay a 0", &[1]),
            ("set", &[6, 5, 4, 3, 2, 1]),
            ("nothing", &[]),
        ] {
            assert_eq!(ask(text, Seek::Newest, 9).await.0, expected, "{text}");
        }
        let (first, searched) = ask("set", Seek::Newest, 2).await;
        let (second, _) = ask("set", Seek::Older(searched.last.unwrap()), 2).await;
        assert_eq!((first, second), (vec![6, 5], vec![4, 3]));
        let third = Place { at: 3, id: 3 << 16 };
        let (newer, searched) = ask("set", Seek::Newer(third), 9).await;
        assert_eq!(newer, [6, 5, 4]);
        assert_eq!(searched.newest.unwrap().at, 6);
    }
}
