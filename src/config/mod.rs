//! The sites file: what the operator wrote, checked and resolved.

mod site;

pub use self::site::{
    Cast, Discover, Fetch, FieldRule, Job, Limits, Pattern, Pick, RecordRule, Robots, Rung, Scope,
    Selector, Site, Sitemap, Timeouts,
};
