//! A headless browser: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use crate::config::browsing::{Blocked, Browsing, Step, Wait};
use crate::config::forms::{Forms, Never, OneOrMany};
use crate::config::scalar::{BlockName, Css, PauseWord, Scrolls, Span, Switch, WaitWord};
use serde::de;
use serde::{Deserialize, Deserializer};
use std::marker::PhantomData;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 4;

rung_form! {
    /// A headless browser.
    BrowserForm {
        /// When a page is ready: `load`, `network-idle`, or a map with `selector`.
        wait: WaitForm,
        /// What is not fetched: `images`, `fonts`, `media`, `styles`, `trackers`, or `off`.
        block: OneOrMany<BlockName>,
        /// What is done with a page once it is ready, in order.
        steps: Vec<StepForm>,
        /// Whether a picture of each page is kept.
        screenshot: Switch,
        /// Whether it goes by the exits of `fetch.proxy`.
        proxy: Switch,
    }
}

impl BrowserForm {
    /// Whether it goes by the exits of `fetch.proxy`.
    pub(super) fn goes_by_proxies(&self) -> bool {
        self.proxy.as_ref().is_some_and(|switch| switch.0)
    }
}

/// When a page is ready.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum WaitForm {
    /// `load` or `network-idle`.
    Word(WaitWord),
    /// With an element, or another limit.
    Map(WaitMap),
}

/// When a page is ready, at length.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WaitMap {
    /// An element matches this.
    pub selector: Option<Css>,
    /// `load` or `network-idle`.
    #[serde(rename = "for")]
    pub word: Option<WaitWord>,
    /// How long that is waited for; the page is then taken as it is.
    pub timeout: Option<Span>,
}

/// One thing that is done with a page.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transparent))]
pub struct StepForm(StepMap);

/// One of its keys.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct StepMap {
    /// Scroll to the page's end, this many times.
    scroll: Option<Scrolls>,
    /// Click the first element that matches this, if one does.
    click: Option<Css>,
    /// Wait for `load`, `network-idle`, some time such as 500ms, or a `selector`.
    wait: Option<PauseForm>,
}

/// What a step waits for.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
enum PauseForm {
    /// `load`, `network-idle`, or some time.
    Word(PauseWord),
    /// An element.
    Map(SelectorMap),
}

/// An element.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SelectorMap {
    /// An element matches this.
    selector: Css,
}

impl<'de> Deserialize<'de> for WaitForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let form = source.deserialize_any(Forms::<Self, WaitWord, Never, WaitMap> {
            what: "load, network-idle, or a map with selector",
            word: Some(Self::Word),
            list: None,
            map: Some(Self::Map),
            marker: PhantomData,
        })?;
        match &form {
            Self::Map(map) if map.selector.is_some() && map.word.is_some() => Err(
                de::Error::custom("selector and for exclude each other; write one"),
            ),
            _ => Ok(form),
        }
    }
}

impl<'de> Deserialize<'de> for PauseForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, PauseWord, Never, SelectorMap> {
            what: "load, network-idle, a duration, or a map with selector",
            word: Some(Self::Word),
            list: None,
            map: Some(Self::Map),
            marker: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for StepForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let map = StepMap::deserialize(source)?;
        let keys = [
            map.scroll.is_some(),
            map.click.is_some(),
            map.wait.is_some(),
        ];
        match keys.into_iter().filter(|key| *key).count() {
            1 => Ok(Self(map)),
            _ => Err(de::Error::custom(
                "a step is one of scroll, click and wait; write each as a step of its own",
            )),
        }
    }
}

impl StepForm {
    fn resolve(self) -> Step {
        let StepMap {
            scroll,
            click,
            wait,
        } = self.0;
        match (scroll, click, wait) {
            (Some(scroll), ..) => Step::Scroll(scroll.0),
            (_, Some(click), _) => Step::Click(click.0),
            (.., Some(PauseForm::Map(map))) => Step::Wait(Wait::Selector(map.selector.0)),
            (.., Some(PauseForm::Word(PauseWord(Ok(wait))))) => Step::Wait(wait),
            (.., Some(PauseForm::Word(PauseWord(Err(time))))) => Step::Pause(time),
            // Cannot be: it has one of them.
            (None, None, None) => Step::Pause(Duration::ZERO),
        }
    }
}

/// A headless browser, resolved.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Its limits.
    pub limits: RungLimits,
    /// How it opens pages.
    pub browsing: Browsing,
    /// Whether it goes by the exits of `fetch.proxy`.
    pub by_proxies: bool,
}

impl Browser {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<BrowserForm>, delay: Duration) -> Result<Self, String> {
        let timeout = Browsing::TIMEOUT;
        let limits =
            BrowserForm::limits(form.as_ref(), Rung::Browser, CONCURRENCY, timeout, delay)?;
        let form = form.unwrap_or_default();
        let by_proxies = form.goes_by_proxies();
        let mut browsing = Browsing {
            screenshot: form.screenshot.is_some_and(|switch| switch.0),
            ..Browsing::default()
        };
        match form.wait {
            None => {}
            Some(WaitForm::Word(word)) => browsing.wait = word.0,
            Some(WaitForm::Map(map)) => {
                if let Some(css) = map.selector {
                    browsing.wait = Wait::Selector(css.0);
                } else if let Some(word) = map.word {
                    browsing.wait = word.0;
                }
                if let Some(patience) = map.timeout {
                    browsing.patience = patience.0;
                }
            }
        }
        if let Some(block) = form.block {
            browsing.block = blocked(block)?;
        }
        let steps = form.steps.unwrap_or_default();
        if steps.len() > Browsing::MOST_STEPS {
            let most = Browsing::MOST_STEPS;
            return Err(format!(
                "fetch.browser.steps: more than {most} steps; write fewer"
            ));
        }
        browsing.steps = steps.into_iter().map(StepForm::resolve).collect();
        Ok(Self {
            limits,
            browsing,
            by_proxies,
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        // As it was before there was a choice.
        let by_proxies = if self.by_proxies { " by proxies" } else { "" };
        xxh3_64(format!("{:?}{by_proxies}", self.browsing).as_bytes())
    }
}

fn blocked(names: OneOrMany<BlockName>) -> Result<Blocked, String> {
    let mut blocked = Blocked::NOTHING;
    let names = names.into_vec();
    let many = names.len() > 1;
    for name in names {
        match name.0 {
            "images" => blocked.images = true,
            "fonts" => blocked.fonts = true,
            "media" => blocked.media = true,
            "styles" => blocked.styles = true,
            "trackers" => blocked.trackers = true,
            _ if many => {
                return Err("fetch.browser.block: off stands alone; leave it out".to_owned());
            }
            _ => {}
        }
    }
    Ok(blocked)
}

#[cfg(test)]
mod tests;
