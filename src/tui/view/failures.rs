//! Failed pages: a screenful of the list that the store holds.

use crate::tui::draw::{Align, Column, Pen};
use crate::tui::mouse::Hit;
use crate::tui::state::State;
use crate::tui::text;
use ratatui::layout::Rect;
use ratatui::style::Style;

const COLUMNS: [Column; 6] = [
    Column {
        head: "",
        width: 1,
        align: Align::Left,
    },
    Column {
        head: "KIND",
        width: 9,
        align: Align::Left,
    },
    Column {
        head: "STATUS",
        width: 6,
        align: Align::Right,
    },
    Column {
        head: "TRIES",
        width: 5,
        align: Align::Right,
    },
    Column {
        head: "SITE",
        width: 12,
        align: Align::Left,
    },
    Column {
        head: "URL",
        width: 0,
        align: Align::Left,
    },
];

/// Columns before the URL, with their gaps.
const BEFORE_URL: usize = 1 + 9 + 6 + 5 + 12 + 5;

/// Draws it.
pub fn draw(pen: &mut Pen, area: Rect, state: &mut State) {
    pen.heads(area, &COLUMNS, None);
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    let failures = &state.failures;
    let list = &failures.list;
    let room = usize::from(area.width).saturating_sub(BEFORE_URL);
    for (n, row) in list.rows.iter().enumerate().take(usize::from(body.height)) {
        let y = body.y + u16::try_from(n).unwrap_or(0);
        let marked = failures.marks.contains(&row.id);
        let site = state.snapshot.sites.get(row.site.index());
        let url = text::cut_middle(&text::clean(&row.url), room, pen.theme.cut());
        let cells = [
            ((if marked { "*" } else { "" }).to_owned(), pen.theme.warn()),
            (row.reason.clone(), pen.theme.bad()),
            (
                row.status
                    .map_or("-".to_owned(), |status| status.to_string()),
                Style::new(),
            ),
            (row.attempts.to_string(), Style::new()),
            (
                site.map_or(String::new(), |site| site.name.to_string()),
                pen.theme.faint(),
            ),
            (url, Style::new()),
        ];
        pen.row(body, y, &COLUMNS, &cells);
        pen.hit_line(body, y, Hit::Row(n as i32 - failures.row as i32));
        if n == failures.row {
            pen.highlight(body, y, pen.theme.selected());
        }
    }
    if list.rows.is_empty() {
        let filtered = failures.filter != Default::default();
        let words = match (failures.asked && list.total == 0 && filtered, filtered) {
            (true, _) => "looking",
            (_, true) => "no failed page passes the filter; esc clears it",
            (_, false) => "no failed pages",
        };
        pen.put(body, body.x, body.y, words, pen.theme.faint());
    }
    let mut line = format!(
        "{} failed pages, {} marked",
        list.total,
        failures.marks.len()
    );
    if list.total > 0 {
        line = format!("{} of {line}", failures.top + failures.row as u64 + 1);
    }
    if let Some(kind) = failures.filter.kind {
        line.push_str(&format!("   kind {kind}"));
    }
    if !failures.typed.0.is_empty() {
        line.push_str(&format!("   filter {}", failures.typed.0));
    }
    pen.put(area, area.x, area.bottom() - 1, &line, pen.theme.faint());
    state.rows = usize::from(body.height).max(1);
}
