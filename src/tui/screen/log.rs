//! The log's last lines, newest at the bottom.

use super::{Screen, status_line, steps, window};
use crate::bus::{Ask, Level, LogFilter, LogList, LogRow, Notice, Told};
use crate::page::time::time_of_day;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::list::Cursor;
use crate::tui::mouse::Hit;
use crate::tui::palette::Name;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns from which a line says which part of the program it is of.
const WIDE: u16 = 120;
/// Columns for that.
const TARGET: usize = 22;

/// The screen.
#[derive(Debug)]
pub struct Log {
    level: Level,
    filter: Filter,
    /// Lines are known by their numbers in the run.
    cursor: Cursor<u64>,
    /// Whether the cursor stays on the newest.
    follows: bool,
    list: LogList,
    asked: Asked,
}

impl Log {
    /// The screen, with every line.
    pub fn new() -> Self {
        Self {
            level: Level::Info,
            filter: Filter::default(),
            cursor: Cursor::default(),
            follows: true,
            list: LogList::default(),
            asked: Asked::default(),
        }
    }

    fn wanted(&self, shared: &Shared) -> LogFilter {
        self.filter.log(self.level, &shared.snapshot)
    }

    /// The cursor knows the lines that are here then.
    fn settle(&mut self, shared: &Shared) {
        if shared.replay {
            // There is no program whose log it could be: the notices are what
            // was recorded of it.
            self.list = recorded(shared, &self.wanted(shared));
        }
        let offset = usize::try_from(self.list.offset).unwrap_or(usize::MAX);
        let total = usize::try_from(self.list.total).unwrap_or(usize::MAX);
        let ids = || self.list.rows.iter().map(|row| row.number);
        self.cursor.settle(offset, ids(), total);
        if self.follows {
            self.cursor.step(isize::MAX / 2);
            self.cursor.settle(offset, ids(), total);
        }
    }

    fn at(&self, place: usize) -> Option<&LogRow> {
        let offset = usize::try_from(self.list.offset).ok()?;
        self.list.rows.get(place.checked_sub(offset)?)
    }

    /// Other lines are wanted.
    fn begin_again(&mut self) {
        self.follows = true;
        self.list = LogList::default();
        self.cursor.rewind();
        self.asked.forget();
    }

    fn status(&self, theme: Theme) -> String {
        let (word, _) = theme.level(self.level);
        let mut words = format!("{} lines, {word} and above", self.cursor.total);
        let newer = self.cursor.total.saturating_sub(self.cursor.at + 1);
        if newer > 0 {
            words.push_str(&format!("   {newer} newer below, G follows"));
        }
        if !self.filter.0.is_empty() {
            words.push_str(&format!("   filter {}", self.filter.0));
        }
        words
    }
}

impl Screen for Log {
    fn view(&self) -> View {
        View::Log
    }

