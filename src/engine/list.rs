//! Lists made by other tools, read into the store.

use super::intake::Intake;
use super::site::{Message, SiteContext, SourceRead};
use crate::bus::Level;
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
const BUFFER: usize = 128 << 10;

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
    let text = format!("list {}: {why}", rule.from);
    runtime.block_on(site.say(Level::Warn, text));
    tell(site, SourceRead::over(key(rule), None));
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
    let read = catch_unwind(AssertUnwindSafe(|| {
        rows(site, rule, bytes, runtime, cancel)
    }));
    let (sitemaps, whole) = read.unwrap_or_else(|_| {
        tracing::error!(list = %rule.from, "reading this list panicked");
        (Vec::new(), false)
    });
    let mut read = SourceRead::over(key(rule), whole.then_some(mark));
    read.sitemaps = sitemaps;
    tell(site, read);
}

fn tell(site: &SiteContext, read: SourceRead) {
    // A closed inbox means that the site is over.
    let _ = site.inbox.blocking_send(Message::SourceRead(read));
}

/// Answers further sitemaps, and whether the list need not be read again.
fn rows(
    site: &SiteContext,
    rule: &ListRule,
    bytes: impl BufRead,
    runtime: &Handle,
    cancel: &CancellationToken,
) -> (Vec<Url>, bool) {
    let say = |level, text| runtime.block_on(site.say(level, text));
    let rules = site.rules();
    let name = &rule.from;
    let base = match &rule.from {
        ListFrom::Url(url) => Some(url.clone()),
        ListFrom::File(_) => rules.config.home(),
    };
    let Some(base) = &base else {
        say(Level::Warn, format!("list {name}: the site has no host"));
        return (Vec::new(), false);
    };
    let mut intake = Intake::new(site, runtime).until(cancel);
    let mut sitemaps = Vec::new();
    let (mut rows, mut bad) = (0u64, 0u64);
    let mut first_bad = None;
    let summary = list::read(bytes, rule, &name.to_string(), base, &mut |found| {
        rows += 1;
        match found {
            Found::Page(url, lastmod) => intake.offer(url, lastmod.as_deref()),
            Found::Sitemap(url, lastmod) => {
                if !intake.is_old(lastmod.as_deref()) && sitemaps.len() < SITEMAPS {
                    sitemaps.push(url);
                }
            }
            Found::Bad { line, why, text } => {
                bad += 1;
                if bad <= BAD_TOLD {
                    tracing::warn!(site = %site.name, list = %name, "line {line}: {why}: {text:?}");
                }
                first_bad.get_or_insert_with(|| format!("line {line}: {why}: {text:?}"));
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
    if cancel.is_cancelled() {
        return (Vec::new(), false);
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
        let more = match summary.bad {
            1 => String::new(),
            _ => format!("; the first {BAD_TOLD} are in the log"),
        };
        text.push_str(&format!(", {} bad ({first}{more})", summary.bad));
    }
    if let Some(problem) = &summary.problem {
        text.push_str(&format!("; {problem}"));
    }
    let level = match summary.bad > 0 || summary.problem.is_some() {
        true => Level::Warn,
        false => Level::Info,
    };
    say(level, text);
    (sitemaps, true)
}
