//! What two versions of a site's document differ in, in words.

use super::ladder::RungLimits;
use super::rule::{FieldRule, RecordRule};
use super::site::{Fetch, Pattern, Site, Sitemap};
use super::source::{ApiRule, ListRule};
use crate::page::Rung;
use crate::page::money::amount;
use std::fmt::{Debug, Display};
use std::sync::Arc;

/// Every difference between two documents of one site, one a line. Values of
/// request headers may be secrets and are never told.
pub fn differences(old: &Site, new: &Site) -> Vec<String> {
    let mut lines = Lines(Vec::new());
    let text = |url: &url::Url| url.to_string();
    lines.list("start", &old.start, &new.start, text);
    lines.value(
        "limits.pages",
        none(old.limits.pages),
        none(new.limits.pages),
    );
    lines.value(
        "limits.depth",
        none(old.limits.depth),
        none(new.limits.depth),
    );
    let (was, is) = (&old.discover, &new.discover);
    lines.value(
        "discover.sitemap",
        sitemap(&was.sitemap),
        sitemap(&is.sitemap),
    );
    lines.value("discover.links", on(was.links), on(is.links));
    lines.value("discover.nofollow", on(was.nofollow), on(is.nofollow));
    lines.value("discover.lastmod", on(was.lastmod), on(is.lastmod));
    lines.value(
        "discover.canonical",
        was.canonical.as_str(),
        is.canonical.as_str(),
    );
    let skip = |skip: bool| if skip { "skip" } else { "keep" };
    lines.value(
        "discover.noindex",
        skip(was.skip_noindex),
        skip(is.skip_noindex),
    );
    let follow = |follow: bool| if follow { "follow" } else { "off" };
    lines.value(
        "discover.hreflang",
        follow(was.hreflang),
        follow(is.hreflang),
    );
    lines.debug("discover.since", &was.since, &is.since);
    let apis = |apis: &[Arc<ApiRule>]| {
        let named = apis.iter().map(|api| (api.name().to_owned(), api.key()));
        named.collect::<Vec<_>>()
    };
    lines.sources("discover.api", &apis(&was.api), &apis(&is.api));
    let lists = |lists: &[Arc<ListRule>]| {
        let named = lists.iter().map(|list| (list.from.to_string(), list.key()));
        named.collect::<Vec<_>>()
    };
    lines.sources("discover.files", &lists(&was.files), &lists(&is.files));
    lines.value("discover.traps", none(was.traps), none(is.traps));
    lines.value(
        "discover.strategy",
        was.strategy.as_str(),
        is.strategy.as_str(),
    );
    let target = |target: &Option<Pattern>| none(target.as_ref().map(pattern));
    lines.value("discover.target", target(&was.target), target(&is.target));
    let (was, is) = (&old.scope, &new.scope);
    lines.list("scope.hosts", &was.hosts, &is.hosts, String::clone);
    lines.list("scope.include", &was.include, &is.include, pattern);
    lines.list("scope.exclude", &was.exclude, &is.exclude, pattern);
    lines.debug("url", &old.url, &new.url);
    let (was, is) = (&old.fetch, &new.fetch);
    let via = |via: &[Rung]| {
        let names: Vec<&str> = via.iter().map(|rung| rung.as_str()).collect();
        names.join(", ")
    };
    lines.value("fetch.via", via(&was.via), via(&is.via));
    rungs(was, is, &mut lines);
    lines.value("fetch.concurrency", workers(old), workers(new));
    lines.debug("fetch.delay", &was.delay, &is.delay);
    lines.debug("fetch.timeout", &was.timeouts, &is.timeouts);
    lines.value("fetch.retries", was.retries, is.retries);
    lines.debug("fetch.robots", &was.robots, &is.robots);
    lines.value("fetch.user_agent", &was.user_agent, &is.user_agent);
    lines.value(
        "fetch.allow_private",
        on(was.allow_private),
        on(is.allow_private),
    );
    lines.value("fetch.max_body", was.max_body, is.max_body);
    lines.debug("fetch.blocks", &was.blocks, &is.blocks);
    if was.headers != is.headers {
        lines.0.push("fetch.headers: changed".to_owned());
    }
    let (was, is) = (&old.keep, &new.keep);
    lines.value("keep.bodies", on(was.bodies), on(is.bodies));
    lines.debug("keep.compress", &was.compress, &is.compress);
    lines.value("keep.rotate", was.rotate, is.rotate);
    lines.value("keep.links", on(was.links), on(is.links));
    lines.value("keep.duplicates", on(was.duplicates), on(is.duplicates));
    records(&old.extract, &new.extract, &mut lines);
    if old.alerts != new.alerts {
        // Their webhooks and commands may be secrets.
        lines.0.push("alerts: changed".to_owned());
    }
    lines.0
}

struct Lines(Vec<String>);

