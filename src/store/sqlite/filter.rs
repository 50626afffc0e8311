//! A filter of pages as SQL.

use super::code::{DONE, FAILED, SKIPPED};
use crate::bus::PageFilter;
use crate::page::PageState;
use rusqlite::types::Value;

/// A statement in the making, with its values.
#[derive(Debug, Default, Clone)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Puts a value here.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.text.push_str(&format!("?{}", self.values.len()));
        self
    }

    /// The site that the filter names, by its key, in this column; without one
    /// every site that is still in the file.
    pub(super) fn of_site(&mut self, column: &str, filter: &PageFilter, key: Option<i64>) {
        self.push(" AND ").push(column);
        if filter.site.is_some() {
            // No site has this key.
            self.push(" = ").bind(key.unwrap_or(-1));
        } else {
            self.push(" IN (SELECT key FROM site WHERE place IS NOT NULL)");
        }
    }

    /// What the filter says of `page p`. Outcomes stand literally, for partial
    /// indexes to apply.
    pub(super) fn of_page(&mut self, filter: &PageFilter) {
        if let Some(state) = filter.state {
            let outcome = match state {
                PageState::Done => DONE,
                PageState::Failed => FAILED,
                PageState::Skipped => SKIPPED,
                PageState::Queued => 0,
            };
            self.push(&format!(" AND p.outcome = {outcome}"));
        }
        if let Some(kind) = filter.kind {
            self.push(&format!(" AND p.outcome = {FAILED} AND p.reason = "));
            self.bind(kind.as_str().to_owned());
        }
        if let Some(status) = filter.status {
            self.push(" AND p.status = ").bind(i64::from(status));
        }
    }

    /// What the filter says of `url u`.
    pub(super) fn of_url(&mut self, filter: &PageFilter) {
        if let Some(depth) = filter.depth {
            self.push(" AND u.depth = ").bind(i64::from(depth));
        }
        if let Some(host) = &filter.host {
            // In normal form the path begins at once, at the latest with its `/`.
            for (scheme, join) in [("http", " AND ("), ("https", " OR ")] {
                let start = format!("{scheme}://{host}/");
                self.push(join).push("substr(u.url, 1, ");
                self.bind(i64::try_from(start.chars().count()).unwrap_or(i64::MAX));
                self.push(") = ").bind(start);
            }
            self.push(")");
        }
        if !filter.text.is_empty() {
            // SQLite's lower() changes ASCII letters only, as is wanted here.
            self.push(" AND instr(lower(u.url), ")
                .bind(filter.text.to_ascii_lowercase())
                .push(if filter.invert { ") = 0" } else { ") > 0" });
        }
    }
}

/// Whether the filter asks for anything that only the URL tells.
pub(super) fn asks_url(filter: &PageFilter) -> bool {
    filter.depth.is_some() || filter.host.is_some() || !filter.text.is_empty()
}

/// Whether only failed pages can match.
pub(super) fn failed_only(filter: &PageFilter) -> bool {
    filter.state == Some(PageState::Failed) || filter.kind.is_some()
}

/// Whether finished pages can match.
pub(super) fn finished(filter: &PageFilter) -> bool {
    filter.state != Some(PageState::Queued)
}

/// Whether queued pages can match.
pub(super) fn queued(filter: &PageFilter) -> bool {
    matches!(filter.state, None | Some(PageState::Queued))
        && filter.kind.is_none()
        && filter.status.is_none()
}
