//! What is written: rows of named values, out of the store.

use super::ExportError;
use super::filter::{Facts, Filter};
use super::links;
use crate::bus::JournalRow;
use crate::page::time::rfc3339;
use crate::store::reader::{ChangeRow, DuplicateRow, PageRow, Reader, RecordRow, SiteSource};
use serde_json::{Map, Value};

/// The columns of pages; those of failures have `error` after them.
pub(super) const PAGE_COLUMNS: [&str; 13] = [
    "site",
    "url",
    "final_url",
    "outcome",
    "reason",
    "status",
    "depth",
    "from",
    "attempts",
    "bytes",
    "content_type",
    "fetched_at",
    "canonical",
];

/// The columns of records, before their fields.
pub(super) const RECORD_COLUMNS: [&str; 4] = ["site", "record", "url", "fetched_at"];

/// The columns of changes.
pub(super) const CHANGE_COLUMNS: [&str; 8] = [
    "site",
    "round",
    "round_began",
    "change",
    "url",
    "reason",
    "found_at",
    "fields",
];

/// The columns of the journal.
pub(super) const JOURNAL_COLUMNS: [&str; 7] = [
    "at", "origin", "command", "before", "after", "answer", "refused",
];

/// The columns of sources.
pub(super) const SOURCE_COLUMNS: [&str; 9] = [
    "site", "kind", "name", "state", "read", "urls", "bad", "problem", "asked_at",
];

/// The columns of duplicates.
pub(super) const DUPLICATE_COLUMNS: [&str; 5] = ["site", "group", "kind", "distance", "url"];

/// How an instant stands in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// RFC 3339 text.
    Text,
    /// Milliseconds since the epoch.
    Millis,
}

impl Times {
    fn value(self, at: Option<u64>) -> Value {
        match self {
            Self::Text => at.map(rfc3339).into(),
            Self::Millis => at.into(),
        }
    }
}

/// One row: the values of the first columns and, of a record, its fields.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) head: Vec<Value>,
    pub(super) fields: Map<String, Value>,
}

impl Row {
    /// The row as one object with everything that it has.
    pub(super) fn into_object(self, names: &[&str], is_record: bool) -> Map<String, Value> {
        let names = names.iter().map(|name| (*name).to_owned());
        let mut object: Map<String, Value> = names.zip(self.head).collect();
        if is_record {
            object.insert("fields".to_owned(), Value::Object(self.fields));
        }
        object
    }
}

/// What of a store is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source<'a> {
    Pages,
    Failures,
    /// What rounds of crawling again found changed.
    Changes,
    /// Pages with the text of another.
    Duplicates,
    /// Commands that were given.
    Journal,
    /// Sitemaps, lists and APIs.
    Sources,
    /// Records, of one name where it is given.
    Records(Option<&'a str>),
    Links,
    Degrees,
    Orphans,
    DeadLinks,
}

impl Source<'_> {
    /// The names of the first columns.
    pub(super) fn head(self) -> &'static [&'static str] {
        const FAILURE_COLUMNS: [&str; 14] = {
            let mut all = ["error"; 14];
            let mut i = 0;
            while i < PAGE_COLUMNS.len() {
                all[i] = PAGE_COLUMNS[i];
                i += 1;
            }
            all
        };
        match self {
            Self::Pages | Self::Orphans => &PAGE_COLUMNS,
            Self::Failures => &FAILURE_COLUMNS,
            Self::Changes => &CHANGE_COLUMNS,
            Self::Journal => &JOURNAL_COLUMNS,
            Self::Sources => &SOURCE_COLUMNS,
            Self::Duplicates => &DUPLICATE_COLUMNS,
            Self::Records(_) => &RECORD_COLUMNS,
            Self::Links => &links::LINK_COLUMNS,
            Self::Degrees => &links::DEGREE_COLUMNS,
            Self::DeadLinks => &links::DEAD_COLUMNS,
        }
    }
}

/// What rows are read, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) source: Source<'a>,
    pub(super) site: Option<&'a str>,
    pub(super) filter: Option<&'a Filter>,
    pub(super) times: Times,
}

