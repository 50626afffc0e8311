//! APIs asked by the workers: one answer an errand, each naming the next.

pub use crate::discover::api::{BYTES, key};

use super::intake::Intake;
use super::rules::Rules;
use super::site::{Message, SiteContext, SourceRead};
use super::work::{ApiCall, Errand, ErrandKind, ErrandResult};
use crate::bus::{Event, Level};
use crate::config::{ApiRule, RecordRule};
use crate::discover::api::{self, Kept, Mark, Turn};
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

/// Bytes of a refusal's body that are told.
const EXCERPT: u64 = 120;

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
    let failed = |why: String| {
        let (asked, found) = (call.turn.asked, call.turn.found);
        let had = match asked {
            0 => String::new(),
            _ => format!(" after {asked} answers with {found} URLs; the next run goes on there"),
        };
        let text = format!("api {}: {why}{had}", call.rule.name());
        ErrandResult::NoSource(key(&call.rule), text)
    };
    let fetched = match answer {
        Ok(fetched) if (200..300).contains(&fetched.status) => fetched,
        Ok(fetched) => {
            let body = fetch::body::decode_prefix(&fetched, EXCERPT);
            let body = body.map(|(body, _)| body.into_owned()).unwrap_or_default();
            let excerpt = String::from_utf8_lossy(&body).into_owned();
            return failed(format!("status {} {excerpt:?}", fetched.status));
        }
        Err(error) => return failed(error.to_string()),
    };
    if fetched.cut {
        return failed(format!("an answer of more than {BYTES} bytes"));
    }
    let Some(room) = site.pool.room(fetched.body.len()).await else {
        return failed("the crawl ends".to_owned());
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
            SourceRead::over(key(&call.rule), None)
        });
        drop(room);
        // A closed inbox means that the site is over.
        let _ = site.inbox.blocking_send(Message::SourceRead(read));
    });
    ErrandResult::Reading
}

/// Reads an answer on the pool's thread: its URLs go to the store.
fn take(
    site: &SiteContext,
    call: &ApiCall,
    url: &Url,
    fetched: &Fetched,
    runtime: &Handle,
) -> SourceRead {
    let key = key(&call.rule);
    let name = call.rule.name();
    let say = |level, text| runtime.block_on(site.say(level, text));
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
            let turn = &call.turn;
            let (asked, found) = (turn.asked, turn.found);
            let text = format!(
                "api {name}: answer {}: {why}; {found} URLs before",
                asked + 1
            );
            say(Level::Warn, text);
            return SourceRead::over(key, None);
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
    for (count, what) in [
        (answer.bad, "items without a URL"),
        (records.bad, "items without a required field"),
        (answer.cut, "items too many, which are left out"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
            level = Level::Warn;
        }
    }
    if !answer.end.is_empty() {
        text.push_str(&format!("; ended by {}", answer.end));
    }
    say(level, text);
    let rules = site.rules();
    let goes_on = answer.next.clone();
    let next = answer.next.and_then(|next| {
        let errand = errand(&rules, &call.rule, next);
        let told = errand.map_err(|why| say(Level::Warn, format!("api {name}: {why}")));
        told.ok()
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
