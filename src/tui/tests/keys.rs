//! What keys do.

use super::{at, press, settled, text};
use crate::bus::{Command, PageFilter, Pick, Target, WorkerId};
use crate::page::{FailureKind, PageId, SiteId};
use crate::tui::state::{Effect, View};
use crate::tui::{act, sample};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

#[test]
fn what_keys_send() {
    use Effect::{Preview, Send};
    let site = SiteId(0);
    let ids = |ids: &[u32]| Pick::Pages(ids.iter().copied().map(PageId).collect());
    let table: Vec<(&str, Vec<Effect>)> = vec![
        ("p", vec![Send(Command::Pause(Target::Site(site)))]),
        ("jp", vec![Send(Command::Resume(Target::Site(SiteId(1))))]),
        (
            " j p",
            vec![
                Send(Command::Pause(Target::Site(site))),
                Send(Command::Pause(Target::Site(SiteId(2)))),
            ],
        ),
        ("P", vec![Send(Command::Pause(Target::All))]),
        ("+", vec![Send(Command::Concurrency(site, 17))]),
        ("-", vec![Send(Command::Concurrency(site, 15))]),
        (
            "++",
            vec![
                Send(Command::Concurrency(site, 17)),
                Send(Command::Concurrency(site, 18)),
            ],
        ),
        (
            "]",
            vec![Send(Command::Delay(site, Duration::from_millis(500)))],
        ),
        (
            "[",
            vec![Send(Command::Delay(site, Duration::from_millis(100)))],
        ),
        ("a", vec![Send(Command::Auto(site, None))]),
        ("D", vec![Send(Command::Drain(site, true))]),
        ("u", vec![Send(Command::Undo)]),
        ("R", vec![Preview(Command::Reload { preview: true })]),
        ("\np", vec![Send(Command::Pause(Target::Site(site)))]),
        (
            "\njp",
            vec![Send(Command::Pause(Target::Worker(site, WorkerId(1))))],
        ),
        ("\n+", vec![Send(Command::Concurrency(site, 17))]),
        (
            "\nejp",
            vec![Send(Command::Resume(Target::Host(
                site,
                "img.example.org:8080".into(),
            )))],
        ),
        ("2\nr", vec![Send(Command::Retry(ids(&[7])))]),
        ("2\n  r", vec![Send(Command::Retry(ids(&[7, 8])))]),
        ("2\n\nr", vec![Send(Command::Retry(ids(&[7])))]),
        ("2\ni", vec![]),
        ("2\niy", vec![Send(Command::Ignore(ids(&[7])))]),
        ("2\nA", vec![]),
        (
            "2\nAy",
            vec![Send(Command::Retry(Pick::Matching(PageFilter::failed())))],
        ),
        (
            "2\njAy",
            vec![Send(Command::Retry(Pick::Matching(PageFilter::failed())))],
        ),
        (
            "2jjjAy",
            vec![Send(Command::Retry(Pick::Matching(PageFilter {
                kind: Some(FailureKind::Status),
                status: Some(404),
                host: Some("docs.example.org".to_owned()),
                ..PageFilter::failed()
            })))],
        ),
        ("3Fy", vec![Send(Command::Force(ids(&[7])))]),
        (
            "4x^/x\n",
            vec![Preview(Command::Drop {
                site: Some(SiteId(1)),
                pattern: "^/x".to_owned(),
                preview: true,
            })],
        ),
        (
            "nhttp://books.example.org/new\n",
            vec![Send(Command::Add(
                site,
                vec!["http://books.example.org/new".to_owned()],
            ))],
        ),
        (
            "y",
            vec![Effect::Copy("http://books.example.org/".to_owned())],
        ),
        ("q", vec![]),
        ("qy", vec![Send(Command::Stop)]),
        ("q\x1b", vec![]),
        ("qyqn", vec![Send(Command::Stop), Send(Command::StopNow)]),
        ("\x1b\x1b\x1b", vec![]),
        ("?q", vec![]),
        ("d", vec![Effect::Detach]),
    ];
    for (keys, expected) in table {
        let mut state = sample::state();
        assert_eq!(press(&mut state, keys), expected, "{keys:?}");
    }
}

