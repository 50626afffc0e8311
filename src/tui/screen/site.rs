//! One site: its figures and controls, and four panes: workers, hosts, charts,
//! rules.

use super::figures;
use super::panes::{self, Pane};
use super::{Screen, sorts, steps};
use crate::bus::{Ask, Command, Doing, HostRow, SiteDetail, SiteState, Target, Told, WorkerId};
use crate::monitor::{SiteView, WorkerView};
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::control::{pause_site, pause_worker};
use crate::tui::draw::Pen;
use crate::tui::list::Cursor;
use crate::tui::mouse::Hit;
use crate::tui::palette::Name;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::table::{Column, Rows, Table};
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns from which all panes are shown at once.
const WIDE: u16 = 110;
/// Rows below the figures from which they are.
const TALL: u16 = 24;

/// The screen.
#[derive(Debug)]
pub struct Site {
    id: SiteId,
    pane: Pane,
    /// Whether the operator has moved the cursor: until then keys mean the site.
    chosen: bool,
    workers: Table,
    worker: Cursor<WorkerId>,
    hosts: Table,
    host: Cursor<String>,
    /// First line of the rules.
    top: usize,
    detail: SiteDetail,
    asked: Asked,
}

impl Site {
    /// The screen of a site.
    pub fn new(id: SiteId) -> Self {
        let workers = vec![
            Column::number("#", 4, 0).sorting(),
            Column::text("STATE", 8, 0).sorting(),
            Column::number("FOR", 6, 1).sorting(),
            Column::text("URL", 14, 0).growing().wanting(30).sorting(),
        ];
        let hosts = vec![
            Column::text("HOST", 16, 0).growing().sorting(),
            Column::number("WAIT", 6, 1).sorting(),
            Column::number("OPEN", 5, 2).sorting(),
            Column::text("HELD", 20, 0).sorting(),
            Column::number("REST", 7, 3).sorting(),
            Column::text("ROBOTS", 12, 4).growing().sorting(),
        ];
        Self {
            id,
            pane: Pane::Workers,
            chosen: false,
            workers: Table::new(workers),
            worker: Cursor::default(),
            hosts: Table::new(hosts),
            host: Cursor::default(),
            top: 0,
            detail: SiteDetail::default(),
            asked: Asked::default(),
        }
    }

    fn settle(&mut self, shared: &Shared) -> (Vec<WorkerView>, Vec<HostRow>) {
        let mut workers: Vec<WorkerView> = shared
            .site(self.id)
            .map_or_else(Vec::new, |site| site.workers.clone());
        match self.workers.sorted_by() {
            Some("STATE") => workers.sort_by_key(|w| (doing_rank(&w.doing), w.id)),
            Some("FOR") => workers.sort_by_key(|w| w.since),
            Some("URL") => workers.sort_by(|a, b| url_of(a).cmp(url_of(b))),
            _ => {}
        }
        if self.workers.reverse {
            workers.reverse();
        }
        let ids = workers.iter().map(|worker| worker.id);
        self.worker.settle(0, ids, workers.len());
        let mut hosts = self.detail.hosts.clone();
        match self.hosts.sorted_by() {
            Some("HOST") => hosts.sort_by(|a, b| a.origin.cmp(&b.origin)),
            Some("WAIT") => hosts.sort_by_key(|host| std::cmp::Reverse(host.waiting)),
            Some("OPEN") => hosts.sort_by_key(|host| std::cmp::Reverse(host.in_flight)),
            Some("HELD") => hosts.sort_by(|a, b| held(a).cmp(&held(b))),
            Some("ROBOTS") => hosts.sort_by(|a, b| a.robots.cmp(&b.robots)),
            Some("REST") => hosts.sort_by_key(|host| std::cmp::Reverse(host.rest)),
            _ => {}
        }
        if self.hosts.reverse {
            hosts.reverse();
        }
        let ids = hosts.iter().map(|host| host.origin.clone());
        self.host.settle(0, ids, hosts.len());
        (workers, hosts)
    }

    fn pause(&mut self, site: &SiteView, shared: &Shared) -> Command {
        let (workers, hosts) = self.settle(shared);
        let worker = workers.get(self.worker.at);
        let host = hosts.get(self.host.at);
        match (self.pane, worker, host) {
            (Pane::Workers, Some(worker), _) if self.chosen && site.state != SiteState::Paused => {
                pause_worker(self.id, worker)
            }
            (Pane::Hosts, _, Some(host)) if self.chosen => {
                let target = Target::Host(self.id, panes::host_name(&host.origin).into());
                match host.paused {
                    true => Command::Resume(target),
                    false => Command::Pause(target),
                }
            }
            _ => pause_site(self.id, site),
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
                    let body = self.workers.body;
                    pen.put(body, body.x, body.y, "no worker is there", theme.faint());
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
                    let body = self.hosts.body;
                    pen.put(body, body.x, body.y, words, theme.faint());
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
            Pane::Charts => {}
        }
    }
}

