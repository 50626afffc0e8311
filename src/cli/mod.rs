//! cli

pub mod export;
pub mod status;
