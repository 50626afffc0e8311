//! Whether an answer is a block: by what it says of itself, by the operator's
//! own rules, and by what the site's other pages came to.

use super::rules::Rules;
use super::site::SiteContext;
use super::work::{Page, Stuck};
use crate::config::Blocked;
use crate::discover::family;
use crate::fetch::block::{self, Sameness, Walls};
use crate::fetch::{self, Fetched, Want};
use crate::page::{PageId, Rung};
use url::Url;

/// What a site's pages have come to so far.
#[derive(Debug, Default)]
pub struct Suspicion {
    walls: Walls,
    same: Sameness,
}

impl Suspicion {
    /// A page goes on to a higher rung instead of being taken: what it showed
    /// proves others, and nothing of it is to be undone.
    pub fn climbs(&mut self, page: &Page) {
        let family = by_rung(family::family(&page.url), page.rung);
        self.same.climbs(family, u64::from(page.leased.id.0));
    }
}

/// A family as one rung sees it: what another rung is shown in between says
/// nothing of this one's answers.
fn by_rung(family: u64, rung: Rung) -> u64 {
    // There are five rungs, and families are digests.
    family ^ rung.index() as u64
}

/// A block that was found.
#[derive(Debug)]
pub struct Found {
    /// Whose it is, or by what it is known.
    pub told: &'static str,
    /// Whether a page's scripts are wanted, rather than another address.
    pub scripts: bool,
    /// Pages that were taken before this could be told, and are no better.
    pub before: Vec<PageId>,
}

impl Found {
    fn block(told: &'static str) -> Self {
        Self {
            told,
            scripts: false,
            before: Vec::new(),
        }
    }

    /// A block that many pages show together, these before it.
    fn together(told: &'static str, before: &[u64]) -> Self {
        // They were made from such numbers.
        let before = before.iter().filter_map(|page| u32::try_from(*page).ok());
        Self {
            before: before.map(PageId).collect(),
            ..Self::block(told)
        }
    }

    /// Why its page goes on to a higher rung.
    pub fn stuck(&self) -> Stuck {
        match self.scripts {
            true => Stuck::Scripts,
            false => Stuck::Blocked,
        }
    }
}

/// What is to be seen of an answer before its body is read as a page: its head,
/// what was read of an error's body, and where a redirect leads (`target`).
pub fn of_answer(
    site: &SiteContext,
    rules: &Rules,
    page: &Page,
    fetched: &Fetched,
    target: Option<&Url>,
) -> Option<Found> {
    let (status, headers) = (fetched.status, &fetched.headers);
    let own = &rules.config.fetch.blocks;
    let error = status >= 400;
    let body = || {
        let body = fetch::body::decode_prefix(fetched, Want::EVIDENCE).ok()?.0;
        Some(String::from_utf8_lossy(&body).into_owned())
    };
    let of_own = || {
        // A page's own text is decoded only once, where it is read for links.
        let html = if error { body() } else { None };
        let rule = block::by_rules(own, status, headers, html.as_deref())?;
        Some(of_rule(rule.means, rule.told()))
    };
    let found = block::by_headers(status, headers)
        .or_else(|| {
            let refused = error && status != 404;
            let html = refused.then(body).flatten()?;
            block::by_body(status, headers, &html)
        })
        .map(Found::block)
        .or_else(|| (!own.is_empty()).then(of_own).flatten())
        .or_else(|| wall(site, page, target?))?;
    lapse(rules, page);
    Some(found)
}

/// What is to be seen of a page that was read: `html` is its text, `links` how
/// many it has.
pub fn of_page(
    site: &SiteContext,
    rules: &Rules,
    page: &Page,
    fetched: &Fetched,
    html: &str,
    links: usize,
) -> Option<Found> {
    let (status, headers) = (fetched.status, &fetched.headers);
    let own = &rules.config.fetch.blocks;
    let few = links <= block::FEW_LINKS;
    let known = || block::by_body(status, headers, html).map(Found::block);
    let found = few.then(known).flatten().or_else(|| {
        let rule = block::by_rules(own, status, headers, Some(html))?;
        Some(of_rule(rule.means, rule.told()))
    });
    let found = found.or_else(|| {
        let (family, id) = (family::family(&page.url), u64::from(page.leased.id.0));
        let mut suspicion = site.suspicion();
        suspicion.walls.had(family);
        let family = by_rung(family, page.rung);
        if !few {
            suspicion.same.ordinary(family, id);
            return None;
        }
        let before = suspicion.same.sudden(family, id, html)?;
        let told = "the same page at many addresses, all of a sudden";
        Some(Found::together(told, &before))
    })?;
    lapse(rules, page);
    Some(found)
}

fn of_rule(means: Blocked, told: &'static str) -> Found {
    Found {
        scripts: means == Blocked::Script,
        ..Found::block(told)
    }
}

fn wall(site: &SiteContext, page: &Page, target: &Url) -> Option<Found> {
    // Most targets are no wall: neither family nor lock is needed for them.
    block::wall_of(target)?;
    let family = family::family(&page.url);
    let id = u64::from(page.leased.id.0);
    let (wall, before) = site.suspicion().walls.stands(id, family, target)?;
    Some(Found::together(wall.told(), &before))
}

/// What a solver has won is worth nothing where plain HTTP is blocked with it.
fn lapse(rules: &Rules, page: &Page) {
    if page.rung == Rung::Http && rules.visitor.lapse(&page.url) {
        tracing::debug!(url = %page.leased.url, "blocked in spite of a solver's cookies: dropped");
    }
}