/// What a worker is fetching; empty for nothing.
fn url_of(worker: &WorkerView) -> &str {
    match &worker.doing {
        Doing::Fetching(url) => url,
        _ => "",
    }
}

/// Hosts that are paused or held come first.
fn held(host: &HostRow) -> (bool, bool, &str) {
    (!host.paused, host.held.is_empty(), &host.held)
}

fn doing_rank(doing: &Doing) -> u8 {
    match doing {
        Doing::Fetching(_) => 0,
        Doing::Idle => 1,
        Doing::Paused => 2,
        Doing::Gone => 3,
    }
}

impl Screen for Site {
    fn view(&self) -> View {
        View::Site(self.id)
    }

    fn crumb(&self, shared: &Shared) -> String {
        shared.site_name(self.id).to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
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
            for (pane, place) in [
                (Pane::Workers, at(0, 0, left, upper)),
                (Pane::Hosts, at(0, upper, left, low)),
                (Pane::Charts, at(left, 0, side, chart)),
                (Pane::Rules, at(left, chart, side, rest.height - chart)),
            ] {
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

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        let Some(site) = shared.site(self.id).cloned() else {
            return Vec::new();
        };
        self.settle(shared);
        if let Some(table) = self.table()
            && sorts(action, table, shared)
        {
            self.settle(shared);
            return Vec::new();
        }
        match action {
            Action::Pause => {
                let command = self.pause(&site, shared);
                return submit(shared, command);
            }
            Action::PaneAt(at) => {
                self.pane = Pane::ALL.get(at).copied().unwrap_or(self.pane);
                self.chosen = false;
            }
            // From here on keys mean the row, not the site.
            Action::Enter => self.chosen = true,
            Action::Pane => {
                self.pane = self.pane.next();
                self.chosen = false;
            }
            action => {
                let height = match self.pane {
                    Pane::Hosts => self.host.height,
                    _ => self.worker.height,
                };
                if let Some(by) = steps(action, height) {
                    self.chosen = true;
                    match self.pane {
                        Pane::Workers => self.worker.step(by),
                        Pane::Hosts => self.host.step(by),
                        Pane::Rules => {
                            self.top = self.top.saturating_add_signed(by.clamp(-1000, 1000));
                        }
                        Pane::Charts => {}
                    }
                    self.settle(shared);
                }
            }
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let version = shared.snapshot.elapsed.as_secs() ^ shared.answers << 48;
        Some((Ask::Site(self.id), version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, shared: &mut Shared) {
        if let Told::Site(detail) = told {
            self.detail = detail.map(|detail| *detail).unwrap_or_default();
            let hosts = self.detail.hosts.iter();
            let names = hosts.map(|host| panes::host_name(&host.origin).to_owned());
            shared.hosts.insert(self.id, names.collect());
            self.settle(shared);
        }
    }

    fn clear(&mut self, _: &Shared) -> bool {
        std::mem::take(&mut self.chosen)
    }

    fn table(&mut self) -> Option<&mut Table> {
        match self.pane {
            Pane::Workers => Some(&mut self.workers),
            Pane::Hosts => Some(&mut self.hosts),
            Pane::Charts | Pane::Rules => None,
        }
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        Some(self.id)
    }

    fn url(&mut self, shared: &Shared) -> Option<String> {
        let (workers, hosts) = self.settle(shared);
        let worker = workers.get(self.worker.at);
        match (self.pane, self.chosen, worker) {
            (Pane::Workers, true, Some(worker)) => match &worker.doing {
                Doing::Fetching(url) => Some(url.to_string()),
                _ => None,
            },
            (Pane::Hosts, true, _) => hosts.get(self.host.at).map(|host| host.origin.clone()),
            _ => shared.site(self.id).map(|site| site.start.to_string()),
        }
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let (workers, hosts) = self.settle(shared);
        let theme = Theme::of(Name::Mono, true);
        let cells: Vec<String> = match self.pane {
            Pane::Workers => {
                let worker = workers.get(self.worker.at)?;
                let cell = |at| panes::worker(theme, worker, shared.snapshot.at, at).words();
                (0..self.workers.columns.len()).map(cell).collect()
            }
            Pane::Hosts => {
                let host = hosts.get(self.host.at)?;
                let cell = |at| panes::host(theme, host, at).words();
                (0..self.hosts.columns.len()).map(cell).collect()
            }
            Pane::Charts | Pane::Rules => return None,
        };
        Some(cells.join("\t"))
    }
}
