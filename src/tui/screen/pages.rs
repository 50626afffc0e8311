//! Pages in a list: the failed ones, all of them, or the queue. The store holds
//! the list; the screen asks for the window and a little around it.

use super::cells::{self, cell};
use super::{Screen, steps, window};
use crate::bus::{Ask, Command, PageFilter, PageList, PageOrder, PageRow, Pick, Told};
use crate::page::time::now_ms;
use crate::page::{FailureKind, PageId, PageState, SiteId};
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::table::{Column, Rows, Table};
use ratatui::layout::Rect;
use std::collections::HashSet;

/// Which pages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Failures,
    All,
    Queue,
}

/// The screen.
#[derive(Debug)]
pub struct Pages {
    role: Role,
    /// The filter without what is typed.
    base: PageFilter,
    typed: Filter,
    table: Table,
    cursor: Cursor<PageId>,
    list: PageList,
    asked: Asked,
    /// Marked pages that are not failed: they are fetched again, not retried.
    sound: HashSet<PageId>,
}

/// Orders, the headings of the columns that are sorted by them, and the two
/// directions in words.
const ORDERS: [(PageOrder, &[&str], &str, &str); 13] = [
    (PageOrder::Queue, &["#"], "next first", "last first"),
    (
        PageOrder::State,
        &["STATE"],
        "by state",
        "by state, backwards",
    ),
    (
        PageOrder::Reason,
        &["KIND", "WHY"],
        "by reason",
        "by reason, backwards",
    ),
    (
        PageOrder::Status,
        &["STATUS"],
        "lowest status first",
        "highest status first",
    ),
    (
        PageOrder::Tries,
        &["TRIES"],
        "most tries first",
        "fewest tries first",
    ),
    (PageOrder::Site, &["SITE"], "by site", "by site, backwards"),
    (PageOrder::Url, &["URL"], "by URL", "by URL, backwards"),
    (
        PageOrder::Slowest,
        &["TOOK"],
        "slowest first",
        "quickest first",
    ),
    (
        PageOrder::Largest,
        &["SIZE"],
        "largest first",
        "smallest first",
    ),
    (
        PageOrder::Newest,
        &["ENDED"],
        "newest first",
        "oldest first",
    ),
    (
        PageOrder::Depth,
        &["DEPTH"],
        "shallowest first",
        "deepest first",
    ),
    (
        PageOrder::Due,
        &["DUE"],
        "first due first",
        "last due first",
    ),
    (PageOrder::Found, &["ID"], "as found", "last found first"),
];

impl Pages {
    /// Sorted by the column of this heading.
    fn new(role: Role, base: PageFilter, by: &str, columns: Vec<Column>) -> Self {
        let mut table = Table::new(columns);
        table.sort = table.headings().iter().position(|head| head == by);
        Self {
            role,
            base,
            typed: Filter::default(),
            table,
            cursor: Cursor::default(),
            list: PageList::default(),
            asked: Asked::default(),
            sound: HashSet::new(),
        }
    }

    /// Failed pages, these of them.
    pub fn failures(filter: PageFilter) -> Self {
        let columns = cells::failures();
        Self::new(Role::Failures, filter, "ENDED", columns)
    }

    /// All pages.
    pub fn all() -> Self {
        let columns = cells::all();
        Self::new(Role::All, PageFilter::default(), "ENDED", columns)
    }

    /// The queue.
    pub fn queue() -> Self {
        let base = PageFilter {
            state: Some(PageState::Queued),
            ..PageFilter::default()
        };
        Self::new(Role::Queue, base, "#", cells::queue())
    }

    fn chosen(&self, shared: &Shared) -> PageFilter {
        self.typed.pages(&self.base, &shared.snapshot)
    }

    /// The order of the column that the table is sorted by.
    fn order(&self) -> PageOrder {
        let by = self.table.sorted_by().unwrap_or_default();
        let found = ORDERS.iter().find(|(_, heads, ..)| heads.contains(&by));
        found.map_or(PageOrder::Newest, |(order, ..)| *order)
    }

