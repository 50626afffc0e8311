//! Pages that must be searched for and sorted: one pass over the tables, the
//! first rows of the order being kept.

use super::super::filter::{Sql, UrlTest, asks_url, failed_only, finished, queued};
use super::list::Wanted;
use crate::bus::PageOrder;
use rusqlite::types::ValueRef;
use rusqlite::{Result, Row, params_from_iter};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How far down such a list can be asked for, rows: what is kept meanwhile.
const REACH: u64 = 250_000;
/// Why not further.
pub(super) const TOO_FAR: &str =
    "only the first 250,000 rows can be listed in this way; narrow the list with a filter";

/// A row's place in the order, and its page.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// First of all: what has no place in the order comes behind what has.
    class: i64,
    key: Key,
    /// What breaks ties.
    tie: u32,
    id: u32,
}

/// What rows of a class are sorted by; of one list all are alike.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(Box<str>),
    /// Turned round.
    Back(Reverse<Box<str>>),
}

/// What of a row it is sorted by.
enum Value {
    Number(i64),
    Text(Box<str>),
    /// Behind those that have one.
    None,
    /// Where a page stands that has not ended: the class, and the number in it.
    Queued(i64, i64),
}

impl Wanted<'_> {
    /// A page's place in the order.
    fn rank(&self, value: Value, id: u32) -> Rank {
        let queued = matches!(value, Value::Queued(..));
        let (class, key) = match value {
            Value::Number(n) => (0, Key::Number(n)),
            Value::Text(text) => (0, Key::Text(text)),
            Value::None => (1, Key::Number(0)),
            Value::Queued(class, n) => (class, Key::Number(n)),
        };
        // The newest come first, also of those that ended in one millisecond.
        let down = self.order == PageOrder::Newest && !queued;
        let rank = Rank {
            class,
            key,
            tie: if down { u32::MAX - id } else { id },
            id,
        };
        let whole = self.order == PageOrder::Queue;
        match self.reverse && (class == 0 || whole) {
            true => rank.turned(),
            false => rank,
        }
    }
}

impl Rank {
    fn turned(self) -> Self {
        Self {
            class: -self.class,
            key: match self.key {
                Key::Number(n) => Key::Number(-n),
                Key::Text(text) => Key::Back(Reverse(text)),
                Key::Back(Reverse(text)) => Key::Text(text),
            },
            tie: u32::MAX - self.tie,
            id: self.id,
        }
    }
}

/// How many match in all, and the numbers of those in the window; `None` where
/// it lies too far down.
pub(super) fn window(
    wanted: &Wanted<'_>,
    offset: u64,
    limit: usize,
) -> Result<Option<(u64, Vec<u32>)>> {
    let keep = offset.saturating_add(limit as u64);
    if keep > REACH {
        return Ok(None);
    }
    let mut first = First {
        keep: usize::try_from(keep).unwrap_or(usize::MAX),
        total: 0,
        heap: BinaryHeap::new(),
    };
    if finished(wanted.filter) && wanted.order != PageOrder::Queue {
        over_finished(wanted, &mut first)?;
    }
    if queued(wanted.filter) {
        over_queued(wanted, "queue", &mut first)?;
        over_queued(wanted, "retry", &mut first)?;
    }
    let ids = first.heap.into_sorted_vec().into_iter().map(|rank| rank.id);
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    Ok(Some((first.total, ids.skip(skip).collect())))
}

/// The first rows of the order, so far.
struct First {
    keep: usize,
    total: u64,
    heap: BinaryHeap<Rank>,
}

impl First {
    fn add(&mut self, rank: Rank) {
        self.total += 1;
        if self.heap.len() < self.keep {
            self.heap.push(rank);
        } else if let Some(mut last) = self.heap.peek_mut()
            && rank < *last
        {
            *last = rank;
        }
    }
}

