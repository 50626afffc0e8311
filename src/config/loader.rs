//! Reads the YAML. The only file that names `serde_yaml`.

use super::error::{ConfigError, plain};
use super::raw::Document;
use serde::Deserialize;

/// Documents, with the first line of each (from 1).
pub type Documents = Vec<(usize, Document)>;

/// Parses every document of a sites file.
///
/// # Errors
/// The first fault, with its line and column.
pub fn documents(text: &str, file: &str) -> Result<Documents, ConfigError> {
    let lines = first_lines(text);
    let mut documents = Vec::new();
    for (n, source) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let line = lines.get(n).copied().unwrap_or(1);
        match Option::<Document>::deserialize(source) {
            Ok(Some(document)) => documents.push((line, document)),
            // An empty document, as between two `---`.
            Ok(None) => {}
            Err(error) => return Err(fault(&error, text, file, line)),
        }
    }
    Ok(documents)
}

fn fault(error: &serde_yaml::Error, text: &str, file: &str, first_line: usize) -> ConfigError {
    let mut place = error
        .location()
        .map_or((first_line, 1), |place| (place.line(), place.column()));
    let message = error.to_string();
    if let Some((_, key)) = message.split_once("duplicate field `")
        && let Some(second) = second_key(text, place.0, key.split('`').next().unwrap_or_default())
    {
        place = second;
    }
    // The place is told in front; the parser's own words for it go.
    let end = message.find(" at line ").unwrap_or(message.len());
    let mut message = plain(&message[..end]);
    if message.contains("repetition limit") {
        message = "aliases are repeated without end; write the values out".to_owned();
    }
    let tabbed = text
        .lines()
        .nth(place.0.saturating_sub(1))
        .is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
    if tabbed {
        message.push_str("; indent with spaces, not tabs");
    }
    ConfigError {
        file: file.to_owned(),
        place: Some(place),
        message,
    }
}

/// The line on which each document has its first content.
fn first_lines(text: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut open = false;
    for (n, line) in text.lines().enumerate() {
        let content = line.trim();
        if line.starts_with("---") {
            if open || !lines.is_empty() || content.len() > 3 {
                open = false;
            }
            continue;
        }
        if !open && !content.is_empty() && !content.starts_with('#') {
            lines.push(n + 1);
            open = true;
        }
    }
    lines
}

/// Where a key stands for the second time, counted from the map's first line:
/// the parser tells only where the map begins.
fn second_key(text: &str, first_line: usize, key: &str) -> Option<(usize, usize)> {
    let mut indents = text
        .lines()
        .enumerate()
        .skip(first_line.saturating_sub(1))
        .filter_map(|(n, line)| {
            let bare = line.trim_start_matches([' ', '-']);
            let is_key = bare.strip_prefix(key)?.trim_start().starts_with(':');
            is_key.then_some((n + 1, line.len() - bare.len() + 1))
        });
    let (_, column) = indents.next()?;
    indents.find(|place| place.1 == column)
}
