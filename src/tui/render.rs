//! The render thread: one loop over one channel.

use super::act;
use super::draw::Pen;
use super::input::{self, Input};
use super::replay;
use super::state::{Effect, State, View};
use super::terminal::{Canvas, Screen};
use super::view;
use super::{Deck, Left};
use crate::bus::{
    Answer, Ask, Controls, Origin, PageDetail, PageList, PageOrder, Query, Reply, Request, Told,
    Transport,
};
use crate::monitor::Snapshot;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crossterm::event::KeyEvent;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpid, getsid, kill_current_process_group};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Room in the render thread's channel.
const INBOX: usize = 1024;
/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// Longest wait while there is nothing to do.
const IDLE: Duration = Duration::from_secs(3600);

/// What reaches the render thread.
enum Message {
    Input(Input),
    /// There is a new picture.
    Snapshot,
    /// The terminal has taken a frame.
    Written,
    Answer(Answer),
    Failures(PageList),
    Page(Option<Box<PageDetail>>),
    Close,
}

/// The deck's threads.
pub struct Threads {
    inbox: Sender<Message>,
    closing: Arc<AtomicBool>,
    render: Option<JoinHandle<()>>,
    watcher: tokio::task::JoinHandle<()>,
}

impl Threads {
    /// Ends them and gives the terminal back.
    pub fn close(&mut self) {
        self.closing.store(true, Ordering::Release);
        self.watcher.abort();
        if let Some(render) = self.render.take() {
            // A full inbox is being drained: the thread looks at `closing` too.
            let _ = self.inbox.try_send(Message::Close);
            let _ = render.join();
        }
    }
}

/// Starts the threads; `left` is told when the operator leaves.
///
/// # Errors
/// Where the terminal cannot be taken, or a thread cannot be had.
pub fn start(deck: Deck, left: oneshot::Sender<Left>) -> io::Result<Threads> {
    // The theme does without colours by itself; crossterm's own way of it would
    // undo reverse video.
    crossterm::style::force_color_output(true);
    let (inbox, messages) = bounded(INBOX);
    let closing = Arc::new(AtomicBool::new(false));
    let resting = Arc::new(AtomicBool::new(false));
    let written = inbox.clone();
    let screen = Screen::take(move || {
        let _ = written.try_send(Message::Written);
    })?;
    let keys = inbox.clone();
    input::start(closing.clone(), resting.clone(), move |input| {
        let _ = keys.send(Message::Input(input));
    })?;
    let watcher = tokio::spawn(watch(deck.snapshots.clone(), inbox.clone()));
    let theme = deck.options.theme();
    let snapshot = deck.snapshots.borrow().clone();
    let mut state = State::new(snapshot, theme, deck.options.title);
    state.attached = deck.options.attached;
    let painter = Painter {
        state,
        replay: deck.options.replay,
        snapshots: deck.snapshots,
        controls: deck.controls,
        inbox: inbox.clone(),
        screen,
        closing: closing.clone(),
        resting,
        left: Some(left),
        dirty: true,
        drawn_at: None,
    };
    let render = thread::Builder::new()
        .name("deck".to_owned())
        .spawn(move || painter.run(&messages))?;
    Ok(Threads {
        inbox,
        closing,
        render: Some(render),
        watcher,
    })
}

/// Wakes the render thread for each new picture; a full channel has woken it.
async fn watch(mut snapshots: watch::Receiver<Arc<Snapshot>>, inbox: Sender<Message>) {
    while snapshots.changed().await.is_ok() {
        let _ = inbox.try_send(Message::Snapshot);
    }
}

type Drawn = Terminal<CrosstermBackend<Canvas>>;

struct Painter {
    state: State,
    /// The hold on the player of a recording.
    replay: Option<Transport>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    controls: Controls,
    inbox: Sender<Message>,
    screen: Screen,
    closing: Arc<AtomicBool>,
    resting: Arc<AtomicBool>,
    left: Option<oneshot::Sender<Left>>,
    dirty: bool,
    drawn_at: Option<Instant>,
}

