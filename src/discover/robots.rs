//! robots.txt by RFC 9309: parsing, choosing a group, matching.

use memchr::memmem;
use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

/// Bytes read of a robots.txt (RFC 9309, 2.5 asks for at least 500 KiB).
pub const MAX_BYTES: usize = 500 * 1024;
/// A `Crawl-delay` above this counts as this much.
const MAX_DELAY: Duration = Duration::from_secs(3600);
/// Sitemaps taken of one file.
const MAX_SITEMAPS: usize = 1000;

/// The product token of a `User-Agent` header: its first word, up to what is
/// neither a letter, `-` nor `_` (RFC 9309, 2.2.1).
pub fn product_token(user_agent: &str) -> &str {
    let user_agent = user_agent.trim_start();
    let end = user_agent
        .find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_'))
        .unwrap_or(user_agent.len());
    &user_agent[..end]
}

/// A parsed robots.txt.
#[derive(Debug, Clone, Default)]
pub struct Robots {
    groups: Vec<Group>,
    sitemaps: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct Group {
    agents: Vec<Agent>,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

/// Whom a group is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Agent {
    /// Everybody who has no group of their own.
    Any,
    /// The crawler of this product token, lower case.
    Named(String),
}

#[derive(Debug, Clone)]
struct Rule {
    allow: bool,
    /// Percent-encoding in the form in which it is compared.
    pattern: String,
    line: usize,
    text: String,
}

/// The rules that hold for one crawler.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Longest pattern first, of two as long the one that allows.
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

/// Whether a path may be fetched, and the line that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Whether it may.
    pub allowed: bool,
    /// The line's number, from 1, and its text without the comment; `None`
    /// where no rule matches.
    pub rule: Option<(usize, &'a str)>,
}

/// What a line of a robots.txt is about.
enum Key {
    Agent,
    Allow,
    Disallow,
    Delay,
    Sitemap,
    Other,
}

impl Key {
    /// Without regard to case; words that are misspelt so often that every
    /// large search engine takes them are taken.
    fn of(word: &str) -> Self {
        let is = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
        if is(&["user-agent", "useragent", "user agent"]) {
            Self::Agent
        } else if is(&["disallow", "dissallow", "dissalow", "disalow", "disallaw"]) {
            Self::Disallow
        } else if is(&["allow"]) {
            Self::Allow
        } else if is(&["crawl-delay", "crawldelay"]) {
            Self::Delay
        } else if is(&["sitemap", "site-map"]) {
            Self::Sitemap
        } else {
            Self::Other
        }
    }
}

impl Robots {
    /// Parses a robots.txt; what is not understood is passed over. Of a file of
    /// [`MAX_BYTES`] and more only the whole lines before that are read.
    pub fn parse(bytes: &[u8]) -> Self {
        let ends_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let bytes = match bytes.get(..MAX_BYTES) {
            // Half of a rule is another rule.
            Some(read) => &read[..read.iter().rposition(ends_line).unwrap_or(0)],
            None => bytes,
        };
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut robots = Self::default();
        // Whether the group's rules are still to come, so that a further
        // user-agent line belongs to it. Only rules end that: other records must
        // not interfere (RFC 9309, 2.2.4).
        let mut naming = false;
        // CR LF gives an empty line more, which means nothing but is not counted.
        let mut number = 0;
        let mut after_cr = false;
        for line in bytes.split_inclusive(ends_line) {
            if !(after_cr && line == b"\n") {
                number += 1;
            }
            after_cr = line.ends_with(b"\r");
            let line = String::from_utf8_lossy(line);
            let bare = line.split('#').next().unwrap_or_default().trim();
            let Some((key, value)) = bare.split_once(':') else {
                continue;
            };
            let (key, value) = (Key::of(key.trim()), value.trim());
            match key {
                Key::Agent => {
                    if !naming {
                        robots.groups.push(Group::default());
                    }
                    naming = true;
                    if let Some(group) = robots.groups.last_mut() {
                        group.agents.extend(agent(value));
                    }
                }
                Key::Allow | Key::Disallow => {
                    naming = false;
                    if let Some(group) = robots.groups.last_mut()
                        && !value.is_empty()
                    {
                        group.rules.push(Rule {
                            allow: matches!(key, Key::Allow),
                            pattern: pattern(value),
                            line: number,
                            text: bare.to_owned(),
                        });
                    }
                }
                Key::Delay => {
                    if let Some(group) = robots.groups.last_mut() {
                        group.delay = seconds(value).or(group.delay);
                    }
                }
                Key::Sitemap if !value.is_empty() && robots.sitemaps.len() < MAX_SITEMAPS => {
                    robots.sitemaps.push(value.to_owned());
                }
                Key::Sitemap | Key::Other => {}
            }
        }
        robots
    }

