//! Pages by their links: dead links, orphans, degrees, and the links of one page.

use super::super::graph::{Bits, COUNTED, Graph, Of, Window};
use super::super::link::{self, unpack};
use super::{Sites, page, row};
use crate::bus::{Degree, Linked, LinkedList, LinkedRow, PageLinks, Told};
use crate::page::SiteId;
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::HashMap;

/// Bytes of links looked through for those to one page: some ten million.
const LOOKED_THROUGH: usize = 16 << 20;
/// Pages that link to a page, named at most.
const NAMED: usize = 20;

/// What a list is of.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) of: Linked,
    pub(super) by: Degree,
    pub(super) reverse: bool,
    pub(super) site: Option<SiteId>,
}

/// The rows of a list that lie in the window.
pub(super) fn list(
    conn: &Connection,
    sites: &Sites,
    wanted: Wanted,
    offset: u64,
    limit: usize,
) -> Result<Told> {
    let none = || Ok(Told::Linked(LinkedList::default()));
    let key = sites.key(wanted.site);
    if wanted.site.is_some() && key.is_none() {
        return none();
    }
    let mut graph = Graph::new(conn, Of { key, listed: true });
    if !graph.is_kept()? {
        return none();
    }
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    let found = match wanted.of {
        Linked::Dead => graph.linked_dead()?,
        Linked::Orphans => graph.orphans()?,
        Linked::Degrees => return degrees(conn, sites, &mut graph, wanted, skip, limit),
    };
    let ids: Vec<u32> = found.iter().skip(skip).take(limit).collect();
    let mut carriers = carriers(&mut graph, &ids)?;
    let mut rows = Vec::with_capacity(ids.len());
    for page in row::rows(conn, sites, &ids)? {
        let (inlinks, first) = carriers.remove(&page.id.0).unwrap_or_default();
        rows.push(LinkedRow {
            redirect: page::redirect(conn, page.id)?,
            inlinks,
            outlinks: 0,
            from: url(conn, first)?,
            page,
        });
    }
    Ok(Told::Linked(LinkedList {
        kept: true,
        total: found.len(),
        offset,
        rows,
    }))
}

/// Every page with its degrees, sorted by one of them.
fn degrees(
    conn: &Connection,
    sites: &Sites,
    graph: &mut Graph<'_>,
    wanted: Wanted,
    skip: usize,
    limit: usize,
) -> Result<Told> {
    let last: Option<u32> = conn.query_row("SELECT max(id) FROM url", [], |row| row.get(0))?;
    if last.unwrap_or(0) > COUNTED {
        let text = format!(
            "degrees of more than {} million pages: export --what degrees counts them",
            COUNTED >> 20
        );
        return Ok(Told::Refused(text));
    }
    let counts = Window::count(graph, 0)?;
    let mut pages: Vec<(u32, u32)> = Vec::new();
    {
        let mut statement = conn.prepare_cached(
            "SELECT id FROM url WHERE (?1 IS NULL OR site = ?1) \
             AND site IN (SELECT key FROM site WHERE place IS NOT NULL)",
        )?;
        let mut rows = statement.query([sites.key(wanted.site)])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            let (inlinks, outlinks) = counts.of(id);
            let degree = match wanted.by {
                Degree::In => inlinks,
                Degree::Out => outlinks,
            };
            pages.push((degree, id));
        }
    }
    pages.sort_unstable_by_key(|(degree, id)| match wanted.reverse {
        true => (*degree, *id),
        false => (u32::MAX - degree, *id),
    });
    let ids: Vec<u32> = pages
        .iter()
        .skip(skip)
        .take(limit)
        .map(|(_, id)| *id)
        .collect();
    let mut rows = Vec::with_capacity(ids.len());
    for page in row::rows(conn, sites, &ids)? {
        let (inlinks, outlinks) = counts.of(page.id.0);
        rows.push(LinkedRow {
            redirect: String::new(),
            inlinks: inlinks.into(),
            outlinks: outlinks.into(),
            from: String::new(),
            page,
        });
    }
    Ok(Told::Linked(LinkedList {
        kept: true,
        total: pages.len() as u64,
        offset: skip as u64,
        rows,
    }))
}

/// How many pages link to each of these, and the first that does.
fn carriers(graph: &mut Graph<'_>, ids: &[u32]) -> Result<HashMap<u32, (u64, u32)>> {
    let mut wanted = Bits::default();
    ids.iter().for_each(|id| wanted.set(*id));
    let mut carriers: HashMap<u32, (u64, u32)> = HashMap::new();
    graph.each(|from, _, targets| {
        for to in targets.iter().filter(|to| wanted.has(**to)) {
            carriers.entry(*to).or_insert((0, from)).0 += 1;
        }
        Ok::<(), rusqlite::Error>(())
    })?;
    Ok(carriers)
}

