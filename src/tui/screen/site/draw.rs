//! How the screen is laid out, and its panes are drawn.

use super::Site;
use crate::monitor::SiteView;
use crate::tui::action::Action;
use crate::tui::draw::Pen;
use crate::tui::mouse::Hit;
use crate::tui::screen::figures;
use crate::tui::screen::panes::{self, Pane};
use crate::tui::state::Shared;
use crate::tui::table::Rows;
use crate::tui::text;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns from which all panes are shown at once.
const WIDE: u16 = 110;
/// Rows below the figures from which they are.
const TALL: u16 = 24;

impl Site {
    /// Draws the figures, and as many panes as there is room for.
    pub fn draw(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let Some(site) = shared.site(self.id).cloned() else {
            return;
        };
        let figures = figures::numbers(pen.theme, &site, area.width);
        let most = if area.height < 10 {
            2
        } else {
            usize::from(area.height) / 3
        };
        let mut y = area.y;
        for (line, style) in figures.iter().take(most) {
            let room = usize::from(area.width);
            let cut = text::cut_end(&text::clean(line), room, pen.theme.cut());
            pen.put(area, area.x, y, &cut, *style);
            y += 1;
        }
        let rest = Rect {
            y,
            height: area.bottom().saturating_sub(y),
            ..area
        };
        if rest.width >= WIDE && rest.height >= TALL {
            let side = 46;
            let left = rest.width - side;
            let low = rest.height * 2 / 5;
            let at = |x, y, width, height| Rect {
                x: rest.x + x,
                y: rest.y + y,
                width,
                height,
            };
            let upper = rest.height - low;
            let chart = rest.height / 2;
            // Where there are none they take no room, unless they are asked for.
            let traps = match self.detail.traps.len() {
                0 if self.pane != Pane::Traps => 0,
                // Borders, head and rows.
                traps => u16::try_from(traps + 3)
                    .unwrap_or(u16::MAX)
                    .clamp(4, rest.height / 4),
            };
            let sources = match self.detail.sources.len() {
                0 if self.pane != Pane::Sources => 0,
                sources => u16::try_from(sources + 3)
                    .unwrap_or(u16::MAX)
                    .clamp(4, rest.height / 5),
            };
            for (pane, place) in [
                (Pane::Sources, at(0, rest.height - sources, left, sources)),
                (Pane::Traps, at(left, rest.height - traps, side, traps)),
                (Pane::Workers, at(0, 0, left, upper)),
                (Pane::Hosts, at(0, upper, left, low - sources)),
                (Pane::Charts, at(left, 0, side, chart)),
                (
                    Pane::Rules,
                    at(left, chart, side, rest.height - chart - traps),
                ),
            ] {
                if place.height == 0 {
                    continue;
                }
                self.pane(pen, place, pane, &site, shared);
                // Rows of another pane than the cursor's: a click goes there first.
                if pane != self.pane {
                    pen.hit(place, Hit::Do(Action::PaneAt(pane as usize)));
                }
            }
            return;
        }
        if rest.height < 3 {
            return;
        }
        let mut x = rest.x;
        for pane in Pane::ALL {
            let style = if pane == self.pane {
                pen.theme.selected()
            } else {
                pen.theme.faint()
            };
            let word = format!(" {} ", pane.as_str());
            let end = pen.put(rest, x, rest.y, &word, style);
            let at = Rect {
                x,
                y: rest.y,
                width: end - x,
                height: 1,
            };
            pen.hit(at, Hit::Do(Action::PaneAt(pane as usize)));
            x = end + 1;
        }
        let under = Rect {
            y: rest.y + 1,
            height: rest.height - 1,
            ..rest
        };
        let below = match self.pane {
            Pane::Workers | Pane::Hosts if under.height >= 15 => 8,
            _ => 0,
        };
        let main = Rect {
            height: under.height - below,
            ..under
        };
        self.pane(pen, main, self.pane, &site, shared);
        if below > 0 {
            let low = Rect {
                y: main.bottom(),
                height: below,
                ..under
            };
            panes::charts(pen, low, &site);
        }
    }

