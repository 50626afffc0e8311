//! The sites file as it is written: one `Document` for each `---`.

use super::blocks::BlockForm;
use super::forms::{Headers, OneOrMany, OrderedMap, TimeoutForm, WorkersForm};
use super::ladder::{BrowserForm, HttpForm, ProxyForm, ServiceForm, SolverForm};
use super::scalar::{
    AlertLevel, Bodies, Bound, CanonicalName, Compress, Css, DateFormat, Depth, Expression,
    HostName, HreflangName, JsonPathText, LdPath, MetaName, Moment, Name, NoindexName, Obey,
    Positive, Retries, RungName, Size, Span, StrategyName, Switch, Text, TrapCap, WebUrl, Webhook,
    When,
};
use super::source::raw::{ApiSource, ListForm};
use serde::Deserialize;

/// One document: a site, or (with `defaults` alone) defaults for the sites after it.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Defaults for the documents after this one; alone in its document.
    pub defaults: Option<Defaults>,
    /// The site's name, unique in the file.
    pub site: Option<Name>,
    /// Where the crawl begins: a URL or a list of them; may be left out where `discover`
    /// names pages by APIs, lists or sitemaps.
    pub start: Option<OneOrMany<WebUrl>>,
    /// Where the crawl ends at the latest.
    pub limits: Option<Limits>,
    /// How pages are found.
    pub discover: Option<Discover>,
    /// Which URLs belong to the site.
    pub scope: Option<Scope>,
    /// What counts as the same URL.
    pub url: Option<UrlForm>,
    /// How pages are fetched.
    pub fetch: Option<Fetch>,
    /// What is kept beside records.
    pub keep: Option<Keep>,
    /// What is taken from the pages.
    pub extract: Option<Vec<Record>>,
    /// When the operator is alerted; in place of those of the defaults.
    pub alerts: Option<Vec<Alert>>,
}

/// What may stand under `defaults`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Where the crawl ends at the latest.
    pub limits: Option<Limits>,
    /// How pages are found.
    pub discover: Option<Discover>,
    /// Which URLs belong to the site.
    pub scope: Option<Scope>,
    /// What counts as the same URL.
    pub url: Option<UrlForm>,
    /// How pages are fetched.
    pub fetch: Option<Fetch>,
    /// What is kept beside records.
    pub keep: Option<Keep>,
    /// When the operator is alerted.
    pub alerts: Option<Vec<Alert>>,
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: Option<$type>,)* }

        impl $name {
            /// This section, with what it leaves out taken from `other`.
            pub fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }
        }
    )*};
}

sections! {
    /// Where the crawl ends at the latest.
    Limits {
        /// Pages to fetch at most.
        pages: Positive,
        /// Links from the start page at most.
        depth: Depth,
    }
    /// How pages are found.
    Discover {
        /// `auto` (those that robots.txt names, else /sitemap.xml), `off`, or a list of URLs.
        sitemap: SitemapForm,
        /// Whether links on pages are followed.
        links: Switch,
        /// Whether `nofollow` is obeyed: `obey` or `ignore`.
        nofollow: Obey,
        /// Whether a sitemap's `lastmod` may say that a page need not be asked again:
        /// `obey` or `ignore`.
        lastmod: Obey,
        /// What a page's canonical URL means: `record` only writes it down, `follow` makes it
        /// known, `only` also takes no record of a page whose canonical is another page of the site.
        canonical: CanonicalName,
        /// Whether pages that ask not to be indexed yield records: `keep` or `skip`.
        noindex: NoindexName,
        /// Whether a page's other languages (`link rel=alternate hreflang`) are followed: `off` or `follow`.
        hreflang: HreflangName,
        /// Sitemap entries last changed before this are left out: `2024-05-01`, or `30d` ago.
        since: Moment,
        /// APIs whose answers list URLs.
        api: Vec<ApiSource>,
        /// Lists of URLs made by other tools: files or URLs, as txt, csv, jsonl or sitemap.
        files: Vec<ListForm>,
        /// New pages of one trap's shape at most, 1000 by default; `off` lifts it.
        traps: TrapCap,
        /// Which pages come first: `breadth`, `depth` or `focused`.
        strategy: StrategyName,
        /// Path-and-query pattern of the pages that `strategy: focused` looks for.
        target: Expression,
    }
    /// Which URLs belong to the site.
    Scope {
        /// Hosts; `*.example.org` takes its subdomains. By default those of `start`.
        hosts: OneOrMany<HostName>,
        /// Path-and-query patterns of which one must match. By default all match.
        include: OneOrMany<Expression>,
        /// Path-and-query patterns of which none may match.
        exclude: OneOrMany<Expression>,
    }
    /// What counts as the same URL.
    UrlForm {
        /// Sort the query's parameters by name.
        sort_query: Switch,
        /// Query parameters to drop; `utm_*` drops all that begin so.
        drop_params: OneOrMany<Text>,
    }
    /// How pages are fetched.
    Fetch {
        /// Ways of fetching, cheapest first: `http`, `proxy`, `browser`, `service`, `solver`.
        via: OneOrMany<RungName>,
        /// What plain HTTP may spend; its pace and times are those of the site, below.
        http: HttpForm,
        /// Proxies, for `proxy` in `via`.
        proxy: ProxyForm,
        /// The headless browser, for `browser` in `via`.
        browser: BrowserForm,
        /// The scraping API, for `service` in `via`.
        #[serde(default, deserialize_with = "super::ladder::service")]
        service: ServiceForm,
        /// The challenge solver, for `solver` in `via`.
        solver: SolverForm,
        /// Workers, 1 to 1024; `auto` tunes their number while the crawl runs.
        concurrency: WorkersForm,
        /// Least time between two requests to one host.
        delay: Span,
        /// Limit of one request, or of each of its phases.
        timeout: TimeoutForm,
        /// Attempts after the first.
        retries: Retries,
        /// `obey` or `ignore` robots.txt.
        robots: Obey,
        /// The User-Agent header; its first word chooses the group in robots.txt.
        user_agent: Text,
        /// Further request headers.
        headers: Headers,
        /// Whether private, loopback and link-local addresses may be asked.
        allow_private: Switch,
        /// Largest body, on the wire and decompressed.
        max_body: Size,
        /// Answers that are blocks too, beside those that are known.
        blocks: Vec<BlockForm>,
    }
    /// What is kept beside records.
    Keep {
        /// `warc` writes every answer of a page or an API to an archive in the job's folder; by default `off`.
        bodies: Bodies,
        /// How the archive is compressed: `gz` (every tool reads it) or `zstd`.
        compress: Compress,
        /// Size at which a file of the archive is followed by the next. By default 1GB.
        rotate: Size,
        /// Whether the links between pages are kept, for the link graph. By default `off`.
        links: Switch,
        /// Whether a digest of each page's text is kept, by which duplicates are found.
        duplicates: Switch,
    }
}

