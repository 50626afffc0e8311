//! What is wrong with a sites file, said once and clearly.

use std::fmt;

/// A fault in a sites file (or in the URL given in its place): where it is and
/// what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file as the operator named it.
    pub file: String,
    /// Line and column, from 1; `None` where the whole file is at fault.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl ConfigError {
    pub(super) fn whole(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: ", self.file)?,
            None => write!(f, "{}: ", self.file)?,
        }
        // Always one line, whatever the parsers below had to say.
        for (n, line) in self.message.lines().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

/// Turns a parser's message into one for the operator: the nearest known key or
/// value is named, and words of the parser's own trade are left out.
pub(super) fn plain(message: &str) -> String {
    for (mark, noun) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        if let Some((path, rest)) = message.split_once(mark)
            && let Some((given, expected)) = rest.split_once('`')
        {
            let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            let path = path.trim_end_matches([' ', ':']);
            let within = if path.is_empty() {
                String::new()
            } else {
                format!(" in {path}")
            };
            return format!(
                "unknown {noun} \"{given}\"{within}; {}",
                suggestion(given, &known)
            );
        }
    }
    message
        .replace("missing field `", "the key `")
        .replace("duplicate field `", "a second key `")
        .replace("invalid type: ", "found ")
        .replace("invalid value: ", "found ")
        .replace("invalid length ", "found a list of ")
        .replace('`', "\"")
        .replace("duplicate entry with key", "a second key")
}

/// The nearest known name, or all of them.
pub(super) fn suggestion(given: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::osa_distance(given, name), *name))
        .min();
    match nearest {
        Some((distance, name)) if distance <= 3.max(given.len() / 3) => {
            format!("did you mean \"{name}\"?")
        }
        _ => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_name_is_named() {
        for (given, expected) in [
            (
                "fetch: unknown field `concurency`, expected one of `via`, `concurrency`",
                "unknown key \"concurency\" in fetch; did you mean \"concurrency\"?",
            ),
            (
                "unknown field `zzzzzzzzzzz`, expected `a` or `b`",
                "unknown key \"zzzzzzzzzzz\"; known here: a, b",
            ),
            (
                "as: unknown variant `numbr`, expected one of `text`, `number`",
                "unknown value \"numbr\" in as; did you mean \"number\"?",
            ),
        ] {
            assert_eq!(plain(given), expected);
        }
    }
}
