//! The HTTP rung against real servers on loopback, well-behaved and not.

mod answers;
mod connections;
mod failures;
mod guard;
pub(crate) mod support;
mod tls;
