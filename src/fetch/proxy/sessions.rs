//! Which session makes the next request, by the rule of rotation.

use super::exit::Exit;
use super::fault::Fault;
use super::pool::{NoExit, Pool};
use super::session::{Maker, Owner, Session, Term};
use crate::config::{ProxyAddress, ProxyFrom, ProxyRule, Rotate};
use crate::fetch::visitor::Guise;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// Sessions kept while no request is theirs; the one that waited longest goes.
/// Each has connections and cookies.
const KEPT: usize = 256;
/// Sessions whose number is known before the dead ones are swept out.
const KNOWN: usize = 2048;
/// Letters and digits of a session's name at a gateway.
const NAME: usize = 10;

/// The exits and sessions of one rule.
pub(super) struct Sessions {
    rule: Arc<ProxyRule>,
    maker: Maker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pool: Pool,
    /// Those that may serve again, the one used last at the end. A shared one
    /// stands here while it serves.
    kept: Vec<Arc<Session>>,
    /// By number, so that a block found later finds its session.
    known: HashMap<u64, Weak<Session>>,
    made: u64,
}

/// A session while a request is made by it. Given back when dropped, however
/// the request ended.
pub(super) struct Lease {
    pub(super) session: Arc<Session>,
    sessions: Arc<Sessions>,
    exclusive: bool,
}

impl Sessions {
    pub(super) fn new(rule: Arc<ProxyRule>, mut maker: Maker) -> Self {
        maker.term = match rule.rotate {
            Rotate::Session => Term {
                pages: rule.pages,
                lasts: rule.lasts,
            },
            Rotate::Request | Rotate::Site => Term::default(),
        };
        Self {
            rule,
            maker,
            state: Mutex::default(),
        }
    }

    /// Takes a list of exits in the place of the last one; sessions of exits
    /// that are gone retire.
    pub(super) fn replace(&self, list: Vec<ProxyAddress>) {
        let state = &mut *self.state();
        state.pool.replace(list);
        let ids: std::collections::HashSet<u64> =
            state.pool.exits().iter().map(|exit| exit.id).collect();
        for session in state.known.values().filter_map(Weak::upgrade) {
            if !ids.contains(&session.exit.id) {
                session.retire();
            }
        }
        state.kept.retain(|session| ids.contains(&session.exit.id));
    }

    /// The session for the next request of `owner`.
    ///
    /// # Errors
    /// Where no exit can be had now.
    pub(super) fn lease(self: &Arc<Self>, owner: &Owner, now: Instant) -> Result<Lease, NoExit> {
        let state = &mut *self.state();
        state.kept.retain(|session| session.serves(now));
        let gateway = matches!(self.rule.from, ProxyFrom::Gateway(_));
        let exclusive = match self.rule.rotate {
            Rotate::Request => gateway,
            Rotate::Site => false,
            Rotate::Session => true,
        };
        let none = |state: &State| state.pool.none(&self.rule.from, now);
        let mine = |session: &Session| session.owner == *owner;
        let (at, exit) = match self.rule.rotate {
            Rotate::Request => {
                let exit = state.pool.turn(now).ok_or_else(|| none(state))?;
                let same = |s: &Arc<Session>| mine(s) && s.exit.id == exit.id;
                let at = state.kept.iter().position(same).filter(|_| !gateway);
                (at, Some(exit))
            }
            Rotate::Site | Rotate::Session => {
                let up = |s: &Arc<Session>| mine(s) && s.exit.rests(now).is_none();
                match state.kept.iter().rposition(up) {
                    Some(at) => (Some(at), None),
                    None => {
                        // Its exit rests: it starts anew elsewhere.
                        if self.rule.rotate == Rotate::Site {
                            state.kept.retain(|s| !mine(s));
                        }
                        (None, state.pool.home(now))
                    }
                }
            }
        };
        let session = match (at, exit) {
            (Some(at), _) => state.kept.remove(at),
            (None, Some(exit)) => self.make(state, owner.clone(), exit, now),
            (None, None) => return Err(none(state)),
        };
        session.take();
        if !exclusive {
            keep(state, Arc::clone(&session));
        }
        Ok(Lease {
            session,
            sessions: Arc::clone(self),
            exclusive,
        })
    }

