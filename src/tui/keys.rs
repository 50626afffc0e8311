//! The key map as data: input, footer and help are all made of it.

pub use super::action::{Action, Context, Place};
use crossterm::event::{KeyCode, KeyModifiers};

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
        [Dashboard, Site, Groups, Failures, Pages, Queue, Records, Links, Changes, Why, Backends, Exits], "open", "open what the cursor is on; in a site, choose the row";
    [key('p')] "p" Action::Pause, [Dashboard, Site, Backends], "pause", "pause or resume the site, or in a site the worker or host, or the rung";
    [key('P')] "P" Action::PauseAll, [Everywhere], "", "pause or resume everything";
    [key('+'), key('=')] "+" Action::Concurrency(1), [Dashboard, Site, Backends], "", "one worker more";
    [key('-'), key('_')] "-" Action::Concurrency(-1), [Dashboard, Site, Backends], "", "one worker fewer";
    [] "+ -" Action::Concurrency(0), [Dashboard, Site, Backends], "workers", "";
    [key('a')] "a" Action::Auto, [Dashboard, Site], "auto", "let the number of workers tune itself";
    [key(']')] "]" Action::Delay(1), [Dashboard, Site, Backends], "", "longer delay";
    [key('[')] "[" Action::Delay(-1), [Dashboard, Site, Backends], "", "shorter delay";
    [] "[ ]" Action::Delay(0), [Dashboard, Site, Backends], "delay", "";
    [key('T')] "T" Action::Lift, [Site], "", "in the traps: lift the trap under the cursor, or cap it again";
    [key('D')] "D" Action::Drain, [Dashboard, Site], "", "drain: follow no more links, or follow them again";
    [key('E')] "E" Action::SiteFailures, [Dashboard, Site, Backends, Exits], "", "the failures of the site";
    [key('e')] "e" Action::Pane, [Site], "pane", "to the next pane";
    [key(' ')] "space" Action::Mark, [Dashboard, Failures, Pages, Backends], "mark", "mark the row; keys then act on all that are marked";
    [key('v')] "v" Action::Range, [Dashboard, Failures, Pages, Backends], "", "mark a range: every row that the cursor comes to; v or esc ends it, the marks stay";
    [key('r')] "r" Action::Retry, [Groups], "retry", "send the row's failed pages, or its failed sources, round again";
    [key('r')] "r" Action::Retry, [Failures, Detail, Pages], "retry", "send the marked failed pages, or this one, round again";
    [key('r')] "r" Action::Retry, [Site], "", "in the sources: ask the failed one under the cursor again";
    [key('A')] "A" Action::RetryAll, [Site], "", "ask all failed sources of the site again";
    [key('A')] "A" Action::RetryAll, [Groups, Failures], "retry all", "send all failed pages that the list shows round again";
    [key('i')] "i" Action::Ignore, [Groups, Failures, Detail], "ignore", "take the marked pages, or this one, out of the failures; asks first";
    [key('F')] "F" Action::Force, [Pages, Detail, Why], "", "fetch the marked pages, or this one, again; asks first";
    [key('t')] "t" Action::GroupBy, [Groups], "grouping", "group by kind, by status too, or by host too";
    [key('t')] "t" Action::Kind, [Failures], "kind", "show one kind of failure, then the next";
    [key('t')] "t" Action::NextState, [Pages], "state", "show one state, then the next";
    [key('t')] "t" Action::NextRule, [Records], "rule", "show the records of one rule, then the next";
    [key('t')] "t" Action::NextChange, [Changes], "kind", "show new pages, changed ones, those that are gone, or all";
    [key('t')] "t" Action::NextLinks, [Links], "list", "show dead links, orphans, degrees";
    [key('t')] "t" Action::Level, [Log], "level", "show warnings and errors, errors, or all";
    [key('w')] "w" Action::Why, [Failures, Detail, Pages, Queue, Links], "why", "which rule took or refused the page, and where it was found";
    [key('b')] "b" Action::Body, [Detail, Why], "body", "the body as source, as text, or byte by byte";
    [key('o')] "o" Action::Pager, [Detail, Why], "pager", "open the body in $PAGER, cleaned";
    [key('O')] "O" Action::PagerRaw, [Detail, Why], "", "open the body in $PAGER as it came; it may steer the terminal";
    [key('x')] "x" Action::Drop, [Dashboard, Site, Queue], "drop", "drop queued pages by pattern; shows first how many, and asks";
    [key('n')] "n" Action::Add, [Dashboard, Site, Queue], "", "add URLs to the site";
    [key('/')] "/" Action::Filter, [Dashboard, Groups, Failures, Pages, Queue, Records, Journal, Changes, Log, Backends, Exits], "filter", "filter by text; a leading ! inverts, esc clears";
    [key('s')] "s" Action::Sort, [Dashboard, Site, Groups, Failures, Pages, Queue, Links, Backends, Exits], "sort", "sort by the next column";
    [key('S')] "S" Action::Reverse, [Dashboard, Site, Groups, Failures, Pages, Queue, Links, Backends, Exits], "", "turn the order round";
    [key('c')] "c" Action::Columns, [Dashboard, Site, Groups, Failures, Pages, Queue, Records, Links, Journal, Changes, Backends, Exits], "", "choose the columns";
    [key('y')] "y" Action::Copy, [Dashboard, Site, Failures, Detail, Why, Pages, Queue, Records, Links, Journal, Changes, Log], "copy", "copy the URL, or else the row, to the terminal's clipboard (OSC 52)";
    [key('Y')] "Y" Action::CopyRow, [Dashboard, Site, Groups, Failures, Detail, Pages, Queue, Records, Links, Journal, Changes, Log, Backends, Exits], "", "copy the whole row";
    [code(KeyCode::Esc), code(KeyCode::Left), key('h'), code(KeyCode::Backspace)] "esc" Action::Back,
        [Everywhere], "back", "out of here; clears filter and marks first; never quits";
    [key(':')] ":" Action::Palette, [Everywhere], "command", "every command in words, with completion";
    [key('u')] "u" Action::Undo, [Everywhere], "", "take back the last change of a control";
    [key('R')] "R" Action::Reload, [Everywhere], "", "read the sites file again; shows what would change, and asks";
    [key('1')] "1" Action::Goto(Place::Sites), [Everywhere], "", "all sites";
    [key('2')] "2" Action::Goto(Place::Failures), [Everywhere], "", "failures by kind, status and host";
    [key('3')] "3" Action::Goto(Place::Pages), [Everywhere], "", "all pages";
    [key('4')] "4" Action::Goto(Place::Queue), [Everywhere], "", "the queue";
    [key('5')] "5" Action::Goto(Place::Records), [Everywhere], "", "the latest records";
    [key('6')] "6" Action::Goto(Place::Journal), [Everywhere], "", "the journal of commands";
    [key('7')] "7" Action::Goto(Place::Log), [Everywhere], "", "the log";
    [key('8')] "8" Action::Goto(Place::Doctor), [Everywhere], "", "how crawldeck itself fares";
    [key('9')] "9" Action::Goto(Place::Changes), [Everywhere], "", "what has changed since the last crawl";
    [key('L')] "L" Action::Links, [Dashboard, Site, Groups, Failures, Pages, Queue], "", "dead links, orphans and degrees, of the site or of all";
    [key('0')] "0" Action::Goto(Place::Backends), [Everywhere], "", "the rungs of every site's ladder";
    [code(KeyCode::Tab)] "tab" Action::NextScreen, [Everywhere], "screen", "next screen";
    [code(KeyCode::BackTab)] "shift-tab" Action::PrevScreen, [Everywhere], "", "the screen before";
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

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (context, _) in Context::ALL {
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
    fn every_action_has_one_name_and_keeps_it() {
        let mut names: Vec<(&str, Action)> = Vec::new();
        for binding in BINDINGS {
            let name = binding.action.name();
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(!name.is_empty() && name.chars().all(plain), "{name}");
            let known = names.iter().find(|(known, _)| *known == name);
            assert!(
                known.is_none_or(|(_, action)| *action == binding.action),
                "{name} twice"
            );
            names.push((name, binding.action));
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