impl Lines {
    fn value<T: PartialEq + Display>(&mut self, what: &str, old: T, new: T) {
        if old != new {
            self.0.push(format!("{what}: {old} → {new}"));
        }
    }

    fn debug<T: Debug>(&mut self, what: &str, old: &T, new: &T) {
        self.value(what, format!("{old:?}"), format!("{new:?}"));
    }

    fn list<T>(&mut self, what: &str, old: &[T], new: &[T], text: impl Fn(&T) -> String) {
        let old: Vec<String> = old.iter().map(&text).collect();
        let new: Vec<String> = new.iter().map(&text).collect();
        for gone in old.iter().filter(|item| !new.contains(item)) {
            self.0.push(format!("{what}: − {gone}"));
        }
        for come in new.iter().filter(|item| !old.contains(item)) {
            self.0.push(format!("{what}: + {come}"));
        }
    }
}

impl Lines {
    /// Sources by their names and keys; a query, which may hold a secret, is
    /// told by its change alone.
    fn sources(&mut self, what: &str, old: &[(String, u64)], new: &[(String, u64)]) {
        let named = |list: &[(String, u64)], name: &str| list.iter().any(|(n, _)| n == name);
        for (name, _) in old.iter().filter(|source| !new.contains(source)) {
            if !named(new, name) {
                self.0.push(format!("{what}: − {name}"));
            }
        }
        for (name, _) in new.iter().filter(|source| !old.contains(source)) {
            self.0.push(match named(old, name) {
                true => format!("{what}: {name} changed"),
                false => format!("{what}: + {name}"),
            });
        }
    }
}

/// The rungs' limits one by one; of their other options, among which are
/// secrets, only that they changed.
fn rungs(was: &Fetch, is: &Fetch, lines: &mut Lines) {
    spending(
        Rung::Http,
        was.limits(Rung::Http),
        is.limits(Rung::Http),
        lines,
    );
    for rung in Rung::ALL {
        let what = |key: &str| format!("fetch.{}{key}", rung.as_str());
        let (old, new) = (was.rungs.limits(rung), is.rungs.limits(rung));
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        if is.via.first() != Some(&rung) {
            lines.value(&what(".concurrency"), old.concurrency, new.concurrency);
            lines.debug(&what(".delay"), &old.delay, &new.delay);
        }
        lines.debug(&what(".timeout"), &old.timeout, &new.timeout);
        spending(rung, *old, *new, lines);
        if was.rungs.key(rung) != is.rungs.key(rung) {
            lines.0.push(format!("{}: changed", what("")));
        }
    }
}

/// What a rung's requests cost, and what it may spend.
fn spending(rung: Rung, old: RungLimits, new: RungLimits, lines: &mut Lines) {
    let what = |key: &str| format!("fetch.{}.{key}", rung.as_str());
    lines.value(&what("cost"), amount(old.cost), amount(new.cost));
    let (old, new) = (old.budget, new.budget);
    lines.value(
        &what("budget.requests"),
        none(old.requests),
        none(new.requests),
    );
    lines.value(
        &what("budget.money"),
        none(old.money.map(amount)),
        none(new.money.map(amount)),
    );
}

fn records(old: &[RecordRule], new: &[RecordRule], lines: &mut Lines) {
    let same = |a: &&RecordRule, b: &RecordRule| {
        a.record == b.record && a.when.as_ref().map(pattern) == b.when.as_ref().map(pattern)
    };
    for rule in old {
        match new.iter().find(|other| same(other, rule)) {
            None => lines.0.push(format!("extract: − {}", rule.record)),
            Some(other) => {
                let field = |field: &FieldRule| format!("{field:?}");
                for was in &rule.fields {
                    let what = format!("extract.{}.{}", rule.record, was.name);
                    match other.fields.iter().find(|is| is.name == was.name) {
                        None => lines.0.push(format!("{what}: removed")),
                        Some(is) if field(is) != field(was) => {
                            lines.0.push(changed(&what, was, is));
                        }
                        Some(_) => {}
                    }
                }
                for is in &other.fields {
                    if !rule.fields.iter().any(|was| was.name == is.name) {
                        let what = format!("extract.{}.{}", rule.record, is.name);
                        lines.0.push(format!("{what}: new, {}", is.source));
                    }
                }
            }
        }
    }
    for rule in new {
        if !old.iter().any(|other| same(&other, rule)) {
            lines.0.push(format!("extract: + {}", rule.record));
        }
    }
}

/// A field whose rule is another now.
fn changed(what: &str, was: &FieldRule, is: &FieldRule) -> String {
    if was.source == is.source {
        return format!("{what}: {}, with other options", is.source);
    }
    format!("{what}: {} → {}", was.source, is.source)
}

