//! Sitemaps, lists and APIs that failed: where they stand, and what is done
//! with them.

use super::{at, draw, press, settled, text};
use crate::bus::{Answer, Command, Told};
use crate::page::SiteId;
use crate::tui::place::View;
use crate::tui::sample;
use crate::tui::state::{Effect, State};
use std::sync::Arc;

const LIST: &str = "https://books.example.org/export/urls.csv";
const API: &str = "https://docs.example.org/api/v1/items";

/// The rows of the failures screen that are about sources, in words.
fn rows(state: &mut State) -> Vec<String> {
    let shown = text(&settled(state, 160, 45));
    let lines = shown.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    lines
        .skip_while(|line| !line.starts_with("sources"))
        .take_while(|line| !line.is_empty() && !line.contains("failed pages"))
        .collect()
}

fn asks_again(site: u32, name: &str) -> Effect {
    Effect::Send(Command::RetrySources {
        site: Some(SiteId(site)),
        name: Some(name.to_owned()),
    })
}

#[test]
fn failed_sources_stand_below_the_groups_and_pass_the_filter_by_their_words() {
    let list = format!("list books: {LIST} status 503 \"\u{fffd}[31mdown\"");
    let api = format!(
        "api docs: {API} after 12 answers: status 500 \
         \"\u{fffd}[31mthe database is being moved to another house\""
    );
    let all = |count: u64, rows: &[&String]| {
        let head = format!("sources {count}");
        let rows = rows.iter().map(|row| (*row).clone());
        [head].into_iter().chain(rows).collect::<Vec<_>>()
    };
    for (keys, expected) in [
        ("2", all(2, &[&list, &api])),
        // By host, where the API's site comes later in the alphabet, and back.
        (
            "2sss",
            all(2, &[&format!("sources {list}"), &format!("sources {api}")]),
        ),
        (
            "2sssS",
            all(2, &[&format!("sources {api}"), &format!("sources {list}")]),
        ),
        // By status: the kind of source stands there.
        (
            "2ss",
            all(2, &[&format!("sources {api}"), &format!("sources {list}")]),
        ),
        ("2/urls.csv\n", all(1, &[&list])),
        ("2/database\n", all(1, &[&api])),
        ("2/docs:\n", Vec::new()),
        ("2/!list\n", all(1, &[&api])),
        ("2/sources\n", all(2, &[&list, &api])),
        ("2/timeout\n", Vec::new()),
    ] {
        let mut state = at(keys);
        assert_eq!(rows(&mut state), expected, "{keys:?}");
    }
    // Of one site the site is not said, and others' are not there.
    let mut state = at("jE");
    let own = api.replace("docs: ", "");
    assert_eq!(rows(&mut state), all(1, &[&own]));
    let shown = text(&draw(&mut state, 160, 45));
    assert!(shown.contains("failed pages by kind, status and host, 1 failed source "));
}

#[test]
fn the_note_and_the_status_line_are_true() {
    let told = |state: &mut State, told: Told| {
        draw(state, 100, 24);
        let (effects, _) = state.tick(std::time::Instant::now());
        for effect in effects {
            if let Effect::Ask(number, _) = effect {
                state.told(number, told.clone());
            }
        }
        text(&draw(state, 100, 24))
    };
    let fresh = |failed: u64, sources: u64| {
        let mut snapshot = (*sample::snapshot()).clone();
        snapshot.totals.pages.failed = failed;
        for site in &mut snapshot.sites {
            Arc::make_mut(site).sources_failed = 0;
        }
        Arc::make_mut(&mut snapshot.sites[0]).sources_failed = sources;
        let mut state = sample::state();
        state.update(Arc::new(snapshot));
        super::act::act(
            &mut state,
            crate::tui::action::Action::Goto(super::Place::Failures),
        );
        state
    };
    let two = match sample::told(&crate::bus::Ask::Groups(Default::default())) {
        Told::Groups(failures) => failures,
        other => panic!("{other:?}"),
    };
    let sources = crate::bus::Failures {
        groups: Vec::new(),
        ..two
    };
    let none = Told::Groups(Default::default());
    let refused = Told::Refused("it takes too long".to_owned());
    for (failed, counted, answer, wanted, unwanted) in [
        (
            0,
            0,
            none.clone(),
            vec!["no failed pages", "0 failed pages by kind"],
            "failed source",
        ),
        (
            0,
            2,
            Told::Groups(sources.clone()),
            vec![
                "0 failed pages by kind, status and host, 2 failed sources",
                LIST,
            ],
            "no failed pages",
        ),
        // The store cannot say which; how many is known all the same.
        (
            7,
            3,
            refused,
            vec!["it takes too long", "7 failed pages", "3 failed sources"],
            "no failed pages",
        ),
        (
            7,
            0,
            none,
            vec!["looking", "7 failed pages"],
            "failed source",
        ),
    ] {
        let mut state = fresh(failed, counted);
        let shown = told(&mut state, answer);
        for words in wanted {
            assert!(shown.contains(words), "no {words:?}:\n{shown}");
        }
        assert!(!shown.contains(unwanted), "{unwanted:?}:\n{shown}");
    }
}

