//! Tables: which columns there is room for, their order and their head. Only
//! the rows in sight are ever made.

use super::action::Action;
use super::draw::{Align, Pen};
use super::list::Cursor;
use super::mouse::Hit;
use super::palette::Name;
use super::text;
use super::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hash;

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its heading; it is known by this.
    pub head: Cow<'static, str>,
    /// Its width; of one that grows, its least width.
    pub width: u16,
    /// Whether it takes what the others leave.
    pub grows: bool,
    /// The width for which other columns are left out.
    pub wants: u16,
    /// Where its text stands.
    pub align: Align,
    /// Columns of the highest number are left out first; those of 0 never.
    pub rank: u8,
    /// Whether rows can be sorted by it.
    pub sorts: bool,
}

impl Column {
    /// A column of text.
    pub fn text(head: impl Into<Cow<'static, str>>, width: u16, rank: u8) -> Self {
        Self {
            head: head.into(),
            width,
            grows: false,
            wants: width,
            align: Align::Left,
            rank,
            sorts: false,
        }
    }

    /// A column of numbers.
    pub fn number(head: impl Into<Cow<'static, str>>, width: u16, rank: u8) -> Self {
        Self {
            align: Align::Right,
            ..Self::text(head, width, rank)
        }
    }

    /// It takes what the others leave.
    pub fn growing(mut self) -> Self {
        self.grows = true;
        self
    }

    /// Other columns are left out until it is so wide.
    pub fn wanting(mut self, width: u16) -> Self {
        self.wants = width;
        self
    }

    /// Rows can be sorted by it.
    pub fn sorting(mut self) -> Self {
        self.sorts = true;
        self
    }
}

/// One cell.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text, its end cut off where there is no room.
    Text(Cow<'static, str>, Style),
    /// Text, its middle cut out.
    Middle(String, Style),
    /// Two texts, over the room of the columns further right too: the middle of
    /// the first is cut out, and the end of the second cut off.
    Rest((String, Style), (String, Style)),
    /// The last values, the newest at the right.
    Spark(Vec<u32>, Style),
    /// A bar, this part of it full.
    Bar(f64, Style),
}

impl Cell {
    /// Plain text.
    pub fn plain(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into(), Style::new())
    }

    /// The cell in words, for the clipboard.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text, _) => text.trim().to_owned(),
            Self::Middle(text, _) => text.clone(),
            Self::Rest((first, _), (second, _)) => format!("{first}\t{second}"),
            Self::Spark(values, _) => {
                let values: Vec<String> = values.iter().map(u32::to_string).collect();
                values.join(",")
            }
            Self::Bar(part, _) => format!("{:.0}%", part * 100.0),
        }
    }
}

/// What of a table outlives a frame.
#[derive(Debug)]
pub struct Table {
    /// The columns, all of them.
    pub columns: Vec<Column>,
    /// Which column the rows are sorted by.
    pub sort: Option<usize>,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// Columns that the operator has left out, by heading.
    pub hidden: HashSet<String>,
    /// Where the rows were last drawn.
    pub body: Rect,
}

/// What is wanted of one table in one frame.
pub struct Rows<'a, I> {
    /// Cursor and window.
    pub cursor: &'a mut Cursor<I>,
    /// A line below the headings, a cell for each column; empty for none.
    pub below_head: Vec<Cell>,
    /// Whether the cursor is shown.
    pub focused: bool,
}

impl Table {
    /// One row in words, its cells parted by tabs, for the clipboard.
    pub fn row(&self, cell: impl Fn(Theme, usize) -> Cell) -> String {
        let theme = Theme::of(Name::Mono, true);
        let words = (0..self.columns.len()).map(|at| cell(theme, at).words());
        words.collect::<Vec<_>>().join("\t")
    }

