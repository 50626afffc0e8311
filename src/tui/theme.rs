//! How things look. No colour carries a meaning alone: words and glyphs say the
//! same, so that sixteen colours, or none, lose nothing.

use super::palette::{Name, Palette};
use crate::bus::{Level, SiteState};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::border;

/// Styles and glyphs.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    palette: &'static Palette,
    /// Plain ASCII instead of lines, blocks and dots.
    pub ascii: bool,
}

impl Theme {
    /// With or without colour and with or without glyphs beyond ASCII.
    #[cfg(test)]
    pub fn new(colour: bool, ascii: bool) -> Self {
        Self::of(if colour { Name::Sixteen } else { Name::Mono }, ascii)
    }

    /// A theme by its name, with or without glyphs beyond ASCII.
    pub fn of(name: Name, ascii: bool) -> Self {
        Self {
            palette: name.palette(),
            ascii,
        }
    }

    /// Names, headings.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is there but seldom read.
    pub fn faint(self) -> Style {
        self.palette.faint
    }

    /// The row under the cursor.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Headers of columns, keys in the footer.
    pub fn accent(self) -> Style {
        self.palette.accent
    }

    /// Well.
    pub fn good(self) -> Style {
        self.palette.good
    }

    /// Worth a look.
    pub fn warn(self) -> Style {
        self.palette.warn
    }

    /// Wrong.
    pub fn bad(self) -> Style {
        self.palette.bad
    }

    /// A banner across the screen.
    pub fn banner(self) -> Style {
        self.warn()
            .add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// A state's glyph and style.
    pub fn state(self, state: SiteState) -> (&'static str, Style) {
        let (glyph, ascii, style) = match state {
            SiteState::Starting => ("◌", "~", self.accent()),
            SiteState::Running => ("▶", ">", self.good()),
            SiteState::Paused => ("‖", "=", self.warn()),
            SiteState::Stopping => ("▽", "v", self.warn()),
            SiteState::Finished => ("✓", "+", self.good()),
            SiteState::Failed => ("✗", "x", self.bad()),
            SiteState::Stopped => ("■", "#", self.warn()),
        };
        (if self.ascii { ascii } else { glyph }, style)
    }

    /// A notice's word and style.
    pub fn level(self, level: Level) -> (&'static str, Style) {
        match level {
            Level::Info => ("info", self.faint()),
            Level::Warn => ("warn", self.warn()),
            Level::Error => ("ERROR", self.bad()),
        }
    }

    /// What stands where something was cut off.
    pub fn cut(self) -> &'static str {
        if self.ascii { "~" } else { "…" }
    }

    /// The lines around a panel.
    pub fn border(self) -> border::Set<'static> {
        if self.ascii {
            border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            }
        } else {
            border::ROUNDED
        }
    }

    /// A bar of `width` columns, `part` of it full.
    pub fn bar(self, part: f64, width: usize) -> String {
        let part = part.clamp(0.0, 1.0);
        let full = (part * width as f64).round() as usize;
        let (on, off) = if self.ascii {
            ("#", ".")
        } else {
            ("█", "░")
        };
        on.repeat(full) + &off.repeat(width - full)
    }

    /// A column `height` eighths high, for sparklines.
    pub fn column(self, eighths: usize) -> &'static str {
        const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 9] = [" ", ".", ".", ":", ":", "-", "=", "+", "#"];
        let set = if self.ascii { &ASCII } else { &BLOCKS };
        set[eighths.min(8)]
    }
}
