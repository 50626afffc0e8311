//! What a page has done so far: folded from the browser's events.

use super::deprecated;
use super::link::Event;
use chromiumoxide_cdp::cdp::browser_protocol::{inspector, network, page};
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// Requests in flight that are followed; a page with more is never quiet.
const MOST_IN_FLIGHT: usize = 2000;
/// Documents that one page may go through, by redirects of any kind.
const MOST_DOCUMENTS: u32 = 20;
/// How long a page that says it goes elsewhere is believed.
const LEAVING: Duration = Duration::from_secs(1);
/// A page that refreshes itself within this is one on the way to another.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The head of a page's document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// The browser's name for its request.
    pub(super) request: String,
    /// Where it came from, after redirects.
    pub(super) url: String,
    pub(super) status: u16,
    /// Its media type, as the browser takes it.
    pub(super) kind: String,
    /// Name to value, several values of one name separated by line breaks.
    pub(super) headers: Value,
    /// When it had come.
    pub(super) at: Instant,
}

/// How far a page has come.
#[derive(Debug)]
pub(super) struct Progress {
    /// The tab's main frame.
    frame: String,
    /// The request of the document that is on its way or there.
    wanted: Option<String>,
    pub(super) document: Option<Document>,
    /// The document that is shown while another is on its way: where that turns
    /// out to be a download, this one stays.
    before: Option<(String, Document)>,
    /// `Set-Cookie` of that document, separated by line breaks.
    pub(super) cookies: Option<String>,
    /// The document's own words of failure, as the browser's network has them.
    pub(super) failed: Option<String>,
    /// The loader whose document the frame shows.
    shown: Option<String>,
    /// Whether its `load` event has been.
    loaded: bool,
    /// Since when a script or the page itself has wanted to go elsewhere.
    leaving: Option<Instant>,
    /// When the page has said that it will refresh itself.
    refresh: Option<Instant>,
    in_flight: HashSet<String>,
    /// Since when nothing is in flight.
    quiet: Instant,
    documents: u32,
    /// Why the tab is of no more use.
    pub(super) broken: Option<Broken>,
}

/// What has become of a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Its process has crashed.
    Crashed,
    /// The page has closed it, or done more than could be followed.
    Closed,
}

impl Progress {
    pub(super) fn new(frame: &str, now: Instant) -> Self {
        Self {
            frame: frame.to_owned(),
            wanted: None,
            document: None,
            before: None,
            cookies: None,
            failed: None,
            shown: None,
            loaded: false,
            leaving: None,
            refresh: None,
            in_flight: HashSet::new(),
            quiet: now,
            documents: 0,
            broken: None,
        }
    }

    /// Whether the `load` event of the last document has been, and the page is
    /// not about to go on to another.
    pub(super) fn is_loaded(&self, now: Instant) -> bool {
        self.loaded && !self.is_leaving(now) && self.shown == self.wanted
    }

    /// Whether the page is about to go on to another document; one that says so
    /// and does not go stays.
    pub(super) fn is_leaving(&self, now: Instant) -> bool {
        self.leaving
            .is_some_and(|since| now.duration_since(since) <= LEAVING)
    }

    /// Whether the page has said that it will refresh itself by then.
    pub(super) fn refreshes_by(&self, until: Instant) -> bool {
        self.refresh.is_some_and(|at| at <= until)
    }

    /// The browser's name for the document that is on its way or there.
    pub(super) fn loader(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// Since when it has been loaded with nothing in flight.
    pub(super) fn quiet_since(&self, now: Instant) -> Option<Instant> {
        (self.is_loaded(now) && self.in_flight.is_empty()).then_some(self.quiet)
    }

    /// Whether it goes round in circles.
    pub(super) fn is_lost(&self) -> bool {
        self.documents > MOST_DOCUMENTS
    }

    /// Takes an event in.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) {
        let params = &event.params;
        match event.method.as_str() {
            network::EventRequestWillBeSent::IDENTIFIER => self.request(params, now),
            network::EventResponseReceived::IDENTIFIER => self.response(params, now),
            network::EventResponseReceivedExtraInfo::IDENTIFIER => self.extra(params),
            network::EventLoadingFinished::IDENTIFIER => self.end(params, now),
            network::EventLoadingFailed::IDENTIFIER => {
                self.end(params, now);
                if self.is_wanted(params) {
                    self.fail(text(params, "errorText"));
                }
            }
            page::EventFrameStartedNavigating::IDENTIFIER if self.is_main(params) => {
                // Within a document, nothing is loaded.
                let same = text(params, "navigationType") == Some("sameDocument");
                if let (false, Some(loader)) = (same, text(params, "loaderId")) {
                    self.depart(loader);
                }
            }
            page::EventFrameNavigated::IDENTIFIER => self.show(params, now),
            // Another tab's page is none of ours; popups are closed.
            page::EventFrameRequestedNavigation::IDENTIFIER
                if self.is_main(params)
                    && text(params, "disposition").is_none_or(|kind| kind == "currentTab") =>
            {
                self.leaving = Some(now);
            }
            // Comes after `load`, and before the answer to whatever is asked after that.
            deprecated::FRAME_SCHEDULED_NAVIGATION if self.is_main(params) => {
                self.schedule(params, now)
            }
            deprecated::FRAME_CLEARED_SCHEDULED_NAVIGATION if self.is_main(params) => {
                self.refresh = None
            }
            page::EventLifecycleEvent::IDENTIFIER if self.is_main(params) => {
                let loader = text(params, "loaderId");
                if loader.is_some() && loader == self.shown.as_deref() {
                    self.loaded |= text(params, "name") == Some("load");
                }
            }
            inspector::EventTargetCrashed::IDENTIFIER => self.broken = Some(Broken::Crashed),
            inspector::EventDetached::IDENTIFIER => {
                self.broken.get_or_insert(Broken::Closed);
            }
            _ => {}
        }
    }

