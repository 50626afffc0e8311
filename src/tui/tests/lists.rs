//! What is asked, and what is done with the answers.

use super::{at, draw, press, settled, text};
use crate::bus::{Ask, Linked};
use crate::page::PageState;
use crate::tui::state::{Effect, State};
use crate::tui::theme::Theme;
use crate::tui::{act, sample};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[test]
fn a_filter_follows_the_typing_and_esc_clears_it() {
    let rows = |state: &mut State| {
        let shown = text(&settled(state, 80, 24));
        ["books ", "docs ", "flaky "]
            .into_iter()
            .filter(|name| shown.lines().any(|line| line.starts_with(name)))
            .collect::<Vec<_>>()
    };
    let mut state = sample::state();
    press(&mut state, "/dOc");
    assert_eq!(rows(&mut state), ["docs "]);
    press(&mut state, "\n\x1b");
    assert_eq!(rows(&mut state).len(), 3);
    press(&mut state, "/!docs\n");
    assert_eq!(rows(&mut state), ["books ", "flaky "]);
}

/// What the current screen asks.
fn asks(state: &mut State) -> Vec<(u64, Ask)> {
    let (effects, _) = state.tick(std::time::Instant::now());
    let asks = effects.into_iter().filter_map(|effect| match effect {
        Effect::Ask(number, ask) => Some((number, ask)),
        _ => None,
    });
    asks.collect()
}

#[test]
fn only_the_window_of_a_long_list_is_asked_for() {
    let mut state = at("3G");
    draw(&mut state, 160, 45);
    for keys in ["g", "\u{2193}", "G"] {
        for c in keys.chars() {
            let code = match c {
                '\u{2193}' => KeyCode::PageDown,
                c => KeyCode::Char(c),
            };
            act::key(&mut state, KeyEvent::new(code, KeyModifiers::NONE));
        }
        let asked = asks(&mut state);
        for (number, ask) in asked {
            let Ask::Pages { offset, limit, .. } = &ask else {
                panic!("{ask:?}");
            };
            assert!(*limit <= 3 * 45, "{limit}");
            assert!(*offset <= sample::PAGES);
            state.told(number, sample::told(&ask));
        }
        draw(&mut state, 160, 45);
    }
    // At the end: the last row is there, and nothing more is asked.
    sample::answer(&mut state);
    let shown = text(&draw(&mut state, 160, 45));
    assert!(shown.contains("100000 of 100000 pages"), "{shown}");
    assert!(asks(&mut state).is_empty());
}

#[test]
fn an_answer_that_is_out_of_date_is_dropped() {
    let mut state = at("2\n");
    act::key(
        &mut state,
        KeyEvent::new(KeyCode::Char('/'), KeyModifiers::NONE),
    );
    act::key(
        &mut state,
        KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE),
    );
    let first = asks(&mut state);
    let [(number, ask)] = &first[..] else {
        panic!("{first:?}");
    };
    // A second letter, before the answer to the first is there.
    act::key(
        &mut state,
        KeyEvent::new(KeyCode::Char('b'), KeyModifiers::NONE),
    );
    assert!(asks(&mut state).is_empty(), "two questions at a time");
    state.told(*number, sample::told(ask));
    assert!(!text(&draw(&mut state, 80, 24)).contains("of 1 failed pages"));
    let second = asks(&mut state);
    let [(number, ask)] = &second[..] else {
        panic!("{second:?}");
    };
    assert!(matches!(ask, Ask::Pages { filter, .. } if filter.text == "ab"));
    state.told(*number, sample::told(ask));
    assert!(text(&draw(&mut state, 80, 24)).contains("1 of 1 failed pages"));
    // One that nobody asked for.
    state.told(999, sample::told(ask));
}

