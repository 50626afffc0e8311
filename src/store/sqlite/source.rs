//! Sitemaps, lists and APIs: what became of each, and which are to be asked again.

use super::code::{count, int, source_kind, source_state};
use super::site::Sites;
use super::write::run;
use crate::bus::{SourceRow, SourceState};
use crate::page::SiteId;
use crate::store::types::{LeftSitemap, SitemapAddress, SourceNews, SourceReport};
use rusqlite::{Connection, Result, Row, params};

/// Columns of [`read`], from `source o`.
pub(in crate::store) const COLUMNS: &str =
    "o.kind, o.name, o.state, o.read, o.urls, o.bad, o.problem, o.at";

/// A row of [`COLUMNS`] that begin at `from`.
pub(in crate::store) fn read(row: &Row<'_>, from: usize) -> Result<SourceRow> {
    let kind: String = row.get(from)?;
    let state: String = row.get(from + 2)?;
    Ok(SourceRow {
        kind: source_kind(&kind),
        name: row.get(from + 1)?,
        state: source_state(&state),
        read: count(row.get(from + 3)?),
        urls: count(row.get(from + 4)?),
        bad: count(row.get(from + 5)?),
        problem: row.get(from + 6)?,
        at: count(row.get(from + 7)?),
    })
}

/// Writes down what became of a source.
pub(super) fn apply(
    conn: &Connection,
    sites: &Sites,
    site: SiteId,
    news: &SourceNews,
) -> Result<()> {
    let Some(key) = sites.get(site).map(|site| site.key) else {
        return Ok(());
    };
    match news {
        SourceNews::Stands(report) => stands(conn, key, report),
        SourceNews::Again(None) => {
            let sql = "UPDATE source SET state = ?2 WHERE site = ?1 AND state = ?3";
            let (to, from) = (SourceState::Waiting.as_str(), SourceState::Failed.as_str());
            run(conn, sql, params![key, to, from]).map(|_| ())
        }
        SourceNews::Again(Some(keys)) => {
            let waiting = SourceState::Waiting.as_str();
            let sql = "UPDATE source SET state = ?3 WHERE site = ?1 AND key = ?2";
            for source in keys {
                run(conn, sql, params![key, source, waiting])?;
            }
            Ok(())
        }
        SourceNews::Gone(source) => {
            let sql = "DELETE FROM source WHERE site = ?1 AND key = ?2";
            run(conn, sql, params![key, source]).map(|_| ())
        }
        SourceNews::Only(keys) => {
            let mut known = conn
                .prepare_cached("SELECT key FROM source WHERE site = ?1 AND kind <> 'sitemap'")?;
            let known: Vec<String> = known
                .query_map([key], |row| row.get(0))?
                .collect::<Result<_>>()?;
            for source in known.iter().filter(|source| !keys.contains(source)) {
                let sql = "DELETE FROM source WHERE site = ?1 AND key = ?2";
                run(conn, sql, params![key, source])?;
            }
            Ok(())
        }
    }
}

fn stands(conn: &Connection, key: i64, report: &SourceReport) -> Result<()> {
    let row = &report.row;
    let address = report.address.as_ref();
    run(
        conn,
        "INSERT INTO source (site, key, kind, name, state, read, urls, bad, problem, at, \
         address, nesting, asked) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT (site, key) DO UPDATE SET kind = excluded.kind, name = excluded.name, \
         state = excluded.state, read = excluded.read, urls = excluded.urls, \
         bad = excluded.bad, problem = excluded.problem, at = excluded.at, \
         address = excluded.address, nesting = excluded.nesting, asked = excluded.asked",
        params![
            key,
            report.key,
            row.kind.as_str(),
            row.name,
            row.state.as_str(),
            int(row.read),
            int(row.urls),
            int(row.bad),
            row.problem,
            int(row.at),
            address.map(|address| &*address.url),
            address.map_or(0, |address| address.nesting),
            address.is_none_or(|address| address.asked),
        ],
    )?;
    for (source, name, address) in &report.named {
        run(
            conn,
            "INSERT OR IGNORE INTO source (site, key, kind, name, state, at, address, nesting) \
             VALUES (?1, ?2, 'sitemap', ?3, ?4, ?5, ?6, ?7)",
            params![
                key,
                source,
                name,
                SourceState::Waiting.as_str(),
                int(row.at),
                address.url,
                address.nesting
            ],
        )?;
    }
    Ok(())
}

