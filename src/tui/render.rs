//! The render thread: one loop over one channel.

use super::alarm::Alarms;
use super::canvas::Canvas;
use super::input::{Input, Reader};
use super::pace::{Pace, Why};
use super::pager;
use super::replay;
use super::state::{Effect, State};
use super::stats::Meter;
use super::terminal::{self, Screen};
use super::{Deck, Left};
use super::{act, escape, mouse, rest, suspend};
use crate::bus::{Answer, Command, Controls, Origin, Query, Reply, Request, Told, Transport};
use crate::monitor::Snapshot;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crossterm::event::KeyEvent;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Room in the render thread's channel.
const INBOX: usize = 1024;
/// Longest wait while there is nothing to do.
const IDLE: Duration = Duration::from_secs(3600);
/// How long the size must have stayed before it is painted for, and the longest
/// wait for that.
const SETTLE: Duration = Duration::from_millis(30);
const STORM: Duration = Duration::from_millis(200);
/// How long leaving waits for an answer that the terminal owes.
const ANSWER: Duration = Duration::from_millis(300);

/// What reaches the render thread.
enum Message {
    Input(Input),
    /// There is a new picture.
    Snapshot,
    /// The terminal has taken a frame.
    Written,
    Answer(Answer),
    Preview(Command, Answer),
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
    let (inbox, messages) = bounded(INBOX);
    let closing = Arc::new(AtomicBool::new(false));
    let settings = deck.options.settings.clone();
    let speed = terminal::speed();
    let written = inbox.clone();
    let screen = Screen::take(settings.mouse, move || {
        let _ = written.try_send(Message::Written);
    })?;
    let keys = inbox.clone();
    let reader = Reader::start(move |input| {
        let _ = keys.send(Message::Input(input));
    })?;
    let news = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(deck.snapshots.clone(), inbox.clone(), news.clone()));
    let snapshot = deck.snapshots.borrow().clone();
    let mut state = State::new(snapshot, deck.options.theme(), deck.options.title);
    state.shared.keymap = Arc::new(settings.keymap);
    state.shared.mouse = settings.mouse;
    state.shared.readonly = deck.options.readonly;
    state.shared.attached = deck.options.attached;
    state.shared.replay = deck.options.replay.is_some();
    let painter = Painter {
        state,
        replay: deck.options.replay,
        snapshots: deck.snapshots,
        controls: deck.controls,
        inbox: inbox.clone(),
        screen,
        reader,
        closing: closing.clone(),
        left: Some(left),
        news,
        canvas: Canvas::default(),
        pace: Pace::new(Duration::from_secs(1) / settings.fps.max(1), speed),
        meter: Meter::default(),
        alarms: Alarms::new(settings.bell),
        dirty: true,
        settles: None,
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

/// Wakes the render thread for a new picture, once until it has looked. It looks
/// at `news` too, so that a full channel, which has woken it, loses nothing.
async fn watch(
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    inbox: Sender<Message>,
    news: Arc<AtomicBool>,
) {
    while snapshots.changed().await.is_ok() {
        if !news.swap(true, Ordering::AcqRel) {
            let _ = inbox.try_send(Message::Snapshot);
        }
    }
}

struct Painter {
    state: State,
    /// The hold on the player of a recording.
    replay: Option<Transport>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    controls: Controls,
    inbox: Sender<Message>,
    screen: Screen,
    reader: Reader,
    closing: Arc<AtomicBool>,
    left: Option<oneshot::Sender<Left>>,
    /// Whether there is a picture that was not looked at.
    news: Arc<AtomicBool>,
    canvas: Canvas,
    pace: Pace,
    meter: Meter,
    alarms: Alarms,
    /// Whether the screen is to be painted whatever the crawl does.
    dirty: bool,
    /// While the size is changing: until when nothing is painted.
    settles: Option<(Instant, Instant)>,
}

impl Painter {
    fn run(mut self, messages: &Receiver<Message>) {
        while !self.closing.load(Ordering::Acquire) {
            let now = Instant::now();
            match messages.recv_timeout(self.patience(now)) {
                Ok(message) => self.hear(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(message) = messages.try_recv() {
                self.hear(message);
            }
            let now = Instant::now();
            while let Some(written) = self.screen.written() {
                self.pace.drained(written.bytes, written.took, now);
            }
            let (effects, changed) = self.state.tick(now);
            self.dirty |= changed;
            for effect in effects {
                self.effect(effect);
            }
            if self.screen.is_ready() {
                self.paint(now);
            }
            if self.screen.is_gone() {
                self.leave(Left::TerminalGone);
            }
        }
        self.quieten(messages);
        self.screen.leave();
    }

    /// Waits a moment for the terminal's answer, which the shell would else read.
    fn quieten(&mut self, messages: &Receiver<Message>) {
        let until = Instant::now() + ANSWER;
        while self.pace.awaits() && !self.screen.is_gone() {
            match messages.recv_deadline(until) {
                Ok(Message::Input(Input::CaughtUp)) => self.pace.caught_up(Instant::now()),
                Ok(Message::Input(Input::Gone)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// How long nothing needs to be done.
    fn patience(&mut self, now: Instant) -> Duration {
        let mut until = now + IDLE;
        if let Some(due) = self.state.due(now) {
            until = until.min(due);
        }
        // While something is being written its end wakes us.
        if self.screen.is_ready()
            && let Some(due) = self.due(now)
        {
            until = until.min(due);
        }
        until.saturating_duration_since(now)
    }

    /// When the next frame is due; `None` while there is none to be painted.
    fn due(&mut self, now: Instant) -> Option<Instant> {
        let why = if self.dirty {
            Why::Input
        } else if self.news.load(Ordering::Acquire) {
            Why::News
        } else {
            return None;
        };
        let due = self.pace.due(why, now);
        Some(self.settles.map_or(due, |(until, _)| due.max(until)))
    }

    /// In a replay, whether a key was the player's.
    fn steered(&mut self, key: KeyEvent) -> bool {
        let Some(transport) = &self.replay else {
            return false;
        };
        let Some(order) = replay::order(key).filter(|_| self.state.is_free()) else {
            return false;
        };
        let words = replay::words(order, transport.playing());
        transport.send(order);
        // A full inbox loses the words, not the order.
        let _ = self.inbox.try_send(Message::Answer(Answer::Done(words)));
        true
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Written | Message::Snapshot => return,
            Message::Close => self.closing.store(true, Ordering::Release),
            Message::Input(input) => return self.input(input),
            Message::Answer(answer) => self.state.answered(answer),
            Message::Preview(command, answer) => self.state.previewed(command, answer),
            Message::Told(number, told) => self.state.told(number, told),
        }
        self.dirty = true;
    }

    fn input(&mut self, input: Input) {
        let effects = match input {
            Input::Gone => return self.leave(Left::TerminalGone),
            Input::CaughtUp => return self.pace.caught_up(Instant::now()),
            Input::Resize => {
                let now = Instant::now();
                let last = self.settles.map_or(now + STORM, |(_, last)| last);
                self.settles = Some(((now + SETTLE).min(last), last));
                self.canvas.forget();
                Vec::new()
            }
            Input::Key(key) if self.steered(key) => Vec::new(),
            Input::Key(key) => act::key(&mut self.state, key),
            Input::Mouse(event) => mouse::event(&mut self.state, event),
            Input::Paste(text) => act::paste(&mut self.state, &text),
        };
        for effect in effects {
            self.effect(effect);
        }
        self.dirty = true;
    }

    fn effect(&mut self, effect: Effect) {
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
            Effect::Pager(bytes) => self.page(&bytes),
            Effect::Copy(text) => {
                let copy = escape::copy(&text, escape::within_tmux());
                self.screen.beside(&copy);
            }
            Effect::Mouse(caught) => self.screen.catch_mouse(caught),
            Effect::Leave => self.leave(Left::Quit),
            Effect::Detach => self.leave(Left::Detached),
            Effect::Suspend => self.suspend(),
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

    fn suspend(&mut self) {
        if !suspend::has_shell() {
            self.state.shared.toast("no shell to go back to", false);
            return;
        }
        self.aside(suspend::stop);
    }

    /// Shows bytes in the operator's pager.
    fn page(&mut self, bytes: &[u8]) {
        let closing = self.closing.clone();
        let lent = pager::Lent::begin();
        let shown = self.aside(|| pager::show(bytes, &closing));
        drop(lent);
        if let Err(error) = shown {
            let text = format!("the pager could not be shown: {error}");
            self.state.shared.toast(text, false);
        }
    }

    /// Gives the terminal back while `f` runs, and takes it again.
    fn aside<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.reader.rest(true);
        self.screen.leave();
        let done = f();
        if self.screen.enter().is_err() {
            self.leave(Left::TerminalGone);
        }
        // Wakes it, which paints everything anew.
        self.reader.rest(false);
        done
    }

    /// Paints what there is to paint, if it is time to.
    fn paint(&mut self, now: Instant) {
        if self.due(now).is_none_or(|due| due > now) {
            return;
        }
        self.settles = None;
        let mut why = Why::Input;
        if self.pace.due(Why::News, now) <= now && self.news.swap(false, Ordering::AcqRel) {
            why = Why::News;
            self.look();
        }
        // A terminal that is gone, or of no size, has no room for a frame.
        let size = terminal::size();
        if !std::mem::take(&mut self.dirty) || size.0 == 0 || size.1 == 0 {
            self.pace.wrote(why, 0, false, 0, now);
            self.screen.beside("");
            return;
        }
        self.state.shared.stats = self.meter.stats(now, self.pace.rate());
        let began = Instant::now();
        let frame = self.canvas.draw(size, &mut self.state);
        let asks = self.pace.asks();
        let bytes = match frame.len() {
            0 => {
                self.screen.beside("");
                0
            }
            _ => self.screen.frame(&frame, asks),
        };
        self.meter.add(now, began.elapsed(), bytes);
        let cells = u32::from(size.0) * u32::from(size.1);
        self.pace.wrote(why, bytes, asks && bytes > 0, cells, now);
    }
    /// Looks at the newest picture.
    fn look(&mut self) {
        let snapshot = self.snapshots.borrow_and_update().clone();
        let alarm = self.alarms.take(&snapshot);
        if !rest::is_still(&self.state.shared.snapshot, &snapshot) {
            self.state.update(snapshot);
            self.dirty = true;
        }
        // Goes out with the frame, or alone where there is none.
        self.screen.add(&alarm);
    }
}
