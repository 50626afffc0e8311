//! One file a panel. The screen is a function of the state and nothing else.
//!
//! ```text
//! ┌ header: job, state, time, totals ┐
//! │ banner (stalled, paused, …)      │  only when there is something to say
//! │ the current screen               │
//! └ footer: filter, answer or keys   ┘
//! ```

mod chrome;
mod dashboard;
mod detail;
mod dialog;
mod failures;
mod help;
mod log;
mod site;

use super::draw::Pen;
use super::state::{State, View};
use ratatui::layout::Rect;

/// Draws the whole screen. Answers how many rows its list has room for.
pub fn screen(pen: &mut Pen, area: Rect, state: &mut State) {
    if area.width < 10 || area.height < 3 {
        pen.put(area, area.x, area.y, "too small", pen.theme.strong());
        return;
    }
    let body = chrome::frame(pen, area, state);
    state.rows = 1;
    match state.view() {
        View::Dashboard => dashboard::draw(pen, body, state),
        View::Site(id) => site::draw(pen, body, state, id),
        View::Failures => failures::draw(pen, body, state),
        View::Detail(_) => detail::draw(pen, body, state),
        View::Log => log::draw(pen, body, state),
    }
    if let Some(top) = state.help {
        help::draw(pen, body, state, top);
    }
    dialog::draw(pen, body, state);
}
