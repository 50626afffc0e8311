//! What the deck knows besides the snapshot: the screens, and what lies over
//! them. Each screen keeps its own state; what they share is [`Shared`].

use super::action::Place;
use super::dialog::Dialog;
use super::keymap::KeyMap;
use super::mouse::Hits;
pub use super::place::View;
use super::prompt::Prompt;
use super::screen::{self, Screen};
use super::stats::Stats;
use super::theme::Theme;
use crate::bus::{Answer, Ask, Command, SiteState, Told};
use crate::monitor::{SiteView, Snapshot};
use crate::page::SiteId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an answer stays on the screen.
const TOAST: Duration = Duration::from_secs(4);
/// How long a refusal is not written over by good news.
const REFUSAL: Duration = Duration::from_secs(2);
/// How long a change is believed before a picture shows it.
const BELIEVED: Duration = Duration::from_secs(1);

/// What an action wants done outside the deck.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a command.
    Send(Command),
    /// Send a command that changes nothing, and hand its answer to
    /// [`State::previewed`].
    Preview(Command),
    /// Ask; the answer goes to [`State::told`] with this number.
    Ask(u64, Ask),
    /// Put on the clipboard.
    Copy(String),
    /// Show a text in the operator's pager.
    Pager(Vec<u8>),
    /// Leave the deck.
    Leave,
    /// Leave the deck, and let the crawl go on.
    Detach,
    /// Stop the process until it is continued.
    Suspend,
    /// Catch the mouse, or leave it to the terminal.
    Mouse(bool),
}

/// An answer on the screen.
#[derive(Debug, Clone)]
pub struct Toast {
    /// Its words.
    pub text: String,
    /// Whether it is good.
    pub good: bool,
    /// Since when it is shown.
    pub since: Instant,
}

/// Controls of a site as the operator has just set them.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Workers.
    pub concurrency: u32,
    /// Time between two requests.
    pub delay: Duration,
    until: Instant,
}

/// What all screens see.
pub struct Shared {
    /// The picture on the screen.
    pub snapshot: Arc<Snapshot>,
    /// Whether the picture was frozen.
    pub frozen: bool,
    /// How things look.
    pub theme: Theme,
    /// The job's name.
    pub title: String,
    /// Whether commands are refused.
    pub readonly: bool,
    /// Whether leaving the deck leaves the crawl alone.
    pub attached: bool,
    /// Whether a recording is shown.
    pub replay: bool,
    /// Whether the operator has asked to stop.
    pub stopping: bool,
    /// What the deck measures of itself.
    pub stats: Stats,
    /// What the keys mean.
    pub keymap: Arc<KeyMap>,
    /// What a click means, by place, as last drawn.
    pub hits: Hits,
    /// Whether the mouse is caught.
    pub mouse: bool,
    /// The question over the screen.
    pub dialog: Option<Dialog>,
    /// The command line, while one is typed.
    pub prompt: Option<Prompt>,
    /// Lines that were typed before, the last one last.
    pub history: Vec<String>,
    /// The last answer.
    pub toast: Option<Toast>,
    /// Answers to commands so far.
    pub answers: u64,
    /// Hosts that the deck has heard of, for completion.
    pub hosts: HashMap<SiteId, Vec<String>>,
    /// Shapes of the traps of the site that was last looked at, for completion.
    pub shapes: Vec<String>,
    /// Names of failed sources that were last looked at, for completion.
    pub sources: Vec<String>,
    /// Controls that were just changed, by site.
    wanted: HashMap<SiteId, Wanted>,
    /// Where a screen asks to go.
    go: Vec<View>,
}

impl Shared {
    /// Shows an answer for a while.
    pub fn toast(&mut self, text: impl Into<String>, good: bool) {
        let since = Instant::now();
        let grave = |toast: &Toast| !toast.good && toast.since.elapsed() < REFUSAL;
        if good && self.toast.as_ref().is_some_and(grave) {
            return;
        }
        self.toast = Some(Toast {
            text: text.into(),
            good,
            since,
        });
    }

    /// Opens a screen over the current one.
    pub fn open(&mut self, view: View) {
        self.go.push(view);
    }

    /// A site.
    pub fn site(&self, id: SiteId) -> Option<&Arc<SiteView>> {
        self.snapshot.sites.get(id.index())
    }

    /// A site's name.
    pub fn site_name(&self, id: SiteId) -> &str {
        self.site(id).map_or("?", |site| &site.name)
    }

    /// Every site's name.
    pub fn names(&self) -> Vec<Arc<str>> {
        let sites = self.snapshot.sites.iter();
        sites.map(|site| site.name.clone()).collect()
    }

    /// A site's controls: as just set by a key, else as shown.
    pub fn controls(&self, id: SiteId) -> Option<Wanted> {
        let site = self.site(id)?;
        let now = Instant::now();
        let shown = Wanted {
            concurrency: site.controls.concurrency,
            delay: site.controls.delay,
            until: now + BELIEVED,
        };
        let set = self.wanted.get(&id).filter(|set| set.until > now);
        Some(set.map_or(shown, |set| Wanted {
            until: shown.until,
            ..*set
        }))
    }

