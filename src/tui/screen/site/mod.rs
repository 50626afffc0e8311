//! One site: its figures and controls, and its panes: workers, hosts, charts,
//! rules, traps, sources.

mod draw;
mod rows;

use super::panes::{self, Pane};
use super::sources::{self, SourceKey};
use super::{Screen, sorts, steps};
use crate::bus::{
    Ask, Command, Doing, SiteDetail, SiteState, SourceRow, SourceState, Target, Told, WorkerId,
};
use crate::monitor::SiteView;
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::control::{pause_site, pause_worker};
use crate::tui::draw::Pen;
use crate::tui::list::Cursor;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::table::{Column, Table};
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Instant;

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
    traps: Table,
    trap: Cursor<String>,
    sources: Table,
    source: Cursor<SourceKey>,
    /// The source that the cursor is to be on, until it is known.
    wanted: Option<String>,
    /// First line of the rules.
    top: usize,
    detail: SiteDetail,
    asked: Asked,
    /// Since when it is shown.
    since: Instant,
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
            traps: Table::new(vec![
                Column::text("SHAPE", 16, 0).growing(),
                Column::text("KIND", 19, 1),
                Column::number("TAKEN", 6, 0),
                Column::number("LEFT OUT", 8, 0),
            ]),
            trap: Cursor::default(),
            sources: Table::new(vec![
                Column::text("STATE", 7, 0),
                Column::text("KIND", 7, 4),
                Column::text("SOURCE", 14, 0).growing(),
                Column::number("READ", 6, 3),
                Column::number("URLS", 6, 2),
                Column::number("BAD", 5, 1),
                Column::text("PROBLEM", 16, 0).growing(),
            ]),
            source: Cursor::default(),
            wanted: None,
            since: Instant::now(),
            top: 0,
            detail: SiteDetail::default(),
            asked: Asked::default(),
        }
    }

    /// The screen of a site at its sources, the cursor on the one of this name.
    pub fn at_sources(id: SiteId, name: Option<String>) -> Self {
        Self {
            pane: Pane::Sources,
            chosen: true,
            wanted: name,
            ..Self::new(id)
        }
    }

    /// Asks the failed source under the cursor again.
    fn retry(&self, shared: &mut Shared) -> Vec<Effect> {
        let source = self.detail.sources.get(self.source.at);
        let source = source.filter(|_| self.pane == Pane::Sources);
        let words = match source.map(|source| source.state) {
            Some(SourceState::Failed) => {
                let command = source.map(|source| sources::retry(self.id, source));
                return command.map_or_else(Vec::new, |command| submit(shared, command));
            }
            Some(_) => "this source has not failed",
            None => "r asks a failed source again: choose it in the pane of sources (e)",
        };
        shared.toast(words, false);
        Vec::new()
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
}

impl Screen for Site {
    fn view(&self) -> View {
        View::Site(self.id)
    }

    fn crumb(&self, shared: &Shared) -> String {
        shared.site_name(self.id).to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        self.draw(pen, area, shared);
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
            Action::Lift => {
                if let Some(trap) = self.detail.traps.get(self.trap.at) {
                    let command = Command::Lift {
                        site: self.id,
                        shape: trap.shape.clone(),
                        lifted: !trap.lifted,
                    };
                    return submit(shared, command);
                }
            }
            Action::Retry => return self.retry(shared),
            Action::RetryAll => {
                let (site, name) = (Some(self.id), None);
                return submit(shared, Command::RetrySources { site, name });
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
                    Pane::Traps => self.trap.height,
                    Pane::Sources => self.source.height,
                    _ => self.worker.height,
                };
                if let Some(by) = steps(action, height) {
                    self.chosen = true;
                    match self.pane {
                        Pane::Workers => self.worker.step(by),
                        Pane::Hosts => self.host.step(by),
                        Pane::Traps => self.trap.step(by),
                        Pane::Sources => self.source.step(by),
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
        // A picture that rests stands, though what is told may not be all yet.
        let rows = &self.detail.sources;
        let unsettled = |site: &Arc<SiteView>| sources::is_unsettled(site, rows);
        let clock = match !shared.replay && shared.site(self.id).is_some_and(unsettled) {
            true => self.since.elapsed().as_secs(),
            false => 0,
        };
        let version = shared.snapshot.elapsed.as_secs() ^ clock << 32 ^ shared.answers << 48;
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
            let shapes = self.detail.traps.iter().map(|trap| trap.shape.clone());
            shared.shapes = shapes.collect();
            let failed = |row: &&SourceRow| row.state == SourceState::Failed;
            let failed = self.detail.sources.iter().filter(failed);
            shared.sources = failed.map(|row| row.name.clone()).collect();
            self.settle(shared);
            if let Some(name) = self.wanted.take() {
                let mut rows = self.detail.sources.iter();
                let at = rows.position(|row| row.name == name).unwrap_or(0);
                let by = isize::try_from(at).unwrap_or(0);
                self.source.rewind();
                self.source.step(by);
            }
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
            Pane::Traps => Some(&mut self.traps),
            Pane::Sources => Some(&mut self.sources),
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
            (Pane::Traps, _, _) => self
                .detail
                .traps
                .get(self.trap.at)
                .map(|trap| trap.shape.clone()),
            (Pane::Sources, true, _) => {
                let source = self.detail.sources.get(self.source.at);
                source.map(|source| source.name.clone())
            }
            (Pane::Hosts, true, _) => hosts.get(self.host.at).map(|host| host.origin.clone()),
            _ => shared.site(self.id).map(|site| site.start.to_string()),
        }
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let (workers, hosts) = self.settle(shared);
        match self.pane {
            Pane::Workers => {
                let worker = workers.get(self.worker.at)?;
                let cell = |theme, at| panes::worker(theme, worker, shared.snapshot.at, at);
                Some(self.workers.row(cell))
            }
            Pane::Hosts => {
                let host = hosts.get(self.host.at)?;
                Some(self.hosts.row(|theme, at| panes::host(theme, host, at)))
            }
            Pane::Traps => {
                let trap = self.detail.traps.get(self.trap.at)?;
                Some(self.traps.row(|theme, at| panes::trap(theme, trap, at)))
            }
            Pane::Sources => {
                let source = self.detail.sources.get(self.source.at)?;
                let cell = |theme, at| panes::source(theme, source, at);
                Some(self.sources.row(cell))
            }
            Pane::Charts | Pane::Rules => None,
        }
    }
}
