//! The rung against small proxies that keep to the protocols, and such that
//! do not.

mod faults;
mod guard;
mod held;
mod lists;
mod rotation;
pub(in crate::fetch) mod support;
mod wire;
