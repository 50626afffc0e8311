//! Header, banner and footer.

use crate::bus::{JobState, RungState};
use crate::monitor::line::clock;
use crate::tui::action::{Action, Place};
use crate::tui::draw::Pen;
use crate::tui::mouse::Hit;
use crate::tui::replay;
use crate::tui::state::{Shared, State, View};
use crate::tui::text;
use ratatui::layout::Rect;

/// Rows and columns from which the places are named.
const STRIP: (u16, u16) = (20, 60);

/// Draws them; answers the room between.
pub fn frame(pen: &mut Pen, area: Rect, state: &mut State) -> Rect {
    header(pen, area, state);
    footer(pen, area, state);
    let mut body = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    if area.height >= STRIP.0 && area.width >= STRIP.1 {
        strip(pen, body, state);
        body.y += 1;
        body.height -= 1;
    }
    if let Some(words) = banner(&state.shared, &state.view())
        && body.height > 1
    {
        pen.highlight(body, body.y, pen.theme.banner());
        let style = pen.theme.banner();
        let room = usize::from(body.width.saturating_sub(1));
        let words = text::cut_end(&text::clean(&words), room, pen.theme.cut());
        pen.put(body, body.x + 1, body.y, &words, style);
        body.y += 1;
        body.height -= 1;
    }
    body
}

/// The places, with their keys: in whole words while there is room for all of
/// them, else closer together, else shortened.
fn strip(pen: &mut Pen, area: Rect, state: &State) {
    let room = usize::from(area.width);
    let names = |letters: usize| {
        Place::ALL.map(|place| place.name().chars().take(letters).collect::<String>())
    };
    let wide = |names: &[String], part: &str, gap: usize| {
        let words: usize = names.iter().map(|name| text::width(name)).sum();
        words + (1 + part.len() + gap) * names.len() - gap
    };
    let (whole, short) = (names(usize::MAX), names(4));
    let (names, part, gap) = if wide(&whole, " ", 2) <= room {
        (whole, " ", 2)
    } else if wide(&whole, "", 1) <= room {
        (whole, "", 1)
    } else {
        (short, "", 1)
    };
    let mut x = area.x;
    for (place, name) in Place::ALL.into_iter().zip(&names) {
        let (key, word) = match place == state.place {
            true => (pen.theme.selected(), pen.theme.selected()),
            false => (pen.theme.accent(), pen.theme.faint()),
        };
        let digit = ((place.index() + 1) % 10).to_string();
        let from = Rect {
            x,
            width: area.right() - x,
            ..area
        };
        let end = pen.line(from, area.y, &[(&digit, key), (part, word), (name, word)]);
        let at = Rect {
            width: end - x,
            height: 1,
            ..from
        };
        pen.hit(at, Hit::Do(Action::Goto(place)));
        x = end + gap;
    }
}