fn none<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn on(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

fn pattern(pattern: &Pattern) -> String {
    pattern.0.as_str().to_owned()
}

fn workers(site: &Site) -> String {
    match &site.fetch.auto {
        Some(range) => format!("auto from {} to {}", range.start(), range.end()),
        None => site.fetch.concurrency.to_string(),
    }
}

fn sitemap(sitemap: &Sitemap) -> String {
    match sitemap {
        Sitemap::Auto => "auto".to_owned(),
        Sitemap::Off => "off".to_owned(),
        Sitemap::List(urls) => {
            let urls: Vec<&str> = urls.iter().map(url::Url::as_str).collect();
            urls.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, parse};

    fn site(text: &str) -> std::sync::Arc<Site> {
        let text = format!("site: a\nstart: http://127.0.0.1/\n{text}");
        let env = |_: &str| Some("hunter2".to_owned());
        parse(&text, "/x/s.yaml", &env, &Overrides::default())
            .unwrap()
            .sites[0]
            .clone()
    }

    #[test]
    fn every_part_of_a_document_is_compared() {
        for (old, new, want) in [
            ("", "", vec![]),
            ("", "limits: { pages: 9 }", vec!["limits.pages: none → 9"]),
            ("", "limits: { depth: 2 }", vec!["limits.depth: none → 2"]),
            (
                "",
                "alerts: [{ when: no_progress, webhook: 'http://e.org/' }]",
                vec!["alerts: changed"],
            ),
            (
                "",
                "discover: { sitemap: off }",
                vec!["discover.sitemap: auto → off"],
            ),
            (
                "",
                "discover: { links: off }",
                vec!["discover.links: on → off"],
            ),
            (
                "discover: { files: [a.txt], traps: off }",
                "discover: { files: [http://e.org/b.csv], strategy: depth, since: 30d }",
                vec![
                    "discover.since: None → Some(Ago(2592000))",
                    "discover.files: − /x/a.txt",
                    "discover.files: + http://e.org/b.csv",
                    "discover.traps: none → 1000",
                    "discover.strategy: breadth → depth",
                ],
            ),
            (
                "discover: { api: [ { url: 'http://e.org/?p={page}', page: {}, urls: '$[*]' } ] }",
                "discover: { api: [ { url: 'http://e.org/?p={page}', page: {}, urls: '$.a[*]' } ] }",
                vec!["discover.api: http://e.org/ changed"],
            ),
            (
                "scope: { exclude: [a, b] }",
                "scope: { exclude: [b, c] }",
                vec!["scope.exclude: − a", "scope.exclude: + c"],
            ),
            (
                "fetch: { concurrency: 4, delay: 1s }",
                "fetch: { concurrency: auto }",
                vec![
                    "fetch.concurrency: 4 → auto from 1 to 64",
                    "fetch.delay: 1s → 0ns",
                ],
            ),
            (
                "fetch: { headers: { X-Key: a } }",
                "fetch: { headers: { X-Key: '${KEY}' } }",
                vec!["fetch.headers: changed"],
            ),
            (
                "fetch: { via: [http, browser] }",
                "fetch: { via: [http, browser], browser: { concurrency: 2, timeout: 9s, cost: 0.5, budget: { money: 1.50 } } }",
                vec![
                    "fetch.browser.concurrency: 4 → 2",
                    "fetch.browser.timeout: 60s → 9s",
                    "fetch.browser.cost: 0 → 0.5",
                    "fetch.browser.budget.money: none → 1.5",
                ],
            ),
            (
                "fetch: { http: { budget: { requests: 5 } } }",
                "fetch: { http: { cost: 0.01, budget: { requests: 5, money: 2 } } }",
                vec![
                    "fetch.http.cost: 0 → 0.01",
                    "fetch.http.budget.money: none → 2",
                ],
            ),
            (
                "",
                "fetch: { via: [browser, http], browser: { concurrency: 2 } }",
                vec![
                    "fetch.via: http → browser, http",
                    "fetch.concurrency: 8 → 2",
                ],
            ),
            (
                "",
                "keep: { bodies: warc, compress: zstd, links: true }",
                vec![
                    "keep.bodies: off → on",
                    "keep.compress: Gzip → Zstd",
                    "keep.links: off → on",
                ],
            ),
            (
                "extract: [ { record: r, fields: { a: h1, b: h2, d: p } } ]",
                "extract: [ { record: r, fields: { a: h3, c: { css: [h2, h4], attr: x }, d: { css: p, as: date } } }, { record: s, fields: { a: p } } ]",
                vec![
                    "extract.r.a: h1 → h3",
                    "extract.r.b: removed",
                    "extract.r.d: p, with other options",
                    "extract.r.c: new, h2 or h4 @x",
                    "extract: + s",
                ],
            ),
        ] {
            assert_eq!(differences(&site(old), &site(new)), want, "{old} / {new}");
        }
    }
}
