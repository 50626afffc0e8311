//! From a terminal's bytes to keys, mouse and pasted text.
//!
//! Bytes arrive in any portions: what is decoded does not depend on where they
//! were split, only silence does ([`Decoder::silence`]), because nothing else
//! tells the escape key from the begin of a sequence.

use super::Input;
use super::sequence;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

/// How long the rest of an escape sequence may take.
const SEQUENCE: Duration = Duration::from_millis(30);
/// How long a paste may pause before its end is taken as lost.
const PASTE: Duration = Duration::from_secs(1);
/// Longest sequence, bytes; a longer one is none.
const LONGEST: usize = 64;
/// Most bytes kept of a paste.
const MOST: usize = 64 * 1024;

const ESC: u8 = 0x1b;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Bytes not yet decoded, and what they are part of.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    within: Within,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum Within {
    /// Nothing in particular.
    #[default]
    Ground,
    /// Pasted text.
    Paste(Vec<u8>),
    /// A reply to a question that nobody here has asked (OSC, DCS, APC): its
    /// opening byte, and whether anything of it went by.
    Reply(u8, bool),
}

/// What stands at the front of some bytes.
enum Front {
    /// Not to be told before more comes.
    Open,
    /// So many bytes that mean this, or nothing.
    Whole(usize, Option<Input>),
    /// A paste begins after so many bytes.
    Paste(usize),
    /// A reply begins after so many bytes.
    Reply(usize, u8),
}

impl Decoder {
    /// Takes what the terminal sent; calls `found` for each thing it means.
    pub fn feed(&mut self, bytes: &[u8], found: &mut impl FnMut(Input)) {
        self.bytes.extend_from_slice(bytes);
        while self.step(found) {}
    }

    /// How long to wait for more bytes before [`Self::silence`] is to be called;
    /// `None` while nothing is open.
    pub fn patience(&self) -> Option<Duration> {
        match self.within {
            Within::Paste(_) => Some(PASTE),
            Within::Reply(..) => Some(SEQUENCE),
            Within::Ground => (!self.bytes.is_empty()).then_some(SEQUENCE),
        }
    }

    /// Nothing more has come: what is open is what it looks like.
    pub fn silence(&mut self, found: &mut impl FnMut(Input)) {
        match std::mem::take(&mut self.within) {
            Within::Paste(text) => found(pasted(&text)),
            // ESC ] alone was Alt and a key.
            Within::Reply(opening, false) if self.bytes.is_empty() => found(alt(opening)),
            Within::Reply(..) => {}
            Within::Ground => match self.bytes[..] {
                [ESC] => found(plain(KeyCode::Esc)),
                [ESC, byte @ (b'[' | b'O')] => found(alt(byte)),
                _ => {}
            },
        }
        self.bytes.clear();
    }

    /// Decodes one thing; `false` when there is none.
    fn step(&mut self, found: &mut impl FnMut(Input)) -> bool {
        match &mut self.within {
            Within::Ground => match front(&self.bytes) {
                Front::Open => false,
                Front::Whole(taken, input) => {
                    self.bytes.drain(..taken);
                    input.into_iter().for_each(found);
                    true
                }
                Front::Paste(taken) => {
                    self.bytes.drain(..taken);
                    self.within = Within::Paste(Vec::new());
                    true
                }
                Front::Reply(taken, opening) => {
                    self.bytes.drain(..taken);
                    self.within = Within::Reply(opening, false);
                    true
                }
            },
            Within::Paste(text) => {
                // The front is text up to what may be the begin of the end.
                let n = begin_of(&self.bytes, PASTE_END);
                text.extend(self.bytes.drain(..n));
                text.truncate(MOST);
                if !self.bytes.starts_with(PASTE_END) {
                    return false;
                }
                self.bytes.drain(..PASTE_END.len());
                let text = std::mem::take(text);
                self.within = Within::Ground;
                found(pasted(&text));
                true
            }
            Within::Reply(_, passed) => {
                let end = self.bytes.iter().position(|b| matches!(*b, 0x07 | ESC));
                let n = end.unwrap_or(self.bytes.len());
                *passed |= n > 0;
                self.bytes.drain(..n);
                match self.bytes[..] {
                    // ESC ends it: with a backslash properly, else by beginning
                    // something else.
                    [ESC] => return false,
                    [0x07, ..] => drop(self.bytes.drain(..1)),
                    [ESC, b'\\', ..] => drop(self.bytes.drain(..2)),
                    [ESC, ..] => {}
                    _ => return false,
                }
                self.within = Within::Ground;
                true
            }
        }
    }
}

