//! What is said to the terminal besides cells, byte by byte.

use super::text;
use base64::Engine;
use std::fmt::Write as _;

/// Begin and end of a synchronized update (DEC private mode 2026); terminals
/// that lack it pass over it.
pub const BEGIN: &str = "\x1b[?2026h";
/// See [`BEGIN`].
pub const END: &str = "\x1b[?2026l";
/// Asks whether the terminal is there (DSR); it says so when it has shown all
/// that came before.
pub const ASK: &str = "\x1b[5n";

const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
/// Most bytes of a notification.
const NOTIFICATION: usize = 200;

/// What takes the terminal: the alternate screen, no cursor, pasted text marked
/// as such.
pub fn entering(mouse: bool) -> String {
    let mouse = if mouse { MOUSE_ON } else { "" };
    format!("\x1b[?1049h\x1b[?25l\x1b[?2004h{mouse}\x1b[0m\x1b[2J")
}

/// What gives it back, whatever state it is in.
pub fn leaving() -> String {
    format!("{END}{MOUSE_OFF}\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h")
}

/// What catches the mouse (clicks and wheel, no movement) or lets it go.
pub fn mouse(caught: bool) -> &'static str {
    if caught { MOUSE_ON } else { MOUSE_OFF }
}

/// What puts a text on the terminal's clipboard (OSC 52).
pub fn copy(text: &str, tmux: bool) -> String {
    let data = base64::engine::general_purpose::STANDARD.encode(text);
    through(format!("\x1b]52;c;{data}\x07"), tmux)
}

/// What shows a notification: OSC 9, and OSC 777 for terminals that know that.
pub fn notify(title: &str, words: &str, tmux: bool) -> String {
    let plain = |text: &str| {
        let text = text::clean(text).replace(';', ",");
        text::cut_end(&text, NOTIFICATION, "...")
    };
    let (title, words) = (plain(title), plain(words));
    // A number in front would mean something else to some terminals.
    let mut out = through(format!("\x1b]9;{title}: {words}\x07"), tmux);
    let _ = write!(
        out,
        "{}",
        through(format!("\x1b]777;notify;{title};{words}\x07"), tmux)
    );
    out
}

/// Wraps a sequence so that tmux hands it on to the terminal outside.
fn through(sequence: String, tmux: bool) -> String {
    if tmux {
        format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
    } else {
        sequence
    }
}

/// Whether tmux is between here and the terminal.
pub fn within_tmux() -> bool {
    std::env::var_os("TMUX").is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipboard_through_tmux_and_without() {
        assert_eq!(copy("http://a/", false), "\x1b]52;c;aHR0cDovL2Ev\x07");
        assert_eq!(
            copy("http://a/", true),
            "\x1bPtmux;\x1b\x1b]52;c;aHR0cDovL2Ev\x07\x1b\\"
        );
    }

    #[test]
    fn a_notification_says_nothing_else_to_the_terminal() {
        let text = notify(
            "crawldeck",
            "4;books: 12\x07\x1b]52;c;aGk=\x07 err/s\u{202e}\n",
            false,
        );
        assert_eq!(text.matches('\x07').count(), 2);
        assert_eq!(text.matches('\x1b').count(), 2);
        assert!(text.starts_with("\x1b]9;crawldeck: 4,books"), "{text:?}");
        assert!(
            text.contains("\x1b]777;notify;crawldeck;4,books"),
            "{text:?}"
        );
        let long = notify("crawldeck", &"x".repeat(5000), true);
        assert!(long.len() < 600);
        assert_eq!(long.matches("\x1bPtmux;\x1b\x1b]").count(), 2);
    }

    #[test]
    fn what_is_turned_on_is_turned_off() {
        let (on, off) = (entering(true), leaving());
        for mode in ["1049", "2004", "1000", "1006"] {
            assert!(on.contains(&format!("\x1b[?{mode}h")), "{mode}");
            assert!(off.contains(&format!("\x1b[?{mode}l")), "{mode}");
        }
        assert!(on.contains("\x1b[?25l") && off.contains("\x1b[?25h"));
        assert!(!entering(false).contains("1000"));
    }
}
