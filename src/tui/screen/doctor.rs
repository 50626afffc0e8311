//! How crawldeck itself fares: engine, store, deck.

use super::{Screen, steps};
use crate::tui::action::Action;
use crate::tui::draw::Pen;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::time::{Duration, Instant};

/// From which lag of the event loop, and from which commit, on a figure is worth a look.
const SLOW: Duration = Duration::from_millis(100);
/// From which frame on, microseconds.
const SLOW_FRAME: u32 = 4000;
/// Below how much room on the disk.
const SMALL_DISK: u64 = 1 << 30;

/// The screen.
#[derive(Debug, Default)]
pub struct Doctor {
    top: usize,
    height: usize,
}

impl Screen for Doctor {
    fn view(&self) -> View {
        View::Doctor
    }

    fn crumb(&self, _: &Shared) -> String {
        "doctor".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let all = lines(pen.theme, shared, Instant::now());
        self.height = usize::from(area.height).max(1);
        self.top = self.top.min(all.len().saturating_sub(self.height));
        let (accent, faint) = (pen.theme.accent(), pen.theme.faint());
        for (y, line) in (area.y..area.bottom()).zip(all.iter().skip(self.top)) {
            match line {
                Line::Head(head) => {
                    pen.put(area, area.x, y, head, accent);
                }
                Line::Figure(name, value, style, what) => {
                    let name = format!("  {name:<16}");
                    let value = format!("{value:<14} ");
                    let plain = Style::new();
                    pen.line(area, y, &[(&name, plain), (&value, *style), (what, faint)]);
                }
            }
        }
    }

    fn act(&mut self, action: Action, _: &mut Shared) -> Vec<Effect> {
        if let Some(by) = steps(action, self.height) {
            self.top = self.top.saturating_add_signed(by.clamp(-1000, 1000));
        }
        Vec::new()
    }
}

enum Line {
    Head(&'static str),
    Figure(&'static str, String, Style, &'static str),
}

fn lines(theme: Theme, shared: &Shared, now: Instant) -> Vec<Line> {
    let snapshot = &shared.snapshot;
    let (health, stats) = (&snapshot.health, &shared.stats);
    let vitals = &health.vitals;
    let mark = |bad: bool| if bad { theme.warn() } else { theme.good() };
    let time = |time: Duration| text::millis(time.as_secs_f64() * 1000.0);
    let full = vitals.descriptors_most > 0
        && u64::from(vitals.descriptors) * 10 > u64::from(vitals.descriptors_most) * 9;
    let open = match vitals.descriptors {
        0 => "-".to_owned(),
        n => format!("{n} of {}", vitals.descriptors_most),
    };
    let bus = crate::bus::EVENTS;
    let stalled = health.stalled.is_some();
    let age = now.saturating_duration_since(snapshot.at);
    let frame = |us: u32| text::millis(f64::from(us) / 1000.0);
    let late = stats.frame_us_p99 > SLOW_FRAME;
    let disk = match vitals.disk_free {
        Some(free) => text::bytes(free),
        None => "-".to_owned(),
    };
    let small = vitals.disk_free.is_some_and(|free| free < SMALL_DISK);
    let memory = match vitals.memory {
        0 => "-".to_owned(),
        bytes => text::bytes(bytes),
    };
    use Line::{Figure, Head};
    vec![
        Head("ENGINE"),
        Figure(
            "loop lag",
            time(vitals.lag),
            mark(vitals.lag > SLOW),
            "how late the event loop runs",
        ),
        Figure(
            "bus depth",
            format!("{} of {bus}", health.bus_depth),
            mark(health.bus_depth > bus / 2),
            "events that wait for the monitor",
        ),
        Figure("memory", memory, Style::new(), "resident"),
        Figure(
            "descriptors",
            open,
            mark(full),
            "open, and the most there may be",
        ),
        Head("STORE"),
        Figure(
            "commit",
            time(health.commit_time),
            mark(health.commit_time > SLOW),
            "the last group commit",
        ),
        Figure(
            "worst commit",
            time(health.commit_worst),
            mark(health.commit_worst > SLOW * 5),
            "the slowest of the last minute",
        ),
        Figure("disk", disk, mark(small), "free in the job's folder"),
        Figure(
            "writes",
            if stalled { "STALLED" } else { "fine" }.to_owned(),
            if stalled { theme.bad() } else { theme.good() },
            "whether the store can write",
        ),
        Head("DECK"),
        Figure(
            "frame p50",
            frame(stats.frame_us_p50),
            Style::new(),
            "time to build a frame",
        ),
        Figure(
            "frame p99",
            frame(stats.frame_us_p99),
            mark(late),
            "of the last 512",
        ),
        Figure(
            "frames",
            format!("{}/s", text::rate(stats.frames_per_s)),
            Style::new(),
            "over the last five seconds",
        ),
        Figure(
            "last frame",
            text::bytes(stats.bytes_last as u64),
            Style::new(),
            "sent to the terminal",
        ),
        Figure(
            "to terminal",
            format!("{}/s", text::bytes(stats.bytes_per_s as u64)),
            Style::new(),
            "over the last five seconds",
        ),
        Figure(
            "line",
            stats.line.map_or("fast".to_owned(), |n| {
                format!("{}/s", text::bytes(n as u64))
            }),
            Style::new(),
            "what the line to the terminal bears",
        ),
        Figure(
            "snapshot",
            format!("#{}", snapshot.number),
            Style::new(),
            "the picture on the screen",
        ),
        Figure(
            "its age",
            time(age),
            mark(age > Duration::from_secs(2)),
            "when this frame was drawn",
        ),
    ]
}
