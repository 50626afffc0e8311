//! What changed, counted.

use crate::config::Site;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Broken pages that are told by name, of each site.
const NAMED: usize = 10;

/// What extraction changed in a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteTally {
    /// The site's name.
    pub site: String,
    /// Pages that were read from the archive.
    pub pages: u64,
    /// Pages that a rule takes fields of and whose answer is not in the
    /// archive; they keep their records.
    pub absent: u64,
    /// Answers of APIs that were read from the archive.
    pub answers: u64,
    /// Answers of APIs that are not in the archive, or cannot be come to; they
    /// keep their records.
    pub answers_absent: u64,
    /// Pages and answers of APIs that could not be read; they keep their records.
    pub broken: u64,
    /// The first of those: URL and reason. Text from the network, uncleaned.
    pub named: Vec<(String, String)>,
    /// Its kinds of records, in the order of the rules; those that no rule
    /// makes any more at the end.
    pub kinds: Vec<KindTally>,
}

/// What changed in the records of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindTally {
    /// The records' name.
    pub name: String,
    /// Records before, on the pages that were read.
    pub before: u64,
    /// Records now.
    pub after: u64,
    /// Records that there were none of.
    pub added: u64,
    /// Records that are none any more.
    pub removed: u64,
    /// Records of which a field has another value.
    pub changed: u64,
    /// Their fields, in the order of the rule.
    pub fields: Vec<(String, Fill)>,
}

/// How many records have a value in a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fill {
    /// Before.
    pub before: u64,
    /// Now.
    pub after: u64,
}

/// The tallies of all sites, by their number in the store.
pub(super) struct Tally {
    sites: Vec<(i64, SiteTally)>,
}

impl Tally {
    /// Nothing counted yet. The kinds and fields of the rules stand there at
    /// once, so that they keep their order.
    pub(super) fn new(sites: &[(i64, Arc<Site>)]) -> Self {
        let of_site = |(key, site): &(i64, Arc<Site>)| {
            let mut tally = SiteTally {
                site: site.name.clone(),
                pages: 0,
                absent: 0,
                answers: 0,
                answers_absent: 0,
                broken: 0,
                named: Vec::new(),
                kinds: Vec::new(),
            };
            for rule in site.records() {
                let kind = tally.kind(&rule.record);
                for field in &rule.fields {
                    kind.field(&field.name);
                }
            }
            (*key, tally)
        };
        Self {
            sites: sites.iter().map(of_site).collect(),
        }
    }

    /// The tally of a site, which must be one of those.
    pub(super) fn site(&mut self, key: i64) -> Option<&mut SiteTally> {
        let mut sites = self.sites.iter_mut();
        sites.find(|(own, _)| *own == key).map(|(_, site)| site)
    }

    /// Takes over what another has counted.
    pub(super) fn add(&mut self, other: Self) {
        for (key, other) in other.sites {
            if let Some(own) = self.site(key) {
                own.add(other);
            }
        }
    }

    /// Whether every page and answer of a site could be read.
    pub(super) fn is_whole(&self, key: i64) -> bool {
        let mut sites = self.sites.iter();
        sites.any(|(own, site)| *own == key && site.absent + site.answers_absent + site.broken == 0)
    }

    pub(super) fn finish(self) -> Vec<SiteTally> {
        self.sites.into_iter().map(|(_, site)| site).collect()
    }
}

impl SiteTally {
    /// Counts a page, or an answer of an API, that could not be read.
    pub(super) fn break_down(&mut self, url: &str, why: String) {
        self.broken += 1;
        if self.named.len() < NAMED {
            self.named.push((url.to_owned(), why));
        }
    }

    /// Counts a page's records before and after.
    pub(super) fn compare(
        &mut self,
        before: &[(Arc<str>, Map<String, Value>)],
        after: &[(Arc<str>, Map<String, Value>)],
    ) {
        // Records of one name are told apart by their order on the page.
        let mut old: BTreeMap<&str, Vec<&Map<String, Value>>> = BTreeMap::new();
        for (name, fields) in before.iter().rev() {
            old.entry(name).or_default().push(fields);
        }
        for (name, fields) in after {
            let was = old.get_mut(&**name).and_then(Vec::pop);
            let kind = self.kind(name);
            kind.after += 1;
            kind.fill(fields, |fill| &mut fill.after);
            match was {
                None => kind.added += 1,
                Some(was) => {
                    kind.before += 1;
                    kind.changed += u64::from(was != fields);
                    kind.fill(was, |fill| &mut fill.before);
                }
            }
        }
        for (name, left) in old {
            let kind = self.kind(name);
            for fields in left {
                kind.before += 1;
                kind.removed += 1;
                kind.fill(fields, |fill| &mut fill.before);
            }
        }
    }

