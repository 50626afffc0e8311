//! HTTP through proxies: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::forms::OneOrMany;
use crate::config::proxies::{Gateway, ProxyFrom, ProxyRule};
use crate::config::resolve::many;
use crate::config::scalar::{
    FallbackName, Positive, ProxyListUrl, ProxyText, ResolveName, RotateName, Span, Text,
};
use crate::config::{Rotate, Rung};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 16;
/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a list can be read again at the most.
const MIN_REFRESH: Duration = Duration::from_secs(1);

rung_form! {
    /// HTTP through proxies.
    ProxyForm {
        /// Proxies: `http://user:password@host:port`, or https, socks5, socks5h.
        list: OneOrMany<ProxyText>,
        /// A file with one proxy a line, by its path from the sites file.
        file: Text,
        /// A URL where such a list is fetched.
        from: ProxyListUrl,
        /// A gateway: `{session}` in its login makes each session another exit.
        gateway: ProxyText,
        /// What stands for `{country}` in the gateway's login.
        country: Text,
        /// How often `file` or `from` is read again; by default never.
        refresh: Span,
        /// When another exit is taken: `request` (the default), `site` or `session`.
        rotate: RotateName,
        /// How long a session serves; with `rotate: session`.
        session: SessionForm,
        /// User agents that sessions take in turn. By default the site's own.
        user_agents: OneOrMany<Text>,
        /// `remote` leaves names to the proxy without a look at where they lead; by
        /// default `local`.
        resolve: ResolveName,
        /// `direct` goes without a proxy where none can be used; by default `none`.
        fallback: FallbackName,
    }
}

/// How long a session serves.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionForm {
    /// Requests at most.
    pub pages: Option<Positive>,
    /// Its age at most.
    #[serde(rename = "for")]
    pub lasts: Option<Span>,
}

impl ProxyForm {
    /// This map, with what it leaves out taken from `other`; one that names
    /// proxies takes none of `other`'s.
    pub(super) fn over(self, mut other: Self) -> Self {
        if self.sources() > 0 {
            (other.list, other.file, other.from) = (None, None, None);
            (other.gateway, other.country, other.refresh) = (None, None, None);
        }
        self.or(other)
    }

    /// Ways in which it names proxies.
    fn sources(&self) -> usize {
        usize::from(self.list.is_some())
            + usize::from(self.file.is_some())
            + usize::from(self.from.is_some())
            + usize::from(self.gateway.is_some())
    }
}

/// HTTP through proxies, resolved.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its limits.
    pub limits: RungLimits,
    /// By which proxies, and how.
    pub rule: Arc<ProxyRule>,
}

impl Proxy {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<ProxyForm>, delay: Duration) -> Result<Self, String> {
        let Some(form) = form else {
            let text = "fetch.via names proxy, which needs fetch.proxy with the proxies to go by: \
                        list, file, from or gateway";
            return Err(text.to_owned());
        };
        let limits = ProxyForm::limits(Some(&form), Rung::Proxy, CONCURRENCY, TIMEOUT, delay)?;
        let rule = rule(form).map_err(|wrong| format!("fetch.proxy: {wrong}"))?;
        Ok(Self {
            limits,
            rule: Arc::new(rule),
        })
    }

    /// Takes the path of a list as one from `folder`.
    pub fn in_folder(&mut self, folder: &Path) {
        if let ProxyFrom::File(path) = &self.rule.from {
            let path = folder.join(path);
            let mut rule = ProxyRule::clone(&self.rule);
            rule.from = ProxyFrom::File(path);
            self.rule = Arc::new(rule);
        }
    }

    /// Tells its exits and how they are used from others, secrets included:
    /// what stays the same where only limits change.
    pub fn key(&self) -> u64 {
        let Self { limits: _, rule } = self;
        xxh3_64(format!("{rule:?}{}", rule.from.secrets()).as_bytes())
    }
}

fn rule(form: ProxyForm) -> Result<ProxyRule, String> {
    match form.sources() {
        0 => {
            return Err("it names no proxies; write list, file, from or gateway".to_owned());
        }
        1 => {}
        _ => {
            return Err("list, file, from and gateway exclude each other; write one".to_owned());
        }
    }
    if form.country.is_some() && form.gateway.is_none() {
        return Err("country is for a gateway".to_owned());
    }
    let rereadable = form.file.is_some() || form.from.is_some();
    let refresh = form.refresh.map(|span| span.0);
    if refresh.is_some() && !rereadable {
        return Err("refresh is for file and from; leave it out".to_owned());
    }
    if refresh.is_some_and(|refresh| refresh < MIN_REFRESH) {
        return Err("refresh is shorter than a second; write one such as 10m".to_owned());
    }
    let rotate = form.rotate.map(|name| name.0).unwrap_or_default();
    let from = if let Some(gateway) = form.gateway {
        let gateway = Gateway::new(gateway.0, form.country.map(|text| text.0))?;
        if rotate != Rotate::Request && !gateway.has_sessions() {
            let text = "the gateway's login has no {session}, so that no session can stay with \
                        its exit; write it there, or rotate: request";
            return Err(text.to_owned());
        }
        ProxyFrom::Gateway(gateway)
    } else if let Some(file) = form.file {
        ProxyFrom::File(file.0.into())
    } else if let Some(url) = form.from {
        ProxyFrom::Url(url.0)
    } else {
        let list = many(form.list, |proxy| proxy.0);
        if list.is_empty() {
            return Err("list is empty; write a proxy such as http://host:port".to_owned());
        }
        ProxyFrom::List(list)
    };
    let (pages, lasts) = match form.session {
        None => (Some(ProxyRule::PAGES), Some(ProxyRule::LASTS)),
        Some(_) if rotate != Rotate::Session => {
            return Err("session is for rotate: session; write that, or leave it out".to_owned());
        }
        Some(form) => {
            let lasts = form.lasts.map(|span| span.0);
            if lasts.is_some_and(|lasts| lasts.is_zero()) {
                return Err("session.for: 0 lets no session begin; write such as 10m".to_owned());
            }
            (form.pages.map(|pages| pages.0), lasts)
        }
    };
    let user_agents = many(form.user_agents, |text| text.0);
    if user_agents
        .iter()
        .any(|text| HeaderValue::from_str(text).is_err())
    {
        return Err("one of user_agents cannot be a header's value".to_owned());
    }
    Ok(ProxyRule {
        from,
        refresh,
        rotate,
        pages,
        lasts,
        user_agents,
        remote_names: form.resolve.is_some_and(|remote| remote.0),
        direct: form.fallback.is_some_and(|direct| direct.0),
    })
}

#[cfg(test)]
mod tests;