    fn make(&self, state: &mut State, owner: Owner, exit: Arc<Exit>, now: Instant) -> Arc<Session> {
        state.made += 1;
        let number = state.made;
        let address = match &self.rule.from {
            ProxyFrom::Gateway(gateway) => gateway.session(&random_name()),
            _ => exit.address.clone(),
        };
        let agents = &self.rule.user_agents;
        let agent = usize::try_from(number - 1)
            .ok()
            .and_then(|at| agents.get(at.checked_rem(agents.len())?));
        let guise = Guise::new(agent.map(String::as_str));
        let session = Arc::new(self.maker.make(number, owner, exit, address, guise, now));
        if state.known.len() >= KNOWN {
            state.known.retain(|_, session| session.strong_count() > 0);
        }
        state.known.insert(number, Arc::downgrade(&session));
        session
    }

    /// A request by a session was answered, its head after `latency` where that
    /// tells something of the exit.
    pub(super) fn answered(&self, session: &Session, latency: Option<Duration>, now: Instant) {
        self.state().pool.answered(&session.exit, latency, now);
    }

    /// A request by a session got no answer.
    pub(super) fn failed(&self, session: &Session, fault: &Fault, now: Instant) {
        self.state().pool.failed(&session.exit, fault, now);
        // Behind a gateway another session is another exit.
        if matches!(self.rule.from, ProxyFrom::Gateway(_)) {
            session.retire();
        }
    }

    /// A request by a session was answered in a way that may be the proxy's own
    /// excuse. After a few in a row the session is over: by another exit it may do
    /// better, and only that can tell.
    pub(super) fn doubted(&self, session: &Session, fault: &Fault, now: Instant) {
        let state = &mut *self.state();
        state.pool.failed(&session.exit, fault, now);
        let others =
            state.pool.exits().len() > 1 || matches!(self.rule.from, ProxyFrom::Gateway(_));
        if others && session.exit.health().is_doubtful() {
            session.retire();
        }
    }

    /// An answer that came by `through` was found to be a block.
    pub(super) fn blocked(&self, through: &str, now: Instant) {
        let state = &mut *self.state();
        let Some((name, number)) = through.rsplit_once(" #") else {
            return;
        };
        // A solver's endpoint is named before.
        let name = name.rsplit_once(' ').map_or(name, |(_, name)| name);
        let known = number.parse().ok().and_then(|n: u64| state.known.get(&n));
        let session = known.and_then(Weak::upgrade);
        let exit = match &session {
            Some(session) => Some(Arc::clone(&session.exit)),
            // The session was for that request alone.
            None => {
                let mut exits = state.pool.exits().iter();
                exits.find(|exit| *exit.name == *name).cloned()
            }
        };
        if let Some(session) = session {
            session.retire();
        }
        if let Some(exit) = exit {
            state.pool.blocked(&exit, now);
        }
    }

    /// All exits, and how many there were before that are no longer.
    pub(super) fn exits(&self) -> (Vec<Arc<Exit>>, u32) {
        let state = self.state();
        (state.pool.exits().to_vec(), state.pool.retired())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a session as the one used last.
fn keep(state: &mut State, session: Arc<Session>) {
    if state.kept.len() >= KEPT {
        state.kept.remove(0);
    }
    state.kept.push(session);
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What was for one request is over with it.
        if self.exclusive && self.sessions.rule.rotate == Rotate::Session {
            let state = &mut *self.sessions.state();
            if self.session.serves(Instant::now()) {
                keep(state, Arc::clone(&self.session));
            }
        }
    }
}

/// A name that no other session of the gateway has.
fn random_name() -> String {
    (0..NAME).map(|_| fastrand::alphanumeric()).collect()
}
