//! The shape of a URL that looks like one of very many.

use xxhash_rust::xxh3::xxh3_64;

/// URLs longer than this are suspected, bytes.
const LONG: usize = 1024;
/// How often segments must repeat.
const REPEATS: usize = 3;
/// Longest run of segments whose repetition is looked for.
const RUN: usize = 4;
/// Shortest value that can name a session, bytes.
const SESSION: usize = 8;
/// Parameters that name a session, lower case.
const SESSIONS: [&str; 12] = [
    "jsessionid",
    "phpsessid",
    "sessionid",
    "session_id",
    "session",
    "sessid",
    "sid",
    "cfid",
    "cftoken",
    "oscsid",
    "zenid",
    "aspsessionid",
];

/// What kind of trap a shape is of. The numbers stand in stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `/a/b/a/b/a/b`.
    Repeats = 0,
    /// A date in the path or the query, and nothing behind it.
    Calendar = 1,
    /// Parameters in ever new orders and sets.
    Query = 2,
    /// A session's number.
    Session = 3,
    /// Longer than any page's address need be.
    Long = 4,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Repeats,
        Self::Calendar,
        Self::Query,
        Self::Session,
        Self::Long,
    ];

    /// Its number, the same in every version; see [`Kind::of_number`].
    pub(super) fn number(self) -> u8 {
        self as u8
    }

    /// The kind of a number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its name on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repeats => "repeating path",
            Self::Calendar => "calendar",
            Self::Query => "query permutations",
            Self::Session => "session identifiers",
            Self::Long => "over-long URLs",
        }
    }

    /// How many pages of a shape are taken. What repeats itself and what
    /// differs in its session is hardly ever a page of its own: a hundredth.
    pub(super) fn cap(self, cap: u64) -> u64 {
        match self {
            Self::Repeats | Self::Session => (cap / 100).max(1),
            Self::Calendar | Self::Query | Self::Long => cap,
        }
    }
}

/// A URL without what varies.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of which trap.
    pub kind: Kind,
    /// Host and path, what varies in braces.
    pub text: String,
    /// Of [`Kind::Query`], the keys as they stand, as a hash; else 0.
    pub way: u64,
}

/// The shape of a URL in normal form; `None` where it looks like no trap.
pub(super) fn of(url: &str) -> Option<Shape> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, query),
        None => (rest, ""),
    };
    let (host, path) = path.split_at(path.find('/').unwrap_or(path.len()));
    let made = |kind, text| Some(Shape { kind, text, way: 0 });
    if let Some(text) = session(host, path, query) {
        return made(Kind::Session, text);
    }
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(text) = repeats(host, &segments) {
        return made(Kind::Repeats, text);
    }
    if url.len() > LONG {
        let first = segments.first().copied().unwrap_or_default();
        let first: String = first.chars().take(64).collect();
        return made(Kind::Long, format!("{host}/{first}{{long}}"));
    }
    if let Some(text) = calendar(host, &segments, query) {
        return made(Kind::Calendar, text);
    }
    let keys: Vec<&str> = pairs(query).map(|(key, _)| key).collect();
    (keys.len() >= 2).then(|| Shape {
        kind: Kind::Query,
        text: format!("{host}{}?{{…}}", general(path)),
        way: xxh3_64(keys.join("&").as_bytes()),
    })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A path with its numbers left out.
fn general(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if number { "{n}" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn session(host: &str, path: &str, query: &str) -> Option<String> {
    let is_session = |key: &str, value: &str| {
        let key = key.to_ascii_lowercase();
        let named = SESSIONS.contains(&key.as_str()) || key.starts_with("aspsessionid");
        named && value.len() >= SESSION && value.bytes().any(|byte| byte.is_ascii_digit())
    };
    if let Some((before, parameter)) = path.split_once(';')
        && let Some((key, value)) = parameter.split_once('=')
        && is_session(key, value)
    {
        return Some(format!("{host}{};{key}={{session}}", general(before)));
    }
    // ASP.NET without cookies.
    if let Some((before, after)) = path.split_once("/(S(")
        && let Some((_, after)) = after.split_once("))")
    {
        return Some(format!(
            "{host}{}/(S({{session}})){}",
            general(before),
            general(after)
        ));
    }
    let (key, _) = pairs(query).find(|(key, value)| is_session(key, value))?;
    Some(format!("{host}{}?{key}={{session}}", general(path)))
}

/// The path up to the first run of segments that stands there three times.
fn repeats(host: &str, segments: &[&str]) -> Option<String> {
    for run in 1..=RUN.min(segments.len() / REPEATS) {
        let windows = segments.windows(run * REPEATS);
        for (at, window) in windows.enumerate() {
            let (first, rest) = window.split_at(run);
            if rest.chunks(run).all(|chunk| chunk == first) {
                let start = segments[..at + run].join("/");
                return Some(format!(
                    "{host}{}{{repeated}}",
                    general(&format!("/{start}/"))
                ));
            }
        }
    }
    None
}

/// The URL with its date left out, where nothing stands behind that: what has
/// a name of its own behind its date is an article.
fn calendar(host: &str, segments: &[&str], query: &str) -> Option<String> {
    let mut found = false;
    let mut path = String::from(host);
    let mut at = 0;
    while at < segments.len() {
        let length = date_at(&segments[at..]);
        path.push('/');
        if length > 0 && at + length == segments.len() {
            path.push_str("{date}");
            found = true;
            break;
        }
        path.push_str(segments[at]);
        at += 1;
    }
    let has =
        |wanted: &str| pairs(query).any(|(key, value)| key == wanted && number(value).is_some());
    let by_parts = has("month") && has("year");
    let mut keys: Vec<String> = Vec::new();
    for (key, value) in pairs(query) {
        let part = by_parts && matches!(key, "year" | "month" | "day");
        if part || is_date(value) {
            found = true;
            keys.push(format!("{key}={{date}}"));
        } else {
            keys.push(key.to_owned());
        }
    }
    keys.sort_unstable();
    keys.dedup();
    if !keys.is_empty() {
        path.push('?');
        path.push_str(&keys.join("&"));
    }
    found.then_some(path)
}

/// How many segments from the first on are a date.
fn date_at(segments: &[&str]) -> usize {
    let part = |n: usize, most: u32| {
        segments
            .get(n)
            .filter(|text| text.len() <= 2)
            .and_then(|text| number(text))
            .is_some_and(|number| (1..=most).contains(&number))
    };
    if is_date(segments[0]) {
        1
    } else if !is_year(segments[0]) || !part(1, 12) {
        0
    } else if part(2, 31) {
        3
    } else {
        2
    }
}

/// `2024-05`, `2024-05-01` or `20240501`.
fn is_date(text: &str) -> bool {
    let fits = |text: Option<&str>, most: u32| {
        text.is_some_and(|text| {
            text.len() == 2 && number(text).is_some_and(|n| (1..=most).contains(&n))
        })
    };
    if !text.is_ascii() {
        return false;
    }
    if text.len() == 8 && number(text).is_some() {
        return is_year(&text[..4]) && fits(text.get(4..6), 12) && fits(text.get(6..), 31);
    }
    let mut parts = text.split('-');
    parts.next().is_some_and(is_year)
        && fits(parts.next(), 12)
        && parts.next().is_none_or(|day| fits(Some(day), 31))
        && parts.next().is_none()
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && number(text).is_some_and(|year| (1000..=2999).contains(&year))
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
