//! `docs`: an encyclopedia, deep and slow.

use super::answer::Answer;
use super::server::Pages;
use super::words::Words;
use std::fmt::Write as _;
use std::time::Duration;

/// Articles in the encyclopedia, the front page left out.
pub(super) const ARTICLES: usize = 150;
/// Workers the demo gives it; its pages' slowness divided by them is its time.
pub(super) const CONCURRENCY: usize = 3;
const WORLD: u64 = 0xD0C5;

/// The encyclopedia.
#[derive(Debug)]
pub(super) struct Docs;

impl Pages for Docs {
    fn name(&self) -> &'static str {
        "docs"
    }

    fn document(&self, start: &str) -> String {
        format!(
            "# Bound by slow answers: press + and - on it.\n\
             site: docs\n\
             start: {start}\n\
             fetch: {{ concurrency: {CONCURRENCY}, delay: 20ms }}\n"
        )
    }

    fn answer(&self, _base: &str, target: &str) -> Answer {
        let path = target.split('?').next().unwrap_or(target);
        if path == "/" {
            let body = "<p>Begin with <a href=\"/wiki/1\">the first article</a>.</p>";
            return Answer::html("A Slow Encyclopedia", body);
        }
        path.strip_prefix("/wiki/")
            .and_then(|number| number.parse().ok())
            .filter(|number| (1..=ARTICLES).contains(number))
            .map_or_else(Answer::not_found, article)
    }
}

/// Article `n` leads to `2n` and `2n + 1`, seven links deep, and to one other.
fn article(number: usize) -> Answer {
    let mut words = Words::of(WORLD, number);
    let title = words.title();
    let mut body = words.prose(4);
    let other = words.number(1..ARTICLES + 1);
    body.push_str("<ul>\n");
    for next in [2 * number, 2 * number + 1, other] {
        if next <= ARTICLES {
            let _ = writeln!(body, "<li><a href=\"/wiki/{next}\">Article {next}</a></li>");
        }
    }
    body.push_str("</ul>\n");
    Answer::html(&format!("{title} ({number})"), &body).after(slowness(number))
}

/// From 0.3 to 2 s, mostly near the lower end.
pub(super) fn slowness(number: usize) -> Duration {
    let share = Words::of(WORLD + 1, number).fraction().powi(2);
    Duration::from_millis(300 + (share * 1700.0) as u64)
}
