//! Listings among a page's API traffic: answers that hold many things alike,
//! each with an address or an id; and how their next part is asked for.

mod items;
mod paging;
mod stanza;

pub use self::items::{Address, Items};
pub use self::paging::{Kind, Paging, Place};
pub use self::stanza::{entry, sites_file};

use serde_json::Value;
use url::Url;

/// Listings that are told of one page.
const MOST: usize = 20;

/// One request of a page's scripts, and the JSON that came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// `GET`, `POST` or another method.
    pub method: String,
    /// What was asked.
    pub url: Url,
    /// What was posted.
    pub posted: Option<String>,
    /// The answer.
    pub answer: Value,
}

/// An API whose answers look like parts of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The first request of it.
    pub seen: Seen,
    /// Requests of it.
    pub asked: usize,
    /// Where in the answers the things are.
    pub items: Items,
    /// How its next part is asked for; `None` where that could not be seen.
    pub paging: Option<Paging>,
}

/// The listings among `seen`, the likeliest first. `links` are those of the
/// page itself: they tell where an item's page is, where the API tells an id
/// alone.
pub fn find(seen: &[Seen], links: &[Url]) -> Vec<Listing> {
    let mut groups: Vec<Vec<&Seen>> = Vec::new();
    for one in seen
        .iter()
        .filter(|one| matches!(one.method.as_str(), "GET" | "POST"))
    {
        match groups.iter_mut().find(|group| is_same_api(group[0], one)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let mut found: Vec<Listing> = groups
        .iter()
        .filter_map(|group| listing(group, links))
        .collect();
    // Stable: of equals, the one that was asked first.
    found.sort_by_key(|listing| std::cmp::Reverse(listing.weight()));
    found.truncate(MOST);
    found
}

fn listing(group: &[&Seen], links: &[Url]) -> Option<Listing> {
    // The first answer may be empty: a search before anything was typed.
    let (items, seen) = group
        .iter()
        .filter_map(|seen| items::find(seen, links).map(|items| (items, *seen)))
        .max_by_key(|(items, _)| items.count)?;
    Some(Listing {
        seen: seen.clone(),
        asked: group.len(),
        paging: paging::find(group, &items),
        items,
    })
}

impl Listing {
    /// Whether a crawl can be made of it without a further word.
    pub fn is_ready(&self) -> bool {
        !matches!(self.items.address, Address::Unknown { .. })
    }

    fn weight(&self) -> (bool, bool, usize) {
        (self.is_ready(), self.paging.is_some(), self.items.count)
    }
}

/// Whether two requests are of one API: all but what is asked of it is the same.
fn is_same_api(a: &Seen, b: &Seen) -> bool {
    let operation = |seen: &Seen| {
        // GraphQL has one address for everything.
        let posted: Value = serde_json::from_str(seen.posted.as_deref()?).ok()?;
        Some(posted.get("operationName")?.as_str()?.to_owned())
    };
    a.method == b.method
        && a.url.origin() == b.url.origin()
        && a.url.path() == b.url.path()
        && operation(a) == operation(b)
}

#[cfg(test)]
mod tests;
