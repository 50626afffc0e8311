//! What escape sequences mean: xterm's keys, CSI u and the mouse in SGR form.

use super::Input;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// `ESC O letter`: keys in application mode, and the keypad.
pub fn application(letter: u8) -> Option<KeyEvent> {
    let code = match letter {
        b'M' => KeyCode::Enter,
        b'j'..=b'y' => KeyCode::Char(char::from(letter - 0x40)),
        _ => return lettered(letter).map(KeyEvent::from),
    };
    Some(code.into())
}

/// `ESC [ body last`; `None` for what is not for us.
pub fn control(body: &[u8], last: u8) -> Option<Input> {
    let body = std::str::from_utf8(body).ok()?;
    if let Some(mouse) = body.strip_prefix('<') {
        return self::mouse(mouse, last).map(Input::Mouse);
    }
    let mut fields = body.split(';');
    let first = fields.next().unwrap_or_default();
    let second = fields.next().unwrap_or_default();
    if is_release(second) {
        return None;
    }
    let modifiers = modifiers(second)?;
    let code = match last {
        b'n' if body == "0" => return Some(Input::CaughtUp),
        b'Z' => return Some(key(KeyCode::BackTab, KeyModifiers::SHIFT)),
        // What the terminal answers to questions looks like shifted F3.
        b'R' => return None,
        b'~' if first == "27" => {
            let code = fields.next()?.parse().ok()?;
            return Some(character(code, None, modifiers));
        }
        b'~' => numbered(first.parse().ok()?)?,
        b'u' => {
            let mut codes = first.split(':');
            let code = codes.next()?.parse().ok()?;
            let shifted = codes.next().and_then(|text| text.parse().ok());
            return Some(character(code, shifted, modifiers));
        }
        _ if first.is_empty() || first == "1" => lettered(last)?,
        _ => return None,
    };
    Some(key(code, modifiers))
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

/// The key of a last letter.
fn lettered(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1),
        _ => return None,
    })
}

/// The key of a number before `~`.
fn numbered(n: u8) -> Option<KeyCode> {
    Some(match n {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(n - 10),
        17..=21 => KeyCode::F(n - 11),
        23 | 24 => KeyCode::F(n - 12),
        _ => return None,
    })
}

/// A key by its code point.
fn character(code: u32, shifted: Option<u32>, modifiers: KeyModifiers) -> Input {
    let code = match code {
        9 if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        9 => KeyCode::Tab,
        10 | 13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        _ => {
            let with_shift = modifiers.contains(KeyModifiers::SHIFT);
            let shown = shifted.filter(|_| with_shift).unwrap_or(code);
            match char::from_u32(shown) {
                Some(c) if with_shift && c.is_ascii_lowercase() => {
                    KeyCode::Char(c.to_ascii_uppercase())
                }
                // The private area stands for keys that nothing is bound to.
                Some(c) if !c.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&c) => {
                    KeyCode::Char(c)
                }
                _ => KeyCode::Null,
            }
        }
    };
    key(code, modifiers)
}

/// Whether the field of modifiers tells of a key that was let go.
fn is_release(field: &str) -> bool {
    field.split(':').nth(1) == Some("3")
}

/// Modifiers as a sum of bits and one; nothing is none.
fn modifiers(field: &str) -> Option<KeyModifiers> {
    let field = field.split(':').next().unwrap_or_default();
    if field.is_empty() {
        return Some(KeyModifiers::NONE);
    }
    let bits = field.parse::<u8>().ok()?.checked_sub(1)?;
    let mut all = KeyModifiers::NONE;
    for (bit, modifier) in [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
        (8, KeyModifiers::SUPER),
    ] {
        if bits & bit != 0 {
            all |= modifier;
        }
    }
    Some(all)
}

/// `button;column;row`, with `M` for down and `m` for up.
fn mouse(body: &str, last: u8) -> Option<MouseEvent> {
    let mut fields = body.split(';').map(str::parse::<u16>);
    let (button, column, row) = (
        fields.next()?.ok()?,
        fields.next()?.ok()?,
        fields.next()?.ok()?,
    );
    let held = match button & 0b11 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        _ => MouseButton::Right,
    };
    let kind = match (button & !0b1_1100, last) {
        (64, b'M') => MouseEventKind::ScrollUp,
        (65, b'M') => MouseEventKind::ScrollDown,
        (0..=2, b'M') => MouseEventKind::Down(held),
        (0..=2, b'm') => MouseEventKind::Up(held),
        _ => return None,
    };
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [
        (4, KeyModifiers::SHIFT),
        (8, KeyModifiers::ALT),
        (16, KeyModifiers::CONTROL),
    ] {
        if button & bit != 0 {
            modifiers |= modifier;
        }
    }
    Some(MouseEvent {
        kind,
        column: column.checked_sub(1)?,
        row: row.checked_sub(1)?,
        modifiers,
    })
}
