//! Finding pages: what may be asked, what belongs to a site, and where the
//! addresses come from. Nothing here fetches.

pub mod api;
pub mod copies;
pub mod family;
pub mod indexing;
pub mod links;
pub mod list;
pub mod listing;
pub mod order;
pub mod redirect;
pub mod robots;
pub mod robots_tag;
pub mod scope;
pub mod sitemap;
mod source;
pub mod trap;

pub use self::source::{beginning, part};

/// The site of a one-document sites file.
#[cfg(test)]
pub(crate) fn site(yaml: &str) -> std::sync::Arc<crate::config::Site> {
    let over = crate::config::Overrides::default();
    let job = crate::config::parse(yaml, "s.yaml", &|_| None, &over);
    job.unwrap_or_else(|error| panic!("{error}"))
        .sites
        .remove(0)
}
