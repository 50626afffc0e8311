//! Which controls a site starts with: the sites file's, or those that the
//! operator tuned in an earlier run. A tuned value holds until the file changes
//! that very value.

use crate::bus::{AutoRange, Budget, RungControls, SiteControls, SiteState};
use crate::config::{Rung, Site};
use crate::store::{SavedSite, Tuned};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// The controls as the sites file has them.
pub fn of_file(site: &Site) -> SiteControls {
    SiteControls {
        concurrency: site.fetch.concurrency,
        auto: site.fetch.auto.as_ref().map(|range| AutoRange {
            min: *range.start(),
            max: *range.end(),
        }),
        delay: site.fetch.delay,
        max_pages: site.limits.pages,
        max_depth: site.limits.depth,
        retries: site.fetch.retries,
        draining: false,
        rungs: rungs_of_file(site),
    }
}

/// The rungs of a site that has more than plain HTTP, or a budget for that.
fn rungs_of_file(site: &Site) -> Vec<RungControls> {
    let free = site.fetch.rungs.http.budget == Budget::default();
    if site.fetch.via == [Rung::Http] && free {
        return Vec::new();
    }
    let rungs = site.fetch.via.iter().map(|rung| {
        let limits = site.fetch.limits(*rung);
        RungControls {
            rung: *rung,
            paused: false,
            concurrency: limits.concurrency,
            delay: limits.delay,
            timeout: limits.timeout,
            budget: limits.budget,
        }
    });
    rungs.collect()
}

/// The rungs of the file, each value as it was tuned where the file still says
/// what it said then.
fn merged_rungs(tuned: &Tuned, file: &SiteControls) -> Vec<RungControls> {
    let of = |controls: &SiteControls, rung| {
        let mut rungs = controls.rungs.iter();
        rungs.find(|known| known.rung == rung).cloned()
    };
    let mut rungs = file.rungs.clone();
    for rung in &mut rungs {
        let (Some(now), Some(was)) = (of(&tuned.now, rung.rung), of(&tuned.file, rung.rung)) else {
            continue;
        };
        rung.paused = now.paused;
        if was.concurrency == rung.concurrency {
            rung.concurrency = now.concurrency;
        }
        if was.delay == rung.delay {
            rung.delay = now.delay;
        }
        if was.timeout == rung.timeout {
            rung.timeout = now.timeout;
        }
        if was.budget == rung.budget {
            rung.budget = now.budget;
        }
    }
    rungs
}

/// Tells one scope of the sites file from another.
pub fn scope_digest(site: &Site) -> u64 {
    let mut text = String::new();
    for (mark, patterns) in [('+', &site.scope.include), ('-', &site.scope.exclude)] {
        for pattern in patterns {
            text.push(mark);
            text.push_str(pattern.0.as_str());
            text.push('\n');
        }
    }
    xxh3_64(text.as_bytes())
}

/// The controls of `tuned` where the file still says what it said then, else
/// what it says now.
pub fn merged(tuned: &Tuned, file: &SiteControls) -> SiteControls {
    let Tuned { now, file: was, .. } = tuned;
    let workers = (was.concurrency, was.auto) == (file.concurrency, file.auto);
    let mut merged = now.clone();
    merged.rungs = merged_rungs(tuned, file);
    if !workers {
        (merged.concurrency, merged.auto) = (file.concurrency, file.auto);
    }
    if was.delay != file.delay {
        merged.delay = file.delay;
    }
    if was.max_pages != file.max_pages {
        merged.max_pages = file.max_pages;
    }
    if was.max_depth != file.max_depth {
        merged.max_depth = file.max_depth;
    }
    if was.retries != file.retries {
        merged.retries = file.retries;
    }
    merged
}

/// What a site begins a run with. `changed`: its document differs from the last
/// run's; `watched`: somebody is there who could resume it.
pub fn begin(site: &Site, saved: Option<SavedSite>, changed: bool, watched: bool) -> SavedSite {
    let file = of_file(site);
    let scope = scope_digest(site);
    let Some(saved) = saved else {
        return SavedSite {
            state: SiteState::Starting,
            why: None,
            controls: Tuned {
                now: file.clone(),
                file,
                scope,
                ..Tuned::default()
            },
            rules: Vec::new(),
            paused: false,
            sitemaps_done: false,
        };
    };
    let same_scope = saved.controls.scope == scope;
    SavedSite {
        controls: Tuned {
            now: merged(&saved.controls, &file),
            file,
            scope,
            paused_hosts: match watched {
                true => saved.controls.paused_hosts,
                false => Vec::new(),
            },
            lifted: saved.controls.lifted,
            spent: saved.controls.spent,
            // As with sitemaps below.
            sources: match changed {
                true => BTreeMap::new(),
                false => saved.controls.sources,
            },
        },
        rules: if same_scope { saved.rules } else { Vec::new() },
        // Where nobody looks, nobody would resume.
        paused: saved.paused && watched,
        // A changed document may name other sitemaps or take in more of them.
        sitemaps_done: saved.sitemaps_done && !changed,
        state: saved.state,
        why: saved.why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_tuned_value_holds_until_the_file_changes_that_value() {
        let file = SiteControls {
            concurrency: 8,
            max_pages: Some(100),
            ..SiteControls::default()
        };
        let tuned = Tuned {
            now: SiteControls {
                concurrency: 32,
                delay: Duration::from_secs(1),
                draining: true,
                ..file.clone()
            },
            file: file.clone(),
            ..Tuned::default()
        };
        assert_eq!(merged(&tuned, &file), tuned.now);
        let edited = SiteControls {
            max_pages: Some(500),
            ..file.clone()
        };
        let now = merged(&tuned, &edited);
        assert_eq!((now.concurrency, now.max_pages), (32, Some(500)));
        let edited = SiteControls {
            concurrency: 4,
            ..file
        };
        let now = merged(&tuned, &edited);
        assert_eq!((now.concurrency, now.delay), (4, Duration::from_secs(1)));
    }
}
