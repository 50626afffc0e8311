//! Taking things from pages: characters, links, fields. Pure functions, for
//! threads that may compute.

pub mod charset;
pub mod content;
#[cfg(test)]
mod corpus;
mod dom;
pub mod explain;
pub mod fields;
mod gather;
mod json;
mod limits;
pub mod links;
mod markdown;
mod pass;
mod place;
mod rule;
mod stream;
mod tag;
mod tokens;
mod value;
