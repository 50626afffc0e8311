//! From documents to sites: defaults applied, what is left out filled in.

use super::alert;
use super::blocks;
use super::error::ConfigError;
use super::fields;
use super::forms::{OneOrMany, SitemapForm, SitemapSwitch, TimeoutForm, WorkersForm};
use super::ladder;
use super::loader::Documents;
use super::rule::RecordRule;
use super::scalar::{Scalar, Workers};
use super::site::{
    Compress, Discover, Fetch, Job, Keep, Limits, Pattern, Robots, Scope, Site, Sitemap, Timeouts,
};
use super::{ApiRule, Strategy, raw, raw::WorkersRange, source};
use crate::page::{NormalForm, Rung, net};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};
use xxhash_rust::xxh3::xxh3_64;

/// The user agent where the file names none.
const USER_AGENT: &str = concat!("crawldeck/", env!("CARGO_PKG_VERSION"));

/// Workers where the file says nothing, and where tuning begins.
const WORKERS: u32 = 8;

/// Values of the command line that replace every site's own.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `limits.pages`.
    pub max_pages: Option<u64>,
    /// `fetch.concurrency`.
    pub concurrency: Option<u32>,
}

/// Makes a job of a file's documents.
///
/// # Errors
/// What cannot be seen in a single value: a missing key, a second site of a
/// name, a file without sites.
pub fn job(documents: Documents, file: &str, over: &Overrides) -> Result<Job, ConfigError> {
    let mut defaults = raw::Defaults::default();
    let mut sites = Vec::new();
    let mut warnings = Vec::new();
    let folder = folder(file);
    let mut lines: HashMap<String, usize> = HashMap::new();
    for (line, document) in documents {
        let fault = |message: String| ConfigError {
            file: file.to_owned(),
            place: Some((line, 1)),
            message,
        };
        if let Some(new) = document.defaults {
            if document.site.is_some() || document.start.is_some() || document.extract.is_some() {
                return Err(fault(
                    "defaults stand alone in a document; put --- between them and the site".into(),
                ));
            }
            defaults = merged(new, defaults);
            continue;
        }
        let Some(name) = document.site.clone() else {
            return Err(fault("the site has no name; write site: NAME".into()));
        };
        if let Some(first) = lines.insert(name.0.clone(), line) {
            return Err(fault(format!(
                "a second site named {}; the first begins on line {first}; give it another name",
                name.0
            )));
        }
        let (site, odd) = site(name.0, document, &defaults, over, &folder).map_err(fault)?;
        warnings.extend(odd.into_iter().map(|odd| fault(odd).to_string()));
        sites.push(Arc::new(site));
    }
    if sites.is_empty() {
        let message = "no site in it; write at least site: NAME and start: URL";
        return Err(ConfigError::whole(file, message));
    }
    Ok(Job {
        sites,
        secrets: Vec::new(),
        warnings,
    })
}

fn merged(new: raw::Defaults, old: raw::Defaults) -> raw::Defaults {
    raw::Defaults {
        limits: Some(both(new.limits, old.limits, raw::Limits::or)),
        discover: Some(both(new.discover, old.discover, raw::Discover::or)),
        scope: Some(both(new.scope, old.scope, raw::Scope::or)),
        url: Some(both(new.url, old.url, raw::UrlForm::or)),
        fetch: Some(both(new.fetch, old.fetch, fetch_or)),
        keep: Some(both(new.keep, old.keep, raw::Keep::or)),
        alerts: new.alerts.or(old.alerts),
    }
}

/// A `fetch:`, with what it and its rungs' maps leave out taken from another.
fn fetch_or(mut own: raw::Fetch, mut other: raw::Fetch) -> raw::Fetch {
    let forms = ladder::Forms::take(&mut own).or(ladder::Forms::take(&mut other));
    let mut fetch = own.or(other);
    forms.put(&mut fetch);
    fetch
}

fn both<T: Default>(own: Option<T>, other: Option<T>, or: fn(T, T) -> T) -> T {
    or(own.unwrap_or_default(), other.unwrap_or_default())
}

