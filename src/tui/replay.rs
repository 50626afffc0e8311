//! Keys of a deck that is opened on a recording.

use crate::bus::{Play, Playing};
use crate::monitor::line::clock;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

/// How far the arrows go, milliseconds.
const STEP: i64 = 10_000;

/// What is said above a list.
pub const LISTS: &str =
    "Replay: this list is as the store is now, not as it was at the moment shown.";
/// The player's keys, and what the help says of them.
pub const KEYS: [(&str, &str); 3] = [
    ("space p", "stand still, or go on"),
    ("left right", "ten seconds back, or on"),
    ("< >", "slower, or faster"),
];

/// What a key means for the player; `None` for keys that are the deck's.
pub fn order(key: KeyEvent) -> Option<Play> {
    if !(key.modifiers - KeyModifiers::SHIFT).is_empty() {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(' ' | 'p' | 'P') => Play::Toggle,
        KeyCode::Left => Play::SeekBy(-STEP),
        KeyCode::Right => Play::SeekBy(STEP),
        KeyCode::Char('<' | ',') => Play::Slower,
        KeyCode::Char('>' | '.') => Play::Faster,
        _ => return None,
    })
}

/// What an order does, in words, as things stand.
pub fn words(order: Play, playing: Playing) -> String {
    let place = |at: Duration| format!("{} of {}", clock(at), clock(playing.length));
    match order {
        Play::Toggle if playing.paused => format!("plays from {}", place(playing.position)),
        Play::Toggle => format!("stands at {}", place(playing.position)),
        Play::SeekBy(ms) => {
            let by = Duration::from_millis(ms.unsigned_abs());
            place(match ms {
                ..0 => playing.position.saturating_sub(by),
                _ => (playing.position + by).min(playing.length),
            })
        }
        Play::Slower => format!("{}x", (playing.speed / 2.0).max(0.5)),
        Play::Faster => format!("{}x", (playing.speed * 2.0).min(64.0)),
        Play::Pause(_) | Play::SeekTo(_) | Play::Speed(_) => place(playing.position),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_steer_the_player_and_the_rest_is_the_decks() {
        let playing = Playing {
            position: Duration::from_secs(65),
            length: Duration::from_secs(70),
            speed: 1.0,
            paused: false,
        };
        for (code, expected) in [
            (KeyCode::Char(' '), Some("stands at 1:05 of 1:10")),
            (KeyCode::Left, Some("0:55 of 1:10")),
            (KeyCode::Right, Some("1:10 of 1:10")),
            (KeyCode::Char('>'), Some("2x")),
            (KeyCode::Char('<'), Some("0.5x")),
            (KeyCode::Char('q'), None),
            (KeyCode::Enter, None),
        ] {
            let order = order(KeyEvent::new(code, KeyModifiers::NONE));
            let words = order.map(|order| words(order, playing));
            assert_eq!(words.as_deref(), expected, "{code:?}");
        }
        let ctrl = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL);
        assert_eq!(order(ctrl), None);
    }
}
