//! The ladder's rungs as the sites file sets them: for each a map under
//! `fetch:` with its limits and options of its own.

mod browser;
mod http;
mod limits;
mod proxy;
mod service;
mod solver;

pub use self::browser::{Browser, BrowserForm};
pub use self::http::{Http, HttpForm};
pub use self::limits::{BudgetForm, RungLimits};
pub use self::proxy::{Proxy, ProxyForm};
pub use self::service::{
    Meaning, Place, Service, ServiceError, ServiceForm, ServiceResult, ServiceRule, URL_MARK,
    fitting as service,
};
pub use self::solver::{Solver, SolverForm, SolverProxy, SolverRule};

use super::raw;
use crate::page::Rung;
use std::path::Path;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Options of the rungs; `None` where one above plain HTTP is not in `via`, nor
/// another one goes by it.
#[derive(Debug, Clone, Default)]
pub struct Rungs {
    /// Plain HTTP.
    pub http: Http,
    /// HTTP through proxies.
    pub proxy: Option<Proxy>,
    /// A headless browser.
    pub browser: Option<Browser>,
    /// A scraping API.
    pub service: Option<Service>,
    /// A local challenge solver.
    pub solver: Option<Solver>,
}

impl Rungs {
    /// The limits of a rung that has them all to itself.
    pub fn limits(&self, rung: Rung) -> Option<&RungLimits> {
        match rung {
            Rung::Http => None,
            Rung::Proxy => self.proxy.as_ref().map(|proxy| &proxy.limits),
            Rung::Browser => self.browser.as_ref().map(|browser| &browser.limits),
            Rung::Service => self.service.as_ref().map(|service| &service.limits),
            Rung::Solver => self.solver.as_ref().map(|solver| &solver.limits),
        }
    }

    /// Takes the paths in them as ones from `folder`.
    pub(super) fn in_folder(&mut self, folder: &Path) {
        if let Some(proxy) = &mut self.proxy {
            proxy.in_folder(folder);
        }
    }

    /// Gives the first rung the site's own concurrency.
    pub(super) fn begin_with(&mut self, first: Rung, concurrency: u32) {
        let limits = match first {
            Rung::Http => None,
            Rung::Proxy => self.proxy.as_mut().map(|proxy| &mut proxy.limits),
            Rung::Browser => self.browser.as_mut().map(|browser| &mut browser.limits),
            Rung::Service => self.service.as_mut().map(|service| &mut service.limits),
            Rung::Solver => self.solver.as_mut().map(|solver| &mut solver.limits),
        };
        if let Some(limits) = limits {
            limits.concurrency = concurrency;
        }
    }

    /// Tells one rung's options beside its limits from others, secrets
    /// included; 0 where it has none.
    pub fn key(&self, rung: Rung) -> u64 {
        match rung {
            Rung::Http => 0,
            Rung::Proxy => self.proxy.as_ref().map_or(0, Proxy::key),
            Rung::Browser => self.browser.as_ref().map_or(0, Browser::key),
            Rung::Service => self.service.as_ref().map_or(0, Service::key),
            Rung::Solver => self.solver.as_ref().map_or(0, Solver::key),
        }
    }

    /// Tells all rungs' options beside their limits from others.
    pub fn keys(&self) -> u64 {
        let keys = Rung::ALL.map(|rung| self.key(rung));
        xxh3_64(format!("{keys:?}").as_bytes())
    }
}

/// The maps as they are written.
#[derive(Debug, Clone, Default)]
pub(super) struct Forms {
    http: Option<HttpForm>,
    proxy: Option<ProxyForm>,
    browser: Option<BrowserForm>,
    service: Option<ServiceForm>,
    solver: Option<SolverForm>,
}

impl Forms {
    /// Takes the maps out of a `fetch:`.
    pub(super) fn take(fetch: &mut raw::Fetch) -> Self {
        Self {
            http: fetch.http.take(),
            proxy: fetch.proxy.take(),
            browser: fetch.browser.take(),
            service: fetch.service.take(),
            solver: fetch.solver.take(),
        }
    }

    /// These maps, with what each leaves out taken from `other`'s.
    pub(super) fn or(self, other: Self) -> Self {
        fn both<T>(own: Option<T>, other: Option<T>, or: fn(T, T) -> T) -> Option<T> {
            match (own, other) {
                (Some(own), Some(other)) => Some(or(own, other)),
                (own, other) => own.or(other),
            }
        }
        Self {
            http: both(self.http, other.http, HttpForm::or),
            proxy: both(self.proxy, other.proxy, ProxyForm::over),
            browser: both(self.browser, other.browser, BrowserForm::or),
            service: both(self.service, other.service, ServiceForm::or),
            solver: both(self.solver, other.solver, SolverForm::or),
        }
    }

