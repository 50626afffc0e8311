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
mod tests {
    use super::*;
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    use proptest::prelude::*;

    /// What the portions of a stream mean, silence at its end.
    fn decoded<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> Vec<Input> {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        for portion in portions {
            decoder.feed(portion, &mut |input| all.push(input));
        }
        while decoder.patience().is_some() {
            decoder.silence(&mut |input| all.push(input));
        }
        all
    }

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
        Input::Key(KeyEvent::new(code, modifiers))
    }

    fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Input {
        Input::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    }

    #[test]
    fn what_terminals_send() {
        use KeyCode::{BackTab, Backspace, Char, Delete, Down, End, Enter, Esc, F, Home, Tab, Up};
        use KeyModifiers as M;
        let none = M::NONE;
        let table: Vec<(&[u8], Vec<Input>)> = vec![
            (b"j", vec![key(Char('j'), none)]),
            (b"G", vec![key(Char('G'), M::SHIFT)]),
            (
                "ä漢🦀".as_bytes(),
                "ä漢🦀".chars().map(|c| key(Char(c), none)).collect(),
            ),
            (
                b"\x03\x1a\x00",
                vec![
                    key(Char('c'), M::CONTROL),
                    key(Char('z'), M::CONTROL),
                    key(Char(' '), M::CONTROL),
                ],
            ),
            (
                b"\r\n\t\x7f\x08",
                vec![
                    key(Enter, none),
                    key(Enter, none),
                    key(Tab, none),
                    key(Backspace, none),
                    key(Backspace, none),
                ],
            ),
            (b"\x1b", vec![key(Esc, none)]),
            (b"\x1b\x1b", vec![key(Esc, none), key(Esc, none)]),
            (b"\x1bx", vec![key(Char('x'), M::ALT)]),
            (b"\x1b\x03", vec![key(Char('c'), M::ALT | M::CONTROL)]),
            (b"\x1b[", vec![key(Char('['), M::ALT)]),
            (b"\x1bO", vec![key(Char('O'), M::ALT | M::SHIFT)]),
            (b"\x1b]", vec![key(Char(']'), M::ALT)]),
            (
                b"\x1b[A\x1b[B\x1bOA",
                vec![key(Up, none), key(Down, none), key(Up, none)],
            ),
            (
                b"\x1b[1;5A\x1b[1;3B\x1b[1;2A",
                vec![key(Up, M::CONTROL), key(Down, M::ALT), key(Up, M::SHIFT)],
            ),
            (b"\x1b[H\x1b[1~\x1b[7~\x1bOH", vec![key(Home, none); 4]),
            (b"\x1b[F\x1b[4~\x1b[8~", vec![key(End, none); 3]),
            (
                b"\x1b[3~\x1b[3;5~",
                vec![key(Delete, none), key(Delete, M::CONTROL)],
            ),
            (b"\x1b[Z", vec![key(BackTab, M::SHIFT)]),
            (
                b"\x1bOP\x1b[11~\x1b[[A\x1b[1;2P",
                vec![
                    key(F(1), none),
                    key(F(1), none),
                    key(F(1), none),
                    key(F(1), M::SHIFT),
                ],
            ),
            (
                b"\x1b[15~\x1b[17~\x1b[24~",
                vec![key(F(5), none), key(F(6), none), key(F(12), none)],
            ),
            (
                b"\x1b[106u\x1b[99;5u\x1b[27u\x1b[13;2u",
                vec![
                    key(Char('j'), none),
                    key(Char('c'), M::CONTROL),
                    key(Esc, none),
                    key(Enter, M::SHIFT),
                ],
            ),
            (
                b"\x1b[106;1:3u\x1b[97:65;2u",
                vec![key(Char('A'), M::SHIFT)],
            ),
            (b"\x1b[27;5;106~", vec![key(Char('j'), M::CONTROL)]),
            (
                b"\x1b[<0;3;4M\x1b[<0;3;4m",
                vec![
                    mouse(MouseEventKind::Down(MouseButton::Left), 2, 3),
                    mouse(MouseEventKind::Up(MouseButton::Left), 2, 3),
                ],
            ),
            (
                b"\x1b[<64;1;1M\x1b[<65;1;1M",
                vec![
                    mouse(MouseEventKind::ScrollUp, 0, 0),
                    mouse(MouseEventKind::ScrollDown, 0, 0),
                ],
            ),
            (b"\x1b[<0;0;0M\x1b[<0;;1M\x1b[<0;99999;1M", vec![]),
            (b"\x1b[M !!j", vec![key(Char('j'), none)]),
            (b"\x1b[I\x1b[Oj", vec![key(Char('j'), none)]),
            (b"\x1b[0n", vec![Input::CaughtUp]),
            (b"\x1b[?1;2c\x1b[4;5Rj", vec![key(Char('j'), none)]),
            (
                b"\x1b]11;rgb:0/0/0\x07j\x1bP1$r0m\x1b\\k",
                vec![key(Char('j'), none), key(Char('k'), none)],
            ),
            (
                b"\x1b[200~a\x1b[A\rb\x1b[201~c",
                vec![Input::Paste("a\x1b[A\rb".to_owned()), key(Char('c'), none)],
            ),
            (b"\x1b[200~lost", vec![Input::Paste("lost".to_owned())]),
            (
                b"\x1b[12\x03j",
                vec![key(Char('c'), M::CONTROL), key(Char('j'), none)],
            ),
            (
                b"\xff\xc3(\x9bAj",
                vec![
                    key(Char('('), none),
                    key(Char('A'), M::SHIFT),
                    key(Char('j'), none),
                ],
            ),
            (b"\x1b[999~\x1b[1;2;3;4qj", vec![key(Char('j'), none)]),
        ];
        for (bytes, expected) in table {
            assert_eq!(
                decoded([bytes]),
                expected,
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn silence_is_only_waited_for_while_something_is_open() {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        decoder.feed(b"jk\x1b[A", &mut |input| all.push(input));
        assert_eq!((all.len(), decoder.patience()), (3, None));
        decoder.feed(b"\x1b", &mut |input| all.push(input));
        assert_eq!((all.len(), decoder.patience()), (3, Some(SEQUENCE)));
        decoder.silence(&mut |input| all.push(input));
        assert_eq!(all.pop(), Some(plain(KeyCode::Esc)));
        assert_eq!(decoder.patience(), None);
    }

    /// Bytes that are often the begin of something.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<u8>().prop_map(|b| vec![b]),
            prop::sample::select(vec![
                &b"\x1b"[..],
                b"\x1b[",
                b"\x1bO",
                b"\x1b[1;5",
                b"A",
                b"~",
                b"u",
                b"\x1b[200~",
                b"\x1b[201~",
                b"\x1b[20",
                b"1~",
                b"\x1b]0;x",
                b"\x1b\\",
                b"\x07",
                b"\x1b[<0;1;1",
                b"M",
                b"\x1bP",
                "漢".as_bytes(),
                b"0123456789;;;;0123456789;;;;0123456789",
            ])
            .prop_map(<[u8]>::to_vec),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn the_same_however_it_was_split(bytes in stream(), cuts in prop::collection::vec(1usize..9, 1..9)) {
            let mut portions = Vec::new();
            let (mut rest, mut n) = (&bytes[..], 0);
            while !rest.is_empty() {
                let (portion, after) = rest.split_at(cuts[n % cuts.len()].min(rest.len()));
                portions.push(portion);
                rest = after;
                n += 1;
            }
            prop_assert_eq!(decoded([&bytes[..]]), decoded(portions));
        }

        #[test]
        fn nothing_piles_up(bytes in stream()) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes, &mut drop);
            prop_assert!(decoder.bytes.len() < LONGEST + 2, "{:?}", decoder);
            decoder.silence(&mut drop);
            prop_assert!(decoder.bytes.is_empty() && decoder.patience().is_none());
        }
    }
}
