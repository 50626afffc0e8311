//! The link graph: edges, degrees, pages without links, links to dead pages.

use super::Reader;
use super::page::{ONE, PageRow, read};
use crate::store::sqlite::code::outcome_name;
use crate::store::sqlite::graph::{Bits, Graph, Of, Window, end};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::HashMap;
use std::rc::Rc;

/// What pages' rows may take that are kept in RAM, bytes: the same ones are
/// linked to again and again.
const KEPT: usize = 32 << 20;
/// What a row takes besides its URLs, about, bytes.
const ROW: usize = 400;

/// An end of a link, or a page and its links. Text is as it came: clean it
/// before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// The page's number.
    pub id: u32,
    /// Its site's name.
    pub site: String,
    /// Its URL in normal form.
    pub url: String,
    /// `done`, `failed`, `skipped` or `queued`.
    pub outcome: &'static str,
    /// The kind or reason behind it.
    pub reason: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// Links from the start page.
    pub depth: u32,
}

/// One link from page to page, or one redirect.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The page on which it stands.
    pub from: Rc<Brief>,
    /// The page to which it leads.
    pub to: Rc<Brief>,
    /// Whether it is a redirect.
    pub redirect: bool,
}

/// A page and how many links lead to it and stand on it, each page counted once
/// and redirects not at all.
#[derive(Debug, Clone)]
pub struct Degrees {
    /// The page.
    pub page: Brief,
    /// Pages that link to it.
    pub inlinks: u32,
    /// Pages to which it links.
    pub outlinks: u32,
}

/// A link to a page that failed.
#[derive(Debug, Clone)]
pub struct DeadLink {
    /// What is linked to: the failed page, or one that redirects to it.
    pub page: Rc<PageRow>,
    /// The failed page.
    pub end: Rc<PageRow>,
    /// The URL of the page that carries the link.
    pub from: String,
}

/// Pages that a taker has chosen.
#[derive(Debug, Clone, Default)]
pub struct PageSet(Bits);

impl PageSet {
    /// Adds a page, by number.
    pub fn add(&mut self, page: u32) {
        self.0.set(page);
    }

    /// Whether it has this page.
    pub fn has(&self, page: u32) -> bool {
        self.0.has(page)
    }
}

/// Which edges are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edges<'a> {
    /// Only of this site.
    pub site: Option<&'a str>,
    /// Only those that lead to one of these pages.
    pub to: Option<&'a PageSet>,
}

