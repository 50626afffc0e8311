//! What the deck knows besides the snapshot: where the operator is, what is
//! selected, marked, filtered and asked. Selections are held by identity.

use super::keymap::KeyMap;
use super::keys::{Context, Place};
use super::mouse::Hits;
use super::stats::Stats;
use super::theme::Theme;
use crate::bus::{Command, Level, PageDetail, PageFilter, PageList, SiteState, WorkerId};
use crate::monitor::{SiteView, Snapshot};
use crate::page::{PageId, SiteId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an answer stays on the screen.
const TOAST: Duration = Duration::from_secs(4);

/// One screen; the operator is on the last of a stack of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All sites.
    Dashboard,
    /// One site.
    Site(SiteId),
    /// Failed pages.
    Failures,
    /// One failed page.
    Detail(PageId),
    /// Notices.
    Log,
}

impl View {
    /// The key context of the screen.
    pub fn context(self) -> Context {
        match self {
            Self::Dashboard => Context::Dashboard,
            Self::Site(_) => Context::Site,
            Self::Failures => Context::Failures,
            Self::Detail(_) => Context::Detail,
            Self::Log => Context::Log,
        }
    }
}

/// What the dashboard is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The order of the file.
    File,
    /// Name.
    Name,
    /// Pages finished.
    Done,
    /// Pages a second.
    Rate,
    /// Failed pages.
    Failed,
}

impl SortKey {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::File => Self::Name,
            Self::Name => Self::Done,
            Self::Done => Self::Rate,
            Self::Rate => Self::Failed,
            Self::Failed => Self::File,
        }
    }

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "order of the file",
            Self::Name => "name",
            Self::Done => "pages done",
            Self::Rate => "pages/s",
            Self::Failed => "failed pages",
        }
    }
}

/// A question over the screen that must be answered first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    /// Whether to leave.
    Quit,
    /// Whether to send all these round again.
    RetryAll(PageFilter, u64),
}

/// A filter: text, with a leading `!` inverting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(pub String);

impl Filter {
    /// The text and whether it is inverted.
    pub fn parts(&self) -> (&str, bool) {
        match self.0.strip_prefix('!') {
            Some(text) => (text, true),
            None => (&self.0, false),
        }
    }

    /// Whether a text passes.
    pub fn takes(&self, text: &str) -> bool {
        let (wanted, invert) = self.parts();
        let found = text
            .to_ascii_lowercase()
            .contains(&wanted.to_ascii_lowercase());
        wanted.is_empty() || found != invert
    }
}

/// The list of failed pages.
#[derive(Debug, Default)]
pub struct Failures {
    /// Which are listed.
    pub filter: PageFilter,
    /// The filter as it was typed.
    pub typed: Filter,
    /// The last answer.
    pub list: PageList,
    /// The first row wanted.
    pub top: u64,
    /// The row the cursor is on, counted from `top`.
    pub row: usize,
    /// The page the cursor is on.
    pub selected: Option<PageId>,
    /// Marked pages.
    pub marks: HashSet<PageId>,
    /// Whether an answer is awaited.
    pub asked: bool,
    /// Whether the list must be asked for again.
    pub stale: bool,
}

/// The state of the deck.
pub struct State {
    /// The picture on the screen.
    pub snapshot: Arc<Snapshot>,
    /// The picture that was frozen, while it is.
    pub frozen: bool,
    /// The screens, the current one last.
    pub stack: Vec<View>,
    /// How things look.
    pub theme: Theme,
    /// The job's name.
    pub title: String,
    /// The site under the cursor.
    pub site: Option<SiteId>,
    /// First row of the dashboard.
    pub site_top: usize,
    /// The dashboard's filter.
    pub site_filter: Filter,
    /// The dashboard's order.
    pub sort: SortKey,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// The worker under the cursor.
    pub worker: Option<WorkerId>,
    /// First row of the workers.
    pub worker_top: usize,
    /// The list of failed pages.
    pub failures: Failures,
    /// The page that is shown whole.
    pub detail: Option<Box<PageDetail>>,
    /// First line of it.
    pub detail_top: usize,
    /// The least level of notices shown.
    pub level: Level,
    /// The log's filter.
    pub log_filter: Filter,
    /// Lines scrolled back from the newest notice.
    pub log_back: usize,
    /// First line of the help, while it is shown.
    pub help: Option<usize>,
    /// The question over the screen.
    pub dialog: Option<Dialog>,
    /// Whether a filter is being typed.
    pub typing: bool,
    /// The last answer, whether it is good, and until when it is shown.
    pub toast: Option<(String, bool, Instant)>,
    /// Controls that were just changed, by site, and until when that counts more
    /// than a picture that may be older than the key.
    pub wanted: HashMap<SiteId, Wanted>,
    /// Whether the operator has asked to stop.
    pub stopping: bool,
    /// Rows of the list on the screen, as last drawn.
    pub rows: usize,
    /// Whether leaving the deck leaves the crawl alone.
    pub attached: bool,
    /// What the keys mean.
    pub keymap: Arc<KeyMap>,
    /// What a click means, by place, as last drawn.
    pub hits: Hits,
    /// Whether the mouse is caught.
    pub mouse: bool,
    /// What the deck itself costs.
    pub stats: Stats,
}

