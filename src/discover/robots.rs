//! robots.txt by RFC 9309: parsing, choosing a group, matching.

use std::borrow::Cow;
use std::time::Duration;

/// Bytes read of a robots.txt (RFC 9309, 2.5 asks for at least 500 KiB).
pub const MAX_BYTES: usize = 500 * 1024;
/// Longest `Crawl-delay` that is honoured in full.
const MAX_DELAY: Duration = Duration::from_secs(3600);
/// Rules taken of one group.
const MAX_RULES: usize = 20_000;

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
    /// Lower case.
    agents: Vec<String>,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Rule {
    allow: bool,
    /// Percent-encoding in normal form.
    pattern: String,
    line: usize,
    text: String,
}

/// The rules that hold for one crawler.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

/// Whether a path may be fetched, and the line that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// The line's number and text; `None` where no rule matches.
    pub rule: Option<(usize, String)>,
}

impl Robots {
    /// Parses a robots.txt; what is not understood is passed over.
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut robots = Self::default();
        // Whether the last line that counted named an agent: further ones then
        // belong to the same group.
        let mut naming = false;
        // A lone CR ends a line too.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for (n, line) in text.split('\n').enumerate() {
            let bare = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = bare.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "user-agent" | "useragent" => {
                    if !naming {
                        robots.groups.push(Group::default());
                    }
                    naming = true;
                    if let Some(group) = robots.groups.last_mut() {
                        group.agents.push(value.to_ascii_lowercase());
                    }
                }
                key @ ("allow" | "disallow") => {
                    naming = false;
                    if let Some(group) = robots.groups.last_mut()
                        && !value.is_empty()
                        && group.rules.len() < MAX_RULES
                    {
                        group.rules.push(Rule {
                            allow: key == "allow",
                            pattern: normal(value).into_owned(),
                            line: n + 1,
                            text: bare.trim().to_owned(),
                        });
                    }
                }
                "crawl-delay" => {
                    naming = false;
                    if let Some(group) = robots.groups.last_mut()
                        && let Ok(seconds) = value.parse::<f64>()
                        && let Ok(delay) = Duration::try_from_secs_f64(seconds)
                    {
                        group.delay = Some(delay.min(MAX_DELAY));
                    }
                }
                "sitemap" if !value.is_empty() => robots.sitemaps.push(value.to_owned()),
                _ => {}
            }
        }
        robots
    }

    /// The sitemaps named, in order.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// The rules for a crawler: those of every group that names its token, else
    /// of every group for `*`, else none (RFC 9309, 2.2.1).
    pub fn for_agent(&self, token: &str) -> Rules {
        let token = token.to_ascii_lowercase();
        let named = |group: &&Group| {
            group
                .agents
                .iter()
                .any(|agent| !token.is_empty() && product_token(agent) == token)
        };
        let star = |group: &&Group| group.agents.iter().any(|agent| agent == "*");
        let mut groups: Vec<&Group> = self.groups.iter().filter(named).collect();
        if groups.is_empty() {
            groups = self.groups.iter().filter(star).collect();
        }
        Rules {
            rules: groups
                .iter()
                .flat_map(|group| group.rules.clone())
                .collect(),
            delay: groups.iter().filter_map(|group| group.delay).max(),
        }
    }
}

impl Rules {
    /// No rules at all.
    pub fn allow_all() -> Self {
        Self::default()
    }

    /// The least time between two requests that the host asks for.
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.delay
    }

    /// Whether a path and query may be fetched. The longest pattern that
    /// matches decides; of two as long, the one that allows (RFC 9309, 2.2.2).
    pub fn allows(&self, path: &str) -> Decision {
        if path == "/robots.txt" {
            return Decision {
                allowed: true,
                rule: None,
            };
        }
        let path = normal(path);
        let best = self
            .rules
            .iter()
            .filter(|rule| matches(rule.pattern.as_bytes(), path.as_bytes()))
            .max_by_key(|rule| (rule.pattern.len(), rule.allow));
        Decision {
            allowed: best.is_none_or(|rule| rule.allow),
            rule: best.map(|rule| (rule.line, rule.text.clone())),
        }
    }
}

/// Percent-encoding as both sides are compared: everything that needs it
/// encoded, in upper case; unreserved characters not.
fn normal(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let bytes = text.as_bytes();
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
                out.push_str(&format!("%{value:02X}"));
            }
            at += 3;
            continue;
        }
        if plain(byte) || byte == b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        at += 1;
    }
    Cow::Owned(out)
}

