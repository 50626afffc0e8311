//! The key map as data: input, footer and help are all made of it.

use crossterm::event::{KeyCode, KeyModifiers};

/// What a key can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move the cursor by so many rows.
    Move(i32),
    /// Move the cursor by so many half screens.
    Half(i32),
    /// Move the cursor by so many screens.
    Page(i32),
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Into what the cursor is on.
    Enter,
    /// Out of here, or undo the filter or marks.
    Back,
    /// To this screen.
    Goto(Place),
    /// To the next screen.
    NextScreen,
    /// Pause or resume what the cursor is on.
    Pause,
    /// Pause or resume everything.
    PauseAll,
    /// More or fewer workers.
    Concurrency(i32),
    /// Longer or shorter delay.
    Delay(i32),
    /// Begin to filter.
    Filter,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// Mark the row.
    Mark,
    /// Send the marked pages, or the one under the cursor, round again.
    Retry,
    /// Send all pages that the list shows round again.
    RetryAll,
    /// Show the next kind of failure only.
    Kind,
    /// Show the next level of notices and above only.
    Level,
    /// Copy the URL to the terminal's clipboard.
    Copy,
    /// Freeze the display.
    Freeze,
    /// Show the help.
    Help,
    /// Leave, and let the crawl go on.
    Detach,
    /// Leave.
    Quit,
    /// Stop the program, to be continued by the shell.
    Suspend,
    /// Catch the mouse, or leave it to the terminal.
    Mouse,
}

/// A screen that has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// All sites.
    Dashboard,
    /// Failed pages.
    Failures,
    /// Notices.
    Log,
}

/// Where a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// On every screen.
    Everywhere,
    /// The dashboard.
    Dashboard,
    /// One site.
    Site,
    /// The list of failed pages.
    Failures,
    /// One page.
    Detail,
    /// The log.
    Log,
}

/// Keys, what they do, where, and what is said of it.
#[derive(Debug)]
pub struct Binding {
    /// Any of these.
    pub keys: &'static [(KeyModifiers, KeyCode)],
    /// Where; any of these.
    pub contexts: &'static [Context],
    /// What.
    pub action: Action,
    /// The keys in words.
    pub label: &'static str,
    /// In the footer; empty for keys that it leaves out.
    pub hint: &'static str,
    /// In the help.
    pub help: &'static str,
}

const fn key(c: char) -> (KeyModifiers, KeyCode) {
    (KeyModifiers::NONE, KeyCode::Char(c))
}

const fn code(code: KeyCode) -> (KeyModifiers, KeyCode) {
    (KeyModifiers::NONE, code)
}

const fn ctrl(c: char) -> (KeyModifiers, KeyCode) {
    (KeyModifiers::CONTROL, KeyCode::Char(c))
}

macro_rules! bindings {
    ($([$($key:expr),*] $label:literal $action:expr, [$($context:ident),*], $hint:literal, $help:literal;)*) => {
        &[$(Binding {
            keys: &[$($key),*],
            contexts: &[$(Context::$context),*],
            action: $action,
            label: $label,
            hint: $hint,
            help: $help,
        },)*]
    };
}

