mod backends;
mod keys;
mod lists;
mod prompt;
mod sources;

use super::action::Place;
use super::draw::Pen;
use super::state::{Effect, State};
use super::theme::Theme;
use super::{act, sample, view};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

fn draw(state: &mut State, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let theme = state.shared.theme;
    let mut pen = Pen::new(&mut buffer, theme);
    view::screen(&mut pen, area, state);
    buffer
}

/// The screen as lines of text.
fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // What follows a wide character is covered by it.
            x += u16::try_from(super::text::width(symbol)).unwrap().max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The runs of each line that are styled, below the text.
fn styles(buffer: &Buffer) -> String {
    let word = |cell: &ratatui::buffer::Cell| -> String {
        let mut words = Vec::new();
        for (colour, name) in [(cell.fg, ""), (cell.bg, "on ")] {
            if colour != Color::Reset {
                words.push(format!("{name}{colour:?}").to_lowercase());
            }
        }
        if !cell.modifier.is_empty() {
            words.push(format!("{:?}", cell.modifier).to_lowercase());
        }
        words.join(" ")
    };
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<String> = Vec::new();
        let mut x = 0;
        while x < buffer.area.width {
            let here = word(&buffer[(x, y)]);
            let from = x;
            while x < buffer.area.width && word(&buffer[(x, y)]) == here {
                x += 1;
            }
            if !here.is_empty() {
                runs.push(format!("{from}-{} {here}", x - 1));
            }
        }
        if !runs.is_empty() {
            out.push_str(&format!("{y}: {}\n", runs.join(", ")));
        }
    }
    out
}

fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\t' => KeyCode::Tab,
            '\u{2191}' => KeyCode::Up,
            '\u{2193}' => KeyCode::Down,
            '\u{7f}' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        effects.extend(act::key(state, KeyEvent::new(code, KeyModifiers::NONE)));
        sample::answer(state);
    }
    effects
}

/// Every screen and what can lie over one: its name, and the keys that lead there.
const SCREENS: [(&str, &str); 33] = [
    ("sites", ""),
    ("sites_marked", " jc"),
    ("site", "\njjj"),
    ("site_hosts", "\nej"),
    ("site_charts", "\nee"),
    ("site_rules", "\neee"),
    ("site_traps", "\neeeej"),
    ("site_sources", "\neeeeej"),
    ("groups", "2j"),
    ("groups_by_kind", "2ts"),
    ("groups_sources", "2G"),
    ("failures", "2\nj "),
    ("page", "2\n\n"),
    ("page_text", "2\n\nbG"),
    ("page_bytes", "2\n\nbbG"),
    ("pages", "3G"),
    ("why", "3w"),
    ("queue", "4jj"),
    ("records", "5j"),
    ("dead_links", "Lj"),
    ("orphans", "LtG"),
    ("degrees", "Lttsj"),
    ("journal", "6j"),
    ("log", "7"),
    ("doctor", "8"),
    ("changes", "9"),
    ("backends", "0jj"),
    ("exits", "0j\njj"),
    ("help", "?"),
    ("palette", ":pause bo"),
    ("palette_error", ":concurrency books many\n"),
    ("quit", "q"),
    ("start_over", ":start-over books\nsta"),
];

fn at(keys: &str) -> State {
    let mut state = sample::state();
    press(&mut state, keys);
    state.shared.toast = None;
    state
}

/// Draws it twice: once to learn how many rows there are, as the loop does.
fn settled(state: &mut State, width: u16, height: u16) -> Buffer {
    draw(state, width, height);
    sample::answer(state);
    draw(state, width, height)
}

#[test]
fn every_screen_at_two_sizes_in_colour_and_without() {
    for (width, height) in [(80, 24), (160, 45)] {
        for (look, theme) in [
            ("dark", Theme::new(true, false)),
            ("mono", Theme::new(false, true)),
        ] {
            for (name, keys) in SCREENS {
                let mut state = at(keys);
                state.shared.theme = theme;
                let buffer = settled(&mut state, width, height);
                let shown = format!("{}\n{}", text(&buffer), styles(&buffer));
                insta::assert_snapshot!(format!("{name}_{width}x{height}_{look}"), shown);
            }
        }
    }
}

