//! Every command that was given: by whom, what it changed, what became of it.

use super::{Screen, steps, window};
use crate::bus::{Ask, JournalList, JournalRow, Told};
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::palette::Name;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Rows among which a filter looks.
const SEARCHED: usize = 500;

/// The screen.
#[derive(Debug)]
pub struct Journal {
    table: Table,
    /// Rows are known by their number from the oldest.
    cursor: Cursor<u64>,
    filter: Filter,
    list: JournalList,
    /// The rows of the list that pass the filter.
    passing: Vec<usize>,
    asked: Asked,
}

impl Journal {
    /// The screen, latest first.
    pub fn new() -> Self {
        let columns = vec![
            Column::text("TIME", 8, 0),
            Column::text("BY", 8, 2),
            Column::text("COMMAND", 14, 0).growing(),
            Column::text("BEFORE > AFTER", 18, 1),
            Column::text("ANSWER", 14, 3).growing(),
        ];
        Self {
            table: Table::new(columns),
            cursor: Cursor::default(),
            filter: Filter::default(),
            list: JournalList::default(),
            passing: Vec::new(),
            asked: Asked::default(),
        }
    }

    /// A row's number from the oldest, by its place in the answer.
    fn number(&self, at: usize) -> u64 {
        let from_newest = self.list.offset + at as u64;
        self.list.total.saturating_sub(from_newest)
    }

    fn settle(&mut self) {
        let passes = |row: &JournalRow| {
            let words = format!("{} {} {}", row.origin, row.command, row.answer);
            self.filter.takes(&words)
        };
        let rows = self.list.rows.iter().enumerate();
        self.passing = rows
            .filter(|(_, row)| passes(row))
            .map(|(at, _)| at)
            .collect();
        let total = match self.filter.0.is_empty() {
            true => usize::try_from(self.list.total).unwrap_or(usize::MAX),
            false => self.passing.len(),
        };
        let ids: Vec<u64> = self.passing.iter().map(|at| self.number(*at)).collect();
        let offset = offset(&self.filter, &self.list);
        self.cursor.settle(offset, ids.into_iter(), total);
    }

    /// The place in the answer of a row of the screen.
    fn place(&self, row: usize) -> Option<usize> {
        let offset = offset(&self.filter, &self.list);
        self.passing.get(row.checked_sub(offset)?).copied()
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
        self.settle();
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let (passing, list) = (&self.passing, &self.list);
        let offset = offset(&self.filter, list);
        let place = |row: usize| passing.get(row.checked_sub(offset)?).copied();
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |row, column| Some(cell(theme, list.rows.get(place(row)?)?, column)),
            |_| None,
        );
        if self.cursor.total == 0 {
            let words = match (self.asked.answered, &self.asked.refused) {
                (_, Some(why)) => why,
                (false, None) => self.asked.words(),
                (true, None) if self.filter.0.is_empty() => "no command was given yet",
                (true, None) => "no command passes the filter",
            };
            let at = self.table.body;
            pen.put(at, at.x, at.y, words, theme.faint());
        }
        let mut words = format!("{} commands", self.list.total);
        if !self.filter.0.is_empty() {
            words.push_str(&format!(
                "   {} of the latest {} pass {}",
                self.passing.len(),
                self.list.rows.len(),
                self.filter.0
            ));
        }
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, _: &mut Shared) -> Vec<Effect> {
        if let Some(by) = steps(action, self.cursor.height) {
            self.cursor.step(by);
            self.settle();
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (offset, limit) = match self.filter.0.is_empty() {
            true => window(self.cursor.top, self.cursor.height),
            false => (0, SEARCHED),
        };
        // No figure of the snapshot counts commands: others may give some at any time.
        let version = shared.snapshot.elapsed.as_secs() ^ shared.answers << 48;
        Some((Ask::Journal { offset, limit }, version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        if let Told::Journal(list) = told {
            self.list = list;
            self.settle();
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.cursor.rewind();
        self.settle();
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn row(&mut self, _: &Shared) -> Option<String> {
        let row = self.list.rows.get(self.place(self.cursor.at)?)?;
        let theme = Theme::of(Name::Mono, true);
        let cells = (0..self.table.columns.len()).map(|at| cell(theme, row, at).words());
        Some(cells.collect::<Vec<_>>().join("\t"))
    }
}

/// The row of the screen that the answer begins with; what a filter passes
/// begins with the first.
fn offset(filter: &Filter, list: &JournalList) -> usize {
    match filter.0.is_empty() {
        true => usize::try_from(list.offset).unwrap_or(usize::MAX),
        false => 0,
    }
}

fn cell(theme: Theme, row: &JournalRow, column: usize) -> Cell {
    match column {
        0 => Cell::plain(super::time_of_day(row.at)),
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
