//! The palette: one line in which every command is typed in words.

use super::act;
use super::complete;
use super::draw::Pen;
use super::filter;
use super::state::{Effect, Shared, State, View};
use super::submit::submit;
use super::text;
use crate::bus::verb;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

/// Lines kept.
const HISTORY: usize = 100;
/// Longest line, bytes.
const LONGEST: usize = 4000;

/// A line that is being typed.
#[derive(Debug, Default)]
pub struct Prompt {
    /// What stands in it.
    pub line: String,
    /// Where the cursor is, bytes from the beginning.
    pub at: usize,
    /// Which line of the history this is, counted from the last.
    back: Option<usize>,
    /// What was typed before the history was leafed through.
    own: String,
    /// What may stand here and which of it does, while tab is pressed.
    cycle: Option<(usize, Vec<String>, usize)>,
    /// Why the line was not sent.
    error: Option<String>,
}

impl Prompt {
    /// One that begins like this.
    pub fn new(line: String) -> Self {
        Self {
            at: line.len(),
            line,
            ..Self::default()
        }
    }

    fn insert(&mut self, c: char) {
        if self.line.len() < LONGEST {
            self.line.insert(self.at, c);
            self.at += c.len_utf8();
        }
    }

    fn before(&self) -> &str {
        self.line.get(..self.at).unwrap_or_default()
    }

    /// The character before the cursor.
    fn left(&self) -> usize {
        let last = self.before().char_indices().next_back();
        last.map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let rest = self.line.get(self.at..).unwrap_or_default();
        self.at + rest.chars().next().map_or(0, char::len_utf8)
    }

    /// Puts the next thing that may stand here, or the one before.
    fn complete(&mut self, shared: &Shared, by: isize) {
        let (start, found, at) = match self.cycle.take() {
            Some((start, found, at)) => {
                let len = found.len() as isize;
                let at = (at as isize + by).rem_euclid(len.max(1));
                (start, found, at as usize)
            }
            None => {
                let (start, found) = complete::candidates(self.before(), shared);
                let last = found.len().saturating_sub(1);
                (start, found, if by < 0 { last } else { 0 })
            }
        };
        let Some(word) = found.get(at) else {
            return;
        };
        let rest = self.line.split_off(self.at);
        self.line.truncate(start);
        self.line.push_str(word);
        // With one candidate the next word can follow; `key=` wants its value.
        let alone = found.len() == 1;
        if alone && !word.ends_with('=') && !word.ends_with('/') && rest.is_empty() {
            self.line.push(' ');
        }
        self.at = self.line.len();
        self.line.push_str(&rest);
        self.cycle = (!alone).then_some((start, found, at));
    }

    fn leaf(&mut self, history: &[String], by: isize) {
        if self.back.is_none() {
            self.own = self.line.clone();
        }
        let back = match (self.back, by) {
            (None, 1) => Some(0),
            (Some(n), 1) => Some(n + 1),
            (Some(n), _) if n > 0 => Some(n - 1),
            _ => None,
        };
        match back {
            None => self.line = self.own.clone(),
            Some(n) => match history.iter().rev().nth(n) {
                Some(line) => self.line.clone_from(line),
                None => return,
            },
        }
        self.back = back;
        self.at = self.line.len();
    }
}

/// A key while the palette is open.
pub fn key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    let shared = &mut state.shared;
    let Some(mut prompt) = shared.prompt.take() else {
        return Vec::new();
    };
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if !matches!(event.code, KeyCode::Tab | KeyCode::BackTab) {
        prompt.cycle = None;
    }
    prompt.error = None;
    match event.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Char('c') if control => return Vec::new(),
        KeyCode::Enter => {
            let line = prompt.line.trim().to_owned();
            if line.is_empty() {
                return Vec::new();
            }
            return match run(state, &line) {
                Ok(effects) => {
                    let history = &mut state.shared.history;
                    history.retain(|known| *known != line);
                    history.push(line);
                    let over = history.len().saturating_sub(HISTORY);
                    history.drain(..over);
                    effects
                }
                Err(why) => {
                    prompt.error = Some(why);
                    state.shared.prompt = Some(prompt);
                    Vec::new()
                }
            };
        }
        KeyCode::Tab => prompt.complete(shared, 1),
        KeyCode::BackTab => prompt.complete(shared, -1),
        KeyCode::Up => prompt.leaf(&shared.history, 1),
        KeyCode::Down => prompt.leaf(&shared.history, -1),
        KeyCode::Left => prompt.at = prompt.left(),
        KeyCode::Right => prompt.at = prompt.right(),
        KeyCode::Home => prompt.at = 0,
        KeyCode::End => prompt.at = prompt.line.len(),
        KeyCode::Char('a') if control => prompt.at = 0,
        KeyCode::Char('e') if control => prompt.at = prompt.line.len(),
        KeyCode::Char('u') if control => {
            prompt.line.drain(..prompt.at);
            prompt.at = 0;
        }
        KeyCode::Char('w') if control => {
            let kept = prompt.before().trim_end();
            let from = kept.rfind(char::is_whitespace).map_or(0, |at| at + 1);
            prompt.line.drain(from..prompt.at);
            prompt.at = from;
        }
        // An emptied line is left by one more.
        KeyCode::Backspace if prompt.line.is_empty() => return Vec::new(),
        KeyCode::Backspace => {
            let from = prompt.left();
            prompt.line.drain(from..prompt.at);
            prompt.at = from;
        }
        KeyCode::Delete => {
            let to = prompt.right();
            prompt.line.drain(prompt.at..to);
        }
        KeyCode::Char(c) if !control => prompt.insert(c),
        _ => {}
    }
    shared.prompt = Some(prompt);
    Vec::new()
}

