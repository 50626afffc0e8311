//! What the panes of a site hold.

use super::records::fill_cell;
use crate::bus::{Doing, HostRow, SiteDetail, SourceRow, SourceState, TrapRow};
use crate::monitor::{SiteView, WorkerView};
use crate::tui::draw::Pen;
use crate::tui::table::Cell;
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::time::Instant;

/// Bounds of the latency buckets, in words.
const BUCKETS: [&str; 13] = [
    "<1ms", "<2ms", "<5ms", "<10ms", "<20ms", "<50ms", "<100ms", "<200ms", "<500ms", "<1s", "<2s",
    "<5s", ">5s",
];

/// One pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// What each worker is at.
    Workers,
    /// The site's hosts.
    Hosts,
    /// Latency, statuses, failures.
    Charts,
    /// Scope rules, records and how their fields are filled.
    Rules,
    /// Shapes of URLs of which there is no end.
    Traps,
    /// Sitemaps, lists and APIs.
    Sources,
}

impl Pane {
    /// Every one, in their order.
    pub const ALL: [Self; 6] = [
        Self::Workers,
        Self::Hosts,
        Self::Charts,
        Self::Rules,
        Self::Traps,
        Self::Sources,
    ];

    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Workers => Self::Hosts,
            Self::Hosts => Self::Charts,
            Self::Charts => Self::Rules,
            Self::Rules => Self::Traps,
            Self::Traps => Self::Sources,
            Self::Sources => Self::Workers,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Hosts => "hosts",
            Self::Charts => "charts",
            Self::Rules => "rules",
            Self::Traps => "traps",
            Self::Sources => "sources",
        }
    }
}

