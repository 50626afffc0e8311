//! When work on a question ends: its asker has left, it took too long, or a
//! later one of its kind waits.

use crate::bus::{Ask, Told};
use rusqlite::{Connection, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The longest that a question may take.
const LONGEST: Duration = Duration::from_secs(2);
/// After this long it gives way to a later one of its kind.
const GIVES_WAY: Duration = Duration::from_millis(500);
/// Steps of SQLite's machine between two looks.
const STEPS: i32 = 2000;

/// How many questions of each kind have been asked.
#[derive(Debug, Default)]
pub(super) struct Asked([AtomicU64; 8]);

impl Asked {
    /// The number of this new one.
    pub(super) fn next(&self, ask: &Ask) -> u64 {
        self.of(ask).fetch_add(1, Ordering::Relaxed) + 1
    }

    fn of(&self, ask: &Ask) -> &AtomicU64 {
        &self.0[kind(ask)]
    }
}

fn kind(ask: &Ask) -> usize {
    match ask {
        Ask::Pages { .. } => 0,
        Ask::Groups(_) => 1,
        Ask::Page(_) | Ask::Why { .. } | Ask::Site(_) | Ask::Log { .. } => 2,
        Ask::Records { .. } => 3,
        Ask::Journal { .. } => 4,
        Ask::Changes { .. } => 5,
        Ask::Linked { .. } => 6,
        Ask::Sources(_) => 7,
    }
}

/// The question at hand.
pub(super) struct Watch {
    began: Instant,
    kind: usize,
    number: u64,
    asked: Arc<Asked>,
    reply: Arc<oneshot::Sender<Told>>,
}

impl Watch {
    pub(super) fn new(
        ask: &Ask,
        number: u64,
        asked: Arc<Asked>,
        reply: Arc<oneshot::Sender<Told>>,
    ) -> Self {
        Self {
            began: Instant::now(),
            kind: kind(ask),
            number,
            asked,
            reply,
        }
    }

    /// Why work on it should end, `spent` after it began.
    fn ends(&self, spent: Duration) -> Option<&'static str> {
        let later = || self.asked.0[self.kind].load(Ordering::Relaxed) > self.number;
        if self.reply.is_closed() {
            Some("nobody waits for the answer")
        } else if spent > LONGEST {
            Some("the answer took too long to find; narrow the question down")
        } else if spent > GIVES_WAY && later() {
            Some("the answer took too long to find, and a later question waits")
        } else {
            None
        }
    }
}

/// The question that a connection works on, shared with its progress handler.
#[derive(Default, Clone)]
pub(super) struct Watched(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    watch: Option<Watch>,
    why: Option<&'static str>,
}

impl Watched {
    /// Interrupts what `conn` does for a question that should end.
    pub(super) fn over(&self, conn: &mut Connection) -> Result<()> {
        let watched = self.clone();
        conn.progress_handler(STEPS, Some(move || watched.look()))
    }

    pub(super) fn begin(&self, watch: Watch) {
        *self.lock() = State {
            watch: Some(watch),
            why: None,
        };
    }

    pub(super) fn end(&self) {
        self.lock().watch = None;
    }

    /// Why the last question was interrupted.
    pub(super) fn why(&self) -> &'static str {
        self.lock()
            .why
            .unwrap_or("the answer took too long to find")
    }

    /// Whether to interrupt.
    fn look(&self) -> bool {
        let mut state = self.lock();
        let ends = state.watch.as_ref().and_then(|w| w.ends(w.began.elapsed()));
        if ends.is_some() {
            state.why = ends;
        }
        ends.is_some()
    }

    /// Whole between any two instructions that can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ErrorCode;

    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                           SELECT count(*) FROM n";

    #[test]
    fn a_question_ends_when_it_is_too_long_or_another_waits_or_nobody_does() {
        let asked = Arc::<Asked>::default();
        let ask = Ask::Journal {
            search: None,
            offset: 0,
            limit: 1,
        };
        let (reply, answer) = oneshot::channel();
        let number = asked.next(&ask);
        let watch = Watch::new(&ask, number, asked.clone(), Arc::new(reply));
        let short = GIVES_WAY;
        let long = GIVES_WAY + Duration::from_millis(1);
        assert_eq!(watch.ends(long), None);
        assert!(watch.ends(LONGEST * 2).unwrap().contains("too long"));
        // Of another kind, then of this one.
        asked.next(&Ask::Groups(Default::default()));
        assert_eq!(watch.ends(long), None);
        asked.next(&ask);
        assert_eq!(watch.ends(short), None);
        assert!(watch.ends(long).unwrap().contains("later question"));
        drop(answer);
        assert!(watch.ends(Duration::ZERO).is_some());
    }

    #[test]
    fn sqlite_is_interrupted_and_works_on() {
        let mut conn = Connection::open_in_memory().unwrap();
        let watched = Watched::default();
        watched.over(&mut conn).unwrap();
        let (reply, answer) = oneshot::channel();
        drop(answer);
        let ask = Ask::Groups(Default::default());
        watched.begin(Watch::new(&ask, 1, Arc::default(), Arc::new(reply)));
        let error = conn
            .query_row(ENDLESS, [], |r| r.get::<_, i64>(0))
            .unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(ErrorCode::OperationInterrupted)
        );
        watched.end();
        let bounded = format!("{ENDLESS} LIMIT 1").replace("FROM n)", "FROM n WHERE i < 9999)");
        let n: i64 = conn.query_row(&bounded, [], |r| r.get(0)).unwrap();
        assert_eq!(n, 9999);
    }
}
