//! Failed pages that failed alike.

use super::super::code::int;
use super::super::filter::{Sql, finished};
use super::Sites;
use super::row::kind;
use crate::bus::{FailureGroup, PageFilter};
use crate::page::PageState;
use crate::page::time::now_ms;
use rusqlite::{Connection, Result, params_from_iter};
use std::collections::HashMap;

/// Groups given at most.
const GROUPS: usize = 200;
/// Groups counted at once. With more, those of a single page are dropped now
/// and then, so that small ones may come out smaller than they are.
const COUNTED: usize = 50_000;
/// One step of the trend, milliseconds.
const STEP: i64 = 5 * 60 * 1000;

/// Kind, status, host.
type Key = (String, Option<u16>, String);

/// By kind, status and host; the largest first.
pub(super) fn groups(
    conn: &Connection,
    sites: &Sites,
    filter: &PageFilter,
) -> Result<Vec<FailureGroup>> {
    if !finished(filter) || filter.state.is_some_and(|s| s != PageState::Failed) {
        return Ok(Vec::new());
    }
    let now = int(now_ms());
    let mut sql = Sql::new(
        "SELECT p.reason, p.status, p.ended_at, u.url FROM page p INDEXED BY failed \
         CROSS JOIN url u ON u.id = p.id WHERE p.outcome = 2",
    );
    sql.of_site("p.site", filter, sites.key(filter.site));
    sql.of_page(filter);
    sql.of_url(filter);
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    let mut groups: HashMap<Key, (u64, [u32; 12])> = HashMap::new();
    while let Some(row) = rows.next()? {
        let url = row.get_ref(3)?.as_str().unwrap_or_default();
        let reason: Option<String> = row.get(0)?;
        let key = (
            reason.unwrap_or_default(),
            row.get(1)?,
            host(url).to_owned(),
        );
        if groups.len() >= COUNTED && !groups.contains_key(&key) {
            groups.retain(|_, (count, _)| *count > 1);
            if groups.len() >= COUNTED {
                continue;
            }
        }
        let (count, trend) = groups.entry(key).or_default();
        *count += 1;
        // A clock that was set back makes an end in the future: it is the latest.
        let ago = (now - row.get::<_, i64>(2)?).max(0) / STEP;
        if let Some(step) = usize::try_from(ago)
            .ok()
            .and_then(|ago| 11usize.checked_sub(ago))
        {
            trend[step] += 1;
        }
    }
    let mut groups: Vec<FailureGroup> = groups
        .into_iter()
        .map(|((reason, status, host), (count, trend))| FailureGroup {
            kind: kind(&reason),
            status,
            host,
            count,
            trend,
        })
        .collect();
    groups.sort_unstable_by(|a, b| {
        let rest = |g: &FailureGroup| (g.kind, g.status);
        b.count
            .cmp(&a.count)
            .then_with(|| rest(a).cmp(&rest(b)))
            .then_with(|| a.host.cmp(&b.host))
    });
    groups.truncate(GROUPS);
    Ok(groups)
}

/// Name and port of a URL in normal form.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}
