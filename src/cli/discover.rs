//! `crawldeck discover`: what people do by hand in a browser's network panel.

use super::{INCOMPLETE, complain, print};
use crate::config::browsing::{Blocked, Browsing, Step, Wait};
use crate::config::{self, Overrides};
use crate::discover::listing::{self, Address, Kind, Listing, Place, Seen};
use crate::extract::links;
use crate::fetch::browser::{Browser, Exchange};
use crate::fetch::{FetchError, Fetched, Http, Visitor};
use crate::monitor::line::clean;
use crate::page::Rung;
use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Longest example of an item that is printed as text, characters.
const EXAMPLE: usize = 400;

/// Arguments of `crawldeck discover`.
#[derive(Debug, Args)]
pub struct DiscoverArgs {
    /// The page to open
    url: String,
    /// When it is ready: load, network-idle, or a CSS selector
    #[arg(long, default_value = "network-idle")]
    wait: String,
    /// How often to scroll to its end
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    scroll: u32,
    /// Click the first element that matches this CSS selector, once ready; may be repeated
    #[arg(long, value_name = "CSS")]
    click: Vec<String>,
    /// Print JSON instead of a sites file
    #[arg(long)]
    json: bool,
}

/// Limit of the whole page, with all its scrolls and clicks.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Runs it.
pub fn run(args: &DiscoverArgs) -> anyhow::Result<ExitCode> {
    let mut job = config::for_url(&args.url, &Overrides::default())?;
    let Some((site, page)) = job.sites.pop().and_then(|site| {
        let page = site.start.first().cloned()?;
        Some((site, page))
    }) else {
        bail!("{}: not the URL of a page", args.url);
    };
    let mut visitor = Visitor::new(&site).within(Rung::Browser, TIMEOUT);
    visitor.browsing = Arc::new(browsing(args));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (fetched, exchanges) = match runtime.block_on(open(&visitor, &page)) {
        Ok(opened) => opened,
        Err(error) => {
            complain(format_args!(
                "{}: {}",
                clean(page.as_str()),
                clean(&error.detail)
            ));
            return Ok(ExitCode::from(INCOMPLETE));
        }
    };
    let landed = fetched.landed.as_ref().unwrap_or(&page);
    if fetched.status >= 400 {
        let status = fetched.status;
        complain(format_args!("{}: status {status}", clean(landed.as_str())));
        return Ok(ExitCode::from(INCOMPLETE));
    }
    let seen: Vec<Seen> = exchanges.into_iter().filter(is_good).map(seen).collect();
    let listings = listing::find(&seen, &links_of(&fetched, landed));
    if args.json {
        let listings: Vec<Value> = listings.iter().map(told).collect();
        let all = json!({ "url": landed.as_str(), "requests": seen.len(), "listings": listings });
        print(format!("{all:#}\n").as_bytes())?;
    } else if !listings.is_empty() {
        print(as_text(landed, seen.len(), &listings).as_bytes())?;
    }
    if listings.is_empty() {
        complain(format_args!(
            "{}: none of its {} API answers looks like a listing; try --wait with a selector, \
             more --scroll, or --click on what shows the list",
            clean(landed.as_str()),
            seen.len()
        ));
        return Ok(ExitCode::from(INCOMPLETE));
    }
    Ok(ExitCode::SUCCESS)
}

fn browsing(args: &DiscoverArgs) -> Browsing {
    let wait = match args.wait.as_str() {
        "load" => Wait::Load,
        "network-idle" => Wait::NetworkIdle,
        css => Wait::Selector(css.to_owned()),
    };
    let clicks = args
        .click
        .iter()
        .flat_map(|css| [Step::Click(css.clone()), Step::Wait(Wait::NetworkIdle)]);
    let scroll = (args.scroll > 0).then_some(Step::Scroll(args.scroll));
    Browsing {
        wait,
        block: Blocked::default(),
        steps: clicks.chain(scroll).collect(),
        ..Browsing::default()
    }
}

async fn open(visitor: &Visitor, page: &Url) -> Result<(Fetched, Vec<Exchange>), FetchError> {
    let browser = Browser::new(None, Arc::new(Http::new()?));
    browser.record(visitor, page).await
}