    /// The order in words.
    fn order_words(&self) -> &'static str {
        let of = self.order();
        let found = ORDERS.iter().find(|(order, ..)| *order == of);
        found.map_or("", |(_, _, words, reversed)| match self.table.reverse {
            true => reversed,
            false => words,
        })
    }

    /// Sorts otherwise, where an action says so; there is always some order.
    fn sorts(&mut self, action: Action, shared: &mut Shared) -> bool {
        let sorts = match action {
            Action::Sort => {
                self.table.sort_next();
                if self.table.sort.is_none() {
                    self.table.sort_next();
                }
                self.table.reverse = false;
                true
            }
            action => super::sorts(action, &mut self.table, shared),
        };
        if sorts {
            shared.toast(format!("sorted: {}", self.order_words()), true);
            self.begin_again();
        }
        sorts
    }

    fn begin_again(&mut self) {
        self.cursor.rewind();
        self.list.rows.clear();
        self.asked.forget();
    }

    fn settle(&mut self) {
        let offset = usize::try_from(self.list.offset).unwrap_or(usize::MAX);
        let total = usize::try_from(self.list.total).unwrap_or(usize::MAX);
        let ids = self.list.rows.iter().map(|row| row.id);
        self.cursor.settle(offset, ids, total);
    }

    fn at(&self, row: usize) -> Option<&PageRow> {
        let offset = usize::try_from(self.list.offset).ok()?;
        self.list.rows.get(row.checked_sub(offset)?)
    }

    fn current(&self) -> Option<&PageRow> {
        self.at(self.cursor.at)
    }

    /// The marked pages, or the one under the cursor.
    fn picked(&self) -> Vec<PageId> {
        let mut pages: Vec<PageId> = self.cursor.marks.iter().copied().collect();
        pages.sort();
        if pages.is_empty() {
            pages.extend(self.current().map(|row| row.id));
        }
        pages
    }

    fn send(&mut self, shared: &mut Shared, command: fn(Pick) -> Command) -> Vec<Effect> {
        let pages = self.picked();
        if pages.is_empty() {
            return Vec::new();
        }
        let effects = submit(shared, command(Pick::Pages(pages)));
        if !effects.is_empty() {
            self.unmark();
        }
        effects
    }

    fn retry(&mut self, shared: &mut Shared) -> Vec<Effect> {
        let failed = |row: &PageRow| row.state == PageState::Failed;
        let alone = self.cursor.marks.is_empty();
        let fits = if alone {
            self.current().is_some_and(failed)
        } else {
            self.sound.is_empty()
        };
        if fits {
            return self.send(shared, Command::Retry);
        }
        if !alone || self.current().is_some() {
            shared.toast(
                "only failed pages are retried; F fetches any page again",
                false,
            );
        }
        Vec::new()
    }

    /// Knows of the marked pages which are not failed, as far as they are in sight;
    /// of others it stays as it was.
    fn sift(&mut self) {
        let marks = &self.cursor.marks;
        self.sound.retain(|id| marks.contains(id));
        for row in self.list.rows.iter().filter(|row| marks.contains(&row.id)) {
            if row.state == PageState::Failed {
                self.sound.remove(&row.id);
            } else {
                self.sound.insert(row.id);
            }
        }
    }

    /// Moves or marks, and knows what is marked then.
    fn moves(&mut self, by: impl FnOnce(&mut Cursor<PageId>)) {
        by(&mut self.cursor);
        self.settle();
        self.sift();
    }

    fn unmark(&mut self) {
        self.cursor.unmark();
        self.sound.clear();
    }

    fn words(&self, shared: &Shared) -> String {
        let what = match self.role {
            Role::Failures => "failed pages",
            Role::All => "pages",
            Role::Queue => "queued pages",
        };
        let mut line = format!("{} {what}", self.list.total);
        if self.list.total > 0 {
            line = format!("{} of {line}", self.cursor.at + 1);
        }
        if !self.cursor.marks.is_empty() {
            let range = super::range_words(&self.cursor);
            line.push_str(&format!(", {} marked{range}", self.cursor.marks.len()));
        }
        let filter = self.chosen(shared);
        let plain = PageFilter {
            state: self.base.state,
            ..PageFilter::default()
        };
        if filter != plain || (self.role == Role::All && filter.state.is_some()) {
            let words = crate::bus::verb::filter_words(&filter, &shared.names());
            line.push_str(&format!("   only {words}"));
        }
        line.push_str(&format!("   {}", self.order_words()));
        line
    }
}

impl Screen for Pages {
    fn view(&self) -> View {
        match self.role {
            Role::Failures => View::Failures(self.base.clone()),
            Role::All => View::Pages,
            Role::Queue => View::Queue,
        }
    }

