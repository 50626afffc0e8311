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
/// Pages that are the same before it can be told.
const FIRSTS: usize = SAME as usize - 1;
/// No page.
const NONE: u64 = u64::MAX;
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
    /// The first of those that have had it; [`NONE`] where one was not taken.
    firsts: [u64; FIRSTS],
}

impl Sameness {
    /// Whether a page is the same as those before it, which once differed.
    /// `family` is its address's shape, `page` tells addresses apart, `html` is
    /// a page with few links: none of a site's ordinary ones. Answers, once,
    /// the pages that were the same before it could be told.
    pub fn sudden(&mut self, family: u64, page: u64, html: &str) -> Option<Vec<u64>> {
        let Some(text) = digest(html) else {
            self.ordinary(family, page);
            return None;
        };
        self.see(family, page, text)
    }

    /// A page that was seen was not taken all the same.
    pub fn climbs(&mut self, family: u64, page: u64) {
        if let Some(shown) = self.families.get_mut(&family) {
            let mut firsts = shown.firsts.iter_mut();
            if let Some(first) = firsts.find(|first| **first == page) {
                *first = NONE;
            }
        }
    }

    /// Notes an ordinary page, which is like no other.
    pub fn ordinary(&mut self, family: u64, page: u64) {
        self.see(family, page, page);
    }

    fn see(&mut self, family: u64, page: u64, text: u64) -> Option<Vec<u64>> {
        if self.families.len() >= FAMILIES && !self.families.contains_key(&family) {
            // What was learned is learned again: no order is worth keeping.
            self.families.clear();
        }
        let fresh = Shown {
            text,
            page,
            run: 0,
            differed: 0,
            firsts: [NONE; FIRSTS],
        };
        let shown = self.families.entry(family).or_insert(fresh);
        if shown.text != text {
            shown.differed = shown.differed.saturating_add(1);
            (shown.text, shown.page, shown.run) = (text, page, 0);
            shown.firsts = [NONE; FIRSTS];
        }
        // The same address again says nothing.
        if shown.page != page || shown.run == 0 {
            if let Some(first) = shown.firsts.get_mut(usize::from(shown.run)) {
                *first = page;
            }
            shown.run = shown.run.saturating_add(1);
            shown.page = page;
        }
        if shown.run < SAME || shown.differed < DIFFERED {
            return None;
        }
        let firsts = std::mem::replace(&mut shown.firsts, [NONE; FIRSTS]);
        let before = firsts
            .into_iter()
            .filter(|first| ![page, NONE].contains(first));
        Some(before.collect())
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
            assert_eq!(
                same.sudden(1, n, &page(&format!("an article, number {n}"), n)),
                None
            );
        }
        let wall = "Please wait while we check you";
        // The third one climbs, and so was never taken.
        let mut told = Vec::new();
        let found: Vec<bool> = (20..30)
            .map(|n| {
                let found = same.sudden(1, n, &page(wall, n));
                if n == 22 {
                    same.climbs(1, n);
                }
                told.extend(found.iter().flatten().copied());
                found.is_some()
            })
            .collect();
        assert_eq!(told, [20, 21, 23], "each once");
        let firsts = found.iter().take_while(|is| !**is).count();
        assert_eq!(firsts, usize::from(SAME) - 1, "{found:?}");
        assert!(found[firsts..].iter().all(|is| *is));
        // Another shape of addresses has its own history.
        assert_eq!(same.sudden(2, 40, &page(wall, 0)), None);
        // A real page ends it.
        assert_eq!(same.sudden(1, 50, &page("a page of its own", 1)), None);
        assert_eq!(same.sudden(1, 51, &page(wall, 2)), None);
    }

    #[test]
    fn ordinary_sites_raise_no_alarm() {
        // Always the same: an empty shop, a shell, a calendar of empty days.
        let mut same = Sameness::default();
        assert!(!(0..100).any(|n| same.sudden(1, n, &page("Nothing here yet", n)).is_some()));
        // One address again and again.
        let mut same = Sameness::default();
        for n in 0..20 {
            same.ordinary(1, n);
        }
        assert!(!(0..100).any(|_| same.sudden(1, 7, &page("Nothing here yet", 1)).is_some()));
        // Long pages, and such without text, are never compared.
        let long = "word ".repeat(WORDS + 1);
        assert!(!(30..60).any(|n| same.sudden(1, n, &page(&long, n)).is_some()));
        assert!(!(60..90).any(|n| same.sudden(1, n, &format!("<img src={n}>")).is_some()));
        // Every other page the same.
        let odd = |n: u64| match n % 2 {
            0 => page("Out of stock, come back", n),
            _ => page(&format!("Number {n} is in stock"), n),
        };
        assert!(!(100..200).any(|n| same.sudden(1, n, &odd(n)).is_some()));
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
