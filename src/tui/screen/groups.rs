//! Failures by kind, status and host: how many, and whether they grow.

use super::{Screen, sorts, steps};
use crate::bus::{Ask, Command, FailureGroup, PageFilter, Pick, Told};
use crate::page::{FailureKind, SiteId};
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeMap;

/// Who a row is: all failures, those of a kind, of a kind and status, or of a
/// kind and status at a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    kind: Option<FailureKind>,
    status: Option<Option<u16>>,
    host: Option<String>,
}

/// One row.
#[derive(Debug, Clone)]
struct Group {
    key: Key,
    count: u64,
    trend: [u32; 12],
}

/// How finely failures are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Kind,
    Status,
    Host,
}

/// The screen.
#[derive(Debug)]
pub struct Groups {
    of: Option<SiteId>,
    depth: Depth,
    table: Table,
    cursor: Cursor<Key>,
    filter: Filter,
    groups: Vec<FailureGroup>,
    rows: Vec<Group>,
    asked: Asked,
}

impl Groups {
    /// Of one site, or of all.
    pub fn new(of: Option<SiteId>) -> Self {
        let columns = vec![
            Column::text("KIND", 14, 0).sorting(),
            Column::number("STATUS", 7, 0).sorting(),
            Column::text("HOST", 10, 0).growing().sorting(),
            Column::number("COUNT", 7, 0).sorting(),
            Column::text("LAST HOUR", 12, 2).sorting(),
        ];
        Self {
            of,
            depth: Depth::Host,
            table: Table::new(columns),
            cursor: Cursor::default(),
            filter: Filter::default(),
            groups: Vec::new(),
            rows: Vec::new(),
            asked: Asked::default(),
        }
    }

    fn base(&self) -> PageFilter {
        PageFilter {
            site: self.of,
            ..PageFilter::failed()
        }
    }

    /// Which pages a row stands for.
    fn pages(&self, key: &Key) -> PageFilter {
        PageFilter {
            kind: key.kind,
            status: key.status.flatten(),
            host: key.host.clone(),
            ..self.base()
        }
    }

    /// Failures in all, as the snapshot counts them.
    fn total(&self, shared: &Shared) -> u64 {
        match self.of {
            Some(id) => shared.site(id).map_or(0, |site| site.pages.failed),
            None => shared.snapshot.totals.pages.failed,
        }
    }

    /// Makes the rows: every group below the one that it is part of.
    fn arrange(&mut self, shared: &Shared) {
        let mut sums: BTreeMap<Key, (u64, [u32; 12])> = BTreeMap::new();
        let mut add = |key: Key, group: &FailureGroup| {
            let sum = sums.entry(key).or_default();
            sum.0 += group.count;
            for (sum, n) in sum.1.iter_mut().zip(group.trend) {
                *sum += n;
            }
        };
        for group in &self.groups {
            let status = group.status.map_or("-".to_owned(), |n| n.to_string());
            let words = format!("{} {status} {}", group.kind, group.host);
            if !self.filter.takes(&words) {
                continue;
            }
            add(Key::default(), group);
            let mut key = Key {
                kind: Some(group.kind),
                ..Key::default()
            };
            add(key.clone(), group);
            if self.depth != Depth::Kind {
                key.status = Some(group.status);
                add(key.clone(), group);
            }
            if self.depth == Depth::Host {
                key.host = Some(group.host.clone());
                add(key, group);
            }
        }
        if self.filter.0.is_empty() {
            // What the snapshot counts holds even where the store cannot group.
            sums.entry(Key::default()).or_default().0 = self.total(shared);
        }
        let count = |kind, status, host: &Option<String>| {
            let key = Key {
                kind,
                status,
                host: host.clone(),
            };
            sums.get(&key).map_or(0, |sum| sum.0)
        };
        let mut rows: Vec<Group> = sums
            .iter()
            .map(|(key, (count, trend))| Group {
                key: key.clone(),
                count: *count,
                trend: *trend,
            })
            .collect();
        // The rows of a tree in its own order: the largest first on each floor.
        rows.sort_by_cached_key(|row| {
            let key = &row.key;
            (
                std::cmp::Reverse(key.kind.map_or(u64::MAX, |_| count(key.kind, None, &None))),
                key.kind,
                std::cmp::Reverse(
                    key.status
                        .map_or(u64::MAX, |_| count(key.kind, key.status, &None)),
                ),
                key.status,
                std::cmp::Reverse(key.host.as_ref().map_or(u64::MAX, |_| row.count)),
                key.host.clone(),
            )
        });
        self.sort(&mut rows);
        self.rows = rows;
        let ids = self.rows.iter().map(|row| row.key.clone());
        self.cursor.settle(0, ids, self.rows.len());
    }