    fn kind(&mut self, name: &str) -> &mut KindTally {
        let at = self.kinds.iter().position(|kind| kind.name == name);
        let at = at.unwrap_or_else(|| {
            self.kinds.push(KindTally {
                name: name.to_owned(),
                ..KindTally::default()
            });
            self.kinds.len() - 1
        });
        &mut self.kinds[at]
    }

    fn add(&mut self, other: Self) {
        self.pages += other.pages;
        self.absent += other.absent;
        self.answers += other.answers;
        self.answers_absent += other.answers_absent;
        self.broken += other.broken;
        let room = NAMED.saturating_sub(self.named.len());
        self.named.extend(other.named.into_iter().take(room));
        for other in other.kinds {
            let own = self.kind(&other.name);
            own.before += other.before;
            own.after += other.after;
            own.added += other.added;
            own.removed += other.removed;
            own.changed += other.changed;
            for (name, fill) in other.fields {
                let field = own.field(&name);
                field.before += fill.before;
                field.after += fill.after;
            }
        }
    }
}

impl KindTally {
    fn field(&mut self, name: &str) -> &mut Fill {
        let at = self.fields.iter().position(|(own, _)| own == name);
        let at = at.unwrap_or_else(|| {
            self.fields.push((name.to_owned(), Fill::default()));
            self.fields.len() - 1
        });
        &mut self.fields[at].1
    }

    fn fill(&mut self, fields: &Map<String, Value>, side: fn(&mut Fill) -> &mut u64) {
        for (name, value) in fields {
            let filled = match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(values) => !values.is_empty(),
                _ => true,
            };
            *side(self.field(name)) += u64::from(filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn records(of: &[(&str, Value)]) -> Vec<(Arc<str>, Map<String, Value>)> {
        of.iter()
            .map(|(name, value)| ((*name).into(), value.as_object().unwrap().clone()))
            .collect()
    }

    #[test]
    fn records_are_matched_by_name_and_order() {
        let mut tally = Tally::new(&[]);
        tally.sites.push((1, empty()));
        let site = tally.site(1).unwrap();
        site.compare(
            &records(&[
                ("a", json!({"t": "1"})),
                ("a", json!({"t": "2"})),
                ("b", json!({"t": "x"})),
                ("gone", json!({"t": ""})),
            ]),
            &records(&[
                ("a", json!({"t": "1"})),
                ("a", json!({"t": "", "u": [1]})),
                ("a", json!({"t": "3"})),
                ("b", json!({"t": "x"})),
            ]),
        );
        let told: Vec<_> = site
            .kinds
            .iter()
            .map(|k| (&*k.name, k.before, k.after, k.added, k.removed, k.changed))
            .collect();
        assert_eq!(
            told,
            [
                ("a", 2, 3, 1, 0, 1),
                ("b", 1, 1, 0, 0, 0),
                ("gone", 1, 0, 0, 1, 0),
            ]
        );
        let fill = |before, after| Fill { before, after };
        let expected = [("t".to_owned(), fill(2, 2)), ("u".to_owned(), fill(0, 1))];
        assert_eq!(site.kinds[0].fields, expected);

        let mut sum = Tally::new(&[]);
        sum.sites.push((1, empty()));
        let twice = tally.site(1).unwrap().clone();
        sum.add(tally);
        sum.site(1).unwrap().add(twice);
        assert_eq!(sum.sites[0].1.kinds[0].after, 6);
        assert_eq!(sum.sites[0].1.kinds[0].fields[1].1, fill(0, 2));
    }

    fn empty() -> SiteTally {
        SiteTally {
            site: "a".to_owned(),
            pages: 0,
            absent: 0,
            answers: 0,
            answers_absent: 0,
            broken: 0,
            named: Vec::new(),
            kinds: Vec::new(),
        }
    }
}
