//! What the last rounds of crawling again found: new pages, changed ones with
//! their fields before and after, and pages that are gone.

use super::{Screen, steps, window};
use crate::bus::{Ask, ChangeKind, ChangeList, ChangeRow, Round, Told};
use crate::page::SiteId;
use crate::page::time::time_of_day;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;

/// The screen.
#[derive(Debug)]
pub struct Changes {
    table: Table,
    /// Rows are known by their number from the oldest.
    cursor: Cursor<u64>,
    /// Only of this kind.
    kind: Option<ChangeKind>,
    list: ChangeList,
    asked: Asked,
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
            table: Table::new(columns),
            cursor: Cursor::default(),
            kind: None,
            list: ChangeList::default(),
            asked: Asked::default(),
        }
    }

    fn settle(&mut self) {
        let newest = self.list.total.saturating_sub(self.list.offset);
        let ids: Vec<u64> = (0..self.list.rows.len() as u64)
            .map(|at| newest.saturating_sub(at))
            .collect();
        let total = usize::try_from(self.list.total).unwrap_or(usize::MAX);
        self.cursor.settle(self.offset(), ids.into_iter(), total);
    }

    fn offset(&self) -> usize {
        usize::try_from(self.list.offset).unwrap_or(usize::MAX)
    }

    fn current(&self) -> Option<&ChangeRow> {
        let at = self.cursor.at.checked_sub(self.offset())?;
        self.list.rows.get(at)
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
        self.settle();
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let (offset, list) = (self.offset(), &self.list);
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |row, column| {
                let row = list.rows.get(row.checked_sub(offset)?)?;
                Some(cell(theme, row, column, shared))
            },
            |_| None,
        );
        let sum = sum(shared);
        if self.cursor.total == 0 {
            let words = match (self.asked.answered, &self.asked.refused) {
                (_, Some(why)) => why,
                (false, None) => self.asked.words(),
                (true, None) if sum.number == 0 => {
                    "no site was crawled again; `:refresh SITE` does so"
                }
                (true, None) => "nothing has changed",
            };
            let at = self.table.body;
            pen.put(at, at.x, at.y, words, theme.faint());
        }
        let words = match sum.number {
            0 => format!("{} changes", self.list.total),
            _ => format!("{} changes   last {sum}", self.list.total),
        };
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        match action {
            Action::Enter => {
                if let Some(row) = self.current() {
                    shared.open(View::Page(row.page));
                }
            }
            Action::NextChange => {
                let all = ChangeKind::ALL;
                let at = all.iter().position(|kind| Some(*kind) == self.kind);
                self.kind = all.get(at.map_or(0, |at| at + 1)).copied();
                self.cursor.rewind();
            }
            action => {
                if let Some(by) = steps(action, self.cursor.height) {
                    self.cursor.step(by);
                    self.settle();
                }
            }
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (offset, limit) = window(self.cursor.top, self.cursor.height);
        let ask = Ask::Changes {
            site: None,
            kind: self.kind,
            offset,
            limit,
        };
        let sum = sum(shared);
        let found = (sum.fresh + sum.changed + sum.gone).cast_unsigned();
        let version = found ^ sum.number.cast_unsigned() << 40 ^ shared.answers << 48;
        Some((ask, version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        let current = match self.asked.asked() {
            Some(Ask::Changes { kind, .. }) => *kind == self.kind,
            _ => false,
        };
        if let (Told::Changes(list), true) = (told, current) {
            self.list = list;
            self.settle();
        }
    }

    fn clear(&mut self, _: &Shared) -> bool {
        self.kind.take().is_some()
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.current().map(|row| row.site)
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        self.current().map(|row| row.url.clone())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let row = self.current()?;
        Some(self.table.row(|theme, at| cell(theme, row, at, shared)))
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