#[test]
fn what_is_refused_is_said_in_its_place() {
    for keys in ["2", "2\n", "3", "4", "5", "6", "L", "\nee", "3w", "2\n\n"] {
        let mut state = State::new(
            sample::snapshot(),
            Theme::new(true, false),
            "demo".to_owned(),
        );
        for (at, c) in keys.chars().enumerate() {
            let code = if c == '\n' {
                KeyCode::Enter
            } else {
                KeyCode::Char(c)
            };
            // The lists that lead there are answered, the last question is not.
            act::key(&mut state, KeyEvent::new(code, KeyModifiers::NONE));
            draw(&mut state, 80, 24);
            let last = at + 1 == keys.len();
            for (number, ask) in asks(&mut state) {
                let told = match last || matches!(ask, Ask::Site(_)) {
                    true => crate::bus::Told::Refused("not built yet".to_owned()),
                    false => sample::told(&ask),
                };
                state.told(number, told);
            }
        }
        let shown = text(&draw(&mut state, 80, 24));
        let charts = keys == "\nee";
        assert!(
            charts || shown.contains("not built yet"),
            "{keys:?}:\n{shown}"
        );
    }
}

#[test]
fn dead_links_and_orphans_say_what_they_need() {
    let mut state = at("");
    let key = |state: &mut State, c| {
        act::key(state, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    };
    let tell = |state: &mut State, kept, wanted| {
        draw(state, 80, 24);
        let asked = asks(state);
        let [(number, Ask::Linked { of, site: None, .. })] = &asked[..] else {
            panic!("{asked:?}");
        };
        assert_eq!(*of, wanted);
        let list = crate::bus::LinkedList {
            kept,
            ..Default::default()
        };
        state.told(*number, crate::bus::Told::Linked(list));
        text(&draw(state, 80, 24))
    };
    key(&mut state, 'L');
    let shown = tell(&mut state, false, Linked::Dead);
    assert!(shown.contains("keep: { links: true }"), "{shown}");
    key(&mut state, 't');
    let shown = tell(&mut state, true, Linked::Orphans);
    assert!(shown.contains("pages link to everything"), "{shown}");
    // The palette leads there too, to one site's.
    let mut state = at(":links docs\n");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(
        shown.contains("dead links") && shown.contains("only docs"),
        "{shown}"
    );
    assert!(text(&draw(&mut at(":links nowhere\n"), 80, 24)).contains("no site `nowhere`"));
}

#[test]
fn states_of_pages_are_gone_through() {
    let mut state = at("3");
    for wanted in [Some(PageState::Done), Some(PageState::Failed)] {
        act::key(
            &mut state,
            KeyEvent::new(KeyCode::Char('t'), KeyModifiers::NONE),
        );
        let asked = asks(&mut state);
        let [(number, ask)] = &asked[..] else {
            panic!("{asked:?}");
        };
        assert!(matches!(ask, Ask::Pages { filter, .. } if filter.state == wanted));
        state.told(*number, sample::told(ask));
    }
}

/// The sample with a thousand sites.
fn thousand() -> State {
    let mut snapshot = (*sample::snapshot()).clone();
    let few = snapshot.sites.clone();
    snapshot.sites = (0..1000)
        .map(|n| {
            let mut site = (*few[n % few.len()]).clone();
            site.name = format!("site-{n:04}").into();
            std::sync::Arc::new(site)
        })
        .collect();
    let mut state = sample::state();
    state.update(std::sync::Arc::new(snapshot));
    state
}

#[test]
fn a_thousand_sites_and_a_hundred_thousand_pages_make_one_window() {
    let mut state = thousand();
    let shown = text(&settled(&mut state, 200, 60));
    assert!(shown.contains("site-0000") && !shown.contains("site-0100"));
    press(&mut state, "G");
    let shown = text(&settled(&mut state, 200, 60));
    assert!(
        shown.contains("site-0999") && shown.contains("row 1000 of 1000"),
        "{shown}"
    );
    press(&mut state, "/0500");
    let shown = text(&settled(&mut state, 200, 60));
    assert!(
        shown
            .lines()
            .filter(|line| line.starts_with("site-"))
            .count()
            == 1
    );
    press(&mut state, "\n3");
    settled(&mut state, 200, 60);
    act::key(
        &mut state,
        KeyEvent::new(KeyCode::Char('G'), KeyModifiers::NONE),
    );
    for (_, ask) in asks(&mut state) {
        assert!(
            matches!(ask, Ask::Pages { limit, .. } if limit <= 180),
            "{ask:?}"
        );
    }
}
