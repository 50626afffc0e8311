//! What is asked, and what is done with the answers.

use super::{at, draw, press, settled, text};
use crate::bus::{Ask, Command, Degree, Linked, Pick};
use crate::page::PageState;
use crate::tui::action::Action;
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
fn dead_links_orphans_and_degrees_say_what_they_need() {
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
    key(&mut state, 't');
    for (pressed, wanted, reversed) in [
        (None, Degree::In, false),
        (Some('s'), Degree::Out, false),
        (Some('S'), Degree::Out, true),
        (Some('s'), Degree::In, true),
    ] {
        if let Some(c) = pressed {
            key(&mut state, c);
        }
        draw(&mut state, 80, 24);
        let asked = asks(&mut state);
        let [
            (
                _,
                Ask::Linked {
                    of, by, reverse, ..
                },
            ),
        ] = &asked[..]
        else {
            panic!("{asked:?}");
        };
        let asked = (*of, *by, *reverse);
        assert_eq!(asked, (Linked::Degrees, wanted, reversed));
    }
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

#[test]
fn a_filter_looks_through_all_records_as_far_as_they_are_shown() {
    let mut state = at("5");
    for c in "/a".chars() {
        act::key(
            &mut state,
            KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
        );
    }
    // Every record has it: a screenful is enough, and the rest is not looked for.
    let looked = asks(&mut state);
    let [
        (
            number,
            ask @ Ask::Records {
                search: Some(_), ..
            },
        ),
    ] = &looked[..]
    else {
        panic!("{looked:?}");
    };
    state.told(*number, sample::told(ask));
    let shown = text(&draw(&mut state, 80, 24));
    assert!(
        shown.contains("1 of 400 that pass a among the latest 400"),
        "{shown}"
    );
    press(&mut state, "\nG");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("among the latest 800"), "{shown}");
    // The oldest of all is found, although it is far down.
    press(&mut state, "/\x1b/book/1139");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("1 of 1 that pass book/1139"), "{shown}");
    assert!(shown.contains("書名 1139 of"), "{shown}");
    press(&mut state, "\n\x1b");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("1 of 1140 records"), "{shown}");
}

#[test]
fn a_range_marks_what_the_cursor_comes_to_and_acts_on_it() {
    let mut state = at("2\n");
    press(&mut state, "vjjk");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("2 marked, a range: v ends it"), "{shown}");
    // Escape ends the range, and only then the marks.
    press(&mut state, "\x1bj");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(
        shown.contains("2 marked ") && !shown.contains("a range"),
        "{shown}"
    );
    let effects = act::act(&mut state, Action::Retry);
    let [Effect::Send(Command::Retry(Pick::Pages(pages)))] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(pages.len(), 2);
    assert!(!text(&settled(&mut state, 80, 24)).contains("marked"));
    // Sites are marked alike.
    press(&mut state, "1vG");
    assert!(text(&settled(&mut state, 80, 24)).contains("3 marked, a range"));
    press(&mut state, "v\x1b");
    assert!(!text(&settled(&mut state, 80, 24)).contains("marked"));
}

#[test]
fn every_column_of_every_list_of_pages_sorts_both_ways() {
    for (keys, columns) in [("2\n", 10), ("3", 10), ("4", 6)] {
        let mut state = at(keys);
        let mut orders = std::collections::HashSet::new();
        for _ in 0..columns {
            for key in ["s", "S"] {
                act::key(
                    &mut state,
                    KeyEvent::new(
                        KeyCode::Char(key.chars().next().unwrap()),
                        KeyModifiers::NONE,
                    ),
                );
                let asked = asks(&mut state);
                let [(number, ask)] = &asked[..] else {
                    panic!("{keys:?} {asked:?}");
                };
                let Ask::Pages { order, reverse, .. } = ask else {
                    panic!("{ask:?}");
                };
                assert_eq!(*reverse, key == "S");
                orders.insert(*order);
                state.told(*number, sample::told(ask));
            }
        }
        assert_eq!(orders.len(), columns, "{keys:?}");
    }
}

fn copied(state: &mut State, key: &str) -> String {
    match &press(state, key)[..] {
        [Effect::Copy(text)] => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_of_the_log_is_copied_and_the_cursor_stays_on_it() {
    let mut state = at("7");
    let newest = copied(&mut state, "y");
    let cells: Vec<&str> = newest.split('\t').collect();
    assert_eq!(cells[..4], ["01:04:59", "ERROR", "engine::keep", ""]);
    // All of it can be gone through, and `g` and `G` are its ends.
    press(&mut state, "g");
    settled(&mut state, 80, 24);
    assert!(copied(&mut state, "y").starts_with("01:00:00"));
    press(&mut state, "G");
    settled(&mut state, 80, 24);
    assert_eq!(copied(&mut state, "y"), newest);
    // A filter is over all of it, by level, site, target and text.
    for (typed, total) in [
        ("level=warn", 150),
        ("site=books", 75),
        ("target=fetch", 75),
        ("!auto", 225),
        ("site=docs target=proxy no proxies", 75),
    ] {
        let mut state = at(&format!("7/{typed}\n"));
        let shown = text(&settled(&mut state, 80, 24));
        assert!(
            shown.contains(&format!("{total} lines, ")),
            "{typed}:\n{shown}"
        );
    }
    let mut state = at("7tt");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("75 lines, ERROR and above"), "{shown}");
    let row = copied(&mut at("6"), "y");
    assert!(row.contains("concurrency books 17"), "{row}");
}

#[test]
fn in_a_replay_the_log_is_what_was_recorded_of_it() {
    let mut state = at("7");
    state.shared.replay = true;
    settled(&mut state, 80, 24);
    let newest = copied(&mut state, "y");
    let last = state.shared.snapshot.notices.last().unwrap().text.clone();
    assert!(newest.ends_with(&*last), "{newest}");
    let above = copied(&mut state, "kY");
    assert_ne!(above, newest);
    // A newer one comes in: the cursor stays on its row, and on `G` follows again.
    let mut snapshot = (*state.shared.snapshot).clone();
    let mut notices = snapshot.notices.to_vec();
    let mut more = notices[0].clone();
    more.text = "later than all".into();
    notices.push(more);
    snapshot.notices = notices.into();
    snapshot.notices_total += 1;
    state.update(std::sync::Arc::new(snapshot));
    settled(&mut state, 80, 24);
    assert_eq!(copied(&mut state, "y"), above);
    assert!(copied(&mut state, "Gy").ends_with("later than all"));
}

#[test]
fn a_replay_says_that_lists_are_of_today() {
    for (keys, said) in [
        ("", false),
        ("2", true),
        ("3", true),
        ("5", true),
        ("7", false),
    ] {
        let mut state = at(keys);
        state.shared.replay = true;
        let shown = text(&settled(&mut state, 80, 24));
        let words = "this list is as the store is now, not as it was at the moment shown.";
        assert_eq!(shown.contains(words), said, "{keys}:\n{shown}");
    }
    let mut state = at("3?");
    state.shared.replay = true;
    insta::assert_snapshot!("help_replay_80x24", text(&settled(&mut state, 80, 24)));
}
