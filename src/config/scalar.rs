//! Single values of the sites file. Each is checked as it is read, so that the
//! parser knows its line and column when it is refused.

use super::browsing::{Browsing, Wait};
use super::source::{Column as ColumnOf, JsonQuery, ListFormat, Since, Strategy};
use super::{date, env};
use crate::page::{NormalForm, money};
use regex::Regex;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;
use url::Url;

/// A value that is written as one word or number.
pub trait Scalar: Sized {
    /// What belongs there, for messages: "a duration such as 250ms".
    const WHAT: &'static str;

    /// Reads it. The error says what is wrong; the value itself, which may hold
    /// a secret, is not repeated in it.
    fn read(text: &str) -> Result<Self, String>;
}

/// How those errors begin that go on from the value's own text.
const TELLS_OF_IT: [&str; 4] = ["not ", "no ", "neither", "out of range"];

/// Reads a scalar of whatever form: see [`scalars`].
pub(super) struct Reader<T>(pub(super) PhantomData<T>);

impl<T: Scalar> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let value = env::expand(text).map_err(E::custom)?;
        T::read(&value).map_err(|wrong| {
            // What came from the environment may be a secret.
            if value == text && TELLS_OF_IT.iter().any(|start| wrong.starts_with(start)) {
                E::custom(format!("\"{text}\" is {wrong}"))
            } else {
                E::custom(wrong)
            }
        })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::read(&number.to_string()).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::read(&number.to_string()).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::read(&number.to_string()).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        T::read(if value { "true" } else { "false" }).map_err(E::custom)
    }
}

/// Declares scalars: name and type, what belongs there, how it is read.
macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, |$text:ident| $read:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub $inner);

        impl Scalar for $name {
            const WHAT: &'static str = $what;
            fn read($text: &str) -> Result<Self, String> {
                $read.map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                source.deserialize_any(Reader::<Self>(PhantomData))
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": ["string", "number", "boolean"],
                    "description": $what,
                })
            }
        }
    )*};
}
pub(super) use scalars;

