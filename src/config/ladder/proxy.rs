//! HTTP through proxies: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 16;
/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(30);

rung_form! {
    /// HTTP through proxies.
    ProxyForm {
    }
}

/// HTTP through proxies, resolved.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its limits.
    pub limits: RungLimits,
}

impl Proxy {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<ProxyForm>, delay: Duration) -> Result<Self, String> {
        if form.is_none() {
            let text = "fetch.via names proxy, which needs fetch.proxy with the proxies to go by";
            return Err(text.to_owned());
        }
        Ok(Self {
            limits: ProxyForm::limits(form.as_ref(), Rung::Proxy, CONCURRENCY, TIMEOUT, delay)?,
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        let Self { limits: _ } = self;
        xxh3_64(b"proxy")
    }
}
