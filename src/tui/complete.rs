//! What may stand next in the palette.

use super::action::Place;
use super::control::quoted;
use super::state::Shared;
use crate::bus::verb::{self, Arg};
use crate::page::{FailureKind, PageState, Rung};

/// Words of the deck's own, besides the verbs and the names of screens.
pub const OWN: [(&str, &str); 4] = [
    ("why", "why SITE URL: which rule takes or refuses it"),
    ("links", "links [SITE]: dead links and orphans"),
    ("help", "help: every key and every command"),
    ("quit", "quit: stop the crawl and leave; asks first"),
];

/// Most candidates that are kept.
const MOST: usize = 200;

/// Where the last word of a line begins, and what may stand there.
pub fn candidates(line: &str, shared: &Shared) -> (usize, Vec<String>) {
    let start = line
        .char_indices()
        .rev()
        .find(|(_, c)| c.is_whitespace())
        .map_or(0, |(at, c)| at + c.len_utf8());
    let begun = line.get(start..).unwrap_or_default();
    let before: Vec<String> =
        verb::split(line.get(..start).unwrap_or_default()).unwrap_or_default();
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let mut found: Vec<String> = Vec::new();
    match before.as_slice() {
        [] => {
            found.extend(verb::VERBS.iter().map(|verb| verb.name.to_owned()));
            found.extend(Place::ALL.map(|place| place.name().to_owned()));
            found.extend(OWN.map(|(word, _)| word.to_owned()));
        }
        ["why" | "links"] => sites(shared, &mut found),
        words => {
            if let Some(arg) = verb::expected(words) {
                words_for(arg, words.len(), begun, shared, &mut found);
            }
        }
    }
    found.retain(|word| word.starts_with(begun));
    let mut seen = std::collections::HashSet::new();
    found.retain(|word| seen.insert(word.clone()));
    found.truncate(MOST);
    (start, found)
}

fn sites(shared: &Shared, found: &mut Vec<String>) {
    found.extend(shared.snapshot.sites.iter().map(|site| quoted(&site.name)));
}

fn words_for(arg: Arg, nth: usize, begun: &str, shared: &Shared, found: &mut Vec<String>) {
    let all = || "all".to_owned();
    match arg {
        Arg::Site => sites(shared, found),
        Arg::Sites => {
            found.push(all());
            sites(shared, found);
        }
        Arg::Target => {
            found.push(all());
            sites(shared, found);
            for (at, site) in shared.snapshot.sites.iter().enumerate() {
                let name = quoted(&site.name);
                if begun.starts_with(&format!("{name}#")) {
                    found.extend(site.workers.iter().map(|w| format!("{name}#{}", w.id.0)));
                }
                if begun.starts_with(&format!("{name}@")) {
                    let known = shared.hosts.iter().filter(|(id, _)| id.index() == at);
                    let known = known.flat_map(|(_, hosts)| hosts.iter().map(String::as_str));
                    let resting = site.resting.iter().map(|(host, _)| host.as_ref());
                    found.extend(known.chain(resting).map(|host| format!("{name}@{host}")));
                }
            }
        }
        Arg::Number(words) | Arg::Flag(words) => {
            found.extend(words.iter().map(|word| (*word).to_owned()));
        }
        Arg::Time => {
            found.extend(["0ms", "100ms", "250ms", "500ms", "1s", "5s"].map(str::to_owned))
        }
        Arg::Rung => found.extend(Rung::ALL.map(|rung| rung.as_str().to_owned())),
        Arg::Money => found.push("none".to_owned()),
        Arg::Pattern => {}
        Arg::Shape => found.extend(shared.shapes.iter().map(|shape| quoted(shape))),
        Arg::Source => found.extend(shared.sources.iter().map(|name| quoted(name))),
        Arg::Urls => found.extend(["https://", "http://"].map(str::to_owned)),
        Arg::Pages => {
            if nth == 1 {
                found.push(all());
                sites(shared, found);
            }
            let keys = [
                "state", "kind", "status", "host", "depth", "text", "not", "page",
            ];
            found.extend(keys.map(|key| format!("{key}=")));
            if begun.starts_with("state=") {
                found.extend(PageState::ALL.map(|state| format!("state={}", state.as_str())));
            }
            if begun.starts_with("kind=") {
                let kinds = FailureKind::ALL.iter();
                found.extend(kinds.map(|kind| format!("kind={kind}")));
            }
        }
    }
}

/// What stands below a line: how its command is used, and what it does.
pub fn usage(line: &str) -> Option<(String, &'static str)> {
    let first = line.split_whitespace().next()?;
    let own = OWN.iter().find(|(word, _)| *word == first);
    verb::VERBS
        .iter()
        .find(|verb| verb.name == first)
        .map(|verb| (verb.usage(), verb.help))
        .or_else(|| own.map(|(word, help)| ((*word).to_owned(), *help)))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_verb_and_argument_is_completed() {
        let state = sample::state();
        for verb in verb::VERBS {
            let (_, found) = candidates(&verb.name[..2], &state.shared);
            assert!(found.iter().any(|word| word == verb.name), "{}", verb.name);
        }
        let table = [
            ("pause bo", vec!["books"]),
            (
                "pause books#1",
                vec!["books#1", "books#10", "books#11", "books#12"],
            ),
            ("concurrency books au", vec!["auto", "auto:MIN..MAX"]),
            ("retry kind=ti", vec!["kind=timeout"]),
            ("retry all st", vec!["state=", "status="]),
            ("drain books o", vec!["off"]),
            ("reload p", vec!["preview"]),
            ("fail", vec!["failures"]),
            ("why d", vec!["docs"]),
            ("drop a", vec!["all"]),
            ("retry-sources a", vec!["all"]),
            ("undo x", vec![]),
            ("nonsense ", vec![]),
        ];
        for (line, expected) in table {
            let (start, found) = candidates(line, &state.shared);
            let found: Vec<&str> = found.iter().map(String::as_str).take(4).collect();
            assert_eq!(found, expected, "{line}");
            assert!(line.is_char_boundary(start));
        }
    }
}