/// Whether `pattern` matches the beginning of `path`: `*` is any run, a `$` at
/// the end is the path's end. Only the last `*` is ever tried again, so the
/// cost is at most the product of the lengths.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, anchored) = match pattern.strip_suffix(b"$") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (mut p, mut s) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p == pattern.len() && (!anchored || s == path.len()) {
            return true;
        }
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, s));
            p += 1;
        } else if p < pattern.len() && s < path.len() && pattern[p] == path[s] {
            p += 1;
            s += 1;
        } else if let Some((after, from)) = star
            && from < path.len()
        {
            star = Some((after, from + 1));
            p = after;
            s = from + 1;
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(robots: &str, agent: &str, path: &str) -> bool {
        Robots::parse(robots.as_bytes())
            .for_agent(agent)
            .allows(path)
            .allowed
    }

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("/", "/x", true),
            ("/fish", "/fish.html", true),
            ("/fish", "/catfish", false),
            ("/fish*", "/fishheads/yummy", true),
            ("/fish/", "/fish", false),
            ("/*.php", "/folder/any.php?p=1", true),
            ("/*.php$", "/file.php?p=1", false),
            ("/*.php$", "/a.php.b.php", true),
            ("/fish*.php", "/fishheads/cat.php?p", true),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("*", "/", true),
            ("/a*b*c$", "/aXbXbXc", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), path.as_bytes()),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn groups_and_precedence() {
        let txt = "\u{feff}# hello\r\nUser-agent: a\r\nUSER-AGENT : Crawldeck\r\nDisallow: /p\r\n\
            Allow: /p/ok # fine\r\nUnknown: x\r\nUser-agent: *\r\nDisallow: /\r\n\
            User-agent: crawldeck/2.0\nCrawl-delay: 1.5\nDisallow: /q\nSitemap: http://e/s.xml\n";
        for (agent, path, expected) in [
            ("crawldeck", "/p", false),
            ("CRAWLDECK", "/p/ok", true),
            ("crawldeck", "/q", false),
            ("crawldeck", "/", true),
            ("a", "/q", true),
            ("b", "/x", false),
            ("b", "/robots.txt", true),
        ] {
            assert_eq!(allows(txt, agent, path), expected, "{agent} {path}");
        }
        let robots = Robots::parse(txt.as_bytes());
        assert_eq!(robots.sitemaps(), ["http://e/s.xml"]);
        assert_eq!(
            robots.for_agent("crawldeck").crawl_delay(),
            Some(Duration::from_millis(1500))
        );
        let decision = robots.for_agent("crawldeck").allows("/p/ok/x");
        assert_eq!(decision.rule, Some((5, "Allow: /p/ok".to_owned())));
    }

    #[test]
    fn encoding_is_compared_in_one_form() {
        let txt = "user-agent: *\ndisallow: /ü\ndisallow: /%7ejoe\ndisallow: /a%3cd\n";
        assert!(!allows(txt, "x", "/%C3%BC/y"));
        assert!(!allows(txt, "x", "/~joe/"));
        assert!(!allows(txt, "x", "/a%3Cd.html"));
        assert!(allows(txt, "x", "/a"));
    }

    #[test]
    fn an_empty_disallow_allows_and_a_tie_allows() {
        assert!(allows("user-agent: *\ndisallow:\n", "x", "/a"));
        assert!(allows(
            "user-agent: *\ndisallow: /a\nallow: /a\n",
            "x",
            "/a"
        ));
        assert!(
            allows("disallow: /a\n", "x", "/a"),
            "a rule outside any group"
        );
    }

    #[test]
    fn product_tokens() {
        for (agent, token) in [
            ("crawldeck/0.1 (+x)", "crawldeck"),
            ("My-Bot_x 2", "My-Bot_x"),
            ("", ""),
        ] {
            assert_eq!(product_token(agent), token);
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(bytes: Vec<u8>, path in "/.{0,30}") {
            let _ = Robots::parse(&bytes).for_agent("x").allows(&path);
        }

        #[test]
        fn matching_agrees_with_a_regular_expression(
            pattern in "/[ab*]{0,8}\\$?", path in "/[ab]{0,8}",
        ) {
            let (body, end) = match pattern.strip_suffix('$') {
                Some(body) => (body, "$"),
                None => (pattern.as_str(), ""),
            };
            let regex = format!("^{}{end}", body.replace('*', ".*"));
            let expected = regex::Regex::new(&regex).unwrap().is_match(&path);
            prop_assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), expected);
        }
    }
}
