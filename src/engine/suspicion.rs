//! Whether an answer is a block: by what it says of itself, by the operator's
//! own rules, and by what the site's other pages came to.

use super::rules::Rules;
use super::site::SiteContext;
use super::work::{Page, Stuck};
use crate::config::Blocked;
use crate::discover::family;
use crate::fetch::block::{self, Sameness, Wall, Walls};
use crate::fetch::{self, Fetched, Want};
use crate::page::Rung;
use url::Url;

/// What a site's pages have come to so far.
#[derive(Debug, Default)]
pub struct Suspicion {
    walls: Walls,
    same: Sameness,
}

/// A block that was found.
#[derive(Debug)]
pub struct Found {
    /// Whose it is, or by what it is known.
    pub told: &'static str,
    /// Whether a page's scripts are wanted, rather than another address.
    pub scripts: bool,
}

impl Found {
    fn block(told: &'static str) -> Self {
        Self {
            told,
            scripts: false,
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
        .or_else(|| wall(site, page, target?).map(|wall| Found::block(wall.told())))?;
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
        if !few {
            suspicion.same.ordinary(family, id);
            return None;
        }
        let same = suspicion.same.sudden(family, id, html);
        same.then(|| Found::block("the same page at many addresses, all of a sudden"))
    })?;
    lapse(rules, page);
    Some(found)
}

fn of_rule(means: Blocked, told: &'static str) -> Found {
    Found {
        told,
        scripts: means == Blocked::Script,
    }
}

fn wall(site: &SiteContext, page: &Page, target: &Url) -> Option<Wall> {
    // Most targets are no wall: neither family nor lock is needed for them.
    block::wall_of(target)?;
    let family = family::family(&page.url);
    let id = u64::from(page.leased.id.0);
    site.suspicion().walls.stands(id, family, target)
}

/// What a solver has won is worth nothing where plain HTTP is blocked with it.
fn lapse(rules: &Rules, page: &Page) {
    if page.rung == Rung::Http && rules.visitor.lapse(&page.url) {
        tracing::debug!(url = %page.leased.url, "blocked in spite of a solver's cookies: dropped");
    }
}
