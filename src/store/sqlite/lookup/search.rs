//! Rows that hold a text. No index tells which: so many rows are
//! looked at for one answer, which says where the next one goes on.

mod records;

pub(super) use self::records::records;

use super::super::code::int;
use super::super::filter::Sql;
use super::table;
use crate::bus::search::{Place, Search, Searched, Seek};
use crate::bus::{JournalRow, LatestRow};
use memchr::memmem::Finder;
use rusqlite::{Connection, Result, Row, params_from_iter};

/// Rows looked at for one answer: some ten milliseconds.
const LOOKS: u64 = 20_000;

/// What has been found, and how far the search has come.
pub(super) struct Finding<R> {
    pub(super) rows: Vec<R>,
    limit: usize,
    so_far: Searched,
}

impl<R> Finding<R> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            limit,
            so_far: Searched::default(),
        }
    }

    /// Whether enough was done for one answer.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= self.limit || self.so_far.looked >= LOOKS
    }

    /// Takes a place that was looked at; one `besides` the others is free.
    pub(super) fn step(&mut self, place: Place, besides: bool) {
        self.so_far.looked += u64::from(!besides);
        let newest = self.so_far.newest;
        self.so_far.newest = Some(newest.map_or(place, |newest| newest.min(place)));
        self.so_far.last = Some(place);
    }

    /// What was found, the newest first; `more` where not every row was reached.
    pub(super) fn end(mut self, from: Seek, more: bool) -> (Vec<R>, Searched) {
        if matches!(from, Seek::Newer(_)) {
            self.rows.reverse();
        }
        self.so_far.last = self.so_far.last.filter(|_| more);
        (self.rows, self.so_far)
    }
}

/// Commands that hold the text.
pub(super) fn journal(
    conn: &Connection,
    search: &Search,
    limit: usize,
) -> Result<(Vec<JournalRow>, Searched)> {
    let mut sql = Sql::new(table::COMMANDS);
    by_number(&mut sql, " WHERE ", "id", search.from);
    gather(conn, sql, search, limit, |row| {
        table::command(row).map(Some)
    })
}

/// Those rows of a query that hold the text; `read` makes nothing of some.
pub(super) fn gather<R: LatestRow>(
    conn: &Connection,
    sql: Sql,
    search: &Search,
    limit: usize,
    mut read: impl FnMut(&Row<'_>) -> Result<Option<R>>,
) -> Result<(Vec<R>, Searched)> {
    let mut finding = Finding::new(limit);
    let mut more = false;
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        if finding.is_full() {
            more = true;
            break;
        }
        let Some(row) = read(row)? else {
            continue;
        };
        finding.step(row.place(), false);
        if row.is_found(search) {
            finding.rows.push(row);
        }
    }
    Ok(finding.end(search.from, more))
}

/// Takes rows by their number in this column, behind WHERE or AND, in the order
/// of the search.
pub(super) fn by_number(sql: &mut Sql, behind: &str, column: &str, from: Seek) {
    match from {
        Seek::Newest => {}
        Seek::Older(place) => {
            sql.push(behind)
                .push(column)
                .push(" < ")
                .bind(int(place.at));
        }
        Seek::Newer(place) => {
            sql.push(behind)
                .push(column)
                .push(" > ")
                .bind(int(place.at));
        }
    }
    sql.push(" ORDER BY ").push(column);
    if !matches!(from, Seek::Newer(_)) {
        sql.push(" DESC");
    }
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
    use crate::bus::{Ask, RecordList, RecordRow, Told};
    use crate::page::{Outcome, SiteId, Verdict};
    use crate::store::testing::{Job, commit, record};
    use crate::store::{ApiAnswer, JournalEntry, Store};

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

    #[tokio::test(flavor = "multi_thread")]
    async fn records_of_answers_are_found_among_those_of_pages() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 1);
        job.add(A, &["1"]).await;
        take(&job, &["red page", "blue page"]).await;
        let first = ask(&*job.store, search("page", false, Seek::Newest), 9).await;
        let ended = first.0.rows[0].at;
        for (at, titles) in [
            (ended + 1000, ["red newer", "blue newer"]),
            (ended.saturating_sub(1000), ["red older", "blue older"]),
        ] {
            let answer = ApiAnswer {
                site: A,
                source: "0".to_owned(),
                key: "0".to_owned(),
                first: false,
                number: 0,
                mark: serde_json::Value::Null,
                url: "https://a.test/api".into(),
                at,
                records: titles.map(|title| record("item", title)).into(),
            };
            tokio::task::block_in_place(|| job.store.answer_blocking(answer));
        }
        job.store.flush().await.unwrap();
        let all = [
            "red newer",
            "blue newer",
            "red page",
            "blue page",
            "red older",
            "blue older",
        ];
        for (text, expected) in [
            ("e", &all[..]),
            (
                "/API",
                &["red newer", "blue newer", "red older", "blue older"],
            ),
            (
                "item",
                &["red newer", "blue newer", "red older", "blue older"],
            ),
            ("book", &["red page", "blue page"]),
            ("red", &["red newer", "red page", "red older"]),
        ] {
            // One at a time too, each question going on where the last was left.
            for limit in [9, 1] {
                let (mut from, mut found) = (Seek::Newest, Vec::new());
                loop {
                    let (list, titles) = ask(&*job.store, search(text, false, from), limit).await;
                    assert_eq!(list.total, 6);
                    found.extend(titles);
                    match list.searched.unwrap().last {
                        Some(last) => from = Seek::Older(last),
                        None => break,
                    }
                }
                assert_eq!(found, expected, "{text} {limit}");
            }
        }
        // What has come since the page: the oldest first, given newest first.
        let since = Seek::Newer(first.0.rows[0].place());
        let (_, titles) = ask(&*job.store, search("newer", false, since), 9).await;
        assert_eq!(titles, ["red newer", "blue newer"]);
        let (_, titles) = ask(&*job.store, search("older", false, since), 9).await;
        assert!(titles.is_empty(), "{titles:?}");
        let why = async |url: &str| {
            let url = url.to_owned();
            match job.store.ask(Ask::Why { site: A, url }).await {
                Told::Why(why) => why.answered,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(why("https://a.test/api").await, 4);
        assert_eq!(why("https://a.test/1").await, 0);
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
