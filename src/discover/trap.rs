//! Traps: kinds of URLs of which a site has no end. Each is told by its shape,
//! and of one shape only so many new pages are taken.

mod shape;

pub use self::shape::{Kind, Shape};

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
    pub shape: String,
    /// New pages taken.
    pub taken: u64,
    /// Links left out.
    pub left: u64,
    /// Whether the operator has lifted it: all its pages are taken.
    pub lifted: bool,
}

/// A link that was left out, to be taken up again when its trap is lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its URL in normal form.
    pub url: Box<str>,
    /// Links from the start page.
    pub depth: u32,
}

/// The shapes seen on one site.
#[derive(Debug, Default)]
pub struct Traps(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    shapes: HashMap<u64, Trap>,
    /// Links left out, by the keys of their shapes.
    left_out: HashMap<u64, Vec<LeftOut>>,
    remembered: usize,
    /// Shapes that the operator has lifted.
    lifted: HashSet<String>,
    /// For each path, in which ways the keys of its queries stood.
    queries: HashMap<u64, Vec<u32>>,
}

impl Traps {
    /// Judges a URL that is in scope and not known; of one shape `cap` new
    /// ones are taken at most. It was found `depth` links from the start.
    pub fn judge(&self, url: &str, depth: u32, cap: Option<u64>) -> Verdict {
        let (Some(cap), Some(shape)) = (cap, shape::of(url)) else {
            return Verdict::Take;
        };
        let mut table = self.table();
        if shape.kind == Kind::Query && !table.is_permuted(&shape) {
            return Verdict::Take;
        }
        let key = key(&shape);
        let lifted = table.lifted.contains(&shape.text);
        let is_full = table.shapes.len() >= SHAPES;
        if is_full && !table.shapes.contains_key(&key) {
            return Verdict::Take;
        }
        let trap = table.shapes.entry(key).or_insert_with(|| Trap {
            kind: shape.kind,
            shape: shape.text,
            taken: 0,
            left: 0,
            lifted,
        });
        if lifted || trap.taken < trap.kind.cap(cap) {
            trap.taken += 1;
            return Verdict::Take;
        }
        trap.left += 1;
        let left = trap.left;
        if table.remembered < REMEMBERED {
            table.remembered += 1;
            let url = url.into();
            table
                .left_out
                .entry(key)
                .or_default()
                .push(LeftOut { url, depth });
        }
        match left {
            1 => Verdict::LeaveFirst,
            _ => Verdict::Leave,
        }
    }

    /// The shape of a URL that was left out, and what is known of it.
    pub fn of(&self, url: &str) -> Option<Trap> {
        let shape = shape::of(url)?;
        self.table().shapes.get(&key(&shape)).cloned()
    }

    /// Lifts a shape, or caps it again; lifted, it gives back the links left
    /// out that are remembered. `None` where it was so already.
    pub fn lift(&self, shape: &str, lifted: bool) -> Option<Vec<LeftOut>> {
        let mut table = self.table();
        let changed = match lifted {
            true => table.lifted.insert(shape.to_owned()),
            false => table.lifted.remove(shape),
        };
        if !changed {
            return None;
        }
        let mut back = Vec::new();
        let mut keys = Vec::new();
        for (key, trap) in &mut table.shapes {
            if trap.shape == shape {
                trap.lifted = lifted;
                keys.push(*key);
            }
        }
        for key in keys.into_iter().filter(|_| lifted) {
            back.extend(table.left_out.remove(&key).unwrap_or_default());
        }
        table.remembered -= back.len();
        Some(back)
    }

    /// Whether anything is known of a shape.
    pub fn knows(&self, shape: &str) -> bool {
        let table = self.table();
        table.lifted.contains(shape) || table.shapes.values().any(|trap| trap.shape == shape)
    }

    /// Shapes of which links were left out, those with most first.
    pub fn sprung(&self) -> Vec<Trap> {
        let table = self.table();
        let mut traps: Vec<Trap> = table
            .shapes
            .values()
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
