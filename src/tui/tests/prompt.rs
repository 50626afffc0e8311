//! Commands in words.

use super::{at, press, settled, text};
use crate::bus::verb::{self, VERBS};
use crate::bus::{Answer, Command, Target};
use crate::page::SiteId;
use crate::tui::action::Place;
use crate::tui::state::{Effect, State};
use crate::tui::{complete, help, sample};

#[test]
fn every_command_is_reached_from_the_palette_and_from_the_help() {
    let entries = help::lines(
        &crate::tui::keymap::KeyMap::default(),
        crate::tui::action::Context::Everywhere,
    );
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
                Some(crate::tui::dialog::Dialog::Sure(sure)) if sure.word.is_some() => {
                    word.as_str()
                }
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
