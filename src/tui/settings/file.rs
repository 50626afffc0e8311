//! The settings' file: read key by key, so that what is wrong can be said with
//! its line.

use super::Settings;
use crate::tui::keymap::{self, Key};
use crate::tui::palette::Name;
use std::path::PathBuf;
use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file is there and cannot be read.
    #[error("{}: {why}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// It says what cannot be.
    #[error("{}:{line}: {words}", .file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        words: String,
    },
    /// A flag says what cannot be.
    #[error("{0}")]
    Flag(String),
}

/// What is wrong, and where in the text (bytes).
type Wrong = (usize, String);

const KNOWN: [&str; 6] = ["theme", "ascii", "mouse", "fps", "bell", "keys"];

/// Applies a file's text; an error comes with its line.
pub fn apply(settings: &mut Settings, text: &str) -> Result<(), (usize, String)> {
    read(settings, text).map_err(|(at, words)| {
        let before = text.get(..at).unwrap_or(text);
        (before.matches('\n').count() + 1, words)
    })
}

fn read(settings: &mut Settings, text: &str) -> Result<(), Wrong> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (at, error.message().replace('\n', " "))
    })?;
    for (key, value) in in_order(table.get_ref()) {
        match key.get_ref().as_ref() {
            "theme" => settings.theme = theme(value)?,
            "ascii" => settings.ascii = flag(value)?,
            "mouse" => settings.mouse = flag(value)?,
            "bell" => settings.bell = flag(value)?,
            "fps" => settings.fps = fps(value)?,
            "keys" => keys(settings, value)?,
            other => {
                let words = format!("no setting \"{other}\"{}", nearest(other, &KNOWN));
                return Err((key.span().start, words));
            }
        }
    }
    Ok(())
}

/// A table's entries as they stand in the file, so that the first that is wrong
/// is named.
fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(
    &'t Spanned<toml::de::DeString<'i>>,
    &'t Spanned<DeValue<'i>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn flag(value: &Spanned<DeValue<'_>>) -> Result<bool, Wrong> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err((
            value.span().start,
            "true or false is wanted here".to_owned(),
        )),
    }
}

fn fps(value: &Spanned<DeValue<'_>>) -> Result<u32, Wrong> {
    let number = match value.get_ref() {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    let wrong = || {
        let words = "a number from 1 to 120 is wanted here".to_owned();
        (value.span().start, words)
    };
    number
        .filter(|fps| (1..=120).contains(fps))
        .ok_or_else(wrong)
}

fn theme(value: &Spanned<DeValue<'_>>) -> Result<Name, Wrong> {
    let known = Name::ALL.map(Name::as_str);
    let words = match value.get_ref() {
        DeValue::String(name) => match Name::find(name) {
            Some(theme) => return Ok(theme),
            None => format!("no theme \"{name}\"{}", nearest(name, &known)),
        },
        _ => format!("the name of a theme is wanted here: {}", known.join(", ")),
    };
    Err((value.span().start, words))
}

fn keys(settings: &mut Settings, value: &Spanned<DeValue<'_>>) -> Result<(), Wrong> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err((value.span().start, "keys is a table: [keys]".to_owned()));
    };
    let names = keymap::action_names();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut places: Vec<(String, usize)> = Vec::new();
    for (name, value) in in_order(table) {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if !known.contains(&name) {
            let words = format!("no action \"{name}\"{}", nearest(name, &known));
            return Err((at, words));
        }
        settings.keymap.bind(name, &list(value)?);
        places.push((name.to_owned(), at));
    }
    match settings.keymap.conflict() {
        None => Ok(()),
        Some((one, other, key)) => {
            let line = |wanted: &str| places.iter().find(|(name, _)| name == wanted);
            // Without the file there was none: one of the two stands in it.
            let at = line(&one).max(line(&other)).map_or(0, |(_, at)| *at);
            let key = keymap::key_name(key);
            Err((at, format!("{key} would be both \"{one}\" and \"{other}\"")))
        }
    }
}

/// A key, or a list of keys.
fn list(value: &Spanned<DeValue<'_>>) -> Result<Vec<Key>, Wrong> {
    match value.get_ref() {
        DeValue::Array(values) => values.iter().map(one).collect(),
        _ => Ok(vec![one(value)?]),
    }
}

fn one(value: &Spanned<DeValue<'_>>) -> Result<Key, Wrong> {
    let at = value.span().start;
    let DeValue::String(words) = value.get_ref() else {
        let words = "a key is wanted here, such as \"f5\" or \"ctrl-x\"";
        return Err((at, words.to_owned()));
    };
    keymap::key_of(words).ok_or_else(|| {
        let known = [
            "enter",
            "esc",
            "tab",
            "space",
            "backspace",
            "up",
            "down",
            "left",
            "right",
            "home",
            "end",
            "pgup",
            "pgdn",
            "insert",
            "delete",
        ];
        let words = format!("no key \"{words}\"{}", nearest(words, &known));
        (at, words)
    })
}

/// What may have been meant, or else what there is.
pub fn nearest(given: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::osa_distance(given, name), *name))
        .min();
    match nearest {
        Some((far, name)) if far <= 1 + given.len() / 3 => format!("; did you mean \"{name}\"?"),
        _ => format!("; known here: {}", known.join(", ")),
    }
}
