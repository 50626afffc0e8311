//! From actions to a changed state and effects. No terminal is needed for it.

use super::keys::{Action, Place};
use super::state::{Dialog, Effect, State, View};
use crate::bus::{Command, Doing, JobState, Level, Pick, SiteState, Target};
use crate::page::FailureKind;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

/// Steps of `[` and `]`.
const DELAYS_MS: [u64; 16] = [
    0, 10, 25, 50, 100, 250, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000, 60_000,
];

/// What a key does: the topmost layer takes it.
pub fn key(state: &mut State, mut event: KeyEvent) -> Vec<Effect> {
    let context = state.view().context();
    if event.modifiers.contains(KeyModifiers::ALT) && state.keymap.action(event, context).is_none()
    {
        // Nothing is bound to it: this is escape, and a key right after it.
        event.modifiers -= KeyModifiers::ALT;
        let mut effects = key(state, KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
        effects.extend(key(state, event));
        return effects;
    }
    if state.dialog.is_some() {
        return answer(state, event);
    }
    if state.typing {
        type_filter(state, event);
        return Vec::new();
    }
    match state.keymap.action(event, context) {
        Some(action) => action_on_top(state, action),
        None => Vec::new(),
    }
}

/// What an action does: the topmost layer takes it. A dialog wants an answer.
pub fn action_on_top(state: &mut State, action: Action) -> Vec<Effect> {
    if state.dialog.is_some() {
        Vec::new()
    } else if state.help.is_some() {
        in_help(state, action)
    } else {
        act(state, action)
    }
}

/// Pasted text: typed where something is being typed, and no keys anywhere else.
pub fn paste(state: &mut State, text: &str) {
    if state.dialog.is_none() && state.typing {
        for c in text.chars().filter(|c| !c.is_control()) {
            type_filter(state, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
    }
}

/// A key over a dialog.
fn answer(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    let interrupt =
        event.modifiers.contains(KeyModifiers::CONTROL) && event.code == KeyCode::Char('c');
    let Some(dialog) = state.dialog.take() else {
        return Vec::new();
    };
    match (dialog, event.code) {
        (Dialog::Quit, KeyCode::Char('y' | 'q') | KeyCode::Enter) if !state.stopping => {
            state.stopping = true;
            vec![Effect::Send(Command::Stop)]
        }
        (Dialog::Quit, KeyCode::Char('n')) if state.stopping => {
            vec![Effect::Send(Command::StopNow)]
        }
        (Dialog::Quit, KeyCode::Char('!')) => {
            state.stopping = true;
            vec![Effect::Send(Command::StopNow)]
        }
        (Dialog::Quit, _) if interrupt => {
            state.stopping = true;
            vec![Effect::Send(Command::StopNow)]
        }
        (Dialog::RetryAll(filter, _), KeyCode::Char('y') | KeyCode::Enter) => {
            state.failures.stale = true;
            vec![Effect::Send(Command::Retry(Pick::Matching(filter)))]
        }
        (_, KeyCode::Esc | KeyCode::Char('n')) => Vec::new(),
        (dialog, _) => {
            // Anything else is no answer.
            state.dialog = Some(dialog);
            Vec::new()
        }
    }
}

/// A key while a filter is typed; the list follows at once.
fn type_filter(state: &mut State, event: KeyEvent) {
    let view = state.view();
    let text = match view {
        View::Failures => &mut state.failures.typed.0,
        View::Log => &mut state.log_filter.0,
        _ => &mut state.site_filter.0,
    };
    match event.code {
        KeyCode::Enter => state.typing = false,
        KeyCode::Esc => {
            text.clear();
            state.typing = false;
        }
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => text.clear(),
        KeyCode::Char('c') if event.modifiers.contains(KeyModifiers::CONTROL) => {
            state.typing = false
        }
        KeyCode::Char(c) if text.len() < 200 => text.push(c),
        _ => {}
    }
    if view == View::Failures {
        filter_failures(state);
    }
}

fn filter_failures(state: &mut State) {
    let (text, invert) = state.failures.typed.parts();
    let text = text.to_owned();
    let filter = &mut state.failures.filter;
    if filter.text != text || filter.invert != invert {
        filter.text = text;
        filter.invert = invert;
        relist(state);
    }
}

/// Begins the list of failures again at its top.
fn relist(state: &mut State) {
    state.failures.top = 0;
    state.failures.row = 0;
    state.failures.selected = None;
    state.failures.stale = true;
}

fn in_help(state: &mut State, action: Action) -> Vec<Effect> {
    let top = state.help.unwrap_or(0);
    match action {
        Action::Move(n) => state.help = Some(top.saturating_add_signed(n as isize)),
        Action::Half(n) | Action::Page(n) => {
            state.help = Some(top.saturating_add_signed(10 * n as isize));
        }
        Action::First => state.help = Some(0),
        Action::Back | Action::Help | Action::Quit => state.help = None,
        _ => {}
    }
    Vec::new()
}

/// Does an action on the current screen.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Move(n) => step(state, n as isize),
        Action::Half(n) => step(state, n as isize * (state.rows as isize / 2).max(1)),
        Action::Page(n) => step(state, n as isize * (state.rows as isize - 1).max(1)),
        Action::First => step(state, isize::MIN / 2),
        Action::Last => step(state, isize::MAX / 2),
        Action::Enter => return enter(state),
        Action::Back => back(state),
        Action::Goto(place) => state.goto(place),
        Action::NextScreen => {
            let next = match state.view() {
                View::Dashboard | View::Site(_) => Place::Failures,
                View::Failures | View::Detail(_) => Place::Log,
                View::Log => Place::Dashboard,
            };
            state.goto(next);
        }
        Action::Pause => return pause(state),
        Action::PauseAll => {
            let command = if state.all_paused() {
                Command::Resume(Target::All)
            } else {
                Command::Pause(Target::All)
            };
            return vec![Effect::Send(command)];
        }
        Action::Concurrency(step) => {
            if let Some((id, mut wanted)) = state.controls() {
                wanted.concurrency = wanted
                    .concurrency
                    .saturating_add_signed(step)
                    .clamp(1, 1024);
                state.wanted.insert(id, wanted);
                return vec![Effect::Send(Command::Concurrency(id, wanted.concurrency))];
            }
        }
        Action::Delay(step) => {
            if let Some((id, mut wanted)) = state.controls() {
                wanted.delay = stepped(wanted.delay, step);
                state.wanted.insert(id, wanted);
                return vec![Effect::Send(Command::Delay(id, wanted.delay))];
            }
        }
        Action::Filter => state.typing = true,
        Action::Sort => {
            state.sort = state.sort.next();
            state.toast(format!("sorted by {}", state.sort.as_str()), true);
        }
        Action::Reverse => state.reverse = !state.reverse,
        Action::Mark => mark(state),
        Action::Retry => return retry(state),
        Action::RetryAll => {
            let failures = &state.failures;
            if failures.list.total > 0 {
                let dialog = Dialog::RetryAll(failures.filter.clone(), failures.list.total);
                state.dialog = Some(dialog);
            }
        }
        Action::Kind => {
            state.failures.filter.kind = next_kind(state.failures.filter.kind);
            relist(state);
        }
        Action::Level => {
            state.level = match state.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
            state.log_back = 0;
        }
        Action::Copy => {
            if let Some(url) = current_url(state) {
                state.toast("copied".to_owned(), true);
                return vec![Effect::Copy(url)];
            }
        }
        Action::Freeze => {
            state.frozen = !state.frozen;
        }
        Action::Help => state.help = Some(0),
        Action::Detach => return vec![Effect::Detach],
        Action::Quit => {
            if state.attached || state.snapshot.state == JobState::Over {
                return vec![Effect::Leave];
            }
            state.dialog = Some(Dialog::Quit);
        }
        Action::Suspend => return vec![Effect::Suspend],
        Action::Mouse => {
            state.mouse = !state.mouse;
            let words = if state.mouse {
                "the mouse clicks and scrolls here; m again to select text"
            } else {
                "the mouse is the terminal's again"
            };
            state.toast(words.to_owned(), true);
            return vec![Effect::Mouse(state.mouse)];
        }
    }
    Vec::new()
}

fn step(state: &mut State, by: isize) {
    match state.view() {
        View::Dashboard => {
            let sites = state.sites();
            let at = sites
                .iter()
                .position(|(id, _)| Some(*id) == state.site)
                .unwrap_or(0);
            let to = moved(at, by, sites.len());
            state.site = sites.get(to).map(|(id, _)| *id);
        }
        View::Site(id) => {
            let Some(site) = state.snapshot.sites.get(id.index()) else {
                return;
            };
            let workers = &site.workers;
            let at = workers
                .iter()
                .position(|w| Some(w.id) == state.worker)
                .unwrap_or(0);
            state.worker = workers.get(moved(at, by, workers.len())).map(|w| w.id);
        }
        View::Failures => step_failures(state, by),
        View::Detail(_) => {
            state.detail_top = state
                .detail_top
                .saturating_add_signed(by.clamp(-10_000, 10_000));
        }
        View::Log => {
            state.log_back = state
                .log_back
                .saturating_add_signed(-by.clamp(-10_000, 10_000));
        }
    }
}

fn moved(at: usize, by: isize, rows: usize) -> usize {
    at.saturating_add_signed(by).min(rows.saturating_sub(1))
}

fn step_failures(state: &mut State, by: isize) {
    let rows = state.rows;
    let failures = &mut state.failures;
    let total = usize::try_from(failures.list.total).unwrap_or(usize::MAX);
    let top = usize::try_from(failures.top).unwrap_or(0);
    let to = moved(top + failures.row, by, total);
    let new_top = super::draw::scrolled(top, to, total, rows);
    failures.row = to - new_top;
    if new_top != top {
        failures.top = new_top as u64;
        failures.selected = None;
        failures.stale = true;
    } else {
        failures.selected = failures.list.rows.get(failures.row).map(|row| row.id);
    }
}

fn enter(state: &mut State) -> Vec<Effect> {
    match state.view() {
        View::Dashboard => {
            if let Some((id, _)) = state.current_site() {
                state.site = Some(id);
                state.worker = None;
                state.stack.push(View::Site(id));
            }
        }
        View::Failures => {
            let failures = &state.failures;
            if let Some(row) = failures.list.rows.get(failures.row) {
                let id = row.id;
                state.detail = None;
                state.detail_top = 0;
                state.stack.push(View::Detail(id));
                return vec![Effect::Ask(id)];
            }
        }
        _ => {}
    }
    Vec::new()
}

fn back(state: &mut State) {
    match state.view() {
        View::Failures if !state.failures.marks.is_empty() => state.failures.marks.clear(),
        View::Failures if !state.failures.typed.0.is_empty() => {
            state.failures.typed.0.clear();
            filter_failures(state);
        }
        View::Failures if state.failures.filter.kind.is_some() => {
            state.failures.filter.kind = None;
            relist(state);
        }
        View::Dashboard => state.site_filter.0.clear(),
        View::Log if !state.log_filter.0.is_empty() => state.log_filter.0.clear(),
        _ => {
            state.stack.pop();
        }
    }
    state.failures.stale = true;
}

fn pause(state: &State) -> Vec<Effect> {
    let Some((id, site)) = state.current_site() else {
        return Vec::new();
    };
    if let View::Site(_) = state.view()
        && let Some(worker) = state
            .worker
            .and_then(|worker| site.workers.iter().find(|w| w.id == worker))
        && site.state != SiteState::Paused
    {
        let target = Target::Worker(id, worker.id);
        let command = if worker.doing == Doing::Paused {
            Command::Resume(target)
        } else {
            Command::Pause(target)
        };
        return vec![Effect::Send(command)];
    }
    let command = if site.state == SiteState::Paused {
        Command::Resume(Target::Site(id))
    } else {
        Command::Pause(Target::Site(id))
    };
    vec![Effect::Send(command)]
}

/// The next longer or shorter delay of the steps.
fn stepped(delay: Duration, by: i32) -> Duration {
    let now = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let next = if by > 0 {
        DELAYS_MS.iter().find(|step| **step > now)
    } else {
        DELAYS_MS.iter().rev().find(|step| **step < now)
    };
    Duration::from_millis(next.copied().unwrap_or(now))
}

fn mark(state: &mut State) {
    let failures = &mut state.failures;
    if let Some(row) = failures.list.rows.get(failures.row)
        && !failures.marks.remove(&row.id)
    {
        failures.marks.insert(row.id);
    }
    step_failures(state, 1);
}

fn retry(state: &mut State) -> Vec<Effect> {
    let failures = &mut state.failures;
    failures.stale = true;
    let pages = match state.stack.last() {
        Some(View::Detail(id)) => vec![*id],
        _ if !failures.marks.is_empty() => failures.marks.drain().collect(),
        _ => failures
            .list
            .rows
            .get(failures.row)
            .map(|row| row.id)
            .into_iter()
            .collect(),
    };
    if pages.is_empty() {
        return Vec::new();
    }
    vec![Effect::Send(Command::Retry(Pick::Pages(pages)))]
}

fn next_kind(kind: Option<FailureKind>) -> Option<FailureKind> {
    match kind {
        None => FailureKind::ALL.first().copied(),
        Some(kind) => {
            let at = FailureKind::ALL.iter().position(|known| *known == kind)?;
            FailureKind::ALL.get(at + 1).copied()
        }
    }
}

fn current_url(state: &State) -> Option<String> {
    match state.view() {
        View::Detail(_) => state.detail.as_ref().map(|page| page.url.clone()),
        View::Failures => {
            let failures = &state.failures;
            failures
                .list
                .rows
                .get(failures.row)
                .map(|row| row.url.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::page::SiteId;

    fn press(state: &mut State, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            };
            effects.extend(key(state, KeyEvent::new(code, KeyModifiers::NONE)));
        }
        effects
    }

    #[test]
    fn what_keys_send() {
        use Effect::Send;
        let site = SiteId(0);
        let table = [
            ("p", vec![Send(Command::Pause(Target::Site(site)))]),
            ("jp", vec![Send(Command::Resume(Target::Site(SiteId(1))))]),
            ("P", vec![Send(Command::Pause(Target::All))]),
            ("+", vec![Send(Command::Concurrency(site, 17))]),
            ("-", vec![Send(Command::Concurrency(site, 15))]),
            (
                "++",
                vec![
                    Send(Command::Concurrency(site, 17)),
                    Send(Command::Concurrency(site, 18)),
                ],
            ),
            (
                "]",
                vec![Send(Command::Delay(site, Duration::from_millis(500)))],
            ),
            (
                "[",
                vec![Send(Command::Delay(site, Duration::from_millis(100)))],
            ),
            (
                "\njp",
                vec![Send(Command::Pause(Target::Worker(
                    site,
                    crate::bus::WorkerId(1),
                )))],
            ),
            (
                "2r",
                vec![Send(Command::Retry(Pick::Pages(vec![
                    crate::page::PageId(7),
                ])))],
            ),
            ("q", vec![]),
            ("qy", vec![Send(Command::Stop)]),
            ("q\x1b", vec![]),
            ("qyqn", vec![Send(Command::Stop), Send(Command::StopNow)]),
            ("\x1b\x1b\x1b", vec![]),
            ("?q", vec![]),
            ("d", vec![Effect::Detach]),
        ];
        for (keys, expected) in table {
            let mut state = sample::state();
            assert_eq!(press(&mut state, keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn an_attached_deck_is_left_without_a_question() {
        let mut state = sample::state();
        state.attached = true;
        assert_eq!(press(&mut state, "q"), vec![Effect::Leave]);
    }

    #[test]
    fn the_way_in_and_out() {
        let mut state = sample::state();
        press(&mut state, "\n");
        assert_eq!(state.view(), View::Site(SiteId(0)));
        press(&mut state, "\x1b");
        assert_eq!(state.view(), View::Dashboard);
        press(&mut state, "\t\n");
        assert_eq!(state.view(), View::Detail(crate::page::PageId(7)));
        press(&mut state, "\x1b\x1b\x1b\x1b");
        assert_eq!(state.view(), View::Dashboard);
    }

    #[test]
    fn a_filter_follows_the_typing_and_esc_clears_it() {
        let mut state = sample::state();
        press(&mut state, "/dOc");
        assert_eq!(state.sites().len(), 1);
        press(&mut state, "\n\x1b");
        assert_eq!(state.sites().len(), 3);
        press(&mut state, "/!docs\n");
        assert_eq!(state.sites().len(), 2);
    }

    #[test]
    fn marks_go_by_page_and_are_sent_together() {
        let mut state = sample::state();
        let effects = press(&mut state, "2  r");
        let [Effect::Send(Command::Retry(Pick::Pages(pages)))] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(pages.len(), 2);
    }
}
