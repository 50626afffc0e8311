//! A page and what became of it: identity, normal form, outcome, error kinds.

mod content;
mod fingerprint;
mod kind;
pub mod money;
pub mod net;
mod outcome;
mod quote;
mod rung;
pub mod time;
mod trap;
mod url;

pub use self::content::{BANDS, NEAR, TextPrint, band};
pub use self::fingerprint::{Fingerprint, Fingerprinter};
pub use self::kind::FailureKind;
pub use self::outcome::{Outcome, PageState, SkipReason, Verdict};
pub use self::quote::quoted;
pub use self::rung::Rung;
pub use self::trap::{LeftOut, TrapChange, TrapState};
pub use self::url::{NormalForm, UrlRefusal};

use serde::{Deserialize, Serialize};
use std::fmt;

/// A site's place in the job: the order of its document in the sites file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SiteId(pub u32);

impl SiteId {
    /// The place as an index into the job's list of sites.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A known URL's number in the store. Numbers grow in the order of discovery
/// over all sites of a job, and may have gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PageId(pub u32);

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