fn site(
    name: String,
    document: raw::Document,
    defaults: &raw::Defaults,
    over: &Overrides,
    folder: &Path,
) -> Result<(Site, Vec<String>), String> {
    let limits = both(document.limits, defaults.limits.clone(), raw::Limits::or);
    let discover = both(
        document.discover,
        defaults.discover.clone(),
        raw::Discover::or,
    );
    let scope = both(document.scope, defaults.scope.clone(), raw::Scope::or);
    let url = both(document.url, defaults.url.clone(), raw::UrlForm::or);
    let written = document.fetch.clone().unwrap_or_default();
    let fetch = both(document.fetch, defaults.fetch.clone(), fetch_or);

    let keep = both(document.keep, defaults.keep.clone(), raw::Keep::or);

    let form = NormalForm {
        sort_query: url.sort_query.is_some_and(|on| on.0),
        drop_params: many(url.drop_params, |text| text.0),
    };
    let mut start = many(document.start, |url| url.0);
    for url in &mut start {
        form.apply(url)
            .map_err(|refusal| format!("start {url}: {refusal}"))?;
    }
    let discover = discovered(discover, folder)?;
    let home = match start.is_empty() {
        false => start.clone(),
        true => named(&name, &discover)?,
    };
    let hosts = match scope.hosts {
        Some(hosts) => many(Some(hosts), |host| host.0),
        None => hosts_of(&home),
    };
    if start.is_empty() && hosts.is_empty() {
        return Err(format!(
            "site {name} has neither start nor scope.hosts; write the hosts of the pages in its \
             lists: scope: {{ hosts: [HOST] }}"
        ));
    }
    let of_host = |host: &String| Url::parse(&format!("http://{host}/")).ok();
    let private = match start.is_empty() {
        false => start.iter().any(is_private),
        true => hosts.iter().filter_map(of_host).any(|url| is_private(&url)),
    };
    let private = private || fetch.allow_private.as_ref().is_some_and(|on| on.0);
    let mut site = Site {
        name,
        limits: Limits {
            pages: over.max_pages.or(limits.pages.map(|pages| pages.0)),
            depth: limits.depth.and_then(|depth| u32::try_from(depth.0).ok()),
        },
        discover,
        scope: Scope {
            hosts,
            include: many(scope.include, |pattern| Pattern(pattern.0)),
            exclude: many(scope.exclude, |pattern| Pattern(pattern.0)),
        },
        url: form,
        fetch: fetched(fetch, private, over)?,
        keep: Keep {
            bodies: keep.bodies.is_some_and(|on| on.0),
            compress: keep.compress.map_or(Compress::Gzip, |codec| codec.0),
            rotate: keep.rotate.map_or(1 << 30, |size| size.0),
            links: keep.links.is_some_and(|on| on.0),
            duplicates: keep.duplicates.is_some_and(|on| on.0),
        },
        extract: document
            .extract
            .unwrap_or_default()
            .into_iter()
            .map(fields::record)
            .collect::<Result<_, _>>()?,
        start,
        digest: 0,
        alerts: Arc::default(),
    };
    site.fetch.rungs.in_folder(folder);
    let apis: Vec<u64> = site.discover.api.iter().map(|api| api.key()).collect();
    same_source(&site.discover.api)?;
    site.digest = xxh3_64(
        format!(
            "{site:?}{:?}{apis:?}{}",
            site.fetch.headers,
            site.fetch.rungs.keys()
        )
        .as_bytes(),
    );
    // Alerts change nothing of what is crawled: no part of the digest.
    let defaults = defaults.alerts.as_deref().unwrap_or_default();
    let records: Vec<&RecordRule> = site.records().collect();
    let alerts = alert::rules(document.alerts, defaults, &records)?;
    site.alerts = alerts;
    let idle = ladder::Forms::idle(&written, &site.fetch.via);
    let odd = idle.into_iter().map(|rung| {
        let rung = rung.as_str();
        format!("fetch.{rung} is not used: fetch.via does not name {rung}")
    });
    let odd = odd.collect();
    Ok((site, odd))
}

/// Two APIs whose records could not be told from each other.
fn same_source(apis: &[Arc<ApiRule>]) -> Result<(), String> {
    let mut known = std::collections::HashSet::new();
    let mut with_records = apis.iter().filter(|api| !api.records.is_empty());
    match with_records.find(|api| !known.insert(api.source())) {
        Some(api) => Err(format!(
            "discover.api: {} stands there twice with the same records; write it once",
            api.name()
        )),
        None => Ok(()),
    }
}

