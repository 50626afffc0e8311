use super::draw::Pen;
use super::state::{Dialog, State, View};
use super::theme::Theme;
use super::{act, sample, view};
use crate::page::{PageId, SiteId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

fn draw(state: &mut State, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let theme = state.theme;
    let mut pen = Pen::new(&mut buffer, theme);
    view::screen(&mut pen, area, state);
    buffer
}

/// The screen as lines of text.
fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width)
            .map(|x| buffer[(x, y)].symbol())
            .collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn screens() -> Vec<(&'static str, State)> {
    let at = |stack: &[View]| {
        let mut state = sample::state();
        state.stack.extend_from_slice(stack);
        state
    };
    let mut site = at(&[View::Site(SiteId(0))]);
    site.worker = Some(crate::bus::WorkerId(3));
    let mut detail = at(&[View::Failures, View::Detail(PageId(7))]);
    detail.detail = Some(Box::new(sample::page()));
    let mut failures = at(&[View::Failures]);
    failures.failures.marks.insert(PageId(8));
    let mut help = at(&[]);
    help.help = Some(0);
    let mut quit = at(&[]);
    quit.dialog = Some(Dialog::Quit);
    vec![
        ("dashboard", at(&[])),
        ("site", site),
        ("failures", failures),
        ("detail", detail),
        ("log", at(&[View::Log])),
        ("help", help),
        ("quit", quit),
    ]
}

#[test]
fn every_screen_at_two_sizes() {
    for (width, height) in [(80, 24), (160, 45)] {
        for (name, mut state) in screens() {
            // Once to learn how many rows there are, as the loop does.
            draw(&mut state, width, height);
            let buffer = draw(&mut state, width, height);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&buffer));
        }
    }
}

#[test]
fn without_colour_nothing_is_coloured_and_the_selection_still_shows() {
    for (name, mut state) in screens() {
        state.theme = Theme::new(false, true);
        let buffer = draw(&mut state, 80, 24);
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), Default::default(), "{name}");
            assert!(cell.symbol().is_ascii(), "{name}: {:?}", cell.symbol());
        }
        if matches!(name, "dashboard" | "site" | "failures") {
            let reversed = buffer
                .content()
                .iter()
                .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
                .count();
            assert!(reversed >= 60, "{name}: {reversed}");
        }
    }
}

#[test]
fn nothing_from_the_network_steers_the_terminal() {
    for (name, mut state) in screens() {
        let buffer = draw(&mut state, 160, 45);
        for cell in buffer.content() {
            let steers = |c: char| !crate::monitor::line::is_harmless(c);
            assert!(!cell.symbol().chars().any(steers), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_key_at_any_size_breaks_it(
        keys in prop::collection::vec(prop_oneof![
            "[a-zA-Z0-9/?!+ \\[\\]-]".prop_map(|s| KeyCode::Char(s.chars().next().unwrap_or('x'))),
            Just(KeyCode::Enter), Just(KeyCode::Esc), Just(KeyCode::Tab), Just(KeyCode::Down),
            Just(KeyCode::Up), Just(KeyCode::PageDown), Just(KeyCode::PageUp),
        ], 0..30),
        width in 0u16..200, height in 0u16..60,
    ) {
        let mut state = sample::state();
        for code in keys {
            act::key(&mut state, KeyEvent::new(code, KeyModifiers::NONE));
            draw(&mut state, width, height);
        }
    }
}