fn over_finished(wanted: &Wanted<'_>, first: &mut First) -> Result<()> {
    let filter = wanted.filter;
    let order = wanted.order;
    let mut sql = Sql::new("SELECT p.id, ");
    sql.push(match order {
        PageOrder::Newest => "-p.ended_at",
        PageOrder::Found | PageOrder::Queue => "0",
        PageOrder::Slowest => "-p.elapsed_ms",
        PageOrder::Largest => "-p.bytes",
        PageOrder::Url => "u.url",
        PageOrder::Site => "p.site",
        PageOrder::State => "p.outcome",
        PageOrder::Reason => "nullif(p.reason, '')",
        PageOrder::Status => "p.status",
        PageOrder::Tries => "-p.attempts",
        PageOrder::Depth => "u.depth",
        PageOrder::Due => "NULL",
    });
    sql.push(url_column(wanted));
    // The smallest thing that can be read from one end to the other.
    let by_index = matches!(
        order,
        PageOrder::Newest | PageOrder::Found | PageOrder::Site | PageOrder::State | PageOrder::Due
    ) && !asks_url(filter);
    sql.push(" FROM page p ");
    sql.push(if failed_only(filter) {
        "INDEXED BY failed"
    } else if by_index && filter.status.is_none() {
        "INDEXED BY ended"
    } else {
        "NOT INDEXED"
    });
    if joins_url(wanted) {
        sql.push(" CROSS JOIN url u ON u.id = p.id");
    }
    sql.push(match failed_only(filter) {
        true => " WHERE p.outcome = 2",
        false => " WHERE 1",
    });
    wanted.of_site(&mut sql, "p.site");
    sql.of_page(filter);
    sql.of_depth(filter);
    each(wanted, &sql, |row| {
        let id: u32 = row.get(0)?;
        first.add(wanted.rank(value(wanted, row)?, id));
        Ok(())
    })
}

/// Pages that are queued come in the order of the queue where they have no
/// other, and behind those that have ended.
fn over_queued(wanted: &Wanted<'_>, table: &str, first: &mut First) -> Result<()> {
    let (filter, order, now) = (wanted.filter, wanted.order, wanted.now);
    let retry = table == "retry";
    let mut sql = Sql::new("SELECT q.id, ");
    sql.push(match (order, retry) {
        (PageOrder::Newest | PageOrder::Queue, true) => "q.due",
        (PageOrder::Newest | PageOrder::Queue, false) => "q.depth",
        (PageOrder::Url, _) => "u.url",
        (PageOrder::Found, _) => "0",
        (PageOrder::Slowest | PageOrder::Largest | PageOrder::Status, _) => "NULL",
        (PageOrder::Site, _) => "q.site",
        // Behind every outcome.
        (PageOrder::State, _) => "9",
        (PageOrder::Reason, false) => "NULL",
        (PageOrder::Reason, true) => {
            "(SELECT a.kind FROM attempt a WHERE a.id >= q.id << 16 AND a.id < (q.id + 1) << 16 \
             ORDER BY a.id DESC LIMIT 1)"
        }
        (PageOrder::Tries, _) => "-q.attempts",
        (PageOrder::Depth, _) => "u.depth",
        (PageOrder::Due, true) => "q.due",
        (PageOrder::Due, false) => "0",
    });
    sql.push(url_column(wanted));
    sql.push(&format!(" FROM {table} q"));
    if joins_url(wanted) {
        sql.push(" CROSS JOIN url u ON u.id = q.id");
    }
    sql.push(" WHERE 1");
    wanted.of_site(&mut sql, "q.site");
    sql.of_depth(filter);
    each(wanted, &sql, |row| {
        let id: u32 = row.get(0)?;
        let value = match order {
            PageOrder::Newest | PageOrder::Queue => {
                let place: i64 = row.get(1)?;
                let class = match retry {
                    true if place <= now => 1,
                    false => 2,
                    true => 3,
                };
                Value::Queued(class, place)
            }
            _ => value(wanted, row)?,
        };
        first.add(wanted.rank(value, id));
        Ok(())
    })
}

/// What a row is sorted by: its second column.
fn value(wanted: &Wanted<'_>, row: &Row<'_>) -> Result<Value> {
    Ok(match row.get_ref(1)? {
        ValueRef::Null => Value::None,
        ValueRef::Integer(key) if wanted.order == PageOrder::Site => {
            let place = wanted.sites.of_key(key);
            place.map_or(Value::None, |site| Value::Number(i64::from(site.0)))
        }
        ValueRef::Integer(n) => Value::Number(n),
        other => Value::Text(other.as_str().unwrap_or_default().into()),
    })
}

/// Whether something is asked of the URL's row.
fn joins_url(wanted: &Wanted<'_>) -> bool {
    asks_url(wanted.filter) || matches!(wanted.order, PageOrder::Url | PageOrder::Depth)
}

/// The URL, where its text is asked for: as the third column.
fn url_column(wanted: &Wanted<'_>) -> &'static str {
    match UrlTest::new(wanted.filter).asks() {
        true => ", u.url",
        false => "",
    }
}

/// Each row whose URL the filter takes.
fn each(
    wanted: &Wanted<'_>,
    sql: &Sql,
    mut visit: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut test = UrlTest::new(wanted.filter);
    let asks = test.asks();
    let mut statement = wanted.conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(&sql.values))?;
    while let Some(row) = rows.next()? {
        if !asks || test.takes(row.get_ref(2)?.as_bytes().unwrap_or_default()) {
            visit(row)?;
        }
    }
    Ok(())
}
