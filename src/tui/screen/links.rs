//! Dead links, orphans and degrees: what the links between pages tell of a site.

use super::cells::state_style;
use super::{Screen, sorts, steps, window};
use crate::bus::{Ask, Degree, Linked, LinkedList, LinkedRow, Told};
use crate::page::{PageId, PageState, SiteId};
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::table::{Cell, Column, Rows, Table};
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// What stands in an empty list of a crawl without links.
const NOT_KEPT: &str = "no links are kept; keep: { links: true } in the sites file keeps them";

/// The screen.
#[derive(Debug)]
pub struct Links {
    of: Option<SiteId>,
    which: Linked,
    table: Table,
    cursor: Cursor<PageId>,
    list: LinkedList,
    asked: Asked,
}

impl Links {
    /// Of one site, or of all: dead links first.
    pub fn new(of: Option<SiteId>) -> Self {
        Self {
            of,
            which: Linked::Dead,
            table: table(Linked::Dead),
            cursor: Cursor::default(),
            list: LinkedList::default(),
            asked: Asked::default(),
        }
    }

    fn settle(&mut self) {
        let total = usize::try_from(self.list.total).unwrap_or(usize::MAX);
        let ids = self.list.rows.iter().map(|row| row.page.id);
        self.cursor.settle(offset(&self.list), ids, total);
    }

    fn current(&self) -> Option<&LinkedRow> {
        let at = self.cursor.at.checked_sub(offset(&self.list))?;
        self.list.rows.get(at)
    }

    /// What stands where the rows would.
    fn empty(&self) -> &str {
        match (&self.asked.refused, self.asked.answered, self.list.kept) {
            (Some(why), ..) => why,
            (None, false, _) => self.asked.words(),
            (None, true, false) => NOT_KEPT,
            (None, true, true) => match self.which {
                Linked::Dead => "no page links to one that failed",
                Linked::Orphans => "pages link to everything that sitemaps, lists and APIs name",
                Linked::Degrees => "no page is known",
            },
        }
    }

    fn words(&self, shared: &Shared) -> String {
        let (what, keys) = match self.which {
            Linked::Dead => (
                "dead pages are linked to",
                "t shows orphans, enter who links there",
            ),
            Linked::Orphans => ("pages have no link to them", "t shows degrees"),
            Linked::Degrees => ("pages", "s sorts by IN or OUT, t shows dead links"),
        };
        let mut words = format!("{} {what}", self.list.total);
        if self.list.total > 0 {
            words = format!("{} of {words}", self.cursor.at + 1);
        }
        if let Some(site) = self.of {
            words.push_str(&format!("   only {}", shared.site_name(site)));
        }
        format!("{words}   {keys}")
    }

    /// By what degrees are sorted.
    fn by(&self) -> Degree {
        match self.table.sorted_by() {
            Some(OUT) => Degree::Out,
            _ => Degree::In,
        }
    }

    /// What was told is not what is shown from now on.
    fn begin_again(&mut self) {
        self.list = LinkedList::default();
        self.asked = Asked::default();
        self.cursor.rewind();
    }
}

impl Screen for Links {
    fn view(&self) -> View {
        View::Links(self.of)
    }