impl Selection<'_> {
    /// Hands every row to `visit`; `seen` is called for every row of the
    /// store, written or not.
    pub(super) fn each(
        &self,
        reader: &Reader,
        seen: &mut dyn FnMut(),
        mut visit: impl FnMut(Row) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        match self.source {
            Source::Pages => reader.pages(self.site, |page| {
                seen();
                self.page(page, false, &mut visit)
            }),
            Source::Failures => reader.failures(self.site, |page| {
                seen();
                self.page(page, true, &mut visit)
            }),
            Source::Changes => reader.changes(self.site, |change| {
                seen();
                match self.takes_change(&change) {
                    true => visit(change_row(change, self.times)),
                    false => Ok(()),
                }
            }),
            Source::Duplicates => reader.duplicates(self.site, |row| {
                seen();
                visit(duplicate_row(row))
            }),
            Source::Journal => reader.journal(|row| {
                seen();
                visit(journal_row(row, self.times))
            }),
            Source::Sources => reader.sources(self.site, |row| {
                seen();
                visit(source_row(row, self.times))
            }),
            Source::Records(name) => reader.records(self.site, |record| {
                seen();
                if name.is_some_and(|name| name != record.record) || !self.takes_record(&record) {
                    return Ok(());
                }
                visit(record_row(record, self.times))
            }),
            Source::Orphans => reader.orphans(self.site, |page| {
                seen();
                self.page(page, false, &mut visit)
            }),
            Source::Links => links::edges(self, reader, seen, &mut visit),
            Source::Degrees => links::degrees(self, reader, seen, &mut visit),
            Source::DeadLinks => links::dead(self, reader, seen, &mut visit),
        }
    }

    fn page(
        &self,
        page: PageRow,
        with_error: bool,
        visit: &mut dyn FnMut(Row) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        if self.takes_page(&page) {
            visit(page_row(page, with_error, self.times))?;
        }
        Ok(())
    }

    /// Whether a page passes the filter.
    pub(super) fn takes_page(&self, page: &PageRow) -> bool {
        self.filter.is_none_or(|filter| {
            filter.takes(&Facts {
                site: &page.site,
                record: None,
                outcome: page.outcome,
                reason: page.reason.as_deref(),
                status: page.status,
                depth: page.depth,
                url: &page.url,
            })
        })
    }

    fn takes_change(&self, change: &ChangeRow) -> bool {
        self.filter.is_none_or(|filter| {
            filter.takes(&Facts {
                site: &change.site,
                record: change.fields.first().map(|field| &*field.record),
                outcome: change.outcome,
                reason: change.reason.as_deref(),
                status: change.status,
                depth: change.depth,
                url: &change.url,
            })
        })
    }

    fn takes_record(&self, record: &RecordRow) -> bool {
        self.filter.is_none_or(|filter| {
            filter.takes(&Facts {
                site: &record.site,
                record: Some(&record.record),
                outcome: record.outcome,
                reason: record.reason.as_deref(),
                status: record.status,
                depth: record.depth,
                url: &record.url,
            })
        })
    }
}

fn page_row(page: PageRow, with_error: bool, times: Times) -> Row {
    let mut head: Vec<Value> = vec![
        page.site.into(),
        page.url.into(),
        page.final_url.into(),
        page.outcome.into(),
        page.reason.into(),
        page.status.into(),
        page.depth.into(),
        page.from.into(),
        page.attempts.into(),
        page.bytes.into(),
        page.content_type.into(),
        times.value(page.fetched_at),
        page.canonical.into(),
    ];
    if with_error {
        head.push(page.error.into());
    }
    Row {
        head,
        fields: Map::new(),
    }
}

fn change_row(change: ChangeRow, times: Times) -> Row {
    // Plain strings and JSON values always serialise.
    let fields = serde_json::to_value(&change.fields).unwrap_or_default();
    Row {
        head: vec![
            change.site.into(),
            change.round.into(),
            times.value(change.began),
            change.kind.as_str().into(),
            change.url.into(),
            change.reason.into(),
            times.value(Some(change.at)),
            fields,
        ],
        fields: Map::new(),
    }
}

fn duplicate_row(row: DuplicateRow) -> Row {
    Row {
        head: vec![
            row.site.into(),
            row.group.into(),
            row.kind.into(),
            row.distance.into(),
            row.url.into(),
        ],
        fields: Map::new(),
    }
}

