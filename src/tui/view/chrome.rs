//! Header, banner and footer.

use crate::bus::JobState;
use crate::monitor::line::clock;
use crate::tui::draw::Pen;
use crate::tui::mouse::Hit;
use crate::tui::state::{State, View};
use crate::tui::text;
use ratatui::layout::Rect;

/// Draws them; answers the room between.
pub fn frame(pen: &mut Pen, area: Rect, state: &State) -> Rect {
    header(pen, area, state);
    footer(pen, area, state);
    let mut body = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    if let Some(words) = banner(state)
        && body.height > 1
    {
        pen.highlight(body, body.y, pen.theme.banner());
        let style = pen.theme.banner();
        pen.put(body, body.x + 1, body.y, &words, style);
        body.y += 1;
        body.height -= 1;
    }
    body
}

fn header(pen: &mut Pen, area: Rect, state: &State) {
    let snapshot = &state.snapshot;
    let totals = &snapshot.totals;
    let (strong, faint, theme) = (pen.theme.strong(), pen.theme.faint(), pen.theme);
    let (word, style) = match snapshot.state {
        JobState::Running if state.all_paused() => ("paused", theme.warn()),
        JobState::Running => ("crawling", theme.good()),
        JobState::Stopping => ("stopping", theme.warn()),
        JobState::Over => ("finished", theme.good()),
    };
    let place = match state.view() {
        View::Dashboard => "sites".to_owned(),
        View::Site(id) => {
            let site = snapshot.sites.get(id.index());
            format!("sites > {}", site.map_or("?", |site| &site.name))
        }
        View::Failures => "failures".to_owned(),
        View::Detail(id) => format!("failures > page {id}"),
        View::Log => "log".to_owned(),
    };
    let end = pen.line(
        area,
        area.y,
        &[
            ("crawldeck ", strong),
            (&state.title, theme.accent()),
            (" ", faint),
            (word, style),
            (&format!(" {} ", clock(snapshot.elapsed)), faint),
            (if state.frozen { "FROZEN " } else { "" }, theme.warn()),
            (&place, strong),
        ],
    );
    let sums = format!(
        "{}/{} pages  {}/s  {}/s  {} failed{}",
        text::count(totals.pages.over()),
        text::count(totals.pages.known()),
        text::rate(totals.throughput.pages_10s),
        text::bytes(totals.throughput.bytes_10s as u64),
        text::count(totals.pages.failed),
        totals
            .eta
            .map(|eta| format!("  {} left", clock(eta)))
            .unwrap_or_default(),
    );
    let room = usize::from(area.right().saturating_sub(end + 2));
    if text::width(&sums) <= room {
        pen.right(area, area.y, &sums, strong);
    } else {
        let short = format!(
            "{}/{}  {}/s",
            text::count(totals.pages.over()),
            text::count(totals.pages.known()),
            text::rate(totals.throughput.pages_10s)
        );
        if text::width(&short) <= room {
            pen.right(area, area.y, &short, strong);
        }
    }
}

/// What the operator must not overlook, the gravest only.
fn banner(state: &State) -> Option<String> {
    let snapshot = &state.snapshot;
    if let Some(why) = &snapshot.health.stalled {
        return Some(format!(
            "CANNOT WRITE: {why}. The crawl waits, and goes on when there is room."
        ));
    }
    match snapshot.state {
        JobState::Stopping => Some(format!(
            "Stopping: {} in flight. q n drops them and leaves at once.",
            snapshot.totals.pages.in_flight
        )),
        JobState::Over => Some(
            "Finished; everything is saved. q leaves, r on a failed page sends it round again."
                .to_owned(),
        ),
        JobState::Running if state.all_paused() => Some("Paused. P resumes everything.".to_owned()),
        JobState::Running => None,
    }
}

fn footer(pen: &mut Pen, area: Rect, state: &State) {
    let y = area.bottom() - 1;
    if state.typing {
        let typed = match state.view() {
            View::Failures => &state.failures.typed.0,
            View::Log => &state.log_filter.0,
            _ => &state.site_filter.0,
        };
        let (strong, faint) = (pen.theme.strong(), pen.theme.faint());
        pen.line(
            area,
            y,
            &[
                ("/", strong),
                (typed, strong),
                ("_  ", strong),
                ("enter keeps, esc clears, ! inverts", faint),
            ],
        );
        return;
    }
    if let Some((words, good, _)) = &state.toast {
        let style = if *good {
            pen.theme.good()
        } else {
            pen.theme.bad()
        };
        let mark = if *good { "" } else { "refused: " };
        pen.line(area, y, &[(mark, style), (words, style)]);
        return;
    }
    let (accent, faint) = (pen.theme.accent(), pen.theme.faint());
    // The two keys that lead to all others are never left out.
    let last = 16.min(area.width);
    let end = Rect {
        x: area.right() - last,
        width: last,
        ..area
    };
    pen.line(
        end,
        y,
        &[
            ("  ?", accent),
            (" help", faint),
            ("  q", accent),
            (" quit", faint),
        ],
    );
    let rest = Rect {
        width: area.width - last,
        ..area
    };
    let mut x = rest.x;
    for (key, hint, action) in state.keymap.hints(state.view().context()) {
        let wanted = text::width(key) + text::width(hint) + 1;
        if usize::from(rest.right().saturating_sub(x)) < wanted {
            break;
        }
        let from = x;
        x = pen.put(rest, x, y, key, accent);
        x = pen.put(rest, x + 1, y, hint, faint) + 2;
        let width = x - 2 - from;
        let place = Rect {
            x: from,
            y,
            width,
            height: 1,
        };
        pen.hit(place, Hit::Do(action));
    }
}