/// The sitemaps of a site that are not read to their end.
pub(super) fn left(conn: &Connection, key: i64) -> Result<Vec<LeftSitemap>> {
    conn.prepare_cached(
        "SELECT key, address, nesting, asked FROM source \
         WHERE site = ?1 AND kind = 'sitemap' AND state <> 'done' ORDER BY id",
    )?
    .query_map([key], |row| {
        let url: Option<String> = row.get(1)?;
        let (nesting, asked) = (row.get(2)?, row.get(3)?);
        let address = url.map(|url| SitemapAddress {
            url: url.into(),
            nesting,
            asked,
        });
        Ok(LeftSitemap {
            key: row.get(0)?,
            address,
        })
    })?
    .collect()
}

/// Forgets the sources of a site.
pub(super) fn forget(conn: &Connection, key: i64) -> Result<()> {
    run(conn, "DELETE FROM source WHERE site = ?1", [key]).map(|_| ())
}

/// Sources of a site: those that failed first, then the latest.
pub(super) fn list(conn: &Connection, key: i64, most: usize) -> Result<Vec<SourceRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM source o WHERE o.site = ?1 \
         ORDER BY o.state <> 'failed', o.at DESC, o.id LIMIT ?2"
    );
    conn.prepare_cached(&sql)?
        .query_map(params![key, int(most as u64)], |row| read(row, 0))?
        .collect()
}

/// How many sources of a site there are in each state.
pub(in crate::store) fn counts(conn: &Connection, key: i64) -> Result<Vec<(SourceState, u64)>> {
    conn.prepare_cached("SELECT state, count(*) FROM source WHERE site = ?1 GROUP BY state")?
        .query_map([key], |row| {
            let state: String = row.get(0)?;
            Ok((source_state(&state), count(row.get(1)?)))
        })?
        .collect()
}

