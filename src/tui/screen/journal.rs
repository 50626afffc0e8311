//! Every command that was given: by whom, what it changed, what became of it.

use super::Screen;
use super::latest::Latest;
use crate::bus::{Ask, JournalRow, Told};
use crate::page::time::time_of_day;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The screen.
#[derive(Debug)]
pub struct Journal(Latest<JournalRow>);

impl Journal {
    /// The screen, latest first.
    pub fn new() -> Self {
        let table = Table::new(vec![
            Column::text("TIME", 8, 0),
            Column::text("BY", 8, 2),
            Column::text("COMMAND", 14, 0).growing(),
            Column::text("BEFORE > AFTER", 18, 1),
            Column::text("ANSWER", 14, 3).growing(),
        ]);
        Self(Latest::new(table, "command", "commands"))
    }
}

impl Screen for Journal {
    fn view(&self) -> View {
        View::Journal
    }

    fn crumb(&self, _: &Shared) -> String {
        "journal".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, _: &Shared) {
        self.0.draw(pen, area, Vec::new(), cell);
    }

    fn act(&mut self, action: Action, _: &mut Shared) -> Vec<Effect> {
        self.0.act(action);
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (search, offset, limit) = self.0.question();
        let ask = Ask::Journal {
            search,
            offset,
            limit,
        };
        // No figure of the snapshot counts commands: others may give some at any time.
        Some((
            ask,
            shared.snapshot.elapsed.as_secs() ^ shared.answers << 48,
        ))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.0.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        let Told::Journal(list) = told else {
            return;
        };
        if let Some(Ask::Journal { search, .. }) = self.0.asked.asked().cloned() {
            self.0.take(search.as_ref(), list);
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.0.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.0.begin_again();
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.0.table)
    }

    fn row(&mut self, _: &Shared) -> Option<String> {
        self.0.row(cell)
    }
}

fn cell(theme: Theme, row: &JournalRow, column: usize) -> Cell {
    match column {
        0 => Cell::plain(time_of_day(row.at)),
        1 => Cell::Text(row.origin.clone().into(), theme.faint()),
        2 => Cell::Text(row.command.clone().into(), theme.strong()),
        3 if row.before.is_empty() && row.after.is_empty() => Cell::plain(""),
        3 => Cell::plain(format!("{} > {}", row.before, row.after)),
        _ => {
            let (words, style) = match row.refused {
                true => (format!("refused: {}", row.answer), theme.bad()),
                false => (row.answer.clone(), Style::new()),
            };
            Cell::Text(words.into(), style)
        }
    }
}
