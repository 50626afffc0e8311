//! Failures by kind, status and host: how many, and whether they grow; and
//! sitemaps, lists and APIs that failed.

mod rows;

use self::rows::{Depth, Key, Of, Row, cell};
use super::{Screen, sorts, sources, steps};
use crate::bus::{Ask, Command, Failures, PageFilter, Pick, Told};
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::table::{Column, Rows, Table};
use ratatui::layout::Rect;
use std::collections::HashSet;
use std::time::Instant;

/// The screen.
#[derive(Debug)]
pub struct Groups {
    of: Option<SiteId>,
    depth: Depth,
    table: Table,
    cursor: Cursor<Key>,
    filter: Filter,
    failures: Failures,
    rows: Vec<Row>,
    /// Since when it is shown.
    since: Instant,
    asked: Asked,
}

impl Groups {
    /// Of one site, or of all.
    pub fn new(of: Option<SiteId>) -> Self {
        let columns = vec![
            Column::text("KIND", 14, 0).sorting(),
            Column::number("STATUS", 7, 0).sorting(),
            Column::text("HOST", 10, 0).growing().sorting(),
            Column::number("COUNT", 7, 0).sorting(),
            Column::text("LAST HOUR", 12, 2).sorting(),
        ];
        Self {
            of,
            depth: Depth::Host,
            table: Table::new(columns),
            cursor: Cursor::default(),
            filter: Filter::default(),
            failures: Failures::default(),
            rows: Vec::new(),
            since: Instant::now(),
            asked: Asked::default(),
        }
    }

    fn base(&self) -> PageFilter {
        PageFilter {
            site: self.of,
            ..PageFilter::failed()
        }
    }

    /// Which pages a row stands for.
    fn pages(&self, of: &Of) -> PageFilter {
        PageFilter {
            kind: of.kind,
            status: of.status.flatten(),
            host: of.host.clone(),
            ..self.base()
        }
    }

    /// Failures in all, as the snapshot counts them.
    fn total(&self, shared: &Shared) -> u64 {
        match self.of {
            Some(id) => shared.site(id).map_or(0, |site| site.pages.failed),
            None => shared.snapshot.totals.pages.failed,
        }
    }

    /// Sources that failed in this run, as the snapshot counts them.
    fn sources(&self, shared: &Shared) -> u64 {
        let sites = shared.snapshot.sites.iter().enumerate();
        let of = sites.filter(|(at, _)| self.of.is_none_or(|id| id.index() == *at));
        of.map(|(_, site)| site.sources_failed).sum()
    }

    /// How many failed sources there are: as the store has them, where it has
    /// told.
    fn sources_total(&self, shared: &Shared) -> u64 {
        match self.asked.answered && self.asked.refused.is_none() {
            true => self.failures.sources_total,
            false => self.sources(shared),
        }
    }

    fn arrange(&mut self, shared: &Shared) {
        let (groups, total) = (&self.failures.groups, self.total(shared));
        let mut rows = rows::pages(groups, self.depth, &self.filter, total);
        rows::sort_pages(&mut rows, &self.table, self.depth);
        let many = self.of.is_none() && shared.snapshot.sites.len() > 1;
        rows.extend(rows::sources(
            &self.failures,
            self.sources_total(shared),
            &self.filter,
            &self.table,
            |failed| many.then(|| shared.site_name(failed.site).to_owned()),
        ));
        self.rows = rows;
        let ids = self.rows.iter().map(|row| row.key.clone());
        self.cursor.settle(0, ids, self.rows.len());
    }

    fn current(&self) -> Option<&Row> {
        self.rows.get(self.cursor.at)
    }

    fn retry(&self, shared: &mut Shared) -> Vec<Effect> {
        let Some(row) = self.current() else {
            return Vec::new();
        };
        match (&row.key, &row.source) {
            (Key::Pages(of), _) if row.count > 0 => {
                submit(shared, Command::Retry(Pick::Matching(self.pages(of))))
            }
            (Key::Source(key), Some((failed, _))) => {
                submit(shared, sources::retry(key.site, &failed.source))
            }
            (Key::Sources, _) if self.filter.0.is_empty() => {
                let (site, name) = (self.of, None);
                submit(shared, Command::RetrySources { site, name })
            }
            // Those that the filter shows, and no others.
            (Key::Sources, _) => {
                let shown = self.rows.iter().filter_map(|row| row.source.as_ref());
                let mut seen = HashSet::new();
                let commands: Vec<Command> = shown
                    .filter(|(failed, _)| seen.insert((failed.site, &failed.source.name)))
                    .map(|(failed, _)| sources::retry(failed.site, &failed.source))
                    .collect();
                let send = |command| submit(shared, command);
                commands.into_iter().flat_map(send).collect()
            }
            _ => Vec::new(),
        }
    }

