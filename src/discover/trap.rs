//! Traps: kinds of URLs of which a site has no end. Each is told by its shape,
//! and of one shape only so many new pages are taken.

mod shape;

pub use self::shape::{Kind, Shape};

use crate::page::{Fingerprint, LeftOut, TrapChange, TrapState};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Shapes remembered, at some 150 bytes each. Beyond these further ones are
/// not recognised.
const SHAPES: usize = 10_000;
/// Links that were left out which are remembered, of all shapes together. Those
/// beyond come back when they are found again.
const REMEMBERED: usize = 20_000;
/// Different orders and sets of keys by which a path's queries are permuted.
const PERMUTED: usize = 12;

/// What is to be done about a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Take,
    /// It is left out.
    Leave,
    /// It is left out, as the first of its shape.
    LeaveFirst,
}

/// A shape of which pages were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// What kind of trap.
    pub kind: Kind,
    /// The shape, with what varies in braces.
    pub shape: Box<str>,
    /// New pages taken.
    pub taken: u64,
    /// Links left out. One that is found on several pages counts once, as long
    /// as it is remembered.
    pub left: u64,
    /// Whether the operator has lifted it: all its pages are taken.
    pub lifted: bool,
}

/// The shapes seen on one site.
#[derive(Debug, Default)]
pub struct Traps(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    shapes: HashMap<u64, Known>,
    /// Links left out, of all shapes.
    remembered: usize,
    /// Shapes that the operator has lifted.
    lifted: HashSet<String>,
    /// For each path, in which ways the keys of its queries stood.
    queries: HashMap<u64, Vec<u32>>,
}

#[derive(Debug)]
struct Known {
    trap: Trap,
    /// The links left out: URL and depth.
    left_out: HashMap<Fingerprint, (Box<str>, u32)>,
}

/// What changed of shapes while one page was read, to be kept with that page.
#[derive(Debug, Default)]
pub struct Changes(HashMap<u64, TrapChange>);

impl Changes {
    /// A list of them, each shape once.
    pub fn into_vec(self) -> Vec<TrapChange> {
        self.0.into_values().collect()
    }

    fn of(&mut self, key: u64, trap: &Trap) -> &mut TrapChange {
        self.0.entry(key).or_insert_with(|| TrapChange {
            key,
            kind: trap.kind.number(),
            shape: trap.shape.clone(),
            taken: 0,
            forgotten: 0,
            links: Vec::new(),
            back: Vec::new(),
        })
    }
}

/// Links to be taken up again, and what that changes.
#[derive(Debug, Default)]
pub struct Back {
    /// The links, the nearest to the start page first.
    pub links: Vec<LeftOut>,
    /// To be kept when they are taken up.
    pub changes: Changes,
}

impl Traps {
    /// Judges a URL that is in scope and not known; of one shape `cap` new
    /// ones are taken at most. It was found `depth` links from the start.
    pub fn judge(
        &self,
        (print, url): (Fingerprint, &str),
        depth: u32,
        cap: Option<u64>,
        changes: &mut Changes,
    ) -> Verdict {
        let (Some(cap), Some(shape)) = (cap, shape::of(url)) else {
            return Verdict::Take;
        };
        let mut table = self.table();
        let key = key(&shape);
        let is_known = table.shapes.contains_key(&key);
        if !is_known && shape.kind == Kind::Query && !table.is_permuted(&shape) {
            return Verdict::Take;
        }
        if !is_known && table.shapes.len() >= SHAPES {
            return Verdict::Take;
        }
        let has_room = table.remembered < REMEMBERED;
        let lifted = table.lifted.contains(&shape.text);
        let known = table.shapes.entry(key).or_insert_with(|| Known {
            trap: Trap {
                kind: shape.kind,
                shape: shape.text.into(),
                taken: 0,
                left: 0,
                lifted,
            },
            left_out: HashMap::new(),
        });
        let trap = &mut known.trap;
        if lifted || trap.taken < trap.kind.cap(cap) {
            trap.taken += 1;
            changes.of(key, trap).taken += 1;
            return Verdict::Take;
        }
        if known.left_out.contains_key(&print) {
            return Verdict::Leave;
        }
        trap.left += 1;
        let left = trap.left;
        let change = changes.of(key, trap);
        if has_room {
            let url: Box<str> = url.into();
            change.links.push(LeftOut {
                print,
                url: url.clone(),
                depth,
            });
            known.left_out.insert(print, (url, depth));
            table.remembered += 1;
        } else {
            change.forgotten += 1;
        }
        match left {
            1 => Verdict::LeaveFirst,
            _ => Verdict::Leave,
        }
    }

