//! The exits of a rung: which are in use, how they do, and which rest.

use super::{Screen, sorts, split_below, status_line, steps};
use crate::bus::{Exit, ExitCounts, ExitState, Exits as Known};
use crate::page::{Rung, SiteId};
use crate::tui::action::Action;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::sync::Arc;
use std::time::Instant;

/// Rows of the panel below the table.
const PANEL: u16 = 4;

/// The screen.
#[derive(Debug)]
pub struct Exits {
    site: SiteId,
    rung: Rung,
    table: Table,
    cursor: Cursor<Arc<str>>,
    filter: Filter,
}

impl Exits {
    /// The exits of a site's rung, in the order in which they are told of.
    pub fn new(site: SiteId, rung: Rung) -> Self {
        let columns = vec![
            Column::text("EXIT", 12, 0).growing().wanting(21).sorting(),
            Column::text("STATE", 7, 0).sorting(),
            Column::number("RESTS", 5, 1),
            Column::number("SESSIONS", 8, 3).sorting(),
            Column::number("REQUESTS", 8, 0).sorting(),
            Column::number("HAD", 4, 0).sorting(),
            Column::number("FAILED", 6, 4).sorting(),
            Column::number("BLOCKED", 7, 2).sorting(),
            Column::number("P50", 6, 1).sorting(),
            Column::text("WHY", 16, 5).growing(),
        ];
        Self {
            site,
            rung,
            table: Table::new(columns),
            cursor: Cursor::default(),
            filter: Filter::default(),
        }
    }

    /// The exits that pass the filter, in the order of the table.
    fn listed<'a>(&self, known: Option<&'a Known>) -> Vec<&'a Exit> {
        let all = known.into_iter().flat_map(|known| &known.rows);
        let words = |exit: &Exit| {
            let why = exit.why.as_deref().unwrap_or_default();
            format!("{} {} {why}", exit.name, exit.state.as_str())
        };
        let mut listed: Vec<&Exit> = all.filter(|exit| self.filter.takes(&words(exit))).collect();
        match self.table.sorted_by() {
            None => {}
            Some("EXIT") => listed.sort_by(|a, b| a.name.cmp(&b.name)),
            Some(by) => {
                let value = |exit: &Exit| match by {
                    "STATE" => ExitState::ALL
                        .iter()
                        .position(|s| *s == exit.state)
                        .unwrap_or(0) as f64,
                    "SESSIONS" => f64::from(exit.sessions),
                    "REQUESTS" => exit.requests() as f64,
                    "HAD" => exit.success().unwrap_or(-1.0),
                    "FAILED" => exit.failed as f64,
                    "BLOCKED" => exit.blocked as f64,
                    "P50" => exit.p50.map_or(-1.0, |p50| p50.as_secs_f64()),
                    _ => 0.0,
                };
                listed.sort_by(|a, b| value(b).total_cmp(&value(a)));
            }
        }
        if self.table.reverse {
            listed.reverse();
        }
        listed
    }

    fn settle<'a>(&mut self, shared: &'a Shared) -> Vec<&'a Exit> {
        let listed = self.listed(shared.snapshot.exits_of(self.site, self.rung));
        let names = listed.iter().map(|exit| exit.name.clone());
        self.cursor.settle(0, names, listed.len());
        listed
    }

    /// What stands where there are no rows.
    fn empty(&self, known: Option<&Known>) -> &'static str {
        match known {
            None => "this rung goes by no exits",
            Some(known) if known.rows.is_empty() => "no list of exits has been read yet",
            Some(_) => "no exit passes the filter; esc clears it",
        }
    }

    /// The exit under the cursor in words, and what is to be known of the list.
    fn detail(&self, pen: &mut Pen, area: Rect, exit: &Exit, known: &Known) {
        let inside = pen.panel(area, &text::clean(&exit.name));
        let theme = pen.theme;
        let (why, style) = match &exit.why {
            Some(why) => (why.to_string(), state_style(theme, exit.state)),
            None => ("nothing is wrong with it".to_owned(), Style::new()),
        };
        let remark = known.remark.as_deref().unwrap_or("nothing to remark");
        let lines = [
            ("last", why.as_str(), style),
            ("list", remark, Style::new()),
        ];
        for (y, (name, words, style)) in (inside.y..inside.bottom()).zip(lines) {
            let name = format!("{name} ");
            let room = usize::from(inside.width).saturating_sub(name.len());
            let words = text::cut_end(&text::clean(words), room, theme.cut());
            pen.line(inside, y, &[(&name, theme.faint()), (&words, style)]);
        }
    }
}

