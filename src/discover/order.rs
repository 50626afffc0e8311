//! Which pages come first.
//!
//! A focused crawl puts target pages before all others, and learns from every
//! page it reads how many new targets pages of that kind lead to: by the
//! folders they are in, by their last name, and by the place on a page where
//! the link to them stood. What has led to none comes last; of what nothing is
//! known the nearest comes first, as breadth first. Whenever twice as much is
//! known as before, the pages that wait are to be ranked anew.

use crate::config::{Discover, Strategy};
use crate::page::Fingerprint;
use regex::Regex;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Kinds of pages remembered, at some 30 bytes each.
const KINDS: usize = 100_000;
/// Pages of which it is remembered where the link to them stood, at some 20
/// bytes each, until they are read.
const PLACED: usize = 200_000;
/// Folders of a path that are told apart.
const FOLDERS: usize = 6;
/// New targets of one page that count; one index must not outweigh the rest.
const MOST: f32 = 20.0;
/// Pages of the wider kind that weigh as much as this one's own.
const WEIGHT: f32 = 3.0;
/// Pages before anything learned is acted upon.
const WARM: f32 = 20.0;
/// The step of pages of which nothing is known; each step is half as good as
/// the one before.
const NEUTRAL: f32 = 8.0;
/// The last step.
const LAST: f32 = 16.0;
/// Ranks of one step, one for each depth.
const STEP: u32 = 10_000;

/// The order of one site's pages.
#[derive(Debug, Default)]
pub struct Order(Mutex<Learned>);

/// Of a kind of pages, how many were read and how many new targets they led to.
#[derive(Debug, Default, Clone, Copy)]
struct Yield {
    pages: f32,
    targets: f32,
}

#[derive(Debug, Default)]
struct Learned {
    all: Yield,
    /// The same when pages were last to be ranked anew.
    then: Yield,
    kinds: HashMap<u64, Yield>,
    /// Where the links to pages stood that are not read yet.
    placed: HashMap<Fingerprint, u32>,
}

impl Order {
    /// The rank of a page found `depth` links from the start: those with the
    /// lowest are fetched first.
    pub fn rank(&self, rules: &Discover, url: &str, depth: u32) -> u32 {
        self.rank_at(rules, url, depth, 0)
    }

    /// [`Order::rank`] of a page to which a link at this place of a page leads.
    /// The place is remembered until the page is read.
    pub fn rank_found(
        &self,
        rules: &Discover,
        (print, url): (Fingerprint, &str),
        depth: u32,
        place: u32,
    ) -> u32 {
        if rules.strategy == Strategy::Focused && place != 0 {
            let mut learned = self.learned();
            if learned.placed.len() < PLACED {
                learned.placed.insert(print, place);
            }
        }
        self.rank_at(rules, url, depth, place)
    }

    /// [`Order::rank`] of a page that waits, by what is known now.
    pub fn rank_again(
        &self,
        rules: &Discover,
        (print, url): (Fingerprint, &str),
        depth: u32,
    ) -> u32 {
        self.rank_at(rules, url, depth, self.place(print))
    }

    /// Where the link to a page stood that is not read yet; 0 where that is not
    /// known.
    pub fn place(&self, print: Fingerprint) -> u32 {
        self.learned().placed.get(&print).copied().unwrap_or(0)
    }

    fn rank_at(&self, rules: &Discover, url: &str, depth: u32, place: u32) -> u32 {
        match rules.strategy {
            Strategy::Breadth => depth,
            Strategy::Depth => u32::MAX - depth,
            Strategy::Focused => match &rules.target {
                Some(target) if is_target(&target.0, url) => 0,
                _ => 1 + self.step(url, place) * STEP + depth.min(STEP - 1),
            },
        }
    }

