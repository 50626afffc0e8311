//! One file a screen: a type with its own state and what it shows
//! ([`Screen::render`]), does ([`Screen::act`]) and asks ([`Screen::question`]).
//! Its keys come from the key map.

mod backends;
mod body;
mod cells;
mod changes;
mod doctor;
mod exits;
mod figures;
mod groups;
mod journal;
mod latest;
mod links;
mod log;
mod page;
mod pages;
mod panes;
mod records;
mod site;
mod sites;
mod sources;
mod why;

pub use self::log::lines as notices;

use super::action::Action;
use super::asked::Asked;
use super::draw::Pen;
use super::filter::Filter;
use super::list::Cursor;
use super::state::{Effect, Shared, View};
use super::table::Table;
use crate::bus::{Ask, Told};
use crate::page::SiteId;
use ratatui::layout::Rect;

/// Rows asked for beyond those shown, and least rows asked for at a time.
const ROWS: usize = 20;

/// One screen.
pub trait Screen: Send {
    /// What it shows.
    fn view(&self) -> View;

    /// Its name in the breadcrumbs.
    fn crumb(&self, shared: &Shared) -> String;

    /// Draws it, and learns how much room it has.
    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared);

    /// What an action means here.
    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect>;

    /// What it needs to know, and the version of it: another one when the
    /// answer may have changed.
    fn question(&mut self, _shared: &Shared) -> Option<(Ask, u64)> {
        None
    }

    /// The state of its question, where it has one.
    fn asked(&mut self) -> Option<&mut Asked> {
        None
    }

    /// Takes the answer.
    fn told(&mut self, _told: Told, _shared: &mut Shared) {}

    /// What is typed after `/`, where it can be filtered.
    fn filter(&mut self) -> Option<&mut Filter> {
        None
    }

    /// The filter has changed.
    fn filtered(&mut self, _shared: &Shared) {}

    /// Clears marks or filter; answers whether there was something to clear.
    fn clear(&mut self, shared: &Shared) -> bool {
        match self.filter() {
            Some(filter) if !filter.0.is_empty() => {
                filter.0.clear();
                self.filtered(shared);
                true
            }
            _ => false,
        }
    }

    /// Its table, where it has one.
    fn table(&mut self) -> Option<&mut Table> {
        None
    }

    /// The site it is about, or that the cursor is on.
    fn site(&mut self, _shared: &Shared) -> Option<SiteId> {
        None
    }

    /// The URL under the cursor.
    fn url(&mut self, _shared: &Shared) -> Option<String> {
        None
    }

    /// The row under the cursor, in words.
    fn row(&mut self, _shared: &Shared) -> Option<String> {
        None
    }
}

/// Opens a screen.
pub fn open(view: &View) -> Box<dyn Screen> {
    match view {
        View::Sites => Box::new(sites::Sites::new()),
        View::Site(id) => Box::new(site::Site::new(*id)),
        View::Sources(id, name) => Box::new(site::Site::at_sources(*id, name.clone())),
        View::Groups(of) => Box::new(groups::Groups::new(*of)),
        View::Failures(filter) => Box::new(pages::Pages::failures(filter.clone())),
        View::Page(id) => Box::new(page::Page::new(*id)),
        View::Why(site, url) => Box::new(why::Why::new(*site, url.clone())),
        View::Pages => Box::new(pages::Pages::all()),
        View::Queue => Box::new(pages::Pages::queue()),
        View::Records => Box::new(records::Records::new()),
        View::Links(of) => Box::new(links::Links::new(*of)),
        View::Journal => Box::new(journal::Journal::new()),
        View::Log => Box::new(log::Log::new()),
        View::Changes => Box::new(changes::Changes::new()),
        View::Backends => Box::new(backends::Backends::new()),
        View::Exits(site, rung) => Box::new(exits::Exits::new(*site, *rung)),
        View::Doctor => Box::new(doctor::Doctor::default()),
    }
}

/// By how many rows an action moves the cursor of a list of this height.
pub fn steps(action: Action, height: usize) -> Option<isize> {
    let height = height.max(1) as isize;
    match action {
        Action::Move(n) => Some(n as isize),
        Action::Half(n) => Some(n as isize * (height / 2).max(1)),
        Action::Page(n) => Some(n as isize * (height - 1).max(1)),
        Action::First => Some(isize::MIN / 2),
        Action::Last => Some(isize::MAX / 2),
        _ => None,
    }
}

/// What the status line says of a range that is being marked.
pub fn range_words<I: Clone + Eq + std::hash::Hash>(cursor: &Cursor<I>) -> &'static str {
    match cursor.is_ranging() {
        true => ", a range: v ends it",
        false => "",
    }
}

/// Sorts a table otherwise, where an action says so.
pub fn sorts(action: Action, table: &mut Table, shared: &mut Shared) -> bool {
    match action {
        Action::Sort => {
            table.sort_next();
            let by = table.sorted_by().unwrap_or("its own order").to_owned();
            shared.toast(format!("sorted by {by}"), true);
        }
        Action::SortBy(at) => table.sort_by(at),
        Action::Reverse => table.reverse = !table.reverse,
        _ => return false,
    }
    true
}

/// The block of rows to ask for so that the window is within it: the same one
/// for windows that are near each other.
pub fn window(top: usize, height: usize) -> (u64, usize) {
    let block = height.max(ROWS);
    let from = (top / block).saturating_sub(1) * block;
    (from as u64, block * 3)
}

/// The last line of an area, and the rest above it.
pub fn status_line(area: Rect) -> (Rect, Rect) {
    split_below(area, u16::from(area.height > 2))
}

/// An area's lowest lines, so many of them, and the rest above.
pub fn split_below(area: Rect, height: u16) -> (Rect, Rect) {
    (
        Rect {
            height: area.height - height,
            ..area
        },
        Rect {
            y: area.bottom() - height,
            height,
            ..area
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_block_that_is_asked_for_holds_the_window(top in 0usize..200_000, height in 0usize..200) {
            let (from, rows) = window(top, height);
            let from = usize::try_from(from).unwrap();
            prop_assert!(from <= top && top + height <= from + rows);
            prop_assert!(rows <= 3 * height.max(ROWS));
        }
    }
}