/// The links of one page of the site with this key; `None` where that keeps none.
pub(super) fn of_page(conn: &Connection, id: u32, key: i64) -> Result<Option<PageLinks>> {
    let of = Of {
        key: Some(key),
        listed: false,
    };
    if !Graph::new(conn, of).is_kept()? {
        return Ok(None);
    }
    let print: i64 = conn
        .prepare_cached("SELECT print FROM url WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    let print = print.cast_unsigned();
    let (outlinks, all_out) = out(conn, id)?;
    let mut links = PageLinks {
        all_in: true,
        outlinks,
        all_out,
        ..PageLinks::default()
    };
    let mut statement =
        conn.prepare_cached("SELECT id, unknown, targets FROM link WHERE site = ?1 ORDER BY id")?;
    let mut rows = statement.query([key])?;
    let mut looked = 0;
    while let Some(row) = rows.next()? {
        let unknown = row.get_ref(1)?.as_blob_or_null()?.unwrap_or_default();
        let targets = row.get_ref(2)?.as_blob()?;
        looked += unknown.len() + targets.len();
        if looked > LOOKED_THROUGH {
            links.all_in = false;
            break;
        }
        let mut here = link::prints(unknown).any(|other| other.0 == print);
        unpack(targets, |target| here |= target == id);
        let from: u32 = row.get(0)?;
        if here && from != id {
            links.inlinks += 1;
            if links.from.len() < NAMED {
                links.from.push(url(conn, from)?);
            }
        }
    }
    Ok(Some(links))
}

/// To how many pages this one links, and whether these are all: which of the
/// URLs that were unknown then are pages by now, only a long search would tell.
fn out(conn: &Connection, id: u32) -> Result<(u64, bool)> {
    let row: Option<(bool, Vec<u8>)> = conn
        .prepare_cached("SELECT unknown IS NULL, targets FROM link WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((whole, targets)) = row else {
        return Ok((0, true));
    };
    let mut out = 0;
    unpack(&targets, |_| out += 1);
    Ok((out, whole))
}

/// A page's URL; empty where it is not there.
fn url(conn: &Connection, id: u32) -> Result<String> {
    let url = conn
        .prepare_cached("SELECT url FROM url WHERE id = ?1")?
        .query_row(params![id], |row| row.get(0))
        .optional()?;
    Ok(url.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Ask;
    use crate::page::{FailureKind, Outcome, PageId, Verdict};
    use crate::store::testing::{Job, new_url, page_of};
    use crate::store::{Links, NewUrl, Store, Via};

    const A: SiteId = SiteId(0);
    const DONE: Verdict = Verdict::Final(Outcome::Done);

    async fn ask(store: &dyn Store, of: Linked, site: Option<SiteId>, offset: u64) -> LinkedList {
        sorted(store, of, (Degree::In, false), site, offset).await
    }

    async fn sorted(
        store: &dyn Store,
        of: Linked,
        (by, reverse): (Degree, bool),
        site: Option<SiteId>,
        offset: u64,
    ) -> LinkedList {
        let ask = Ask::Linked {
            of,
            by,
            reverse,
            site,
            offset,
            limit: 2,
        };
        match store.ask(ask).await {
            Told::Linked(list) => list,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn lists_are_windows_and_a_page_knows_who_links_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 2);
        let of_sitemap = |path: &str| NewUrl {
            via: Via::Sitemap,
            ..new_url(A, path, 0)
        };
        let urls = ["start", "a", "b", "c", "gone"].map(of_sitemap);
        job.store.add(A, urls.to_vec()).await;
        assert!(!ask(&*job.store, Linked::Orphans, None, 0).await.kept);
        let link = |pages: &[u32], rest: &[&str]| {
            Some(Links {
                pages: pages.iter().map(|page| PageId(*page)).collect(),
                rest: rest.iter().map(|path| new_url(A, path, 0).print).collect(),
            })
        };
        job.end(A, DONE, |c| c.links = link(&[5], &["late"])).await;
        job.end(A, DONE, |c| c.links = link(&[5], &[])).await;
        job.store.add(A, vec![new_url(A, "late", 0)]).await;
        for _ in 0..2 {
            job.end(A, DONE, |_| ()).await;
        }
        let failed = Verdict::Final(Outcome::Failed(FailureKind::Status));
        let gone = job.end(A, failed, |_| ()).await;
        job.store.flush().await.unwrap();

        let dead = ask(&*job.store, Linked::Dead, Some(A), 0).await;
        assert!(dead.kept && dead.total == 1);
        let row = &dead.rows[0];
        assert_eq!((row.page.id, row.inlinks), (gone, 2));
        assert_eq!(row.from, "https://a.test/start");
        let orphans = ask(&*job.store, Linked::Orphans, None, 1).await;
        let urls: Vec<&str> = orphans.rows.iter().map(|row| &*row.page.url).collect();
        assert_eq!(orphans.total, 4);
        assert_eq!(urls, ["https://a.test/a", "https://a.test/b"]);
        assert!(
            !ask(&*job.store, Linked::Dead, Some(SiteId(1)), 0)
                .await
                .kept
        );
        assert!(
            !ask(&*job.store, Linked::Dead, Some(SiteId(9)), 0)
                .await
                .kept
        );

        for (by, reverse, offset, want) in [
            (Degree::In, false, 0, ["gone 2 0", "late 1 0"]),
            (Degree::In, false, 2, ["start 0 2", "a 0 1"]),
            (Degree::Out, false, 0, ["start 0 2", "a 0 1"]),
            (Degree::Out, true, 3, ["late 1 0", "a 0 1"]),
        ] {
            let list = sorted(&*job.store, Linked::Degrees, (by, reverse), Some(A), offset).await;
            assert_eq!((list.kept, list.total, list.offset), (true, 6, offset));
            let row = |row: &LinkedRow| {
                let path = row.page.url.trim_start_matches("https://a.test/");
                format!("{path} {} {}", row.inlinks, row.outlinks)
            };
            let rows: Vec<String> = list.rows.iter().map(row).collect();
            assert_eq!(rows, want, "{by:?} {reverse}");
        }

        let of = |page: u32| page_of(&*job.store, PageId(page));
        let links = of(gone.0).await.unwrap().links.unwrap();
        assert_eq!((links.inlinks, links.outlinks), (2, 0));
        assert!(links.all_in && links.all_out);
        assert_eq!(links.from, ["https://a.test/start", "https://a.test/a"]);
        // Found after it was linked to.
        let links = of(6).await.unwrap().links.unwrap();
        assert_eq!(links.from, ["https://a.test/start"]);
        let links = of(1).await.unwrap().links.unwrap();
        assert_eq!((links.outlinks, links.all_out), (1, false));
    }
}