    /// Learns from a page that was read: how many targets it led to that were
    /// not known. Answers whether so much was learned that the pages which wait
    /// should be ranked anew ([`Order::rank_again`]).
    pub fn learn(
        &self,
        rules: &Discover,
        (print, url): (Fingerprint, &str),
        targets: usize,
    ) -> bool {
        if rules.strategy != Strategy::Focused {
            return false;
        }
        let gain = (targets as f32).min(MOST);
        let mut learned = self.learned();
        let learned = &mut *learned;
        learned.all.add(gain);
        let place = learned.placed.remove(&print).map(of_place);
        let (folders, names) = kinds(url);
        for kind in folders.into_iter().chain(names).chain(place) {
            if learned.kinds.len() < KINDS || learned.kinds.contains_key(&kind) {
                learned.kinds.entry(kind).or_default().add(gain);
            }
        }
        learned.has_doubled()
    }

    /// Whether a page is what a focused crawl looks for.
    pub fn is_target(rules: &Discover, url: &str) -> bool {
        let target = rules.target.as_ref();
        target.is_some_and(|target| is_target(&target.0, url))
    }

    /// From 0, the best, to [`LAST`].
    fn step(&self, url: &str, place: u32) -> u32 {
        let learned = self.learned();
        let all = &learned.all;
        if all.pages < WARM || all.targets == 0.0 {
            return NEUTRAL as u32;
        }
        let mean = all.targets / all.pages;
        // Each kind's own yield, held to that of the wider kind before it while
        // little of it is known.
        let held = |kinds: &[u64]| {
            kinds
                .iter()
                .fold(mean, |wider, kind| learned.held(*kind, wider))
        };
        let (folders, names) = kinds(url);
        let (folders, name) = (held(&folders), held(&names));
        let place = match place {
            0 => mean,
            place => learned.held(of_place(place), mean),
        };
        let ratio = (folders / mean) * (name / mean) * (place / mean);
        let step = NEUTRAL - ratio.max(1e-9).log2();
        step.round().clamp(0.0, LAST) as u32
    }

    /// Forgets what was learned.
    pub fn clear(&self) {
        *self.learned() = Learned::default();
    }

    /// Whole between any two instructions that can panic.
    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learned {
    /// Whether twice as much is known as when it last was so.
    fn has_doubled(&mut self) -> bool {
        let (all, then) = (self.all, self.then);
        let known = all.pages >= WARM && all.targets > 0.0;
        let doubled = known && (all.pages >= 2.0 * then.pages || all.targets >= 2.0 * then.targets);
        if doubled {
            self.then = all;
        }
        doubled
    }

    /// The yield of a kind, held to that of a wider one while little of it is
    /// known.
    fn held(&self, kind: u64, wider: f32) -> f32 {
        let own = self.kinds.get(&kind).copied().unwrap_or_default();
        (own.targets + WEIGHT * wider) / (own.pages + WEIGHT)
    }
}

impl Yield {
    fn add(&mut self, gain: f32) {
        self.pages += 1.0;
        self.targets += gain;
    }
}

/// Targets are told by path and query, as the scope is.
fn is_target(target: &Regex, url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    target.is_match(&rest[rest.find('/').unwrap_or(rest.len())..])
}

/// The kinds a page is of, each from the widest on: by its folders; and by the
/// beginning of its last name and by all of that, with its numbers left out.
fn kinds(url: &str) -> (Vec<u64>, [u64; 2]) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (folders, name) = path.rsplit_once('/').unwrap_or((path, ""));
    let mut kinds = Vec::with_capacity(FOLDERS);
    for (end, _) in folders.match_indices('/').take(FOLDERS) {
        kinds.push(xxh3_64(&folders.as_bytes()[..end]));
    }
    kinds.truncate(FOLDERS - 1);
    kinds.push(xxh3_64(folders.as_bytes()));
    let mut text: String = name
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    while text.contains("00") {
        text = text.replace("00", "0");
    }
    let first = text.find(['.', '-', '_', '0']).unwrap_or(text.len());
    let first = xxh3_64(&text.as_bytes()[..first]) ^ 3;
    for pair in query.split('&') {
        text.push('?');
        text.push_str(pair.split('=').next().unwrap_or_default());
    }
    (kinds, [first, xxh3_64(text.as_bytes()) ^ 1])
}

/// The kind of pages to which links of this place lead.
fn of_place(place: u32) -> u64 {
    xxh3_64(&place.to_le_bytes()) ^ 2
}

#[cfg(test)]
pub(crate) mod tests;
