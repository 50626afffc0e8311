//! All sites: a row each, throughput over time, the last notices.

use super::{Screen, sorts, steps};
use crate::bus::SiteState;
use crate::monitor::SiteView;
use crate::monitor::line::clock;
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::control::pause_site;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns of the screen from which chart and notices stand side by side.
const WIDE: u16 = 130;

/// The screen.
#[derive(Debug)]
pub struct Sites {
    table: Table,
    cursor: Cursor<SiteId>,
    filter: Filter,
}

impl Sites {
    /// The screen, in the order of the file.
    pub fn new() -> Self {
        let columns = vec![
            Column::text("SITE", 10, 0).growing().sorting(),
            Column::text("STATE", 10, 0).sorting(),
            Column::number("DONE/KNOWN", 11, 0).sorting(),
            Column::text("PROGRESS", 16, 9).sorting(),
            Column::number("%", 4, 4).sorting(),
            Column::number("PG/S", 5, 0).sorting(),
            Column::text("LAST MINUTE", 20, 8).sorting(),
            Column::number("MB/S", 5, 7).sorting(),
            Column::number("ERR", 5, 1).sorting(),
            Column::number("WORK", 7, 2).sorting(),
            Column::number("P95", 7, 6).sorting(),
            Column::number("QUEUE", 6, 10).sorting(),
            Column::number("RECORDS", 7, 11).sorting(),
            Column::number("ETA", 7, 3).sorting(),
        ];
        Self {
            table: Table::new(columns),
            cursor: Cursor::default(),
            filter: Filter::default(),
        }
    }

    /// The sites as they are listed: filtered and sorted.
    fn listed(&self, shared: &Shared) -> Vec<SiteId> {
        let sites = &shared.snapshot.sites;
        let mut listed: Vec<SiteId> = (0..u32::try_from(sites.len()).unwrap_or(u32::MAX))
            .map(SiteId)
            .filter(|id| self.filter.takes(&sites[id.index()].name))
            .collect();
        let of = |id: &SiteId| &sites[id.index()];
        match self.table.sorted_by() {
            Some("SITE") => listed.sort_by(|a, b| of(a).name.cmp(&of(b).name)),
            Some("STATE") => listed.sort_by_key(|id| of(id).state as u8),
            Some(key) => {
                let value = |site: &SiteView| -> f64 {
                    match key {
                        "DONE/KNOWN" => site.pages.over() as f64,
                        "PROGRESS" | "%" => done(site),
                        "PG/S" => site.throughput.pages_10s,
                        "LAST MINUTE" => last_minute(site).iter().sum::<u32>().into(),
                        "MB/S" => site.throughput.bytes_10s,
                        "ERR" => site.pages.failed as f64,
                        "WORK" => site.busy() as f64,
                        "P95" => site.latency.p95,
                        "QUEUE" => site.pages.queued as f64,
                        "RECORDS" => site.records as f64,
                        _ => -site.eta.map_or(f64::MAX, |eta| eta.as_secs_f64()),
                    }
                };
                let mut keyed: Vec<(f64, SiteId)> =
                    listed.iter().map(|id| (value(of(id)), *id)).collect();
                keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
                listed = keyed.into_iter().map(|(_, id)| id).collect();
            }
            None => {}
        }
        if self.table.reverse {
            listed.reverse();
        }
        listed
    }

    fn settle(&mut self, shared: &Shared) -> Vec<SiteId> {
        let listed = self.listed(shared);
        self.cursor.settle(0, listed.iter().copied(), listed.len());
        listed
    }

    fn sites(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let listed = self.settle(shared);
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let columns = self.table.headings();
        let site = |row: usize| listed.get(row).and_then(|id| shared.site(*id));
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |row, column| site(row).map(|site| cell(theme, site, &columns[column])),
            |row| listed.get(row).copied(),
        );
        if listed.is_empty() {
            let words = "no site passes the filter; esc clears it";
            self.table.note(pen, words);
        }
        let totals = &shared.snapshot.totals;
        let mut line = format!(
            "{} of {} sites over   {} records   {} received   {} of {} workers busy",
            totals.sites_over,
            shared.snapshot.sites.len(),
            text::count(totals.records),
            text::bytes(totals.bytes),
            totals.busy,
            totals.concurrency,
        );
        let failed = shared.snapshot.sites.iter();
        let failed: Vec<String> = failed
            .filter(|site| site.sources_failed > 0)
            .map(|site| format!("{} {}", site.name, site.sources_failed))
            .collect();
        if !failed.is_empty() {
            line = format!("failed sources: {}   {line}", failed.join(", "));
        }
        if !self.cursor.marks.is_empty() {
            let range = super::range_words(&self.cursor);
            line = format!("{} marked{range}   {line}", self.cursor.marks.len());
        }
        if listed.len() > self.cursor.height {
            line = format!("row {} of {}   {line}", self.cursor.at + 1, listed.len());
        }
        pen.put(status, status.x, status.y, &line, theme.faint());
    }
}

impl Screen for Sites {
    fn view(&self) -> View {
        View::Sites
    }