    /// Sorted by a column, the groups at the bottom of the tree stand alone.
    fn sort(&self, rows: &mut Vec<Group>) {
        let Some(by) = self.table.sorted_by() else {
            return;
        };
        let depth = self.depth;
        rows.retain(|row| match depth {
            Depth::Kind => row.key.kind.is_some() || row.key == Key::default(),
            Depth::Status => row.key.status.is_some() || row.key == Key::default(),
            Depth::Host => row.key.host.is_some() || row.key == Key::default(),
        });
        let recent = |row: &Group| -> u64 {
            let last = row.trend.iter().rev().take(3);
            last.map(|n| u64::from(*n)).sum()
        };
        rows.sort_by_cached_key(|row| {
            let first = row.key != Key::default();
            let number: u64 = match by {
                "COUNT" => u64::MAX - row.count,
                "LAST HOUR" => u64::MAX - recent(row),
                "STATUS" => row.key.status.flatten().map_or(0, u64::from),
                _ => 0,
            };
            let host = row.key.host.clone().filter(|_| by == "HOST");
            (first, number, host, row.key.kind)
        });
        if self.table.reverse && rows.len() > 1 {
            rows[1..].reverse();
        }
    }

    fn current(&self) -> Option<&Group> {
        self.rows.get(self.cursor.at)
    }

    fn send(&self, shared: &mut Shared, command: fn(Pick) -> Command) -> Vec<Effect> {
        match self.current() {
            Some(row) if row.count > 0 => {
                submit(shared, command(Pick::Matching(self.pages(&row.key))))
            }
            _ => Vec::new(),
        }
    }
}

impl Screen for Groups {
    fn view(&self) -> View {
        View::Groups(self.of)
    }

    fn crumb(&self, _: &Shared) -> String {
        "failures".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        self.arrange(shared);
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let tree = self.table.sort.is_none();
        let rows = &self.rows;
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |at, column| rows.get(at).map(|row| cell(theme, row, column, tree)),
            |at| rows.get(at).map(|row| row.key.clone()),
        );
        if self.rows.len() <= 1 {
            let words = match (&self.asked.refused, self.total(shared)) {
                (Some(why), _) => why.as_str(),
                (None, 0) => "no failed pages",
                (None, _) if !self.filter.0.is_empty() => "no group passes the filter",
                (None, _) => self.asked.words(),
            };
            let at = self.table.body;
            pen.put(at, at.x, at.y + 1, words, theme.faint());
        }
        let by = match self.depth {
            Depth::Kind => "kind",
            Depth::Status => "kind and status",
            Depth::Host => "kind, status and host",
        };
        let words = format!(
            "{} failed pages by {by}   enter lists, A retries a group",
            self.total(shared)
        );
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        self.arrange(shared);
        if sorts(action, &mut self.table, shared) {
            self.arrange(shared);
            return Vec::new();
        }
        match action {
            Action::Enter => {
                if let Some(row) = self.current() {
                    let pages = self.pages(&row.key);
                    shared.open(View::Failures(pages));
                }
            }
            Action::Retry | Action::RetryAll => return self.send(shared, Command::Retry),
            Action::Ignore => return self.send(shared, Command::Ignore),
            Action::GroupBy => {
                self.depth = match self.depth {
                    Depth::Kind => Depth::Status,
                    Depth::Status => Depth::Host,
                    Depth::Host => Depth::Kind,
                };
                self.arrange(shared);
            }
            action => {
                if let Some(by) = steps(action, self.cursor.height) {
                    self.cursor.step(by);
                    self.arrange(shared);
                }
            }
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let pages = &shared.snapshot.totals.pages;
        let version = pages.failed.wrapping_mul(31) ^ shared.answers << 48;
        Some((Ask::Groups(self.base()), version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, shared: &mut Shared) {
        if let Told::Groups(groups) = told {
            self.groups = groups;
            self.arrange(shared);
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, shared: &Shared) {
        self.arrange(shared);
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.of
    }

    fn row(&mut self, _: &Shared) -> Option<String> {
        let row = self.current()?;
        Some(self.table.row(|theme, at| cell(theme, row, at, false)))
    }
}

/// A group's cell; in the tree what the rows above say is not said again.
fn cell(theme: Theme, row: &Group, column: usize, tree: bool) -> Cell {
    let key = &row.key;
    let (status, host) = (key.status.is_some(), key.host.is_some());
    match column {
        0 if tree && status => Cell::plain(""),
        0 => {
            let style = key.kind.map_or(theme.strong(), |_| theme.bad());
            let word = key.kind.map_or("all failures", FailureKind::as_str);
            Cell::Text(word.into(), style)
        }
        1 if tree && host => Cell::plain(""),
        1 => Cell::plain(match key.status {
            None => String::new(),
            Some(None) => "none".to_owned(),
            Some(Some(status)) => status.to_string(),
        }),
        2 => Cell::Middle(key.host.clone().unwrap_or_default(), Style::new()),
        3 if key.kind.is_none() => Cell::Text(row.count.to_string().into(), theme.strong()),
        3 => Cell::plain(row.count.to_string()),
        _ => Cell::Spark(row.trend.to_vec(), theme.warn()),
    }
}
