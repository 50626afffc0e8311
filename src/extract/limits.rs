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
/// Text that is read for the fields of a record, bytes: elements within
/// elements all have the innermost's.
pub(super) const READ: usize = 16 << 20;
/// Time that the building of a page's tree may take, and then the search in
/// it: a tag of many attributes, and selectors that look at siblings or into
/// elements, can need the square of a page's size.
pub(super) const SEARCH: Duration = Duration::from_secs(5);
