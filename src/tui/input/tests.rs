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
