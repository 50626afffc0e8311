//! The frontier and everything durable, behind one trait.
//!
//! ```text
//! engine ── Store ──▶ sqlite::writer (one thread: leases, group commits)
//! deck ──── Store ──▶ sqlite::lookup (one thread, reads only)
//! status, export ──▶ reader::Reader (any process, reads only)
//! ```

pub mod change;
mod contract;
mod error;
pub mod folder;
pub mod known;
pub mod lock;
pub mod reader;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod testing;
mod types;

pub use self::contract::{Pending, Store};
pub use self::error::StoreError;
pub use self::types::{
    ApiAnswer, Commit, Evidence, JournalEntry, Learned, Lease, Leased, LeftSitemap, Links, Meant,
    NewUrl, Prune, Record, Refresh, Reorder, Revision, SavedSite, Seen, SitemapAddress, SourceNews,
    SourceReport, Tuned, Via,
};
