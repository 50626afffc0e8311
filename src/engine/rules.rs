//! What holds for a site just now: its document with everything that was set
//! while it ran. Workers take one picture of it for each page.

use crate::bus::SiteControls;
use crate::config::{Pattern, Site};
use crate::discover::links::Linker;
use crate::discover::scope::ScopeRules;
use crate::extract::fields::Plan;
use crate::fetch::{Visitor, Want};
use std::sync::Arc;

/// A scope rule added while the crawl ran: whether it includes, and its pattern.
pub type Added = (bool, String);

/// A site's rules as they are now.
pub struct Rules {
    /// The document of the sites file.
    pub document: Arc<Site>,
    /// The document with what was set since: depth and scope.
    pub config: Site,
    /// Scope rules added while the crawl ran.
    pub added: Vec<Added>,
    /// Which URLs belong to it.
    pub scope: ScopeRules,
    /// Turns links into candidates.
    pub linker: Linker,
    /// The fields to take.
    pub plan: Plan,
    /// Cookies, headers, guard.
    pub visitor: Visitor,
    /// Whether links are followed.
    pub follow: bool,
    /// Of all that decides what is made of a page: one that was had by rules of
    /// another digest is fetched whole.
    pub digest: u32,
}

impl Rules {
    /// The rules of a document and what was set since. Added patterns that are
    /// no regular expressions are left out; they were checked when they came.
    /// Cookies are those of `before`, where it is given.
    pub fn new(
        document: Arc<Site>,
        controls: &SiteControls,
        added: Vec<Added>,
        before: Option<&Visitor>,
    ) -> Self {
        let mut config = Site::clone(&document);
        config.limits.depth = controls.max_depth;
        for (include, pattern) in &added {
            if let Ok(regex) = regex::Regex::new(pattern) {
                let list = match include {
                    true => &mut config.scope.include,
                    false => &mut config.scope.exclude,
                };
                list.push(Pattern(regex));
            }
        }
        Self {
            scope: ScopeRules::new(&config),
            linker: Linker::new(&config),
            plan: Plan::compile(&config.extract),
            visitor: match before {
                Some(before) => before.renewed(&config),
                None => Visitor::new(&config),
            },
            follow: config.discover.links && !controls.draining,
            digest: digest(&config, controls.draining),
            document,
            config,
            added,
        }
    }

    /// What is read of an answer to a page's request.
    pub fn want(&self) -> Want {
        match self.plan.wants_json() {
            true => Want::PageOrJson,
            false => Want::Page,
        }
    }

    /// These rules under other controls or with other rules added.
    pub fn with(&self, controls: &SiteControls, added: Vec<Added>) -> Self {
        let document = self.document.clone();
        Self::new(document, controls, added, Some(&self.visitor))
    }

    /// The scope in words, in the order in which its rules are applied.
    pub fn words(&self) -> Vec<String> {
        let scope = &self.config.scope;
        let mut words = vec![format!("hosts {}", scope.hosts.join(", "))];
        if let Some(depth) = self.config.limits.depth {
            words.push(format!("depth at most {depth}"));
        }
        let mark = |include: bool, pattern: &str| {
            let live = self
                .added
                .iter()
                .any(|(i, p)| *i == include && p == pattern);
            if live { " (added while it ran)" } else { "" }
        };
        for pattern in &scope.exclude {
            let text = pattern.0.as_str();
            words.push(format!("exclude {text}{}", mark(false, text)));
        }
        for pattern in &scope.include {
            let text = pattern.0.as_str();
            words.push(format!("include {text}{}", mark(true, text)));
        }
        if !self.follow {
            words.push("links are not followed".to_owned());
        }
        words
    }
}

/// A change of crawldeck's own that makes it differ costs one whole round.
fn digest(config: &Site, draining: bool) -> u32 {
    let of = format!(
        "{:?}",
        (
            &config.extract,
            &config.scope,
            &config.url,
            config.limits.depth,
            config.discover.links && !draining,
            config.discover.nofollow,
            config.keep.bodies,
            config.fetch.max_body,
        )
    );
    // Its upper half is as good as any.
    (xxhash_rust::xxh3::xxh3_64(of.as_bytes()) >> 32) as u32
}
