//! Questions over the screen, and what a key answers.

use super::draw::Pen;
use super::state::{Effect, Shared};
use super::table::Table;
use super::text;
use crate::bus::Command;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A question that must be answered first.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// Whether to leave.
    Quit,
    /// Whether to do what cannot be undone.
    Sure(Sure),
    /// Which columns to show; the cursor is on this one.
    Columns(usize),
}

/// A question whether to send a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Sure {
    /// Heads it.
    pub title: &'static str,
    /// What it is about.
    pub lines: Vec<String>,
    /// What is sent.
    pub command: Command,
    /// A word that must be typed; `None` where `y` is enough.
    pub word: Option<&'static str>,
    /// What was typed.
    pub typed: String,
    /// First line shown.
    pub top: usize,
}

/// A key over the open dialog.
pub fn answer(shared: &mut Shared, table: Option<&mut Table>, event: KeyEvent) -> Vec<Effect> {
    let interrupt =
        event.modifiers.contains(KeyModifiers::CONTROL) && event.code == KeyCode::Char('c');
    let Some(dialog) = shared.dialog.take() else {
        return Vec::new();
    };
    match dialog {
        Dialog::Quit => quit(shared, event.code, interrupt),
        Dialog::Columns(at) => {
            columns(shared, table, at, event.code);
            Vec::new()
        }
        Dialog::Sure(mut sure) => {
            match (event.code, sure.word) {
                (KeyCode::Esc, _) => return Vec::new(),
                _ if interrupt => return Vec::new(),
                (KeyCode::Char('n'), None) => return Vec::new(),
                (KeyCode::Char('y') | KeyCode::Enter, None) => {
                    return vec![Effect::Send(sure.command)];
                }
                (KeyCode::Enter, Some(word)) if sure.typed == word => {
                    return vec![Effect::Send(sure.command)];
                }
                (KeyCode::Down | KeyCode::PageDown, _) => sure.top += 1,
                (KeyCode::Up | KeyCode::PageUp, _) => sure.top = sure.top.saturating_sub(1),
                (KeyCode::Backspace, Some(_)) => {
                    sure.typed.pop();
                }
                (KeyCode::Char(c), Some(_)) if sure.typed.len() < 40 => sure.typed.push(c),
                _ => {}
            }
            sure.top = sure.top.min(sure.lines.len().saturating_sub(1));
            shared.dialog = Some(Dialog::Sure(sure));
            Vec::new()
        }
    }
}

fn quit(shared: &mut Shared, code: KeyCode, interrupt: bool) -> Vec<Effect> {
    let at_once = match code {
        KeyCode::Char('y' | 'q') | KeyCode::Enter if !shared.stopping => {
            shared.stopping = true;
            return vec![Effect::Send(Command::Stop)];
        }
        KeyCode::Char('n') => shared.stopping,
        KeyCode::Char('!') => true,
        _ => interrupt,
    };
    if at_once {
        shared.stopping = true;
        return vec![Effect::Send(Command::StopNow)];
    }
    if !matches!(code, KeyCode::Esc | KeyCode::Char('n')) {
        // Anything else is no answer.
        shared.dialog = Some(Dialog::Quit);
    }
    Vec::new()
}

fn columns(shared: &mut Shared, table: Option<&mut Table>, at: usize, code: KeyCode) {
    let Some(table) = table else {
        return;
    };
    let last = table.columns.len().saturating_sub(1);
    let at = match code {
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 'c') => return,
        KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::Char(' ') => {
            table.toggle(at);
            at
        }
        _ => at,
    };
    shared.dialog = Some(Dialog::Columns(at));
}

/// Draws the question that is open, if one is.
pub fn draw(pen: &mut Pen, area: Rect, shared: &Shared, table: Option<&mut Table>) {
    let Some(dialog) = &shared.dialog else {
        return;
    };
    let in_flight = shared.snapshot.totals.pages.in_flight;
    match dialog {
        Dialog::Quit if shared.stopping => {
            let lines = vec![
                format!("{in_flight} requests are still in flight."),
                "n    drop them and leave now".to_owned(),
                "esc  wait for them".to_owned(),
            ];
            panel(pen, area, "Stopping", &lines, None);
        }
        Dialog::Quit => {
            let lines = vec![
                "Everything is kept; the next run goes on from here.".to_owned(),
                format!("y    finish what is in flight ({in_flight}) and leave"),
                "!    drop what is in flight and leave now".to_owned(),
                "esc  go on crawling".to_owned(),
            ];
            panel(pen, area, "Stop the crawl and quit?", &lines, None);
        }
        Dialog::Sure(sure) => {
            let room = usize::from(area.height.saturating_sub(6)).max(1);
            let shown = sure.lines.iter().skip(sure.top).take(room);
            let mut lines: Vec<String> = shown.cloned().collect();
            let below = sure.lines.len().saturating_sub(sure.top + lines.len());
            if below > 0 {
                lines.push(format!("({below} more below)"));
            }
            match sure.word {
                None => {
                    lines.push("y    do it".to_owned());
                    lines.push("esc  leave it".to_owned());
                }
                Some(word) => {
                    lines.push(format!("type {word} and enter; esc leaves it"));
                    lines.push(format!("> {}_", sure.typed));
                }
            }
            panel(pen, area, sure.title, &lines, None);
        }
        Dialog::Columns(at) => {
            let Some(table) = table else {
                return;
            };
            let lines: Vec<String> = table
                .columns
                .iter()
                .map(|column| {
                    let shown = !table.hidden.contains(column.head.as_ref());
                    let mark = match (column.rank, shown) {
                        (0, _) => "[=]",
                        (_, true) => "[x]",
                        (_, false) => "[ ]",
                    };
                    format!("{mark} {}", column.head)
                })
                .collect();
            panel(pen, area, "Columns: space, esc", &lines, Some(*at));
        }
    }
}

fn panel(pen: &mut Pen, area: Rect, title: &str, lines: &[String], at: Option<usize>) {
    let widths = lines.iter().map(|line| text::width(line));
    let widest = widths.chain([text::width(title) + 2]).max().unwrap_or(0);
    let width = u16::try_from(widest + 4)
        .unwrap_or(u16::MAX)
        .min(area.width);
    let height = u16::try_from(lines.len() + 2)
        .unwrap_or(u16::MAX)
        .min(area.height);
    let over = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    pen.clear(over);
    let inside = pen.panel(over, title);
    let top = at.map_or(0, |at| {
        (at + 1).saturating_sub(usize::from(inside.height.max(1)))
    });
    for (n, (y, line)) in (inside.y..inside.bottom())
        .zip(lines.iter().skip(top))
        .enumerate()
    {
        let within = Rect {
            x: inside.x + 1,
            width: inside.width.saturating_sub(1),
            ..inside
        };
        let room = usize::from(within.width);
        let cut = text::cut_end(&text::clean(line), room, pen.theme.cut());
        pen.put(within, within.x, y, &cut, Style::new());
        if at == Some(n + top) {
            pen.highlight(inside, y, pen.theme.selected());
        }
    }
}
