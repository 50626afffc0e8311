//! The latest records as a table. Its head says how often each field was
//! filled, so that a broken selector shows at once.

use super::{Screen, steps, window};
use crate::bus::{Ask, RecordList, RecordRow, Told};
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::{Filter, contains};
use crate::tui::list::Cursor;
use crate::tui::palette::Name;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::Value;

/// Rows among which a filter looks.
const SEARCHED: usize = 500;
/// Columns before those of the fields.
const FIXED: usize = 2;
/// Least width of a field.
const FIELD: u16 = 12;
/// From how many records on a field that was never filled counts as broken.
const ENOUGH: u64 = 5;

/// The screen.
#[derive(Debug)]
pub struct Records {
    /// Only of this site and name.
    rule: Option<(SiteId, String)>,
    table: Table,
    /// Rows are known by their number from the oldest.
    cursor: Cursor<u64>,
    filter: Filter,
    list: RecordList,
    /// The rows of the list that pass the filter.
    passing: Vec<usize>,
    asked: Asked,
}

impl Records {
    /// The screen, latest first.
    pub fn new() -> Self {
        let mut records = Self {
            rule: None,
            table: Table::new(Vec::new()),
            cursor: Cursor::default(),
            filter: Filter::default(),
            list: RecordList::default(),
            passing: Vec::new(),
            asked: Asked::default(),
        };
        records.columns();
        records
    }

    /// Makes the columns that the answer has.
    fn columns(&mut self) {
        let mut columns = vec![Column::text("SITE", 8, 2), Column::text("RECORD", 8, 1)];
        for (n, field) in self.list.columns.iter().enumerate() {
            // The first field is never left out; of many, the last ones are.
            let rank = u8::try_from(n.min(200)).unwrap_or(200);
            let rank = if n == 0 { 0 } else { rank + 2 };
            columns.push(Column::text(field.clone(), FIELD, rank).growing());
        }
        columns.push(Column::text("URL", 14, 250).growing());
        self.table.columns = columns;
    }

    fn offset(&self) -> usize {
        match self.filter.0.is_empty() {
            true => usize::try_from(self.list.offset).unwrap_or(usize::MAX),
            false => 0,
        }
    }

    fn settle(&mut self) {
        let (wanted, invert) = self.filter.parts();
        let passes = |row: &RecordRow| {
            let mut texts = row.fields.values().map(value).chain([row.url.clone()]);
            wanted.is_empty() || texts.any(|text| contains(&text, wanted)) != invert
        };
        let rows = self.list.rows.iter().enumerate();
        self.passing = rows
            .filter(|(_, row)| passes(row))
            .map(|(at, _)| at)
            .collect();
        let total = match self.filter.0.is_empty() {
            true => usize::try_from(self.list.total).unwrap_or(usize::MAX),
            false => self.passing.len(),
        };
        let newest = self.list.total.saturating_sub(self.list.offset);
        let ids: Vec<u64> = self
            .passing
            .iter()
            .map(|at| newest.saturating_sub(*at as u64))
            .collect();
        let offset = self.offset();
        self.cursor.settle(offset, ids.into_iter(), total);
    }

    fn current(&self) -> Option<&RecordRow> {
        let at = self.cursor.at.checked_sub(self.offset())?;
        self.list.rows.get(*self.passing.get(at)?)
    }

    /// Every rule of every site.
    fn rules(shared: &Shared) -> Vec<(SiteId, String)> {
        let sites = shared.snapshot.sites.iter().enumerate();
        let of = |(at, site): (usize, &std::sync::Arc<crate::monitor::SiteView>)| {
            let id = SiteId(u32::try_from(at).unwrap_or(u32::MAX));
            let rules = site.fill.iter().map(|rule| (id, rule.record.to_string()));
            rules.collect::<Vec<_>>()
        };
        sites.flat_map(of).collect()
    }

    /// How often a field was filled: in how many of how many records.
    fn filled(&self, shared: &Shared, field: &str) -> Option<(u64, u64)> {
        let mut sum = (0, 0);
        for (at, site) in shared.snapshot.sites.iter().enumerate() {
            for rule in site.fill.iter() {
                let chosen = self
                    .rule
                    .as_ref()
                    .is_none_or(|(id, name)| id.index() == at && **name == *rule.record);
                let found = rule.fields.iter().find(|(name, _)| **name == *field);
                if let Some((_, filled)) = found.filter(|_| chosen) {
                    sum.0 += filled;
                    sum.1 += rule.records;
                }
            }
        }
        (sum.1 > 0).then_some(sum)
    }

    /// The line below the headings.
    fn fill_line(&self, theme: Theme, shared: &Shared) -> Vec<Cell> {
        let mut cells = vec![Cell::Text("filled:".into(), theme.faint()), Cell::plain("")];
        for field in &self.list.columns {
            cells.push(match self.filled(shared, field) {
                None => Cell::plain(""),
                Some((filled, records)) => fill_cell(theme, filled, records),
            });
        }
        cells.push(Cell::plain(""));
        cells
    }
}

