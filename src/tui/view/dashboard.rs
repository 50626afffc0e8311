//! All sites: a row each, throughput over time, the last notices.

use super::log;
use crate::bus::SiteState;
use crate::monitor::SiteView;
use crate::monitor::line::clock;
use crate::tui::draw::{Align, Cell, Column, Pen, scrolled};
use crate::tui::mouse::Hit;
use crate::tui::state::{SortKey, State};
use crate::tui::text;
use ratatui::layout::Rect;
use ratatui::style::Style;

const fn column(head: &'static str, width: u16, align: Align) -> Column {
    Column { head, width, align }
}

/// Columns that the smallest screen has too.
const TINY: [Column; 4] = [
    column("SITE", 0, Align::Left),
    column("STATE", 10, Align::Left),
    column("DONE/KNOWN", 11, Align::Right),
    column("PG/S", 5, Align::Right),
];

/// Columns that a narrow screen has too.
const NARROW: [Column; 8] = [
    column("SITE", 0, Align::Left),
    column("STATE", 10, Align::Left),
    column("DONE/KNOWN", 11, Align::Right),
    column("%", 4, Align::Right),
    column("PG/S", 5, Align::Right),
    column("ERR", 5, Align::Right),
    column("WORK", 7, Align::Right),
    column("ETA", 7, Align::Right),
];

/// Columns where there is room.
const WIDE: [Column; 12] = [
    column("SITE", 0, Align::Left),
    column("STATE", 10, Align::Left),
    column("DONE/KNOWN", 13, Align::Right),
    column("", 16, Align::Left),
    column("%", 4, Align::Right),
    column("PG/S", 6, Align::Right),
    column("LAST MINUTE", 20, Align::Left),
    column("MB/S", 6, Align::Right),
    column("ERRORS", 6, Align::Right),
    column("WORKERS", 9, Align::Right),
    column("P95", 7, Align::Right),
    column("ETA", 9, Align::Right),
];

/// Columns of the screen from which the narrow table is shown.
const NARROW_FROM: u16 = 70;
/// Columns of the screen from which the wide table is shown.
const WIDE_FROM: u16 = 130;

/// Draws it.
pub fn draw(pen: &mut Pen, area: Rect, state: &mut State) {
    let all = state.sites().len();
    let table = u16::try_from(all).unwrap_or(u16::MAX).saturating_add(2);
    let least = area.height / 2;
    let height = if area.height < 12 {
        area.height
    } else {
        table
            .min(area.height.saturating_sub(9))
            .max(least.min(table))
    };
    let top = Rect { height, ..area };
    sites(pen, top, state);
    let rest = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    if rest.height < 4 {
        return;
    }
    let (chart, notes) = if area.width >= WIDE_FROM {
        let half = rest.width / 2;
        (
            Rect {
                width: half,
                ..rest
            },
            Rect {
                x: rest.x + half,
                width: rest.width - half,
                ..rest
            },
        )
    } else {
        let half = rest.height / 2;
        (
            Rect {
                height: half,
                ..rest
            },
            Rect {
                y: rest.y + half,
                height: rest.height - half,
                ..rest
            },
        )
    };
    throughput(pen, chart, state);
    let inside = pen.panel(notes, "last events");
    log::lines(pen, inside, state, 0);
}

fn sites(pen: &mut Pen, area: Rect, state: &mut State) {
    let wide = area.width >= WIDE_FROM;
    let tiny = area.width < NARROW_FROM;
    let columns: &[Column] = match (wide, tiny) {
        (true, _) => &WIDE,
        (false, true) => &TINY,
        (false, false) => &NARROW,
    };
    let sorted = match (state.sort, wide) {
        (SortKey::File, _) => None,
        (SortKey::Name, _) => Some((0, state.reverse)),
        (SortKey::Done, _) => Some((2, state.reverse)),
        (SortKey::Rate, false) => Some((if tiny { 3 } else { 4 }, state.reverse)),
        (SortKey::Rate, true) => Some((5, state.reverse)),
        (SortKey::Failed, false) => Some((5, state.reverse)),
        (SortKey::Failed, true) => Some((8, state.reverse)),
    };
    pen.heads(area, columns, sorted);
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    let height = usize::from(body.height);
    let listed = state.sites();
    let at = state
        .current_site()
        .and_then(|(id, _)| listed.iter().position(|(known, _)| *known == id))
        .unwrap_or(0);
    let top = scrolled(state.site_top, at, listed.len(), height);
    if listed.is_empty() {
        pen.put(
            body,
            body.x,
            body.y,
            "no site passes the filter; esc clears it",
            pen.theme.faint(),
        );
    }
    for (n, (id, site)) in listed.iter().enumerate().skip(top).take(height) {
        let y = body.y + u16::try_from(n - top).unwrap_or(0);
        let mut cells = if wide {
            wide_row(pen, site)
        } else {
            narrow_row(pen, site)
        };
        if tiny {
            // Of the narrow row: name, state, pages, rate.
            let rate = cells.swap_remove(4);
            cells.truncate(3);
            cells.push(rate);
        }
        pen.row(body, y, columns, &cells);
        if wide {
            spark(pen, body, y, site);
        }
        pen.hit_line(body, y, Hit::Site(*id));
        if n == at {
            pen.highlight(body, y, pen.theme.selected());
        }
    }
    let totals = &state.snapshot.totals;
    let line = format!(
        "{} of {} sites over   {} records   {} received   {} of {} workers busy{}",
        totals.sites_over,
        state.snapshot.sites.len(),
        text::count(totals.records),
        text::bytes(totals.bytes),
        totals.busy,
        totals.concurrency,
        if listed.len() > height {
            format!("   row {} of {}", at + 1, listed.len())
        } else {
            String::new()
        },
    );
    pen.put(area, area.x, area.bottom() - 1, &line, pen.theme.faint());
    state.site_top = top;
    state.rows = height.max(1);
}

