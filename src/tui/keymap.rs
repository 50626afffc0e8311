//! The keys as they are in force: the table of [`super::keys`], and what the
//! operator's settings put in its place.

use super::keys::{Action, BINDINGS, Binding, Context, holds};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with what is held down beside it. Shift is in the character already.
pub type Key = (KeyModifiers, KeyCode);

/// One row of the table with the keys in force.
#[derive(Debug, Clone)]
pub struct Row {
    /// The row: what it does and where.
    pub binding: &'static Binding,
    /// The keys that do it.
    pub keys: Vec<Key>,
    /// The keys in words, as the footer and the help show them.
    pub label: String,
}

/// Every row.
#[derive(Debug, Clone)]
pub struct KeyMap {
    rows: Vec<Row>,
}

impl Default for KeyMap {
    fn default() -> Self {
        let rows = BINDINGS.iter().map(|binding| Row {
            binding,
            keys: binding.keys.to_vec(),
            label: binding.label.to_owned(),
        });
        Self {
            rows: rows.collect(),
        }
    }
}

impl KeyMap {
    /// What a key means in a context. The first row that fits counts.
    pub fn action(&self, event: KeyEvent, context: Context) -> Option<Action> {
        let key = told(event);
        self.rows
            .iter()
            .find(|row| holds(row.binding, context) && row.keys.contains(&key))
            .map(|row| row.binding.action)
    }

    /// What the footer says in a context: keys, words, and what they do.
    pub fn hints(&self, context: Context) -> impl Iterator<Item = (&str, &'static str, Action)> {
        self.rows
            .iter()
            .filter(move |row| holds(row.binding, context) && !row.binding.hint.is_empty())
            .filter(|row| !row.label.is_empty())
            .map(|row| (row.label.as_str(), row.binding.hint, row.binding.action))
    }

    /// Every row, in the order of the table.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Gives an action these keys and no others.
    ///
    /// # Errors
    /// The name of the action that has one of the keys in the same place.
    pub fn bind(&mut self, name: &str, keys: &[Key]) {
        for row in &mut self.rows {
            if !row.binding.keys.is_empty() && action_name(row.binding.action) == name {
                row.keys = keys.to_vec();
                row.label = keys
                    .iter()
                    .map(|key| key_name(*key))
                    .collect::<Vec<_>>()
                    .join(" ");
            }
        }
        // Rows that only say something for others in the footer.
        for n in 0..self.rows.len() {
            if self.rows[n].binding.keys.is_empty() {
                self.rows[n].label = self.told_together(self.rows[n].binding);
            }
        }
    }

    /// The label of a row without keys: the first keys of those it speaks for.
    fn told_together(&self, binding: &Binding) -> String {
        let (more, fewer) = match binding.action {
            Action::Concurrency(_) => (Action::Concurrency(1), Action::Concurrency(-1)),
            Action::Delay(_) => (Action::Delay(-1), Action::Delay(1)),
            _ => return binding.label.to_owned(),
        };
        let first = |action| {
            let row = self.rows.iter().find(|row| row.binding.action == action)?;
            row.keys.first().map(|key| key_name(*key))
        };
        let both: Vec<String> = [more, fewer].into_iter().filter_map(first).collect();
        both.join(" ")
    }

    /// Two actions that one key would mean in one place, and the key.
    pub fn conflict(&self) -> Option<(String, String, Key)> {
        for (n, row) in self.rows.iter().enumerate() {
            for other in &self.rows[n + 1..] {
                let together = row
                    .binding
                    .contexts
                    .iter()
                    .any(|at| holds(other.binding, *at))
                    || other
                        .binding
                        .contexts
                        .iter()
                        .any(|at| holds(row.binding, *at));
                if !together || row.binding.action == other.binding.action {
                    continue;
                }
                if let Some(key) = row.keys.iter().find(|key| other.keys.contains(key)) {
                    let name = |row: &Row| action_name(row.binding.action);
                    return Some((name(row), name(other), *key));
                }
            }
        }
        None
    }
}

/// A key as the table names it.
fn told(event: KeyEvent) -> Key {
    let shifted = matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab);
    let modifiers = if shifted {
        event.modifiers - KeyModifiers::SHIFT
    } else {
        event.modifiers
    };
    (modifiers, event.code)
}