    /// The shape of a URL that was left out, and what is known of it.
    pub fn of(&self, url: &str) -> Option<Trap> {
        let shape = shape::of(url)?;
        let table = self.table();
        table
            .shapes
            .get(&key(&shape))
            .map(|known| known.trap.clone())
    }

    /// Lifts a shape, or caps it again; `false` where it was so already. What
    /// it left out is given back by [`Traps::give_back`].
    pub fn lift(&self, shape: &str, lifted: bool) -> bool {
        let mut table = self.table();
        let changed = match lifted {
            true => table.lifted.insert(shape.to_owned()),
            false => table.lifted.remove(shape),
        };
        for known in table.shapes.values_mut() {
            if *known.trap.shape == *shape {
                known.trap.lifted = lifted;
            }
        }
        changed
    }

    /// Gives back links left out that are `wanted`: all those of shapes that
    /// are lifted, of the others as many as there is room for under `cap`.
    /// They count as taken from now on.
    pub fn give_back(&self, cap: Option<u64>, wanted: &dyn Fn(&LeftOut) -> bool) -> Back {
        let mut back = Back::default();
        let mut table = self.table();
        for (key, known) in &mut table.shapes {
            let trap = &mut known.trap;
            let room = match cap {
                Some(cap) if !trap.lifted => trap.kind.cap(cap).saturating_sub(trap.taken),
                _ => u64::MAX,
            };
            if room == 0 || known.left_out.is_empty() {
                continue;
            }
            let links = known.left_out.iter().map(|(print, (url, depth))| LeftOut {
                print: *print,
                url: url.clone(),
                depth: *depth,
            });
            let mut links: Vec<LeftOut> = links.filter(|link| wanted(link)).collect();
            links.sort_by(|a, b| (a.depth, &a.url).cmp(&(b.depth, &b.url)));
            links.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            if links.is_empty() {
                continue;
            }
            let change = back.changes.of(*key, trap);
            for link in links {
                known.left_out.remove(&link.print);
                trap.taken += 1;
                trap.left = trap.left.saturating_sub(1);
                change.back.push(link.print);
                back.links.push(link);
            }
        }
        table.remembered -= back.links.len();
        back.links.sort_by_key(|link| link.depth);
        back
    }

    /// Takes up what is known from an earlier run.
    pub fn restore(&self, states: Vec<TrapState>) {
        let mut table = self.table();
        for state in states {
            let Some(kind) = Kind::of_number(state.kind) else {
                continue;
            };
            if table.shapes.len() >= SHAPES {
                return;
            }
            let room = REMEMBERED.saturating_sub(table.remembered);
            let links = state.links.into_iter().take(room);
            let left_out: HashMap<_, _> = links
                .map(|link| (link.print, (link.url, link.depth)))
                .collect();
            table.remembered += left_out.len();
            let trap = Trap {
                kind,
                lifted: table.lifted.contains(&*state.shape),
                shape: state.shape,
                taken: state.taken,
                left: state.left,
            };
            table.shapes.insert(state.key, Known { trap, left_out });
        }
    }

    /// Whether anything is known of a shape.
    pub fn knows(&self, shape: &str) -> bool {
        let table = self.table();
        let mut traps = table.shapes.values().map(|known| &known.trap);
        table.lifted.contains(shape) || traps.any(|trap| *trap.shape == *shape)
    }

    /// Shapes of which links were left out, those with most first.
    pub fn sprung(&self) -> Vec<Trap> {
        let table = self.table();
        let mut traps: Vec<Trap> = table
            .shapes
            .values()
            .map(|known| &known.trap)
            .filter(|t| t.left > 0 || t.lifted)
            .cloned()
            .collect();
        traps.sort_by(|a, b| b.left.cmp(&a.left).then_with(|| a.shape.cmp(&b.shape)));
        traps
    }

    /// Forgets everything but what the operator has lifted.
    pub fn clear(&self) {
        let mut table = self.table();
        *table = Table {
            lifted: std::mem::take(&mut table.lifted),
            ..Table::default()
        };
    }

    /// Whole between any two instructions that can panic.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(shape: &Shape) -> u64 {
    xxh3_64(shape.text.as_bytes()) ^ shape.kind as u64
}

impl Table {
    /// Notes in which way the keys of a query stand; answers whether those of
    /// its path stand in so many ways that they are permuted.
    fn is_permuted(&mut self, shape: &Shape) -> bool {
        let path = xxh3_64(shape.text.as_bytes());
        // 32 of its bits tell a dozen ways from each other.
        let way = shape.way as u32;
        let is_full = self.queries.len() >= SHAPES;
        match self.queries.get_mut(&path) {
            Some(ways) => {
                if ways.len() < PERMUTED && !ways.contains(&way) {
                    ways.push(way);
                }
                ways.len() >= PERMUTED
            }
            None => {
                if !is_full {
                    self.queries.insert(path, vec![way]);
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
