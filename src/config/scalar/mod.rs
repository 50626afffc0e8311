//! Single values of the sites file. Each is checked as it is read, so that the
//! parser knows its line and column when it is refused.

mod readers;

pub(super) use self::readers::switch;
use super::browsing::{Browsing, Wait};
use super::source::{Column as ColumnOf, JsonQuery, ListFormat, Since, Strategy};
use super::{Canonical, env};
use readers::*;
pub(super) use readers::{bytes, fraction, json_path, whole};
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

/// A field that is written as one word. No selector begins with `$`.
#[derive(Debug, Clone)]
pub enum ShortField {
    /// The text of the first match.
    Css(String),
    /// The first value at this path.
    Json(JsonQuery),
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
    /// Where a field is, in one word.
    FieldWord(ShortField), "a CSS selector, or a JSONPath such as $.name", |text| match text {
        path if path.starts_with('$') => json_path(path).map(ShortField::Json),
        text => css(text).map(ShortField::Css),
    };
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
    /// What a canonical URL means.
    CanonicalName(Canonical), "record, follow or only", |text| match text {
        "record" => Ok(Canonical::Record),
        "follow" => Ok(Canonical::Follow),
        "only" => Ok(Canonical::Only),
        _ => Err("not known; write record, follow or only".to_owned()),
    };
    /// Whether pages that ask not to be indexed are passed over.
    NoindexName(bool), "keep or skip", |text| match text {
        "keep" => Ok(false),
        "skip" => Ok(true),
        _ => Err("not known; write keep or skip".to_owned()),
    };
    /// Whether other languages are followed.
    HreflangName(bool), "off or follow", |text| match text {
        "off" | "false" => Ok(false),
        "follow" => Ok(true),
        _ => Err("not known; write off or follow".to_owned()),
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
        |text| text.parse().map_err(|()| {
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