    /// Believes a change before a picture shows it.
    pub fn believe(&mut self, id: SiteId, wanted: Wanted) {
        self.wanted.insert(id, wanted);
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

/// The state of the deck.
pub struct State {
    /// What all screens see.
    pub shared: Shared,
    /// The screens of each place, the current one last; empty where the
    /// operator has not been.
    pub tabs: [Vec<Box<dyn Screen>>; Place::ALL.len()],
    /// Which place the operator is at.
    pub place: Place,
    /// First line of the help, while it is shown.
    pub help: Option<usize>,
    /// Whether a filter is being typed.
    pub typing: bool,
    /// The number of the last question.
    asked: u64,
}

impl State {
    /// A deck that shows all sites.
    pub fn new(snapshot: Arc<Snapshot>, theme: Theme, title: String) -> Self {
        let mut state = Self {
            shared: Shared {
                snapshot,
                frozen: false,
                theme,
                title,
                readonly: false,
                attached: false,
                replay: false,
                stopping: false,
                stats: Stats::default(),
                keymap: Arc::default(),
                hits: Hits::default(),
                mouse: false,
                dialog: None,
                prompt: None,
                history: Vec::new(),
                toast: None,
                answers: 0,
                hosts: HashMap::new(),
                shapes: Vec::new(),
                sources: Vec::new(),
                wanted: HashMap::new(),
                go: Vec::new(),
            },
            tabs: Default::default(),
            place: Place::Sites,
            help: None,
            typing: false,
            asked: 0,
        };
        state.goto(Place::Sites);
        state
    }

    /// The screens from the first of this place to the current one.
    pub fn stack(&self) -> &[Box<dyn Screen>] {
        &self.tabs[self.place.index()]
    }

    /// The current screen, and what it sees.
    pub fn current(&mut self) -> (&mut dyn Screen, &mut Shared) {
        let place = self.place;
        let stack = &mut self.tabs[place.index()];
        if stack.is_empty() {
            stack.push(screen::open(&View::root(place)));
        }
        // Just made sure of.
        let last = stack.len() - 1;
        (stack[last].as_mut(), &mut self.shared)
    }

    /// Whether nothing lies over the screen and nothing is typed: keys mean
    /// what the key map says.
    pub fn is_free(&self) -> bool {
        let shared = &self.shared;
        let over = shared.dialog.is_some() || shared.prompt.is_some() || self.help.is_some();
        !over && !self.typing
    }

    /// What the current screen shows.
    pub fn view(&self) -> View {
        let last = self.stack().last();
        last.map_or_else(|| View::root(self.place), |screen| screen.view())
    }

    /// Goes to a place, where it was left; to its first screen where it is the
    /// current one.
    pub fn goto(&mut self, place: Place) {
        if self.place == place {
            self.tabs[place.index()].truncate(1);
        }
        self.place = place;
        self.typing = false;
        self.current();
    }

    /// Opens a screen over the current one.
    pub fn push(&mut self, view: &View) {
        self.current();
        self.tabs[self.place.index()].push(screen::open(view));
    }

    /// Out of the current screen; from the first of a place to all sites.
    pub fn pop(&mut self) {
        let stack = &mut self.tabs[self.place.index()];
        if stack.len() > 1 {
            stack.pop();
        } else {
            self.place = Place::Sites;
            self.current();
        }
    }

    /// Opens what a screen has asked for.
    pub fn follow(&mut self) {
        for view in std::mem::take(&mut self.shared.go) {
            self.push(&view);
        }
    }

    /// Takes a new picture, unless the display is frozen.
    pub fn update(&mut self, snapshot: Arc<Snapshot>) {
        if self.shared.frozen && snapshot.state == self.shared.snapshot.state {
            return;
        }
        self.shared.snapshot = snapshot;
    }

    /// What is to be done although no key was pressed: questions, an answer
    /// that has been shown for long enough. Whether the picture has changed.
    pub fn tick(&mut self, now: Instant) -> (Vec<Effect>, bool) {
        let mut effects = Vec::new();
        let shown = self.shared.toast.as_ref();
        let stale = shown.is_some_and(|toast| now >= toast.since + TOAST);
        if stale {
            self.shared.toast = None;
        }
        let number = self.asked + 1;
        let (screen, shared) = self.current();
        if let Some((ask, version)) = screen.question(shared)
            && let Some(asked) = screen.asked()
            && let Some(ask) = asked.next(ask, version, now, number)
        {
            self.asked = number;
            effects.push(Effect::Ask(number, ask));
        }
        (effects, stale)
    }

    /// When [`Self::tick`] has something to do, if nothing else happens.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        let toast = self.shared.toast.as_ref().map(|toast| toast.since + TOAST);
        let (screen, shared) = self.current();
        let question = screen.question(shared);
        let asked = question
            .and_then(|(_, version)| screen.asked().and_then(|asked| asked.due(version, now)));
        match (toast, asked) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Takes the answer to a question; one that nobody waits for is dropped.
    pub fn told(&mut self, number: u64, told: Told) {
        let now = Instant::now();
        for screen in self.tabs.iter_mut().flatten() {
            if !screen.asked().is_some_and(|asked| asked.hears(number, now)) {
                continue;
            }
            match told {
                Told::Refused(why) => {
                    if let Some(asked) = screen.asked() {
                        asked.refused = Some(why);
                    }
                }
                told => screen.told(told, &mut self.shared),
            }
            return;
        }
    }

    /// The question of this number could not be put.
    pub fn unasked(&mut self, number: u64) {
        let why = "the engine takes no questions any more, or is busy";
        self.told(number, Told::Refused(why.to_owned()));
    }

    /// Takes the answer to a command.
    pub fn answered(&mut self, answer: Answer) {
        self.shared.answers += 1;
        match answer {
            Answer::Done(text) => self.shared.toast(text, true),
            Answer::Refused(text) => self.shared.toast(text, false),
        }
    }

    /// Takes the answer to a [`Effect::Preview`], and asks whether to go on.
    pub fn previewed(&mut self, command: Command, answer: Answer) {
        super::submit::previewed(&mut self.shared, command, answer);
    }
}
