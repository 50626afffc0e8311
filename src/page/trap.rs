//! What is kept of traps from one run to the next. A trap is a kind of URLs of
//! which a site has no end, told by its shape.

use super::Fingerprint;

/// A link that a trap left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Of `url`.
    pub print: Fingerprint,
    /// In normal form.
    pub url: Box<str>,
    /// Links from the start page.
    pub depth: u32,
}

/// A shape and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapState {
    /// Of kind and shape, the same in every run.
    pub key: u64,
    /// The number of its kind.
    pub kind: u8,
    /// The shape, with what varies in braces.
    pub shape: Box<str>,
    /// New pages taken.
    pub taken: u64,
    /// Links left out, those among them that are not remembered.
    pub left: u64,
    /// Links left out that are remembered.
    pub links: Vec<LeftOut>,
}

/// What changes of a shape. It counts together with the pages that are taken
/// by it, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapChange {
    /// As in [`TrapState`]; so `kind` and `shape`.
    pub key: u64,
    /// See there.
    pub kind: u8,
    /// See there.
    pub shape: Box<str>,
    /// Further pages taken, those of `back` not among them.
    pub taken: u64,
    /// Further links left out and not remembered.
    pub forgotten: u64,
    /// Further links left out, to be remembered.
    pub links: Vec<LeftOut>,
    /// Links that had been left out and are taken now.
    pub back: Vec<Fingerprint>,
}
