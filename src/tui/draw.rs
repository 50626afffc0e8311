//! Drawing: lines of styled text, tables of which only the visible rows are
//! made, sparklines, panels. Every rectangle is kept within the buffer.

use super::mouse::{Hit, Hits};
use super::text;
use super::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A place to draw on.
pub struct Pen<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// How things look.
    pub theme: Theme,
    /// What a click means, by place; what was drawn last is on top.
    pub hits: Hits,
}

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Left.
    Left,
    /// Right, as numbers do.
    Right,
}

/// One column of a table. A width of 0 takes what the others leave.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub head: &'static str,
    /// Its width.
    pub width: u16,
    /// Where its text stands.
    pub align: Align,
}

/// One cell of a row.
pub type Cell = (String, Style);

impl<'a> Pen<'a> {
    /// A pen on a buffer.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self {
            buffer,
            theme,
            hits: Hits::default(),
        }
    }

    /// A click on `area` will mean `hit`.
    pub fn hit(&mut self, area: Rect, hit: Hit) {
        let area = area.intersection(self.buffer.area);
        if !area.is_empty() {
            self.hits.push((area, hit));
        }
    }

    /// A click on a whole line of `area` will mean `hit`.
    pub fn hit_line(&mut self, area: Rect, y: u16, hit: Hit) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        self.hit(line, hit);
    }

    /// Writes cleaned text into one line of `area` from column `x` on; answers
    /// the column after it.
    pub fn put(&mut self, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
        let area = area.intersection(self.buffer.area);
        if y >= area.bottom() || y < area.y || x >= area.right() || x < area.x {
            return x;
        }
        let room = usize::from(area.right() - x);
        let mut cleaned = text::clean(text);
        if self.theme.ascii && !cleaned.is_ascii() {
            let plain = |c: char| if c.is_ascii() { c } else { '?' };
            cleaned = cleaned.chars().map(plain).collect::<String>().into();
        }
        self.halve(x, y);
        self.buffer.set_stringn(x, y, cleaned, room, style).0
    }

    /// Blanks a wide character whose right half is about to be written over at
    /// column `x`, which a terminal would do too.
    fn halve(&mut self, x: u16, y: u16) {
        if x > self.buffer.area.x
            && let Some(left) = self.buffer.cell_mut((x - 1, y))
            && left.symbol().len() > 1
            && text::width(left.symbol()) > 1
        {
            left.set_symbol(" ");
        }
    }

    /// Writes pieces of text one after the other.
    pub fn line(&mut self, area: Rect, y: u16, pieces: &[(&str, Style)]) -> u16 {
        let mut x = area.x;
        for (text, style) in pieces {
            x = self.put(area, x, y, text, *style);
        }
        x
    }

    /// Writes text that ends at the right edge.
    pub fn right(&mut self, area: Rect, y: u16, text: &str, style: Style) {
        let width = u16::try_from(text::width(text)).unwrap_or(u16::MAX);
        let x = area.right().saturating_sub(width).max(area.x);
        self.put(area, x, y, text, style);
    }

    /// A style over a whole line.
    pub fn highlight(&mut self, area: Rect, y: u16, style: Style) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        self.buffer
            .set_style(line.intersection(self.buffer.area), style);
    }

    /// A frame with a title; answers the room inside it.
    pub fn panel(&mut self, area: Rect, title: &str) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect::ZERO;
        }
        let set = self.theme.border();
        let style = self.theme.faint();
        let across = usize::from(area.width - 2);
        let top = format!(
            "{}{}{}",
            set.top_left,
            set.horizontal_top.repeat(across),
            set.top_right
        );
        let bottom = format!(
            "{}{}{}",
            set.bottom_left,
            set.horizontal_bottom.repeat(across),
            set.bottom_right
        );
        self.put(area, area.x, area.y, &top, style);
        self.put(area, area.x, area.bottom() - 1, &bottom, style);
        for y in area.y + 1..area.bottom() - 1 {
            self.put(area, area.x, y, set.vertical_left, style);
            self.put(area, area.right() - 1, y, set.vertical_right, style);
        }
        let title = format!(" {title} ");
        let inside = Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width - 2,
            height: area.height - 2,
        };
        let heading = Rect {
            y: area.y,
            height: 1,
            ..inside
        };
        self.put(heading, area.x + 1, area.y, &title, self.theme.strong());
        inside
    }

    /// Empties a rectangle, for what is laid over the rest.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        self.hit(area, Hit::Nothing);
        for y in area.y..area.bottom() {
            self.halve(area.x, y);
            for x in area.x..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// The headings of a table; `sorted` is marked.
    pub fn heads(&mut self, area: Rect, columns: &[Column], sorted: Option<(usize, bool)>) {
        let cells: Vec<Cell> = columns
            .iter()
            .enumerate()
            .map(|(n, column)| {
                let mark = match sorted {
                    Some((at, false)) if at == n => "v",
                    Some((at, true)) if at == n => "^",
                    _ => "",
                };
                (format!("{}{mark}", column.head), self.theme.accent())
            })
            .collect();
        self.row(area, area.y, columns, &cells);
    }

    /// One row of a table.
    pub fn row(&mut self, area: Rect, y: u16, columns: &[Column], cells: &[Cell]) {
        let mut x = area.x;
        for (width, (column, (text, style))) in
            widths(area.width, columns).zip(columns.iter().zip(cells))
        {
            let cut = text::cut_end(&text::clean(text), usize::from(width), self.theme.cut());
            let used = u16::try_from(text::width(&cut)).unwrap_or(width);
            let at = match column.align {
                Align::Left => x,
                Align::Right => x + width.saturating_sub(used),
            };
            self.put(area, at, y, &cut, *style);
            x = x.saturating_add(width).saturating_add(1);
        }
    }

    /// Columns for the last values, the newest at the right, scaled to the highest.
    pub fn sparkline(&mut self, area: Rect, values: &[u32], style: Style) {
        let area = area.intersection(self.buffer.area);
        let shown = &values[values.len().saturating_sub(usize::from(area.width))..];
        let top = shown.iter().copied().max().unwrap_or(0).max(1);
        let levels = usize::from(area.height) * 8;
        let from = area.right()
            - u16::try_from(shown.len())
                .unwrap_or(area.width)
                .min(area.width);
        for (x, value) in (from..area.right()).zip(shown) {
            let mut eighths = (*value as usize * levels)
                .div_ceil(top as usize)
                .min(levels);
            for y in (area.y..area.bottom()).rev() {
                let here = eighths.min(8);
                eighths -= here;
                if here > 0 {
                    let glyph = self.theme.column(here);
                    self.put(area, x, y, glyph, style);
                }
            }
        }
    }
}

