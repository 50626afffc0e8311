//! What the screens of the latest rows share: a list of the store, the newest
//! first, and the search through all of it while a filter is on.

use super::{steps, window};
use crate::bus::search::{Place, Search, Searched, Seek};
use crate::bus::{LatestList, LatestRow};
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::table::{Cell, Rows, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use std::collections::HashSet;

/// Rows that a search keeps.
const MOST: usize = 2000;

/// How far the search for what passes the filter has come.
#[derive(Debug, Default)]
struct Progress {
    begun: bool,
    newest: Option<Place>,
    /// Behind which row it goes on; `None` when it is through.
    last: Option<Place>,
    looked: u64,
}

/// The list.
#[derive(Debug)]
pub struct Latest<R> {
    /// Its table.
    pub table: Table,
    /// Rows are known by their numbers.
    pub cursor: Cursor<u64>,
    /// What is typed after `/`.
    pub filter: Filter,
    /// Its question.
    pub asked: Asked,
    /// What stands there where no row is, unless a filter is on.
    pub none: String,
    /// What stands in the status line behind the number of rows.
    pub note: String,
    /// One row in words, and many.
    words: (&'static str, &'static str),
    total: u64,
    offset: u64,
    /// The window of the list; with a filter, everything found so far.
    rows: Vec<R>,
    progress: Progress,
}

impl<R: LatestRow> Latest<R> {
    /// An empty list of such rows.
    pub fn new(table: Table, one: &'static str, many: &'static str) -> Self {
        Self {
            table,
            cursor: Cursor::default(),
            filter: Filter::default(),
            asked: Asked::default(),
            none: format!("no {one} yet"),
            note: String::new(),
            words: (one, many),
            total: 0,
            offset: 0,
            rows: Vec::new(),
            progress: Progress::default(),
        }
    }

    fn is_filtered(&self) -> bool {
        !self.filter.parts().0.is_empty()
    }

    /// Begins again, with another filter or other rows.
    pub fn begin_again(&mut self) {
        self.cursor.rewind();
        self.rows.clear();
        self.offset = 0;
        self.progress = Progress::default();
        self.asked.forget();
    }

    fn settle(&mut self) {
        let total = match self.is_filtered() {
            true => self.rows.len(),
            false => usize::try_from(self.total).unwrap_or(usize::MAX),
        };
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let ids = self.rows.iter().map(|row| row.place().id);
        self.cursor.settle(offset, ids, total);
    }

    /// The row under the cursor.
    pub fn current(&self) -> Option<&R> {
        let offset = usize::try_from(self.offset).ok()?;
        self.rows.get(self.cursor.at.checked_sub(offset)?)
    }

    /// The row under the cursor in words, for the clipboard.
    pub fn row(&self, cell: impl Fn(Theme, &R, usize) -> Cell) -> Option<String> {
        let row = self.current()?;
        Some(self.table.row(|theme, at| cell(theme, row, at)))
    }

    /// Draws it, with a status line below.
    pub fn draw(
        &mut self,
        pen: &mut Pen,
        area: Rect,
        below_head: Vec<Cell>,
        cell: impl Fn(Theme, &R, usize) -> Cell,
    ) {
        self.settle();
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let rows = &self.rows;
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head,
                focused: true,
            },
            |at, column| Some(cell(theme, rows.get(at.checked_sub(offset)?)?, column)),
            |_| None,
        );
        if self.cursor.total == 0 {
            let words = self.nothing();
            self.table.note(pen, &words);
        }
        pen.put(status, status.x, status.y, &self.status(), theme.faint());
    }

    /// What stands where rows would.
    fn nothing(&self) -> String {
        if let Some(why) = &self.asked.refused {
            return why.clone();
        }
        if !self.asked.answered {
            return self.asked.words().to_owned();
        }
        let (one, _) = self.words;
        match (self.is_filtered(), &self.progress) {
            (false, _) => self.none.clone(),
            (true, progress) if !progress.begun || progress.last.is_some() => {
                "looking for what passes the filter".to_owned()
            }
            (true, _) => format!("no {one} passes the filter"),
        }
    }

    fn status(&self) -> String {
        let (_, many) = self.words;
        let at = |total: &dyn std::fmt::Display, rows: usize| match rows {
            0 => total.to_string(),
            _ => format!("{} of {total}", self.cursor.at + 1),
        };
        if !self.is_filtered() {
            let rows = at(&self.total, self.cursor.total);
            return match &*self.note {
                "" => format!("{rows} {many}"),
                note => format!("{rows} {many}   {note}"),
            };
        }
        let (filter, found) = (&self.filter.0, self.rows.len());
        let place = at(&found, found);
        let so_far = match (&self.progress, self.progress.last) {
            (progress, _) if !progress.begun => format!("looking for {filter}"),
            (_, None) => format!("{place} that pass {filter}"),
            (_, Some(_)) if found >= MOST => {
                format!("{place} that pass {filter}; narrow it to see older ones")
            }
            (progress, _) => {
                let looked = progress.looked;
                format!("{place} that pass {filter} among the latest {looked}, older ones below")
            }
        };
        format!("{} {many}   {so_far}", self.total)
    }

    /// Moves the cursor, where an action says so.
    pub fn act(&mut self, action: Action) {
        if let Some(by) = steps(action, self.cursor.height) {
            self.cursor.step(by);
            self.settle();
        }
    }

    /// What to ask for: a search, or else how many rows to pass over and how
    /// many to give.
    pub fn question(&self) -> (Option<Search>, u64, usize) {
        let (offset, limit) = window(self.cursor.top, self.cursor.height);
        if !self.is_filtered() {
            return (None, offset, limit);
        }
        let (text, invert) = self.filter.parts();
        // A screenful more than is shown, so that scrolling finds it there.
        let wanted = (self.cursor.top + 2 * self.cursor.height).min(MOST);
        let from = match (&self.progress, self.progress.last) {
            (progress, _) if !progress.begun => Seek::Newest,
            (_, Some(last)) if self.rows.len() < wanted => Seek::Older(last),
            (progress, _) => progress.newest.map_or(Seek::Newest, Seek::Newer),
        };
        let search = Search {
            text: text.to_owned(),
            invert,
            from,
        };
        (Some(search), 0, limit)
    }

    /// Takes the answer to a question of [`Self::question`].
    pub fn take(&mut self, asked: Option<&Search>, part: LatestList<R>) {
        let (text, invert) = self.filter.parts();
        match (asked, part.searched) {
            (None, None) if !self.is_filtered() => {
                (self.offset, self.rows) = (part.offset, part.rows);
            }
            (Some(search), Some(searched)) if search.text == text && search.invert == invert => {
                self.add(search.from, part.rows, searched);
            }
            // To another filter.
            _ => return,
        }
        self.total = part.total;
        self.settle();
    }

    /// Takes what a search has found.
    fn add(&mut self, from: Seek, rows: Vec<R>, searched: Searched) {
        let progress = &mut self.progress;
        progress.looked += searched.looked;
        progress.newest = progress.newest.into_iter().chain(searched.newest).min();
        if !matches!(from, Seek::Newer(_)) {
            (progress.begun, progress.last) = (true, searched.last);
        }
        // A row that is given again counts as it is now.
        let again: HashSet<u64> = rows.iter().map(|row| row.place().id).collect();
        self.rows.retain(|row| !again.contains(&row.place().id));
        self.rows.extend(rows);
        self.rows.sort_by_key(R::place);
        if self.rows.len() > MOST {
            self.rows.truncate(MOST);
            self.progress.last = self.rows.last().map(R::place);
        }
    }
}
