//! The last notices, newest at the bottom.

use super::{Screen, steps};
use crate::bus::{Level, Notice};
use crate::monitor::Snapshot;
use crate::page::time::time_of_day;
use crate::tui::action::Action;
use crate::tui::draw::Pen;
use crate::tui::filter::Filter;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::text;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The screen.
#[derive(Debug)]
pub struct Log {
    level: Level,
    filter: Filter,
    /// Lines scrolled back from the newest.
    back: usize,
    /// Notices of the run when it was last drawn: what is scrolled to stays.
    seen: u64,
    height: usize,
}

impl Log {
    /// The screen, with every notice.
    pub fn new() -> Self {
        Self {
            level: Level::Info,
            filter: Filter::default(),
            back: 0,
            seen: 0,
            height: 1,
        }
    }

    fn chosen<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Notice> {
        let (level, site, filter) = self.filter.notices(snapshot);
        let level = level.unwrap_or(self.level);
        let passes = |notice: &&Notice| {
            notice.level >= level
                && (site.is_none() || notice.site == site)
                && filter.takes(&notice.text)
        };
        snapshot.notices.iter().filter(passes).collect()
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
        let notices = self.chosen(&shared.snapshot);
        self.height = usize::from(body.height).max(1);
        let new = shared.snapshot.notices_total.saturating_sub(self.seen);
        if self.back > 0 && self.seen > 0 {
            self.back += usize::try_from(new).unwrap_or(0);
        }
        self.seen = shared.snapshot.notices_total;
        self.back = self.back.min(notices.len().saturating_sub(self.height));
        lines(pen, body, &notices, shared, self.back);
        let (word, _) = pen.theme.level(self.level);
        let mut line = format!("{} notices, {word} and above", notices.len());
        if self.back > 0 {
            line.push_str(&format!("   {} newer below, G follows", self.back));
        }
        if !self.filter.0.is_empty() {
            line.push_str(&format!("   filter {}", self.filter.0));
        }
        let style = pen.theme.faint();
        pen.put(status, status.x, status.y, &line, style);
    }

    fn act(&mut self, action: Action, _: &mut Shared) -> Vec<Effect> {
        if action == Action::Level {
            self.level = match self.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
            self.back = 0;
        } else if let Some(by) = steps(action, self.height) {
            self.back = self.back.saturating_add_signed(-by.clamp(-10_000, 10_000));
        }
        Vec::new()
    }

    fn filter(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn filtered(&mut self, _: &Shared) {
        self.back = 0;
    }
}

/// As many notices as there is room for, `back` from the newest.
pub fn lines(pen: &mut Pen, area: Rect, notices: &[&Notice], shared: &Shared, back: usize) {
    if notices.is_empty() {
        let style = pen.theme.faint();
        pen.put(area, area.x, area.y, "nothing yet", style);
        return;
    }
    let end = notices.len() - back.min(notices.len());
    let from = end.saturating_sub(usize::from(area.height));
    for (y, notice) in (area.y..area.bottom()).zip(&notices[from..end]) {
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
}
