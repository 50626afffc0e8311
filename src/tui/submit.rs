//! The one way by which commands leave the deck: refused where the deck only
//! looks on, asked about first where they cannot be undone.

use super::dialog::{Dialog, Sure};
use super::state::{Effect, Shared};
use crate::bus::{Answer, Command, PageFilter, Pick, verb};

/// From how many pages on a word must be typed.
const BULK: u64 = 1000;

/// Sends a command, or asks first.
pub fn submit(shared: &mut Shared, command: Command) -> Vec<Effect> {
    if refused(shared) {
        return Vec::new();
    }
    match &command {
        Command::Drop {
            site,
            pattern,
            preview: false,
        } => vec![Effect::Preview(Command::Drop {
            site: *site,
            pattern: pattern.clone(),
            preview: true,
        })],
        Command::Reload { preview: false } => {
            vec![Effect::Preview(Command::Reload { preview: true })]
        }
        Command::Drop { preview: true, .. } | Command::Reload { preview: true } => {
            vec![Effect::Preview(command)]
        }
        Command::StartOver(site) => {
            let known = shared.site(*site).map_or(0, |site| site.pages.known());
            let lines = vec![format!(
                "{}: {known} pages and all its records are forgotten.",
                shared.site_name(*site)
            )];
            ask(shared, "Start over?", lines, command, Some("start-over"));
            Vec::new()
        }
        Command::Stop => {
            shared.dialog = Some(Dialog::Quit);
            Vec::new()
        }
        _ if asks(&command) => {
            let words = verb::words(&command, &shared.names());
            let mut lines = vec![words.clone()];
            let name = words.split(' ').next().unwrap_or_default();
            if let Some(verb) = verb::VERBS.iter().find(|verb| verb.name == name) {
                lines.push(verb.help.to_owned());
            }
            let bulk = pages(shared, &command).is_some_and(|n| n > BULK);
            let word = verb::VERBS
                .iter()
                .map(|verb| verb.name)
                .find(|known| bulk && *known == name);
            ask(shared, "Sure?", lines, command, word);
            Vec::new()
        }
        _ => vec![Effect::Send(command)],
    }
}

/// Says so where the deck only looks on.
pub fn refused(shared: &mut Shared) -> bool {
    if shared.readonly {
        shared.toast("this deck only looks on (--readonly)", false);
    }
    shared.readonly
}

/// Whether a command is asked about first: what its verb says, and every pick
/// that names its pages by a filter.
fn asks(command: &Command) -> bool {
    match command {
        Command::Retry(Pick::Matching(_)) => true,
        Command::Finish(_)
        | Command::Force(_)
        | Command::Ignore(_)
        | Command::StartOver(_)
        | Command::Stop
        | Command::StopNow => true,
        Command::Drop { preview, .. } => !preview,
        _ => false,
    }
}

/// How many pages a command can be about at most, where that is known.
fn pages(shared: &Shared, command: &Command) -> Option<u64> {
    let (Command::Force(pick) | Command::Ignore(pick)) = command else {
        return None;
    };
    match pick {
        Pick::Pages(pages) => Some(pages.len() as u64),
        Pick::Matching(filter) => Some(most(shared, filter, matches!(command, Command::Ignore(_)))),
    }
}

fn most(shared: &Shared, filter: &PageFilter, failed: bool) -> u64 {
    let pages = match filter.site.and_then(|site| shared.site(site)) {
        Some(site) => &site.pages,
        None => &shared.snapshot.totals.pages,
    };
    if failed { pages.failed } else { pages.known() }
}

fn ask(
    shared: &mut Shared,
    title: &'static str,
    lines: Vec<String>,
    command: Command,
    word: Option<&'static str>,
) {
    shared.dialog = Some(Dialog::Sure(Sure {
        title,
        lines,
        command,
        word,
        typed: String::new(),
        top: 0,
    }));
}

/// Shows what a command would do, and asks whether to do it.
pub fn previewed(shared: &mut Shared, command: Command, answer: Answer) {
    shared.answers += 1;
    let text = match answer {
        Answer::Refused(why) => return shared.toast(why, false),
        Answer::Done(text) => text,
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match command {
        Command::Reload { .. } => {
            let command = Command::Reload { preview: false };
            ask(shared, "Apply the sites file?", lines, command, None);
        }
        Command::Drop { site, pattern, .. } => {
            // An answer that says no number may be about any number.
            let n = first_number(&text).unwrap_or(u64::MAX);
            if n == 0 {
                return shared.toast(text, true);
            }
            let word = (n > BULK).then_some("drop");
            let command = Command::Drop {
                site,
                pattern,
                preview: false,
            };
            ask(shared, "Drop them?", lines, command, word);
        }
        _ => shared.toast(text, true),
    }
}

/// The first whole number of a text.
fn first_number(text: &str) -> Option<u64> {
    let from = text.find(|c: char| c.is_ascii_digit())?;
    let digits: String = text[from..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn what_every_verb_asks_is_asked() {
        let names = sample::state().shared.names();
        for verb in verb::VERBS.iter().filter(|verb| verb.asks) {
            let line = sample::line(verb.name);
            let words = verb::split(&line).unwrap();
            let command = verb::read(&words, &names).unwrap();
            let mut state = sample::state();
            let effects = submit(&mut state.shared, command);
            let previewed = matches!(&effects[..], [Effect::Preview(_)]);
            assert!(previewed || state.shared.dialog.is_some(), "{line}");
            assert!(previewed || effects.is_empty(), "{line}: {effects:?}");
        }
    }

    #[test]
    fn numbers_in_an_answer() {
        for (text, n) in [
            ("12 queued pages match", Some(12)),
            ("would drop 1,234 pages", Some(1234)),
            ("nothing", None),
        ] {
            assert_eq!(first_number(text), n, "{text}");
        }
    }
}
