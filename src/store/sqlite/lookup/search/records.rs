//! Records that hold a text: those of pages by the time when these ended, and
//! those of answers of APIs among them.

use super::super::Sites;
use super::super::table::{self, Of};
use super::{Finding, Hint};
use crate::bus::search::{Place, Search, Searched, Seek};
use crate::bus::{LatestRow, RecordRow};
use crate::store::sqlite::code::{MOST_WITHIN, count, int, within, within_answer};
use crate::store::sqlite::filter::Sql;
use rusqlite::{Connection, Result, Row, params_from_iter};
use std::iter::Peekable;

/// By how much a page may be stored later than one that ended after it,
/// milliseconds.
const LATE: u64 = 100;

/// A search on its way.
struct Looking<'s> {
    sites: &'s Sites,
    search: &'s Search,
    hint: Hint,
    finding: Finding<RecordRow>,
    /// Whether there was more than is looked at for one answer.
    more: bool,
}

/// Records of these that hold the text.
pub(in super::super) fn records(
    conn: &Connection,
    sites: &Sites,
    of: &Of<'_>,
    search: &Search,
    limit: usize,
) -> Result<(Vec<RecordRow>, Searched)> {
    let mut looking = Looking {
        sites,
        search,
        hint: Hint::new(&search.text),
        finding: Finding::new(limit),
        more: false,
    };
    let mut answers = answers(conn, of, search.from)?.into_iter().peekable();
    let sql = of_pages(of, search.from);
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        let record: Option<i64> = row.get(6)?;
        // A page without any stands behind every record that it could have.
        let id = record.unwrap_or(within(row.get(0)?, MOST_WITHIN));
        let place = Place {
            at: count(row.get(5)?),
            id: count(id),
        };
        let sought = record.is_some().then_some(row);
        if !looking.take_answers(conn, &mut answers, Some(place))?
            || !looking.take(place, sought, table::record)?
        {
            break;
        }
    }
    if !looking.more {
        looking.take_answers(conn, &mut answers, None)?;
    }
    Ok(looking.finding.end(search.from, looking.more))
}

/// The pages with their records, in the order of the search.
fn of_pages(of: &Of<'_>, from: Seek) -> Sql {
    let mut sql = Sql::new(
        "SELECT p.id, p.site, r.name, u.url, r.fields, p.ended_at, r.id FROM page p \
         INDEXED BY ended LEFT JOIN record r ON r.id >= p.id << 16 AND r.id < (p.id + 1) << 16",
    );
    of.named(&mut sql, "r.name");
    sql.push(" LEFT JOIN url u ON u.id = p.id AND r.id IS NOT NULL WHERE 1");
    of.of_site(&mut sql, "p.site");
    let newest_first = " ORDER BY p.ended_at DESC, p.id DESC, r.id";
    match from {
        Seek::Newest => sql.push(newest_first),
        Seek::Older(place) if place.id > i64::MAX.cast_unsigned() => {
            // Behind a record of an answer: pages of the same moment as well.
            sql.push(" AND p.ended_at <= ").bind(int(place.at));
            sql.push(newest_first)
        }
        Seek::Older(place) => {
            sql.push(" AND (p.ended_at, p.id) <= (").bind(int(place.at));
            sql.push(", ").bind(int(place.id >> 16));
            sql.push(")").push(newest_first)
        }
        Seek::Newer(place) => {
            sql.push(" AND p.ended_at >= ");
            sql.bind(int(place.at.saturating_sub(LATE)));
            sql.push(" ORDER BY p.ended_at, p.id, r.id DESC")
        }
    };
    sql
}

/// An answer of an API. Its number is below 0; read without a sign it is above
/// every page's.
struct Answer {
    id: i64,
    at: u64,
}

impl Answer {
    /// The place of its first record.
    fn place(&self) -> Place {
        Place {
            at: self.at,
            id: within_answer(self.id, 0).cast_unsigned(),
        }
    }
}

