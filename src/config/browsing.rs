//! How the headless browser opens a site's pages.

use std::time::Duration;

/// What is waited for, done and left out when a page is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browsing {
    /// When the page is taken as ready.
    pub wait: Wait,
    /// How long that is waited for, from the moment when the page's document
    /// has come; it is then taken as it is.
    pub patience: Duration,
    /// What is not fetched.
    pub block: Blocked,
    /// What is done once it is ready, in order.
    pub steps: Vec<Step>,
    /// Whether a picture of it is kept.
    pub screenshot: bool,
}

impl Browsing {
    /// Limit of the whole page where the sites file says nothing.
    pub const TIMEOUT: Duration = Duration::from_secs(60);
    /// [`Browsing::patience`] where the sites file says nothing.
    pub const PATIENCE: Duration = Duration::from_secs(10);
    /// Most steps of a page.
    pub const MOST_STEPS: usize = 50;
    /// Most scrolls of one step.
    pub const MOST_SCROLLS: u64 = 1000;
}

impl Default for Browsing {
    fn default() -> Self {
        Self {
            wait: Wait::Load,
            patience: Self::PATIENCE,
            block: Blocked::default(),
            steps: Vec::new(),
            screenshot: false,
        }
    }
}

/// When a page is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Its `load` event has been.
    Load,
    /// And its network has been quiet for half a second.
    NetworkIdle,
    /// An element matches this CSS selector.
    Selector(String),
}

/// What is done with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Scroll to its end, this many times, each time waiting for the network.
    Scroll(u32),
    /// Click the first element that matches this CSS selector, if one does.
    Click(String),
    /// Wait, as long as [`Browsing::patience`] at most.
    Wait(Wait),
    /// Wait this long.
    Pause(Duration),
}

/// What a page's browser does not fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Images.
    pub images: bool,
    /// Fonts.
    pub fonts: bool,
    /// Sound and film.
    pub media: bool,
    /// Style sheets.
    pub styles: bool,
    /// Anything of hosts that are known to count visitors.
    pub trackers: bool,
}

impl Blocked {
    /// Nothing.
    pub const NOTHING: Self = Self {
        images: false,
        fonts: false,
        media: false,
        styles: false,
        trackers: false,
    };
}

impl Default for Blocked {
    fn default() -> Self {
        Self {
            images: true,
            fonts: true,
            media: true,
            styles: false,
            trackers: true,
        }
    }
}