impl Reader {
    /// Whether links are kept, of one site where one is named.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn keeps_links(&self, site: Option<&str>) -> Result<bool> {
        self.graph(site)?.is_kept()
    }

    /// Hands every edge to `visit` by the numbers of its ends, and whether it is
    /// a redirect: links in the order of the pages on which they stand, then
    /// redirects.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn edge_ids<E: From<rusqlite::Error>>(
        &self,
        edges: Edges<'_>,
        mut visit: impl FnMut(u32, u32, bool) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut graph = self.graph(edges.site)?;
        let wanted = |page: u32| edges.to.is_none_or(|set| set.has(page));
        graph.each(|from, _, targets| {
            for to in targets.iter().filter(|page| wanted(**page)) {
                visit(from, *to, false)?;
            }
            Ok::<(), E>(())
        })?;
        graph.redirects(|from, to| match wanted(to) {
            true => visit(from, to, true),
            false => Ok(()),
        })
    }

    /// [`Reader::edge_ids`] with what is known of the ends.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn edges<E: From<rusqlite::Error>>(
        &self,
        edges: Edges<'_>,
        mut visit: impl FnMut(Edge) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut briefs = Kept::new(brief);
        self.edge_ids(edges, |from, to, redirect| {
            let ends = (briefs.get(&self.conn, from)?, briefs.get(&self.conn, to)?);
            // A page that was forgotten while this is read has no row.
            let (Some(from), Some(to)) = ends else {
                return Ok(());
            };
            visit(Edge { from, to, redirect })
        })
    }

    /// Hands every known page to `visit`, in the order of discovery.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn briefs<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(Brief) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.each(
            concat!(
                "SELECT u.id, s.name, u.url, p.outcome, p.reason, p.status, u.depth FROM url u ",
                "LEFT JOIN page p ON p.id = u.id CROSS JOIN site s ON s.key = u.site ",
                "WHERE u.id > ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY u.id"
            ),
            site,
            |row| {
                let brief = brief_of(row)?;
                let size = brief.url.len() + 200;
                Ok((brief, size))
            },
            visit,
        )
    }

    /// Hands every known page and its degrees to `visit`, in the order of
    /// discovery.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn degrees<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        mut visit: impl FnMut(Degrees) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut graph = self.graph(site)?;
        let mut window = Window::default();
        self.briefs(site, |page| {
            if !window.covers(page.id) {
                window = Window::count(&mut graph, page.id)?;
            }
            let (inlinks, outlinks) = window.of(page.id);
            visit(Degrees {
                page,
                inlinks,
                outlinks,
            })
        })
    }

    /// Hands every page to `visit` that a sitemap, a list or an API names and to
    /// which no link leads, of sites that keep links.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn orphans<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        mut visit: impl FnMut(PageRow) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let orphans = self.graph(site)?.orphans()?;
        for id in orphans.iter() {
            if let Some(page) = page(&self.conn, id)? {
                visit(page)?;
            }
        }
        Ok(())
    }

    /// Hands every link to a failed page to `visit`, once for each page that
    /// carries it, in the order of those pages.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn dead_links<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        mut visit: impl FnMut(DeadLink) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut graph = self.graph(site)?;
        let dead = graph.dead()?;
        let (mut briefs, mut pages) = (Kept::new(brief), Kept::new(page));
        graph.each(|from, _, targets| {
            for to in targets.iter().filter(|page| dead.has(**page)) {
                let last = match end(&self.conn, *to)? {
                    Some(Ok(last)) => last,
                    _ => *to,
                };
                let rows = (
                    briefs.get(&self.conn, from)?,
                    pages.get(&self.conn, *to)?,
                    pages.get(&self.conn, last)?,
                );
                if let (Some(from), Some(page), Some(end)) = rows {
                    let from = from.url.clone();
                    visit(DeadLink { page, end, from })?;
                }
            }
            Ok::<(), E>(())
        })
    }

    fn graph(&self, site: Option<&str>) -> Result<Graph<'_>> {
        let key = match site {
            None => None,
            Some(name) => Some(
                self.conn
                    .prepare_cached("SELECT key FROM site WHERE name = ?1")?
                    .query_row([name], |row| row.get(0))
                    .optional()?
                    // No site has this one.
                    .unwrap_or(-1),
            ),
        };
        let listed = false;
        Ok(Graph::new(&self.conn, Of { key, listed }))
    }
}

/// A row whose URLs are most of it.
trait Row {
    /// Bytes of them.
    fn urls(&self) -> usize;
}

impl Row for Brief {
    fn urls(&self) -> usize {
        self.url.len()
    }
}

impl Row for PageRow {
    fn urls(&self) -> usize {
        self.url.len() + self.final_url.len()
    }
}

/// Rows of pages, read once as long as there is room for them.
struct Kept<T> {
    rows: HashMap<u32, Rc<T>>,
    bytes: usize,
    read: fn(&Connection, u32) -> Result<Option<T>>,
}

impl<T: Row> Kept<T> {
    fn new(read: fn(&Connection, u32) -> Result<Option<T>>) -> Self {
        Self {
            rows: HashMap::new(),
            bytes: 0,
            read,
        }
    }

    fn get(&mut self, conn: &Connection, page: u32) -> Result<Option<Rc<T>>> {
        if let Some(row) = self.rows.get(&page) {
            return Ok(Some(row.clone()));
        }
        let Some(row) = (self.read)(conn, page)? else {
            return Ok(None);
        };
        if self.bytes >= KEPT {
            self.rows.clear();
            self.bytes = 0;
        }
        self.bytes += row.urls() + ROW;
        let row = Rc::new(row);
        self.rows.insert(page, row.clone());
        Ok(Some(row))
    }
}

fn brief(conn: &Connection, page: u32) -> Result<Option<Brief>> {
    conn.prepare_cached(
        "SELECT u.id, s.name, u.url, p.outcome, p.reason, p.status, u.depth FROM url u \
         LEFT JOIN page p ON p.id = u.id CROSS JOIN site s ON s.key = u.site WHERE u.id = ?1",
    )?
    .query_row([page], brief_of)
    .optional()
}

fn brief_of(row: &rusqlite::Row<'_>) -> Result<Brief> {
    Ok(Brief {
        id: row.get(0)?,
        site: row.get(1)?,
        url: row.get(2)?,
        outcome: outcome_name(row.get(3)?),
        reason: row.get(4)?,
        status: row.get(5)?,
        depth: row.get(6)?,
    })
}

fn page(conn: &Connection, page: u32) -> Result<Option<PageRow>> {
    conn.prepare_cached(ONE)?
        .query_row(params![page], |row| read(conn, row).map(|(page, _)| page))
        .optional()
}
