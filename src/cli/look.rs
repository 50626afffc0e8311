//! How the deck is to look: flags that every command with a deck takes.

use crate::tui::{Settings, SettingsError, Wishes};
use clap::Args;
use std::io::{IsTerminal, stdin, stdout};

/// Flags for the deck's looks.
#[derive(Debug, Clone, Default, Args)]
pub struct LookArgs {
    /// The deck's colours: dark, light, 16, mono, safe
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Plain ASCII instead of lines and blocks
    #[arg(long)]
    ascii: bool,
}

impl LookArgs {
    /// With the operator's own settings.
    ///
    /// # Errors
    /// Where these or the flags say what cannot be.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::load(&Wishes {
            theme: self.theme.clone(),
            ascii: self.ascii,
        })
    }
}

/// Whether a deck can be shown: both ends are terminals that can place a cursor.
pub fn has_deck() -> bool {
    stdout().is_terminal() && stdin().is_terminal() && !is_dumb()
}

/// Whether the terminal says of itself that it knows no escape sequences.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}