/// The widths of columns in `room`; those of width 0 share what is left.
pub fn widths(room: u16, columns: &[Column]) -> impl Iterator<Item = u16> {
    let fixed: u16 = columns.iter().map(|column| column.width).sum();
    let gaps = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0);
    let open = columns
        .iter()
        .filter(|column| column.width == 0)
        .count()
        .max(1);
    let share = room.saturating_sub(fixed + gaps) / u16::try_from(open).unwrap_or(1);
    columns.iter().map(move |column| {
        if column.width == 0 {
            share
        } else {
            column.width
        }
    })
}

/// The first row to show so that row `cursor` of `rows` is within `height`,
/// moved as little as possible from `top`.
pub fn scrolled(top: usize, cursor: usize, rows: usize, height: usize) -> usize {
    let most = rows.saturating_sub(height);
    let top = if cursor < top {
        cursor
    } else if height > 0 && cursor >= top + height {
        cursor + 1 - height
    } else {
        top
    };
    top.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_in_sight(top in 0usize..200, cursor in 0usize..100, rows in 1usize..100, height in 1usize..50) {
            let cursor = cursor.min(rows - 1);
            let top = scrolled(top, cursor, rows, height);
            prop_assert!(top <= cursor && cursor < top + height);
        }

        #[test]
        fn nothing_is_drawn_outside(x in 0u16..30, y in 0u16..30, w in 0u16..40, h in 0u16..40, bw in 0u16..20, bh in 0u16..20) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, bw, bh));
            let mut pen = Pen::new(&mut buffer, Theme::new(true, false));
            let area = Rect::new(x, y, w, h);
            let inside = pen.panel(area, "title");
            pen.put(area, x, y, "text", Style::new());
            pen.right(area, y, "right", Style::new());
            pen.highlight(area, y, Style::new());
            pen.clear(area);
            pen.sparkline(area, &[1, 2, 3], Style::new());
            pen.sparkline(inside, &[], Style::new());
        }
    }
}
