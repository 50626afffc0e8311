//! What a page may cost at most. What is beyond is left out, and the page's
//! note says so.

use std::time::Duration;

/// Nodes of a page's DOM.
pub(super) const NODES: usize = 1_000_000;
/// Elements within elements.
pub(super) const DEPTH: usize = 512;
/// Finds of all fields of a page.
pub(super) const FINDS: usize = 100_000;
/// Text and markup in the fields of a record, bytes.
pub(super) const RECORD: usize = 1 << 20;
/// Time that a page's selectors may take: those that look at siblings or into
/// elements can need the square of a page's size.
pub(super) const SEARCH: Duration = Duration::from_secs(5);