    /// The sitemaps named, in order, as they stand there; at most 1000.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// The rules for a crawler: those of every group that names its token, else
    /// of every group for `*`, else none (RFC 9309, 2.2.1).
    pub fn for_agent(&self, token: &str) -> Rules {
        let own = Agent::Named(token.to_ascii_lowercase());
        let of = |agent: &Agent| -> Vec<&Group> {
            self.groups
                .iter()
                .filter(|group| group.agents.contains(agent))
                .collect()
        };
        let mut groups = of(&own);
        if groups.is_empty() {
            groups = of(&Agent::Any);
        }
        let mut rules: Vec<Rule> = groups
            .iter()
            .flat_map(|group| group.rules.iter().cloned())
            .collect();
        rules.sort_by_key(|rule| std::cmp::Reverse((rule.pattern.len(), rule.allow)));
        Rules {
            rules,
            delay: groups.iter().filter_map(|group| group.delay).max(),
        }
    }
}

/// Whom a user-agent line names; `None` for nobody.
fn agent(value: &str) -> Option<Agent> {
    // "* and so on" is meant for everybody, too.
    if let Some(rest) = value.strip_prefix('*')
        && rest.chars().next().is_none_or(char::is_whitespace)
    {
        return Some(Agent::Any);
    }
    let token = product_token(value);
    (!token.is_empty()).then(|| Agent::Named(token.to_ascii_lowercase()))
}

/// A number of seconds, at most [`MAX_DELAY`].
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    let most = MAX_DELAY.as_secs_f64();
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(most)))
}

impl Rules {
    /// No rules at all.
    pub fn allow_all() -> Self {
        Self::default()
    }

    /// The least time between two requests that the host asks for, at most an
    /// hour.
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.delay
    }

    /// Whether a path and query may be fetched. The longest pattern that
    /// matches decides; of two as long, the one that allows (RFC 9309, 2.2.2).
    pub fn allows(&self, path: &str) -> Decision<'_> {
        if path == "/robots.txt" {
            return Decision {
                allowed: true,
                rule: None,
            };
        }
        let path = normal(path, |byte, _| matches!(byte, b'*' | b'$'));
        let best = self
            .rules
            .iter()
            .find(|rule| matches(rule.pattern.as_bytes(), path.as_bytes()));
        Decision {
            allowed: best.is_none_or(|rule| rule.allow),
            rule: best.map(|rule| (rule.line, rule.text.as_str())),
        }
    }
}

/// A rule's pattern as it is compared: `$` is special at its end only.
fn pattern(value: &str) -> String {
    let last = value.len() - 1;
    normal(value, |byte, at| byte == b'$' && at < last).into_owned()
}

/// Percent-encoding as both sides are compared: what is neither reserved nor
/// unreserved is encoded, unreserved characters are not, hexadecimal digits are
/// upper case. `special` are further octets to encode, by octet and place.
fn normal(text: &str, special: impl Fn(u8, usize) -> bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let plain = |at: usize| {
        let byte = bytes[at];
        byte.is_ascii_graphic() && byte != b'%' && !special(byte, at)
    };
    if (0..bytes.len()).all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    // Writing to a String cannot fail.
    let encode = |out: &mut String, byte: u8| {
        let _ = write!(out, "%{byte:02X}");
    };
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let digit = |n: usize| bytes.get(at + n).and_then(|b| char::from(*b).to_digit(16));
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(1), digit(2))
        {
            let value = u8::try_from(high * 16 + low).unwrap_or(b'%');
            if value.is_ascii_alphanumeric() || b"-._~".contains(&value) {
                out.push(char::from(value));
            } else {
                encode(&mut out, value);
            }
            at += 3;
            continue;
        }
        if byte == b'%' || plain(at) {
            out.push(char::from(byte));
        } else {
            encode(&mut out, byte);
        }
        at += 1;
    }
    Cow::Owned(out)
}

/// Whether `pattern` matches the beginning of `path`: `*` is any run, a `$` at
/// the end is the path's end. Each piece between two `*` is taken where it
/// first occurs, so the cost grows with the sum of the lengths.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, anchored) = match pattern.strip_suffix(b"$") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let mut pieces = pattern.split(|&byte| byte == b'*');
    // Splitting gives at least one piece.
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return !anchored || rest.is_empty();
    };
    for piece in pieces {
        match memmem::find(rest, piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    if anchored {
        rest.ends_with(last)
    } else {
        memmem::find(rest, last).is_some()
    }
}

#[cfg(test)]
mod tests;
