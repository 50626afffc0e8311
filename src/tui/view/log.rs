//! The last notices, newest at the bottom.

use crate::bus::Notice;
use crate::tui::draw::Pen;
use crate::tui::state::State;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the screen.
pub fn draw(pen: &mut Pen, area: Rect, state: &mut State) {
    let body = Rect {
        height: area.height.saturating_sub(1),
        ..area
    };
    let all = chosen(state).len();
    let most = all.saturating_sub(usize::from(body.height));
    state.log_back = state.log_back.min(most);
    let back = state.log_back;
    lines(pen, body, state, back);
    let (word, _) = pen.theme.level(state.level);
    let line = format!(
        "{all} notices, {word} and above{}{}",
        if back > 0 {
            format!("   {back} newer below, G follows")
        } else {
            String::new()
        },
        if state.log_filter.0.is_empty() {
            String::new()
        } else {
            format!("   filter {}", state.log_filter.0)
        },
    );
    pen.put(area, area.x, area.bottom() - 1, &line, pen.theme.faint());
    state.rows = usize::from(body.height).max(1);
}

fn chosen(state: &State) -> Vec<&Notice> {
    state
        .snapshot
        .notices
        .iter()
        .filter(|notice| notice.level >= state.level && state.log_filter.takes(&notice.text))
        .collect()
}

/// As many notices as there is room for, `back` from the newest.
pub fn lines(pen: &mut Pen, area: Rect, state: &State, back: usize) {
    let notices = chosen(state);
    if notices.is_empty() {
        pen.put(area, area.x, area.y, "nothing yet", pen.theme.faint());
        return;
    }
    let end = notices.len() - back.min(notices.len());
    let from = end.saturating_sub(usize::from(area.height));
    for (y, notice) in (area.y..area.bottom()).zip(&notices[from..end]) {
        let (word, style) = pen.theme.level(notice.level);
        let site = notice
            .site
            .and_then(|site| state.snapshot.sites.get(site.index()))
            .map(|site| format!("{}: ", site.name))
            .unwrap_or_default();
        let seconds = notice.at / 1000 % 86_400;
        let clock = format!(
            "{:02}:{:02}:{:02} ",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
        let faint = pen.theme.faint();
        let word = format!("{word:<5} ");
        pen.line(
            area,
            y,
            &[
                (&clock, faint),
                (&word, style),
                (&site, pen.theme.strong()),
                (&notice.text, Style::new()),
            ],
        );
    }
}