fn source_row(row: SiteSource, times: Times) -> Row {
    let source = row.source;
    let problem = (!source.problem.is_empty()).then_some(source.problem);
    Row {
        head: vec![
            row.site.into(),
            source.kind.as_str().into(),
            source.name.into(),
            source.state.as_str().into(),
            source.read.into(),
            source.urls.into(),
            source.bad.into(),
            problem.into(),
            times.value(Some(source.at)),
        ],
        fields: Map::new(),
    }
}

fn journal_row(row: JournalRow, times: Times) -> Row {
    Row {
        head: vec![
            times.value(Some(row.at)),
            row.origin.into(),
            row.command.into(),
            row.before.into(),
            row.after.into(),
            row.answer.into(),
            row.refused.into(),
        ],
        fields: Map::new(),
    }
}

fn record_row(record: RecordRow, times: Times) -> Row {
    Row {
        head: vec![
            record.site.into(),
            record.record.into(),
            record.url.into(),
            times.value(record.fetched_at),
        ],
        fields: record.fields,
    }
}

/// Where a column's value is found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Head(usize),
    Field(String),
}

/// The columns of a table, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    names: Vec<String>,
    places: Vec<Place>,
}

impl Columns {
    /// All columns of a source whose records have these fields. A field that
    /// is called like one of the first columns gets `fields.` before its name.
    pub(super) fn all(source: Source<'_>, fields: &[String]) -> Self {
        let head = source.head();
        let named = head.iter().map(|name| (*name).to_owned());
        let fields = fields.iter().map(|field| {
            let name = match head.contains(&field.as_str()) {
                true => format!("fields.{field}"),
                false => field.clone(),
            };
            (name, Place::Field(field.clone()))
        });
        let (names, places) = named.zip((0..).map(Place::Head)).chain(fields).unzip();
        Self { names, places }
    }

    /// These of them, in this order.
    ///
    /// # Errors
    /// In words, where one does not exist or is named twice.
    pub(super) fn choose(&self, chosen: &[String]) -> Result<Self, String> {
        let mut columns = Self {
            names: Vec::new(),
            places: Vec::new(),
        };
        for name in chosen {
            if columns.names.contains(name) {
                return Err(format!("--columns names {name} twice"));
            }
            let Some(at) = self.names.iter().position(|known| known == name) else {
                let known = self.names.join(", ");
                return Err(format!("no column is called {name}; there is {known}"));
            };
            columns.names.push(name.clone());
            columns.places.push(self.places[at].clone());
        }
        Ok(columns)
    }

    /// Their names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether this column's values are instants.
    pub(super) fn is_time(&self, column: usize) -> bool {
        matches!(
            self.names[column].as_str(),
            "fetched_at" | "at" | "round_began" | "found_at" | "asked_at"
        ) && matches!(self.places[column], Place::Head(_))
    }

    /// The row's values in the order of the columns; what it lacks is null.
    pub(super) fn cells(&self, mut row: Row) -> Vec<Value> {
        let take = |place: &Place| match place {
            Place::Head(at) => row.head.get_mut(*at).map(Value::take),
            Place::Field(name) => row.fields.get_mut(name).map(Value::take),
        };
        self.places
            .iter()
            .map(take)
            .map(Option::unwrap_or_default)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_two_columns_have_one_name() {
        let fields = ["title".to_owned(), "url".to_owned()];
        let columns = Columns::all(Source::Records(None), &fields);
        let expected = ["site", "record", "url", "fetched_at", "title", "fields.url"];
        assert_eq!(columns.names(), expected);
        assert!(columns.is_time(3) && !columns.is_time(2));
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            Columns::all(Source::Records(None), &["a".into(), "url".into()]).choose(&names)
        };
        let columns = chosen(&["fields.url", "a", "site"]).unwrap();
        let row = Row {
            head: vec![json!("s")],
            fields: json!({"url": 1}).as_object().unwrap().clone(),
        };
        assert_eq!(columns.cells(row), [json!(1), json!(null), json!("s")]);
        assert!(
            chosen(&["b"])
                .unwrap_err()
                .contains("there is site, record")
        );
        assert!(chosen(&["a", "a"]).unwrap_err().contains("twice"));
    }
}
