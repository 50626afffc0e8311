//! What the operator wants of the deck: flags first, then
//! `$XDG_CONFIG_HOME/crawldeck/config.toml`, then the environment.
//!
//! ```toml
//! theme = "dark"         # dark, light, 16, mono, safe
//! ascii = false          # no lines and blocks, plain ASCII only
//! mouse = false          # whether the mouse is caught from the start
//! fps = 60               # most frames a second
//! bell = true            # whether alerts may ring the bell and notify
//!
//! [keys]                 # an action, and the keys that do it and no others
//! pause = ["p", "f5"]
//! quit = ["ctrl-x"]
//! ```

mod file;

pub use self::file::SettingsError;

use super::keymap::{self, KeyMap};
use super::palette::Name;
use std::path::{Path, PathBuf};

/// Frames a second, unless something else is wanted.
const FPS: u32 = 60;

/// What the operator wants of the deck.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) theme: Name,
    pub(super) ascii: bool,
    pub(super) mouse: bool,
    pub(super) fps: u32,
    pub(super) bell: bool,
    pub(super) keymap: KeyMap,
    /// The file they were read from, where there is one.
    file: Option<PathBuf>,
}

/// What was asked for on the command line; it counts most.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// A theme, by its name.
    pub theme: Option<String>,
    /// Plain ASCII only.
    pub ascii: bool,
}

impl Settings {
    /// As the environment asks: `NO_COLOR` (any value but an empty one), a
    /// locale that is not UTF-8, and `CRAWLDECK_ASCII`.
    pub fn from_env() -> Self {
        Self::from(&|name| std::env::var(name).ok())
    }

    fn from(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| env(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| value(name));
        // Without any locale most terminals are UTF-8 all the same.
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8") || locale.starts_with("c.")
        });
        Self {
            theme: if value("NO_COLOR").is_some() {
                Name::Mono
            } else {
                Name::Sixteen
            },
            ascii: value("CRAWLDECK_ASCII").is_some() || !utf8,
            mouse: false,
            fps: FPS,
            bell: true,
            keymap: KeyMap::default(),
            file: None,
        }
    }

    /// Those of the environment, the operator's file and the command line.
    ///
    /// # Errors
    /// Where the file cannot be read or says what cannot be, or no theme has the
    /// name that was asked for.
    pub fn load(wishes: &Wishes) -> Result<Self, SettingsError> {
        Self::load_from(wishes, &|name| std::env::var(name).ok())
    }

    fn load_from(
        wishes: &Wishes,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut settings = Self::from(env);
        if let Some(path) = path(env) {
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    settings.apply(&text, &path)?;
                    settings.file = Some(path);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(why) => return Err(SettingsError::Unreadable { file: path, why }),
            }
        }
        if let Some(name) = &wishes.theme {
            settings.theme = Name::find(name).ok_or_else(|| {
                let known = Name::ALL.map(Name::as_str);
                SettingsError::Flag(format!(
                    "--theme: no theme \"{name}\"{}",
                    file::nearest(name, &known)
                ))
            })?;
        }
        settings.ascii |= wishes.ascii;
        Ok(settings)
    }

    fn apply(&mut self, text: &str, path: &Path) -> Result<(), SettingsError> {
        file::apply(self, text).map_err(|(line, words)| SettingsError::Wrong {
            file: path.to_owned(),
            line,
            words,
        })
    }

    /// The keys in force, as the file would set them.
    pub fn keys_toml(&self) -> String {
        let mut out = String::new();
        if let Some(file) = &self.file {
            out.push_str(&format!("# as {} has it\n", file.display()));
        }
        out.push_str("[keys]\n");
        for name in keymap::action_names() {
            let named = |row: &&keymap::Row| {
                !row.binding.keys.is_empty() && keymap::action_name(row.binding.action) == name
            };
            let Some(row) = self.keymap.rows().iter().find(named) else {
                continue;
            };
            let keys: Vec<String> = row
                .keys
                .iter()
                .map(|key| format!("{:?}", keymap::key_name(*key)))
                .collect();
            let line = format!("{name} = [{}]", keys.join(", "));
            out.push_str(&format!("{line:<40} # {}\n", row.binding.help));
        }
        out
    }
}

/// Where the file would be.
fn path(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let home = || env("HOME").map(|home| PathBuf::from(home).join(".config"));
    // A relative path there is to be passed over, says its specification.
    let base = env("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(home)?;
    Some(base.join("crawldeck").join("config.toml"))
}

#[cfg(test)]
mod tests;
