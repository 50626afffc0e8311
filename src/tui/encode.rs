//! From cells to the fewest bytes that put them on a terminal.
//!
//! Only cells that differ from what is shown are written. Each frame begins and
//! ends with the plain style, so that nothing must be known of the one before.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// Modifiers, their SGR numbers.
const MODIFIERS: [(Modifier, u8); 6] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

/// Appends what turns `shown` into `next`; with nothing shown the terminal is
/// cleared first. Appends nothing where nothing differs.
pub fn frame(shown: Option<&Buffer>, next: &Buffer, out: &mut Vec<u8>) {
    let empty;
    let shown = match shown {
        Some(shown) if shown.area == next.area => shown,
        _ => {
            out.extend_from_slice(b"\x1b[0m\x1b[2J");
            empty = Buffer::empty(next.area);
            &empty
        }
    };
    let mut ink = Ink::PLAIN;
    // Where the cursor is, while that is certain.
    let mut cursor: Option<(u16, u16)> = None;
    let columns = usize::from(next.area.width);
    let rows = shown
        .content
        .chunks(columns.max(1))
        .zip(next.content.chunks(columns.max(1)));
    for (y, (before, after)) in (next.area.y..).zip(rows) {
        let mut n = 0;
        // Up to where wide characters that are gone left their right halves.
        let mut torn = 0;
        while let Some(cell) = after.get(n) {
            let wide = width(cell);
            let x = next.area.x + n as u16;
            if n < torn || *cell != before[n] {
                for (n, gone) in before.iter().enumerate().skip(n).take(wide) {
                    torn = torn.max(n + width(gone));
                }
                travel(cursor, (x, y), out);
                let wanted = Ink::of(cell);
                ink.change(wanted, out);
                ink = wanted;
                let symbol = cell.symbol();
                out.extend_from_slice(symbol.as_bytes());
                // At the edge terminals differ, and about the width of anything
                // but single narrow characters too.
                let sure = n + 1 < columns && wide == 1 && symbol.chars().nth(1).is_none();
                cursor = sure.then_some((x + 1, y));
            }
            n += wide;
        }
    }
    ink.change(Ink::PLAIN, out);
}

/// The columns that a cell's symbol takes, at least one.
fn width(cell: &Cell) -> usize {
    match cell.symbol() {
        symbol if symbol.len() <= 1 => 1,
        symbol => symbol.width().max(1),
    }
}

/// Moves the cursor.
fn travel(from: Option<(u16, u16)>, to: (u16, u16), out: &mut Vec<u8>) {
    let (x, y) = to;
    // Writing to memory does not fail.
    let _ = match from {
        Some(at) if at == to => Ok(()),
        Some((at, row)) if row == y && x == at + 1 => write!(out, "\x1b[C"),
        Some((at, row)) if row == y && x > at => write!(out, "\x1b[{}C", x - at),
        _ => write!(out, "\x1b[{};{}H", y + 1, x + 1),
    };
}

/// What a cell is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ink {
    fg: Color,
    bg: Color,
    modifiers: Modifier,
}

impl Ink {
    const PLAIN: Self = Self {
        fg: Color::Reset,
        bg: Color::Reset,
        modifiers: Modifier::empty(),
    };

    fn of(cell: &Cell) -> Self {
        Self {
            fg: cell.fg,
            bg: cell.bg,
            modifiers: cell.modifier,
        }
    }

    /// Appends what turns this ink into another.
    fn change(mut self, to: Self, out: &mut Vec<u8>) {
        if self == to {
            return;
        }
        out.extend_from_slice(b"\x1b[");
        let mut first = true;
        let mut number = |out: &mut Vec<u8>, text: std::fmt::Arguments<'_>| {
            if !std::mem::take(&mut first) {
                out.push(b';');
            }
            let _ = out.write_fmt(text);
        };
        // Modifiers cannot all be ended singly everywhere.
        if !to.modifiers.contains(self.modifiers) || to == Self::PLAIN {
            if to != Self::PLAIN {
                number(out, format_args!("0"));
            }
            self = Self::PLAIN;
        }
        for (modifier, n) in MODIFIERS {
            if to.modifiers.contains(modifier) && !self.modifiers.contains(modifier) {
                number(out, format_args!("{n}"));
            }
        }
        for (from, to, base) in [(self.fg, to.fg, 30), (self.bg, to.bg, 40)] {
            if from == to {
                continue;
            }
            match to {
                Color::Reset => number(out, format_args!("{}", base + 9)),
                Color::Indexed(n) => number(out, format_args!("{};5;{n}", base + 8)),
                Color::Rgb(r, g, b) => number(out, format_args!("{};2;{r};{g};{b}", base + 8)),
                named => {
                    let n = sixteenth(named);
                    let base = if n < 8 { base } else { base + 52 };
                    number(out, format_args!("{}", base + n));
                }
            }
        }
        out.push(b'm');
    }
}

