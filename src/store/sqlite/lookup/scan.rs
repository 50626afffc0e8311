//! Pages that must be searched for and sorted: one pass over the tables, the
//! first rows of the order being kept.

use super::super::filter::{Sql, asks_url, failed_only, finished, queued};
use super::list::Wanted;
use crate::bus::PageOrder;
use rusqlite::{Result, Row, params_from_iter};
use std::collections::BinaryHeap;

/// How far down such a list can be asked for, rows: what is kept meanwhile.
const REACH: u64 = 250_000;
/// Why not further.
pub(super) const TOO_FAR: &str =
    "only the first 250,000 rows can be listed in this way; narrow the list with a filter";

/// A row's place in the order (a class, a number or a text in it, and what
/// breaks ties), and its page.
type Rank = (i64, i64, Option<Box<str>>, u32, u32);

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
    let ids = first.heap.into_sorted_vec().into_iter().map(|rank| rank.4);
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
        PageOrder::Newest => "p.ended_at",
        PageOrder::Found | PageOrder::Queue => "0",
        PageOrder::Slowest => "p.elapsed_ms",
        PageOrder::Largest => "p.bytes",
        PageOrder::Url => "u.url",
    });
    // The smallest thing that can be read from one end to the other.
    let by_index = matches!(order, PageOrder::Newest | PageOrder::Found) && !asks_url(filter);
    sql.push(" FROM page p ");
    sql.push(if failed_only(filter) {
        "INDEXED BY failed"
    } else if by_index && filter.status.is_none() {
        "INDEXED BY ended"
    } else {
        "NOT INDEXED"
    });
    if asks_url(filter) || order == PageOrder::Url {
        sql.push(" CROSS JOIN url u ON u.id = p.id");
    }
    sql.push(match failed_only(filter) {
        true => " WHERE p.outcome = 2",
        false => " WHERE 1",
    });
    wanted.of_site(&mut sql, "p.site");
    sql.of_page(filter);
    sql.of_url(filter);
    each(wanted, &sql, |row| {
        let id: u32 = row.get(0)?;
        first.add(match order {
            PageOrder::Url => (0, 0, Some(text(row)?), id, id),
            PageOrder::Found | PageOrder::Queue => (0, 0, None, id, id),
            PageOrder::Newest => (0, -row.get::<_, i64>(1)?, None, u32::MAX - id, id),
            PageOrder::Slowest | PageOrder::Largest => match row.get::<_, Option<i64>>(1)? {
                Some(n) => (0, -n, None, id, id),
                None => (1, 0, None, id, id),
            },
        });
        Ok(())
    })
}

/// Pages that are queued come in the order of the queue where they have no
/// other, and behind those that have ended.
fn over_queued(wanted: &Wanted<'_>, table: &str, first: &mut First) -> Result<()> {
    let (filter, order, now) = (wanted.filter, wanted.order, wanted.now);
    let retry = table == "retry";
    let place = if retry { "q.due" } else { "q.depth" };
    let mut sql = Sql::new("SELECT q.id, ");
    sql.push(match order {
        PageOrder::Url => "u.url",
        _ => place,
    });
    sql.push(&format!(" FROM {table} q"));
    if asks_url(filter) || order == PageOrder::Url {
        sql.push(" CROSS JOIN url u ON u.id = q.id");
    }
    sql.push(" WHERE 1");
    wanted.of_site(&mut sql, "q.site");
    sql.of_url(filter);
    each(wanted, &sql, |row| {
        let id: u32 = row.get(0)?;
        first.add(match order {
            PageOrder::Url => (0, 0, Some(text(row)?), id, id),
            PageOrder::Found => (0, 0, None, id, id),
            PageOrder::Slowest | PageOrder::Largest => (1, 0, None, id, id),
            PageOrder::Newest | PageOrder::Queue => {
                let place: i64 = row.get(1)?;
                let class = match retry {
                    true if place <= now => 1,
                    false => 2,
                    true => 3,
                };
                (class, place, None, id, id)
            }
        });
        Ok(())
    })
}

fn text(row: &Row<'_>) -> Result<Box<str>> {
    Ok(row.get_ref(1)?.as_str().unwrap_or_default().into())
}

fn each(
    wanted: &Wanted<'_>,
    sql: &Sql,
    mut visit: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = wanted.conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(&sql.values))?;
    while let Some(row) = rows.next()? {
        visit(row)?;
    }
    Ok(())
}