#[test]
fn keys_on_a_source_ask_it_again_or_open_it() {
    let all = |site: Option<u32>| {
        Effect::Send(Command::RetrySources {
            site: site.map(SiteId),
            name: None,
        })
    };
    for (keys, expected) in [
        ("2Gr", vec![asks_again(1, API)]),
        ("2GA", vec![asks_again(1, API)]),
        ("2Gkr", vec![asks_again(0, LIST)]),
        ("2GkkA", vec![all(None)]),
        ("2Gkkr", vec![all(None)]),
        ("EGkr", vec![all(Some(0))]),
        // The row above those that a filter shows stands for them alone.
        ("2/urls.csv\nGkA", vec![asks_again(0, LIST)]),
        ("2Gi", Vec::new()),
        ("2Gki", Vec::new()),
    ] {
        let mut state = sample::state();
        assert_eq!(press(&mut state, keys), expected, "{keys:?}");
    }
    // A deck that only looks on asks nothing.
    let mut state = sample::state();
    state.shared.readonly = true;
    assert_eq!(press(&mut state, "2Gr"), []);

    let mut state = at("2Gk\n");
    assert_eq!(state.view(), View::Site(SiteId(0)));
    let shown = text(&settled(&mut state, 80, 24));
    assert!(
        shown.contains("> sources 2: r asks a failed one again"),
        "{shown}"
    );
    assert_eq!(press(&mut state, "r"), [asks_again(0, LIST)]);
    assert_eq!(press(&mut state, "A"), [all(Some(0))]);
    assert_eq!(press(&mut state, "jr"), [], "the sitemap has not failed");
    let toast = state.shared.toast.as_ref();
    assert!(toast.is_some_and(|toast| toast.text == "this source has not failed"));
    // In another pane there is no source under the cursor.
    assert_eq!(press(&mut state, "er"), []);
    press(&mut state, "\x1b");
    assert_eq!(state.view(), View::Groups(None));
    // They are of two sites.
    press(&mut state, "k\n");
    assert_eq!(state.view(), View::Groups(None));
    // Those of one site are opened together.
    assert_eq!(at("EGk\n").view(), View::Site(SiteId(0)));

    let mut state = at("2Gk");
    let [Effect::Copy(row)] = &press(&mut state, "Y")[..] else {
        panic!("no row is copied");
    };
    assert!(
        row.starts_with(&format!("sources\tlist\tbooks: {LIST}\tstatus 503")),
        "{row}"
    );
    assert!(row.ends_with("down\""), "{row:?}");
}

#[test]
fn the_palette_completes_the_sources_that_were_seen() {
    let mut state = at("2");
    let sent = press(&mut state, ":retry-sources docs https://d\t\n");
    assert_eq!(sent, [asks_again(1, API)]);
    state.answered(Answer::Done("1 source is asked again".to_owned()));
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("1 source is asked again"), "{shown}");
}

#[test]
fn a_replay_shows_what_the_store_has_and_asks_no_more() {
    let mut snapshot = (*sample::snapshot()).clone();
    for site in &mut snapshot.sites {
        Arc::make_mut(site).sources_failed = 0;
    }
    let mut state = sample::state();
    state.shared.replay = true;
    state.update(Arc::new(snapshot));
    press(&mut state, "2");
    assert_eq!(rows(&mut state).len(), 3);
    let (asks, _) = state.tick(std::time::Instant::now() + std::time::Duration::from_secs(60));
    assert!(
        !asks.iter().any(|effect| matches!(effect, Effect::Ask(..))),
        "{asks:?}"
    );
}
