//! The render thread: one loop over one channel.

use super::act;
use super::draw::Pen;
use super::input::{self, Input};
use super::pager;
use super::replay;
use super::state::{Effect, State};
use super::stats::Meter;
use super::terminal::{Canvas, Screen};
use super::view;
use super::{Deck, Left};
use crate::bus::{Answer, Command, Controls, Origin, Query, Reply, Request, Told, Transport};
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
    /// What a command would do.
    Preview(Command, Answer),
    /// The answer to the question of this number.
    Told(u64, Told),
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
    state.shared.readonly = deck.options.readonly;
    state.shared.attached = deck.options.attached;
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
        meter: Meter::default(),
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
    meter: Meter,
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
            let (effects, changed) = self.state.tick(Instant::now());
            self.dirty |= changed;
            for effect in effects {
                self.effect(effect, &mut terminal);
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
    fn patience(&mut self) -> Duration {
        let frame = match self.drawn_at {
            Some(at) if self.dirty => FRAME.saturating_sub(at.elapsed()),
            _ => IDLE,
        };
        let now = Instant::now();
        let due = self.state.due(now);
        let due = due.map_or(IDLE, |due| due.saturating_duration_since(now));
        frame.min(due).max(Duration::from_millis(1))
    }

    fn frame_is_due(&self) -> bool {
        self.drawn_at.is_none_or(|at| at.elapsed() >= FRAME)
    }

    /// In a replay, whether a key was the player's.
    fn steered(&mut self, key: KeyEvent) -> bool {
        let Some(transport) = &self.replay else {
            return false;
        };
        let order = replay::order(key).filter(|_| self.state.is_free());
        let Some(order) = order else {
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
            Message::Answer(answer) => self.state.answered(answer),
            Message::Preview(command, answer) => self.state.previewed(command, answer),
            Message::Told(number, told) => self.state.told(number, told),
        }
        self.dirty = true;
    }

    fn effect(&mut self, effect: Effect, terminal: &mut Option<Drawn>) {
        match effect {
            Effect::Send(command) => self.send(command, Message::Answer),
            Effect::Preview(command) => {
                let asked = command.clone();
                self.send(command, move |answer| Message::Preview(asked, answer));
            }
            Effect::Ask(number, ask) => {
                let inbox = self.inbox.clone();
                let reply = Reply::call(move |told| {
                    let _ = inbox.try_send(Message::Told(number, told));
                });
                if self
                    .controls
                    .queries
                    .try_send(Query { ask, reply })
                    .is_err()
                {
                    self.state.unasked(number);
                    self.dirty = true;
                }
            }
            Effect::Pager(bytes) => self.page(&bytes, terminal),
            Effect::Copy(text) => self.screen.copy(&text),
            Effect::Leave => self.leave(Left::Quit),
            Effect::Detach => self.leave(Left::Detached),
            Effect::Suspend => self.suspend(terminal),
        }
    }

    fn send(&mut self, command: Command, wrap: impl FnOnce(Answer) -> Message + Send + 'static) {
        let inbox = self.inbox.clone();
        let request = Request {
            command,
            origin: Origin::Deck,
            reply: Reply::call(move |answer| {
                let _ = inbox.try_send(wrap(answer));
            }),
        };
        if self.controls.commands.try_send(request).is_err() {
            let text = "the engine takes no commands any more, or is busy";
            self.state.shared.toast(text, false);
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
            self.state.shared.toast("no shell to go back to", false);
            return;
        }
        self.lend(terminal, || {
            let _ = kill_current_process_group(Signal::TSTP);
            // Here after the shell's `fg`.
        });
    }

    /// Shows bytes in the operator's pager.
    fn page(&mut self, bytes: &[u8], terminal: &mut Option<Drawn>) {
        let closing = self.closing.clone();
        let shown = self.lend(terminal, || pager::show(bytes, &closing));
        if let Err(error) = shown {
            let text = format!("the pager could not be shown: {error}");
            self.state.shared.toast(text, false);
        }
    }

    /// Gives the terminal to others while `while_lent` runs.
    fn lend<T>(&mut self, terminal: &mut Option<Drawn>, while_lent: impl FnOnce() -> T) -> T {
        self.resting.store(true, Ordering::Release);
        self.screen.leave();
        let done = while_lent();
        if self.screen.enter().is_err() {
            self.leave(Left::TerminalGone);
        }
        self.resting.store(false, Ordering::Release);
        *terminal = None;
        done
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
        let begun = Instant::now();
        let done = drawn.draw(|frame| {
            let area = frame.area();
            let theme = state.shared.theme;
            let mut pen = Pen {
                buffer: frame.buffer_mut(),
                theme,
            };
            view::screen(&mut pen, area, state);
        });
        let bytes = canvas.taken();
        let now = Instant::now();
        self.meter.add(now, now - begun, bytes.len());
        self.state.shared.stats = self.meter.stats(now, None);
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
