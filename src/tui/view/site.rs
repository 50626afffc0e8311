//! One site: its numbers, its workers, latency, statuses, failures by kind.

use crate::bus::Doing;
use crate::monitor::SiteView;
use crate::page::SiteId;
use crate::tui::draw::{Align, Column, Pen, scrolled};
use crate::tui::mouse::Hit;
use crate::tui::state::State;
use crate::tui::text;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Bounds of the latency buckets, in words.
const BUCKETS: [&str; 13] = [
    "<1ms", "<2ms", "<5ms", "<10ms", "<20ms", "<50ms", "<100ms", "<200ms", "<500ms", "<1s", "<2s",
    "<5s", ">5s",
];

/// Draws it.
pub fn draw(pen: &mut Pen, area: Rect, state: &mut State, id: SiteId) {
    let Some(site) = state.snapshot.sites.get(id.index()).cloned() else {
        return;
    };
    let head = 4.min(area.height);
    numbers(
        pen,
        Rect {
            height: head,
            ..area
        },
        &site,
    );
    let rest = Rect {
        y: area.y + head,
        height: area.height - head,
        ..area
    };
    if rest.height < 3 {
        return;
    }
    if rest.width >= 110 {
        let side = 44;
        let left = Rect {
            width: rest.width - side,
            ..rest
        };
        let right = Rect {
            x: rest.x + left.width,
            width: side,
            ..rest
        };
        workers(pen, left, state, &site);
        charts(pen, right, &site);
    } else {
        let below = if rest.height >= 14 { 8 } else { 0 };
        workers(
            pen,
            Rect {
                height: rest.height - below,
                ..rest
            },
            state,
            &site,
        );
        let y = rest.bottom() - below;
        charts(
            pen,
            Rect {
                y,
                height: below,
                ..rest
            },
            &site,
        );
    }
}

fn numbers(pen: &mut Pen, area: Rect, site: &SiteView) {
    let (strong, faint, plain) = (pen.theme.strong(), pen.theme.faint(), Style::new());
    let (glyph, style) = pen.theme.state(site.state);
    let why = site
        .why
        .as_deref()
        .map(|why| format!(" ({why})"))
        .unwrap_or_default();
    pen.line(
        area,
        area.y,
        &[
            (glyph, style),
            (" ", plain),
            (site.state.as_str(), style),
            (&why, plain),
            ("  ", plain),
            (&site.start, faint),
        ],
    );
    let pages = &site.pages;
    let limit = site
        .controls
        .max_pages
        .map(|most| format!(" of at most {most}"))
        .unwrap_or_default();
    let text = format!(
        "done {}{limit}   failed {}   skipped {}   queued {}   in flight {}   records {}   {}",
        pages.done,
        pages.failed,
        pages.skipped,
        pages.queued,
        pages.in_flight,
        site.records,
        text::bytes(site.bytes)
    );
    pen.put(area, area.x, area.y + 1, &text, plain);
    let rates = &site.throughput;
    let text = format!(
        "pages/s {} now, {} in 10s, {} in all   workers {}/{}   delay {}   p50 {}  p95 {}  p99 {}",
        text::rate(rates.pages_1s),
        text::rate(rates.pages_10s),
        text::rate(rates.pages_run),
        site.busy(),
        site.controls.concurrency,
        text::span(site.controls.delay),
        text::millis(site.latency.p50),
        text::millis(site.latency.p95),
        text::millis(site.latency.p99),
    );
    pen.put(area, area.x, area.y + 2, &text, strong);
    if let Some((host, _)) = site.resting.first() {
        let more = site.resting.len() - 1;
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let text = format!("resting, as it asked for it or fails: {host}{more}");
        pen.put(area, area.x, area.y + 3, &text, pen.theme.warn());
    }
}

