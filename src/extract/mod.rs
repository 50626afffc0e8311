//! Taking things from pages: characters, links, fields. Pure functions, for
//! threads that may compute.

pub mod charset;
pub mod fields;
pub mod links;
mod pass;
mod tag;
mod tokens;