scalars! {
    /// A site's or record's name.
    Name(String), "a name of letters, digits, '.', '_' and '-'", |text| name(text);
    /// Any text.
    Text(String), "a text", |text| Ok(text.to_owned());
    /// An http or https URL.
    WebUrl(Url), "an http or https URL", |text| web_url(text);
    /// A host name, perhaps with `*.` before and a port behind it.
    HostName(String), "a host name such as example.org, *.example.org or example.org:8080",
        |text| host_name(text);
    /// A regular expression.
    Expression(Regex), "a regular expression", |text| expression(text);
    /// A CSS selector.
    Css(String), "a CSS selector", |text| css(text);
    /// A path in JSON-LD.
    LdPath(String), "a path in JSON-LD such as Product.offers.price", |text| ld_path(text);
    /// The name of a `meta` element.
    MetaName(String), "the name of a meta element, such as og:title", |text| meta_name(text);
    /// How a date is written.
    DateFormat(String), "a date's format such as %d/%m/%Y", |text| date_format(text);
    /// A duration.
    Span(Duration), "a duration such as 250ms, 1.5s or 2m", |text| span(text);
    /// A number of bytes.
    Size(u64), "a size such as 500KB, 10MB or 1048576", |text| size(text);
    /// A whole number, 1 or more.
    Positive(u64), "a whole number from 1", |text| whole(text, 1, u64::MAX);
    /// Links from the start page.
    Depth(u64), "a whole number from 0 to 1000000", |text| whole(text, 0, 1_000_000);
    /// Workers; `None` where they tune themselves.
    Workers(Option<u64>), "a whole number from 1 to 1024, or auto", |text| workers(text);
    /// A bound of workers that tune themselves.
    Bound(u64), "a whole number from 1 to 1024", |text| whole(text, 1, 1024);
    /// Retries.
    Retries(u64), "a whole number from 0 to 100", |text| whole(text, 0, 100);
    /// A switch.
    Switch(bool), "on or off", |text| switch(text);
    /// Whether to obey.
    Obey(bool), "obey or ignore", |text| match text {
        "obey" => Ok(true),
        "ignore" => Ok(false),
        _ => Err("not known; write obey or ignore".to_owned()),
    };
    /// A whole number.
    Number(u64), "a whole number", |text| whole(text, 0, u64::MAX);
    /// A JSONPath.
    JsonPathText(JsonQuery), "a JSONPath such as $.items[*].href", |text| json_path(text);
    /// Where the next answer's address is; `None` is the `Link` header.
    NextPage(Option<JsonQuery>), "link, or a JSONPath such as $.next", |text| match text {
        "link" => Ok(None),
        _ => json_path(text).map(Some),
    };
    /// A column of a table.
    Column(ColumnOf), "a column's name, or its number from 1", |text| match text.parse() {
        Ok(0) => Err("no column; the first is number 1".to_owned()),
        Ok(number) => Ok(ColumnOf::Number(number)),
        Err(_) => Ok(ColumnOf::Name(text.to_owned())),
    };
    /// What a list is.
    FormatName(ListFormat), "txt, csv, jsonl or sitemap", |text| match text {
        "txt" => Ok(ListFormat::Lines),
        "csv" | "tsv" => Ok(ListFormat::Table),
        "jsonl" => Ok(ListFormat::JsonLines),
        "sitemap" | "xml" => Ok(ListFormat::Sitemap),
        _ => Err("not known; write txt, csv, jsonl or sitemap".to_owned()),
    };
    /// Whether it is POST.
    Method(bool), "GET or POST", |text| match text {
        "GET" | "get" => Ok(false),
        "POST" | "post" => Ok(true),
        _ => Err("not known; write GET or POST".to_owned()),
    };
    /// New pages of a trap's shape; `None` is no limit.
    TrapCap(Option<u64>), "a whole number from 1, on or off", |text| match text {
        "off" | "false" => Ok(None),
        "on" | "true" => Ok(Some(super::Discover::TRAPS)),
        _ => whole(text, 1, u64::MAX).map(Some),
    };
    /// Which pages come first.
    StrategyName(Strategy), "breadth, depth or focused", |text| match text {
        "breadth" => Ok(Strategy::Breadth),
        "depth" => Ok(Strategy::Depth),
        "focused" => Ok(Strategy::Focused),
        _ => Err("not known; write breadth, depth or focused".to_owned()),
    };
    /// A moment, or a time before now.
    Moment(Since), "a date such as 2024-05-01, or a time such as 30d", |text| since(text);
    /// Whether answers are kept whole.
    Bodies(bool), "off or warc", |text| match text {
        "warc" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("not known; write warc or off".to_owned()),
    };
    /// How they are compressed.
    Compress(super::Compress), "gz or zstd", |text| match text {
        "gz" | "gzip" => Ok(super::Compress::Gzip),
        "zstd" | "zst" => Ok(super::Compress::Zstd),
        _ => Err("not known; write gz or zstd".to_owned()),
    };
    /// When an alert begins.
    When(crate::bus::Condition), "a condition such as errors > 10%, pages_per_s < 5, no_progress, \
        queue_growth > 100/s, disk_free < 2GB or fill(record.field) < 90%",
        |text| super::alert::condition(text);
    /// How much an alert matters.
    AlertLevel(crate::bus::Level), "warn or error", |text| super::alert::level(text);
    /// Where an alert is posted.
    Webhook(String), "an http or https URL", |text| super::alert::webhook(text);
    /// A rung of the ladder.
    RungName(super::Rung), "a way of fetching: http, proxy, browser, service or solver",
        |text| super::Rung::ALL
            .into_iter()
            .find(|rung| rung.as_str() == text)
            .ok_or_else(|| {
                "no way of fetching; write one of http, proxy, browser, service, solver".to_owned()
            });
    /// A proxy's address.
    ProxyText(super::ProxyAddress), "a proxy such as http://user:password@host:port",
        |text| super::ProxyAddress::parse(text);
    /// Where a list of proxies is fetched.
    ProxyListUrl(Url), "an http or https URL",
        |text| match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
            // It may hold a key.
            _ => Err("a whole URL is wanted; write it with https:// (or http://)".to_owned()),
        };
    /// When another exit is taken.
    RotateName(super::Rotate), "request, site or session", |text| match text {
        "request" => Ok(super::Rotate::Request),
        "site" => Ok(super::Rotate::Site),
        "session" => Ok(super::Rotate::Session),
        _ => Err("not known; write request, site or session".to_owned()),
    };
    /// Whether names are left for the proxy to resolve.
    ResolveName(bool), "local or remote", |text| match text {
        "local" => Ok(false),
        "remote" => Ok(true),
        _ => Err("not known; write local or remote".to_owned()),
    };
    /// Whether requests go directly where no proxy can be used.
    FallbackName(bool), "none or direct", |text| match text {
        "none" => Ok(false),
        "direct" => Ok(true),
        _ => Err("not known; write none or direct".to_owned()),
    };
    /// What a browser waits for.
    WaitWord(Wait), "load or network-idle", |text| wait(text)
        .ok_or_else(|| "not known; write load, network-idle, or a map with selector".to_owned());
    /// What a step of a browser waits for, or how long.
    PauseWord(Result<Wait, Duration>), "load, network-idle or a duration such as 500ms",
        |text| match wait(text) {
            Some(wait) => Ok(Ok(wait)),
            None => span(text).map(Err).map_err(|_| {
                "not known; write load, network-idle, a duration such as 500ms, or a map with \
                 selector".to_owned()
            }),
        };
    /// How often a browser scrolls.
    Scrolls(u32), "a whole number from 1 to 1000", |text| {
        // The bound fits.
        whole(text, 1, Browsing::MOST_SCROLLS).map(|times| u32::try_from(times).unwrap_or(1))
    };
    /// What a browser does not fetch.
    BlockName(&'static str), "images, fonts, media, styles, trackers or off", |text| {
        ["images", "fonts", "media", "styles", "trackers", "off"]
            .into_iter()
            .find(|name| *name == text || (*name == "off" && text == "false"))
            .ok_or_else(|| {
                "not known; write images, fonts, media, styles, trackers or off".to_owned()
            })
    };
    /// An amount of money, in millionths.
    Money(u64), "an amount such as 12.50", |text| amount(text);
}

fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > 100 || !text.chars().all(fits) {
        return Err("no name; a name is up to 100 letters, digits, '.', '_' and '-'".to_owned());
    }
    Ok(text.to_owned())
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => {
            "not a whole URL; write it with https:// (or http://) in front".to_owned()
        }
        error => format!("not a URL: {error}"),
    })?;
    let mut plain = url;
    NormalForm::default()
        .apply(&mut plain)
        .map_err(|refusal| format!("not a page's URL: {refusal}"))?;
    Ok(plain)
}

fn host_name(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let parsed = Url::parse(&format!("http://{bare}/"))
        .ok()
        .filter(|url| url.host_str().is_some() && url.path() == "/" && url.username().is_empty());
    match parsed {
        Some(url) if !bare.contains('/') => {
            let host = url.host_str().unwrap_or_default();
            let star = if bare.len() == text.len() { "" } else { "*." };
            // An explicit :80 is dropped by the parser, and means what it says.
            let port = bare
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok())
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            Ok(format!("{star}{host}{port}"))
        }
        _ => Err("not a host name; write it without https:// and without a path".to_owned()),
    }
}

fn expression(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or("bad").trim();
        format!(
            "not a regular expression: {}",
            reason.trim_start_matches("error: ")
        )
    })
}

fn css(text: &str) -> Result<String, String> {
    match scraper::Selector::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        // A message of the parser's may have lines of its own, and its own advice.
        Err(error) => {
            let first = error.to_string().lines().next().map(str::to_owned);
            let first = first.unwrap_or_default();
            let first = first.split(". Please report").next().unwrap_or_default();
            Err(format!("not a CSS selector: {first}"))
        }
    }
}

