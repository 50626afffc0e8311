//! The controls of sites: what their keys send.

use super::action::Action;
use super::prompt::Prompt;
use super::state::{Effect, Shared, View};
use super::submit::{refused, submit};
use crate::bus::{Command, Doing, SiteState, Target};
use crate::monitor::{SiteView, WorkerView};
use crate::page::SiteId;
use std::time::Duration;

/// Steps of `[` and `]`.
const DELAYS_MS: [u64; 16] = [
    0, 10, 25, 50, 100, 250, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000, 60_000,
];

/// Actions that need no site.
pub fn everywhere(shared: &mut Shared, action: Action) -> Vec<Effect> {
    let command = match action {
        Action::PauseAll if shared.all_paused() => Command::Resume(Target::All),
        Action::PauseAll => Command::Pause(Target::All),
        Action::Undo => Command::Undo,
        Action::Reload => Command::Reload { preview: false },
        _ => return Vec::new(),
    };
    submit(shared, command)
}

/// Actions on the site that the current screen is about, or that its cursor is on.
pub fn of_site(shared: &mut Shared, site: Option<SiteId>, action: Action) -> Vec<Effect> {
    let name = site.map(|id| quoted(shared.site_name(id)));
    match action {
        // What is typed is the palette's business: it completes and explains.
        Action::Drop => {
            let whom = name.unwrap_or_else(|| "all".to_owned());
            return begin(shared, format!("drop {whom} "));
        }
        Action::Add => {
            let whom = name.map(|name| format!("{name} ")).unwrap_or_default();
            return begin(shared, format!("add {whom}"));
        }
        _ => {}
    }
    let Some(id) = site else {
        return Vec::new();
    };
    let Some(view) = shared.site(id).cloned() else {
        return Vec::new();
    };
    let command = match action {
        Action::SiteFailures => {
            shared.open(View::Groups(Some(id)));
            return Vec::new();
        }
        Action::Auto => Command::Auto(id, None),
        Action::Drain => Command::Drain(id, !view.controls.draining),
        Action::Concurrency(step) => {
            let Some(mut wanted) = shared.controls(id).filter(|_| !refused(shared)) else {
                return Vec::new();
            };
            let workers = wanted.concurrency.saturating_add_signed(step);
            wanted.concurrency = workers.clamp(1, 1024);
            shared.believe(id, wanted);
            Command::Concurrency(id, wanted.concurrency)
        }
        Action::Delay(step) => {
            let Some(mut wanted) = shared.controls(id).filter(|_| !refused(shared)) else {
                return Vec::new();
            };
            wanted.delay = stepped(wanted.delay, step);
            shared.believe(id, wanted);
            Command::Delay(id, wanted.delay)
        }
        _ => return Vec::new(),
    };
    submit(shared, command)
}

fn begin(shared: &mut Shared, line: String) -> Vec<Effect> {
    if !refused(shared) {
        shared.prompt = Some(Prompt::new(line));
    }
    Vec::new()
}

/// A word of the palette, quoted where it must be.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        let inside = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{inside}\"")
    }
}

/// Pauses a site, or resumes it.
pub fn pause_site(id: SiteId, site: &SiteView) -> Command {
    match site.state {
        SiteState::Paused => Command::Resume(Target::Site(id)),
        _ => Command::Pause(Target::Site(id)),
    }
}

/// Pauses a worker, or resumes it.
pub fn pause_worker(id: SiteId, worker: &WorkerView) -> Command {
    let target = Target::Worker(id, worker.id);
    match worker.doing {
        Doing::Paused => Command::Resume(target),
        _ => Command::Pause(target),
    }
}

/// The next longer or shorter delay of the steps.
pub fn stepped(delay: Duration, by: i32) -> Duration {
    let now = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let next = if by > 0 {
        DELAYS_MS.iter().find(|step| **step > now)
    } else {
        DELAYS_MS.iter().rev().find(|step| **step < now)
    };
    Duration::from_millis(next.copied().unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_go_up_and_down_the_steps() {
        for (now, by, next) in [
            (0, 1, 10),
            (250, -1, 100),
            (260, 1, 500),
            (60_000, 1, 60_000),
        ] {
            let now = Duration::from_millis(now);
            assert_eq!(
                stepped(now, by),
                Duration::from_millis(next),
                "{now:?} {by}"
            );
        }
    }

    #[test]
    fn quoted_words_are_one_word_again() {
        for word in ["books", "a b", "it's", "a\"b\\c", ""] {
            let words = crate::bus::verb::split(&quoted(word)).unwrap();
            assert_eq!(words, [word]);
        }
    }
}