impl Screen for Exits {
    fn view(&self) -> View {
        View::Exits(self.site, self.rung)
    }

    fn crumb(&self, shared: &Shared) -> String {
        format!(
            "exits of {} {}",
            shared.site_name(self.site),
            self.rung.as_str()
        )
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let known = shared.snapshot.exits_of(self.site, self.rung);
        let listed = self.settle(shared);
        let (body, status) = status_line(area);
        let panel = if body.height >= PANEL * 3 { PANEL } else { 0 };
        let (rows, below) = split_below(body, panel);
        let theme = pen.theme;
        let headings = self.table.headings();
        let at = shared.snapshot.at;
        self.table.draw(
            pen,
            rows,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |row, column| Some(cell(theme, listed.get(row)?, &headings[column], at)),
            |row| listed.get(row).map(|exit| exit.name.clone()),
        );
        if listed.is_empty() {
            self.table.note(pen, self.empty(known));
        }
        let Some(known) = known else { return };
        if let Some(exit) = listed.get(self.cursor.at)
            && panel > 0
        {
            self.detail(pen, below, exit, known);
        }
        let words = words(&known.counts, known.rows.len());
        let words = text::cut_end(&words, usize::from(status.width), theme.cut());
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        self.settle(shared);
        if sorts(action, &mut self.table, shared) {
            self.settle(shared);
        } else if action == Action::Enter {
            shared.open(View::Site(self.site));
        } else if let Some(by) = steps(action, self.cursor.height) {
            self.cursor.step(by);
            self.settle(shared);
        }
        Vec::new()
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

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        Some(self.site)
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let listed = self.settle(shared);
        let exit = listed.get(self.cursor.at)?;
        let (at, head) = (shared.snapshot.at, |at: usize| &self.table.columns[at].head);
        Some(
            self.table
                .row(|theme, column| cell(theme, exit, head(column), at)),
        )
    }
}

/// How the exits stand, in a line.
pub fn words(counts: &ExitCounts, told: usize) -> String {
    let mut words = format!("{} of {} in use", counts.in_use, counts.all);
    for (count, what) in [
        (counts.resting, "resting"),
        (counts.refused, "refused"),
        (counts.retired, "retired"),
    ] {
        if count > 0 {
            words.push_str(&format!(", {count} {what}"));
        }
    }
    if usize::try_from(counts.all).is_ok_and(|all| all > told) {
        words.push_str(&format!("; listed: the {told} busiest or ill"));
    }
    words
}

fn state_style(theme: Theme, state: ExitState) -> Style {
    match state {
        ExitState::New => theme.faint(),
        ExitState::Well => theme.good(),
        ExitState::Ailing | ExitState::Resting => theme.warn(),
        ExitState::Refused => theme.bad(),
    }
}

/// An exit's cell of one column, in a picture of the moment `at`.
fn cell(theme: Theme, exit: &Exit, column: &str, at: Instant) -> Cell {
    let worrying = |count: u64| {
        let style = match count {
            0 => Style::new(),
            _ => theme.warn(),
        };
        Cell::Text(text::count(count).into(), style)
    };
    match column {
        "EXIT" => Cell::Text(exit.name.to_string().into(), theme.strong()),
        "STATE" => Cell::Text(exit.state.as_str().into(), state_style(theme, exit.state)),
        "RESTS" => Cell::plain(match exit.until {
            Some(until) => text::span(until.saturating_duration_since(at)),
            None => "-".to_owned(),
        }),
        "SESSIONS" => Cell::plain(exit.sessions.to_string()),
        "REQUESTS" => Cell::plain(text::count(exit.requests())),
        "HAD" => Cell::plain(match exit.success() {
            Some(part) => format!("{:.0}%", part.floor()),
            None => "-".to_owned(),
        }),
        "FAILED" => worrying(exit.failed),
        "BLOCKED" => worrying(exit.blocked),
        "P50" => Cell::plain(match exit.p50 {
            Some(p50) => text::millis(p50.as_secs_f64() * 1e3),
            None => "-".to_owned(),
        }),
        _ => Cell::plain(exit.why.as_deref().unwrap_or_default().to_owned()),
    }
}
