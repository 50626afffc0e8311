//! The last changes of controls, to be taken back.

use super::Director;
use super::obey::{Done, Refusable};
use crate::bus::{Answer, Command, verb};
use crate::page::SiteId;

/// Changes that can be taken back, one after the other.
const DEPTH: usize = 100;

/// How a change is taken back.
pub enum Undo {
    /// By this command.
    Command(Command),
    /// By dropping a scope rule.
    Rule(SiteId, (bool, String)),
}

impl Director {
    /// Keeps the way back from a change that is about to be answered. Keys held
    /// down change one control many times: those are one step back.
    pub(super) fn remember(&mut self, verb: &'static str, undo: Undo) {
        if self.undoing {
            return;
        }
        let now = tokio::time::Instant::now();
        let same = self.last_change.is_some_and(|(last, at)| {
            last == verb && now.saturating_duration_since(at) < super::ONE_CHANGE
        });
        self.last_change = Some((verb, now));
        let repeats = same
            && match (self.undo.last(), &undo) {
                (Some(Undo::Command(last)), Undo::Command(new)) => about_same(last, new),
                _ => false,
            };
        if repeats {
            return;
        }
        if self.undo.len() == DEPTH {
            self.undo.remove(0);
        }
        self.undo.push(undo);
    }

    pub(super) async fn take_back(&mut self) -> Refusable<Done> {
        let Some(undo) = self.undo.pop() else {
            return Err(Done::refused("nothing to take back"));
        };
        self.last_change = None;
        self.undoing = true;
        let done = match undo {
            Undo::Command(command) => {
                let words = verb::words(&command, &self.names());
                let mut done = Box::pin(self.obey(command)).await;
                if let Answer::Done(text) = &mut done.answer {
                    *text = format!("{words}: {text}");
                }
                Ok(done)
            }
            Undo::Rule(site, rule) => self.drop_rule(site, &rule).await,
        };
        self.undoing = false;
        done
    }
}

/// Whether two commands set the same control of the same site.
fn about_same(a: &Command, b: &Command) -> bool {
    match (a, b) {
        (Command::Concurrency(x, _), Command::Concurrency(y, _))
        | (Command::Delay(x, _), Command::Delay(y, _)) => x == y,
        _ => false,
    }
}