    /// Puts the maps back into a `fetch:`.
    pub(super) fn put(self, fetch: &mut raw::Fetch) {
        fetch.http = self.http;
        (fetch.proxy, fetch.browser) = (self.proxy, self.browser);
        (fetch.service, fetch.solver) = (self.service, self.solver);
    }

    /// Rungs that have a map and are not in `via`.
    pub(super) fn idle(fetch: &raw::Fetch, via: &[Rung]) -> Vec<Rung> {
        let lent = borrower(via, fetch.browser.as_ref(), fetch.solver.as_ref()).is_some();
        [
            (Rung::Http, fetch.http.is_some()),
            (Rung::Proxy, fetch.proxy.is_some() && !lent),
            (Rung::Browser, fetch.browser.is_some()),
            (Rung::Service, fetch.service.is_some()),
            (Rung::Solver, fetch.solver.is_some()),
        ]
        .into_iter()
        .filter(|(rung, written)| *written && !via.contains(rung))
        .map(|(rung, _)| rung)
        .collect()
    }

    /// The options of the rungs in `via`. The first rung's concurrency and
    /// delay are the site's: `concurrency` is set to what its map says of it,
    /// `delay` exchanged where its map names one. The others' delay is the
    /// site's where their maps name none.
    ///
    /// # Errors
    /// A rung that lacks what it needs.
    pub(super) fn resolve(
        self,
        via: &[Rung],
        concurrency: &mut Option<u32>,
        delay: &mut Duration,
    ) -> Result<Rungs, String> {
        let first = via.first().copied().unwrap_or(Rung::Http);
        let wants = |rung: Rung| via.contains(&rung);
        let own = match first {
            Rung::Http => (None, None),
            Rung::Proxy => ProxyForm::pace(self.proxy.as_ref()),
            Rung::Browser => BrowserForm::pace(self.browser.as_ref()),
            Rung::Service => ServiceForm::pace(self.service.as_ref()),
            Rung::Solver => SolverForm::pace(self.solver.as_ref()),
        };
        *concurrency = own.0;
        if let Some(own) = own.1 {
            *delay = own;
        }
        let borrower = borrower(via, self.browser.as_ref(), self.solver.as_ref());
        if let (Some(rung), None) = (borrower, &self.proxy) {
            return Err(format!(
                "fetch.{}.proxy is on, which needs fetch.proxy with the proxies to go by: list, \
                 file, from or gateway",
                rung.as_str()
            ));
        }
        let lent = borrower.is_some();
        let rungs = Rungs {
            http: self.http.unwrap_or_default().resolve()?,
            proxy: of(
                lent || wants(Rung::Proxy),
                self.proxy,
                *delay,
                Proxy::resolve,
            )?,
            browser: of(wants(Rung::Browser), self.browser, *delay, Browser::resolve)?,
            service: of(wants(Rung::Service), self.service, *delay, Service::resolve)?,
            solver: of(wants(Rung::Solver), self.solver, *delay, Solver::resolve)?,
        };
        if rungs.solver.as_ref().is_some_and(|s| s.by_proxies)
            && let Some(proxy) = &rungs.proxy
            && !proxy.rule.from.written().iter().all(SolverProxy::suits)
        {
            let why = SolverProxy::NO_LOGIN;
            return Err(format!("fetch.solver.proxy is on: {why}"));
        }
        Ok(rungs)
    }
}

/// The rung in `via` that goes by the exits of the rung `proxy`, the first where
/// several do.
fn borrower(
    via: &[Rung],
    browser: Option<&BrowserForm>,
    solver: Option<&SolverForm>,
) -> Option<Rung> {
    let goes = |rung: &Rung| match rung {
        Rung::Browser => browser.is_some_and(BrowserForm::goes_by_proxies),
        Rung::Solver => solver.is_some_and(SolverForm::goes_by_proxies),
        Rung::Http | Rung::Proxy | Rung::Service => false,
    };
    via.iter().copied().find(goes)
}

/// The options of a rung that is wanted. `resolve` gets `None` where it has no
/// map at all, and says what is missing.
fn of<F, R>(
    wanted: bool,
    form: Option<F>,
    delay: Duration,
    resolve: fn(Option<F>, Duration) -> Result<R, String>,
) -> Result<Option<R>, String> {
    match wanted {
        true => resolve(form, delay).map(Some),
        false => Ok(None),
    }
}