#[test]
fn a_deck_that_only_looks_on_sends_nothing() {
    let keys = [
        "p",
        "P",
        "+",
        "]",
        "a",
        "D",
        "u",
        "R",
        "x^/x\n",
        "nhttp://x/\n",
        "\njp",
        "2\nr",
        "2\niy",
        "2\nAy",
        "2Ay",
        "3Fy",
        ":undo\n",
        ":stop\ny",
        ":start-over books\n",
        ":reload\n",
    ];
    for keys in keys {
        let mut state = sample::state();
        state.shared.readonly = true;
        let effects = press(&mut state, keys);
        let sent = |effect: &Effect| matches!(effect, Effect::Send(_) | Effect::Preview(_));
        assert!(!effects.iter().any(sent), "{keys:?}: {effects:?}");
        let toast = state.shared.toast.as_ref();
        assert!(toast.is_some_and(|toast| !toast.good), "{keys:?}");
        assert!(state.shared.dialog.is_none(), "{keys:?}");
    }
    let mut state = sample::state();
    state.shared.readonly = true;
    assert_eq!(press(&mut state, "q"), [Effect::Leave]);
    let mut state = sample::state();
    state.shared.attached = true;
    assert_eq!(press(&mut state, "q"), [Effect::Leave]);
}

#[test]
fn the_way_in_and_out() {
    let mut state = sample::state();
    press(&mut state, "\n");
    assert_eq!(state.view(), View::Site(SiteId(0)));
    press(&mut state, "E\n\n");
    assert_eq!(state.view(), View::Page(PageId(7)));
    let shown = text(&settled(&mut state, 100, 24));
    assert!(
        shown.contains("sites > books > failures > all > page 7"),
        "{shown}"
    );
    press(&mut state, "\x1b");
    assert!(matches!(state.view(), View::Failures(filter) if filter.site == Some(SiteId(0))));
    press(&mut state, "\x1b\x1b\x1b\x1b\x1b");
    assert_eq!(state.view(), View::Sites);
    press(&mut state, "\t\n\n");
    assert_eq!(state.view(), View::Page(PageId(7)));
    // A screen is found again as it was left, and begun again by its own key.
    press(&mut state, "12");
    assert_eq!(state.view(), View::Page(PageId(7)));
    press(&mut state, "2");
    assert_eq!(state.view(), View::Groups(None));
    let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
    act::key(&mut state, back);
    assert_eq!(state.view(), View::Sites);
    act::key(&mut state, back);
    assert_eq!(state.view(), View::Backends);
}

#[test]
fn a_frozen_display_stands_and_commands_still_go() {
    let mut state = at("f");
    let before = text(&settled(&mut state, 80, 24));
    assert!(before.contains("FROZEN"));
    let mut newer = (*sample::snapshot()).clone();
    newer.totals.pages.failed += 1000;
    state.update(std::sync::Arc::new(newer));
    assert_eq!(text(&settled(&mut state, 80, 24)), before);
    assert_eq!(press(&mut state, "p").len(), 1);
}

#[test]
fn columns_can_be_left_out() {
    let mut state = at("3c");
    assert!(text(&settled(&mut state, 160, 45)).contains("[x] SITE"));
    press(&mut state, "jjj \x1b");
    let shown = text(&settled(&mut state, 160, 45));
    let head = shown
        .lines()
        .find(|line| line.starts_with("STATE"))
        .unwrap();
    assert!(!head.contains("SITE"), "{head}");
}

#[test]
fn a_body_goes_to_the_pager_cleaned_unless_it_is_wanted_raw() {
    let mut state = at("2\n\n");
    let effects = press(&mut state, "o");
    let [Effect::Pager(bytes)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(!bytes.contains(&0x1b));
    let effects = press(&mut state, "O");
    let [Effect::Pager(bytes)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(bytes.contains(&0x1b));
}

#[test]
fn a_row_is_copied_whole() {
    let mut state = at("3");
    let effects = press(&mut state, "Y");
    let [Effect::Copy(row)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(
        row.contains('\t') && row.contains("http://flaky.example.org/"),
        "{row}"
    );
}
