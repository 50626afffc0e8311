//! Fields by simple selectors, in the same pass as the links and without a
//! DOM. Where this cannot be certain to see the tree that a browser builds, it
//! says so, and the page is left to the DOM.

mod bits;
mod body;
mod head;
mod names;
mod select;
mod stack;
mod table;
mod take;
mod tree;
mod words;

#[cfg(test)]
mod tests;

pub(super) use take::{Found, Hit, NotSimple, Program, Want};
pub(super) use tree::Streaming;