/// The sites file's folder, from which lists are named.
fn folder(file: &str) -> PathBuf {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn discovered(raw: raw::Discover, folder: &Path) -> Result<Discover, String> {
    let strategy = raw.strategy.map(|name| name.0).unwrap_or_default();
    let target = raw.target.map(|pattern| Pattern(pattern.0));
    if strategy == Strategy::Focused && target.is_none() {
        let text = "strategy: focused looks for something; write discover.target: REGEX";
        return Err(text.to_owned());
    }
    Ok(Discover {
        sitemap: match raw.sitemap {
            None | Some(SitemapForm::Switch(SitemapSwitch::Auto)) => Sitemap::Auto,
            Some(SitemapForm::Switch(SitemapSwitch::Off)) => Sitemap::Off,
            Some(SitemapForm::List(urls)) => {
                Sitemap::List(urls.into_iter().map(|url| url.0).collect())
            }
        },
        links: raw.links.is_none_or(|on| on.0),
        nofollow: raw.nofollow.is_none_or(|obey| obey.0),
        lastmod: raw.lastmod.is_none_or(|obey| obey.0),
        canonical: raw.canonical.map(|name| name.0).unwrap_or_default(),
        skip_noindex: raw.noindex.is_some_and(|name| name.0),
        hreflang: raw.hreflang.is_some_and(|name| name.0),
        since: raw.since.map(|since| since.0),
        api: raw
            .api
            .unwrap_or_default()
            .into_iter()
            .map(|api| source::api(api).map(Arc::new))
            .collect::<Result<_, _>>()?,
        files: raw
            .files
            .unwrap_or_default()
            .into_iter()
            .map(|list| source::list(list, folder).map(Arc::new))
            .collect::<Result<_, _>>()?,
        traps: raw.traps.map_or(Some(Discover::TRAPS), |cap| cap.0),
        strategy,
        target,
    })
}

pub(super) fn many<T: Scalar, U>(values: Option<OneOrMany<T>>, map: impl Fn(T) -> U) -> Vec<U> {
    values
        .map(OneOrMany::into_vec)
        .unwrap_or_default()
        .into_iter()
        .map(map)
        .collect()
}

fn fetched(mut raw: raw::Fetch, allow_private: bool, over: &Overrides) -> Result<Fetch, String> {
    let forms = ladder::Forms::take(&mut raw);
    let headers: Vec<(String, String)> = raw
        .headers
        .map(|headers| {
            headers
                .0
                .into_iter()
                .map(|(name, text)| (name, text.0))
                .collect()
        })
        .unwrap_or_default();
    let user_agent = raw.user_agent.map_or(USER_AGENT.to_owned(), |text| text.0);
    for (name, value) in headers
        .iter()
        .chain([&("user_agent".to_owned(), user_agent.clone())])
    {
        let name_fits = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !name_fits || reqwest::header::HeaderValue::from_str(value).is_err() {
            // The value may be a secret.
            return Err(format!(
                "\"{name}\" is not a header, or its value cannot be one's"
            ));
        }
    }
    let mut via: Vec<Rung> = many(raw.via, |rung| rung.0);
    if via.is_empty() {
        via.push(Rung::Http);
    }
    for (place, rung) in via.iter().enumerate() {
        if via[..place].contains(rung) {
            let rung = rung.as_str();
            return Err(format!("fetch.via names {rung} twice; write it once"));
        }
    }
    let (concurrency, auto) = match over.concurrency {
        Some(workers) => (workers, None),
        None => workers(raw.concurrency),
    };
    let mut delay = raw.delay.map_or(Duration::ZERO, |span| span.0);
    let mut own = None;
    let mut rungs = forms.resolve(&via, &mut own, &mut delay)?;
    // The first rung's own number stands above the site's, the command line above both.
    let (concurrency, auto) = match (own, over.concurrency) {
        (Some(own), None) => (own, None),
        _ => (concurrency, auto),
    };
    rungs.begin_with(via[0], concurrency);
    Ok(Fetch {
        via,
        rungs,
        concurrency,
        auto,
        delay,
        timeouts: timeouts(raw.timeout)?,
        retries: raw
            .retries
            .and_then(|n| u32::try_from(n.0).ok())
            .unwrap_or(3),
        robots: match raw.robots {
            Some(obey) if !obey.0 => Robots::Ignore,
            _ => Robots::Obey,
        },
        user_agent,
        headers,
        allow_private,
        max_body: raw.max_body.map_or(10 << 20, |size| size.0),
        blocks: blocks::rules(raw.blocks)?.into(),
    })
}

/// `timeout: 30s` limits the whole request and so each of its phases; the
/// phases' own defaults are 10 s to connect, 30 s for the headers, 15 s
/// between two chunks and 60 s in all.
fn timeouts(raw: Option<TimeoutForm>) -> Result<Timeouts, String> {
    let seconds = Duration::from_secs;
    let defaults = Timeouts {
        connect: seconds(10),
        headers: seconds(30),
        idle: seconds(15),
        total: seconds(60),
    };
    let timeouts = match raw {
        None => defaults,
        Some(TimeoutForm::Whole(span)) => Timeouts {
            connect: defaults.connect.min(span.0),
            headers: span.0,
            idle: defaults.idle.min(span.0),
            total: span.0,
        },
        Some(TimeoutForm::Phases(phases)) => {
            let or = |own: Option<super::scalar::Span>, other| own.map_or(other, |span| span.0);
            Timeouts {
                connect: or(phases.connect, defaults.connect),
                headers: or(phases.headers, defaults.headers),
                idle: or(phases.idle, defaults.idle),
                total: or(phases.total, defaults.total),
            }
        }
    };
    let all = [
        timeouts.connect,
        timeouts.headers,
        timeouts.idle,
        timeouts.total,
    ];
    if all.contains(&Duration::ZERO) {
        return Err("a timeout of 0 lets nothing pass; write one such as 30s".to_owned());
    }
    Ok(timeouts)
}

/// Where a site without a start is at home: its APIs and its sitemaps. A list may
/// be anybody's.
///
/// # Errors
/// Where nothing names its pages.
fn named(name: &str, discover: &Discover) -> Result<Vec<Url>, String> {
    let mut home: Vec<Url> = discover.api.iter().filter_map(|api| api.home()).collect();
    if let Sitemap::List(sitemaps) = &discover.sitemap {
        home.extend(sitemaps.iter().cloned());
    }
    match home.is_empty() && discover.files.is_empty() {
        true => Err(format!(
            "site {name} has no start; write start: URL, or name its pages by discover.api, \
             discover.files or a list of sitemaps"
        )),
        false => Ok(home),
    }
}

/// The hosts of the start URLs, with their ports where they name one.
fn hosts_of(start: &[Url]) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for url in start {
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let host = format!("{}{port}", url.host_str().unwrap_or_default());
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// Whether a start URL is private itself, which lifts the guard for its site.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => net::is_private(ip.into()),
        Some(Host::Ipv6(ip)) => net::is_private(ip.into()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// How many workers at the start, and the bounds of their tuning.
fn workers(form: Option<WorkersForm>) -> (u32, Option<RangeInclusive<u32>>) {
    // Checked when it was read: at most `Fetch::MAX_CONCURRENCY`.
    let count = |n: u64| u32::try_from(n).unwrap_or(Fetch::MAX_CONCURRENCY);
    let range = match form {
        None => return (WORKERS, None),
        Some(WorkersForm::Word(Workers(Some(n)))) => return (count(n), None),
        Some(WorkersForm::Word(Workers(None))) => WorkersRange::default(),
        Some(WorkersForm::Range(range)) => range,
    };
    let min = range.min.map_or(*Fetch::AUTO.start(), |n| count(n.0));
    let max = range
        .max
        .map_or(min.max(*Fetch::AUTO.end()), |n| count(n.0));
    // A bound that is left out gives way to the one that is not.
    let min = min.min(max);
    if range.auto.is_some_and(|auto| !auto.0) {
        return (min, None);
    }
    (WORKERS.clamp(min, max), Some(min..=max))
}