/// A host's name, and its port where its URL has one.
pub fn host_name(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// A worker's cell.
pub fn worker(theme: Theme, worker: &WorkerView, at: Instant, column: usize) -> Cell {
    let (word, style, url) = match &worker.doing {
        Doing::Fetching(url) => ("fetching", theme.good(), url.as_ref()),
        Doing::Idle => ("idle", theme.faint(), ""),
        Doing::Paused => ("PAUSED", theme.warn(), ""),
        Doing::Gone => ("gone", theme.faint(), ""),
    };
    match column {
        0 => Cell::plain(worker.id.0.to_string()),
        1 => Cell::Text(word.into(), style),
        2 => {
            let elapsed = at.saturating_duration_since(worker.since);
            Cell::Text(text::span(elapsed).into(), theme.faint())
        }
        _ => Cell::Middle(url.to_owned(), Style::new()),
    }
}

/// A host's cell.
pub fn host(theme: Theme, host: &HostRow, column: usize) -> Cell {
    match column {
        0 => Cell::Middle(host.origin.clone(), Style::new()),
        1 => Cell::plain(text::count(host.waiting)),
        2 => Cell::plain(host.in_flight.to_string()),
        3 if host.paused => Cell::Text("PAUSED".into(), theme.warn()),
        3 => Cell::Text(host.held.clone().into(), theme.warn()),
        4 => Cell::plain(host.rest.map_or(String::new(), text::span)),
        _ => Cell::Text(host.robots.clone().into(), theme.faint()),
    }
}

/// A trap's cell.
pub fn trap(theme: Theme, trap: &TrapRow, column: usize) -> Cell {
    match column {
        0 => Cell::Middle(trap.shape.clone(), Style::new()),
        1 => Cell::Text(trap.kind.clone(), theme.faint()),
        2 => Cell::plain(text::count(trap.taken)),
        3 if trap.lifted => Cell::Text("lifted".into(), theme.good()),
        _ => Cell::Text(text::count(trap.left).into(), theme.warn()),
    }
}

/// A source's cell.
pub fn source(theme: Theme, source: &SourceRow, column: usize) -> Cell {
    match column {
        0 => {
            let style = match source.state {
                SourceState::Failed => theme.bad(),
                SourceState::Done => theme.good(),
                SourceState::Waiting | SourceState::Reading => theme.faint(),
            };
            Cell::Text(source.state.as_str().into(), style)
        }
        1 => Cell::Text(source.kind.as_str().into(), theme.faint()),
        2 => Cell::Middle(source.name.clone(), Style::new()),
        3 => Cell::plain(text::count(source.read)),
        4 => Cell::plain(text::count(source.urls)),
        5 if source.bad > 0 => Cell::Text(text::count(source.bad).into(), theme.warn()),
        5 => Cell::plain(String::new()),
        _ => Cell::Text(source.problem.clone().into(), theme.warn()),
    }
}

/// Pieces of one line.
type Line = Vec<(String, Style)>;

/// Scope rules, what is taken from pages, and how often it was there.
pub fn rules(
    theme: Theme,
    site: &SiteView,
    detail: &SiteDetail,
    refused: Option<&str>,
) -> Vec<Line> {
    let plain = Style::new();
    let mut lines: Vec<Line> = Vec::new();
    for fill in site.fill.iter() {
        let head = format!("{}: {} records", fill.record, fill.records);
        lines.push(vec![(head, theme.strong())]);
        for (name, filled) in &fill.fields {
            let part = *filled as f64 / fill.records.max(1) as f64;
            let (words, style) = match fill_cell(theme, *filled, fill.records) {
                Cell::Text(words, style) if fill.records > 0 => (words.into_owned(), style),
                _ => ("-".to_owned(), theme.faint()),
            };
            lines.push(vec![
                (
                    format!("  {} ", text::fit(&text::clean(name), 14, theme.cut())),
                    plain,
                ),
                (theme.bar(part, 10), style),
                (format!(" {words}"), style),
            ]);
        }
    }
    let mut add = |head: &str, rules: &[String]| {
        if !rules.is_empty() {
            lines.push(vec![(head.to_owned(), theme.accent())]);
            lines.extend(rules.iter().map(|rule| vec![(format!("  {rule}"), plain)]));
        }
    };
    add("scope", &detail.rules);
    add("records", &detail.records);
    if let Some(why) = refused {
        lines.push(vec![(why.to_owned(), theme.faint())]);
    } else if lines.is_empty() {
        lines.push(vec![("no rules".to_owned(), theme.faint())]);
    }
    lines
}

/// Latency, statuses and failures by kind.
pub fn charts(pen: &mut Pen, area: Rect, site: &SiteView) {
    if area.height < 3 {
        return;
    }
    let tall = area.height >= 18 && area.width < 80;
    let third = |n: u16| {
        if tall {
            Rect {
                y: area.y + area.height * n / 3,
                height: area.height * (n + 1) / 3 - area.height * n / 3,
                ..area
            }
        } else {
            Rect {
                x: area.x + area.width * n / 3,
                width: area.width * (n + 1) / 3 - area.width * n / 3,
                ..area
            }
        }
    };
    let named = |names: &[&str], counts: &[u64]| -> Vec<(String, u64)> {
        let pairs = names.iter().zip(counts).filter(|(_, n)| **n > 0);
        pairs.map(|(name, n)| ((*name).to_owned(), *n)).collect()
    };
    let classes = ["no answer", "1xx", "2xx", "3xx", "4xx", "5xx"];
    let kinds: Vec<(String, u64)> = site
        .kinds
        .iter()
        .map(|(kind, n)| (kind.to_string(), *n))
        .collect();
    let theme = pen.theme;
    for (n, title, values, style) in [
        (
            0,
            "latency",
            named(&BUCKETS, &site.latency.buckets),
            theme.accent(),
        ),
        (1, "status", named(&classes, &site.classes), theme.good()),
        (2, "failed attempts", kinds, theme.bad()),
    ] {
        let inside = pen.panel(third(n), title);
        if values.is_empty() {
            pen.put(inside, inside.x, inside.y, "none", theme.faint());
        }
        bars(pen, inside, &values, style);
    }
}

/// Names, counts and bars, one a line.
fn bars(pen: &mut Pen, area: Rect, values: &[(String, u64)], style: Style) {
    let top = values.iter().map(|(_, n)| *n).max().unwrap_or(1).max(1);
    for (y, (name, n)) in (area.y..area.bottom()).zip(values) {
        let label = format!("{name:>9} {:>5} ", text::count(*n));
        let x = pen.put(area, area.x, y, &label, Style::new());
        let room = area.right().saturating_sub(x);
        let length = (f64::from(room) * *n as f64 / top as f64).ceil() as usize;
        let bar = pen.theme.bar(1.0, length.min(usize::from(room)));
        pen.put(area, x, y, &bar, style);
    }
}