fn header(pen: &mut Pen, area: Rect, state: &State) {
    let shared = &state.shared;
    let snapshot = &shared.snapshot;
    let totals = &snapshot.totals;
    let (strong, faint, theme) = (pen.theme.strong(), pen.theme.faint(), pen.theme);
    let (word, style) = match snapshot.state {
        JobState::Running if shared.all_paused() => ("paused", theme.warn()),
        JobState::Running => ("crawling", theme.good()),
        JobState::Stopping => ("stopping", theme.warn()),
        JobState::Over => ("finished", theme.good()),
    };
    let short = format!(
        "{}/{}  {}/s",
        text::count(totals.pages.over()),
        text::count(totals.pages.known()),
        text::rate(totals.throughput.pages_10s)
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
    let crumbs: Vec<String> = state
        .stack()
        .iter()
        .map(|screen| text::clean(&screen.crumb(shared)).into_owned())
        .collect();
    let crumbs = crumbs.join(" > ");
    let marks = format!(
        "{}{}",
        if shared.frozen { "FROZEN " } else { "" },
        if shared.readonly { "READ ONLY " } else { "" }
    );
    // The totals are never left out: on a narrow screen the rest is.
    let all = usize::from(area.width);
    let left = [
        format!("crawldeck {} ", shared.title),
        format!("{word} "),
        format!("{} ", clock(snapshot.elapsed)),
    ];
    let width = |parts: &[String]| parts.iter().map(|part| text::width(part)).sum::<usize>();
    let fits =
        |parts: &[String], right: &str| width(parts) + marks.len() + text::width(right) + 2 <= all;
    let tail = [crumbs.clone()];
    let whole = [&left[..], &tail[..]].concat();
    let right = if fits(&whole, &sums) { &sums } else { &short };
    // What still does not fit goes in this order: name, time, breadcrumbs' front.
    let (name, time) = match (fits(&whole, right), fits(&whole[1..], right)) {
        (true, _) => (true, true),
        (false, true) => (false, true),
        (false, false) => (false, false),
    };
    let mut pieces = Vec::new();
    if name {
        pieces.push(("crawldeck ", strong));
        pieces.push((shared.title.as_str(), theme.accent()));
        pieces.push((" ", faint));
    }
    pieces.push((left[1].as_str(), style));
    if time {
        pieces.push((left[2].as_str(), faint));
    }
    pieces.push((marks.as_str(), theme.warn()));
    let before: usize = pieces.iter().map(|(text, _)| text::width(text)).sum();
    let room = all.saturating_sub(before + text::width(right) + 2);
    let crumbs = text::cut_front(&crumbs, room, theme.cut());
    pieces.push((&crumbs, strong));
    pen.line(area, area.y, &pieces);
    pen.right(area, area.y, right, strong);
}

/// What the operator must not overlook, the gravest only.
fn banner(shared: &Shared, view: &View) -> Option<String> {
    let snapshot = &shared.snapshot;
    if shared.replay && view.is_stored() {
        return Some(replay::LISTS.to_owned());
    }
    if let Some(why) = &snapshot.health.stalled {
        return Some(format!(
            "CANNOT WRITE: {why}. The crawl waits, and goes on when there is room."
        ));
    }
    let gravest = snapshot
        .alerts
        .iter()
        .max_by_key(|alert| (alert.level, std::cmp::Reverse(alert.since)));
    if let Some(alert) = gravest {
        let site = alert.site.map(|id| format!("{}: ", shared.site_name(id)));
        let since = snapshot.at.saturating_duration_since(alert.since);
        let more = match snapshot.alerts.len() - 1 {
            0 => String::new(),
            n => format!("   and {n} more"),
        };
        return Some(format!(
            "ALERT {}{} for {}{more}",
            site.unwrap_or_default(),
            alert.text,
            text::span(since),
        ));
    }
    let down = snapshot.sites.iter().find_map(|site| {
        site.rungs.iter().find_map(|rung| match &rung.state {
            RungState::Down(why) => Some((site, rung.rung, why)),
            _ => None,
        })
    });
    if let Some((site, rung, why)) = down {
        return Some(format!(
            "{}: {} IS DOWN: {why}. `rung-resume {} {}` lets it try again.",
            site.name,
            rung.as_str(),
            site.name,
            rung.as_str()
        ));
    }
    match snapshot.state {
        JobState::Stopping => Some(format!(
            "Stopping: {} in flight. q n drops them and leaves at once.",
            snapshot.totals.pages.in_flight
        )),
        JobState::Over if shared.replay => {
            Some("The recording ends here. space plays it again, q leaves.".to_owned())
        }
        JobState::Over => Some(
            "Finished; everything is saved. q leaves, r on what failed sends it round again."
                .to_owned(),
        ),
        JobState::Running if shared.all_paused() => {
            Some("Paused. P resumes everything.".to_owned())
        }
        JobState::Running => None,
    }
}

fn footer(pen: &mut Pen, area: Rect, state: &mut State) {
    let y = area.bottom() - 1;
    if state.typing {
        let (strong, faint) = (pen.theme.strong(), pen.theme.faint());
        let (screen, _) = state.current();
        let typed = screen.filter().map_or("", |filter| &filter.0);
        let room = usize::from(area.width.saturating_sub(3));
        let typed = text::cut_front(&text::clean(typed), room, pen.theme.cut());
        pen.line(
            area,
            y,
            &[
                ("/", strong),
                (&typed, strong),
                ("_  ", strong),
                ("enter keeps, esc clears, ! inverts", faint),
            ],
        );
        return;
    }
    if let Some(toast) = &state.shared.toast {
        let style = if toast.good {
            pen.theme.good()
        } else {
            pen.theme.bad()
        };
        let mark = if toast.good { "" } else { "refused: " };
        let words = format!("{mark}{}", text::clean(&toast.text).replace('\n', "  "));
        let words = text::cut_end(&words, usize::from(area.width), pen.theme.cut());
        pen.put(area, area.x, y, &words, style);
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
    for (key, hint, action) in state.shared.keymap.hints(state.view().context()) {
        let wanted = text::width(key) + text::width(hint) + 1;
        if usize::from(rest.right().saturating_sub(x)) < wanted {
            break;
        }
        let from = x;
        x = pen.put(rest, x, y, key, accent);
        x = pen.put(rest, x + 1, y, hint, faint) + 2;
        let place = Rect {
            x: from,
            y,
            width: x - 2 - from,
            height: 1,
        };
        pen.hit(place, Hit::Do(action));
    }
}