/// Sources of a site that failed, the latest first.
pub(in crate::store) fn failed(conn: &Connection, key: i64, most: usize) -> Result<Vec<SourceRow>> {
    let rows = list(conn, key, most)?;
    let failed = rows.into_iter();
    Ok(failed
        .filter(|row| row.state == SourceState::Failed)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Ask, PageFilter, SourceKind, Told};
    use crate::store::Store;
    use crate::store::reader::Reader;
    use crate::store::testing::{Job, names, saved};

    const SITE: SiteId = SiteId(0);

    fn address(url: &str) -> SitemapAddress {
        SitemapAddress {
            url: url.into(),
            nesting: 1,
            asked: true,
        }
    }

    fn report(kind: SourceKind, key: &str, state: SourceState) -> SourceReport {
        SourceReport {
            key: key.to_owned(),
            row: SourceRow {
                kind,
                name: format!("https://e.org/{key}"),
                state,
                read: 3,
                urls: 2,
                bad: 1,
                problem: "status 503".to_owned(),
                at: 1_700_000_000_000,
            },
            address: None,
            named: Vec::new(),
        }
    }

    async fn stands(store: &dyn Store, report: SourceReport) {
        let news = SourceNews::Stands(Box::new(report));
        store.source(SITE, news).await;
    }

    /// Keys and states, as `export` and the deck see them.
    async fn rows(dir: &std::path::Path, store: &dyn Store) -> Vec<(String, &'static str)> {
        store.flush().await.unwrap();
        let mut rows = Vec::new();
        let reader = Reader::open(dir).unwrap();
        reader
            .sources::<rusqlite::Error>(None, |row| {
                let key = row.source.name.rsplit('/').next().unwrap().to_owned();
                rows.push((key, row.source.state.as_str()));
                Ok(())
            })
            .unwrap();
        let told = store.ask(Ask::Sources(SITE)).await;
        let Told::Sources(shown) = told else {
            panic!("{told:?}");
        };
        assert_eq!(shown.len(), rows.len());
        assert!(shown.is_sorted_by_key(|row| row.state != SourceState::Failed));
        rows
    }

    #[tokio::test]
    async fn what_became_of_a_source_is_kept_and_what_is_left_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 1);
        let store = &*job.store;
        let mut index = report(SourceKind::Sitemap, "index", SourceState::Done);
        index.address = Some(address("https://e.org/index"));
        for key in ["a", "b"] {
            let url = format!("https://e.org/{key}");
            let named = (key.to_owned(), url.clone(), address(&url));
            index.named.push(named);
        }
        stands(store, index).await;
        stands(store, report(SourceKind::List, "list", SourceState::Failed)).await;
        stands(store, report(SourceKind::Api, "api", SourceState::Reading)).await;
        let own = report(SourceKind::Sitemap, "own", SourceState::Failed);
        stands(store, own).await;
        let expected = |rows: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            let rows = rows.iter();
            rows.map(|(key, state)| ((*key).to_owned(), *state))
                .collect()
        };
        let all = [
            ("index", "done"),
            ("a", "waiting"),
            ("b", "waiting"),
            ("list", "failed"),
            ("api", "reading"),
            ("own", "failed"),
        ];
        assert_eq!(rows(dir.path(), store).await, expected(&all));

        let some = vec!["own".to_owned(), "unknown".to_owned()];
        let now = |own, list| {
            let mut all = all;
            (all[3].1, all[5].1) = (list, own);
            expected(&all)
        };
        store.source(SITE, SourceNews::Again(Some(some))).await;
        assert_eq!(rows(dir.path(), store).await, now("waiting", "failed"));
        let failed = |told| match told {
            Told::Groups(failures) => (failures.sources_total, failures.sources.len()),
            other => panic!("{other:?}"),
        };
        let ask = |site| {
            Ask::Groups(PageFilter {
                site,
                ..PageFilter::failed()
            })
        };
        assert_eq!(failed(store.ask(ask(None)).await), (1, 1));
        assert_eq!(failed(store.ask(ask(Some(SiteId(1)))).await), (0, 0));
        store.source(SITE, SourceNews::Again(None)).await;
        assert_eq!(rows(dir.path(), store).await, now("waiting", "waiting"));
        assert_eq!(failed(store.ask(ask(Some(SITE))).await), (0, 0));
        let own = report(SourceKind::Sitemap, "own", SourceState::Failed);
        stands(store, own).await;

        let mut read = report(SourceKind::Sitemap, "a", SourceState::Done);
        read.address = Some(address("https://e.org/a"));
        stands(store, read).await;
        store
            .source(SITE, SourceNews::Only(vec!["api".to_owned()]))
            .await;
        store.source(SITE, SourceNews::Gone("own".to_owned())).await;
        let state = saved(crate::bus::SiteState::Stopped);
        store.save_site(SITE, state.clone()).await;
        let now = [
            ("index", "done"),
            ("a", "done"),
            ("b", "waiting"),
            ("api", "reading"),
        ];
        assert_eq!(rows(dir.path(), store).await, expected(&now));
        drop(job);

        let job = Job::open(dir.path(), 1);
        let left = LeftSitemap {
            key: "b".to_owned(),
            address: Some(address("https://e.org/b")),
        };
        assert_eq!(job.sites[0].sitemaps, [left]);
        assert!(job.store.forget(SITE).await);
        assert_eq!(rows(dir.path(), &*job.store).await, []);
        stands(
            &*job.store,
            report(SourceKind::List, "list", SourceState::Done),
        )
        .await;
        job.store.flush().await.unwrap();
        drop(job);

        // By another document all is read again.
        let mut sites = names(1);
        sites[0].digest += 1;
        let job = Job::open_with(dir.path(), sites, |_| ());
        assert_eq!(rows(dir.path(), &*job.store).await, []);
    }
}