fn shared(pen: &Pen, site: &SiteView) -> (Cell, Cell, f64, Style) {
    let (glyph, style) = pen.theme.state(site.state);
    let known = site
        .pages
        .known()
        .min(site.controls.max_pages.unwrap_or(u64::MAX))
        .max(1);
    let part = site.pages.over() as f64 / known as f64;
    let errors = if site.pages.failed > 0 {
        pen.theme.bad()
    } else {
        Style::new()
    };
    (
        (site.name.to_string(), pen.theme.strong()),
        (format!("{glyph} {}", site.state.as_str()), style),
        part.min(1.0),
        errors,
    )
}

fn done(site: &SiteView) -> String {
    format!(
        "{}/{}",
        text::count(site.pages.over()),
        text::count(site.pages.known())
    )
}

fn eta(site: &SiteView) -> String {
    match site.eta {
        Some(eta) => clock(eta),
        None if site.state == SiteState::Running => "?".to_owned(),
        None => "-".to_owned(),
    }
}

fn narrow_row(pen: &Pen, site: &SiteView) -> Vec<Cell> {
    let (name, state, part, errors) = shared(pen, site);
    let plain = Style::new();
    vec![
        name,
        state,
        (done(site), plain),
        (format!("{:.0}%", (part * 100.0).floor()), plain),
        (text::rate(site.throughput.pages_10s), plain),
        (text::count(site.pages.failed), errors),
        (
            format!("{}/{}", site.busy(), site.controls.concurrency),
            plain,
        ),
        (eta(site), plain),
    ]
}

fn wide_row(pen: &Pen, site: &SiteView) -> Vec<Cell> {
    let (name, state, part, errors) = shared(pen, site);
    let plain = Style::new();
    let bar = pen.theme.bar(part, 16);
    vec![
        name,
        state,
        (done(site), plain),
        (bar, pen.theme.accent()),
        (format!("{:.0}%", (part * 100.0).floor()), plain),
        (text::rate(site.throughput.pages_10s), plain),
        (String::new(), plain),
        (format!("{:.1}", site.throughput.bytes_10s / 1e6), plain),
        (text::count(site.pages.failed), errors),
        (
            format!("{}/{}", site.busy(), site.controls.concurrency),
            plain,
        ),
        (text::millis(site.latency.p95), plain),
        (eta(site), plain),
    ]
}

/// The sparkline of a wide row: a column for three seconds.
fn spark(pen: &mut Pen, area: Rect, y: u16, site: &SiteView) {
    const AT: usize = 6;
    let before: u16 = crate::tui::draw::widths(area.width, &WIDE)
        .take(AT)
        .map(|w| w + 1)
        .sum();
    let cell = Rect {
        x: area.x + before,
        y,
        width: WIDE[AT].width,
        height: 1,
    };
    let history = &site.throughput.history;
    let last = &history[history.len().saturating_sub(60)..];
    let values: Vec<u32> = last
        .rchunks(3)
        .rev()
        .map(|three| three.iter().sum())
        .collect();
    let style = pen.theme.good();
    pen.sparkline(cell, &values, style);
}

fn throughput(pen: &mut Pen, area: Rect, state: &State) {
    let rates = &state.snapshot.totals.throughput;
    let top = rates.history.iter().copied().max().unwrap_or(0);
    let title = format!(
        "pages/s: now {}, run {}, top {}",
        text::rate(rates.pages_1s),
        text::rate(rates.pages_run),
        text::count(u64::from(top))
    );
    let inside = pen.panel(area, &title);
    let style = pen.theme.good();
    pen.sparkline(inside, &rates.history, style);
}
