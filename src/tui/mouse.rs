//! What clicks and the wheel do. Views say while they draw what a click on a
//! place means, so that it always means what the operator saw there.

use super::act;
use super::keys::Action;
use super::state::{Effect, State, View};
use crate::page::SiteId;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

/// Rows that a notch of the wheel scrolls.
const NOTCH: i32 = 3;

/// What a click on a place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// Nothing; covers what lies below.
    Nothing,
    /// The row so many rows below the cursor. On the cursor's own it opens.
    Row(i32),
    /// A site's row. Where the cursor is on it already it opens.
    Site(SiteId),
    /// What a key does.
    Do(Action),
}

/// Places and what a click on them means, the topmost last.
pub type Hits = Vec<(Rect, Hit)>;

/// What the mouse does.
pub fn event(state: &mut State, event: MouseEvent) -> Vec<Effect> {
    match event.kind {
        MouseEventKind::ScrollUp => act::action_on_top(state, Action::Move(-NOTCH)),
        MouseEventKind::ScrollDown => act::action_on_top(state, Action::Move(NOTCH)),
        MouseEventKind::Down(MouseButton::Left) => click(state, event.column, event.row),
        _ => Vec::new(),
    }
}

fn click(state: &mut State, column: u16, row: u16) -> Vec<Effect> {
    let at = Position::new(column, row);
    let hit = state.hits.iter().rev().find(|(area, _)| area.contains(at));
    match hit.map(|(_, hit)| *hit) {
        None | Some(Hit::Nothing) => Vec::new(),
        Some(Hit::Do(action)) => act::action_on_top(state, action),
        Some(Hit::Row(0)) => act::action_on_top(state, Action::Enter),
        Some(Hit::Row(by)) => act::action_on_top(state, Action::Move(by)),
        Some(Hit::Site(id)) => {
            if state.view() != View::Dashboard || state.dialog.is_some() || state.help.is_some() {
                return Vec::new();
            }
            if state.current_site().map(|(at, _)| at) == Some(id) {
                return act::action_on_top(state, Action::Enter);
            }
            state.site = Some(id);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::canvas::Canvas;
    use crate::tui::sample;
    use crossterm::event::KeyModifiers;

    fn mouse(state: &mut State, kind: MouseEventKind, text: &str) -> Vec<Effect> {
        let (column, row) = find(state, text);
        let modifiers = KeyModifiers::NONE;
        event(
            state,
            MouseEvent {
                kind,
                column,
                row,
                modifiers,
            },
        )
    }

    /// Draws, and finds where a text stands.
    fn find(state: &mut State, text: &str) -> (u16, u16) {
        let mut canvas = Canvas::default();
        canvas.draw((100, 30), state);
        let size = |n| std::num::NonZeroU16::new(n).unwrap();
        let mut terminal = vt100::Parser::new(size(30), size(100), 0);
        canvas.forget();
        terminal.process(&canvas.draw((100, 30), state));
        let (row, line) = terminal
            .screen()
            .rows(0, 100)
            .enumerate()
            .find(|(_, line)| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?}: {}", terminal.screen().contents()));
        let column = line
            .find(text)
            .map(|at| line[..at].chars().count())
            .unwrap();
        (column as u16, row as u16)
    }

    const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

    #[test]
    fn a_click_selects_and_a_second_opens() {
        let mut state = sample::state();
        assert_eq!(mouse(&mut state, CLICK, "docs"), []);
        assert_eq!(
            (state.site, state.view()),
            (Some(SiteId(1)), View::Dashboard)
        );
        mouse(&mut state, CLICK, "docs  ");
        assert_eq!(state.view(), View::Site(SiteId(1)));
    }

    #[test]
    fn rows_of_failures_answer_too() {
        let mut state = sample::state();
        act::act(&mut state, Action::Goto(crate::tui::keys::Place::Failures));
        mouse(&mut state, CLICK, "page-9");
        assert_eq!(state.failures.selected, Some(crate::page::PageId(9)));
        let effects = mouse(&mut state, CLICK, "page-9");
        assert_eq!(effects, [Effect::Ask(crate::page::PageId(9))]);
    }

    #[test]
    fn the_wheel_moves_the_cursor_and_the_help() {
        let mut state = sample::state();
        mouse(&mut state, MouseEventKind::ScrollDown, "docs");
        assert_eq!(state.site, Some(SiteId(2)));
        state.help = Some(0);
        mouse(&mut state, MouseEventKind::ScrollDown, "help");
        assert_eq!((state.help, state.site), (Some(3), Some(SiteId(2))));
    }

    #[test]
    fn what_is_covered_cannot_be_clicked() {
        let mut state = sample::state();
        let (column, row) = find(&mut state, "docs");
        state.dialog = Some(crate::tui::state::Dialog::Quit);
        let modifiers = KeyModifiers::NONE;
        event(
            &mut state,
            MouseEvent {
                kind: CLICK,
                column,
                row,
                modifiers,
            },
        );
        assert_eq!((state.site, state.dialog.is_some()), (None, true));
    }
}
