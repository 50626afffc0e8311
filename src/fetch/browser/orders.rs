//! What the requests of one page may do: which go out, with which headers.

use super::progress::text;
use super::trackers;
use crate::config::browsing::Blocked;
use crate::fetch::Visitor;
use crate::fetch::dns::{Lookup, NoAddress, usable};
use crate::fetch::error::Cause;
use crate::fetch::proxy::{self, Held};
use crate::page::FailureKind;
use crate::page::net::is_private;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chromiumoxide_cdp::cdp::browser_protocol::fetch::{
    ContinueRequestParams, HeaderEntry, RequestId,
};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::sync::Arc;
use url::Url;

/// What holds for all requests of one page.
pub(super) struct Orders {
    visitor: Visitor,
    /// The tab's main frame.
    frame: String,
    /// User name and password of the page's URL, and for which URL.
    credentials: Option<(Url, HeaderValue)>,
    names: Arc<dyn Lookup>,
    /// Where it goes by proxies: whether names are left to them.
    leaves_names: Option<bool>,
}

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It goes out, told this.
    Go(ContinueRequestParams),
    /// It is left out.
    Leave,
    /// It must not go out, and where it is the page's own document, the page
    /// fails for this.
    Refuse(Cause),
}

impl Orders {
    /// The orders for a page of `url` in a tab's main frame `frame`.
    pub(super) fn new(
        visitor: &Visitor,
        frame: &str,
        url: &Url,
        headers: &HeaderMap,
        names: &Arc<dyn Lookup>,
        by: Option<&Held>,
    ) -> Self {
        let authorization = headers.get(AUTHORIZATION);
        Self {
            visitor: visitor.clone(),
            frame: frame.to_owned(),
            credentials: authorization.map(|value| (url.clone(), value.clone())),
            names: Arc::clone(names),
            leaves_names: by.map(Held::leaves_names),
        }
    }

    /// Whether a request is the page's own document.
    pub(super) fn is_document(&self, paused: &Value) -> bool {
        text(paused, "resourceType") == Some("Document")
            && text(paused, "frameId") == Some(&self.frame)
    }

    /// Judges a request that the browser has paused, by the parameters of
    /// `Fetch.requestPaused`.
    pub(super) async fn judge(&self, paused: &Value) -> Verdict {
        let request = &paused["request"];
        let Some(url) = text(request, "url").and_then(|url| Url::parse(url).ok()) else {
            return Verdict::Leave;
        };
        match url.scheme() {
            "http" | "https" | "ws" | "wss" => {}
            "data" | "blob" | "about" => {
                return Verdict::Go(ContinueRequestParams::new(self::request(paused)));
            }
            other => {
                let detail = format!("the page leads to a `{other}` address");
                return Verdict::Refuse(Cause::new(FailureKind::Scope, detail));
            }
        }
        let kind = text(paused, "resourceType").unwrap_or_default();
        let document = self.is_document(paused);
        if !document && is_left_out(self.visitor.browsing.block, kind, &url) {
            return Verdict::Leave;
        }
        if self.visitor.guarded
            && let Err(cause) = self.check(&url).await
        {
            return Verdict::Refuse(cause);
        }
        Verdict::Go(self.changed(&url, paused, document))
    }

    /// Refuses what leads a guarded site to a private address.
    async fn check(&self, url: &Url) -> Result<(), Cause> {
        match (self.leaves_names, url.host()) {
            (Some(left), Some(host)) => proxy::check(&*self.names, left, host).await,
            _ => public(url, &*self.names).await,
        }
    }

    /// What a request that goes out is told.
    fn changed(&self, url: &Url, paused: &Value, document: bool) -> ContinueRequestParams {
        let mut added: Vec<(&HeaderName, &HeaderValue)> = self.visitor.added(url).collect();
        if let Some((own, value)) = &self.credentials
            && own.origin() == url.origin()
        {
            added.push((&AUTHORIZATION, value));
        }
        let mut told = ContinueRequestParams::new(request(paused));
        let call = self.visitor.call().filter(|_| document);
        if let Some(call) = call {
            added.extend(&call.headers);
            if let Some(body) = &call.body {
                told.method = Some("POST".to_owned());
                told.post_data = Some(BASE64.encode(body).into());
            }
        }
        if added.is_empty() {
            return told;
        }
        // All headers must be told, or they are lost.
        let kept = paused["request"]["headers"].as_object();
        let kept = kept.into_iter().flatten();
        let kept = kept.filter(|(name, _)| {
            let same = |own: &&HeaderName| own.as_str().eq_ignore_ascii_case(name);
            added.iter().map(|(own, _)| own).all(|own| !same(own))
        });
        let mut headers: Vec<HeaderEntry> = kept
            .filter_map(|(name, value)| Some(HeaderEntry::new(name, value.as_str()?)))
            .collect();
        headers.extend(added.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            HeaderEntry::new(name.as_str(), value)
        }));
        told.headers = Some(headers);
        told
    }
}

/// The browser's name for a request that it has paused.
pub(super) fn request(paused: &Value) -> RequestId {
    let id = text(paused, "requestId").unwrap_or_default();
    id.to_owned().into()
}

/// Whether what a page wants is left out by the operator's choice. `kind` is
/// the protocol's `Network.ResourceType`.
fn is_left_out(block: Blocked, kind: &str, url: &Url) -> bool {
    match kind {
        "Image" => block.images,
        "Font" => block.fonts,
        "Media" | "TextTrack" => block.media,
        "Stylesheet" => block.styles,
        // Reports of violated policies, and beacons: nothing comes of them.
        "Ping" | "CSPViolationReport" => block.trackers,
        _ => false,
    }
    .max(block.trackers && trackers::is_tracker(url))
}

/// Whether a URL leads to the public internet.
pub(super) async fn public(url: &Url, names: &dyn Lookup) -> Result<(), Cause> {
    let private = |detail| Err(Cause::new(FailureKind::Private, detail));
    let literal = match url.host() {
        Some(url::Host::Ipv4(ip)) => Some(ip.into()),
        Some(url::Host::Ipv6(ip)) => Some(ip.into()),
        Some(url::Host::Domain(name)) => {
            let found = names.lookup(name).await;
            let found = found.and_then(|found| usable(name, found, true));
            return match found {
                Ok(_) => Ok(()),
                Err(NoAddress::Unresolved(why)) => Err(Cause::new(FailureKind::Dns, why)),
                Err(refused @ NoAddress::Private { .. }) => private(refused.to_string()),
            };
        }
        None => None,
    };
    match literal {
        Some(ip) if is_private(ip) => private(format!("{ip} is a private address")),
        Some(_) => Ok(()),
        None => Err(Cause::new(FailureKind::Protocol, "the address has no host")),
    }
}

#[cfg(test)]
mod tests;
