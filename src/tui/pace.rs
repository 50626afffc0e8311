//! How often to paint: as often as asked on a good line, less on a slow one.
//!
//! What a line bears is measured from end to end: with a frame goes the question
//! whether the terminal is there (DSR), and its answer says that the frame has
//! been shown. Terminals that never answer are believed to be as fast as the
//! writer thread gets rid of frames. What the operator did is painted at once;
//! what the crawl did waits until the line is quiet, and keeps to a budget.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Least time between two frames for news of the crawl.
const NEWS: Duration = Duration::from_millis(220);
/// How long news give way to a frame of the operator's on a slow line.
const YIELD: Duration = Duration::from_secs(2);
/// Bytes a second for news of the crawl on a screen of [`CELLS`] or fewer.
const BUDGET: f64 = 4_600.0;
/// Cells of the smallest usual screen; a larger one has a larger budget.
const CELLS: f64 = 80.0 * 24.0;
/// How long an answer may take; then it is lost.
const ANSWER: Duration = Duration::from_secs(5);
/// The same for a terminal that has never answered, and how long news wait for it.
const FIRST: Duration = Duration::from_secs(2);
const STRANGER: Duration = Duration::from_millis(700);
/// Unanswered questions after which none is asked any more.
const DEAF: u32 = 2;
/// A line faster than this, bytes a second, is never waited for.
const FAST: f64 = 50_000.0;
/// Of a slow line news may have this part.
const SHARE: f64 = 0.5;
/// What may be under way when the operator's frame is added, seconds of line.
const QUEUE: f64 = 0.3;
/// What may be under way on a fast line, bytes.
const WINDOW: u64 = 32 * 1024;
/// An answer that came later than the way there takes tells of a slow line; less
/// may be a busy machine.
const LATE: Duration = Duration::from_millis(150);
/// A write that took longer than this was held up.
const HELD: Duration = Duration::from_millis(100);
/// A write held up for longer is a terminal that was stopped, not a slow line.
const STOPPED: Duration = Duration::from_secs(20);
/// What a line that was held up and does not answer is believed to bear at most,
/// bytes a second, and how long before more of it is tried.
const MODEST: f64 = 1_200.0;
const TRUST: Duration = Duration::from_secs(60);
/// What the system keeps under way for a terminal that does not answer, bytes.
const KEPT: f64 = 12_288.0;
/// The speed that terminals have which have none; slower ones mean it.
const NO_SPEED: u32 = 38_400;

/// Why a frame is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The operator did something.
    Input,
    /// The crawl did something.
    News,
}

/// The line's books. Times are given, never asked for.
#[derive(Debug)]
pub struct Pace {
    /// Least time between two frames.
    least: Duration,
    /// Bytes a second of a line that is known to be slow.
    rate: Option<f64>,
    /// Bytes written since the begin, and those known to be shown.
    sent: u64,
    shown: u64,
    /// Since when something is under way.
    busy_since: Option<Instant>,
    /// Open questions: what was written before each, and when.
    asked: VecDeque<(u64, Instant)>,
    /// Unanswered questions in a row.
    unanswered: u32,
    /// Whether the terminal has ever answered.
    answers: bool,
    /// Shortest time to an answer.
    way: Duration,
    /// When the next frame keeps to the rate, and when news may have it.
    free: Option<Instant>,
    news: Option<Instant>,
    /// Bytes under way at a time, as reckoned.
    queue: (f64, Option<Instant>),
    /// Of a line that does not answer: since when it was not held up, and after
    /// how long it is believed to have become faster.
    trust: Option<(Instant, Duration)>,
}

impl Pace {
    /// For a line whose terminal says it has `speed` (baud), and at most
    /// one frame in `least`.
    pub fn new(least: Duration, speed: u32) -> Self {
        let slow = (1..NO_SPEED).contains(&speed);
        Self {
            least,
            // A byte is ten bits on the line.
            rate: slow.then_some(f64::from(speed) / 10.0),
            sent: 0,
            shown: 0,
            busy_since: None,
            asked: VecDeque::new(),
            unanswered: 0,
            answers: false,
            way: Duration::from_millis(300),
            free: None,
            news: None,
            queue: (0.0, None),
            trust: None,
        }
    }

