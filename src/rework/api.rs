//! One API's part: its answers out of the archive, one after the other as they
//! were asked, and their records made again.

use super::ReworkError;
use super::page::{Made, encode, parsed};
use super::tally::SiteTally;
use crate::archive::Reader;
use crate::config::{ApiRule, RecordRule, Site};
use crate::discover::api::{self, Kept, Mark, Turn};
use crate::extract::fields::Plan;
use crate::fetch::{self, Fetched};
use crate::page::{Fingerprinter, time};
use crate::store::sqlite::replace::{AnswerChange, DonePages, Fate, Parts, Progress};
use reqwest::header::LINK;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use url::Position;

/// Answers handed on at once.
const BATCH: usize = 64;

/// An API of a site that was read once.
pub(super) struct ApiWork {
    /// The site's number in the store.
    pub(super) key: i64,
    /// The site.
    site: Arc<Site>,
    rule: Arc<ApiRule>,
    progress: Progress,
    mark: Mark,
    /// Whether the marks in the store are those of this very document.
    pub(super) settled: bool,
}

/// What came of an answer.
enum Answer {
    /// Its records, and what was asked next.
    Had(Vec<Made>, Option<Turn>),
    /// It is not in the archive.
    Absent,
    /// It cannot be read; why.
    Broken(String),
}

/// The APIs of a site that were read, each with how far.
pub(super) fn of_site(
    source: &DonePages,
    key: i64,
    site: &Arc<Site>,
) -> Result<Vec<ApiWork>, ReworkError> {
    let known: Vec<(Progress, Mark)> = source
        .progress(key)?
        .into_iter()
        // A mark that cannot be read tells of no archive.
        .map(|known| (serde_json::from_str(&known.mark).unwrap_or_default(), known))
        .map(|(mark, known)| (known, mark))
        .collect();
    let settled = source.is_settled(key, site.digest)?;
    let work = |rule: &Arc<ApiRule>| {
        let place = site.api_place(rule);
        let own = api::key(rule);
        let kept = |mark: &Mark| mark.kept.map(|kept| kept.place);
        let found = known.iter().find(|(_, mark)| kept(mark) == place);
        // Of one that the archive does not have it is told.
        let found = found.or_else(|| {
            let source = format!("{:016x}", rule.source());
            let mut known = known.iter();
            known.find(|(known, _)| known.key == own || known.source == source)
        });
        let (progress, mark) = found?.clone();
        Some(ApiWork {
            key,
            site: site.clone(),
            rule: rule.clone(),
            progress,
            mark,
            settled,
        })
    };
    Ok(site.discover.api.iter().filter_map(work).collect())
}

impl ApiWork {
    /// Makes the records of its answers again. `take` gets what changes, a
    /// batch at a time, and answers whether it goes on. Answers what becomes of
    /// the API's mark, where it changes.
    pub(super) fn run(
        &self,
        source: &DonePages,
        archive: &Reader,
        tally: &mut SiteTally,
        mut take: impl FnMut(Vec<AnswerChange>) -> bool,
    ) -> Result<Option<Fate>, ReworkError> {
        let old = source.answers(self.key, &self.progress.source)?;
        if self.rule.records.is_empty() && old.is_empty() {
            // It lists URLs alone.
            return Ok(self.fate(None));
        }
        let Some(kept) = self.mark.kept else {
            tally.answers_absent += 1;
            return Ok(self.fate(None));
        };
        let rules: Vec<RecordRule> = self.rule.records.iter().map(|r| r.rule.clone()).collect();
        let plan = Plan::compile(&rules);
        let mut turn = Some(Turn::first(&self.rule));
        let mut changes = Vec::new();
        for number in 0..kept.answers {
            let parts = old.get(&number).cloned().unwrap_or_default();
            // Behind its end an API has nothing.
            let (made, at) = match turn.take() {
                None => (Vec::new(), None),
                Some(asked) => match self.answer(archive, &plan, &asked, kept)? {
                    (Answer::Had(made, next), at) => {
                        turn = next;
                        (made, at)
                    }
                    // It and those behind it keep their records: without it
                    // nobody knows what was asked next.
                    (Answer::Absent, _) => {
                        tally.answers_absent += kept.answers - number;
                        take(changes);
                        return Ok(self.fate(None));
                    }
                    (Answer::Broken(why), _) => {
                        let name = format!("{}, answer {}", self.rule.name(), number + 1);
                        tally.break_down(&name, why);
                        tally.answers_absent += kept.answers - number - 1;
                        take(changes);
                        return Ok(self.fate(None));
                    }
                },
            };
            tally.answers += 1;
            changes.extend(self.compare(source, number, parts, made, at, tally)?);
            if changes.len() >= BATCH && !take(std::mem::take(&mut changes)) {
                return Ok(None);
            }
        }
        take(changes);
        let asks = self.site.api_asks(&self.rule);
        // What the crawl has counted besides stays.
        if let (Some(next), Some(known)) = (&mut turn, &self.mark.next) {
            next.bad = known.bad;
            next.problem.clone_from(&known.problem);
        }
        Ok(self.fate(Some(Mark {
            done: turn.is_none(),
            next: turn,
            kept: Some(Kept { asks, ..kept }),
        })))
    }

