//! The help, made from the key map and from the table of verbs.

use super::action::{Action, Context};
use super::draw::Pen;
use super::keymap::KeyMap;
use super::state::{Shared, State};
use super::{complete, replay, text};
use crate::bus::verb::VERBS;
use ratatui::layout::Rect;

/// Columns before what a key or command does.
const BEFORE: usize = 12;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Heads a group.
    Head(String),
    /// A key or a command, and what it does.
    Entry(String, String),
}

/// Every line: the keys of the screen that the operator is on come first.
pub fn lines(keymap: &KeyMap, here: Context) -> Vec<Line> {
    let mut lines = Vec::new();
    let order = Context::ALL
        .iter()
        .filter(|(context, _)| *context == here)
        .chain(Context::ALL.iter().filter(|(context, _)| *context != here));
    for (context, name) in order {
        let of = |row: &&super::keymap::Row| {
            row.binding.contexts.contains(context) && !row.keys.is_empty()
        };
        let mut keys = keymap.rows().iter().filter(of).peekable();
        if keys.peek().is_some() {
            lines.push(Line::Head((*name).to_owned()));
        }
        lines.extend(keys.map(|row| Line::Entry(row.label.clone(), row.binding.help.to_owned())));
    }
    lines.push(Line::Head("Commands: type them after a :".to_owned()));
    for verb in VERBS {
        lines.push(Line::Entry(verb.usage(), verb.help.to_owned()));
    }
    for (_, words) in complete::OWN {
        let (usage, help) = words.split_once(": ").unwrap_or((words, ""));
        lines.push(Line::Entry(usage.to_owned(), help.to_owned()));
    }
    let places = super::action::Place::ALL.map(super::action::Place::name);
    lines.push(Line::Entry(
        places.join(" "),
        "go to that screen".to_owned(),
    ));
    lines
}

/// The lines about a recording that is shown.
fn of_replay() -> Vec<Line> {
    let keys = replay::KEYS.iter();
    let keys = keys.map(|(label, help)| Line::Entry((*label).to_owned(), (*help).to_owned()));
    let lists = Line::Entry(
        "lists".to_owned(),
        "are as the store is now, not as it was at the moment shown".to_owned(),
    );
    let head = Line::Head("Replay: these keys mean nothing else".to_owned());
    [head].into_iter().chain(keys).chain([lists]).collect()
}

/// Scrolls, or closes it.
pub fn act(state: &mut State, action: Action) {
    let top = state.help.unwrap_or(0);
    state.help = match action {
        Action::Move(n) => Some(top.saturating_add_signed(n as isize)),
        Action::Half(n) | Action::Page(n) => Some(top.saturating_add_signed(10 * n as isize)),
        Action::First => Some(0),
        // Drawing keeps it within what there is.
        Action::Last => Some(usize::MAX / 2),
        Action::Back | Action::Help | Action::Quit => None,
        _ => Some(top),
    };
}

/// Draws it over the screen; answers the first line shown.
pub fn draw(pen: &mut Pen, area: Rect, shared: &Shared, here: Context, top: usize) -> usize {
    let width = area.width.min(100);
    let over = Rect {
        x: area.x + (area.width - width) / 2,
        width,
        ..area
    };
    pen.clear(over);
    let inside = pen.panel(over, "help: esc closes, arrows scroll");
    let (accent, strong, plain) = (pen.theme.accent(), pen.theme.strong(), Default::default());
    // A usage that is longer than its column takes a line of its own.
    let mut drawn = Vec::new();
    let replay = if shared.replay {
        of_replay()
    } else {
        Vec::new()
    };
    for line in replay.into_iter().chain(lines(&shared.keymap, here)) {
        match line {
            Line::Head(head) => drawn.push((head, accent, String::new())),
            Line::Entry(left, right) if text::width(&left) < BEFORE => {
                drawn.push((format!("  {left:<BEFORE$}"), strong, right));
            }
            Line::Entry(left, right) => {
                drawn.push((format!("  {left}"), strong, String::new()));
                drawn.push((format!("  {:<BEFORE$}", ""), strong, right));
            }
        }
    }
    let most = drawn.len().saturating_sub(usize::from(inside.height));
    let top = top.min(most);
    for (y, (left, style, right)) in (inside.y..inside.bottom()).zip(drawn.iter().skip(top)) {
        pen.line(inside, y, &[(left, *style), (right, plain)]);
    }
    top
}
