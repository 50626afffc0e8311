//! What the protocol calls deprecated and browsers still speak: the crate of its
//! messages leaves it out.

use chromiumoxide_types::{Command, Method, MethodId};
use serde::Serialize;
use serde::de::IgnoredAny;

/// The page says when it will go on to another address.
pub(super) const FRAME_SCHEDULED_NAVIGATION: &str = "Page.frameScheduledNavigation";
/// It has gone on, or will not.
pub(super) const FRAME_CLEARED_SCHEDULED_NAVIGATION: &str = "Page.frameClearedScheduledNavigation";

/// `Emulation.setVisibleSize`: how much of the window is painted, CSS pixels.
#[derive(Debug, Serialize)]
pub(super) struct SetVisibleSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Method for SetVisibleSize {
    fn identifier(&self) -> MethodId {
        "Emulation.setVisibleSize".into()
    }
}

impl Command for SetVisibleSize {
    type Response = IgnoredAny;
}
