//! The help, made from the key map.

use crate::tui::draw::Pen;
use crate::tui::keys::Context;
use crate::tui::state::State;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The groups in which keys are listed.
const GROUPS: [(&str, Context); 6] = [
    ("Everywhere", Context::Everywhere),
    ("Sites", Context::Dashboard),
    ("One site", Context::Site),
    ("Failures", Context::Failures),
    ("One page", Context::Detail),
    ("Log", Context::Log),
];

/// Draws it over the screen.
pub fn draw(pen: &mut Pen, area: Rect, state: &State, top: usize) {
    let width = area.width.min(76);
    let over = Rect {
        x: area.x + (area.width - width) / 2,
        width,
        ..area
    };
    pen.clear(over);
    let inside = pen.panel(over, "help: esc closes, arrows scroll");
    let mut lines: Vec<(String, Style)> = Vec::new();
    let here = state.view().context();
    // The screen the operator is on comes first.
    let order = GROUPS
        .iter()
        .filter(|(_, context)| *context == here)
        .chain(GROUPS.iter().filter(|(_, context)| *context != here));
    for (name, context) in order {
        lines.push(((*name).to_owned(), pen.theme.accent()));
        for row in state.keymap.rows() {
            if row.binding.contexts.contains(context) && !row.keys.is_empty() {
                lines.push((
                    format!("  {:<8} {}", row.label, row.binding.help),
                    Style::new(),
                ));
            }
        }
    }
    let most = lines.len().saturating_sub(usize::from(inside.height));
    for (y, (line, style)) in (inside.y..inside.bottom()).zip(lines.iter().skip(top.min(most))) {
        pen.put(inside, inside.x, y, line, *style);
    }
}
