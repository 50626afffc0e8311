//! From keys and clicks to a changed state and effects: the topmost layer takes
//! them. No terminal is needed for it.

use super::action::{Action, Place};
use super::dialog::{self, Dialog};
use super::prompt::{self, Prompt};
use super::state::{Effect, State, View};
use super::{control, help};
use crate::bus::JobState;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longest filter, bytes.
const FILTER: usize = 200;

/// What a key does.
pub fn key(state: &mut State, mut event: KeyEvent) -> Vec<Effect> {
    let context = state.view().context();
    let bound = state.shared.keymap.action(event, context).is_some();
    if event.modifiers.contains(KeyModifiers::ALT) && !bound {
        // Nothing is bound to it: this is escape, and a key right after it.
        event.modifiers -= KeyModifiers::ALT;
        let mut effects = key(state, KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
        effects.extend(key(state, event));
        return effects;
    }
    if state.shared.dialog.is_some() {
        let (screen, shared) = state.current();
        return dialog::answer(shared, screen.table(), event);
    }
    if state.shared.prompt.is_some() {
        return prompt::key(state, event);
    }
    if state.typing {
        type_filter(state, event);
        return Vec::new();
    }
    match state.shared.keymap.action(event, context) {
        Some(action) => action_on_top(state, action),
        None => Vec::new(),
    }
}

/// What an action does: the topmost layer takes it. A dialog wants an answer.
pub fn action_on_top(state: &mut State, action: Action) -> Vec<Effect> {
    if state.shared.dialog.is_some() || state.shared.prompt.is_some() {
        Vec::new()
    } else if state.help.is_some() {
        help::act(state, action);
        Vec::new()
    } else {
        act(state, action)
    }
}

/// Pasted text: typed where something is being typed, and no keys anywhere else.
pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let typed = state.typing || state.shared.prompt.is_some();
    if state.shared.dialog.is_some() || !typed {
        return Vec::new();
    }
    text.chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| key(state, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)))
        .collect()
}

/// A key while a filter is typed; the list follows at once.
fn type_filter(state: &mut State, event: KeyEvent) {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let mut done = false;
    let (screen, shared) = state.current();
    if let Some(filter) = screen.filter() {
        let before = filter.0.clone();
        let text = &mut filter.0;
        match event.code {
            KeyCode::Enter => done = true,
            KeyCode::Esc => {
                text.clear();
                done = true;
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char('u') if control => text.clear(),
            KeyCode::Char('c') if control => done = true,
            KeyCode::Char(c) if !control && text.len() < FILTER => text.push(c),
            _ => {}
        }
        if *text != before {
            screen.filtered(shared);
        }
    } else {
        done = true;
    }
    state.typing = !done;
}

/// Does an action: first those that mean the same on every screen.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Goto(place) => state.goto(place),
        Action::NextScreen => state.goto(state.place.next(1)),
        Action::PrevScreen => state.goto(state.place.next(-1)),
        Action::Filter => state.typing = state.current().0.filter().is_some(),
        Action::Help => state.help = Some(0),
        Action::Freeze => state.shared.frozen = !state.shared.frozen,
        Action::Palette => state.shared.prompt = Some(Prompt::default()),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Detach => return vec![Effect::Detach],
        Action::Mouse => {
            let shared = &mut state.shared;
            shared.mouse = !shared.mouse;
            let words = if shared.mouse {
                "the mouse clicks and scrolls here; m again to select text"
            } else {
                "the mouse is the terminal's again"
            };
            shared.toast(words, true);
            return vec![Effect::Mouse(shared.mouse)];
        }
        Action::Quit => {
            let shared = &state.shared;
            let over = shared.snapshot.state == JobState::Over;
            if over || shared.attached || shared.readonly {
                return vec![Effect::Leave];
            }
            state.shared.dialog = Some(Dialog::Quit);
        }
        Action::Columns => {
            if state.current().0.table().is_some() {
                state.shared.dialog = Some(Dialog::Columns(0));
            }
        }
        Action::Back => {
            let (screen, shared) = state.current();
            if !screen.clear(shared) {
                state.pop();
            }
        }
        Action::Copy | Action::CopyRow => return copy(state, action),
        Action::PauseAll | Action::Undo | Action::Reload => {
            return control::everywhere(&mut state.shared, action);
        }
        // There they are a rung's.
        Action::Concurrency(_) | Action::Delay(_) if state.view() == View::Backends => {
            let (screen, shared) = state.current();
            return screen.act(action, shared);
        }
        Action::Concurrency(_)
        | Action::Delay(_)
        | Action::Auto
        | Action::Drain
        | Action::Drop
        | Action::Add
        | Action::SiteFailures => {
            let (screen, shared) = state.current();
            let site = screen.site(shared);
            let effects = control::of_site(shared, site, action);
            state.follow();
            return effects;
        }
        action => {
            let (screen, shared) = state.current();
            let effects = screen.act(action, shared);
            state.follow();
            return effects;
        }
    }
    Vec::new()
}

fn copy(state: &mut State, action: Action) -> Vec<Effect> {
    let (screen, shared) = state.current();
    let view = screen.view();
    let text = match action {
        // Rows that are about no URL.
        Action::Copy if !matches!(view, View::Journal | View::Log) => screen.url(shared),
        _ => screen.row(shared),
    };
    match text {
        Some(text) => {
            shared.toast("copied", true);
            vec![Effect::Copy(text)]
        }
        None => {
            shared.toast("there is nothing to copy here", false);
            Vec::new()
        }
    }
}

/// Goes to the screen that a word names; answers whether one does.
pub fn go(state: &mut State, word: &str) -> bool {
    let place = Place::ALL.into_iter().find(|place| place.name() == word);
    if let Some(place) = place {
        state.goto(place);
    }
    place.is_some()
}

/// Opens a screen from outside a screen.
pub fn open(state: &mut State, view: View) {
    state.push(&view);
}