    fn is_main(&self, params: &Value) -> bool {
        text(params, "frameId") == Some(&self.frame)
    }

    fn is_wanted(&self, params: &Value) -> bool {
        self.wanted.is_some() && self.wanted.as_deref() == text(params, "requestId")
    }

    fn request(&mut self, params: &Value, now: Instant) {
        let Some(id) = text(params, "requestId") else {
            return;
        };
        let document = text(params, "type") == Some("Document");
        if document && self.is_main(params) {
            self.depart(id);
            self.cookies = None;
            // Each hop of a redirect comes again under the same name.
            self.documents += u32::from(params.get("redirectResponse").is_some());
        }
        // Those that stay open, or that nobody waits for.
        let lasting = ["EventSource", "WebSocket", "Ping", "Prefetch", "Media"];
        let kind = text(params, "type").unwrap_or_default();
        if !lasting.contains(&kind) && self.in_flight.len() < MOST_IN_FLIGHT {
            self.in_flight.insert(id.to_owned());
            self.quiet = now;
        }
    }

    /// The page refreshes itself. What scripts want to do is told in other words.
    fn schedule(&mut self, params: &Value, now: Instant) {
        let own = ["metaTagRefresh", "httpHeaderRefresh"];
        if !text(params, "reason").is_some_and(|reason| own.contains(&reason)) {
            return;
        }
        let delay = params["delay"].as_f64().unwrap_or(0.0);
        let Ok(delay) = Duration::try_from_secs_f64(delay) else {
            return;
        };
        if delay <= AT_ONCE {
            self.leaving = Some(now + delay);
        }
        self.refresh = now.checked_add(delay);
    }

    /// Another document is on its way.
    fn depart(&mut self, loader: &str) {
        self.leaving = None;
        self.refresh = None;
        if self.wanted.as_deref() != Some(loader) {
            if let (Some(shown), Some(document)) = (&self.shown, self.document.take())
                && self.wanted.as_ref() == Some(shown)
            {
                self.before = Some((shown.clone(), document));
            }
            self.wanted = Some(loader.to_owned());
            self.failed = None;
            self.documents += 1;
        }
    }

    /// The document that was on its way does not come.
    fn fail(&mut self, error: Option<&str>) {
        match self.before.take() {
            Some((shown, document)) if error == Some("net::ERR_ABORTED") => {
                self.wanted = Some(shown);
                self.document = Some(document);
            }
            _ => self.failed = error.map(str::to_owned),
        }
    }

    fn response(&mut self, params: &Value, now: Instant) {
        if !self.is_wanted(params) {
            return;
        }
        let response = &params["response"];
        let status = response["status"].as_u64().and_then(|n| n.try_into().ok());
        self.document = Some(Document {
            request: self.wanted.clone().unwrap_or_default(),
            url: text(response, "url").unwrap_or_default().to_owned(),
            status: status.unwrap_or(0),
            kind: text(response, "mimeType").unwrap_or_default().to_owned(),
            headers: response["headers"].clone(),
            at: now,
        });
    }

    /// The headers as they came over the wire, cookies among them.
    fn extra(&mut self, params: &Value) {
        let redirect = params["statusCode"]
            .as_u64()
            .is_some_and(|status| (300..400).contains(&status));
        if !self.is_wanted(params) || redirect {
            return;
        }
        let Some(headers) = params["headers"].as_object() else {
            return;
        };
        let cookies = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .and_then(|(_, value)| value.as_str());
        self.cookies = cookies.map(str::to_owned);
    }

    fn end(&mut self, params: &Value, now: Instant) {
        if let Some(id) = text(params, "requestId")
            && self.in_flight.remove(id)
        {
            self.quiet = now;
        }
    }

    fn show(&mut self, params: &Value, now: Instant) {
        let frame = &params["frame"];
        if text(frame, "id") != Some(&self.frame) {
            return;
        }
        self.shown = text(frame, "loaderId").map(str::to_owned);
        // A document that needs no request, such as about:blank.
        if self.wanted.is_none() {
            self.wanted.clone_from(&self.shown);
        }
        self.before = None;
        self.loaded = false;
        self.leaving = None;
        self.refresh = None;
        self.quiet = now;
    }
}

/// A text of an object.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
