//! A headless browser: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 4;
/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(60);

rung_form! {
    /// A headless browser.
    BrowserForm {
    }
}

/// A headless browser, resolved.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Its limits.
    pub limits: RungLimits,
}

impl Browser {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<BrowserForm>, delay: Duration) -> Result<Self, String> {
        Ok(Self {
            limits: BrowserForm::limits(form.as_ref(), Rung::Browser, CONCURRENCY, TIMEOUT, delay)?,
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        let Self { limits: _ } = self;
        xxh3_64(b"browser")
    }
}