fn is_good(exchange: &Exchange) -> bool {
    (200..300).contains(&exchange.status)
}

fn seen(exchange: Exchange) -> Seen {
    Seen {
        method: exchange.method,
        url: exchange.url,
        posted: exchange.posted,
        answer: exchange.answer,
    }
}

/// The links of the page as the browser left it.
fn links_of(fetched: &Fetched, page: &Url) -> Vec<Url> {
    let html = String::from_utf8_lossy(&fetched.body);
    let mut hrefs = Vec::new();
    let head = links::scan(&html, &mut |link| hrefs.push(link.href.to_string()));
    let base = head
        .base_href
        .as_deref()
        .and_then(|base| page.join(base).ok());
    let base = base.as_ref().unwrap_or(page);
    hrefs
        .iter()
        .filter_map(|href| base.join(href).ok())
        .collect()
}

/// The sites file, with what was found as comments before it.
fn as_text(page: &Url, requests: usize, listings: &[Listing]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "# {}: {requests} API answers, {} of them listings.",
        clean(page.as_str()),
        listings.len()
    );
    for listing in listings {
        let items = &listing.items;
        let url = clean(listing.seen.url.as_str());
        let _ = writeln!(
            out,
            "#\n# {} {url}, asked {} times",
            listing.seen.method, listing.asked
        );
        let _ = writeln!(
            out,
            "#   {} items at {}, the page of each: {}",
            items.count,
            clean(&items.path),
            clean(&address(&items.address))
        );
        let _ = writeln!(out, "#   next part: {}", clean(&paging(listing)));
        let example: String = items.example.to_string().chars().take(EXAMPLE).collect();
        let _ = writeln!(out, "#   one item: {}", clean(&example));
    }
    out.push_str("#\n# As a sites file:\n");
    out.push_str(&listing::sites_file(page, listings));
    out
}

fn address(address: &Address) -> String {
    match address {
        Address::Itself => "the item itself".to_owned(),
        Address::Key(key) => format!("its {key}"),
        Address::Template { template, .. } => template.clone(),
        Address::Unknown { key } => format!("not seen; it has an id, {key}"),
    }
}

fn paging(listing: &Listing) -> String {
    let Some(paging) = &listing.paging else {
        return "not seen; the answer may be all".to_owned();
    };
    let place = match &paging.place {
        Place::Query(_) => "the query",
        Place::Posted(_) => "what is posted",
    };
    let kind = match &paging.kind {
        Kind::Page(first) => format!("a page's number from {first}"),
        Kind::Offset(step) => format!("an offset in steps of {step}"),
        Kind::Cursor(at) => format!("a cursor, found at {at}"),
    };
    let how = if paging.proven {
        "seen to change"
    } else {
        "by its name"
    };
    format!("{} in {place}: {kind} ({how})", paging.place.name())
}

/// A listing as `--json` tells it.
fn told(listing: &Listing) -> Value {
    let items = &listing.items;
    let (kind, step, cursor) = match listing.paging.as_ref().map(|paging| &paging.kind) {
        Some(Kind::Page(_)) => (Some("page"), None, None),
        Some(Kind::Offset(step)) => (Some("offset"), Some(*step), None),
        Some(Kind::Cursor(at)) => (Some("cursor"), None, Some(at.as_str())),
        None => (None, None, None),
    };
    let key = match &items.address {
        Address::Itself => None,
        Address::Key(key) | Address::Template { key, .. } | Address::Unknown { key } => Some(key),
    };
    let template = match &items.address {
        Address::Template { template, .. } => Some(template),
        _ => None,
    };
    json!({
        "method": listing.seen.method,
        "url": listing.seen.url.as_str(),
        "asked": listing.asked,
        "items": items.path,
        "count": items.count,
        "example": items.example,
        "key": key,
        "item": template,
        "ready": listing.is_ready(),
        "paging": kind.map(|kind| json!({
            "kind": kind,
            "parameter": listing.paging.as_ref().map(|paging| paging.place.name()),
            "step": step,
            "cursor": cursor,
            "proven": listing.paging.as_ref().map(|paging| paging.proven),
        })),
        "stanza": listing::entry(listing),
    })
}
