//! Sources in the lists of several screens: who each is, what is said of it,
//! and how it is asked again.

use crate::bus::{Command, SourceKind, SourceRow, SourceState};
use crate::monitor::SiteView;
use crate::page::SiteId;
use std::collections::HashMap;

/// Sources of one site that the store tells of at most.
const TOLD: u64 = 200;

/// Who a source is. Two of a site may have one name, which tells no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceKey {
    /// The site.
    pub site: SiteId,
    kind: SourceKind,
    name: String,
    /// How many like it stand above it.
    nth: usize,
}

/// Who they are, in their order.
pub fn keys<'a>(rows: impl IntoIterator<Item = (SiteId, &'a SourceRow)>) -> Vec<SourceKey> {
    let mut seen: HashMap<(SiteId, SourceKind, &str), usize> = HashMap::new();
    let key = |(site, row): (SiteId, &'a SourceRow)| {
        let nth = seen.entry((site, row.kind, &row.name)).or_default();
        *nth += 1;
        SourceKey {
            site,
            kind: row.kind,
            name: row.name.clone(),
            nth: *nth,
        }
    };
    rows.into_iter().map(key).collect()
}

/// What was wrong with it, and where it was.
pub fn problem(source: &SourceRow) -> String {
    match (source.kind, source.read, source.problem.as_str()) {
        (_, _, "") => "it could not be read".to_owned(),
        // Some problems say themselves in which answer they are.
        (SourceKind::Api, 1.., problem) if !problem.starts_with("answer ") => {
            let answers = if source.read == 1 {
                "answer"
            } else {
                "answers"
            };
            format!("after {} {answers}: {problem}", source.read)
        }
        (_, _, problem) => problem.to_owned(),
    }
}

/// The command that asks it again.
pub fn retry(site: SiteId, source: &SourceRow) -> Command {
    Command::RetrySources {
        site: Some(site),
        name: Some(source.name.clone()),
    }
}

/// Whether what the store told of a site's sources may be out of date: the
/// picture comes before it is durable.
pub fn is_unsettled(site: &SiteView, rows: &[SourceRow]) -> bool {
    let failed = rows
        .iter()
        .filter(|row| row.state == SourceState::Failed)
        .count();
    let open = |row: &SourceRow| matches!(row.state, SourceState::Waiting | SourceState::Reading);
    failed as u64 != site.sources_failed.min(TOLD) || rows.iter().any(open)
}

/// So many sources, in words.
pub fn count(n: u64) -> String {
    match n {
        1 => "1 failed source".to_owned(),
        n => format!("{n} failed sources"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    fn row(kind: SourceKind, name: &str, read: u64, problem: &str) -> SourceRow {
        SourceRow {
            kind,
            name: name.to_owned(),
            state: SourceState::Failed,
            read,
            urls: 0,
            bad: 0,
            problem: problem.to_owned(),
            at: 0,
        }
    }

    #[test]
    fn two_of_one_name_are_two() {
        let (a, b) = (SiteId(0), SiteId(1));
        let list = row(SourceKind::List, "x", 0, "");
        let api = row(SourceKind::Api, "x", 0, "");
        let rows = [(a, &list), (a, &list), (a, &api), (b, &list)];
        let all = keys(rows);
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), 4);
        // Whoever stands between them.
        assert_eq!(keys([(b, &list), (a, &list)])[1], all[0]);
    }

    #[test]
    fn a_problem_says_where_it_was() {
        for (kind, read, told, said) in [
            (SourceKind::List, 7, "status 503", "status 503"),
            (SourceKind::Api, 0, "status 503", "status 503"),
            (
                SourceKind::Api,
                2,
                "status 503",
                "after 2 answers: status 503",
            ),
            (SourceKind::Api, 1, "x", "after 1 answer: x"),
            (SourceKind::Api, 2, "answer 3: no JSON", "answer 3: no JSON"),
            (SourceKind::Sitemap, 0, "", "it could not be read"),
        ] {
            assert_eq!(problem(&row(kind, "x", read, told)), said);
        }
    }

    #[test]
    fn what_differs_from_the_picture_or_is_open_is_asked_about_again() {
        let mut site = (*sample::snapshot().sites[0]).clone();
        site.sources_failed = 1;
        let failed = row(SourceKind::List, "x", 0, "");
        let mut waiting = failed.clone();
        waiting.state = SourceState::Waiting;
        let mut done = failed.clone();
        done.state = SourceState::Done;
        assert!(!is_unsettled(&site, &[failed.clone(), done.clone()]));
        assert!(is_unsettled(&site, &[done]));
        assert!(is_unsettled(&site, &[failed, waiting]));
    }
}
