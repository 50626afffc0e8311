//! The Backends screen: rungs are marked, and keys act on all that are.

use super::{at, press, settled, text};
use crate::bus::{Command, RungSet};
use crate::page::{Rung, SiteId};
use crate::tui::act;
use crate::tui::action::Action;
use crate::tui::state::{Effect, State};

/// What an action sets, of which rungs.
fn sets(state: &mut State, action: Action) -> Vec<(SiteId, Rung, RungSet)> {
    let effects = act::act(state, action).into_iter();
    let sets = effects.map(|effect| match effect {
        Effect::Send(Command::Rung(site, rung, set)) => (site, rung, set),
        other => panic!("{other:?}"),
    });
    sets.collect()
}

#[test]
fn keys_act_on_every_marked_rung() {
    let mut state = at("0");
    assert_eq!(
        sets(&mut state, Action::Pause).len(),
        1,
        "the one under the cursor"
    );
    press(&mut state, "vjj");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("3 marked, a range: v ends it"), "{shown}");
    press(&mut state, "v");

    // Each is paused or resumed for itself.
    let paused = sets(&mut state, Action::Pause);
    let rungs: Vec<Rung> = paused.iter().map(|(_, rung, _)| *rung).collect();
    assert_eq!(rungs, [Rung::Http, Rung::Proxy, Rung::Service]);
    for (_, rung, set) in &paused {
        let wanted = match rung {
            Rung::Proxy => RungSet::Resume,
            _ => RungSet::Pause,
        };
        assert_eq!(*set, wanted, "{rung:?}");
    }
    // What was set of each is added to before a picture shows it.
    let workers = |state: &mut State| -> Vec<u32> {
        let sets = sets(state, Action::Concurrency(1)).into_iter();
        let workers = sets.map(|(_, _, set)| match set {
            RungSet::Concurrency(workers) => workers,
            other => panic!("{other:?}"),
        });
        workers.collect()
    };
    let first = workers(&mut state);
    let more: Vec<u32> = first.iter().map(|workers| workers + 1).collect();
    assert_eq!(workers(&mut state), more);
    assert_eq!(sets(&mut state, Action::Delay(1)).len(), 3);

    // Escape takes the marks first, then leaves.
    press(&mut state, "\x1b");
    assert!(!text(&settled(&mut state, 80, 24)).contains("marked"));
    press(&mut state, "gj ");
    let shown = text(&settled(&mut state, 80, 24));
    assert!(shown.contains("1 marked"), "{shown}");
    let [(_, rung, _)] = sets(&mut state, Action::Delay(1))[..] else {
        panic!("one rung")
    };
    assert_eq!(rung, Rung::Proxy, "whatever the cursor is on");
}
