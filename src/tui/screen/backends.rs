//! The rungs of every site's ladder: what each has, what it costs, and how it
//! stands.

use super::{Screen, exits, sorts, split_below, steps};
use crate::bus::{Command, Exits, RungSet, RungState};
use crate::monitor::{RungView, SiteView};
use crate::page::money::amount;
use crate::page::{FailureKind, Rung, SiteId};
use crate::tui::action::Action;
use crate::tui::control::stepped;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::{refused, submit};
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
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
    wanted: Option<Wanted>,
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
            wanted: None,
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

    /// What a key sets of the rung under the cursor.
    fn set(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        let Some(key) = self.cursor.selected else {
            return Vec::new();
        };
        let Some((site, rung)) = find(shared, key) else {
            return Vec::new();
        };
        let (mut workers, mut delay) = site.controls.pace(rung.rung);
        let now = Instant::now();
        if let Some(wanted) = self.wanted.filter(|set| set.of == key && set.until > now) {
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
            self.wanted = Some(Wanted {
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
        self.rows(pen, table, shared, &listed);
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
        self.settle(shared);
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

fn blocked(rung: &RungView) -> u64 {
    let mut kinds = rung.kinds.iter();
    kinds
        .find(|(kind, _)| *kind == FailureKind::Blocked)
        .map_or(0, |(_, count)| *count)
}

/// A part of a whole, where there is one: `12/500`.
fn part(spent: String, most: Option<String>) -> String {
    match most {
        Some(most) => format!("{spent}/{most}"),
        None => spent,
    }
}

fn budget(site: &SiteView, rung: &RungView) -> crate::bus::Budget {
    let mut rungs = site.controls.rungs.iter();
    rungs
        .find(|known| known.rung == rung.rung)
        .map(|known| known.budget)
        .unwrap_or_default()
}

fn state_style(theme: Theme, state: &RungState) -> Style {
    match state {
        RungState::Open => theme.good(),
        RungState::Paused | RungState::Spent => theme.warn(),
        RungState::Down(_) => theme.bad(),
    }
}

/// A rung's cell of one column.
fn cell(
    theme: Theme,
    site: &SiteView,
    rung: &RungView,
    exits: Option<&Exits>,
    column: &str,
) -> Cell {
    let (workers, delay) = site.controls.pace(rung.rung);
    let budget = budget(site, rung);
    match column {
        "SITE" => Cell::Text(site.name.to_string().into(), theme.strong()),
        "RUNG" => Cell::plain(rung.rung.as_str()),
        "STATE" => Cell::Text(rung.state.as_str().into(), state_style(theme, &rung.state)),
        "PAGES" => Cell::plain(text::count(rung.had)),
        "HAD" => Cell::plain(match rung.success() {
            Some(part) => format!("{:.0}%", part.floor()),
            None => "-".to_owned(),
        }),
        "P50" | "P95" if rung.attempts == 0 => Cell::plain("-"),
        "P50" => Cell::plain(text::millis(rung.p50)),
        "P95" => Cell::plain(text::millis(rung.p95)),
        "BLOCKED" => {
            let count = blocked(rung);
            let style = if count > 0 {
                theme.warn()
            } else {
                Style::new()
            };
            Cell::Text(text::count(count).into(), style)
        }
        "WENT ON" => Cell::plain(text::count(rung.climbed)),
        "WORK" => Cell::plain(format!("{}/{workers}", site.in_flight(rung.rung))),
        "EXITS" => match exits.map(|exits| &exits.counts) {
            Some(counts) => Cell::Text(
                format!("{}/{}", counts.in_use, counts.all).into(),
                match counts.resting + counts.refused {
                    0 => Style::new(),
                    _ => theme.warn(),
                },
            ),
            None => Cell::plain("-"),
        },
        "DELAY" => Cell::plain(format!("{delay:?}")),
        "REQUESTS" => Cell::plain(part(
            text::count(rung.spent.requests),
            budget.requests.map(text::count),
        )),
        "MONEY" if rung.spent.money == 0 && budget.money.is_none() => Cell::plain("-"),
        "MONEY" => Cell::plain(part(amount(rung.spent.money), budget.money.map(amount))),
        _ => {
            let exits: Vec<String> = rung
                .through
                .iter()
                .map(|(exit, _)| text::clean(exit).into_owned())
                .collect();
            Cell::plain(exits.join(" "))
        }
    }
}

/// What there is to say of the rung under the cursor.
fn detail(pen: &mut Pen, area: Rect, site: &SiteView, rung: &RungView, exits: Option<&Exits>) {
    let title = format!("{} of {}", rung.rung.as_str(), text::clean(&site.name));
    let inside = pen.panel(area, &title);
    let (workers, delay) = site.controls.pace(rung.rung);
    let budget = budget(site, rung);
    let theme = pen.theme;
    let state = match &rung.state {
        RungState::Down(why) => format!("down: {}; p lets it try again", text::clean(why)),
        RungState::Spent => "its budget is used up; rung-requests, rung-money raise it".to_owned(),
        RungState::Paused => "on hold; p lets it go on".to_owned(),
        RungState::Open => "takes pages".to_owned(),
    };
    let mut lines = vec![
        ("state", state, state_style(theme, &rung.state)),
        (
            "pace",
            format!(
                "{} of {workers} at work, {delay:?} between two requests to a host",
                site.in_flight(rung.rung)
            ),
            Style::new(),
        ),
        (
            "pages",
            format!(
                "{} had of {} attempts, {} went on to a higher rung",
                text::count(rung.had),
                text::count(rung.attempts),
                text::count(rung.climbed)
            ),
            Style::new(),
        ),
    ];
    let kinds: Vec<String> = rung
        .kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {}", text::count(*count)))
        .collect();
    if !kinds.is_empty() {
        lines.push(("failed", kinds.join(", "), Style::new()));
    }
    let blocks = rung.blocks.iter();
    let blocks: Vec<String> = blocks
        .map(|(whose, count)| format!("{} {}", text::clean(whose), text::count(*count)))
        .collect();
    if !blocks.is_empty() {
        lines.push(("blocks", blocks.join(", "), Style::new()));
    }
    let spent = format!(
        "{} requests, {} in money, in all runs",
        part(
            text::count(rung.spent.requests),
            budget.requests.map(text::count)
        ),
        part(amount(rung.spent.money), budget.money.map(amount))
    );
    lines.push(("spent", spent, Style::new()));
    let through: Vec<String> = rung
        .through
        .iter()
        .map(|(exit, count)| format!("{} ({})", text::clean(exit), text::count(*count)))
        .collect();
    if let Some(exits) = exits {
        let words = exits::words(&exits.counts, usize::MAX);
        lines.push(("exits", format!("{words}; enter lists them"), Style::new()));
    } else if !through.is_empty() {
        lines.push(("through", through.join(", "), Style::new()));
    }
    for (y, (name, words, style)) in (inside.y..inside.bottom()).zip(&lines) {
        let name = format!("{name:<8} ");
        let room = usize::from(inside.width).saturating_sub(name.len());
        let words = text::cut_end(words, room, theme.cut());
        pen.line(inside, y, &[(&name, theme.faint()), (&words, *style)]);
    }
}