    fn crumb(&self, _: &Shared) -> String {
        "log".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let (body, status) = status_line(area);
        self.cursor.resize(usize::from(body.height));
        self.settle(shared);
        let cursor = &self.cursor;
        if cursor.total == 0 {
            let words = match &self.asked.refused {
                Some(why) => why,
                None if self.asked.answered || shared.replay => "nothing yet",
                None => self.asked.words(),
            };
            pen.put(body, body.x, body.y, words, pen.theme.faint());
        }
        for (y, place) in (body.y..body.bottom()).zip(cursor.top..cursor.total) {
            if let Some(row) = self.at(place) {
                line(pen, body, y, &Line::of(row));
            }
            let by = i32::try_from(place).unwrap_or(0) - i32::try_from(cursor.at).unwrap_or(0);
            pen.hit_line(body, y, Hit::Row(by));
            if place == cursor.at {
                pen.highlight(body, y, pen.theme.selected());
            }
        }
        let (words, style) = (self.status(pen.theme), pen.theme.faint());
        pen.put(status, status.x, status.y, &words, style);
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        if action == Action::Level {
            self.level = match self.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
            self.begin_again();
        } else if let Some(by) = steps(action, self.cursor.height) {
            self.cursor.step(by);
            self.follows = self.cursor.at + 1 >= self.cursor.total;
            self.settle(shared);
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        if shared.replay {
            return None;
        }
        let (offset, limit) = window(self.cursor.top, self.cursor.height);
        let ask = Ask::Log {
            filter: self.wanted(shared),
            offset: (!self.follows).then_some(offset),
            limit,
        };
        // Not every line is a notice: some may have come at any time.
        let (snapshot, answers) = (&shared.snapshot, shared.answers);
        let version = snapshot.elapsed.as_secs() + snapshot.notices_total;
        Some((ask, version ^ answers << 48))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, shared: &mut Shared) {
        let Told::Log(list) = told else {
            return;
        };
        match self.asked.asked() {
            Some(Ask::Log { filter, .. }) if *filter == self.wanted(shared) => self.list = list,
            // To another filter.
            _ => return,
        }
        self.settle(shared);
    }

    fn row(&mut self, _: &Shared) -> Option<String> {
        let row = self.at(self.cursor.at)?;
        let (word, _) = Theme::of(Name::Mono, true).level(row.level);
        let clock = time_of_day(row.at);
        Some([&clock, word, &row.target, &row.site, &row.text].join("\t"))
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.begin_again();
    }
}

/// The notices of a recording that pass.
fn recorded(shared: &Shared, filter: &LogFilter) -> LogList {
    let snapshot = &shared.snapshot;
    let kept = snapshot.notices.len() as u64;
    let first = snapshot.notices_total.saturating_sub(kept);
    let row = |(number, notice): (u64, &Notice)| LogRow {
        number,
        at: notice.at,
        level: notice.level,
        target: String::new(),
        site: site_of(notice, shared).to_owned(),
        text: notice.text.clone(),
    };
    let rows: Vec<LogRow> = (first..).zip(snapshot.notices.iter()).map(row).collect();
    let passing = rows.iter().filter(|row| filter.takes(row));
    LogList::part(passing, None, rows.len())
}

fn site_of<'a>(notice: &Notice, shared: &'a Shared) -> &'a str {
    notice.site.map_or("", |site| shared.site_name(site))
}

/// The last notices, as many as there is room for.
pub fn lines(pen: &mut Pen, area: Rect, notices: &[&Notice], shared: &Shared) {
    if notices.is_empty() {
        pen.put(area, area.x, area.y, "nothing yet", pen.theme.faint());
        return;
    }
    let from = notices.len().saturating_sub(usize::from(area.height));
    for (y, notice) in (area.y..area.bottom()).zip(&notices[from..]) {
        let shown = Line {
            at: notice.at,
            level: notice.level,
            target: "",
            site: site_of(notice, shared),
            text: &notice.text,
        };
        line(pen, area, y, &shown);
    }
}

/// What a line shows.
struct Line<'a> {
    at: u64,
    level: Level,
    target: &'a str,
    site: &'a str,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn of(row: &'a LogRow) -> Self {
        Self {
            at: row.at,
            level: row.level,
            target: &row.target,
            site: &row.site,
            text: &row.text,
        }
    }
}

fn line(pen: &mut Pen, area: Rect, y: u16, shown: &Line) {
    let (word, style) = pen.theme.level(shown.level);
    let target = match area.width >= WIDE && !shown.target.is_empty() {
        true => {
            let cut = text::cut_front(shown.target, TARGET, pen.theme.cut());
            format!("{cut:<TARGET$} ")
        }
        false => String::new(),
    };
    let site = match shown.site {
        "" => String::new(),
        name => format!("{name}: "),
    };
    let clock = format!("{} ", time_of_day(shown.at));
    let word = format!("{word:<5} ");
    let before: usize = [&clock, &word, &target, &site]
        .into_iter()
        .map(|part| text::width(part))
        .sum();
    let room = usize::from(area.width).saturating_sub(before);
    let words = text::cut_end(&text::clean(shown.text), room, pen.theme.cut());
    let (faint, strong) = (pen.theme.faint(), pen.theme.strong());
    pen.line(
        area,
        y,
        &[
            (&clock, faint),
            (&word, style),
            (&target, faint),
            (&site, strong),
            (&words, Style::new()),
        ],
    );
}
