//! Taking things from pages: characters, links, fields. Pure functions, for
//! threads that may compute.

pub mod charset;
pub mod fields;
mod limits;
pub mod links;
mod pass;
mod stream;
mod tag;
mod tokens;
