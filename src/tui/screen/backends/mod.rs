//! The rungs of every site's ladder: what each has, what it costs, and how it
//! stands.

mod draw;

use self::draw::{blocked, cell, detail};
use super::{Screen, range_words, sorts, split_below, steps};
use crate::bus::{Command, RungSet, RungState};
use crate::monitor::{RungView, SiteView};
use crate::page::{Rung, SiteId};
use crate::tui::action::Action;
use crate::tui::control::stepped;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::{refused, submit};
use crate::tui::table::{Column, Rows, Table};
use ratatui::layout::Rect;
use std::time::{Duration, Instant};

/// Rows of the panel below the table.
const PANEL: u16 = 9;
/// For how long a change is believed before a picture shows it.
const BELIEVED: Duration = Duration::from_secs(2);

/// Who a row is.
type Key = (SiteId, Rung);

/// A concurrency or a delay that was just set.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    of: Key,
    pace: (u32, Duration),
    until: Instant,
}

/// The screen.
#[derive(Debug)]
pub struct Backends {
    table: Table,
    cursor: Cursor<Key>,
    filter: Filter,
    /// Of the rungs that were set last.
    wanted: Vec<Wanted>,
}

impl Backends {
    /// The screen, in the order of the file and of each site's ladder.
    pub fn new() -> Self {
        let columns = vec![
            Column::text("SITE", 8, 0).growing().sorting(),
            Column::text("RUNG", 7, 0).sorting(),
            Column::text("STATE", 6, 0),
            Column::number("PAGES", 6, 0).sorting(),
            Column::number("HAD", 4, 0).sorting(),
            Column::number("P50", 6, 1).sorting(),
            Column::number("P95", 6, 0).sorting(),
            Column::number("BLOCKED", 7, 0).sorting(),
            Column::number("WENT ON", 7, 3).sorting(),
            Column::number("WORK", 5, 0),
            Column::number("EXITS", 5, 1),
            Column::number("DELAY", 6, 4),
            Column::number("REQUESTS", 10, 2).sorting(),
            Column::number("MONEY", 10, 0).sorting(),
            Column::text("THROUGH", 16, 5).growing(),
        ];
        Self {
            table: Table::new(columns),
            cursor: Cursor::default(),
            filter: Filter::default(),
            wanted: Vec::new(),
        }
    }

    fn listed(&self, shared: &Shared) -> Vec<Key> {
        let mut listed = Vec::new();
        for (n, site) in (0u32..).zip(&shared.snapshot.sites) {
            for rung in &site.rungs {
                let words = format!(
                    "{} {} {}",
                    site.name,
                    rung.rung.as_str(),
                    rung.state.as_str()
                );
                if self.filter.takes(&words) {
                    listed.push((SiteId(n), rung.rung));
                }
            }
        }
        if let Some(by) = self.table.sorted_by() {
            let value = |key: &Key| -> f64 {
                let Some((_, rung)) = find(shared, *key) else {
                    return 0.0;
                };
                match by {
                    "RUNG" => -(rung.rung.index() as f64),
                    "PAGES" => rung.had as f64,
                    "HAD" => rung.success().unwrap_or(-1.0),
                    "P50" => rung.p50,
                    "P95" => rung.p95,
                    "BLOCKED" => blocked(rung) as f64,
                    "WENT ON" => rung.climbed as f64,
                    "REQUESTS" => rung.spent.requests as f64,
                    "MONEY" => rung.spent.money as f64,
                    _ => 0.0,
                }
            };
            listed.sort_by(|a, b| value(b).total_cmp(&value(a)));
        }
        if self.table.reverse {
            listed.reverse();
        }
        listed
    }

    fn settle(&mut self, shared: &Shared) -> Vec<Key> {
        let listed = self.listed(shared);
        self.cursor.settle(0, listed.iter().copied(), listed.len());
        listed
    }

    fn rows(&mut self, pen: &mut Pen, area: Rect, shared: &Shared, listed: &[Key]) {
        let theme = pen.theme;
        let columns: Vec<String> = self
            .table
            .columns
            .iter()
            .map(|column| column.head.to_string())
            .collect();
        let row = |row: usize| listed.get(row).and_then(|key| find(shared, *key));
        self.table.draw(
            pen,
            area,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |at, column| {
                let (site, rung) = row(at)?;
                let exits = shared.snapshot.exits_of(listed[at].0, rung.rung);
                Some(cell(theme, site, rung, exits, &columns[column]))
            },
            |at| listed.get(at).copied(),
        );
        if listed.is_empty() {
            let words = "no rung passes the filter; esc clears it";
            self.table.note(pen, words);
        }
    }