/// The answers, in the order of the search. There are few of them, with many
/// records each.
fn answers(conn: &Connection, of: &Of<'_>, from: Seek) -> Result<Vec<Answer>> {
    let mut sql = Sql::new("SELECT a.id, a.at FROM answer a WHERE 1");
    of.of_site(&mut sql, "a.site");
    of.named(&mut sql, "a.name");
    match from {
        Seek::Newest => sql.push(" ORDER BY a.at DESC, a.id DESC"),
        Seek::Older(place) => {
            sql.push(" AND a.at <= ").bind(int(place.at));
            sql.push(" ORDER BY a.at DESC, a.id DESC")
        }
        Seek::Newer(place) => {
            sql.push(" AND a.at >= ");
            sql.bind(int(place.at.saturating_sub(LATE)));
            sql.push(" ORDER BY a.at, a.id")
        }
    };
    conn.prepare_cached(&sql.text)?
        .query_map(params_from_iter(sql.values), |row| {
            Ok(Answer {
                id: row.get(0)?,
                at: count(row.get(1)?),
            })
        })?
        .collect()
}

impl Looking<'_> {
    fn goes_back(&self) -> bool {
        !matches!(self.search.from, Seek::Newer(_))
    }

    /// Takes a place, and where a record stands there the record, if it holds
    /// the text; `false` where enough was done.
    fn take(
        &mut self,
        place: Place,
        record: Option<&Row<'_>>,
        read: impl FnOnce(&Row<'_>, &Sites) -> Result<Option<RecordRow>>,
    ) -> Result<bool> {
        if matches!(self.search.from, Seek::Older(from) if place <= from) {
            return Ok(true);
        }
        // Rows about the place are given besides.
        let besides = matches!(self.search.from, Seek::Newer(from) if place >= from);
        if !besides && self.finding.is_full() {
            self.more = true;
            return Ok(false);
        }
        self.finding.step(place, besides);
        let Some(row) = record else {
            return Ok(true);
        };
        let mut may = false;
        for at in [2, 3, 4] {
            let text = row.get_ref(at)?.as_str_or_null()?.unwrap_or_default();
            may |= self.hint.takes(text.as_bytes());
        }
        // What cannot hold the text need not be taken apart.
        if may || self.search.invert {
            let found = read(row, self.sites)?.filter(|record| match may {
                true => record.is_found(self.search),
                false => self.search.invert,
            });
            if let Some(found) = found {
                self.finding.rows.push(found);
                self.finding.limit += usize::from(besides);
            }
        }
        Ok(true)
    }

    /// Takes the answers that come before a place, or all that are left;
    /// `false` where enough was done.
    fn take_answers(
        &mut self,
        conn: &Connection,
        answers: &mut Peekable<impl Iterator<Item = Answer>>,
        until: Option<Place>,
    ) -> Result<bool> {
        let goes_back = self.goes_back();
        let comes = |answer: &Answer| match until {
            None => true,
            Some(place) if goes_back => answer.place() < place,
            Some(place) => answer.place() > place,
        };
        while let Some(answer) = answers.next_if(comes) {
            let mut sql = Sql::new(
                "SELECT a.id, a.site, r.name, a.url, r.fields, a.at, r.id FROM record r \
                 CROSS JOIN answer a ON a.id = r.id >> 16 WHERE r.id BETWEEN ",
            );
            sql.bind(within_answer(answer.id, 0));
            sql.push(" AND ")
                .bind(within_answer(answer.id, MOST_WITHIN));
            sql.push(if goes_back {
                " ORDER BY r.id"
            } else {
                " ORDER BY r.id DESC"
            });
            let mut statement = conn.prepare_cached(&sql.text)?;
            let mut rows = statement.query(params_from_iter(sql.values))?;
            while let Some(row) = rows.next()? {
                let place = Place {
                    at: answer.at,
                    id: row.get::<_, i64>(6)?.cast_unsigned(),
                };
                if !self.take(place, Some(row), table::record_of_answer)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
