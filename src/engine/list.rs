//! Lists made by other tools, read into the store.

use super::intake::Intake;
use super::site::{Message, SiteContext};
use super::source::{self, Source, SourceRead, Tally};
use crate::bus::{Level, SourceState};
use crate::config::{ListFrom, ListRule};
use crate::discover::list::{self, Found};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Bad rows of a list that are written to the log.
const BAD_TOLD: u64 = 100;
/// Rows between two words on how far it is.
const PROGRESS: u64 = 250_000;
/// Further sitemaps that a list may name.
const SITEMAPS: usize = 50_000;
/// Bytes of a file read at a time.
pub const BUFFER: usize = 128 << 10;

/// What a list is known by from one run to the next.
pub fn key(rule: &ListRule) -> String {
    format!("list {:016x}", rule.key())
}

/// A mark by which a file that was read is known not to have changed.
pub fn mark(rule: &ListRule) -> Value {
    match &rule.from {
        ListFrom::Url(_) => json!({ "done": true }),
        ListFrom::File(path) => {
            let about = std::fs::metadata(path).ok();
            let changed = about.as_ref().and_then(|about| about.modified().ok());
            let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            json!({
                "bytes": about.map(|about| about.len()),
                "changed_ms": changed.and_then(|since| u64::try_from(since.as_millis()).ok()),
            })
        }
    }
}

/// Reads a list that is a file here, and tells the supervisor.
pub fn import_file(
    site: &Arc<SiteContext>,
    rule: &ListRule,
    path: &Path,
    runtime: &Handle,
    cancel: &CancellationToken,
) {
    // Taken before it is read: what is appended meanwhile is a change.
    let mark = mark(rule);
    match File::open(path) {
        Ok(file) => {
            let bytes = BufReader::with_capacity(BUFFER, file);
            import(site, rule, bytes, mark, runtime, cancel);
        }
        Err(error) => give_up(site, rule, &format!("cannot be read: {error}"), runtime),
    }
}

/// Says why a list cannot be read, and tells the supervisor.
pub fn give_up(site: &SiteContext, rule: &ListRule, why: &str, runtime: &Handle) {
    let source = Source::list(rule);
    let text = site.folder.clean(format!("{}: {why}", source.words()));
    runtime.block_on(site.say(Level::Warn, text));
    let news = source.failed(site, Tally::default(), why);
    site.store.source_blocking(site.id, news);
    tell(site, SourceRead::failed(source.key));
}

/// Reads a list, and tells the supervisor; `mark` is kept where it was read to
/// its end.
pub fn import(
    site: &Arc<SiteContext>,
    rule: &ListRule,
    bytes: impl BufRead,
    mark: Value,
    runtime: &Handle,
    cancel: &CancellationToken,
) {
    let source = Source::list(rule);
    let read = catch_unwind(AssertUnwindSafe(|| {
        rows(site, rule, bytes, runtime, cancel)
    }));
    let read = read.unwrap_or_else(|_| {
        tracing::error!(list = %rule.from, "reading this list panicked");
        Read {
            state: SourceState::Failed,
            tally: Tally {
                problem: Some("reading it panicked".to_owned()),
                ..Tally::default()
            },
            sitemaps: Vec::new(),
        }
    });
    // Before the mark: whoever knows that the list is read knows its sitemaps.
    let news = source.news(site, read.state, &read.tally, &read.sitemaps, 0);
    site.store.source_blocking(site.id, news);
    let mark = (read.state == SourceState::Done).then_some(mark);
    tell(
        site,
        SourceRead {
            sitemaps: read.sitemaps,
            failed: read.state == SourceState::Failed,
            ..SourceRead::over(source.key, mark)
        },
    );
}

fn tell(site: &SiteContext, read: SourceRead) {
    // A closed inbox means that the site is over.
    let _ = site.inbox.blocking_send(Message::SourceRead(read));
}

/// What reading a list came to.
struct Read {
    state: SourceState,
    tally: Tally,
    /// Further sitemaps.
    sitemaps: Vec<Url>,
}

fn rows(
    site: &SiteContext,
    rule: &ListRule,
    bytes: impl BufRead,
    runtime: &Handle,
    cancel: &CancellationToken,
) -> Read {
    let say = |level, text| runtime.block_on(site.say(level, site.folder.clean(text)));
    let rules = site.rules();
    let name = &rule.from;
    let base = match &rule.from {
        ListFrom::Url(url) => Some(url.clone()),
        ListFrom::File(_) => rules.config.home(),
    };
    let Some(base) = &base else {
        return Read {
            state: SourceState::Failed,
            tally: Tally {
                problem: Some(
                    "the site has no host to which its rows could be relative".to_owned(),
                ),
                ..Tally::default()
            },
            sitemaps: Vec::new(),
        };
    };
    let mut intake = Intake::new(site, runtime).until(cancel);
    let mut bad_rows = site.folder.bad_rows(&site.name, &key(rule));
    let mut sitemaps = Vec::new();
    let (mut rows, mut bad, mut urls) = (0u64, 0u64, 0u64);
    let mut first_bad = None;
    let summary = list::read(bytes, rule, &name.to_string(), base, &mut |found| {
        rows += 1;
        match found {
            Found::Page(url, lastmod) => {
                urls += 1;
                intake.offer(url, lastmod.as_deref());
            }
            Found::Sitemap(url, lastmod) => {
                if !intake.is_old(lastmod.as_deref()) && sitemaps.len() < SITEMAPS {
                    sitemaps.push(url);
                }
            }
            Found::Bad { line, why, text } => {
                bad += 1;
                let row = match line {
                    0 => format!("{why}: {text:?}"),
                    line => format!("line {line}: {why}: {text:?}"),
                };
                if bad <= BAD_TOLD {
                    tracing::warn!(site = %site.name, list = %name, "{row}");
                }
                bad_rows.put(&row);
                first_bad.get_or_insert(row);
            }
        }
        if rows.is_multiple_of(PROGRESS) {
            let text = format!(
                "list {name}: {rows} rows so far, {} new pages",
                intake.taken
            );
            say(Level::Info, text);
        }
        !cancel.is_cancelled()
    });
    intake.flush();
    let mut tally = Tally {
        read: summary.rows,
        urls,
        bad: summary.bad,
        problem: None,
    };
    if cancel.is_cancelled() {
        return Read {
            state: SourceState::Reading,
            tally,
            sitemaps: Vec::new(),
        };
    }
    let mut text = format!(
        "list {name}: {} rows, {} new pages{}",
        summary.rows,
        intake.taken,
        intake.left_out()
    );
    if !sitemaps.is_empty() {
        text.push_str(&format!(", {} sitemaps", sitemaps.len()));
    }
    if let Some(first) = first_bad {
        tally.problem = Some(format!("{} bad ({first})", summary.bad));
        let others = bad_rows.finish(summary.bad);
        text.push_str(&format!(", {} bad ({first}{others})", summary.bad));
    }
    if let Some(problem) = &summary.problem {
        let problem = source::at(problem, &summary.excerpt);
        text.push_str(&format!("; {problem}"));
        tally.problem = Some(problem);
    }
    let level = match summary.bad > 0 || summary.problem.is_some() {
        true => Level::Warn,
        false => Level::Info,
    };
    say(level, text);
    Read {
        state: match summary.problem {
            Some(_) => SourceState::Failed,
            None => SourceState::Done,
        },
        tally,
        sitemaps,
    }
}