    /// What a key sets of the rungs that are marked, or of the one under the
    /// cursor.
    fn set(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        let now = Instant::now();
        self.wanted.retain(|set| set.until > now);
        let mut effects = Vec::new();
        for key in self.cursor.picked() {
            effects.extend(self.set_one(key, action, shared, now));
        }
        effects
    }

    fn set_one(
        &mut self,
        key: Key,
        action: Action,
        shared: &mut Shared,
        now: Instant,
    ) -> Vec<Effect> {
        let Some((site, rung)) = find(shared, key) else {
            return Vec::new();
        };
        let (mut workers, mut delay) = site.controls.pace(rung.rung);
        if let Some(wanted) = self.wanted.iter().find(|set| set.of == key) {
            (workers, delay) = wanted.pace;
        }
        let set = match action {
            Action::Pause => match rung.state {
                RungState::Paused | RungState::Down(_) => RungSet::Resume,
                RungState::Open | RungState::Spent => RungSet::Pause,
            },
            Action::Concurrency(step) => {
                workers = workers.saturating_add_signed(step).clamp(1, 1024);
                RungSet::Concurrency(workers)
            }
            Action::Delay(step) => {
                delay = stepped(delay, step);
                RungSet::Delay(delay)
            }
            _ => return Vec::new(),
        };
        if !refused(shared) {
            self.wanted.retain(|set| set.of != key);
            self.wanted.push(Wanted {
                of: key,
                pace: (workers, delay),
                until: now + BELIEVED,
            });
        }
        submit(shared, Command::Rung(key.0, key.1, set))
    }
}

impl Screen for Backends {
    fn view(&self) -> View {
        View::Backends
    }

    fn crumb(&self, _: &Shared) -> String {
        "backends".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let listed = self.settle(shared);
        let panel = if area.height >= PANEL * 2 { PANEL } else { 0 };
        let (table, below) = split_below(area, panel);
        let marked = self.cursor.marks.len();
        let (table, line) = split_below(table, u16::from(marked > 0 && table.height > 2));
        self.rows(pen, table, shared, &listed);
        if line.height > 0 {
            let words = format!("{marked} marked{}", range_words(&self.cursor));
            pen.put(line, line.x, line.y, &words, pen.theme.faint());
        }
        if let Some((site, rung)) = self.cursor.selected.and_then(|key| find(shared, key))
            && panel > 0
        {
            let known = self.cursor.selected.map(|key| key.0);
            let exits = known.and_then(|id| shared.snapshot.exits_of(id, rung.rung));
            detail(pen, below, site, rung, exits);
        }
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        self.settle(shared);
        if sorts(action, &mut self.table, shared) {
            self.cursor.end_range();
            self.settle(shared);
            return Vec::new();
        }
        if matches!(action, Action::Mark | Action::Range) {
            match action {
                Action::Mark => self.cursor.mark(),
                _ => self.cursor.toggle_range(),
            }
            self.settle(shared);
            return Vec::new();
        }
        if action == Action::Enter {
            if let Some((id, rung)) = self.cursor.selected {
                shared.open(match shared.snapshot.exits_of(id, rung) {
                    Some(_) => View::Exits(id, rung),
                    None => View::Site(id),
                });
            }
            return Vec::new();
        }
        if let Some(by) = steps(action, self.cursor.height) {
            self.cursor.step(by);
            self.settle(shared);
            return Vec::new();
        }
        self.set(action, shared)
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
        if !self.cursor.marks.is_empty() {
            self.cursor.unmark();
            return true;
        }
        let filtered = !self.filter.0.is_empty();
        self.filter.0.clear();
        self.settle(shared);
        filtered
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, shared: &Shared) -> Option<SiteId> {
        self.settle(shared);
        self.cursor.selected.map(|(site, _)| site)
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        self.settle(shared);
        let key = self.cursor.selected?;
        let (site, rung) = find(shared, key)?;
        let exits = shared.snapshot.exits_of(key.0, key.1);
        let head = |at: usize| &self.table.columns[at].head;
        let cell = |theme, at| cell(theme, site, rung, exits, head(at));
        Some(self.table.row(cell))
    }
}

fn find(shared: &Shared, (site, rung): Key) -> Option<(&SiteView, &RungView)> {
    let site = shared.snapshot.sites.get(site.index())?;
    let rung = site.rungs.iter().find(|view| view.rung == rung)?;
    Some((site, rung))
}
