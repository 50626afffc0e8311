//! Sixty-four bits that stand for a URL in the set of known URLs.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// XXH3-64 of a URL in normal form, seeded with its site's name: the same
/// address in two sites is two pages. With a hundred million known URLs the
/// chance that any two collide is about 0.03 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

/// Makes the fingerprints of one site. The seed hangs on the site's name and
/// not on its place in the file, so that a job's fingerprints stay what they
/// are when sites are added, removed or put in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprinter {
    seed: u64,
}

impl Fingerprinter {
    /// For the site of this name.
    pub fn new(site_name: &str) -> Self {
        Self {
            seed: xxh3_64(site_name.as_bytes()),
        }
    }

    /// The fingerprint of `url`, which must be in normal form.
    pub fn of(self, url: &str) -> Fingerprint {
        Fingerprint(xxh3_64_with_seed(url.as_bytes(), self.seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_told_by_its_name() {
        let url = "https://example.org/a";
        let books = Fingerprinter::new("books");
        assert_eq!(books.of(url), Fingerprinter::new("books").of(url));
        assert_ne!(books.of(url), Fingerprinter::new("films").of(url));
        assert_ne!(books.of(url), books.of("https://example.org/b"));
    }

    #[test]
    fn fingerprints_are_the_same_in_every_version() {
        // They stand in job folders: a change here makes old folders useless.
        assert_eq!(
            Fingerprinter::new("books").of("https://example.org/"),
            Fingerprint(8_220_888_390_221_736_961)
        );
    }
}
