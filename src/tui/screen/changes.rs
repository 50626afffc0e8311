//! What the last rounds of crawling again found: new pages, changed ones with
//! their fields before and after, and pages that are gone.

use super::Screen;
use super::latest::Latest;
use crate::bus::{Ask, ChangeKind, ChangeRow, Round, Told};
use crate::page::SiteId;
use crate::page::time::time_of_day;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;

/// The screen.
#[derive(Debug)]
pub struct Changes {
    /// Only of this kind.
    kind: Option<ChangeKind>,
    list: Latest<ChangeRow>,
}

impl Changes {
    /// The screen, latest first.
    pub fn new() -> Self {
        let columns = vec![
            Column::text("CHANGE", 7, 0),
            Column::text("SITE", 8, 3),
            Column::text("ROUND", 5, 4),
            Column::text("TIME", 8, 5),
            Column::text("URL", 20, 1).growing(),
            Column::text("WHAT", 20, 2).growing(),
        ];
        Self {
            kind: None,
            list: Latest::new(Table::new(columns), "change", "changes"),
        }
    }
}

/// The sum of all sites' last rounds.
fn sum(shared: &Shared) -> Round {
    let rounds = shared.snapshot.sites.iter().map(|site| site.round);
    rounds.fold(Round::default(), |sum, round| Round {
        number: sum.number.max(round.number),
        ..sum.zip(round, i64::saturating_add)
    })
}

impl Screen for Changes {
    fn view(&self) -> View {
        View::Changes
    }

    fn crumb(&self, _: &Shared) -> String {
        match self.kind {
            None => "changes".to_owned(),
            Some(kind) => format!("changes {}", kind.as_str()),
        }
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let sum = sum(shared);
        let (none, note) = match sum.number {
            0 => (
                "no site was crawled again; `:refresh SITE` does so",
                String::new(),
            ),
            _ => ("nothing has changed", format!("last {sum}")),
        };
        (self.list.none, self.list.note) = (none.to_owned(), note);
        self.list.draw(pen, area, Vec::new(), |theme, row, at| {
            cell(theme, row, at, shared)
        });
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        match action {
            Action::Enter => {
                if let Some(row) = self.list.current() {
                    shared.open(View::Page(row.page));
                }
            }
            Action::NextChange => {
                let all = ChangeKind::ALL;
                let at = all.iter().position(|kind| Some(*kind) == self.kind);
                self.kind = all.get(at.map_or(0, |at| at + 1)).copied();
                self.list.begin_again();
            }
            action => self.list.act(action),
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (search, offset, limit) = self.list.question();
        let ask = Ask::Changes {
            site: None,
            kind: self.kind,
            search,
            offset,
            limit,
        };
        let sum = sum(shared);
        let found = (sum.fresh + sum.changed + sum.gone).cast_unsigned();
        let version = found ^ sum.number.cast_unsigned() << 40 ^ shared.answers << 48;
        Some((ask, version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.list.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        let (Told::Changes(list), Some(asked)) = (told, self.list.asked.asked().cloned()) else {
            return;
        };
        let Ask::Changes { kind, search, .. } = asked else {
            return;
        };
        // An answer about other changes is none to this question.
        if kind == self.kind {
            self.list.take(search.as_ref(), list);
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.list.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.list.begin_again();
    }

    fn clear(&mut self, _: &Shared) -> bool {
        let filtered = !std::mem::take(&mut self.list.filter.0).is_empty();
        let cleared = filtered || self.kind.take().is_some();
        if cleared {
            self.list.begin_again();
        }
        cleared
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.list.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.list.current().map(|row| row.site)
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        self.list.current().map(|row| row.url.clone())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        self.list.row(|theme, row, at| cell(theme, row, at, shared))
    }
}

fn cell(theme: Theme, row: &ChangeRow, column: usize, shared: &Shared) -> Cell {
    match column {
        0 => {
            let style = match row.kind {
                ChangeKind::New => theme.good(),
                ChangeKind::Changed => theme.accent(),
                ChangeKind::Gone => theme.bad(),
            };
            Cell::Text(row.kind.as_str().into(), style)
        }
        1 => Cell::Text(shared.site_name(row.site).to_owned().into(), theme.faint()),
        2 => Cell::plain(row.round.to_string()),
        3 => Cell::plain(time_of_day(row.at)),
        4 => Cell::Middle(row.url.clone(), theme.strong()),
        _ => Cell::plain(row.what.clone()),
    }
}
