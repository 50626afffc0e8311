//! What clicks and the wheel do. Views say while they draw what a click on a
//! place means, so that it always means what the operator saw there.

use super::act;
use super::keys::Action;
use super::state::{Effect, State};
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
    let hit = state
        .shared
        .hits
        .iter()
        .rev()
        .find(|(area, _)| area.contains(at));
    match hit.map(|(_, hit)| *hit) {
        None | Some(Hit::Nothing) => Vec::new(),
        Some(Hit::Do(action)) => act::action_on_top(state, action),
        Some(Hit::Row(0)) => act::action_on_top(state, Action::Enter),
        Some(Hit::Row(by)) => act::action_on_top(state, Action::Move(by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Ask, Command, PageOrder, Target};
    use crate::page::{PageId, SiteId};
    use crate::tui::canvas::Canvas;
    use crate::tui::sample;
    use crate::tui::state::View;
    use crossterm::event::KeyModifiers;
    use std::time::Instant;

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
        assert!(matches!(state.view(), View::Sites));
        mouse(&mut state, CLICK, "docs  ");
        assert!(matches!(state.view(), View::Site(SiteId(1))));
    }

    #[test]
    fn places_heads_and_rows_answer_too() {
        let mut state = sample::state();
        mouse(&mut state, CLICK, "3 pages");
        assert_eq!(state.view(), View::Pages);
        sample::answer(&mut state);
        mouse(&mut state, CLICK, "SIZE");
        let (effects, _) = state.tick(Instant::now());
        let [Effect::Ask(number, ask)] = &effects[..] else {
            panic!("{effects:?}");
        };
        assert!(
            matches!(
                ask,
                Ask::Pages {
                    order: PageOrder::Largest,
                    ..
                }
            ),
            "{ask:?}"
        );
        state.told(*number, sample::told(ask));
        mouse(&mut state, CLICK, "page-9");
        mouse(&mut state, CLICK, "page-9");
        assert_eq!(state.view(), View::Page(PageId(9)));
    }

    #[test]
    fn a_click_goes_to_the_pane_and_then_to_its_row() {
        let mut state = sample::state();
        act::act(&mut state, Action::Enter);
        sample::answer(&mut state);
        mouse(&mut state, CLICK, "hosts   charts");
        mouse(&mut state, CLICK, "img.example.org");
        let effects = act::act(&mut state, Action::Pause);
        let host = Target::Host(SiteId(0), "img.example.org:8080".into());
        assert_eq!(effects, [Effect::Send(Command::Resume(host))]);
    }

    #[test]
    fn the_wheel_scrolls_the_help_that_lies_on_top() {
        let mut state = sample::state();
        state.help = Some(0);
        mouse(&mut state, MouseEventKind::ScrollDown, "help");
        assert_eq!(state.help, Some(3));
    }

    #[test]
    fn what_is_covered_cannot_be_clicked() {
        let mut state = sample::state();
        let (column, row) = find(&mut state, "docs");
        state.shared.dialog = Some(crate::tui::dialog::Dialog::Quit);
        let modifiers = KeyModifiers::NONE;
        let click = MouseEvent {
            kind: CLICK,
            column,
            row,
            modifiers,
        };
        event(&mut state, click);
        event(&mut state, click);
        assert!(state.shared.dialog.is_some() && matches!(state.view(), View::Sites));
    }
}