impl Painter {
    fn run(mut self, messages: &Receiver<Message>) {
        let canvas = Canvas::default();
        let mut terminal: Option<Drawn> = None;
        while !self.closing.load(Ordering::Acquire) {
            match messages.recv_timeout(self.patience()) {
                Ok(message) => self.hear(message, &mut terminal),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(message) = messages.try_recv() {
                self.hear(message, &mut terminal);
            }
            self.ask_for_failures();
            if let Some((_, _, until)) = &self.state.toast
                && *until <= Instant::now()
            {
                self.state.toast = None;
                self.dirty = true;
            }
            if self.screen.is_ready() && self.dirty && self.frame_is_due() {
                self.paint(&canvas, &mut terminal);
            }
            if self.screen.is_gone() {
                self.leave(Left::TerminalGone);
            }
        }
        self.screen.leave();
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Duration {
        let frame = match self.drawn_at {
            Some(at) if self.dirty => FRAME.saturating_sub(at.elapsed()),
            _ => IDLE,
        };
        let toast = self.state.toast.as_ref().map_or(IDLE, |(_, _, until)| {
            until.saturating_duration_since(Instant::now())
        });
        frame.min(toast).max(Duration::from_millis(1))
    }

    fn frame_is_due(&self) -> bool {
        self.drawn_at.is_none_or(|at| at.elapsed() >= FRAME)
    }

    /// In a replay, whether a key was the player's.
    fn steered(&mut self, key: KeyEvent) -> bool {
        let Some(transport) = &self.replay else {
            return false;
        };
        let free = self.state.dialog.is_none() && !self.state.typing && self.state.help.is_none();
        let Some(order) = replay::order(key).filter(|_| free) else {
            return false;
        };
        let words = replay::words(order, transport.playing());
        transport.send(order);
        // A full inbox loses the words, not the order.
        let _ = self.inbox.try_send(Message::Answer(Answer::Done(words)));
        true
    }

    fn hear(&mut self, message: Message, terminal: &mut Option<Drawn>) {
        match message {
            Message::Written => return,
            Message::Close => self.closing.store(true, Ordering::Release),
            Message::Snapshot => {
                let snapshot = self.snapshots.borrow_and_update().clone();
                self.state.update(snapshot);
            }
            Message::Input(Input::Gone) => self.leave(Left::TerminalGone),
            // The terminal may hold anything now: it is painted from nothing.
            Message::Input(Input::Resize) => *terminal = None,
            Message::Input(Input::Key(key)) => {
                if self.steered(key) {
                    return;
                }
                for effect in act::key(&mut self.state, key) {
                    self.effect(effect, terminal);
                }
            }
            Message::Answer(Answer::Done(text)) => self.state.toast(text, true),
            Message::Answer(Answer::Refused(text)) => self.state.toast(text, false),
            Message::Failures(list) => self.listed(list),
            Message::Page(page) => {
                if let Some(page) = page
                    && self.state.view() == View::Detail(page.id)
                {
                    self.state.detail = Some(page);
                }
            }
        }
        self.dirty = true;
    }

    fn effect(&mut self, effect: Effect, terminal: &mut Option<Drawn>) {
        match effect {
            Effect::Send(command) => {
                let inbox = self.inbox.clone();
                let request = Request {
                    command,
                    origin: Origin::Deck,
                    reply: Reply::call(move |answer| {
                        let _ = inbox.try_send(Message::Answer(answer));
                    }),
                };
                if self.controls.commands.try_send(request).is_err() {
                    let text = "the engine takes no commands any more, or is busy";
                    self.state.toast(text.to_owned(), false);
                }
            }
            Effect::Ask(id) => {
                let inbox = self.inbox.clone();
                let reply = Reply::call(move |told| {
                    if let Told::Page(page) = told {
                        let _ = inbox.try_send(Message::Page(page));
                    }
                });
                // An engine that has ended answers no more; the screen says so.
                let ask = Ask::Page(id);
                let _ = self.controls.queries.try_send(Query { ask, reply });
            }
            Effect::Copy(text) => self.screen.copy(&text),
            Effect::Leave => self.leave(Left::Quit),
            Effect::Detach => self.leave(Left::Detached),
            Effect::Suspend => self.suspend(terminal),
        }
    }

    /// Tells that the deck is left; the terminal is given back on closing.
    fn leave(&mut self, how: Left) {
        if let Some(left) = self.left.take() {
            let _ = left.send(how);
        }
        if how == Left::TerminalGone {
            self.closing.store(true, Ordering::Release);
        }
    }

    fn suspend(&mut self, terminal: &mut Option<Drawn>) {
        // A session leader has no shell above it that could continue it.
        if getsid(None).is_ok_and(|session| session == getpid()) {
            self.state.toast("no shell to go back to".to_owned(), false);
            return;
        }
        self.resting.store(true, Ordering::Release);
        self.screen.leave();
        let _ = kill_current_process_group(Signal::TSTP);
        // Here after the shell's `fg`.
        if self.screen.enter().is_err() {
            self.leave(Left::TerminalGone);
        }
        self.resting.store(false, Ordering::Release);
        *terminal = None;
    }

    /// Asks for the screenful of failures that is to be shown, one question at
    /// a time.
    fn ask_for_failures(&mut self) {
        let rows = self.state.rows;
        let view = self.state.view();
        let failures = &mut self.state.failures;
        if view != View::Failures || !failures.stale || failures.asked {
            return;
        }
        let inbox = self.inbox.clone();
        let query = Query {
            ask: Ask::Pages {
                filter: failures.filter.clone(),
                order: PageOrder::Newest,
                offset: failures.top,
                limit: rows.max(60),
            },
            reply: Reply::call(move |told| {
                if let Told::Pages(list) = told {
                    let _ = inbox.try_send(Message::Failures(list));
                }
            }),
        };
        if self.controls.queries.try_send(query).is_ok() {
            failures.asked = true;
            failures.stale = false;
        }
    }

    fn listed(&mut self, list: PageList) {
        let failures = &mut self.state.failures;
        failures.asked = false;
        if list.offset != failures.top && list.total > 0 {
            failures.stale = true;
            return;
        }
        if list.rows.is_empty() && list.total > 0 {
            failures.top = 0;
            failures.stale = true;
        }
        // The cursor stays on its page when rows move under it.
        let at = failures
            .selected
            .and_then(|id| list.rows.iter().position(|row| row.id == id));
        failures.row = at
            .unwrap_or(failures.row)
            .min(list.rows.len().saturating_sub(1));
        failures.row = failures.row.min(self.state.rows.saturating_sub(1));
        failures.selected = list.rows.get(failures.row).map(|row| row.id);
        failures.list = list;
    }

    fn paint(&mut self, canvas: &Canvas, terminal: &mut Option<Drawn>) {
        // A terminal that is gone, or of no size, has no room for a frame.
        let size = crossterm::terminal::size().unwrap_or((0, 0));
        if size.0 == 0 || size.1 == 0 {
            self.drawn_at = Some(Instant::now());
            return;
        }
        let mut clear = false;
        if terminal.is_none() {
            clear = true;
            *terminal = Terminal::new(CrosstermBackend::new(canvas.clone())).ok();
        }
        let Some(drawn) = terminal else {
            return;
        };
        let state = &mut self.state;
        let done = drawn.draw(|frame| {
            let area = frame.area();
            let theme = state.theme;
            let mut pen = Pen {
                buffer: frame.buffer_mut(),
                theme,
            };
            view::screen(&mut pen, area, state);
        });
        let bytes = canvas.taken();
        if done.is_ok() {
            if clear {
                self.screen.frame(&[b"\x1b[0m\x1b[2J", &bytes[..]].concat());
            } else {
                self.screen.frame(&bytes);
            }
        }
        self.dirty = false;
        self.drawn_at = Some(Instant::now());
    }
}