    /// A table of these columns.
    pub fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            sort: None,
            reverse: false,
            hidden: HashSet::new(),
            body: Rect::ZERO,
        }
    }

    /// The headings of all columns.
    pub fn headings(&self) -> Vec<Cow<'static, str>> {
        let columns = self.columns.iter();
        columns.map(|column| column.head.clone()).collect()
    }

    /// Which column the rows are sorted by, by heading.
    pub fn sorted_by(&self) -> Option<&str> {
        self.sort
            .and_then(|at| self.columns.get(at))
            .map(|column| column.head.as_ref())
    }

    /// Sorts by the next column that can be sorted by, and after the last by none.
    pub fn sort_next(&mut self) {
        let from = self.sort.map_or(0, |at| at + 1);
        self.sort = (from..self.columns.len()).find(|at| self.columns[*at].sorts);
    }

    /// Sorts by this column; again, turns the order round.
    pub fn sort_by(&mut self, at: usize) {
        if self.columns.get(at).is_some_and(|column| column.sorts) {
            self.reverse = self.sort == Some(at) && !self.reverse;
            self.sort = Some(at);
        }
    }

    /// Shows a column, or no longer; those of rank 0 stay.
    pub fn toggle(&mut self, at: usize) {
        if let Some(column) = self.columns.get(at)
            && column.rank > 0
            && !self.hidden.remove(column.head.as_ref())
        {
            self.hidden.insert(column.head.to_string());
        }
    }

    /// The columns that there is room for: which, from where, how wide.
    pub fn layout(&self, room: u16) -> Vec<(usize, u16, u16)> {
        let mut kept: Vec<usize> = (0..self.columns.len())
            .filter(|at| !self.hidden.contains(self.columns[*at].head.as_ref()))
            .collect();
        let sum = |kept: &[usize], width: fn(&Column) -> u16| -> usize {
            let widths = kept.iter().map(|at| usize::from(width(&self.columns[*at])));
            widths.sum::<usize>() + kept.len().saturating_sub(1)
        };
        while sum(&kept, |column| column.wants) > usize::from(room) {
            let last = kept
                .iter()
                .enumerate()
                .filter(|(_, at)| self.columns[**at].rank > 0)
                .max_by_key(|(n, at)| (self.columns[**at].rank, *n));
            match last {
                Some((n, _)) => {
                    kept.remove(n);
                }
                None => break,
            }
        }
        let needed = sum(&kept, |column| column.width);
        let spare = u16::try_from(usize::from(room).saturating_sub(needed)).unwrap_or(0);
        let growing = kept.iter().filter(|at| self.columns[**at].grows).count();
        let share = spare / u16::try_from(growing.max(1)).unwrap_or(1);
        let mut x = 0u16;
        let mut out = Vec::with_capacity(kept.len());
        for at in kept {
            let column = &self.columns[at];
            let mut width = column.width + if column.grows { share } else { 0 };
            width = width.min(room.saturating_sub(x));
            out.push((at, x, width));
            x = x.saturating_add(width).saturating_add(1);
        }
        out
    }

    /// Says something where the first row would be, once drawn without any.
    pub fn note(&self, pen: &mut Pen, words: &str) {
        pen.put(
            self.body,
            self.body.x,
            self.body.y,
            words,
            pen.theme.faint(),
        );
    }

    /// Draws head and rows into `area`. `cells` makes a row's cell of one
    /// column, or says that the row is not known yet.
    pub fn draw<I: Clone + Eq + Hash>(
        &mut self,
        pen: &mut Pen,
        area: Rect,
        rows: Rows<'_, I>,
        mut cells: impl FnMut(usize, usize) -> Option<Cell>,
        id: impl Fn(usize) -> Option<I>,
    ) {
        let area = area.intersection(pen.buffer.area);
        // A column for marks, while there are any.
        let gutter = if rows.cursor.marks.is_empty() { 0 } else { 2 };
        let mut drawn = self.layout(area.width.saturating_sub(gutter));
        for (_, x, _) in &mut drawn {
            *x += area.x + gutter;
        }
        self.heads(pen, area, &drawn);
        let mut head = 1;
        if !rows.below_head.is_empty() && area.height > 3 {
            for (at, x, width) in &drawn {
                if let Some(cell) = rows.below_head.get(*at) {
                    self.cell(pen, area.y + 1, *at, (*x, *width), cell);
                }
            }
            head = 2;
        }
        self.body = Rect {
            y: area.y + head.min(area.height),
            height: area.height.saturating_sub(head),
            ..area
        };
        rows.cursor.resize(usize::from(self.body.height));
        let cursor = rows.cursor;
        for line in 0..self.body.height {
            let row = cursor.top + usize::from(line);
            if row >= cursor.total {
                break;
            }
            let y = self.body.y + line;
            let who = id(row);
            let mut known = true;
            for (at, x, width) in &drawn {
                match cells(row, *at) {
                    Some(Cell::Rest(first, second)) => {
                        rest(pen, area, (*x, y), &first, &second);
                        break;
                    }
                    Some(cell) => self.cell(pen, y, *at, (*x, *width), &cell),
                    None => {
                        known = false;
                        break;
                    }
                }
            }
            if !known {
                let style = pen.theme.faint();
                let dots = pen.theme.cut();
                pen.put(self.body, self.body.x, y, dots, style);
            }
            if who.is_some_and(|who| cursor.marks.contains(&who)) {
                let style = pen.theme.warn();
                pen.put(self.body, self.body.x, y, "*", style);
            }
            let by = i32::try_from(row).unwrap_or(0) - i32::try_from(cursor.at).unwrap_or(0);
            pen.hit_line(self.body, y, Hit::Row(by));
            if rows.focused && row == cursor.at {
                pen.highlight(self.body, y, pen.theme.selected());
            }
        }
    }

    fn heads(&self, pen: &mut Pen, area: Rect, drawn: &[(usize, u16, u16)]) {
        for (at, x, width) in drawn {
            let mark = match (self.sort == Some(*at), self.reverse) {
                (true, false) => "v",
                (true, true) => "^",
                _ => "",
            };
            let style = pen.theme.accent();
            if self.columns[*at].sorts {
                let head = Rect {
                    x: *x,
                    width: *width,
                    height: 1,
                    ..area
                };
                pen.hit(head, Hit::Do(Action::SortBy(*at)));
            }
            // The mark stands whatever the heading loses for it.
            let room = usize::from(*width).saturating_sub(mark.len());
            let head = &self.columns[*at].head;
            let cut = if mark.is_empty() { pen.theme.cut() } else { "" };
            let head = text::cut_end(head, room, cut);
            let cell = Cell::Text(format!("{head}{mark}").into(), style);
            self.cell(pen, area.y, *at, (*x, *width), &cell);
        }
    }

    fn cell(&self, pen: &mut Pen, y: u16, at: usize, (x, width): (u16, u16), cell: &Cell) {
        let place = Rect {
            x,
            y,
            width,
            height: 1,
        };
        let room = usize::from(width);
        let (cut, style) = match cell {
            Cell::Text(text, style) => {
                let text = text::clean(text);
                (text::cut_end(&text, room, pen.theme.cut()), *style)
            }
            Cell::Middle(text, style) => {
                let text = text::clean(text);
                (text::cut_middle(&text, room, pen.theme.cut()), *style)
            }
            Cell::Rest(first, second) => return rest(pen, place, (x, y), first, second),
            Cell::Spark(values, style) => return pen.sparkline(place, values, *style),
            Cell::Bar(part, style) => (pen.theme.bar(*part, room), *style),
        };
        let used = u16::try_from(text::width(&cut)).unwrap_or(width);
        let from = match self.columns[at].align {
            Align::Left => x,
            Align::Right => x + width.saturating_sub(used),
        };
        pen.put(place, from, y, &cut, style);
    }
}

