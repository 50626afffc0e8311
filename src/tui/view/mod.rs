//! The whole screen, from what lies at the bottom to what lies on top. It is a
//! function of the state and nothing else.
//!
//! ```text
//! ┌ header: job, state, time, breadcrumbs, totals   ┐
//! │ names of the places                             │  where there is room
//! │ banner (stalled, an alert, paused, …)           │  only when there is something to say
//! │ the current screen, help or a dialog over it    │
//! └ footer: filter, palette, answer or keys         ┘
//! ```

mod chrome;

use super::draw::Pen;
use super::state::State;
use super::{dialog, help, prompt};
use ratatui::layout::Rect;

/// Draws the whole screen.
pub fn screen(pen: &mut Pen, area: Rect, state: &mut State) {
    if area.width < 10 || area.height < 3 {
        pen.put(area, area.x, area.y, "too small", pen.theme.strong());
        return;
    }
    let body = chrome::frame(pen, area, state);
    let here = state.view().context();
    let (screen, shared) = state.current();
    screen.render(pen, body, shared);
    dialog::draw(pen, body, shared, screen.table());
    if let Some(top) = state.help {
        state.help = Some(help::draw(pen, body, &state.shared, here, top));
    }
    prompt::draw(pen, area, &state.shared);
}
