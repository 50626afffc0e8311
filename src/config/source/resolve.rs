//! Lists and APIs checked as a whole.

use super::raw::{ApiSource, Count, CursorForm, ListForm};
use super::{ApiRule, ItemRule, ListFrom, ListRule, Paging};
use crate::config::fields;
use crate::config::scalar::NextPage;
use reqwest::header::{HeaderName, HeaderValue};
use std::path::Path;
use url::Url;

/// A list; its path is one from `folder`.
///
/// # Errors
/// Where it begins like a URL and is none.
pub fn list(form: ListForm, folder: &Path) -> Result<ListRule, String> {
    let (from, format, column, path) = match form {
        ListForm::Short(from) => (from.0, None, None, None),
        ListForm::Long(list) => (list.from.0, list.format, list.column, list.path),
    };
    if from.is_empty() {
        return Err("discover.files: an empty name; write a file or a URL".to_owned());
    }
    let from = if from.starts_with("http://") || from.starts_with("https://") {
        let url = Url::parse(&from).map_err(|e| format!("discover.files: {from}: {e}"))?;
        ListFrom::Url(url)
    } else {
        ListFrom::File(folder.join(from))
    };
    Ok(ListRule {
        from,
        format: format.map(|format| format.0),
        column: column.map(|column| column.0),
        path: path.map(|path| path.0),
    })
}

/// An API.
///
/// # Errors
/// What does not fit together, and what to write instead.
pub fn api(raw: ApiSource) -> Result<ApiRule, String> {
    let wrong = |what: String| Err(format!("discover.api: {what}"));
    let headers: Vec<(String, String)> = raw
        .headers
        .map(|headers| headers.0)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, text)| (name, text.0))
        .collect();
    for (name, value) in &headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err()
        {
            // The value may be a secret.
            return wrong(format!(
                "\"{name}\" is not a header, or its value cannot be one's"
            ));
        }
    }
    let ways = [
        raw.page.is_some(),
        raw.offset.is_some(),
        raw.cursor.is_some(),
        raw.next.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        return wrong("page, offset, cursor and next exclude each other; write one".to_owned());
    }
    let paging = if let Some(page) = raw.page {
        count("page", page, 1, 1)
    } else if let Some(offset) = raw.offset {
        if offset.step.is_none() {
            return wrong("offset has no step; write how many items an answer has".to_owned());
        }
        count("offset", offset, 0, 1)
    } else if let Some(cursor) = raw.cursor {
        let (at, first) = match cursor {
            CursorForm::Short(at) => (at.0, String::new()),
            CursorForm::Long(cursor) => {
                (cursor.at.0, cursor.first.map_or_else(String::new, |t| t.0))
            }
        };
        Paging::Cursor { at, first }
    } else {
        match raw.next {
            Some(NextPage(Some(at))) => Paging::Next(at),
            Some(NextPage(None)) => Paging::Link,
            None => Paging::Single,
        }
    };
    let (url, body) = (raw.url.0, raw.body.map(|body| body.0));
    for mark in ["page", "offset", "cursor"] {
        let marked = format!("{{{mark}}}");
        let used = url.contains(&marked) || body.as_ref().is_some_and(|b| b.contains(&marked));
        let wanted = match &paging {
            Paging::Count { mark: own, .. } => *own == mark,
            Paging::Cursor { .. } => mark == "cursor",
            _ => false,
        };
        if used && !wanted {
            return wrong(format!(
                "{marked} stands in it, but there is no {mark}: key"
            ));
        }
        if wanted && !used {
            return wrong(format!(
                "{mark}: is given, but {marked} stands neither in url nor in body"
            ));
        }
    }
    let sample = ["{page}", "{offset}", "{cursor}"]
        .iter()
        .fold(url.clone(), |url, mark| url.replace(mark, "1"));
    match Url::parse(&sample) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => {}
        // It may hold a secret of the environment.
        _ => {
            return wrong(
                "url is not a whole URL; write it with https:// (or http://) in front".to_owned(),
            );
        }
    }
    let post = raw.method.map_or(body.is_some(), |method| method.0);
    if body.is_some() && !post {
        return wrong("a GET has no body; write method: POST".to_owned());
    }
    let records = raw.records.unwrap_or_default();
    let records: Vec<ItemRule> = records
        .into_iter()
        .map(fields::item)
        .collect::<Result<_, _>>()
        .map_err(|why| format!("discover.api: {why}"))?;
    if raw.urls.is_none() && records.is_empty() {
        return wrong("neither urls nor records; write what its answers hold".to_owned());
    }
    if raw.urls.is_none() && raw.item.is_some() {
        return wrong("item makes URLs of what urls finds; write urls too".to_owned());
    }
    Ok(ApiRule {
        url,
        post,
        headers,
        body,
        urls: raw.urls.map(|urls| urls.0),
        records,
        item: raw.item.map(|item| item.0),
        paging,
        limit: raw.limit.map_or(ApiRule::LIMIT, |limit| limit.0),
    })
}

fn count(mark: &'static str, raw: Count, from: u64, step: u64) -> Paging {
    Paging::Count {
        mark,
        from: raw.from.map_or(from, |n| n.0),
        step: raw.step.map_or(step, |n| n.0),
        to: raw.to.map(|n| n.0),
    }
}
