//! Sixty-four bits that stand for a URL in the set of known URLs.

use super::SiteId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// XXH3-64 of a URL in normal form, seeded with its site: the same address in
/// two sites is two pages. With a hundred million known URLs the chance that
/// any two collide is about 0.03 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of `url`, which must be in normal form.
    pub fn of(site: SiteId, url: &str) -> Self {
        Self(xxh3_64_with_seed(url.as_bytes(), u64::from(site.0)))
    }
}