    fn crumb(&self, _: &Shared) -> String {
        match self.which {
            Linked::Dead => "dead links".to_owned(),
            Linked::Orphans => "orphans".to_owned(),
            Linked::Degrees => "degrees".to_owned(),
        }
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        self.settle();
        let (body, status) = super::status_line(area);
        let theme = pen.theme;
        let (list, which) = (&self.list, self.which);
        let at = |row: usize| list.rows.get(row.checked_sub(offset(list))?);
        self.table.draw(
            pen,
            body,
            Rows {
                cursor: &mut self.cursor,
                below_head: Vec::new(),
                focused: true,
            },
            |row, column| Some(cell(theme, at(row)?, which, column, shared)),
            |row| at(row).map(|row| row.page.id),
        );
        if self.list.total == 0 {
            self.table.note(pen, self.empty());
        }
        let words = self.words(shared);
        pen.put(status, status.x, status.y, &words, theme.faint());
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        if self.which == Linked::Degrees && sorts(action, &mut self.table, shared) {
            if self.table.sort.is_none() {
                self.table.sort_next();
            }
            self.begin_again();
            return Vec::new();
        }
        match action {
            Action::Enter => {
                if let Some(row) = self.current() {
                    shared.open(View::Page(row.page.id));
                }
            }
            Action::Why => {
                if let Some(row) = self.current() {
                    shared.open(View::Why(row.page.site, row.page.url.clone()));
                }
            }
            Action::NextLinks => {
                self.which = match self.which {
                    Linked::Dead => Linked::Orphans,
                    Linked::Orphans => Linked::Degrees,
                    Linked::Degrees => Linked::Dead,
                };
                self.table = table(self.which);
                self.begin_again();
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
        let (offset, limit) = window(self.cursor.top, self.cursor.height);
        let ask = Ask::Linked {
            of: self.which,
            by: self.by(),
            reverse: self.table.reverse,
            site: self.of,
            offset,
            limit,
        };
        let version = shared.snapshot.totals.pages.over() ^ shared.answers << 48;
        Some((ask, version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        if let Told::Linked(list) = told {
            self.list = list;
            self.settle();
        }
    }

    fn table(&mut self) -> Option<&mut Table> {
        Some(&mut self.table)
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.of.or_else(|| self.current().map(|row| row.page.site))
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        self.current().map(|row| row.page.url.clone())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let row = self.current()?;
        let cell = |theme, at| cell(theme, row, self.which, at, shared);
        Some(self.table.row(cell))
    }
}

/// The row of the screen that the answer begins with.
fn offset(list: &LinkedList) -> usize {
    usize::try_from(list.offset).unwrap_or(usize::MAX)
}

/// The heading of the pages that link to one.
const IN: &str = "IN";
/// The heading of the pages that one links to.
const OUT: &str = "OUT";

/// The table of a list; of degrees, those with most links to them come first.
fn table(of: Linked) -> Table {
    let mut table = Table::new(columns(of));
    table.sort_next();
    table
}

fn columns(of: Linked) -> Vec<Column> {
    let mut columns = vec![
        Column::text("STATE", 7, 3),
        Column::number("STATUS", 6, 1),
        Column::text("WHY", 9, 4),
        Column::text("SITE", 8, 5),
        Column::text("URL", 14, 0).growing().wanting(36),
    ];
    match of {
        Linked::Dead => columns.extend([
            Column::number("LINKED", 6, 2),
            Column::text("FIRST FROM", 14, 0).growing(),
        ]),
        Linked::Orphans => columns.push(Column::number("DEPTH", 5, 2)),
        Linked::Degrees => columns.extend([
            Column::number(IN, 6, 0).sorting(),
            Column::number(OUT, 6, 0).sorting(),
            Column::number("DEPTH", 5, 2),
        ]),
    }
    columns
}

fn cell(theme: Theme, row: &LinkedRow, of: Linked, column: usize, shared: &Shared) -> Cell {
    let page = &row.page;
    match (column, of) {
        (0, _) => Cell::Text(page.state.as_str().into(), state_style(theme, page.state)),
        (1, _) => Cell::plain(page.status.map_or("-".to_owned(), |n| n.to_string())),
        (2, Linked::Dead) if page.state == PageState::Done => {
            Cell::Text("redirects".into(), theme.warn())
        }
        (2, _) => Cell::Text(page.reason.clone().into(), theme.faint()),
        (3, _) => Cell::Text(shared.site_name(page.site).to_owned().into(), theme.faint()),
        (4, _) => Cell::Middle(page.url.clone(), Style::new()),
        (5, Linked::Dead) => Cell::plain(row.inlinks.to_string()),
        (5, Linked::Orphans) | (7, Linked::Degrees) => Cell::plain(page.depth.to_string()),
        (5, Linked::Degrees) => Cell::plain(row.inlinks.to_string()),
        (6, Linked::Degrees) => Cell::plain(row.outlinks.to_string()),
        _ => Cell::Middle(row.from.clone(), theme.faint()),
    }
}
