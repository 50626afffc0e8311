//! The themes: what each role of a text looks like, as data.

use ratatui::style::{Color, Modifier, Style};

/// A theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// For a dark background, 256 colours.
    Dark,
    /// For a light background, 256 colours.
    Light,
    /// The terminal's own sixteen colours, on whatever background.
    Sixteen,
    /// No colour at all.
    Mono,
    /// Blue and orange, which nearly everybody can tell apart, 256 colours.
    Safe,
}

/// What text of a role looks like.
#[derive(Debug)]
pub struct Palette {
    /// Seldom read.
    pub faint: Style,
    /// Headers, keys.
    pub accent: Style,
    /// Well.
    pub good: Style,
    /// Worth a look.
    pub warn: Style,
    /// Wrong.
    pub bad: Style,
}

const fn ink(colour: Color) -> Style {
    Style::new().fg(colour)
}

const fn bold(colour: Color) -> Style {
    ink(colour).add_modifier(Modifier::BOLD)
}

const DARK: Palette = Palette {
    faint: ink(Color::Indexed(245)),
    accent: ink(Color::Indexed(81)),
    good: ink(Color::Indexed(114)),
    warn: ink(Color::Indexed(221)),
    bad: bold(Color::Indexed(210)),
};

const LIGHT: Palette = Palette {
    faint: ink(Color::Indexed(242)),
    accent: ink(Color::Indexed(25)),
    good: ink(Color::Indexed(28)),
    warn: ink(Color::Indexed(130)),
    bad: bold(Color::Indexed(160)),
};

const SIXTEEN: Palette = Palette {
    faint: ink(Color::DarkGray),
    accent: ink(Color::Cyan),
    good: ink(Color::Green),
    warn: ink(Color::Yellow),
    bad: bold(Color::Red),
};

const MONO: Palette = Palette {
    faint: Style::new().add_modifier(Modifier::DIM),
    accent: Style::new(),
    good: Style::new(),
    warn: Style::new(),
    bad: Style::new().add_modifier(Modifier::BOLD),
};

const SAFE: Palette = Palette {
    faint: ink(Color::Indexed(245)),
    accent: ink(Color::Indexed(117)),
    good: ink(Color::Indexed(75)),
    warn: ink(Color::Indexed(221)),
    bad: bold(Color::Indexed(208)),
};

impl Name {
    /// Every theme.
    pub const ALL: [Self; 5] = [
        Self::Dark,
        Self::Light,
        Self::Sixteen,
        Self::Mono,
        Self::Safe,
    ];

    /// Its name in the settings and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Sixteen => "16",
            Self::Mono => "mono",
            Self::Safe => "safe",
        }
    }

    /// The theme of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What it looks like.
    pub fn palette(self) -> &'static Palette {
        match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
            Self::Sixteen => &SIXTEEN,
            Self::Mono => &MONO,
            Self::Safe => &SAFE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the 6x6x6 cube and the greys, as every terminal has them.
    fn rgb(colour: Color) -> Option<[f64; 3]> {
        let Color::Indexed(n @ 16..) = colour else {
            return None;
        };
        let level = |n: u8| if n == 0 { 0.0 } else { f64::from(n * 40 + 55) };
        Some(match n {
            232.. => [f64::from(8 + (n - 232) * 10); 3],
            _ => {
                let n = n - 16;
                [level(n / 36), level(n / 6 % 6), level(n % 6)]
            }
        })
    }

    fn luminance(rgb: [f64; 3]) -> f64 {
        let linear = rgb.map(|c| match c / 255.0 {
            c if c <= 0.03928 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    fn roles(palette: &Palette) -> [Style; 5] {
        let Palette {
            faint,
            accent,
            good,
            warn,
            bad,
        } = palette;
        [*faint, *accent, *good, *warn, *bad]
    }

    #[test]
    fn every_role_can_be_read_on_its_background() {
        for (name, ground) in [(Name::Dark, 0.0), (Name::Safe, 0.0), (Name::Light, 1.0)] {
            for style in roles(name.palette()) {
                let ink = luminance(rgb(style.fg.unwrap()).unwrap());
                let (light, dark) = if ink > ground {
                    (ink, ground)
                } else {
                    (ground, ink)
                };
                let contrast = (light + 0.05) / (dark + 0.05);
                assert!(contrast >= 4.5, "{name:?} {style:?}: {contrast:.1}");
            }
        }
    }

    #[test]
    fn good_and_bad_differ_for_those_who_see_no_red_and_green() {
        // What is left to them is blue against yellow, and how light it is.
        let [_, _, good, _, bad] = roles(Name::Safe.palette());
        let (good, bad) = (
            rgb(good.fg.unwrap()).unwrap(),
            rgb(bad.fg.unwrap()).unwrap(),
        );
        assert!(good[2] - bad[2] > 150.0);
    }

    #[test]
    fn without_colour_there_is_none_and_names_find_themselves() {
        for style in roles(Name::Mono.palette()) {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        for name in Name::ALL {
            assert_eq!(Name::find(name.as_str()), Some(name));
        }
        assert_eq!(Name::find("drak"), None);
    }
}
