//! A rung's cells, and what there is to say of it.

use super::super::exits;
use crate::bus::{Exits, RungState};
use crate::monitor::{RungView, SiteView};
use crate::page::FailureKind;
use crate::page::money::amount;
use crate::tui::draw::Pen;
use crate::tui::table::Cell;
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Answers that were blocks.
pub(super) fn blocked(rung: &RungView) -> u64 {
    let mut kinds = rung.kinds.iter();
    kinds
        .find(|(kind, _)| *kind == FailureKind::Blocked)
        .map_or(0, |(_, count)| *count)
}

/// A part of a whole, where there is one: `12/500`.
fn part(spent: String, most: Option<String>) -> String {
    match most {
        Some(most) => format!("{spent}/{most}"),
        None => spent,
    }
}

fn budget(site: &SiteView, rung: &RungView) -> crate::bus::Budget {
    let mut rungs = site.controls.rungs.iter();
    rungs
        .find(|known| known.rung == rung.rung)
        .map(|known| known.budget)
        .unwrap_or_default()
}

fn state_style(theme: Theme, state: &RungState) -> Style {
    match state {
        RungState::Open => theme.good(),
        RungState::Paused | RungState::Spent => theme.warn(),
        RungState::Down(_) => theme.bad(),
    }
}

/// A rung's cell of one column.
pub(super) fn cell(
    theme: Theme,
    site: &SiteView,
    rung: &RungView,
    exits: Option<&Exits>,
    column: &str,
) -> Cell {
    let (workers, delay) = site.controls.pace(rung.rung);
    let budget = budget(site, rung);
    match column {
        "SITE" => Cell::Text(site.name.to_string().into(), theme.strong()),
        "RUNG" => Cell::plain(rung.rung.as_str()),
        "STATE" => Cell::Text(rung.state.as_str().into(), state_style(theme, &rung.state)),
        "PAGES" => Cell::plain(text::count(rung.had)),
        "HAD" => Cell::plain(match rung.success() {
            Some(part) => format!("{:.0}%", part.floor()),
            None => "-".to_owned(),
        }),
        "P50" | "P95" if rung.attempts == 0 => Cell::plain("-"),
        "P50" => Cell::plain(text::millis(rung.p50)),
        "P95" => Cell::plain(text::millis(rung.p95)),
        "BLOCKED" => {
            let count = blocked(rung);
            let style = if count > 0 {
                theme.warn()
            } else {
                Style::new()
            };
            Cell::Text(text::count(count).into(), style)
        }
        "WENT ON" => Cell::plain(text::count(rung.climbed)),
        "WORK" => Cell::plain(format!("{}/{workers}", site.in_flight(rung.rung))),
        "EXITS" => match exits.map(|exits| &exits.counts) {
            Some(counts) => Cell::Text(
                format!("{}/{}", counts.in_use, counts.all).into(),
                match counts.resting + counts.refused {
                    0 => Style::new(),
                    _ => theme.warn(),
                },
            ),
            None => Cell::plain("-"),
        },
        "DELAY" => Cell::plain(format!("{delay:?}")),
        "REQUESTS" => Cell::plain(part(
            text::count(rung.spent.requests),
            budget.requests.map(text::count),
        )),
        "MONEY" if rung.spent.money == 0 && budget.money.is_none() => Cell::plain("-"),
        "MONEY" => Cell::plain(part(amount(rung.spent.money), budget.money.map(amount))),
        _ => {
            let exits: Vec<String> = rung
                .through
                .iter()
                .map(|(exit, _)| text::clean(exit).into_owned())
                .collect();
            Cell::plain(exits.join(" "))
        }
    }
}

/// What there is to say of the rung under the cursor.
pub(super) fn detail(
    pen: &mut Pen,
    area: Rect,
    site: &SiteView,
    rung: &RungView,
    exits: Option<&Exits>,
) {
    let title = format!("{} of {}", rung.rung.as_str(), text::clean(&site.name));
    let inside = pen.panel(area, &title);
    let (workers, delay) = site.controls.pace(rung.rung);
    let budget = budget(site, rung);
    let theme = pen.theme;
    let state = match &rung.state {
        RungState::Down(why) => format!("down: {}; p lets it try again", text::clean(why)),
        RungState::Spent => "its budget is used up; rung-requests, rung-money raise it".to_owned(),
        RungState::Paused => "on hold; p lets it go on".to_owned(),
        RungState::Open => "takes pages".to_owned(),
    };
    let mut lines = vec![
        ("state", state, state_style(theme, &rung.state)),
        (
            "pace",
            format!(
                "{} of {workers} at work, {delay:?} between two requests to a host",
                site.in_flight(rung.rung)
            ),
            Style::new(),
        ),
        (
            "pages",
            format!(
                "{} had of {} attempts, {} went on to a higher rung",
                text::count(rung.had),
                text::count(rung.attempts),
                text::count(rung.climbed)
            ),
            Style::new(),
        ),
    ];
    let kinds: Vec<String> = rung
        .kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {}", text::count(*count)))
        .collect();
    if !kinds.is_empty() {
        lines.push(("failed", kinds.join(", "), Style::new()));
    }
    let blocks = rung.blocks.iter();
    let blocks: Vec<String> = blocks
        .map(|(whose, count)| format!("{} {}", text::clean(whose), text::count(*count)))
        .collect();
    if !blocks.is_empty() {
        lines.push(("blocks", blocks.join(", "), Style::new()));
    }
    let spent = format!(
        "{} requests, {} in money, in all runs",
        part(
            text::count(rung.spent.requests),
            budget.requests.map(text::count)
        ),
        part(amount(rung.spent.money), budget.money.map(amount))
    );
    lines.push(("spent", spent, Style::new()));
    let through: Vec<String> = rung
        .through
        .iter()
        .map(|(exit, count)| format!("{} ({})", text::clean(exit), text::count(*count)))
        .collect();
    if let Some(exits) = exits {
        let words = exits::words(&exits.counts, usize::MAX);
        lines.push(("exits", format!("{words}; enter lists them"), Style::new()));
    } else if !through.is_empty() {
        lines.push(("through", through.join(", "), Style::new()));
    }
    for (y, (name, words, style)) in (inside.y..inside.bottom()).zip(&lines) {
        let name = format!("{name:<8} ");
        let room = usize::from(inside.width).saturating_sub(name.len());
        let words = text::cut_end(words, room, theme.cut());
        pen.line(inside, y, &[(&name, theme.faint()), (&words, *style)]);
    }
}
