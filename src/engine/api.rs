//! APIs asked by the workers: one answer an errand, each naming the next.

pub use crate::discover::api::{BYTES, key};

use super::intake::Intake;
use super::rules::Rules;
use super::site::{Message, SiteContext};
use super::source::{self, Source, SourceRead, Tally};
use super::work::{ApiCall, Errand, ErrandKind, ErrandResult};
use crate::bus::{Event, Level, SourceState};
use crate::config::{ApiRule, RecordRule};
use crate::discover::api::{self, Kept, Mark, Turn};
use crate::discover::beginning;
use crate::extract::fields::Plan;
use crate::fetch::{self, Call, FetchError, Fetched, Visitor};
use crate::page::time::now_ms;
use crate::store::{ApiAnswer, Record};
use reqwest::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    LINK, TE, TRANSFER_ENCODING, UPGRADE,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::runtime::Handle;
use url::{Position, Url};

/// Where to go on, by the mark of an earlier run; `None` where it is done.
pub fn resume(rule: &ApiRule, mark: Option<&Value>) -> Option<Turn> {
    // One that cannot be read says nothing.
    let mark: Mark = mark
        .and_then(|mark| Mark::deserialize(mark).ok())
        .unwrap_or_default();
    let next = || mark.next.unwrap_or_else(|| Turn::first(rule));
    (!mark.done).then(next)
}

/// The errand of one turn.
///
/// # Errors
/// Where its address is none.
pub fn errand(rules: &Rules, rule: &Arc<ApiRule>, turn: Turn) -> Result<Errand, String> {
    let request = turn.request(rule)?;
    Ok(Errand {
        judged: rules.is_own(&request.url),
        url: request.url,
        kind: ErrandKind::Api(Box::new(ApiCall {
            rule: rule.clone(),
            turn,
            body: request.body,
        })),
        tries: 0,
    })
}

