//! The latest records as a table. Its head says how often each field was
//! filled, so that a broken selector shows at once.

use super::Screen;
use super::latest::Latest;
use crate::bus::search::field_text;
use crate::bus::{Ask, LatestList, RecordRow, Told};
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::Value;

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
    list: Latest<RecordRow>,
    /// The fields, in the order of their columns.
    fields: Vec<String>,
}

impl Records {
    /// The screen, latest first.
    pub fn new() -> Self {
        let table = Table::new(columns(&[]));
        Self {
            rule: None,
            list: Latest::new(table, "record", "records"),
            fields: Vec::new(),
        }
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
        for field in &self.fields {
            cells.push(match self.filled(shared, field) {
                None => Cell::plain(""),
                Some((filled, records)) => fill_cell(theme, filled, records),
            });
        }
        cells.push(Cell::plain(""));
        cells
    }

    fn shows(&self, site: Option<SiteId>, record: Option<&str>) -> bool {
        let rule = self.rule.as_ref();
        site.zip(record) == rule.map(|(site, record)| (*site, record.as_str()))
    }
}

/// The columns of records with these fields.
fn columns(fields: &[String]) -> Vec<Column> {
    let mut columns = vec![Column::text("SITE", 8, 2), Column::text("RECORD", 8, 1)];
    for (n, field) in fields.iter().enumerate() {
        // The first field is never left out; of many, the last ones are.
        let rank = u8::try_from(n.min(200)).unwrap_or(200);
        let rank = if n == 0 { 0 } else { rank + 2 };
        columns.push(Column::text(field.clone(), FIELD, rank).growing());
    }
    columns.push(Column::text("URL", 14, 250).growing());
    columns
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
        let below_head = self.fill_line(pen.theme, shared);
        let fields = &self.fields;
        self.list.draw(pen, area, below_head, |theme, row, at| {
            cell(theme, row, at, fields, shared)
        });
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        match action {
            Action::Enter => {
                if let Some(page) = self.list.current().and_then(|row| row.page) {
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
                self.list.begin_again();
            }
            action => self.list.act(action),
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (search, offset, limit) = self.list.question();
        let ask = Ask::Records {
            site: self.rule.as_ref().map(|(site, _)| *site),
            record: self.rule.as_ref().map(|(_, record)| record.clone()),
            search,
            offset,
            limit,
        };
        Some((ask, shared.snapshot.totals.records ^ shared.answers << 48))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.list.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        let (Told::Records(list), Some(asked)) = (told, self.list.asked.asked().cloned()) else {
            return;
        };
        let Ask::Records {
            site,
            record,
            search,
            ..
        } = asked
        else {
            return;
        };
        // An answer about other records is none to this question.
        if self.shows(site, record.as_deref()) {
            if self.fields != list.columns {
                self.list.table.columns = columns(&list.columns);
                self.fields = list.columns;
            }
            let part = LatestList {
                total: list.total,
                offset: list.offset,
                rows: list.rows,
                searched: list.searched,
            };
            self.list.take(search.as_ref(), part);
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.list.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.list.begin_again();
    }

    fn clear(&mut self, _: &Shared) -> bool {
        let filtered = !self.list.filter.0.is_empty();
        let ruled = self.rule.is_some();
        if filtered {
            self.list.filter.0.clear();
        } else {
            self.rule = None;
        }
        if filtered || ruled {
            self.list.begin_again();
        }
        filtered || ruled
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.list.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.list.current().map(|row| row.site)
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        self.list.current().map(|row| row.url.clone())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let fields = &self.fields;
        self.list
            .row(|theme, row, at| cell(theme, row, at, fields, shared))
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
                Some(found) => Cell::Text(field_text(found).into(), Style::new()),
            },
        },
    }
}