    /// Whether the next frame is to carry a question.
    pub fn asks(&self) -> bool {
        self.asked.is_empty() && (self.answers || self.unanswered < DEAF)
    }

    /// Whether an answer is still to come.
    pub fn awaits(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The line's speed, bytes a second, where it is slow.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// A frame of `bytes` was handed over, on a screen of `cells`.
    pub fn wrote(&mut self, why: Why, bytes: usize, asked: bool, cells: u32, now: Instant) {
        self.sent += bytes as u64;
        self.busy_since.get_or_insert(now);
        self.queue = (self.queued(now) + bytes as f64, Some(now));
        if asked {
            self.asked.push_back((self.sent, now));
        }
        self.free = Some(self.free.map_or(now, |free| free.max(now)) + self.least);
        let wanted = BUDGET * (f64::from(cells) / CELLS).max(1.0);
        let budget = self.rate.map_or(wanted, |rate| wanted.min(rate * SHARE));
        let pause = Duration::from_secs_f64((bytes as f64 / budget).min(60.0));
        let next = match why {
            Why::News => now + pause.max(NEWS),
            // On a slow line the operator's frames come first; on a good one
            // they must not keep the news back, however many there are.
            Why::Input if self.rate.is_some() => now + pause.min(YIELD),
            Why::Input => now,
        };
        self.news = Some(self.news.map_or(next, |news| news.max(next)));
    }

    /// The writer has got rid of a frame of `bytes` in `took`.
    pub fn drained(&mut self, bytes: usize, took: Duration, now: Instant) {
        if !self.answers && bytes > 0 {
            if (HELD..STOPPED).contains(&took) {
                // The first such write was held up for a part of it only.
                self.rate = Some((bytes as f64 / took.as_secs_f64()).min(MODEST));
                self.queue = (KEPT, Some(now));
                self.trust = self
                    .trust
                    .map_or(Some((now, TRUST)), |(_, wait)| Some((now, wait * 2)));
            } else if let (Some(rate), Some((since, wait))) = (self.rate, self.trust)
                && now.saturating_duration_since(since) > wait
            {
                self.believe(rate * 2.0);
                self.trust = Some((now, wait));
            }
        }
        if !self.answers && self.asked.is_empty() {
            self.quiet();
        }
    }

    /// The terminal has answered.
    pub fn caught_up(&mut self, now: Instant) {
        self.answers = true;
        self.unanswered = 0;
        let Some((upto, at)) = self.asked.pop_front() else {
            // It came late, but it came.
            return;
        };
        self.way = self.way.min(now.saturating_duration_since(at));
        let since = self.busy_since.unwrap_or(at);
        let took = now
            .saturating_duration_since(since)
            .saturating_sub(self.way);
        let bytes = upto.saturating_sub(self.shown) as f64;
        if took > LATE {
            let sample = bytes / took.as_secs_f64();
            self.believe(self.rate.map_or(sample, |rate| (rate + sample) / 2.0));
        } else if let Some(rate) = self.rate {
            self.believe(rate * 2.0);
        }
        self.shown = upto;
        self.busy_since = (self.sent > self.shown).then_some(now);
        self.queue = ((self.sent - self.shown) as f64, Some(now));
    }

    /// When a frame may be painted; at once where that has gone by.
    pub fn due(&mut self, why: Why, now: Instant) -> Instant {
        self.forget(now);
        let mut due = self.free.unwrap_or(now);
        if why == Why::Input {
            // One frame ahead of the rate: a key does not wait for the frame that
            // the crawl has just had. The next ones make up for it.
            due = due.checked_sub(self.least).unwrap_or(now);
        } else {
            due = due.max(self.news.unwrap_or(now));
            if let Some((_, at)) = self.asked.front() {
                due = due.max(*at + if self.answers { ANSWER } else { STRANGER });
            }
        }
        let most = match self.rate {
            Some(rate) => rate * QUEUE,
            None => WINDOW as f64,
        };
        let queued = self.queued(now);
        if queued > most {
            // On a fast line what is under way is not known to shrink by itself.
            let wait = self.rate.map_or(0.05, |rate| (queued - most) / rate);
            due = due.max(now + Duration::from_secs_f64(wait.clamp(0.001, 2.0)));
        }
        due
    }

    /// Bytes under way.
    fn queued(&self, now: Instant) -> f64 {
        let (bytes, at) = self.queue;
        match (self.rate, at) {
            (Some(rate), Some(at)) => {
                let gone = rate * now.saturating_duration_since(at).as_secs_f64();
                (bytes - gone).max(0.0)
            }
            // Without answers a fast line is believed to be empty.
            (None, Some(_)) if self.answers => bytes,
            _ => 0.0,
        }
    }

    /// Gives up questions that were not answered in time.
    fn forget(&mut self, now: Instant) {
        let most = if self.answers { ANSWER } else { FIRST };
        if let Some((_, at)) = self.asked.front()
            && now.saturating_duration_since(*at) >= most
        {
            self.asked.clear();
            self.unanswered += 1;
            self.quiet();
        }
    }

    fn quiet(&mut self) {
        self.shown = self.sent;
        self.busy_since = None;
        if self.answers {
            self.queue = (0.0, None);
        }
    }

    fn believe(&mut self, rate: f64) {
        self.rate = (rate < FAST).then_some(rate.max(10.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line on which bytes take their time, and a terminal at its end.
    struct Line {
        rate: f64,
        answers: bool,
        /// When the last byte that is under way arrives.
        free: Instant,
        replies: VecDeque<Instant>,
    }

    impl Line {
        fn send(&mut self, bytes: usize, asked: bool, now: Instant) -> Instant {
            self.free = self.free.max(now) + Duration::from_secs_f64(bytes as f64 / self.rate);
            if asked && self.answers {
                self.replies.push_back(self.free);
            }
            self.free
        }
    }

    struct Seen {
        /// From a key to its frame's last byte at the terminal.
        keys: Vec<Duration>,
        news: u32,
        bytes: usize,
    }

    /// A minute of news at ten a second and a key every two seconds, after the
    /// first `calm` seconds.
    fn minute(rate: f64, answers: bool, news_bytes: usize, calm: u64) -> Seen {
        let start = Instant::now();
        let mut pace = Pace::new(Duration::from_millis(16), 0);
        let mut line = Line {
            rate,
            answers,
            free: start,
            replies: VecDeque::new(),
        };
        let mut seen = Seen {
            keys: Vec::new(),
            news: 0,
            bytes: 0,
        };
        let mut pressed = None;
        // When the writer thread is free again: the system keeps 8 KiB for it.
        let mut written = start;
        for ms in 0..60_000 {
            let now = start + Duration::from_millis(ms);
            while line.replies.front().is_some_and(|at| *at <= now) {
                line.replies.pop_front();
                pace.caught_up(now);
            }
            if ms % 2000 == 777 && ms >= calm * 1000 {
                pressed = Some(now);
            }
            let why = if pressed.is_some() {
                Why::Input
            } else {
                Why::News
            };
            if now < written || pace.due(why, now) > now {
                continue;
            }
            let bytes = if why == Why::Input { 250 } else { news_bytes };
            let asks = pace.asks();
            let arrives = line.send(bytes, asks, now);
            let kept = Duration::from_secs_f64(8192.0 / rate);
            written = arrives.checked_sub(kept).unwrap_or(now).max(now);
            pace.wrote(why, bytes, asks, 1920, now);
            pace.drained(bytes, written - now, written);
            seen.bytes += bytes;
            match pressed.take() {
                Some(at) => seen.keys.push(arrives - at),
                None => seen.news += 1,
            }
        }
        seen
    }

    #[test]
    fn keys_are_answered_within_a_second_at_9600_baud() {
        let seen = minute(960.0, true, 600, 3);
        assert!(seen.keys.len() >= 25, "{}", seen.keys.len());
        let worst = seen.keys.iter().max().unwrap();
        assert!(*worst < Duration::from_secs(1), "{worst:?}");
        assert!((30..120).contains(&seen.news), "{}", seen.news);
    }

    #[test]
    fn without_answers_the_writer_tells_how_slow_the_line_is() {
        let seen = minute(960.0, false, 600, 30);
        let worst = seen.keys.iter().max().unwrap();
        assert!(*worst < Duration::from_secs(3), "{worst:?}");
    }

    #[test]
    fn a_good_line_is_kept_to_the_budget_and_no_more() {
        for answers in [true, false] {
            let seen = minute(1e7, answers, 600, 0);
            assert!((200..290).contains(&seen.news), "{}", seen.news);
            assert!(seen.bytes < 60 * 5_000, "{}", seen.bytes);
            let worst = seen.keys.iter().max().unwrap();
            assert!(*worst <= Duration::from_millis(20), "{worst:?}");
            // Frames that are large come more seldom.
            let seen = minute(1e7, answers, 4_000, 0);
            assert!(seen.bytes < 60 * 5_500, "{}", seen.bytes);
            assert!(seen.news > 40, "{}", seen.news);
        }
    }

    #[test]
    fn a_key_waits_for_no_frame_of_the_crawls_and_keys_keep_to_the_rate() {
        let least = Duration::from_millis(16);
        let start = Instant::now();
        let mut pace = Pace::new(least, 0);
        pace.wrote(Why::News, 1_000, false, 1920, start);
        let pressed = start + Duration::from_millis(1);
        assert!(pace.due(Why::Input, pressed) <= pressed);
        // However many keys: one frame more than the rate allows.
        let (mut now, mut painted) = (pressed, 0);
        while now < pressed + Duration::from_secs(1) {
            if pace.due(Why::Input, now) <= now {
                pace.wrote(Why::Input, 100, false, 1920, now);
                pace.drained(100, Duration::ZERO, now);
                painted += 1;
            }
            now += Duration::from_millis(1);
        }
        let most = Duration::from_secs(1).as_millis() / least.as_millis() + 2;
        assert!((most / 2..=most).contains(&painted), "{painted} of {most}");
    }

    #[test]
    fn a_key_that_is_held_keeps_no_news_back() {
        let start = Instant::now();
        let mut pace = Pace::new(Duration::from_millis(16), 0);
        let mut news = 0;
        for ms in (0..20_000).step_by(30) {
            let now = start + Duration::from_millis(ms);
            assert!(pace.due(Why::Input, now) <= now);
            let told = pace.due(Why::News, now) <= now;
            news += u32::from(told);
            let why = if told { Why::News } else { Why::Input };
            let asks = pace.asks();
            pace.wrote(why, 1_000, asks, 1920, now);
            pace.drained(1_000, Duration::ZERO, now);
            if asks {
                pace.caught_up(now + Duration::from_millis(1));
            }
        }
        assert!((60..100).contains(&news), "{news}");
    }

    #[test]
    fn a_line_that_recovers_is_used_again() {
        let start = Instant::now();
        let mut pace = Pace::new(Duration::from_millis(16), 9600);
        assert_eq!(pace.rate(), Some(960.0));
        let mut now = start;
        for _ in 0..8 {
            assert!(pace.asks());
            pace.wrote(Why::News, 500, true, 1920, now);
            pace.caught_up(now + Duration::from_millis(10));
            now += Duration::from_secs(2);
        }
        assert_eq!(pace.rate(), None);
    }

    #[test]
    fn a_terminal_that_never_answers_is_not_asked_for_ever() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Duration::from_millis(16), 0);
        let mut asked = 0;
        for _ in 0..100 {
            now = pace.due(Why::News, now).max(now);
            let asks = pace.asks();
            asked += u32::from(asks);
            pace.wrote(Why::News, 100, asks, 1920, now);
            pace.drained(100, Duration::ZERO, now);
        }
        assert_eq!(asked, DEAF);
    }
}
