//! Pages in lists: the columns, and what stands in them.

use crate::bus::PageRow;
use crate::page::PageState;
use crate::page::time::time_of_day;
use crate::tui::state::Shared;
use crate::tui::table::{Cell, Column};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::style::Style;
use std::time::Duration;

/// The columns of failed pages.
pub fn failures() -> Vec<Column> {
    vec![
        Column::text("KIND", 9, 0).sorting(),
        Column::number("STATUS", 6, 1).sorting(),
        Column::number("TRIES", 5, 5).sorting(),
        Column::text("SITE", 12, 4).sorting(),
        Column::text("URL", 14, 0).growing().wanting(36).sorting(),
        Column::number("TOOK", 6, 6).sorting(),
        Column::number("SIZE", 5, 8).sorting(),
        Column::text("ENDED", 8, 3).sorting(),
        Column::number("DEPTH", 5, 7).sorting(),
        Column::number("ID", 8, 9).sorting(),
    ]
}

/// The columns of all pages.
pub fn all() -> Vec<Column> {
    vec![
        Column::text("STATE", 7, 0).sorting(),
        Column::number("STATUS", 6, 1).sorting(),
        Column::text("WHY", 9, 6).sorting(),
        Column::text("SITE", 12, 4).sorting(),
        Column::text("URL", 14, 0).growing().wanting(36).sorting(),
        Column::number("TOOK", 6, 5).sorting(),
        Column::number("SIZE", 5, 3).sorting(),
        Column::text("ENDED", 8, 7).sorting(),
        Column::number("DEPTH", 5, 2).sorting(),
        Column::number("ID", 8, 8).sorting(),
    ]
}

/// The columns of the queue.
pub fn queue() -> Vec<Column> {
    vec![
        Column::number("#", 6, 1).sorting(),
        Column::text("SITE", 12, 4).sorting(),
        Column::number("DEPTH", 5, 2).sorting(),
        Column::number("TRIES", 5, 3).sorting(),
        Column::text("DUE", 8, 0).sorting(),
        Column::text("URL", 14, 0).growing().wanting(36).sorting(),
    ]
}

/// A page's cell of one column, at this place of the list.
pub fn cell(
    theme: Theme,
    row: &PageRow,
    at: usize,
    column: &str,
    shared: &Shared,
    now: u64,
) -> Cell {
    let status = || {
        row.status
            .map_or("-".to_owned(), |status| status.to_string())
    };
    match column {
        "#" => Cell::plain((at + 1).to_string()),
        "STATE" => Cell::Text(row.state.as_str().into(), state_style(theme, row.state)),
        "KIND" => Cell::Text(row.reason.clone().into(), theme.bad()),
        "WHY" => Cell::Text(row.reason.clone().into(), theme.faint()),
        "STATUS" => Cell::plain(status()),
        "TRIES" => Cell::plain(row.attempts.to_string()),
        "SITE" => Cell::Text(shared.site_name(row.site).to_owned().into(), theme.faint()),
        "TOOK" => Cell::plain(match row.elapsed_ms {
            Some(ms) => text::millis(f64::from(ms)),
            None => "-".to_owned(),
        }),
        "SIZE" => Cell::plain(text::bytes(row.bytes)),
        "ENDED" if row.at == 0 => Cell::plain("-"),
        "ENDED" => Cell::plain(time_of_day(row.at)),
        "DEPTH" => Cell::plain(row.depth.to_string()),
        "ID" => Cell::Text(row.id.to_string().into(), theme.faint()),
        "DUE" => match row.due {
            Some(due) if due > now => {
                let left = Duration::from_millis(due - now);
                Cell::Text(format!("in {}", text::span(left)).into(), theme.warn())
            }
            _ => Cell::plain("now"),
        },
        _ => Cell::Middle(row.url.clone(), Style::new()),
    }
}

/// How a state looks.
pub fn state_style(theme: Theme, state: PageState) -> Style {
    match state {
        PageState::Done => theme.good(),
        PageState::Failed => theme.bad(),
        PageState::Skipped => theme.faint(),
        PageState::Queued => Style::new(),
    }
}