/// The number of one of the sixteen colours.
pub fn sixteenth(colour: Color) -> u8 {
    match colour {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        _ => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::draw::Pen;
    use crate::tui::theme::Theme;
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use std::num::NonZeroU16;

    const WIDTH: u16 = 12;
    const HEIGHT: u16 = 4;

    fn style() -> impl Strategy<Value = Style> {
        let colour = || {
            prop::sample::select(vec![
                Color::Reset,
                Color::Red,
                Color::DarkGray,
                Color::Indexed(208),
                Color::Rgb(1, 2, 3),
            ])
        };
        let modifier = prop::sample::select(vec![
            Modifier::empty(),
            Modifier::BOLD,
            Modifier::REVERSED,
            Modifier::BOLD | Modifier::REVERSED,
            Modifier::UNDERLINED,
        ]);
        (colour(), colour(), modifier)
            .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier))
    }

    fn buffer() -> impl Strategy<Value = Buffer> {
        let text = prop::sample::select(vec![
            "a",
            "bcd",
            "   ",
            "漢字",
            "e\u{301}x",
            "──",
            "0123456789ab",
        ]);
        let piece = (0..WIDTH, 0..HEIGHT, text, style());
        prop::collection::vec(piece, 0..12).prop_map(|pieces| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
            let mut pen = Pen::new(&mut buffer, Theme::new(true, false));
            let area = Rect::new(0, 0, WIDTH, HEIGHT);
            for (x, y, text, style) in pieces {
                pen.put(area, x, y, text, style);
            }
            buffer
        })
    }

    fn colour(colour: Color) -> vt100::Color {
        match colour {
            Color::Reset => vt100::Color::Default,
            Color::Indexed(n) => vt100::Color::Idx(n),
            Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
            named => vt100::Color::Idx(sixteenth(named)),
        }
    }

    fn check(screen: &vt100::Screen, buffer: &Buffer) {
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let (seen, wanted) = (screen.cell(y, x).unwrap(), &buffer[(x, y)]);
                if seen.is_wide_continuation() {
                    continue;
                }
                let shown = if seen.contents().is_empty() {
                    " "
                } else {
                    seen.contents()
                };
                assert_eq!(shown, wanted.symbol(), "{x},{y}");
                assert_eq!(seen.fgcolor(), colour(wanted.fg), "{x},{y}");
                assert_eq!(seen.bgcolor(), colour(wanted.bg), "{x},{y}");
                let has = |modifier| wanted.modifier.contains(modifier);
                assert_eq!(seen.bold(), has(Modifier::BOLD), "{x},{y}");
                assert_eq!(seen.inverse(), has(Modifier::REVERSED), "{x},{y}");
                assert_eq!(seen.underline(), has(Modifier::UNDERLINED), "{x},{y}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn a_terminal_shows_what_was_drawn(frames in prop::collection::vec(buffer(), 1..5)) {
            let size = |n| NonZeroU16::new(n).unwrap();
            let mut terminal = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            let mut shown: Option<&Buffer> = None;
            for next in &frames {
                let mut bytes = Vec::new();
                frame(shown, next, &mut bytes);
                terminal.process(&bytes);
                check(terminal.screen(), next);
                shown = Some(next);
            }
            let mut bytes = Vec::new();
            frame(shown, frames.last().unwrap(), &mut bytes);
            prop_assert!(bytes.is_empty());
        }
    }

    #[test]
    fn a_change_is_a_few_bytes() {
        let mut before = Buffer::empty(Rect::new(0, 0, 80, 24));
        before.set_string(0, 5, "12 pages of 345", Style::new());
        let mut after = before.clone();
        after.set_string(0, 5, "13 pages of 346", Style::new().fg(Color::Reset));
        let mut bytes = Vec::new();
        frame(Some(&before), &after, &mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[6;2H3\x1b[12C6");
    }
}