/// Where in `bytes` the `mark` begins, or its begin at their end.
fn begin_of(bytes: &[u8], mark: &[u8]) -> usize {
    (0..bytes.len())
        .find(|n| {
            let rest = &bytes[*n..];
            rest.starts_with(mark) || mark.starts_with(rest)
        })
        .unwrap_or(bytes.len())
}

fn front(bytes: &[u8]) -> Front {
    match bytes {
        [] | [ESC] => Front::Open,
        // Escape twice: the first is the key.
        [ESC, ESC, ..] => Front::Whole(1, Some(plain(KeyCode::Esc))),
        [ESC, b'[', rest @ ..] => control(rest),
        [ESC, b'O'] => Front::Open,
        [ESC, b'O', letter, ..] => match sequence::application(*letter) {
            Some(key) => Front::Whole(3, Some(Input::Key(key))),
            None => Front::Whole(2, Some(alt(b'O'))),
        },
        [ESC, opening @ (b']' | b'P' | b'_'), ..] => Front::Reply(2, *opening),
        [ESC, rest @ ..] => match front(rest) {
            Front::Whole(taken, Some(Input::Key(mut key))) => {
                key.modifiers |= KeyModifiers::ALT;
                Front::Whole(taken + 1, Some(Input::Key(key)))
            }
            Front::Whole(taken, input) => Front::Whole(taken + 1, input),
            other => other,
        },
        [byte, ..] => character(*byte, bytes),
    }
}

/// The rest of a control sequence, after `ESC [`.
fn control(rest: &[u8]) -> Front {
    match rest {
        // The console's function keys.
        [b'['] => return Front::Open,
        [b'[', letter, ..] => {
            return match letter {
                b'A'..=b'E' => Front::Whole(4, Some(plain(KeyCode::F(letter - b'A' + 1)))),
                _ => Front::Whole(3, None),
            };
        }
        _ => {}
    }
    for (n, byte) in rest.iter().enumerate().take(LONGEST) {
        match byte {
            // Parameters and what stands between them and the last byte.
            0x20..=0x3f => {}
            // The mouse in its oldest form: three bytes more, never asked for.
            b'M' if n == 0 => {
                return match rest.len() {
                    ..4 => Front::Open,
                    _ => Front::Whole(6, None),
                };
            }
            0x40..=0x7e => {
                let (body, taken) = (&rest[..n], n + 3);
                return match (body, byte) {
                    (b"200", b'~') => Front::Paste(taken),
                    _ => Front::Whole(taken, sequence::control(body, *byte)),
                };
            }
            // Not a sequence after all; this byte begins something else.
            _ => return Front::Whole(n + 2, None),
        }
    }
    if rest.len() >= LONGEST {
        return Front::Whole(LONGEST + 2, None);
    }
    Front::Open
}

/// A character, or a control key.
fn character(first: u8, bytes: &[u8]) -> Front {
    let ctrl = |c: u8| KeyEvent::new(KeyCode::Char(c.into()), KeyModifiers::CONTROL);
    let key = match first {
        b'\r' | b'\n' => KeyCode::Enter.into(),
        b'\t' => KeyCode::Tab.into(),
        0x08 | 0x7f => KeyCode::Backspace.into(),
        0x00 => ctrl(b' '),
        0x01..=0x1a => ctrl(first + b'a' - 1),
        0x1c..=0x1f => ctrl(first - 0x1c + b'4'),
        0x20..=0x7e => shifted(char::from(first)),
        _ => {
            let long = match first {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return Front::Whole(1, None),
            };
            let seen = &bytes[..long.min(bytes.len())];
            return match std::str::from_utf8(seen) {
                Ok(text) => {
                    let key = text.chars().next().map(|c| Input::Key(shifted(c)));
                    Front::Whole(long, key)
                }
                // Cut short, and still right so far.
                Err(error) if error.error_len().is_none() => Front::Open,
                Err(_) => Front::Whole(1, None),
            };
        }
    };
    Front::Whole(1, Some(Input::Key(key)))
}

fn shifted(c: char) -> KeyEvent {
    let modifiers = if c.is_uppercase() {
        KeyModifiers::SHIFT
    } else {
        KeyModifiers::NONE
    };
    KeyEvent::new(KeyCode::Char(c), modifiers)
}

fn plain(code: KeyCode) -> Input {
    Input::Key(code.into())
}

fn alt(byte: u8) -> Input {
    let mut key = shifted(byte.into());
    key.modifiers |= KeyModifiers::ALT;
    Input::Key(key)
}

fn pasted(text: &[u8]) -> Input {
    Input::Paste(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
