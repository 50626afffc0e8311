//! Finding pages: what may be asked, what belongs to a site, and where the
//! addresses come from. Nothing here fetches.

pub mod links;
pub mod redirect;
pub mod robots;
pub mod scope;
pub mod sitemap;