fn workers(pen: &mut Pen, area: Rect, state: &mut State, site: &SiteView) {
    const COLUMNS: [Column; 4] = [
        Column {
            head: "#",
            width: 4,
            align: Align::Right,
        },
        Column {
            head: "STATE",
            width: 8,
            align: Align::Left,
        },
        Column {
            head: "FOR",
            width: 6,
            align: Align::Right,
        },
        Column {
            head: "URL",
            width: 0,
            align: Align::Left,
        },
    ];
    let inside = pen.panel(area, "workers");
    if inside.height < 2 {
        return;
    }
    pen.heads(inside, &COLUMNS, None);
    let body = Rect {
        y: inside.y + 1,
        height: inside.height - 1,
        ..inside
    };
    let height = usize::from(body.height);
    if site.workers.is_empty() {
        pen.put(body, body.x, body.y, "no workers", pen.theme.faint());
    }
    let at = state
        .worker
        .and_then(|id| site.workers.iter().position(|worker| worker.id == id));
    let top = scrolled(
        state.worker_top,
        at.unwrap_or(0),
        site.workers.len(),
        height,
    );
    let room = usize::from(inside.width).saturating_sub(21);
    for (n, worker) in site.workers.iter().enumerate().skip(top).take(height) {
        let y = body.y + u16::try_from(n - top).unwrap_or(0);
        let (word, style, url) = match &worker.doing {
            Doing::Fetching(url) => ("fetching", pen.theme.good(), url.as_ref()),
            Doing::Idle => ("idle", pen.theme.faint(), ""),
            Doing::Paused => ("PAUSED", pen.theme.warn(), ""),
            Doing::Gone => ("gone", pen.theme.faint(), ""),
        };
        let elapsed = state.snapshot.at.saturating_duration_since(worker.since);
        let url = text::cut_middle(&text::clean(url), room, pen.theme.cut());
        let cells = [
            (worker.id.0.to_string(), Style::new()),
            (word.to_owned(), style),
            (text::span(elapsed), pen.theme.faint()),
            (url, Style::new()),
        ];
        pen.row(body, y, &COLUMNS, &cells);
        pen.hit_line(body, y, Hit::Row(n as i32 - at.unwrap_or(0) as i32));
        if at == Some(n) {
            pen.highlight(body, y, pen.theme.selected());
        }
    }
    state.worker_top = top;
    state.rows = height.max(1);
}

fn charts(pen: &mut Pen, area: Rect, site: &SiteView) {
    if area.height < 4 {
        return;
    }
    let third = |n: u16| Rect {
        y: area.y + area.height * n / 3,
        height: area.height * (n + 1) / 3 - area.height * n / 3,
        ..area
    };
    let (latency, status, kinds) = if area.height >= 24 {
        (third(0), third(1), third(2))
    } else {
        let across = |n: u16| Rect {
            x: area.x + area.width * n / 3,
            width: area.width * (n + 1) / 3 - area.width * n / 3,
            ..area
        };
        (across(0), across(1), across(2))
    };
    let inside = pen.panel(latency, "latency");
    let filled: Vec<(String, u64)> = BUCKETS
        .iter()
        .zip(site.latency.buckets)
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| ((*name).to_owned(), n))
        .collect();
    let style = pen.theme.accent();
    bars(pen, inside, &filled, style);
    let names = ["no answer", "1xx", "2xx", "3xx", "4xx", "5xx"];
    let filled: Vec<(String, u64)> = names
        .iter()
        .zip(site.classes)
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| ((*name).to_owned(), n))
        .collect();
    let inside = pen.panel(status, "status");
    let style = pen.theme.good();
    bars(pen, inside, &filled, style);
    let inside = pen.panel(kinds, "failed attempts");
    let filled: Vec<(String, u64)> = site
        .kinds
        .iter()
        .map(|(kind, n)| (kind.to_string(), *n))
        .collect();
    if filled.is_empty() {
        pen.put(inside, inside.x, inside.y, "none", pen.theme.faint());
    }
    let style = pen.theme.bad();
    bars(pen, inside, &filled, style);
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
