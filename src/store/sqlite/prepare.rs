//! Settles what only RAM knows of a request: which page was leased, which URLs
//! are new and what their numbers are.

use super::code::MOST_WITHIN;
use super::core::Core;
use super::end::End;
use super::link::Packed;
use super::write::{Fresh, Write};
use crate::bus::{Event, Level};
use crate::page::time::now_ms;
use crate::page::{PageId, SiteId, Verdict};
use crate::store::{Commit, NewUrl, Record};

impl Core {
    /// The end (or the retry) of a page.
    pub(super) fn end(&mut self, commit: Commit) {
        let sites = &mut self.start.sites;
        let Some(held) = self.leases.end(sites, commit.site, commit.page) else {
            // Committed before, or never leased: nothing may count twice.
            tracing::debug!(page = commit.page.0, "a page that was not leased");
            return;
        };
        let fresh = self.fresh(commit.found);
        let landed = self.fresh(commit.landed.into_iter().collect()).pop();
        let redirect = commit.redirect.map(|(print, address)| {
            let target = self.start.known.get(print);
            target.map(|page| page.0).ok_or(address)
        });
        let mut traps = commit.traps;
        for trap in &mut traps {
            // Found in another way meanwhile, or taken up again.
            let known = &self.start.known;
            trap.links.retain(|link| known.get(link.print).is_none());
        }
        let keep = matches!(commit.verdict, Verdict::Final(_));
        let links = commit.links.filter(|_| keep);
        let links = links.map(|links| Packed::new(commit.page.0, links, &self.start.known));
        let mut records = Vec::new();
        for record in commit.records.into_iter().filter(|_| keep) {
            // A page's records are numbered in 16 bits.
            if records.len() <= MOST_WITHIN as usize {
                self.register(commit.site, &record);
                records.push((record.name, to_json(&record.fields)));
            }
        }
        self.write(Write::End(Box::new(End {
            page: commit.page.0,
            held,
            at: now_ms(),
            verdict: commit.verdict,
            before: commit.before,
            attempt: commit.attempt,
            content_type: commit.content_type,
            canonical: commit.canonical,
            content: commit.content.filter(|_| keep),
            redirect,
            records,
            fresh,
            traps,
            links,
            landed,
            evidence: commit.evidence.map(|e| (to_json(&e.headers), e.body)),
            also_failed: commit.also_failed.iter().map(|p| p.0).collect(),
            seen: commit.seen,
            same: commit.same,
        })));
        self.wake(commit.site);
    }

    /// The new ones among `urls`, numbered.
    pub(super) fn fresh(&mut self, urls: Vec<NewUrl>) -> Vec<Fresh> {
        let mut fresh = Vec::new();
        for new in urls {
            if self.start.next == u32::MAX {
                if !std::mem::replace(&mut self.told_full, true) {
                    let text = "4 billion URLs are known, which is the most that one job can \
                                hold; further ones are passed over";
                    tracing::error!("{text}");
                    self.events.push(Event::notice(Level::Error, None, text));
                }
                break;
            }
            if self.start.known.insert(new.print, PageId(self.start.next)) {
                fresh.push(Fresh {
                    id: self.start.next,
                    print: new.print.0,
                    url: new.url,
                    depth: new.depth,
                    rank: new.rank,
                    hops: new.hops,
                    via: new.via,
                });
                self.start.next += 1;
            }
        }
        fresh
    }

    /// Writes down fields that no record of this kind had before.
    pub(super) fn register(&mut self, site: SiteId, record: &Record) {
        let of_record = (site, record.name.clone());
        let seen = self.start.fields.entry(of_record).or_default();
        let mut new = Vec::new();
        for field in record.fields.keys() {
            if !seen.contains(field) {
                seen.insert(field.clone());
                new.push(field.clone());
            }
        }
        for field in new {
            self.write(Write::Field {
                site,
                record: record.name.clone(),
                field,
            });
        }
    }
}

/// Strings and JSON values always serialise.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
