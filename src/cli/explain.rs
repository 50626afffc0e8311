//! One page explained: how it was got, whose rules took or refused it, what it
//! yields, and what becomes of its links.

use super::INCOMPLETE;
use crate::config::{Robots as Obedience, Site};
use crate::discover::links::Linker;
use crate::discover::robots::{self, Robots};
use crate::discover::scope::ScopeRules;
use crate::extract::explain::Explained;
use crate::extract::fields::Plan;
use crate::extract::{charset, links};
use crate::fetch::{self, Fetched, Fetcher, Rungs, Step, Visitor, Want};
use crate::monitor::line::clean;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use url::{Position, Url};

/// Links listed unless all are asked for.
const LINKS: usize = 200;

/// Fetches one page by the rules of `site` and explains it on standard output.
///
/// # Errors
/// Where HTTP cannot be prepared, or the URL cannot be a page.
pub fn page(site: &Site, url: &Url, all: bool) -> anyhow::Result<ExitCode> {
    let mut normal = url.clone();
    site.url
        .apply(&mut normal)
        .with_context(|| format!("--url {url}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (text, good) = runtime.block_on(explain(site, &normal, all))?;
    // A reader that has seen enough and gone is no fault.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    })
}

async fn explain(site: &Site, url: &Url, all: bool) -> anyhow::Result<(String, bool)> {
    // A site whose ladder begins above plain HTTP is asked by that rung.
    let rungs = Rungs::new(None)?;
    let ladder = rungs.for_site(site);
    let told = fetched_by(&ladder[0], site, url, all).await;
    rungs.close().await;
    Ok(told)
}

async fn fetched_by(step: &Step, site: &Site, url: &Url, all: bool) -> (String, bool) {
    let fetcher = &*step.fetcher;
    let rung = step.rung.as_str();
    let visitor = Visitor::new(site);
    let scope = ScopeRules::new(site);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "{}", clean(url.as_str()));
    let _ = writeln!(out, "site      {}", site.name);
    let _ = match scope.judge(url, 0) {
        Ok(()) => writeln!(out, "scope     in scope"),
        Err(refusal) => writeln!(out, "scope     refused: {}", clean(&refusal.to_string())),
    };
    let _ = writeln!(
        out,
        "robots    {}",
        verdict(site, fetcher, &visitor, url).await
    );
    let want = match Plan::compile(&site.extract).wants_json() {
        true => Want::PageOrJson,
        false => Want::Page,
    };
    let fetched = match fetcher.fetch(&visitor, url, want).await {
        Ok(fetched) => fetched,
        Err(error) => {
            let _ = writeln!(
                out,
                "fetched   by {rung}, failed after {} ms: {}: {}",
                error.elapsed.as_millis(),
                error.kind,
                clean(&error.detail)
            );
            return (out, false);
        }
    };
    let _ = writeln!(
        out,
        "fetched   by {rung}, status {}, {}, {} bytes, headers after {} ms, all after {} ms",
        fetched.status,
        clean(&fetch::media_type(&fetched).unwrap_or_else(|| "no media type".into())),
        fetched.bytes,
        fetched.headers_after.as_millis(),
        fetched.elapsed.as_millis()
    );
    if let Some(target) = location(site, url, &fetched) {
        let fate = match scope.judge(&target, 0) {
            Ok(()) => "in scope".to_owned(),
            Err(refusal) => refusal.to_string(),
        };
        let _ = writeln!(
            out,
            "redirect  to {}: {}",
            clean(target.as_str()),
            clean(&fate)
        );
    }
    let good = (200..300).contains(&fetched.status);
    if !fetched.read || !good {
        if good {
            let _ = writeln!(
                out,
                "body      not read: only HTML is, and JSON where a rule has a JSONPath"
            );
        }
        return (out, good);
    }
    let header = fetched.headers.get(reqwest::header::CONTENT_TYPE);
    let header = header.and_then(|value| value.to_str().ok());
    match fetch::body::decode(&fetched, site.fetch.max_body) {
        Ok(body) if fetch::is_json(&fetched) => {
            json(site, url, &charset::decode(&body, header).0, &mut out);
        }
        Ok(body) => html(site, url, header, &body, all, &mut out),
        Err(error) => {
            let _ = writeln!(out, "body      {}: {}", error.kind, clean(&error.detail));
            return (out, false);
        }
    }
    (out, good)
}

/// Explains a page that lies in a file, as if it had come from `url`. What
/// begins like JSON is taken for it.
///
/// # Errors
/// Where the file cannot be read, or the URL cannot be a page.
pub fn file(site: &Site, file: &Path, url: &Url, all: bool) -> anyhow::Result<ExitCode> {
    let mut normal = url.clone();
    site.url
        .apply(&mut normal)
        .with_context(|| format!("--url {url}"))?;
    let length = fs::metadata(file)
        .with_context(|| file.display().to_string())?
        .len();
    if length > site.fetch.max_body {
        bail!("{}: more than fetch.max_body", file.display());
    }
    let body = fs::read(file).with_context(|| file.display().to_string())?;
    let mut out = String::new();
    let _ = writeln!(out, "{} as {}", file.display(), clean(normal.as_str()));
    let _ = writeln!(out, "site      {}", site.name);
    let (text, _) = charset::decode(&body, None);
    match text.trim_start().starts_with(['{', '[']) {
        true => json(site, &normal, &text, &mut out),
        false => html(site, &normal, None, &body, all, &mut out),
    }
    // A reader that has seen enough and gone is no fault.
    let _ = std::io::stdout().lock().write_all(out.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// What the host's robots.txt says of the page.
async fn verdict(site: &Site, fetcher: &dyn Fetcher, visitor: &Visitor, url: &Url) -> String {
    if site.fetch.robots == Obedience::Ignore {
        return "ignored, as fetch.robots says".to_owned();
    }
    let Ok(file) = url.join("/robots.txt") else {
        return "no robots.txt for such an address".to_owned();
    };
    let want = Want::File(robots::MAX_BYTES as u64);
    let fetched = match fetcher.fetch(visitor, &file, want).await {
        Ok(fetched) => fetched,
        Err(error) => {
            return format!(
                "unreachable, which forbids the host: {}",
                clean(&error.detail)
            );
        }
    };
    match fetched.status {
        200..300 => {
            let body = fetch::body::decode_prefix(&fetched, robots::MAX_BYTES as u64);
            let body = body.map(|(body, _)| body).unwrap_or_default();
            let agent = robots::product_token(&site.fetch.user_agent);
            let rules = Robots::parse(&body).for_agent(agent);
            let decision = rules.allows(&url[Position::BeforePath..Position::AfterQuery]);
            let word = if decision.allowed {
                "allowed"
            } else {
                "forbidden"
            };
            match decision.rule {
                Some((line, rule)) => format!("{word} by line {line}: {}", clean(rule)),
                None => format!("{word}: no rule for {agent} matches"),
            }
        }
        status @ 500.. => format!("status {status}, which forbids the host"),
        status => format!("status {status}, which allows everything"),
    }
}

fn location(site: &Site, base: &Url, fetched: &Fetched) -> Option<Url> {
    let value = fetched.headers.get(reqwest::header::LOCATION)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    site.url.parse(text.trim(), Some(base)).ok()
}

/// The page itself: what it says of itself, its records, its links.
fn html(site: &Site, url: &Url, header: Option<&str>, body: &[u8], all: bool, out: &mut String) {
    let (text, encoding) = charset::decode(body, header);
    let mut hrefs: Vec<(String, bool)> = Vec::new();
    let head = links::scan(&text, &mut |link| {
        hrefs.push((link.href.to_owned(), link.nofollow))
    });
    let base = head
        .base_href
        .as_deref()
        .and_then(|href| url.join(href).ok())
        .unwrap_or_else(|| url.clone());
    let _ = writeln!(out, "charset   {}", encoding.name());
    for (name, value) in [
        ("base", &head.base_href),
        ("canonical", &head.canonical),
        ("refresh", &head.refresh),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{name:<9} {}", clean(value));
        }
    }
    if head.robots.nofollow || head.robots.noindex {
        let (index, follow) = (head.robots.noindex, head.robots.nofollow);
        let _ = writeln!(out, "meta      noindex: {index}, nofollow: {follow}");
    }
    records(site, url, &text, &base, out);
    let nofollow = site.discover.nofollow && head.robots.nofollow;
    fates(site, &hrefs, &base, nofollow, all, out);
}

fn records(site: &Site, url: &Url, text: &str, base: &Url, out: &mut String) {
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let (explained, note) = Plan::compile(&site.extract).explain(text, path, base);
    told(&explained, path, out);
    if let Some(note) = note {
        let _ = writeln!(out, "  note: {note}");
    }
}

/// A page of JSON: its records.
fn json(site: &Site, url: &Url, text: &str, out: &mut String) {
    let path = &url[Position::BeforePath..Position::AfterQuery];
    match Plan::compile(&site.extract).explain_json(text, path, url) {
        Ok(explained) => told(&explained, path, out),
        Err(error) => {
            let _ = writeln!(out, "\nno record: not JSON: {}", clean(&error));
        }
    }
}

/// The records in words.
fn told(explained: &[Explained], path: &str, out: &mut String) {
    if explained.is_empty() {
        let _ = writeln!(
            out,
            "\nno record: no rule for such a page has a `when` that matches {}",
            clean(path)
        );
    }
    for record in explained {
        let _ = match &record.missing {
            Some(field) => writeln!(out, "\nrecord {}: none, {field} is required", record.record),
            None => writeln!(out, "\nrecord {}", record.record),
        };
        for field in &record.fields {
            let counts = field.finds.iter();
            let counts: Vec<String> = counts
                .map(|finds| format!("{} matches {}", clean(&finds.what), finds.count))
                .collect();
            let counts = counts.join(", ");
            let _ = match &field.value {
                Some(value) => {
                    let value = clean(&value.to_string());
                    writeln!(out, "  {}: {value}   ({counts})", field.name)
                }
                None => writeln!(out, "  {}   ({counts})", field.name),
            };
            for (step, count) in field.finds.iter().flat_map(|finds| &finds.steps) {
                let _ = writeln!(out, "      {count:>6}  {}", clean(step));
            }
        }
    }
}

/// What becomes of each link: counts, then one line a link.
fn fates(
    site: &Site,
    hrefs: &[(String, bool)],
    base: &Url,
    page_nofollow: bool,
    all: bool,
    out: &mut String,
) {
    let linker = Linker::new(site);
    let mut links: BTreeMap<String, String> = BTreeMap::new();
    for (href, nofollow) in hrefs {
        let (address, fate) = match linker.explain(href, base, 1) {
            _ if !site.discover.links => (href.clone(), "discover.links is off".to_owned()),
            Ok(url) if page_nofollow || (site.discover.nofollow && *nofollow) => {
                (url.into(), "nofollow".to_owned())
            }
            Ok(url) => (url.into(), "taken".to_owned()),
            Err((url, refusal)) => {
                let address = url.map_or_else(|| href.clone(), String::from);
                (address, refusal.to_string())
            }
        };
        links.insert(address, fate);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for fate in links.values() {
        *counts.entry(fate).or_default() += 1;
    }
    let _ = writeln!(
        out,
        "\n{} links on the page, {} different",
        hrefs.len(),
        links.len()
    );
    for (fate, count) in counts {
        let _ = writeln!(out, "  {count} {}", clean(fate));
    }
    let shown = if all { links.len() } else { LINKS };
    for (address, fate) in links.iter().take(shown) {
        let _ = writeln!(out, "  {}   {}", clean(address), clean(fate));
    }
    if links.len() > shown {
        let _ = writeln!(out, "  and {} more; --all lists them", links.len() - shown);
    }
}
