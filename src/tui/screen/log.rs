//! The last notices, newest at the bottom.

use super::{Screen, steps};
use crate::bus::{Level, Notice};
use crate::monitor::Snapshot;
use crate::page::time::time_of_day;
use crate::tui::action::Action;
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

/// What stands there while there is none.
const NOTHING: &str = "nothing yet";

/// The screen.
#[derive(Debug)]
pub struct Log {
    level: Level,
    filter: Filter,
    /// Notices are known by their numbers in the run.
    cursor: Cursor<u64>,
    /// Whether the cursor stays on the newest.
    follows: bool,
}

impl Log {
    /// The screen, with every notice.
    pub fn new() -> Self {
        Self {
            level: Level::Info,
            filter: Filter::default(),
            cursor: Cursor::default(),
            follows: true,
        }
    }

    /// The notices that are shown, with their numbers; the cursor knows them then.
    fn settle<'a>(&mut self, snapshot: &'a Snapshot) -> Vec<(u64, &'a Notice)> {
        let (level, site, filter) = self.filter.notices(snapshot);
        let level = level.unwrap_or(self.level);
        let kept = snapshot.notices.len() as u64;
        let first = snapshot.notices_total.saturating_sub(kept);
        let passes = |(_, notice): &(u64, &Notice)| {
            notice.level >= level
                && (site.is_none() || notice.site == site)
                && filter.takes(&notice.text)
        };
        let numbered = (first..).zip(snapshot.notices.iter());
        let shown: Vec<(u64, &Notice)> = numbered.filter(passes).collect();
        let ids = || shown.iter().map(|(number, _)| *number);
        self.cursor.settle(0, ids(), shown.len());
        if self.follows {
            self.cursor.step(isize::MAX / 2);
            self.cursor.settle(0, ids(), shown.len());
        }
        shown
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
        let (body, status) = super::status_line(area);
        self.cursor.resize(usize::from(body.height));
        let shown = self.settle(&shared.snapshot);
        let cursor = &self.cursor;
        if shown.is_empty() {
            pen.put(body, body.x, body.y, NOTHING, pen.theme.faint());
        }
        for (y, row) in (body.y..body.bottom()).zip(cursor.top..shown.len()) {
            line(pen, body, y, shown[row].1, shared);
            let by = i32::try_from(row).unwrap_or(0) - i32::try_from(cursor.at).unwrap_or(0);
            pen.hit_line(body, y, Hit::Row(by));
            if row == cursor.at {
                pen.highlight(body, y, pen.theme.selected());
            }
        }
        let (word, _) = pen.theme.level(self.level);
        let mut words = format!("{} notices, {word} and above", shown.len());
        let newer = shown.len().saturating_sub(cursor.at + 1);
        if newer > 0 {
            words.push_str(&format!("   {newer} newer below, G follows"));
        }
        if !self.filter.0.is_empty() {
            words.push_str(&format!("   filter {}", self.filter.0));
        }
        let style = pen.theme.faint();
        pen.put(status, status.x, status.y, &words, style);
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        if action == Action::Level {
            self.level = match self.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
            self.follows = true;
        } else if let Some(by) = steps(action, self.cursor.height) {
            self.settle(&shared.snapshot);
            self.cursor.step(by);
            self.follows = self.cursor.at + 1 >= self.cursor.total;
            self.settle(&shared.snapshot);
        }
        Vec::new()
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let shown = self.settle(&shared.snapshot);
        let (_, notice) = shown.get(self.cursor.at)?;
        let (word, _) = Theme::of(Name::Mono, true).level(notice.level);
        let site = notice.site.map_or("", |site| shared.site_name(site));
        let clock = time_of_day(notice.at);
        Some([&clock, word, site, &notice.text].join("\t"))
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.follows = true;
    }
}

/// The last notices, as many as there is room for.
pub fn lines(pen: &mut Pen, area: Rect, notices: &[&Notice], shared: &Shared) {
    if notices.is_empty() {
        pen.put(area, area.x, area.y, NOTHING, pen.theme.faint());
        return;
    }
    let from = notices.len().saturating_sub(usize::from(area.height));
    for (y, notice) in (area.y..area.bottom()).zip(&notices[from..]) {
        line(pen, area, y, notice, shared);
    }
}

fn line(pen: &mut Pen, area: Rect, y: u16, notice: &Notice, shared: &Shared) {
    let (word, style) = pen.theme.level(notice.level);
    let site = notice
        .site
        .map(|site| format!("{}: ", shared.site_name(site)))
        .unwrap_or_default();
    let clock = format!("{} ", time_of_day(notice.at));
    let word = format!("{word:<5} ");
    let before = text::width(&clock) + text::width(&word) + text::width(&site);
    let room = usize::from(area.width).saturating_sub(before);
    let words = text::cut_end(&text::clean(&notice.text), room, pen.theme.cut());
    let (faint, strong) = (pen.theme.faint(), pen.theme.strong());
    pen.line(
        area,
        y,
        &[
            (&clock, faint),
            (&word, style),
            (&site, strong),
            (&words, Style::new()),
        ],
    );
}