    /// What becomes of the API's mark, where that changes; `read` is the mark
    /// by its answers in the archive, where all of them were read.
    fn fate(&self, read: Option<Mark>) -> Option<Fate> {
        let (own, from) = (api::key(&self.rule), self.progress.source.clone());
        let asks = self.site.api_asks(&self.rule);
        let same = self.mark.kept.is_some_and(|kept| kept.asks == asks);
        let source = match &read {
            Some(_) => format!("{:016x}", self.rule.source()),
            None => from.clone(),
        };
        let mark = match read.filter(|_| same) {
            Some(mark) => Some(serde_json::json!(mark).to_string()),
            None if self.progress.key == own && (same || self.settled) => {
                Some(self.progress.mark.clone())
            }
            None => None,
        };
        let mark = mark.map(|mark| (own, mark));
        let fate = Fate { from, source, mark };
        (!fate.is_of(&self.progress)).then_some(fate)
    }

    /// One answer, and when it was asked for.
    fn answer(
        &self,
        archive: &Reader,
        plan: &Plan,
        turn: &Turn,
        kept: Kept,
    ) -> Result<(Answer, Option<u64>), ReworkError> {
        let name = Kept::name(kept.place, turn.asked);
        let Some(place) = archive.find(Fingerprinter::new(&self.site.name).of(&name))? else {
            return Ok((Answer::Absent, None));
        };
        let mut at = None;
        // A panic over a hostile body costs that answer.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let stored = archive.read(place, api::BYTES);
            let stored = stored.map_err(|error| error.to_string())?;
            at = stored.at;
            let fetched =
                Fetched::whole(stored.status, stored.headers, stored.body, Duration::ZERO);
            self.read(&fetched, plan, turn)
        }));
        let read = read.unwrap_or_else(|_| Err("extracting from it broke down".to_owned()));
        let answer = read.map_or_else(Answer::Broken, |(made, next)| Answer::Had(made, next));
        Ok((answer, at))
    }

    fn read(
        &self,
        fetched: &Fetched,
        plan: &Plan,
        turn: &Turn,
    ) -> Result<(Vec<Made>, Option<Turn>), String> {
        let url = turn.request(&self.rule)?.url;
        let body = fetch::body::decode(fetched, api::BYTES).map_err(|error| error.detail)?;
        let links = fetched.headers.get_all(LINK);
        let links: Vec<&str> = links.iter().filter_map(|link| link.to_str().ok()).collect();
        let answer = api::read(&self.rule, turn, &url, &body, &links);
        let answer = answer.map_err(|problem| problem.why)?;
        let mut made = Vec::new();
        for (kind, items) in answer.items.iter().enumerate() {
            for item in items {
                let taken = plan.item(kind, item, &url).records;
                made.extend(taken.into_iter().map(|record| (record.name, record.fields)));
            }
        }
        Ok((made, answer.next))
    }

    /// What changes in an answer, if anything does.
    fn compare(
        &self,
        source: &DonePages,
        number: u64,
        parts: Parts,
        made: Vec<Made>,
        at: Option<u64>,
        tally: &mut SiteTally,
    ) -> Result<Option<AnswerChange>, ReworkError> {
        let mut records: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
        for (name, text) in encode(&made) {
            records.entry(name).or_default().push(text);
        }
        let old = source.answered(&parts)?;
        let mut before: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
        for (name, text) in &old {
            before.entry(name.clone()).or_default().push(text.clone());
        }
        if records == before {
            tally.compare(&made, &made);
            return Ok(None);
        }
        tally.compare(&parsed(&old), &made);
        let fields = made.iter();
        let mut fields: Vec<(Arc<str>, Vec<String>)> = fields
            .map(|(name, fields)| (name.clone(), fields.keys().cloned().collect()))
            .collect();
        fields.dedup();
        Ok(Some(AnswerChange {
            site: self.key,
            source: self.progress.source.clone(),
            number,
            url: self.shown(),
            at: parts.at.or(at).unwrap_or_else(time::now_ms),
            parts,
            records,
            fields,
        }))
    }

    /// Where its answers were had, as it may be shown.
    fn shown(&self) -> String {
        let url = Turn::first(&self.rule).request(&self.rule);
        url.map(|asked| asked.url[..Position::AfterPath].to_owned())
            .unwrap_or_default()
    }
}
