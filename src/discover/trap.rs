//! Traps: kinds of URLs of which a site has no end. Each is told by its shape,
//! and of one shape only so many new pages are taken.

mod shape;

pub use self::shape::{Kind, Shape};

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Shapes remembered, at some 150 bytes each. Beyond these further ones are
/// not recognised.
const SHAPES: usize = 10_000;
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
}

/// The shapes seen on one site.
#[derive(Debug, Default)]
pub struct Traps(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    shapes: HashMap<u64, Trap>,
    /// For each path, in which ways the keys of its queries stood.
    queries: HashMap<u64, Vec<u32>>,
}

impl Traps {
    /// Judges a URL that is in scope and not known; of one shape `cap` new
    /// ones are taken at most.
    pub fn judge(&self, url: &str, cap: Option<u64>) -> Verdict {
        let (Some(cap), Some(shape)) = (cap, shape::of(url)) else {
            return Verdict::Take;
        };
        let mut table = self.table();
        if shape.kind == Kind::Query && !table.is_permuted(&shape) {
            return Verdict::Take;
        }
        let key = xxh3_64(shape.text.as_bytes()) ^ shape.kind as u64;
        let is_full = table.shapes.len() >= SHAPES;
        if is_full && !table.shapes.contains_key(&key) {
            return Verdict::Take;
        }
        let trap = table.shapes.entry(key).or_insert_with(|| Trap {
            kind: shape.kind,
            shape: shape.text,
            taken: 0,
            left: 0,
        });
        if trap.taken < trap.kind.cap(cap) {
            trap.taken += 1;
            return Verdict::Take;
        }
        trap.left += 1;
        match trap.left {
            1 => Verdict::LeaveFirst,
            _ => Verdict::Leave,
        }
    }

    /// The shape of a URL that was left out, and what is known of it.
    pub fn of(&self, url: &str) -> Option<Trap> {
        let shape = shape::of(url)?;
        let key = xxh3_64(shape.text.as_bytes()) ^ shape.kind as u64;
        self.table().shapes.get(&key).cloned()
    }

    /// Shapes of which links were left out, those with most first.
    pub fn sprung(&self) -> Vec<Trap> {
        let table = self.table();
        let mut traps: Vec<Trap> = table
            .shapes
            .values()
            .filter(|t| t.left > 0)
            .cloned()
            .collect();
        traps.sort_by(|a, b| b.left.cmp(&a.left).then_with(|| a.shape.cmp(&b.shape)));
        traps
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.table() = Table::default();
    }

    /// Whole between any two instructions that can panic.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