/// Two texts from a place to the end of an area.
fn rest(
    pen: &mut Pen,
    area: Rect,
    (x, y): (u16, u16),
    first: &(String, Style),
    second: &(String, Style),
) {
    let room = usize::from(area.right().saturating_sub(x));
    let (one, two) = (text::clean(&first.0), text::clean(&second.0));
    // The second keeps up to half of the room.
    let kept = (text::width(&two) + 2).min(room / 2);
    let one = text::cut_middle(&one, room - kept, pen.theme.cut());
    let end = pen.put(area, x, y, &one, first.1).saturating_add(2);
    let left = usize::from(area.right().saturating_sub(end));
    let two = text::cut_end(&two, left, pen.theme.cut());
    pen.put(area, end, y, &two, second.1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table() -> Table {
        Table::new(vec![
            Column::text("NAME", 6, 0).growing().sorting(),
            Column::number("A", 5, 3).sorting(),
            Column::number("B", 5, 1),
            Column::text("C", 10, 2).sorting(),
        ])
    }

    fn heads(table: &Table, room: u16) -> Vec<&str> {
        let layout = table.layout(room);
        let heads = layout
            .iter()
            .map(|(at, ..)| table.columns[*at].head.as_ref());
        heads.collect()
    }

    #[test]
    fn narrow_screens_leave_the_least_columns_out() {
        let mut table = table();
        for (room, expected) in [
            (60, vec!["NAME", "A", "B", "C"]),
            (28, vec!["NAME", "B", "C"]),
            (20, vec!["NAME", "B"]),
            (8, vec!["NAME"]),
            (1, vec!["NAME"]),
        ] {
            assert_eq!(heads(&table, room), expected, "{room}");
        }
        table.toggle(2);
        table.toggle(0);
        assert_eq!(heads(&table, 60), ["NAME", "A", "C"]);
    }

    #[test]
    fn sorting_goes_through_every_column_that_sorts() {
        let mut table = table();
        let mut seen = Vec::new();
        for _ in 0..4 {
            table.sort_next();
            seen.push(table.sorted_by().map(str::to_owned));
        }
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(seen, [name("NAME"), name("A"), name("C"), None]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn columns_neither_overlap_nor_leave_the_area(room in 0u16..300) {
            let mut end = 0;
            for (_, x, width) in table().layout(room) {
                prop_assert!(x >= end || width == 0);
                prop_assert!(x + width <= room || width == 0);
                end = x + width;
            }
        }
    }
}
