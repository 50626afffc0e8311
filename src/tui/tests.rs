use super::action::Place;
use super::draw::Pen;
use super::state::{Effect, State, View};
use super::theme::Theme;
use super::{act, complete, help, sample, view};
use crate::bus::verb::{self, VERBS};
use crate::bus::{Answer, Ask, Command, PageFilter, Pick, Target, WorkerId};
use crate::page::{FailureKind, PageId, PageState, SiteId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use std::time::Duration;

fn draw(state: &mut State, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let theme = state.shared.theme;
    let mut pen = Pen {
        buffer: &mut buffer,
        theme,
    };
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
const SCREENS: [(&str, &str); 24] = [
    ("sites", ""),
    ("sites_marked", " jc"),
    ("site", "\njjj"),
    ("site_hosts", "\nej"),
    ("site_charts", "\nee"),
    ("site_rules", "\neee"),
    ("groups", "2j"),
    ("groups_by_kind", "2ts"),
    ("failures", "2\nj "),
    ("page", "2\n\n"),
    ("page_text", "2\n\nbG"),
    ("page_bytes", "2\n\nbbG"),
    ("pages", "3G"),
    ("why", "3w"),
    ("queue", "4jj"),
    ("records", "5j"),
    ("journal", "6j"),
    ("log", "7"),
    ("doctor", "8"),
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
}

#[test]
fn every_command_is_reached_from_the_palette_and_from_the_help() {
    let entries = help::lines(super::action::Context::Everywhere);
    for verb in VERBS {
        let listed = |line: &help::Line| matches!(line, help::Line::Entry(usage, _) if *usage == verb.usage());
        assert!(
            entries.iter().any(listed),
            "{} is not in the help",
            verb.name
        );

        let line = sample::line(verb.name);
        let mut state = sample::state();
        let names = state.shared.names();
        let command = verb::read(&verb::split(&line).unwrap(), &names).unwrap();
        let (_, found) = complete::candidates(verb.name, &state.shared);
        assert!(found.iter().any(|word| word == verb.name), "{}", verb.name);
        let mut effects = press(&mut state, &format!(":{line}\n"));
        if let [Effect::Preview(asked)] = &effects[..] {
            let asked = asked.clone();
            state.previewed(asked, Answer::Done("1 page".to_owned()));
            effects.clear();
        }
        if effects.is_empty() {
            assert!(state.shared.dialog.is_some(), "{line}");
            let word = format!("{}\n", verb.name);
            let yes = match &state.shared.dialog {
                Some(super::dialog::Dialog::Sure(sure)) if sure.word.is_some() => word.as_str(),
                _ => "y",
            };
            effects = press(&mut state, yes);
        }
        assert_eq!(effects, [Effect::Send(command)], "{line}");
    }
    for place in Place::ALL {
        let mut state = sample::state();
        press(&mut state, &format!(":{}\n", place.name()));
        assert_eq!(state.place, place);
        let (_, found) = complete::candidates(place.name(), &state.shared);
        assert!(found.iter().any(|word| word == place.name()));
    }
}

#[test]
fn dropping_is_counted_first_and_many_want_a_word() {
    for (answer, keys, sent) in [
        ("12 queued pages match", "y", true),
        ("12 queued pages match", "\x1b", false),
        ("1001 queued pages match", "y\n", false),
        ("1001 queued pages match", "drop\n", true),
        ("1001 queued pages match", "dro\n\x1b", false),
        // An answer without a number may be about any number.
        ("some pages match", "y", false),
        ("0 queued pages match", "y", false),
    ] {
        let mut state = at("4");
        let effects = press(&mut state, ":drop all ^/x\n");
        let [Effect::Preview(preview)] = &effects[..] else {
            panic!("{effects:?}");
        };
        state.previewed(preview.clone(), Answer::Done(answer.to_owned()));
        let effects = press(&mut state, keys);
        let expected = Effect::Send(Command::Drop {
            site: None,
            pattern: "^/x".to_owned(),
            preview: false,
        });
        assert_eq!(effects.contains(&expected), sent, "{answer} {keys:?}");
    }
    let mut state = sample::state();
    state.previewed(
        Command::Reload { preview: true },
        Answer::Refused("there is no sites file".to_owned()),
    );
    assert!(state.shared.dialog.is_none());
    assert!(state.shared.toast.is_some_and(|toast| !toast.good));
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
    assert_eq!(state.view(), View::Doctor);
}

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
    for keys in ["2", "2\n", "3", "4", "5", "6", "\nee", "3w", "2\n\n"] {
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
fn the_palette_completes_and_remembers() {
    let mut state = at(":pau\tbo\t");
    let line = |state: &State| state.shared.prompt.as_ref().map(|p| p.line.clone());
    assert_eq!(line(&state).as_deref(), Some("pause books "));
    let effects = press(&mut state, "\n");
    assert_eq!(
        effects,
        [Effect::Send(Command::Pause(Target::Site(SiteId(0))))]
    );
    press(&mut state, ":resume docs\n:");
    press(&mut state, "x\u{2191}\u{2191}");
    assert_eq!(line(&state).as_deref(), Some("pause books"));
    press(&mut state, "\u{2193}\u{2193}");
    assert_eq!(line(&state).as_deref(), Some("x"));
    // What does not read stays, with the reason.
    press(&mut state, "\n");
    assert_eq!(line(&state).as_deref(), Some("x"));
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("there is no command `x`"), "{shown}");
    press(&mut state, "\x1b");
    assert!(line(&state).is_none());
    // Several candidates are gone through.
    press(&mut state, ":s\t");
    let first = line(&state);
    press(&mut state, "\t");
    assert_ne!(first, line(&state));
    press(&mut state, "日本");
    assert!(line(&state).is_some_and(|line| line.ends_with("日本")));
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
