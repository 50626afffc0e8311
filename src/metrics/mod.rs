//! The picture for Prometheus: its text format over HTTP.

mod ladder;
mod lines;
mod server;
mod text;

#[cfg(test)]
mod tests;

pub use self::server::serve;
pub use self::text::exposition;