    fn crumb(&self, _: &Shared) -> String {
        "sites".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let table = u16::try_from(shared.snapshot.sites.len())
            .unwrap_or(u16::MAX)
            .saturating_add(2);
        let least = area.height / 2;
        let height = if area.height < 12 {
            area.height
        } else {
            table
                .min(area.height.saturating_sub(9))
                .max(least.min(table))
        };
        self.sites(pen, Rect { height, ..area }, shared);
        let rest = Rect {
            y: area.y + height,
            height: area.height - height,
            ..area
        };
        if rest.height < 4 {
            return;
        }
        let half = if area.width >= WIDE {
            rest.width / 2
        } else {
            rest.height / 2
        };
        let (chart, notes) = if area.width >= WIDE {
            (
                Rect {
                    width: half,
                    ..rest
                },
                Rect {
                    x: rest.x + half,
                    width: rest.width - half,
                    ..rest
                },
            )
        } else {
            (
                Rect {
                    height: half,
                    ..rest
                },
                Rect {
                    y: rest.y + half,
                    height: rest.height - half,
                    ..rest
                },
            )
        };
        throughput(pen, chart, shared);
        let inside = pen.panel(notes, "last events");
        let notices: Vec<_> = shared.snapshot.notices.iter().collect();
        super::notices(pen, inside, &notices, shared);
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        self.settle(shared);
        if sorts(action, &mut self.table, shared) {
            self.cursor.end_range();
            self.settle(shared);
            return Vec::new();
        }
        match action {
            Action::Enter => {
                if let Some(id) = self.cursor.selected {
                    shared.open(View::Site(id));
                }
            }
            Action::Mark => {
                self.cursor.mark();
                self.settle(shared);
            }
            Action::Range => {
                self.cursor.toggle_range();
                self.settle(shared);
            }
            Action::Pause => {
                let commands: Vec<_> = self
                    .cursor
                    .picked()
                    .into_iter()
                    .filter_map(|id| shared.site(id).map(|site| pause_site(id, site)))
                    .collect();
                let send = |command| submit(shared, command);
                return commands.into_iter().flat_map(send).collect();
            }
            action => {
                if let Some(by) = steps(action, self.cursor.height) {
                    self.cursor.step(by);
                    self.settle(shared);
                }
            }
        }
        Vec::new()
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, shared: &Shared) {
        self.cursor.end_range();
        self.settle(shared);
    }

    fn clear(&mut self, shared: &Shared) -> bool {
        if self.cursor.end_range() {
            return true;
        }
        if self.cursor.marks.is_empty() {
            self.filter.0.clear();
            self.settle(shared);
        }
        self.cursor.unmark();
        // The first of all screens is never left this way.
        true
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, shared: &Shared) -> Option<SiteId> {
        self.settle(shared);
        self.cursor.selected
    }

    fn url(&mut self, shared: &Shared) -> Option<String> {
        let site = shared.site(self.site(shared)?)?;
        Some(site.start.to_string())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let site = shared.site(self.site(shared)?)?;
        let head = |at: usize| &self.table.columns[at].head;
        Some(self.table.row(|theme, at| cell(theme, site, head(at))))
    }
}

/// What part of a site's pages is over.
fn done(site: &SiteView) -> f64 {
    let most = site.controls.max_pages.unwrap_or(u64::MAX);
    let known = site.pages.known().min(most).max(1);
    (site.pages.over() as f64 / known as f64).min(1.0)
}

/// Pages a second, the newest last.
fn last_minute(site: &SiteView) -> &[u32] {
    let history = &site.throughput.history;
    &history[history.len().saturating_sub(60)..]
}

/// A site's cell of one column.
fn cell(theme: Theme, site: &SiteView, column: &str) -> Cell {
    match column {
        "SITE" => Cell::Text(site.name.to_string().into(), theme.strong()),
        "STATE" => {
            let (glyph, style) = theme.state(site.state);
            // A queue that stands still although nobody has paused it.
            let stands = site.standing.is_some() && site.state == SiteState::Running;
            let (word, style) = match (stands, site.controls.draining) {
                (true, _) => ("stands", theme.warn()),
                (false, true) if site.state == SiteState::Running => ("draining", style),
                _ => (site.state.as_str(), style),
            };
            Cell::Text(format!("{glyph} {word}").into(), style)
        }
        "DONE/KNOWN" => Cell::plain(format!(
            "{}/{}",
            text::count(site.pages.over()),
            text::count(site.pages.known())
        )),
        "PROGRESS" => Cell::Bar(done(site), theme.accent()),
        "%" => Cell::plain(format!("{:.0}%", (done(site) * 100.0).floor())),
        "PG/S" => Cell::plain(text::rate(site.throughput.pages_10s)),
        "LAST MINUTE" => {
            let three = last_minute(site).rchunks(3).rev();
            Cell::Spark(
                three.map(|three| three.iter().sum()).collect(),
                theme.good(),
            )
        }
        "MB/S" => Cell::plain(format!("{:.1}", site.throughput.bytes_10s / 1e6)),
        "ERR" => {
            let style = if site.pages.failed > 0 {
                theme.bad()
            } else {
                Style::new()
            };
            Cell::Text(text::count(site.pages.failed).into(), style)
        }
        "WORK" => {
            let auto = if site.controls.auto.is_some() {
                "a"
            } else {
                ""
            };
            Cell::plain(format!(
                "{}/{}{auto}",
                site.busy(),
                site.controls.concurrency
            ))
        }
        "P95" => Cell::plain(text::millis(site.latency.p95)),
        "QUEUE" => Cell::plain(text::count(site.pages.queued)),
        "RECORDS" => Cell::plain(text::count(site.records)),
        _ => Cell::plain(match site.eta {
            Some(eta) => clock(eta),
            None if site.state == SiteState::Running => "?".to_owned(),
            None => "-".to_owned(),
        }),
    }
}

fn throughput(pen: &mut Pen, area: Rect, shared: &Shared) {
    let rates = &shared.snapshot.totals.throughput;
    let top = rates.history.iter().copied().max().unwrap_or(0);
    let title = format!(
        "pages/s: now {}, run {}, top {}",
        text::rate(rates.pages_1s),
        text::rate(rates.pages_run),
        text::count(u64::from(top))
    );
    let inside = pen.panel(area, &title);
    let style = pen.theme.good();
    pen.sparkline(inside, &rates.history, style);
}