/// Bounds within which the number of workers tunes itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkersRange {
    /// Fewest; 1 where it is left out.
    pub min: Option<Bound>,
    /// Most; 64 where it is left out.
    pub max: Option<Bound>,
    /// `off` keeps them at `min`, until the operator asks for tuning.
    pub auto: Option<Switch>,
}

/// Limits of the phases of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimeoutPhases {
    /// Name resolution, TCP and TLS.
    pub connect: Option<Span>,
    /// To the end of the response's headers.
    pub headers: Option<Span>,
    /// Between two chunks of the body.
    pub idle: Option<Span>,
    /// The whole request.
    pub total: Option<Span>,
}

/// When the operator is alerted, and how.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The condition.
    pub when: When,
    /// For how long it must hold without a break. By default 10s, and 1m for no_progress.
    #[serde(rename = "for")]
    pub hold: Option<Span>,
    /// `warn` or `error`. By default `warn`.
    pub level: Option<AlertLevel>,
    /// Whether the terminal rings its bell.
    pub bell: Option<Switch>,
    /// Whether the terminal shows a notification.
    pub notify: Option<Switch>,
    /// A URL to which the alert is posted as JSON.
    pub webhook: Option<Webhook>,
    /// A program and its arguments, run without a shell.
    pub command: Option<Vec<Text>>,
}

/// A kind of record.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The record's name.
    pub record: Name,
    /// Path-and-query pattern of the pages that carry it. By default all.
    pub when: Option<Expression>,
    /// Its fields: a CSS selector each, or a map.
    pub fields: OrderedMap<FieldForm>,
}

/// A field in its long form.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Which elements: a CSS selector, or several of which the first that finds a value counts.
    pub css: Option<OneOrMany<Css>>,
    /// Take this attribute instead of the text.
    pub attr: Option<Text>,
    /// Where in JSON: of the page, or of what `css` picks.
    pub json: Option<JsonPathText>,
    /// Where in the page's JSON-LD, such as `Product.offers.price`.
    pub jsonld: Option<LdPath>,
    /// The content of this `meta` element, such as `og:title`.
    pub meta: Option<MetaName>,
    /// Of the text only what this matches: the first group, or the whole.
    #[serde(rename = "match")]
    pub matching: Option<Expression>,
    /// Every match as a list, instead of the first.
    pub all: Option<Switch>,
    /// Fields within what matches, which make it an object.
    pub fields: Option<OrderedMap<FieldForm>>,
    /// What the text is turned into.
    #[serde(rename = "as")]
    pub cast: Option<Cast>,
    /// How a date is written, such as `%d/%m/%Y`.
    pub format: Option<DateFormat>,
    /// Taken where nothing matches.
    pub default: Option<serde_json::Value>,
    /// Without it the page yields no record.
    pub required: Option<Switch>,
}

/// What a field's text is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    /// As it is, white space folded.
    Text,
    /// A number.
    Number,
    /// A number without decimals.
    Integer,
    /// True or false.
    Bool,
    /// A date by ISO 8601.
    Date,
    /// An absolute URL.
    Url,
    /// Inner HTML.
    Html,
    /// The content as Markdown.
    Markdown,
    /// Parsed as JSON.
    Json,
}

pub use super::forms::{FieldForm, SitemapForm};
