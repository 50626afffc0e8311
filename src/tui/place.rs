//! The screens by name: what can be opened.

use super::action::{Context, Place};
use crate::bus::PageFilter;
use crate::page::{PageId, Rung, SiteId};

/// A screen, by what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// All sites.
    Sites,
    /// One site.
    Site(SiteId),
    /// One site, at its sources; the cursor on the one of this name.
    Sources(SiteId, Option<String>),
    /// Failures of all sites or one, by kind, status and host.
    Groups(Option<SiteId>),
    /// Failed pages, these of them.
    Failures(PageFilter),
    /// One page.
    Page(PageId),
    /// Why this URL was taken or left.
    Why(SiteId, String),
    /// All pages.
    Pages,
    /// The queue.
    Queue,
    /// The latest records.
    Records,
    /// Dead links and orphans of all sites or one.
    Links(Option<SiteId>),
    /// The latest commands.
    Journal,
    /// Notices.
    Log,
    /// How crawldeck itself fares.
    Doctor,
    /// What rounds of crawling again found.
    Changes,
    /// The rungs of every site's ladder.
    Backends,
    /// The exits of a site's rung.
    Exits(SiteId, Rung),
}

impl View {
    /// Where its keys are found.
    pub fn context(&self) -> Context {
        match self {
            Self::Sites => Context::Dashboard,
            Self::Site(_) | Self::Sources(..) => Context::Site,
            Self::Groups(_) => Context::Groups,
            Self::Failures(_) => Context::Failures,
            Self::Page(_) => Context::Detail,
            Self::Why(..) => Context::Why,
            Self::Pages => Context::Pages,
            Self::Queue => Context::Queue,
            Self::Records => Context::Records,
            Self::Links(_) => Context::Links,
            Self::Journal => Context::Journal,
            Self::Log => Context::Log,
            Self::Doctor => Context::Doctor,
            Self::Changes => Context::Changes,
            Self::Backends => Context::Backends,
            Self::Exits(..) => Context::Exits,
        }
    }

    /// Whether what it shows is asked of the store.
    pub fn is_stored(&self) -> bool {
        !matches!(
            self,
            Self::Sites
                | Self::Site(_)
                | Self::Sources(..)
                | Self::Log
                | Self::Doctor
                | Self::Backends
                | Self::Exits(..)
        )
    }

    /// The screen that a place begins with.
    pub fn root(place: Place) -> Self {
        match place {
            Place::Sites => Self::Sites,
            Place::Failures => Self::Groups(None),
            Place::Pages => Self::Pages,
            Place::Queue => Self::Queue,
            Place::Records => Self::Records,
            Place::Journal => Self::Journal,
            Place::Log => Self::Log,
            Place::Doctor => Self::Doctor,
            Place::Changes => Self::Changes,
            Place::Backends => Self::Backends,
        }
    }
}