/// How long a change is believed before a picture shows it.
const BELIEVED: Duration = Duration::from_secs(1);

/// Controls of a site as the operator has just set them.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Workers.
    pub concurrency: u32,
    /// Time between two requests.
    pub delay: Duration,
    until: Instant,
}

/// What an action wants done outside the deck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a command.
    Send(Command),
    /// Ask for a page.
    Ask(PageId),
    /// Put on the clipboard.
    Copy(String),
    /// Leave the deck.
    Leave,
    /// Leave the deck, and let the crawl go on.
    Detach,
    /// Stop the process until it is continued.
    Suspend,
    /// Catch the mouse, or leave it to the terminal.
    Mouse(bool),
}

impl State {
    /// A deck that shows the dashboard.
    pub fn new(snapshot: Arc<Snapshot>, theme: Theme, title: String) -> Self {
        Self {
            snapshot,
            frozen: false,
            stack: vec![View::Dashboard],
            theme,
            title,
            site: None,
            site_top: 0,
            site_filter: Filter::default(),
            sort: SortKey::File,
            reverse: false,
            worker: None,
            worker_top: 0,
            failures: Failures {
                stale: true,
                ..Failures::default()
            },
            detail: None,
            detail_top: 0,
            level: Level::Info,
            log_filter: Filter::default(),
            log_back: 0,
            help: None,
            dialog: None,
            typing: false,
            toast: None,
            wanted: HashMap::new(),
            stopping: false,
            rows: 1,
            attached: false,
            keymap: Arc::default(),
            hits: Hits::default(),
            mouse: false,
            stats: Stats::default(),
        }
    }

    /// The current screen.
    pub fn view(&self) -> View {
        self.stack.last().copied().unwrap_or(View::Dashboard)
    }

    /// Goes to a screen, the dashboard below it.
    pub fn goto(&mut self, place: Place) {
        self.stack.truncate(1);
        match place {
            Place::Dashboard => {}
            Place::Failures => {
                self.failures.stale = true;
                self.stack.push(View::Failures);
            }
            Place::Log => self.stack.push(View::Log),
        }
    }

    /// Takes a new picture, unless the display is frozen.
    pub fn update(&mut self, snapshot: Arc<Snapshot>) {
        if self.frozen && snapshot.state == self.snapshot.state {
            return;
        }
        if snapshot.totals.pages.failed != self.snapshot.totals.pages.failed {
            self.failures.stale = true;
        }
        self.snapshot = snapshot;
    }

    /// The sites as they are listed: filtered and sorted.
    pub fn sites(&self) -> Vec<(SiteId, &Arc<SiteView>)> {
        let mut sites: Vec<(SiteId, &Arc<SiteView>)> = self
            .snapshot
            .sites
            .iter()
            .enumerate()
            .map(|(n, site)| (SiteId(u32::try_from(n).unwrap_or(u32::MAX)), site))
            .filter(|(_, site)| self.site_filter.takes(&site.name))
            .collect();
        match self.sort {
            SortKey::File => {}
            SortKey::Name => sites.sort_by(|a, b| a.1.name.cmp(&b.1.name)),
            SortKey::Done => sites.sort_by_key(|(_, site)| std::cmp::Reverse(site.pages.over())),
            SortKey::Rate => sites.sort_by(|a, b| {
                b.1.throughput
                    .pages_10s
                    .total_cmp(&a.1.throughput.pages_10s)
            }),
            SortKey::Failed => sites.sort_by_key(|(_, site)| std::cmp::Reverse(site.pages.failed)),
        }
        if self.reverse {
            sites.reverse();
        }
        sites
    }

    /// The site that keys act on: the one that is open, else the one under the
    /// cursor.
    pub fn current_site(&self) -> Option<(SiteId, &Arc<SiteView>)> {
        if let View::Site(id) = self.view() {
            return self.snapshot.sites.get(id.index()).map(|site| (id, site));
        }
        let sites = self.sites();
        let found = self
            .site
            .and_then(|id| sites.iter().find(|(at, _)| *at == id));
        found.or(sites.first()).copied()
    }

    /// The current site's controls: as just set by a key, else as shown.
    pub fn controls(&self) -> Option<(SiteId, Wanted)> {
        let (id, site) = self.current_site()?;
        let shown = Wanted {
            concurrency: site.controls.concurrency,
            delay: site.controls.delay,
            until: Instant::now() + BELIEVED,
        };
        let set = self
            .wanted
            .get(&id)
            .filter(|set| set.until > Instant::now())
            .map(|set| Wanted {
                until: shown.until,
                ..*set
            });
        Some((id, set.unwrap_or(shown)))
    }

    /// Shows an answer for a while.
    pub fn toast(&mut self, text: String, good: bool) {
        self.toast = Some((text, good, Instant::now() + TOAST));
    }

    /// Whether every site that is not over is paused.
    pub fn all_paused(&self) -> bool {
        let mut open = self
            .snapshot
            .sites
            .iter()
            .filter(|site| !site.state.is_over())
            .peekable();
        open.peek().is_some() && open.all(|site| site.state == SiteState::Paused)
    }
}