    fn crumb(&self, _: &Shared) -> String {
        match self.role {
            Role::Failures => {
                let kind = self.base.kind.map_or("all", FailureKind::as_str);
                let status = self.base.status.map(|status| format!(" {status}"));
                let host = self.base.host.as_ref().map(|host| format!(" {host}"));
                format!(
                    "{kind}{}{}",
                    status.unwrap_or_default(),
                    host.unwrap_or_default()
                )
            }
            Role::All => "pages".to_owned(),
            Role::Queue => "queue".to_owned(),
        }
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        self.settle();
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let heads = self.table.headings();
        let list = &self.list;
        let offset = usize::try_from(list.offset).unwrap_or(usize::MAX);
        let row = |at: usize| list.rows.get(at.checked_sub(offset)?);
        let now = now_ms();
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |at, column| row(at).map(|row| cell(theme, row, at, &heads[column], shared, now)),
            |at| row(at).map(|row| row.id),
        );
        if self.list.total == 0 {
            let words = match (self.asked.answered, &self.asked.refused) {
                (_, Some(why)) => why,
                (false, None) => self.asked.words(),
                (true, None) => "no page is like that",
            };
            self.table.note(pen, words);
        }
        let words = self.words(shared);
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        if self.sorts(action, shared) {
            return Vec::new();
        }
        match action {
            Action::Enter => {
                if let Some(row) = self.current() {
                    shared.open(View::Page(row.id));
                }
            }
            Action::Why => {
                if let Some(row) = self.current() {
                    shared.open(View::Why(row.site, row.url.clone()));
                }
            }
            Action::Mark => self.moves(Cursor::mark),
            Action::Range => self.moves(Cursor::toggle_range),
            Action::Retry => return self.retry(shared),
            Action::Ignore => return self.send(shared, Command::Ignore),
            Action::Force => return self.send(shared, Command::Force),
            Action::RetryAll => {
                if self.list.total > 0 {
                    return submit(shared, Command::Retry(Pick::Matching(self.chosen(shared))));
                }
            }
            Action::Kind => {
                self.base.kind = after(FailureKind::ALL, self.base.kind);
                self.begin_again();
            }
            Action::NextState => {
                self.base.state = after(&PageState::ALL, self.base.state);
                self.begin_again();
            }
            action => {
                if let Some(by) = steps(action, self.cursor.height) {
                    self.moves(|cursor| cursor.step(by));
                }
            }
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let (offset, limit) = window(self.cursor.top, self.cursor.height);
        let pages = &shared.snapshot.totals.pages;
        let version = match self.role {
            Role::Failures => pages.failed.wrapping_mul(31) ^ pages.over(),
            Role::All => pages.over().wrapping_mul(31) ^ pages.known(),
            Role::Queue => pages.over().wrapping_mul(31) ^ pages.queued,
        };
        let ask = Ask::Pages {
            filter: self.chosen(shared),
            order: self.order(),
            reverse: self.table.reverse,
            offset,
            limit,
        };
        Some((ask, version ^ shared.answers << 48))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, shared: &mut Shared) {
        let Told::Pages(list) = told else {
            return;
        };
        // An answer to an older filter or order is none to this one.
        let current = matches!(
            self.asked.asked(),
            Some(Ask::Pages { filter, order, reverse, .. })
                if *filter == self.chosen(shared)
                    && (*order, *reverse) == (self.order(), self.table.reverse)
        );
        if current {
            self.list = list;
            self.settle();
        }
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.typed)
    }

    fn filtered(&mut self, _: &Shared) {
        self.begin_again();
    }

    fn clear(&mut self, _: &Shared) -> bool {
        if self.cursor.end_range() {
            return true;
        }
        if !self.cursor.marks.is_empty() {
            self.unmark();
        } else if !self.typed.0.is_empty() {
            self.typed.0.clear();
            self.begin_again();
        } else if self.role == Role::All && self.base.state.is_some() {
            self.base.state = None;
            self.begin_again();
        } else {
            return false;
        }
        true
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
        let (now, head) = (now_ms(), |at: usize| &self.table.columns[at].head);
        let cell = |theme, at| cell(theme, row, self.cursor.at, head(at), shared, now);
        Some(self.table.row(cell))
    }
}

/// The one after this of all, and after the last none.
fn after<T: Copy + PartialEq>(all: &[T], current: Option<T>) -> Option<T> {
    match current {
        None => all.first().copied(),
        Some(current) => {
            let at = all.iter().position(|known| *known == current)?;
            all.get(at + 1).copied()
        }
    }
}
