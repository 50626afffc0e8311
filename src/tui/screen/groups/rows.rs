//! The rows: every group below the one that it is part of, and the sources
//! below them all.

use crate::bus::{FailedSource, FailureGroup, Failures};
use crate::page::FailureKind;
use crate::tui::filter::Filter;
use crate::tui::screen::sources::{self, SourceKey};
use crate::tui::table::{Cell, Table};
use crate::tui::theme::Theme;
use ratatui::style::Style;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How finely failures are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Kind,
    Status,
    Host,
}

/// Which failed pages: all, those of a kind, of a kind and status, or of a
/// kind and status at a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Of {
    pub kind: Option<FailureKind>,
    pub status: Option<Option<u16>>,
    pub host: Option<String>,
}

/// Who a row is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Pages(Of),
    /// All failed sources.
    Sources,
    /// One of them.
    Source(SourceKey),
}

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    pub key: Key,
    pub count: u64,
    pub trend: [u32; 12],
    /// The source that it is, and its site's name where that is told.
    pub source: Option<(FailedSource, Option<String>)>,
}

/// The groups of pages that pass the filter, as a tree; `total` pages failed.
pub fn pages(groups: &[FailureGroup], depth: Depth, filter: &Filter, total: u64) -> Vec<Row> {
    let mut sums: BTreeMap<Of, (u64, [u32; 12])> = BTreeMap::new();
    let mut add = |of: Of, group: &FailureGroup| {
        let sum = sums.entry(of).or_default();
        sum.0 += group.count;
        for (sum, n) in sum.1.iter_mut().zip(group.trend) {
            *sum += n;
        }
    };
    for group in groups {
        let status = group.status.map_or("-".to_owned(), |n| n.to_string());
        let words = format!("{} {status} {}", group.kind, group.host);
        if !filter.takes(&words) {
            continue;
        }
        add(Of::default(), group);
        let mut of = Of {
            kind: Some(group.kind),
            ..Of::default()
        };
        add(of.clone(), group);
        if depth != Depth::Kind {
            of.status = Some(group.status);
            add(of.clone(), group);
        }
        if depth == Depth::Host {
            of.host = Some(group.host.clone());
            add(of, group);
        }
    }
    if filter.0.is_empty() {
        // What the snapshot counts holds even where the store cannot group.
        sums.entry(Of::default()).or_default().0 = total;
    }
    let count = |kind, status, host: &Option<String>| {
        let of = Of {
            kind,
            status,
            host: host.clone(),
        };
        sums.get(&of).map_or(0, |sum| sum.0)
    };
    let mut rows: Vec<(&Of, Row)> = sums
        .iter()
        .map(|(of, (count, trend))| {
            let row = Row {
                key: Key::Pages(of.clone()),
                count: *count,
                trend: *trend,
                source: None,
            };
            (of, row)
        })
        .collect();
    // The rows of a tree in its own order: the largest first on each floor.
    rows.sort_by_cached_key(|(of, row)| {
        (
            Reverse(of.kind.map_or(u64::MAX, |_| count(of.kind, None, &None))),
            of.kind,
            Reverse(
                of.status
                    .map_or(u64::MAX, |_| count(of.kind, of.status, &None)),
            ),
            of.status,
            Reverse(of.host.as_ref().map_or(u64::MAX, |_| row.count)),
            of.host.clone(),
        )
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Sorted by a column, the groups at the bottom of the tree stand alone.
pub fn sort_pages(rows: &mut Vec<Row>, table: &Table, depth: Depth) {
    let Some(by) = table.sorted_by() else {
        return;
    };
    let of = |row: &Row| match &row.key {
        Key::Pages(of) => of.clone(),
        _ => Of::default(),
    };
    rows.retain(|row| {
        let of = of(row);
        of == Of::default()
            || match depth {
                Depth::Kind => of.kind.is_some(),
                Depth::Status => of.status.is_some(),
                Depth::Host => of.host.is_some(),
            }
    });
    let recent = |row: &Row| -> u64 {
        let last = row.trend.iter().rev().take(3);
        last.map(|n| u64::from(*n)).sum()
    };
    rows.sort_by_cached_key(|row| {
        let of = of(row);
        let number: u64 = match by {
            "COUNT" => u64::MAX - row.count,
            "LAST HOUR" => u64::MAX - recent(row),
            "STATUS" => of.status.flatten().map_or(0, u64::from),
            _ => 0,
        };
        let first = of != Of::default();
        let host = of.host.filter(|_| by == "HOST");
        (first, number, host, of.kind)
    });
    if table.reverse && rows.len() > 1 {
        rows[1..].reverse();
    }
}

/// The sources that pass the filter, below a row that counts them; `counted`
/// are there where the store has not told. `name` names a site where that is
/// to be told.
pub fn sources(
    failures: &Failures,
    counted: u64,
    filter: &Filter,
    table: &Table,
    name: impl Fn(&FailedSource) -> Option<String>,
) -> Vec<Row> {
    let whose = failures.sources.iter().map(|row| (row.site, &row.source));
    let keys = sources::keys(whose);
    let mut rows: Vec<Row> = std::iter::zip(keys, &failures.sources)
        .map(|(key, source)| Row {
            key: Key::Source(key),
            count: 1,
            trend: [0; 12],
            source: Some((source.clone(), name(source))),
        })
        .filter(|row| filter.takes(&words(row)))
        .collect();
    match table.sorted_by() {
        Some("STATUS") => rows.sort_by_key(kind),
        Some("HOST") => rows.sort_by_cached_key(|row| {
            let source = row.source.as_ref();
            source.map(|(row, site)| (site.clone(), row.source.name.clone()))
        }),
        // The latest are first.
        Some(_) | None => {}
    }
    if table.reverse {
        rows.reverse();
    }
    let count = match filter.0.is_empty() {
        true => counted.max(rows.len() as u64),
        false => rows.len() as u64,
    };
    if count > 0 {
        let head = Row {
            key: Key::Sources,
            count,
            trend: [0; 12],
            source: None,
        };
        rows.insert(0, head);
    }
    rows
}

fn kind(row: &Row) -> &'static str {
    let source = row.source.as_ref();
    source.map_or("", |(row, _)| row.source.kind.as_str())
}

/// What the filter finds a source by.
fn words(row: &Row) -> String {
    let Some((FailedSource { source, .. }, site)) = &row.source else {
        return String::new();
    };
    let site = site.as_deref().unwrap_or_default();
    let problem = sources::problem(source);
    format!("sources {} {site} {} {problem}", kind(row), source.name)
}

/// A row's cell; in the tree what the rows above say is not said again.
pub fn cell(theme: Theme, row: &Row, column: usize, tree: bool) -> Cell {
    match &row.key {
        Key::Pages(of) => page_cell(theme, row, of, column, tree),
        Key::Sources => match column {
            0 => Cell::Text("sources".into(), theme.bad()),
            3 => Cell::plain(row.count.to_string()),
            _ => Cell::plain(""),
        },
        Key::Source(_) => source_cell(theme, row, column, tree),
    }
}

fn page_cell(theme: Theme, row: &Row, of: &Of, column: usize, tree: bool) -> Cell {
    let (status, host) = (of.status.is_some(), of.host.is_some());
    match column {
        0 if tree && status => Cell::plain(""),
        0 => {
            let style = of.kind.map_or(theme.strong(), |_| theme.bad());
            let word = of.kind.map_or("all failures", FailureKind::as_str);
            Cell::Text(word.into(), style)
        }
        1 if tree && host => Cell::plain(""),
        1 => Cell::plain(match of.status {
            None => String::new(),
            Some(None) => "none".to_owned(),
            Some(Some(status)) => status.to_string(),
        }),
        2 => Cell::Middle(of.host.clone().unwrap_or_default(), Style::new()),
        3 if of.kind.is_none() => Cell::Text(row.count.to_string().into(), theme.strong()),
        3 => Cell::plain(row.count.to_string()),
        _ => Cell::Spark(row.trend.to_vec(), theme.warn()),
    }
}

fn source_cell(theme: Theme, row: &Row, column: usize, tree: bool) -> Cell {
    match (column, &row.source) {
        (0, _) if !tree => Cell::Text("sources".into(), theme.bad()),
        (1, _) => Cell::plain(kind(row)),
        (2, Some((failed, site))) => {
            let source = &failed.source;
            let name = match site {
                Some(site) => format!("{site}: {}", source.name),
                None => source.name.clone(),
            };
            let problem = (sources::problem(source), theme.warn());
            Cell::Rest((name, Style::new()), problem)
        }
        _ => Cell::plain(""),
    }
}