    fn ignore(&self, shared: &mut Shared) -> Vec<Effect> {
        match self.current().map(|row| (&row.key, row.count)) {
            Some((Key::Pages(of), 1..)) => {
                submit(shared, Command::Ignore(Pick::Matching(self.pages(of))))
            }
            Some((Key::Sources | Key::Source(_), _)) => {
                let words = "a source is not ignored: take it out of the sites file, or r asks it";
                shared.toast(words, false);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn enter(&self, shared: &mut Shared) {
        let Some(row) = self.current() else {
            return;
        };
        match (&row.key, &row.source) {
            (Key::Pages(of), _) => shared.open(View::Failures(self.pages(of))),
            (_, Some((failed, _))) => {
                let name = failed.source.name.clone();
                shared.open(View::Sources(failed.site, Some(name)));
            }
            _ => {
                let failed = self.failures.sources.iter().map(|failed| failed.site);
                let sites: HashSet<SiteId> = failed.collect();
                match sites.iter().next() {
                    Some(site) if sites.len() == 1 => shared.open(View::Sources(*site, None)),
                    _ => shared.toast("they are of several sites: choose one below", false),
                }
            }
        }
    }

    /// What stands below the rows where no group of pages is shown.
    fn note(&self, shared: &Shared) -> Option<&str> {
        let of_pages = |row: &&Row| matches!(row.key, Key::Pages(_));
        let groups = self.rows.iter().filter(of_pages).count();
        let others = self.rows.len() > groups;
        match (&self.asked.refused, self.total(shared)) {
            _ if groups > 1 => None,
            (Some(why), _) => Some(why),
            (None, 0) if others => None,
            (None, 0) if self.filter.0.is_empty() => Some("no failed pages"),
            (None, _) if !self.filter.0.is_empty() => {
                (!others).then_some("no group passes the filter")
            }
            (None, _) => Some(self.asked.words()),
        }
    }
}

impl Screen for Groups {
    fn view(&self) -> View {
        View::Groups(self.of)
    }

    fn crumb(&self, _: &Shared) -> String {
        "failures".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        self.arrange(shared);
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let tree = self.table.sort.is_none();
        let rows = &self.rows;
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |at, column| rows.get(at).map(|row| cell(theme, row, column, tree)),
            |at| rows.get(at).map(|row| row.key.clone()),
        );
        if let Some(words) = self.note(shared) {
            let at = self.table.body;
            let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX).max(1);
            if rows < at.height {
                pen.put(at, at.x, at.y + rows, words, theme.faint());
            }
        }
        let by = match self.depth {
            Depth::Kind => "kind",
            Depth::Status => "kind and status",
            Depth::Host => "kind, status and host",
        };
        let pages = self.total(shared);
        let words = match self.sources_total(shared) {
            0 => format!("{pages} failed pages by {by}   enter lists, A retries a group"),
            n => format!(
                "{pages} failed pages by {by}, {}   A retries",
                sources::count(n)
            ),
        };
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        self.arrange(shared);
        if sorts(action, &mut self.table, shared) {
            self.arrange(shared);
            return Vec::new();
        }
        match action {
            Action::Enter => self.enter(shared),
            Action::Retry | Action::RetryAll => return self.retry(shared),
            Action::Ignore => return self.ignore(shared),
            Action::GroupBy => {
                self.depth = match self.depth {
                    Depth::Kind => Depth::Status,
                    Depth::Status => Depth::Host,
                    Depth::Host => Depth::Kind,
                };
                self.arrange(shared);
            }
            action => {
                if let Some(by) = steps(action, self.cursor.height) {
                    self.cursor.step(by);
                    self.arrange(shared);
                }
            }
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let pages = &shared.snapshot.totals.pages;
        let sources = self.sources(shared);
        // The picture may have come before it was durable. Recordings tell of none.
        let differs = sources != self.failures.sources_total && !shared.replay;
        let clock = match differs && self.asked.answered {
            true => self.since.elapsed().as_secs(),
            false => 0,
        };
        let version = pages.failed.wrapping_mul(31)
            ^ sources.wrapping_mul(1_000_003)
            ^ clock << 32
            ^ shared.answers << 48;
        Some((Ask::Groups(self.base()), version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, shared: &mut Shared) {
        if let Told::Groups(failures) = told {
            let names = failures.sources.iter();
            shared.sources = names.map(|failed| failed.source.name.clone()).collect();
            self.failures = failures;
            self.arrange(shared);
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, shared: &Shared) {
        self.arrange(shared);
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        let source = self.current().and_then(|row| row.source.as_ref());
        self.of.or(source.map(|(failed, _)| failed.site))
    }

    fn row(&mut self, _: &Shared) -> Option<String> {
        let row = self.current()?;
        let words = self.table.row(|theme, at| cell(theme, row, at, false));
        Some(words.trim_end_matches('\t').to_owned())
    }
}
