use super::*;
use crate::bus::{AutoRange, Command, PageFilter, Pick, RungSet, Target, WorkerId};
use crate::page::{FailureKind, PageId, PageState, Rung, SiteId};
use proptest::prelude::*;
use std::time::Duration;

const NAMES: [&str; 3] = ["books", "docs", "a#1"];

/// Every command once, in the order of the enum.
fn samples() -> Vec<Command> {
    let site = SiteId(1);
    let filter = PageFilter {
        site: Some(site),
        state: Some(PageState::Failed),
        kind: Some(FailureKind::Status),
        status: Some(503),
        host: Some("docs.example.org:8080".to_owned()),
        depth: Some(3),
        text: "it's a \"page\"".to_owned(),
        invert: true,
    };
    vec![
        Command::Pause(Target::All),
        Command::Pause(Target::Host(site, "docs.example.org:8080".into())),
        Command::Resume(Target::Worker(SiteId(2), WorkerId(7))),
        Command::Resume(Target::Site(SiteId(2))),
        Command::Concurrency(site, 32),
        Command::Auto(site, None),
        Command::Auto(site, Some(AutoRange { min: 2, max: 64 })),
        Command::Delay(site, Duration::from_millis(250)),
        Command::MaxPages(site, Some(10_000)),
        Command::MaxPages(site, None),
        Command::MaxDepth(site, Some(4)),
        Command::Retries(site, 0),
        Command::Rung(site, Rung::Proxy, RungSet::Pause),
        Command::Rung(site, Rung::Http, RungSet::Resume),
        Command::Rung(site, Rung::Browser, RungSet::Concurrency(4)),
        Command::Rung(site, Rung::Solver, RungSet::Delay(Duration::from_secs(2))),
        Command::Rung(
            site,
            Rung::Solver,
            RungSet::Timeout(Duration::from_secs(90)),
        ),
        Command::Rung(site, Rung::Service, RungSet::Requests(Some(500))),
        Command::Rung(site, Rung::Service, RungSet::Requests(None)),
        Command::Rung(site, Rung::Service, RungSet::Money(Some(12_500_000))),
        Command::Rung(site, Rung::Service, RungSet::Money(None)),
        Command::Drain(site, true),
        Command::Drain(site, false),
        Command::Finish(site),
        Command::Refresh(site),
        Command::StartOver(site),
        Command::Add(site, vec!["https://docs.example.org/x?y='z'".to_owned()]),
        Command::Force(Pick::Pages(vec![PageId(7), PageId(9)])),
        Command::Force(Pick::Matching(PageFilter::default())),
        Command::Drop {
            site: None,
            pattern: "^/a b\\d".to_owned(),
            preview: true,
        },
        Command::Rule {
            site,
            include: true,
            pattern: "^/x".to_owned(),
        },
        Command::Rule {
            site,
            include: false,
            pattern: String::new(),
        },
        Command::Lift {
            site,
            shape: "docs.example.org/{date}?{…}".to_owned(),
            lifted: true,
        },
        Command::Lift {
            site,
            shape: "docs.example.org/{date}".to_owned(),
            lifted: false,
        },
        Command::Retry(Pick::Matching(filter.clone())),
        Command::RetrySources {
            site: Some(site),
            name: Some("https://docs.example.org/a map.xml".to_owned()),
        },
        Command::RetrySources {
            site: None,
            name: None,
        },
        Command::Ignore(Pick::Matching(filter)),
        Command::Reload { preview: true },
        Command::Reload { preview: false },
        Command::Undo,
        Command::Stop,
        Command::StopNow,
    ]
}

#[test]
fn every_command_reads_back_from_its_words() {
    for command in samples() {
        let line = words(&command, &NAMES);
        let back = read(&split(&line).unwrap(), &NAMES);
        assert_eq!(back.as_ref(), Ok(&command), "{line}");
    }
}

#[test]
fn every_verb_stands_for_a_command() {
    let lines: Vec<String> = samples().iter().map(|c| words(c, &NAMES)).collect();
    for verb in VERBS {
        let said = lines
            .iter()
            .any(|line| line.split(' ').next() == Some(verb.name));
        assert!(said, "no command says {}", verb.name);
        assert!(!verb.help.is_empty());
        assert!(verb.usage().starts_with(verb.name));
    }
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (line, want) in [
        ("", "which command?"),
        ("pauze all", "do you mean `pause`?"),
        ("pause bocks", "do you mean `books`?"),
        ("pause", "whom is missing"),
        ("pause books#x", "no number from 0 to 5119"),
        ("concurrency books 0", "from 1 to 1024"),
        ("concurrency books auto:9..3", "ends swapped"),
        ("delay books soon", "write 250ms"),
        ("delay books 2h", "no time"),
        ("rung-pause books prox", "do you mean `proxy`?"),
        ("rung-pause books", "a rung is missing"),
        ("rung-money books service much", "write 12.50 or none"),
        ("rung-concurrency books service 0", "from 1 to 1024"),
        ("pages books many", "no whole number"),
        ("retry books kind=odd", "no kind of failure"),
        ("retry books status=7", "from 100 to 999"),
        ("retry books colour=red", "chooses no pages"),
        ("retry page=1 kind=dns", "stands alone"),
        ("force all state=lost", "no state"),
        ("stop at once", "one word too many"),
        ("add books", "a URL is missing"),
        ("drop all \"open", "does not end"),
    ] {
        let said = split(line)
            .and_then(|words| read(&words, &NAMES))
            .unwrap_err();
        assert!(said.0.contains(want), "{line}: {said}");
    }
}

#[test]
fn a_site_whose_name_looks_like_a_worker_is_a_site() {
    let read = |line: &str| read(&split(line).unwrap(), &NAMES).unwrap();
    assert_eq!(read("pause a#1"), Command::Pause(Target::Site(SiteId(2))));
    assert_eq!(
        read("pause a#1#1"),
        Command::Pause(Target::Worker(SiteId(2), WorkerId(1)))
    );
}

#[test]
fn completion_knows_what_comes_next() {
    assert_eq!(expected(&["pause"]), Some(Arg::Target));
    assert_eq!(expected(&["delay", "books"]), Some(Arg::Time));
    assert_eq!(expected(&["delay", "books", "1s"]), None);
    assert_eq!(expected(&["retry", "books", "kind=dns"]), Some(Arg::Pages));
    assert_eq!(expected(&["nothing"]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_survive_the_journal(pattern in "\\PC{0,40}", preview: bool) {
        let command = Command::Drop { site: None, pattern, preview };
        let line = words(&command, &NAMES);
        prop_assert_eq!(read(&split(&line).unwrap(), &NAMES), Ok(command));
    }

    #[test]
    fn no_line_breaks_the_reader(line in "\\PC{0,80}") {
        if let Ok(words) = split(&line) {
            let _ = read(&words, &NAMES);
        }
    }
}
