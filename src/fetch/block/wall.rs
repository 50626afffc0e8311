//! Walls: many addresses that all lead to one page which asks for something
//! before it lets anybody on.

use std::collections::HashMap;
use url::Url;

/// Walls that are remembered.
const WALLS: usize = 256;
/// Families of addresses that are remembered.
const FAMILIES: usize = 4096;
/// Different addresses that must lead to a wall.
const MANY: usize = 4;
/// Pages of a family that were had before, for a login to be a wall to it.
const HAD: u8 = 3;

/// Words in the path (or the host's first label) of a page that asks for
/// consent or for a proof: nothing that a site's own links lead to in numbers.
const GATES: [&str; 10] = [
    "consent",
    "cookiewall",
    "cookie-wall",
    "captcha",
    "challenge",
    "verify-human",
    "are-you-human",
    "robot-check",
    "botcheck",
    "unusual-traffic",
];
/// The same of a page that asks who one is: sites lead there from pages of
/// their own, so it counts only for families whose pages were had before.
const LOGINS: [&str; 6] = ["login", "log-in", "signin", "sign-in", "sso", "auth"];

/// What kind of wall an address looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// It asks for consent or for a proof.
    Gate,
    /// It asks who one is.
    Login,
}

impl Wall {
    /// How it is told at an attempt.
    pub fn told(self) -> &'static str {
        match self {
            Self::Gate => "redirects to a consent or challenge page, as many others do",
            Self::Login => "redirects to a login, where there used to be pages",
        }
    }
}

/// What a redirect's target looks like.
pub fn wall_of(target: &Url) -> Option<Wall> {
    let host = target.host_str().unwrap_or_default();
    let label = host.split('.').next().filter(|_| host.contains('.'));
    let segments = target.path_segments().into_iter().flatten();
    let parts = segments.chain(label).map(|part| {
        let part = part.to_ascii_lowercase();
        let stem = part.split_once('.').map(|(stem, _)| stem.to_owned());
        stem.unwrap_or(part)
    });
    let mut found = None;
    for part in parts {
        if GATES.contains(&part.as_str()) {
            return Some(Wall::Gate);
        }
        if LOGINS.contains(&part.as_str()) {
            found = Some(Wall::Login);
        }
    }
    found
}

/// Where a site's addresses lead.
#[derive(Debug, Default)]
pub struct Walls {
    /// By host and path: the addresses that led there lately, at most [`MANY`].
    walls: HashMap<String, Vec<u64>>,
    /// By family: how many pages were had, up to [`HAD`].
    had: HashMap<u64, u8>,
}

impl Walls {
    /// Notes that a page of a family was had.
    pub fn had(&mut self, family: u64) {
        if self.had.len() >= FAMILIES && !self.had.contains_key(&family) {
            self.had.clear();
        }
        let had = self.had.entry(family).or_default();
        *had = had.saturating_add(1).min(HAD);
    }

    /// Whether a page that leads to `target` stands before a wall. `page` tells
    /// addresses apart, `family` is their shape. Answers also, once, the pages
    /// that stood there before it could be told.
    pub fn stands(&mut self, page: u64, family: u64, target: &Url) -> Option<(Wall, Vec<u64>)> {
        let wall = wall_of(target)?;
        if wall == Wall::Login && self.had.get(&family).is_none_or(|had| *had < HAD) {
            return None;
        }
        let name = format!("{}{}", target.host_str().unwrap_or_default(), target.path());
        if self.walls.len() >= WALLS && !self.walls.contains_key(&name) {
            self.walls.clear();
        }
        let pages = self.walls.entry(name).or_default();
        let mut before = Vec::new();
        if !pages.contains(&page) && pages.len() < MANY {
            if pages.len() + 1 == MANY {
                before.clone_from(pages);
            }
            pages.push(page);
        }
        (pages.len() >= MANY).then_some((wall, before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn walls_are_known_by_a_whole_part_of_their_address() {
        for (target, want) in [
            (
                "https://consent.example.com/v2?continue=x",
                Some(Wall::Gate),
            ),
            ("https://a.example/captcha/?u=1", Some(Wall::Gate)),
            ("https://a.example/challenge.html", Some(Wall::Gate)),
            ("https://a.example/users/sign-in", Some(Wall::Login)),
            ("https://login.example.com/", Some(Wall::Login)),
            (
                "https://a.example/Login.aspx?ReturnUrl=%2f",
                Some(Wall::Login),
            ),
            ("https://a.example/blog/login-best-practices", None),
            ("https://a.example/challenges/2024", None),
            ("https://a.example/authors/login-smith", None),
            ("https://captchas.example/", None),
            ("http://127.0.0.1/", None),
        ] {
            assert_eq!(wall_of(&url(target)), want, "{target}");
        }
    }

    #[test]
    fn many_addresses_that_lead_to_one_gate() {
        let mut walls = Walls::default();
        let gate = |n: u64| url(&format!("https://a.example/consent?next=/p/{n}"));
        let stands: Vec<_> = (0..8).map(|n| walls.stands(n, 1, &gate(n))).collect();
        let before = stands.iter().flatten().map(|(_, before)| before.len());
        assert_eq!(before.collect::<Vec<_>>(), [MANY - 1, 0, 0, 0, 0]);
        let found: Vec<bool> = stands.iter().map(Option::is_some).collect();
        assert_eq!(
            found.iter().filter(|is| !**is).count(),
            MANY - 1,
            "{found:?}"
        );
        let mut walls = Walls::default();
        assert!(
            !(0..50).any(|_| walls.stands(7, 1, &gate(7)).is_some()),
            "one address"
        );
    }

    #[test]
    fn a_login_is_a_wall_only_where_pages_were_had() {
        let login = url("https://a.example/login");
        let mut walls = Walls::default();
        // `/cart/add?id=…` asks everybody to log in, and always has.
        assert!(!(0..50).any(|n| walls.stands(n, 1, &login).is_some()));
        for _ in 0..HAD {
            walls.had(2);
        }
        let found = (0..8).filter(|n| walls.stands(*n, 2, &login).is_some());
        assert!(found.count() >= 8 - (MANY - 1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut walls = Walls::default();
        for n in 0..10_000u64 {
            walls.had(n);
            walls.stands(n, n, &url(&format!("https://a.example/{n}/captcha")));
        }
        assert!(walls.walls.len() <= WALLS && walls.had.len() <= FAMILIES);
    }
}