fn ld_path(text: &str) -> Result<String, String> {
    let fits = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    if !text.split('.').all(fits) {
        return Err("not a path in JSON-LD; write it like Product.offers.price".to_owned());
    }
    Ok(text.to_owned())
}

fn meta_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        return Err("not the name of a meta element; write it like og:title".to_owned());
    }
    Ok(text.to_owned())
}

/// The letters that may stand behind a `%` in a date's format.
pub const DATE_LETTERS: &str = "YymdbBHIMSpzZ%";

fn date_format(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    let mut any = false;
    while let Some(c) = letters.next() {
        if c == '%' {
            any = true;
            if !letters.next().is_some_and(|c| DATE_LETTERS.contains(c)) {
                return Err(
                    "not a date's format; it has %Y %y %m %d %b %B %H %I %M %S %p %z %Z and %%"
                        .to_owned(),
                );
            }
        }
    }
    match any {
        true => Ok(text.to_owned()),
        false => Err("not a date's format; write it like %d/%m/%Y".to_owned()),
    }
}

pub(super) fn json_path(text: &str) -> Result<JsonQuery, String> {
    match serde_json_path::JsonPath::parse(text) {
        Ok(path) => Ok(JsonQuery {
            text: text.to_owned(),
            path,
        }),
        Err(error) => Err(format!("not a JSONPath: {error}; one begins with $")),
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Some(at) = date::seconds(text) {
        return Ok(Since::Moment(at));
    }
    let days = text.strip_suffix('d').map(str::parse::<u32>);
    let hours = text.strip_suffix('h').map(str::parse::<u32>);
    match (days, hours) {
        (Some(Ok(days)), _) => Ok(Since::Ago(i64::from(days) * 86_400)),
        (_, Some(Ok(hours))) => Ok(Since::Ago(i64::from(hours) * 3600)),
        _ => Err("not a date; write it like 2024-05-01, or 30d for thirty days ago".to_owned()),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration; write it like 250ms, 1.5s or 2m".to_owned();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let span = Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())?;
    if span > super::Fetch::MAX_DELAY {
        return Err("too long; at most 1h".to_owned());
    }
    Ok(span)
}

fn size(text: &str) -> Result<u64, String> {
    let wrong = || "not a size; write it like 500KB, 10MB or 1048576".to_owned();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|bytes| (1024..=4 << 30).contains(bytes))
        .ok_or_else(|| "out of range; a size is from 1KB to 4GB".to_owned())
}

/// A number from 0, perhaps with a fraction.
pub(super) fn fraction(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn wait(text: &str) -> Option<Wait> {
    match text {
        "load" => Some(Wait::Load),
        "network-idle" => Some(Wait::NetworkIdle),
        _ => None,
    }
}

/// `12.50` in millionths.
fn amount(text: &str) -> Result<u64, String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let exact = plain && text.split_once('.').is_none_or(|(_, part)| part.len() <= 6);
    money::millionths(text)
        .filter(|amount| exact && *amount > 0)
        .ok_or_else(|| "not an amount; write it like 12.50, with six decimals at most".to_owned())
}

pub(super) fn whole(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let range = if most == u64::MAX {
        format!("a whole number from {least}")
    } else {
        format!("a whole number from {least} to {most}")
    };
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{text} does not fit; write {range}"))
}

fn workers(text: &str) -> Result<Option<u64>, String> {
    if text == "auto" {
        return Ok(None);
    }
    whole(text, 1, u64::from(super::Fetch::MAX_CONCURRENCY)).map(Some)
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("neither; write on or off".to_owned()),
    }
}