/// Every key. The first that fits counts.
pub const BINDINGS: &[Binding] = bindings! {
    [code(KeyCode::Enter), code(KeyCode::Right), key('l')] "enter" Action::Enter,
        [Dashboard, Failures], "open", "open what the cursor is on";
    [key('p')] "p" Action::Pause, [Dashboard, Site], "pause", "pause or resume the site, or in a site the worker";
    [key('P')] "P" Action::PauseAll, [Everywhere], "", "pause or resume everything";
    [key('+'), key('=')] "+" Action::Concurrency(1), [Dashboard, Site], "", "one worker more";
    [key('-'), key('_')] "-" Action::Concurrency(-1), [Dashboard, Site], "", "one worker fewer";
    [] "+ -" Action::Concurrency(0), [Dashboard, Site], "workers", "";
    [key(']')] "]" Action::Delay(1), [Dashboard, Site], "", "longer delay";
    [key('[')] "[" Action::Delay(-1), [Dashboard, Site], "", "shorter delay";
    [] "[ ]" Action::Delay(0), [Dashboard, Site], "delay", "";
    [key(' ')] "space" Action::Mark, [Failures], "mark", "mark the page";
    [key('r')] "r" Action::Retry, [Failures, Detail], "retry", "send the marked pages, or this one, round again";
    [key('R')] "R" Action::RetryAll, [Failures], "retry all", "send all pages listed here round again";
    [key('t')] "t" Action::Kind, [Failures], "kind", "show one kind of failure, then the next";
    [key('t')] "t" Action::Level, [Log], "level", "show warnings and errors, errors, or all";
    [key('/')] "/" Action::Filter, [Dashboard, Failures, Log], "filter", "filter by text; a leading ! inverts, esc clears";
    [key('s')] "s" Action::Sort, [Dashboard], "sort", "sort by the next column";
    [key('S')] "S" Action::Reverse, [Dashboard], "", "turn the order round";
    [key('y')] "y" Action::Copy, [Failures, Detail], "copy", "copy the URL to the terminal's clipboard (OSC 52)";
    [code(KeyCode::Esc), code(KeyCode::Left), key('h'), code(KeyCode::Backspace)] "esc" Action::Back,
        [Everywhere], "back", "out of here; clears filter and marks first; never quits";
    [key('1')] "1" Action::Goto(Place::Dashboard), [Everywhere], "", "all sites";
    [key('2')] "2" Action::Goto(Place::Failures), [Everywhere], "", "failed pages";
    [key('3')] "3" Action::Goto(Place::Log), [Everywhere], "", "the log";
    [code(KeyCode::Tab)] "tab" Action::NextScreen, [Everywhere], "screen", "next screen";
    [code(KeyCode::Down), key('j')] "down j" Action::Move(1), [Everywhere], "", "one down";
    [code(KeyCode::Up), key('k')] "up k" Action::Move(-1), [Everywhere], "", "one up";
    [code(KeyCode::PageDown), ctrl('f')] "pgdn" Action::Page(1), [Everywhere], "", "one screen down";
    [code(KeyCode::PageUp), ctrl('b')] "pgup" Action::Page(-1), [Everywhere], "", "one screen up";
    [ctrl('d')] "ctrl-d" Action::Half(1), [Everywhere], "", "half a screen down";
    [ctrl('u')] "ctrl-u" Action::Half(-1), [Everywhere], "", "half a screen up";
    [key('g'), code(KeyCode::Home)] "g" Action::First, [Everywhere], "", "to the first row";
    [key('G'), code(KeyCode::End)] "G" Action::Last, [Everywhere], "", "to the last row";
    [key('f')] "f" Action::Freeze, [Everywhere], "", "freeze the display; the crawl goes on";
    [key('d')] "d" Action::Detach, [Everywhere], "", "leave the deck; the crawl goes on, attach comes back";
    [key('m')] "m" Action::Mouse, [Everywhere], "", "catch the mouse; again to let the terminal select text";
    [ctrl('z')] "ctrl-z" Action::Suspend, [Everywhere], "", "back to the shell until fg; the crawl goes on";
    [key('?'), code(KeyCode::F(1))] "?" Action::Help, [Everywhere], "", "this help";
    [key('q'), ctrl('c')] "q" Action::Quit, [Everywhere], "", "quit; asks while the crawl runs";
};

/// Whether a binding counts in a context.
pub fn holds(binding: &Binding, context: Context) -> bool {
    binding
        .contexts
        .iter()
        .any(|at| *at == context || *at == Context::Everywhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::KeyMap;
    use crossterm::event::KeyEvent;

    const CONTEXTS: [Context; 5] = [
        Context::Dashboard,
        Context::Site,
        Context::Failures,
        Context::Detail,
        Context::Log,
    ];

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for context in CONTEXTS {
            let mut seen = Vec::new();
            for binding in BINDINGS.iter().filter(|binding| holds(binding, context)) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key:?} twice in {context:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn every_key_is_explained() {
        for binding in BINDINGS {
            assert!(
                !binding.help.is_empty() || binding.keys.is_empty(),
                "{}",
                binding.label
            );
        }
    }

    #[test]
    fn keys_mean_what_they_do_elsewhere() {
        let keys = KeyMap::default();
        let action = |event, context| keys.action(event, context);
        let press =
            |c, context| action(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE), context);
        let table = [
            ('j', Context::Log, Some(Action::Move(1))),
            ('p', Context::Site, Some(Action::Pause)),
            ('p', Context::Failures, None),
            ('r', Context::Failures, Some(Action::Retry)),
            ('q', Context::Detail, Some(Action::Quit)),
            ('?', Context::Dashboard, Some(Action::Help)),
        ];
        for (c, context, expected) in table {
            assert_eq!(press(c, context), expected, "{c} {context:?}");
        }
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(action(shifted, Context::Log), Some(Action::Last));
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(action(ctrl_c, Context::Log), Some(Action::Quit));
    }
}
