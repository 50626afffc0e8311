//! Questions over the screen.

use crate::tui::draw::Pen;
use crate::tui::state::{Dialog, State};
use crate::tui::text;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the question that is open, if one is.
pub fn draw(pen: &mut Pen, area: Rect, state: &State) {
    let Some(dialog) = &state.dialog else {
        return;
    };
    let in_flight = state.snapshot.totals.pages.in_flight;
    let (title, lines): (&str, Vec<String>) = match dialog {
        Dialog::Quit if state.stopping => (
            "Stopping",
            vec![
                format!("{in_flight} requests are still in flight."),
                "n    drop them and leave now".to_owned(),
                "esc  wait for them".to_owned(),
            ],
        ),
        Dialog::Quit => (
            "Stop the crawl and quit?",
            vec![
                "Everything is kept; the next run goes on from here.".to_owned(),
                format!("y    finish what is in flight ({in_flight}) and leave"),
                "!    drop what is in flight and leave now".to_owned(),
                "esc  go on crawling".to_owned(),
            ],
        ),
        Dialog::RetryAll(filter, total) => (
            "Send them all round again?",
            vec![
                match filter.kind {
                    Some(kind) => format!("{total} failed pages of kind {kind}"),
                    None => format!("{total} failed pages"),
                },
                "y    send them".to_owned(),
                "esc  leave them".to_owned(),
            ],
        ),
    };
    let widest = lines
        .iter()
        .map(|line| text::width(line))
        .max()
        .unwrap_or(0);
    let width = u16::try_from(widest + 4)
        .unwrap_or(u16::MAX)
        .min(area.width);
    let height = u16::try_from(lines.len() + 2)
        .unwrap_or(u16::MAX)
        .min(area.height);
    let over = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    pen.clear(over);
    let inside = pen.panel(over, title);
    for (y, line) in (inside.y..inside.bottom()).zip(&lines) {
        pen.put(inside, inside.x + 1, y, line, Style::new());
    }
}
