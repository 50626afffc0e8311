//! Text for the screen: cleaned, cut to a width, numbers in few columns.

use std::borrow::Cow;
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Text as the terminal may see it; see [`crate::monitor::line::clean`].
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(crate::monitor::line::is_harmless) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(crate::monitor::line::clean(text))
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `most` columns, the end cut off.
pub fn cut_end(text: &str, most: usize, mark: &str) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(mark.width());
    let mut out = head(text, room);
    if most > 0 {
        out.push_str(mark);
    }
    out
}

/// `text` in at most `most` columns, the middle left out: of a URL both the
/// host and the page's name stay in sight.
pub fn cut_middle(text: &str, most: usize, mark: &str) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(mark.width());
    if room < 8 {
        return cut_end(text, most, mark);
    }
    let front = head(text, room / 2);
    let mut back: Vec<&str> = Vec::new();
    let mut left = room - front.width();
    for grapheme in text.graphemes(true).rev() {
        match left.checked_sub(grapheme.width()) {
            Some(rest) => left = rest,
            None => break,
        }
        back.push(grapheme);
    }
    back.reverse();
    format!("{front}{mark}{}", back.concat())
}

/// The end of `text` in at most `most` columns, the front cut off.
pub fn cut_front(text: &str, most: usize, mark: &str) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let Some(mut left) = most.checked_sub(mark.width()) else {
        return String::new();
    };
    let mut from = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        match left.checked_sub(grapheme.width()) {
            Some(rest) => left = rest,
            None => break,
        }
        from = at;
    }
    format!("{mark}{}", text.get(from..).unwrap_or_default())
}

/// `text` in exactly `width` columns: its end cut off, or spaces after it.
pub fn fit(text: &str, width: usize, mark: &str) -> String {
    let mut cut = cut_end(text, width, mark);
    let spaces = width.saturating_sub(cut.width());
    cut.extend(std::iter::repeat_n(' ', spaces));
    cut
}

fn head(text: &str, room: usize) -> String {
    let mut left = room;
    text.graphemes(true)
        .take_while(|grapheme| match left.checked_sub(grapheme.width()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
        .collect()
}

/// A count in at most five columns: `98765`, `987k`, `98.7M`.
pub fn count(n: u64) -> String {
    match n {
        0..=99_999 => n.to_string(),
        100_000..=999_999 => format!("{}k", n / 1000),
        1_000_000..=99_999_999 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// A rate: `0.4`, `12`, `1234`.
pub fn rate(n: f64) -> String {
    if n > 0.0 && n < 9.95 {
        format!("{n:.1}")
    } else {
        count(n.round() as u64)
    }
}

/// Bytes: `512B`, `1.2M`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "K", "M", "G", "T"] {
        if value < 999.5 {
            return if unit == "B" || value >= 99.5 {
                format!("{value:.0}{unit}")
            } else {
                format!("{value:.1}{unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.0}P")
}

/// Milliseconds: `0.4ms`, `12ms`, `1.2s`.
pub fn millis(ms: f64) -> String {
    if ms <= 0.0 {
        "-".to_owned()
    } else if ms < 9.95 {
        format!("{ms:.1}ms")
    } else if ms < 999.5 {
        format!("{ms:.0}ms")
    } else {
        format!("{:.1}s", ms / 1000.0)
    }
}

/// A span of time: `250ms`, `12s`, `1:02:03`.
pub fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{}ms", time.as_millis())
    } else if time < Duration::from_secs(60) {
        format!("{}s", time.as_secs())
    } else {
        crate::monitor::line::clock(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_short() {
        for (n, text) in [
            (0, "0"),
            (99_999, "99999"),
            (123_456, "123k"),
            (12_345_678, "12.3M"),
        ] {
            assert_eq!(count(n), text);
        }
        for (n, text) in [(0.0, "0"), (0.44, "0.4"), (12.4, "12"), (2600.0, "2600")] {
            assert_eq!(rate(n), text);
        }
        for (n, text) in [(0, "0B"), (1536, "1.5K"), (268 << 20, "268M")] {
            assert_eq!(bytes(n), text);
        }
        for (n, text) in [
            (0.0, "-"),
            (0.42, "0.4ms"),
            (250.0, "250ms"),
            (1250.0, "1.2s"),
        ] {
            assert_eq!(millis(n), text);
        }
    }

    proptest! {
            #[test]
            fn cutting_keeps_within_the_width(text in "\\PC{0,40}", most in 0usize..30) {
                prop_assert!(cut_end(&text, most, "…").width() <= most);
                prop_assert!(cut_middle(&text, most, "…").width() <= most);
                prop_assert!(cut_front(&text, most, "…").width() <= most);
                prop_assert_eq!(fit(&text, most, "…").width(), most);
            }

            #[test]
            fn cleaned_text_steers_nothing(text in any::<String>()) {
    let steers = clean(&text).chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
                prop_assert!(!steers);
            }
        }
}