    fn pane(&mut self, pen: &mut Pen, area: Rect, pane: Pane, site: &SiteView, shared: &Shared) {
        let theme = pen.theme;
        let focused = self.pane == pane;
        let mark = if focused { "> " } else { "" };
        let title = match pane {
            Pane::Charts => return panes::charts(pen, area, site),
            Pane::Workers => format!("{mark}workers {}", site.workers.len()),
            Pane::Hosts => format!("{mark}hosts {}", self.detail.hosts.len()),
            Pane::Rules => format!("{mark}rules and fields"),
            Pane::Traps => {
                let hint = if focused { ": T lifts" } else { "" };
                format!("{mark}traps {}{hint}", self.detail.traps.len())
            }
            Pane::Sources => {
                let failed = site.sources_failed > 0 && focused;
                let hint = if failed {
                    ": r asks a failed one again"
                } else {
                    ""
                };
                format!("{mark}sources {}{hint}", self.detail.sources.len())
            }
        };
        let inside = pen.panel(area, &title);
        let (workers, hosts) = self.settle(shared);
        match pane {
            Pane::Workers => {
                let at = shared.snapshot.at;
                self.workers.draw(
                    pen,
                    inside,
                    Rows {
                        cursor: &mut self.worker,
                        below_head: Vec::new(),
                        focused: focused && self.chosen,
                    },
                    |row, column| Some(panes::worker(theme, workers.get(row)?, at, column)),
                    |row| workers.get(row).map(|worker| worker.id),
                );
                if workers.is_empty() {
                    self.workers.note(pen, "no worker is there");
                }
            }
            Pane::Hosts => {
                self.hosts.draw(
                    pen,
                    inside,
                    Rows {
                        cursor: &mut self.host,
                        below_head: Vec::new(),
                        focused: focused && self.chosen,
                    },
                    |row, column| Some(panes::host(theme, hosts.get(row)?, column)),
                    |row| hosts.get(row).map(|host| host.origin.clone()),
                );
                if hosts.is_empty() {
                    let words = match self.asked.answered && self.asked.refused.is_none() {
                        true => "no host is known yet",
                        false => self.asked.words(),
                    };
                    self.hosts.note(pen, words);
                }
            }
            Pane::Rules => {
                let refused = self.asked.refused.as_deref();
                let lines = panes::rules(theme, site, &self.detail, refused);
                let height = usize::from(inside.height);
                self.top = self.top.min(lines.len().saturating_sub(height));
                for (y, pieces) in (inside.y..inside.bottom()).zip(lines.iter().skip(self.top)) {
                    let pieces: Vec<(&str, Style)> = pieces
                        .iter()
                        .map(|(text, style)| (text.as_str(), *style))
                        .collect();
                    pen.line(inside, y, &pieces);
                }
            }
            Pane::Traps => {
                let rows = &self.detail.traps;
                self.traps.draw(
                    pen,
                    inside,
                    Rows {
                        cursor: &mut self.trap,
                        below_head: Vec::new(),
                        focused: focused && self.chosen,
                    },
                    |row, column| Some(panes::trap(theme, rows.get(row)?, column)),
                    |row| rows.get(row).map(|trap| trap.shape.clone()),
                );
                if rows.is_empty() {
                    self.traps.note(pen, "no trap has left a link out");
                }
            }
            Pane::Sources => {
                let keys = self.source_keys();
                let rows = &self.detail.sources;
                self.sources.draw(
                    pen,
                    inside,
                    Rows {
                        cursor: &mut self.source,
                        below_head: Vec::new(),
                        focused: focused && self.chosen,
                    },
                    |row, column| Some(panes::source(theme, rows.get(row)?, column)),
                    |row| keys.get(row).cloned(),
                );
                if rows.is_empty() {
                    let words = match self.asked.answered && self.asked.refused.is_none() {
                        true => "no sitemap, list or API has been read",
                        false => self.asked.words(),
                    };
                    self.sources.note(pen, words);
                }
            }
            Pane::Charts => {}
        }
    }
}
