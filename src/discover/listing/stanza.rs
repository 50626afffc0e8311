//! What an operator writes to crawl a listing.

use super::{Address, Kind, Listing, Paging, Place};
use serde_json::{Value, json};
use std::fmt::Write as _;
use url::Url;

/// Stands in the address of a listing's items where it could not be seen.
const UNKNOWN: &str = "https://example.org/CHANGE-THIS/";
/// Stands for a mark while JSON is written.
const HOLE: &str = "\u{1}hole\u{1}";

/// The listing as an entry of `discover.api`, its first line without a dash.
/// Texts are quoted as JSON, which YAML reads.
pub fn entry(listing: &Listing) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key}: {value}");
    };
    let paging = listing.paging.as_ref();
    line("url", &quoted(&address(&listing.seen.url, paging)));
    if listing.seen.method == "POST" {
        line("method", "POST");
        if let Some(posted) = &listing.seen.posted {
            line("body", &quoted(&body(posted, paging)));
        }
    }
    match paging.map(|paging| &paging.kind) {
        Some(Kind::Page(first)) => line("page", &format!("{{ from: {first} }}")),
        Some(Kind::Offset(step)) => line("offset", &format!("{{ from: 0, step: {step} }}")),
        Some(Kind::Cursor(at)) => line("cursor", &quoted(at)),
        None => {}
    }
    let items = &listing.items;
    match &items.address {
        Address::Itself => line("urls", &quoted(&items.path)),
        Address::Key(key) => {
            line(
                "urls",
                &quoted(&format!("{}{}", items.path, super::items::step(key))),
            );
        }
        Address::Template { template, .. } => {
            line("urls", &quoted(&items.path));
            line("item", &quoted(template));
        }
        Address::Unknown { key } => {
            line("urls", &quoted(&items.path));
            line("item", &quoted(&format!("{UNKNOWN}{{{key}}}")));
        }
    }
    out
}

/// A whole sites file that crawls the ready ones of these listings, and has
/// the others as comments.
pub fn sites_file(page: &Url, listings: &[Listing]) -> String {
    let mut out = String::new();
    let name = page
        .host_str()
        .unwrap_or("site")
        .replace(['[', ']', ':'], "-");
    let hosts = hosts(page, listings);
    let _ = writeln!(out, "site: {}", quoted(&name));
    let _ = writeln!(out, "start: {}", quoted(page.as_str()));
    if hosts.len() > 1 {
        let _ = writeln!(out, "scope: {{ hosts: {} }}", json!(hosts));
    }
    let ready = listings.iter().any(Listing::is_ready);
    let _ = writeln!(out, "discover:\n  sitemap: off\n  links: off");
    let _ = writeln!(out, "{}  api:", if ready { "" } else { "# " });
    for listing in listings {
        let mark = if listing.is_ready() { "" } else { "# " };
        if !listing.is_ready() {
            let _ = writeln!(
                out,
                "    # Where an item's page is could not be seen: write its address as item."
            );
        }
        for (number, line) in entry(listing).lines().enumerate() {
            let dash = if number == 0 { "- " } else { "  " };
            let _ = writeln!(out, "{mark}    {dash}{line}");
        }
    }
    out
}

/// The page's host and those of the items.
fn hosts(page: &Url, listings: &[Listing]) -> Vec<String> {
    let mut hosts: Vec<String> = page.host_str().map(str::to_owned).into_iter().collect();
    for listing in listings.iter().filter(|listing| listing.is_ready()) {
        let items = &listing.items;
        let text = match &items.address {
            Address::Key(key) => items.example[key].as_str(),
            Address::Itself => items.example.as_str(),
            Address::Template { template, .. } => Some(template.as_str()),
            Address::Unknown { .. } => None,
        };
        let host = text.and_then(|text| listing.seen.url.join(text).ok());
        if let Some(host) = host.as_ref().and_then(Url::host_str)
            && !hosts.iter().any(|known| known == host)
        {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

fn quoted(text: &str) -> String {
    // Beyond what JSON quotes, YAML reads C1 and line separators as breaks.
    let json = Value::from(text).to_string();
    json.chars()
        .fold(String::with_capacity(json.len()), |mut out, c| {
            match c {
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
            out
        })
}

fn mark(kind: &Kind) -> &'static str {
    match kind {
        Kind::Page(_) => "{page}",
        Kind::Offset(_) => "{offset}",
        Kind::Cursor(_) => "{cursor}",
    }
}

/// The address with the mark in the place of what changes.
fn address(url: &Url, paging: Option<&Paging>) -> String {
    let Some(Paging {
        place: Place::Query(name),
        kind,
        ..
    }) = paging
    else {
        return url.to_string();
    };
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let mut parts: Vec<String> = Vec::new();
    let mut marked = false;
    for part in url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
    {
        let raw = part.split('=').next().unwrap_or_default();
        let decoded = url::form_urlencoded::parse(part.as_bytes()).next();
        if decoded.is_some_and(|(decoded, _)| decoded == name.as_str()) {
            if !marked {
                parts.push(format!("{raw}={}", mark(kind)));
            }
            marked = true;
        } else {
            parts.push(part.to_owned());
        }
    }
    if !marked {
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        parts.push(format!("{name}={}", mark(kind)));
    }
    format!("{bare}?{}", parts.join("&"))
}

/// What is posted, with the mark in the place of what changes.
fn body(posted: &str, paging: Option<&Paging>) -> String {
    let Some(Paging {
        place: Place::Posted(pointer),
        kind,
        ..
    }) = paging
    else {
        return posted.to_owned();
    };
    let Ok(mut value) = serde_json::from_str::<Value>(posted) else {
        return posted.to_owned();
    };
    let hole = Value::from(HOLE).to_string();
    match value.pointer_mut(pointer) {
        Some(place) => {
            // A number stays one, but for a cursor: the first is empty.
            let number = place.is_number() && !matches!(kind, Kind::Cursor(_));
            *place = HOLE.into();
            let mark = if number {
                mark(kind).to_owned()
            } else {
                format!("\"{}\"", mark(kind))
            };
            value.to_string().replace(&hole, &mark)
        }
        None => posted.to_owned(),
    }
}