/// The call's own headers that are no secret.
pub fn plain_headers(call: &ApiCall) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, */*;q=0.5"),
    );
    if let Some(body) = &call.body {
        let kind = match api::is_json(body) {
            true => "application/json",
            false => "application/x-www-form-urlencoded",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers
}

/// Who asks the API: the site's visitor with the call's own headers and body.
pub fn visitor(site: &Visitor, call: &ApiCall) -> Visitor {
    let mut headers = plain_headers(call);
    for (name, value) in &call.rule.headers {
        // Both were checked when the sites file was read.
        if let (Ok(name), Ok(mut value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) && ![
            CONNECTION,
            CONTENT_LENGTH,
            HOST,
            TE,
            TRANSFER_ENCODING,
            UPGRADE,
        ]
        .contains(&name)
        {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    site.calling(Call {
        body: call.body.clone().map(Into::into),
        headers,
    })
}

/// Hands an answer to the CPU pool; `kept` is whether it is in the archive.
pub async fn read(
    site: &Arc<SiteContext>,
    errand: &Errand,
    call: &ApiCall,
    answer: Result<Fetched, FetchError>,
    kept: bool,
) -> ErrandResult {
    let fetched = match answer {
        Ok(fetched) if !(200..300).contains(&fetched.status) => {
            return failed(site, call, source::refusal(&fetched)).await;
        }
        Ok(fetched) if fetched.cut => {
            return failed(site, call, format!("an answer of more than {BYTES} bytes")).await;
        }
        Ok(fetched) => fetched,
        Err(error) => return failed(site, call, error.to_string()).await,
    };
    let Some(room) = site.pool.room(fetched.body.len()).await else {
        return failed(site, call, "the crawl ends".to_owned()).await;
    };
    let (site, mut call, url) = (site.clone(), call.clone(), errand.url.clone());
    call.turn.kept &= kept;
    let runtime = Handle::current();
    site.pool.clone().run(move || {
        let read = catch_unwind(AssertUnwindSafe(|| {
            take(&site, &call, &url, &fetched, &runtime)
        }));
        let read = read.unwrap_or_else(|_| {
            tracing::error!(%url, "reading this answer panicked");
            let source = Source::api(&call.rule);
            let news = source.failed(&site, source::before(&call), "reading an answer panicked");
            site.store.source_blocking(site.id, news);
            SourceRead::failed(source.key)
        });
        drop(room);
        // A closed inbox means that the site is over.
        let _ = site.inbox.blocking_send(Message::SourceRead(read));
    });
    ErrandResult::Reading
}

/// An answer that could not be had.
async fn failed(site: &SiteContext, call: &ApiCall, why: String) -> ErrandResult {
    let source = Source::api(&call.rule);
    let tally = source::before(call);
    let had = match tally.read {
        0 => String::new(),
        asked => format!(
            " after {asked} answers with {} URLs; the next run goes on there",
            tally.urls
        ),
    };
    let news = source.failed(site, tally, &why);
    site.store.source(site.id, news).await;
    let text = format!("{}: {why}{had}", source.words());
    ErrandResult::NoSource(source.key, site.folder.clean(text))
}

/// Reads an answer on the pool's thread: its URLs go to the store.
fn take(
    site: &SiteContext,
    call: &ApiCall,
    url: &Url,
    fetched: &Fetched,
    runtime: &Handle,
) -> SourceRead {
    let source = Source::api(&call.rule);
    let key = source.key.clone();
    let name = call.rule.name();
    let say = |level, text| runtime.block_on(site.say(level, site.folder.clean(text)));
    let links: Vec<&str> = fetched
        .headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let answer = match fetch::body::decode(fetched, BYTES) {
        Ok(body) => api::read(&call.rule, &call.turn, url, &body, &links)
            .map_err(|problem| format!("{} {:?}", problem.why, problem.excerpt)),
        Err(error) => Err(error.to_string()),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let tally = source::before(call);
            let why = format!("answer {}: {why}", tally.read + 1);
            say(
                Level::Warn,
                format!("api {name}: {why}; {} URLs before", tally.urls),
            );
            let news = source.failed(site, tally, &why);
            site.store.source_blocking(site.id, news);
            return SourceRead::failed(key);
        }
    };
    let mut intake = Intake::new(site, runtime);
    let listed = answer.urls.len();
    for url in answer.urls {
        intake.offer(url, None);
    }
    intake.flush();
    let records = records(site, &call.rule, &answer.items, url);
    let mut text = format!("api {name}: answer {}", call.turn.asked + 1);
    let mut told = ": ";
    if call.rule.urls.is_some() {
        let (taken, left_out) = (intake.taken, intake.left_out());
        text.push_str(&format!(": {listed} URLs, {taken} new pages{left_out}"));
        told = ", ";
    }
    if !call.rule.records.is_empty() {
        text.push_str(&format!("{told}{} records", records.list.len()));
    }
    let mut level = Level::Info;
    let mut problem = None;
    for (count, what, first) in [
        (answer.bad, "items without a URL", &answer.first_bad),
        (
            records.bad,
            "items without a required field",
            &records.first_bad,
        ),
        (
            answer.cut,
            "items too many, which are left out",
            &String::new(),
        ),
    ] {
        if count > 0 {
            let first = match first.as_str() {
                "" => String::new(),
                first => format!(" (the first: {first:?})"),
            };
            let words = format!("{count} {what}{first}");
            text.push_str(&format!(", {words}"));
            problem.get_or_insert(format!("answer {}: {words}", call.turn.asked + 1));
            level = Level::Warn;
        }
    }
    if !answer.end.is_empty() {
        text.push_str(&format!("; ended by {}", answer.end));
    }
    say(level, text);
    let rules = site.rules();
    let mut tally = Tally {
        read: call.turn.asked + 1,
        urls: call.turn.found + listed as u64,
        bad: call.turn.bad + answer.bad + records.bad,
        problem: problem.or_else(|| call.turn.problem.clone()),
    };
    let mut goes_on = None;
    let next = answer.next.and_then(|mut next| {
        next.bad = tally.bad;
        next.problem.clone_from(&tally.problem);
        goes_on = Some(next.clone());
        match errand(&rules, &call.rule, next) {
            Ok(errand) => Some(errand),
            Err(why) => {
                say(Level::Warn, format!("api {name}: {why}"));
                tally.problem = Some(why);
                None
            }
        }
    });
    let place = rules.config.api_place(&call.rule);
    let mark = Mark {
        done: next.is_none(),
        next: goes_on.filter(|_| next.is_some()),
        kept: place.filter(|_| call.turn.kept).map(|place| Kept {
            place,
            answers: call.turn.asked + 1,
            asks: rules.config.api_asks(&call.rule),
        }),
    };
    let mark = json!(mark);
    site.store.answer_blocking(ApiAnswer {
        site: site.id,
        source: format!("{:016x}", call.rule.source()),
        key: key.clone(),
        first: call.turn.asked == 0,
        number: call.turn.asked,
        mark: mark.clone(),
        url: url[..Position::AfterPath].into(),
        at: now_ms(),
        records: records.list,
    });
    let state = match next {
        Some(_) => SourceState::Reading,
        None => SourceState::Done,
    };
    let news = source.news(site, state, &tally, &[], 0);
    site.store.source_blocking(site.id, news);
    SourceRead {
        next,
        stored: true,
        ..SourceRead::over(key, Some(mark))
    }
}

/// The records of an answer.
#[derive(Default)]
struct Records {
    list: Vec<Record>,
    /// Items that lack what is required.
    bad: u64,
    /// How the first of those begins.
    first_bad: String,
}

/// Takes the records of an answer's items, and tells of them.
fn records(site: &SiteContext, rule: &ApiRule, items: &[Vec<Value>], base: &Url) -> Records {
    let mut records = Records::default();
    // Of an API that the sites file has no more the fields are not counted.
    let first = site.rules().config.first_record(rule);
    let rules: Vec<RecordRule> = rule.records.iter().map(|kind| kind.rule.clone()).collect();
    let plan = Plan::compile(&rules);
    for (kind, items) in items.iter().enumerate() {
        for item in items {
            let Some(taken) = plan.item(kind, item, base).records.pop() else {
                if records.bad == 0 {
                    records.first_bad = beginning(&item.to_string()).to_owned();
                }
                records.bad += 1;
                continue;
            };
            if let Some(rule) = first.and_then(|first| u16::try_from(first + kind).ok()) {
                // A bus that is gone has nobody who counts.
                let _ = site.events.blocking_send(Event::Record {
                    site: site.id,
                    rule,
                    missing: taken.missing,
                });
            }
            records.list.push(Record {
                name: taken.name,
                fields: taken.fields,
            });
        }
    }
    records
}