/// Does what a line says.
fn run(state: &mut State, line: &str) -> Result<Vec<Effect>, String> {
    let words = verb::split(line).map_err(|error| error.to_string())?;
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    match plain.as_slice() {
        [word] if act::go(state, word) => return Ok(Vec::new()),
        ["help"] => {
            state.help = Some(0);
            return Ok(Vec::new());
        }
        ["quit" | "q"] => return Ok(act::act(state, super::action::Action::Quit)),
        ["why", name, url] => {
            let site = filter::site(&state.shared.snapshot, name)
                .ok_or_else(|| format!("there is no site `{name}`"))?;
            act::open(state, View::Why(site, (*url).to_owned()));
            return Ok(Vec::new());
        }
        ["links"] => {
            act::open(state, View::Links(None));
            return Ok(Vec::new());
        }
        ["links", name] => {
            let site = filter::site(&state.shared.snapshot, name)
                .ok_or_else(|| format!("there is no site `{name}`"))?;
            act::open(state, View::Links(Some(site)));
            return Ok(Vec::new());
        }
        ["links", ..] => return Err("it is `links` or `links SITE`".to_owned()),
        ["why", ..] => return Err("it is `why SITE URL`".to_owned()),
        _ => {}
    }
    let command = verb::read(&plain, &state.shared.names()).map_err(|error| error.to_string())?;
    Ok(submit(&mut state.shared, command))
}

/// Draws it over the last lines of the screen.
pub fn draw(pen: &mut Pen, area: Rect, shared: &Shared) {
    let Some(prompt) = &shared.prompt else {
        return;
    };
    let (strong, faint, accent) = (pen.theme.strong(), pen.theme.faint(), pen.theme.accent());
    let over = Rect {
        y: area.bottom().saturating_sub(3.min(area.height)),
        height: 3.min(area.height),
        ..area
    };
    pen.clear(over);
    let bottom = area.bottom().saturating_sub(1);
    // The end of a long line stays in sight.
    let room = usize::from(area.width.saturating_sub(2));
    let before = text::cut_front(&text::clean(prompt.before()), room, pen.theme.cut());
    let rest = text::clean(prompt.line.get(prompt.at..).unwrap_or_default()).into_owned();
    let (under, after) = match rest.char_indices().nth(1) {
        Some((at, _)) => rest.split_at(at),
        None if rest.is_empty() => (" ", ""),
        None => (rest.as_str(), ""),
    };
    let cursor = pen.theme.selected();
    pen.line(
        over,
        bottom,
        &[
            (":", accent),
            (&before, strong),
            (under, cursor),
            (after, strong),
        ],
    );
    if over.height < 3 {
        return;
    }
    let (_, found) = complete::candidates(prompt.before(), shared);
    let chosen = prompt.cycle.as_ref().map(|(_, found, at)| (found, *at));
    match (&prompt.error, complete::usage(&prompt.line)) {
        (Some(why), _) => {
            pen.put(over, over.x, bottom - 1, why, pen.theme.bad());
        }
        (None, Some((usage, help))) => {
            pen.line(
                over,
                bottom - 1,
                &[(&usage, accent), ("  ", faint), (help, faint)],
            );
        }
        (None, None) => {
            let text = "a command or a screen; tab completes, up and down go through the history";
            pen.put(over, over.x, bottom - 1, text, faint);
        }
    }
    let (list, at) = match chosen {
        Some((found, at)) => (found, Some(at)),
        None => (&found, None),
    };
    // The chosen one stays in sight.
    let mut x = over.x;
    for (n, word) in list
        .iter()
        .enumerate()
        .skip(at.unwrap_or(0).saturating_sub(3))
    {
        if usize::from(over.right().saturating_sub(x)) < text::width(word) {
            break;
        }
        let style = if at == Some(n) { cursor } else { faint };
        x = pen.put(over, x, bottom - 2, word, style) + 2;
    }
}