/// The names of all actions that have keys, in the order of the table.
pub fn action_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for binding in BINDINGS.iter().filter(|binding| !binding.keys.is_empty()) {
        let name = action_name(binding.action);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// An action's name in the settings: `pause-all`, `goto-log`.
pub fn action_name(action: Action) -> String {
    let name = match action {
        Action::Move(1) => "down",
        Action::Move(_) => "up",
        Action::Half(1) => "half-down",
        Action::Half(_) => "half-up",
        Action::Page(1) => "page-down",
        Action::Page(_) => "page-up",
        Action::Concurrency(1) => "more-workers",
        Action::Concurrency(_) => "fewer-workers",
        Action::Delay(1) => "longer-delay",
        Action::Delay(_) => "shorter-delay",
        other => return dashed(&format!("{other:?}")),
    };
    name.to_owned()
}

/// `Goto(NextScreen)` as `goto-next-screen`.
fn dashed(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        match c {
            '-' => out.push_str("minus-"),
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            '(' | ',' | ' ' if !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Keys that have names.
const NAMED: [(&str, KeyCode); 18] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("minus", KeyCode::Char('-')),
    ("plus", KeyCode::Char('+')),
];

/// A key in words: `ctrl-x`, `f5`, `pgdn`, `P`.
pub fn key_name((modifiers, code): Key) -> String {
    let mut out = String::new();
    for (modifier, word) in [
        (KeyModifiers::CONTROL, "ctrl-"),
        (KeyModifiers::ALT, "alt-"),
        (KeyModifiers::SHIFT, "shift-"),
    ] {
        if modifiers.contains(modifier) {
            out.push_str(word);
        }
    }
    match code {
        KeyCode::Char(c) if c != ' ' => out.push(c),
        KeyCode::F(n) => out.push_str(&format!("f{n}")),
        code => {
            let named = NAMED.iter().find(|(_, known)| *known == code);
            out.push_str(named.map_or("?", |(name, _)| name));
        }
    }
    out
}

/// The key that words name; `None` if there is none.
pub fn key_of(words: &str) -> Option<Key> {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = words;
    loop {
        let (word, modifier) = match rest {
            _ if rest.starts_with("ctrl-") => ("ctrl-", KeyModifiers::CONTROL),
            _ if rest.starts_with("alt-") => ("alt-", KeyModifiers::ALT),
            _ if rest.starts_with("shift-") => ("shift-", KeyModifiers::SHIFT),
            _ => break,
        };
        modifiers |= modifier;
        rest = &rest[word.len()..];
    }
    let named = NAMED.iter().find(|(name, _)| *name == rest);
    let mut chars = rest.chars();
    let code = match (named, chars.next(), chars.as_str()) {
        (Some((_, code)), ..) => *code,
        (None, Some(c), "") if !c.is_control() => KeyCode::Char(c),
        (None, Some('f'), n) => match n.parse() {
            Ok(n @ 1..=12) => KeyCode::F(n),
            _ => return None,
        },
        _ => return None,
    };
    let code = match code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::SHIFT) => {
            modifiers -= KeyModifiers::SHIFT;
            KeyCode::Char(c.to_ascii_uppercase())
        }
        // A terminal sends the same for both cases.
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
            KeyCode::Char(c.to_ascii_lowercase())
        }
        KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
            modifiers -= KeyModifiers::SHIFT;
            KeyCode::BackTab
        }
        code => code,
    };
    Some((modifiers, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own() {
        let mut seen: Vec<(String, Action)> = Vec::new();
        for binding in BINDINGS.iter().filter(|binding| !binding.keys.is_empty()) {
            let name = action_name(binding.action);
            let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(fine) && !name.ends_with('-'), "{name}");
            for (known, action) in &seen {
                assert_eq!(*known == name, *action == binding.action, "{name}");
            }
            seen.push((name, binding.action));
        }
        assert!(action_names().iter().any(|name| name == "pause-all"));
        assert!(action_names().iter().any(|name| name == "goto-failures"));
    }

    #[test]
    fn keys_in_words_and_back() {
        let table = [
            ("j", KeyModifiers::NONE, KeyCode::Char('j'), "j"),
            ("P", KeyModifiers::NONE, KeyCode::Char('P'), "P"),
            ("shift-p", KeyModifiers::NONE, KeyCode::Char('P'), "P"),
            (
                "ctrl-X",
                KeyModifiers::CONTROL,
                KeyCode::Char('x'),
                "ctrl-x",
            ),
            ("alt-x", KeyModifiers::ALT, KeyCode::Char('x'), "alt-x"),
            (
                "ctrl-alt-f5",
                KeyModifiers::CONTROL.union(KeyModifiers::ALT),
                KeyCode::F(5),
                "ctrl-alt-f5",
            ),
            ("f", KeyModifiers::NONE, KeyCode::Char('f'), "f"),
            ("-", KeyModifiers::NONE, KeyCode::Char('-'), "-"),
            (
                "ctrl--",
                KeyModifiers::CONTROL,
                KeyCode::Char('-'),
                "ctrl--",
            ),
            ("space", KeyModifiers::NONE, KeyCode::Char(' '), "space"),
            ("shift-tab", KeyModifiers::NONE, KeyCode::BackTab, "backtab"),
            ("shift-up", KeyModifiers::SHIFT, KeyCode::Up, "shift-up"),
            ("pgdn", KeyModifiers::NONE, KeyCode::PageDown, "pgdn"),
        ];
        for (words, modifiers, code, name) in table {
            assert_eq!(key_of(words), Some((modifiers, code)), "{words}");
            assert_eq!(key_name((modifiers, code)), name);
        }
        for words in ["", "ctrl-", "f13", "f0", "enterr", "jj", "hyper-x"] {
            assert_eq!(key_of(words), None, "{words}");
        }
    }

    #[test]
    fn every_key_of_the_table_can_be_named() {
        for binding in BINDINGS {
            for key in binding.keys {
                assert_eq!(key_of(&key_name(*key)), Some(*key));
            }
        }
        assert_eq!(KeyMap::default().conflict(), None);
    }

    #[test]
    fn what_is_bound_anew_holds_everywhere_and_is_said() {
        let mut map = KeyMap::default();
        let f5 = (KeyModifiers::NONE, KeyCode::F(5));
        map.bind("pause", &[f5]);
        map.bind(
            "more-workers",
            &[(KeyModifiers::CONTROL, KeyCode::Char('w'))],
        );
        assert_eq!(
            map.action(KeyCode::F(5).into(), Context::Site),
            Some(Action::Pause)
        );
        assert_eq!(map.action(KeyCode::Char('p').into(), Context::Site), None);
        let hints: Vec<(&str, &str)> = map
            .hints(Context::Site)
            .map(|(key, hint, _)| (key, hint))
            .collect();
        assert!(hints.contains(&("f5", "pause")), "{hints:?}");
        assert!(hints.contains(&("ctrl-w -", "workers")), "{hints:?}");
        assert_eq!(map.conflict(), None);
        map.bind("quit", &[f5]);
        let (one, other, key) = map.conflict().unwrap();
        assert_eq!((one.as_str(), other.as_str(), key), ("pause", "quit", f5));
    }
}