/// A fill rate; a field that is never filled is marked as broken.
pub fn fill_cell(theme: Theme, filled: u64, records: u64) -> Cell {
    let percent = filled as f64 * 100.0 / records.max(1) as f64;
    if filled == 0 && records >= ENOUGH {
        Cell::Text("0% BROKEN".into(), theme.bad())
    } else if percent < 50.0 {
        Cell::Text(format!("{percent:.0}% low").into(), theme.warn())
    } else {
        Cell::Text(format!("{percent:.0}%").into(), theme.good())
    }
}

impl Screen for Records {
    fn view(&self) -> View {
        View::Records
    }

    fn crumb(&self, shared: &Shared) -> String {
        match &self.rule {
            None => "records".to_owned(),
            Some((site, record)) => format!("records {}/{record}", shared.site_name(*site)),
        }
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        self.settle();
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let below_head = self.fill_line(theme, shared);
        let (offset, passing, list) = (self.offset(), &self.passing, &self.list);
        let at = |row: usize| list.rows.get(*passing.get(row.checked_sub(offset)?)?);
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head,
                focused: true,
            },
            |row, column| Some(cell(theme, at(row)?, column, &list.columns, shared)),
            |_| None,
        );
        if self.cursor.total == 0 {
            let words = match (self.asked.answered, &self.asked.refused) {
                (_, Some(why)) => why,
                (false, None) => self.asked.words(),
                (true, None) if self.filter.0.is_empty() => "no record was taken yet",
                (true, None) => "no record passes the filter",
            };
            let at = self.table.body;
            pen.put(at, at.x, at.y, words, theme.faint());
        }
        let mut words = format!("{} records", self.list.total);
        if self.cursor.total > 0 {
            words = format!("{} of {words}", self.cursor.at + 1);
        }
        if !self.filter.0.is_empty() {
            words.push_str(&format!(
                "   {} of the latest {} pass {}",
                self.passing.len(),
                self.list.rows.len(),
                self.filter.0
            ));
        }
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        match action {
            Action::Enter => {
                if let Some(page) = self.current().and_then(|row| row.page) {
                    shared.open(View::Page(page));
                }
            }
            Action::NextRule => {
                let rules = Self::rules(shared);
                let at = self
                    .rule
                    .as_ref()
                    .and_then(|rule| rules.iter().position(|known| known == rule));
                self.rule = rules.get(at.map_or(0, |at| at + 1)).cloned();
                self.cursor.rewind();
            }
            action => {
                if let Some(by) = steps(action, self.cursor.height) {
                    self.cursor.step(by);
                    self.settle();
                }
            }
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (offset, limit) = match self.filter.0.is_empty() {
            true => window(self.cursor.top, self.cursor.height),
            false => (0, SEARCHED),
        };
        let ask = Ask::Records {
            site: self.rule.as_ref().map(|(site, _)| *site),
            record: self.rule.as_ref().map(|(_, record)| record.clone()),
            offset,
            limit,
        };
        Some((ask, shared.snapshot.totals.records ^ shared.answers << 48))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        let Told::Records(list) = told else {
            return;
        };
        let wanted = self
            .rule
            .as_ref()
            .map(|(site, record)| (*site, record.as_str()));
        let current = match self.asked.asked() {
            Some(Ask::Records { site, record, .. }) => site.zip(record.as_deref()) == wanted,
            _ => false,
        };
        if current {
            let same = self.list.columns == list.columns;
            self.list = list;
            if !same {
                self.columns();
            }
            self.settle();
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.cursor.rewind();
        self.settle();
    }

    fn clear(&mut self, _: &Shared) -> bool {
        let filtered = !self.filter.0.is_empty();
        let ruled = self.rule.is_some();
        if filtered {
            self.filter.0.clear();
            self.settle();
        } else {
            self.rule = None;
        }
        filtered || ruled
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.current().map(|row| row.site)
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        self.current().map(|row| row.url.clone())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let row = self.current()?;
        let theme = Theme::of(Name::Mono, true);
        let columns = &self.list.columns;
        let cells =
            (0..self.table.columns.len()).map(|at| cell(theme, row, at, columns, shared).words());
        Some(cells.collect::<Vec<_>>().join("\t"))
    }
}

fn cell(theme: Theme, row: &RecordRow, at: usize, fields: &[String], shared: &Shared) -> Cell {
    match at {
        0 => Cell::Text(shared.site_name(row.site).to_owned().into(), theme.faint()),
        1 => Cell::Text(row.record.clone().into(), theme.strong()),
        n => match fields.get(n - FIXED) {
            None => Cell::Middle(row.url.clone(), theme.faint()),
            Some(field) => match row.fields.get(field) {
                None | Some(Value::Null) => Cell::Text("-".into(), theme.faint()),
                Some(found) => Cell::Text(value(found).into(), Style::new()),
            },
        },
    }
}

/// A field's value in one line.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(self::value).collect();
            all.join(", ")
        }
        other => other.to_string(),
    }
}
