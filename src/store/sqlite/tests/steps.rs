//! What happens in a random history.

use super::history::PATHS;
use proptest::prelude::*;

/// One step; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Add {
        site: u32,
        path: u32,
        depth: u32,
        n: u32,
    },
    Lease {
        site: u32,
        most: usize,
    },
    End {
        which: usize,
        how: u32,
        path: u32,
        found: u32,
    },
    Release {
        which: usize,
    },
    Stray {
        page: u32,
    },
    Revise {
        page: u32,
        how: u32,
        filter: Option<u32>,
    },
    Prune {
        site: u32,
        digit: u32,
        preview: bool,
    },
    Reorder {
        site: u32,
        digit: u32,
    },
    Forget {
        site: u32,
    },
    /// The site is crawled again.
    Refresh {
        site: u32,
    },
    /// A piece of the long work under way.
    Slice,
    Commit,
    /// Nothing can be written: from now on, or once the file must grow.
    Fault {
        at_once: bool,
    },
    Heal,
    Crash,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..2u32, 0..PATHS, 0..4u32, 1..8u32)
            .prop_map(|(site, path, depth, n)| Step::Add { site, path, depth, n }),
        4 => (0..2u32, 1..5usize).prop_map(|(site, most)| Step::Lease { site, most }),
        8 => (any::<usize>(), 0..9u32, 0..PATHS, 0..6u32)
            .prop_map(|(which, how, path, found)| Step::End { which, how, path, found }),
        1 => any::<usize>().prop_map(|which| Step::Release { which }),
        1 => (1..80u32).prop_map(|page| Step::Stray { page }),
        3 => (1..80u32, 0..3u32, prop::option::of(any::<u32>()))
            .prop_map(|(page, how, filter)| Step::Revise { page, how, filter }),
        1 => (0..3u32, 0..10u32, any::<bool>())
            .prop_map(|(site, digit, preview)| Step::Prune { site, digit, preview }),
        1 => (0..3u32, 0..10u32).prop_map(|(site, digit)| Step::Reorder { site, digit }),
        1 => (0..2u32).prop_map(|site| Step::Forget { site }),
        2 => (0..2u32).prop_map(|site| Step::Refresh { site }),
        6 => Just(Step::Slice),
        3 => Just(Step::Commit),
        1 => any::<bool>().prop_map(|at_once| Step::Fault { at_once }),
        2 => Just(Step::Heal),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..120)
}
