//! Sudden sameness: addresses that used to have pages of their own all show
//! one short text.

use super::each_text;
use std::collections::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// Families of addresses that are remembered.
const FAMILIES: usize = 4096;
/// Pages of a family that must have differed before.
const DIFFERED: u8 = 5;
/// Pages in a row that must then be the same, the one in question among them.
const SAME: u8 = 5;
/// Words of text above which a page is none of ours.
const WORDS: usize = 250;
/// Words below which there is too little text to tell anything by.
const FEWEST: usize = 3;

/// What the pages of each family have shown.
#[derive(Debug, Default)]
pub struct Sameness {
    families: HashMap<u64, Shown>,
}

/// What the pages of one family have shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// The last page's text.
    text: u64,
    /// The last page.
    page: u64,
    /// How many in a row have had it.
    run: u8,
    /// How often a page differed from the one before.
    differed: u8,
}

impl Sameness {
    /// Whether a page is the same as those before it, which once differed.
    /// `family` is its address's shape, `page` tells addresses apart, `html` is
    /// a page with few links: none of a site's ordinary ones.
    pub fn sudden(&mut self, family: u64, page: u64, html: &str) -> bool {
        let Some(text) = digest(html) else {
            self.ordinary(family, page);
            return false;
        };
        self.see(family, page, text)
    }

    /// Notes an ordinary page, which is like no other.
    pub fn ordinary(&mut self, family: u64, page: u64) {
        self.see(family, page, page);
    }

    fn see(&mut self, family: u64, page: u64, text: u64) -> bool {
        if self.families.len() >= FAMILIES && !self.families.contains_key(&family) {
            // What was learned is learned again: no order is worth keeping.
            self.families.clear();
        }
        let fresh = Shown {
            text,
            page,
            run: 0,
            differed: 0,
        };
        let shown = self.families.entry(family).or_insert(fresh);
        if shown.text != text {
            shown.differed = shown.differed.saturating_add(1);
            (shown.text, shown.page, shown.run) = (text, page, 1);
            return false;
        }
        // The same address again says nothing.
        if shown.page != page || shown.run == 0 {
            shown.run = shown.run.saturating_add(1);
            shown.page = page;
        }
        shown.run >= SAME && shown.differed >= DIFFERED
    }
}

/// A digest of what a reader sees; `None` where that is much or next to nothing.
fn digest(html: &str) -> Option<u64> {
    let mut hash = Xxh3::new();
    let mut words = 0;
    each_text(html, &mut |text| {
        for word in text.split_whitespace() {
            hash.update(word.as_bytes());
            hash.update(b" ");
            words += 1;
        }
    });
    (FEWEST..=WORDS).contains(&words).then(|| hash.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, n: u64) -> String {
        format!("<title>t</title><script>var id={n}</script><p class=c{n}>{text}</p>")
    }

    #[test]
    fn pages_that_differed_and_are_the_same_all_at_once() {
        let mut same = Sameness::default();
        for n in 0..20 {
            assert!(!same.sudden(1, n, &page(&format!("an article, number {n}"), n)));
        }
        let wall = "Please wait while we check you";
        let found: Vec<bool> = (20..30)
            .map(|n| same.sudden(1, n, &page(wall, n)))
            .collect();
        let firsts = found.iter().take_while(|is| !**is).count();
        assert_eq!(firsts, usize::from(SAME) - 1, "{found:?}");
        assert!(found[firsts..].iter().all(|is| *is));
        // Another shape of addresses has its own history.
        assert!(!same.sudden(2, 40, &page(wall, 0)));
        // A real page ends it.
        assert!(!same.sudden(1, 50, &page("a page of its own", 1)));
        assert!(!same.sudden(1, 51, &page(wall, 2)));
    }

    #[test]
    fn ordinary_sites_raise_no_alarm() {
        // Always the same: an empty shop, a shell, a calendar of empty days.
        let mut same = Sameness::default();
        assert!(!(0..100).any(|n| same.sudden(1, n, &page("Nothing here yet", n))));
        // One address again and again.
        let mut same = Sameness::default();
        for n in 0..20 {
            same.ordinary(1, n);
        }
        assert!(!(0..100).any(|_| same.sudden(1, 7, &page("Nothing here yet", 1))));
        // Long pages, and such without text, are never compared.
        let long = "word ".repeat(WORDS + 1);
        assert!(!(30..60).any(|n| same.sudden(1, n, &page(&long, n))));
        assert!(!(60..90).any(|n| same.sudden(1, n, &format!("<img src={n}>"))));
        // Every other page the same.
        let odd = |n: u64| match n % 2 {
            0 => page("Out of stock, come back", n),
            _ => page(&format!("Number {n} is in stock"), n),
        };
        assert!(!(100..200).any(|n| same.sudden(1, n, &odd(n))));
    }

    #[test]
    fn memory_is_bounded() {
        let mut same = Sameness::default();
        for n in 0..3 * FAMILIES as u64 {
            same.ordinary(n, n);
        }
        assert!(same.families.len() <= FAMILIES);
    }
}