#[test]
fn the_smallest_screen_shows_totals_and_controls() {
    for (name, keys) in SCREENS {
        let mut state = at(keys);
        let shown = text(&settled(&mut state, 40, 10));
        insta::assert_snapshot!(format!("{name}_40x10"), shown);
        let over = matches!(name, "palette" | "palette_error");
        assert!(shown.contains("2172/5134"), "{name}:\n{shown}");
        assert!(over || shown.contains("? help  q quit"), "{name}:\n{shown}");
    }
}

#[test]
fn alerts_are_on_every_screen() {
    for place in Place::ALL {
        let mut state = sample::state();
        state.goto(place);
        state.update(sample::alarmed());
        let shown = text(&settled(&mut state, 80, 24));
        assert!(
            shown
                .contains("ALERT flaky: error rate 41%\u{fffd}[31m over 10% for 1:15   and 1 more"),
            "{place:?}:\n{shown}"
        );
    }
}

#[test]
fn without_colour_nothing_is_coloured_and_the_selection_still_shows() {
    for (name, keys) in SCREENS {
        let mut state = at(keys);
        state.shared.theme = Theme::new(false, true);
        let buffer = settled(&mut state, 80, 24);
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), Default::default(), "{name}");
            assert!(cell.symbol().is_ascii(), "{name}: {:?}", cell.symbol());
        }
        if matches!(
            name,
            "sites" | "site" | "groups" | "failures" | "pages" | "queue" | "records"
        ) {
            let reversed = buffer
                .content()
                .iter()
                .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
                .count();
            assert!(reversed >= 75, "{name}: {reversed}");
        }
    }
}

#[test]
fn nothing_from_the_network_steers_the_terminal() {
    for (name, keys) in SCREENS {
        let mut state = at(keys);
        state.update(sample::alarmed());
        let buffer = settled(&mut state, 160, 45);
        for cell in buffer.content() {
            // A grapheme may join: what it joins was cleaned before.
            let steers = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!cell.symbol().chars().any(steers), "{name}");
        }
    }
}

#[test]
fn wide_text_keeps_the_columns_straight() {
    for keys in ["2\n", "3", "4", "5", "\nej"] {
        let mut state = at(keys);
        let buffer = settled(&mut state, 120, 30);
        for y in 0..buffer.area.height {
            let mut x = 0;
            while x < buffer.area.width {
                let width = super::text::width(buffer[(x, y)].symbol()).max(1);
                for covered in 1..width {
                    let next = &buffer[(x + covered as u16, y)];
                    assert_eq!(next.symbol(), " ", "{keys:?} {x},{y}");
                }
                x += width as u16;
            }
        }
    }
}

#[test]
fn the_style_of_nothing_is_plain() {
    // The form in which snapshots show styles.
    let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
    assert_eq!(styles(&buffer), "");
    buffer.set_string(
        1,
        0,
        "ab",
        Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
    );
    assert_eq!(styles(&buffer), "0: 1-2 red bold\n");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_key_at_any_size_breaks_it(
        keys in prop::collection::vec(prop_oneof![
            4 => "[a-zA-Z0-9/?!+: \\[\\]-]".prop_map(|s| KeyCode::Char(s.chars().next().unwrap_or('x'))),
            1 => Just(KeyCode::Enter), 1 => Just(KeyCode::Esc), 1 => Just(KeyCode::Tab),
            1 => Just(KeyCode::Down), 1 => Just(KeyCode::Up), 1 => Just(KeyCode::PageDown),
            1 => Just(KeyCode::PageUp), 1 => Just(KeyCode::Backspace), 1 => Just(KeyCode::Left),
            1 => Just(KeyCode::Char('日')),
        ], 0..30),
        width in 0u16..200, height in 0u16..60,
    ) {
        let mut state = sample::state();
        for code in keys {
            act::key(&mut state, KeyEvent::new(code, KeyModifiers::NONE));
            draw(&mut state, width, height);
            sample::answer(&mut state);
        }
    }
}
