//! A site's rungs, made for it in the order of its ladder.

use super::browser::{Browser, ByProxies};
use super::solvers::Solvers;
use super::{FetchError, Fetcher, Fetching, Http, Proxy, Service, Solver, Trouble, Visitor, Want};
use crate::config::{Rung, Site};
use crate::page::FailureKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use url::Url;

/// One rung of a site's ladder.
#[derive(Clone)]
pub struct Step {
    /// Which.
    pub rung: Rung,
    /// What fetches by it.
    pub fetcher: Arc<dyn Fetcher>,
    /// What the sites file says that a request costs, millionths. A service
    /// tells its own price, by the same file.
    pub cost: u64,
}

impl Step {
    /// The most that one request can cost, as [`Fetcher::price`] has it.
    pub fn price(&self) -> Option<u64> {
        match self.rung {
            Rung::Service => self.fetcher.price(),
            _ => Some(self.cost),
        }
    }

    /// What a request cost that ended so, millionths.
    pub fn paid(&self, result: &Result<super::Fetched, FetchError>) -> u64 {
        match (self.rung, result) {
            (Rung::Service, _) => super::cost(result),
            // The rung did not get to it.
            (_, Err(error)) if error.trouble.is_some() => 0,
            _ => self.cost,
        }
    }
}

/// Why a rung cannot be made; in words, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoRung(pub String);

/// What all sites' rungs are made of.
pub struct Rungs {
    http: Arc<dyn Fetcher>,
    /// The same, for the rungs that make requests of their own.
    client: Arc<Http>,
    /// Proxies by their key: sites with the same share them, and one whose
    /// document changes elsewhere keeps them.
    proxies: Mutex<Vec<(u64, Weak<Proxy>)>>,
    /// One for all sites; nothing is started before it is wanted.
    browser: Arc<Browser>,
    solvers: Solvers,
    /// Rungs made by a test, in place of those below.
    #[cfg(test)]
    made: Vec<Arc<dyn Fetcher>>,
}

impl Rungs {
    /// With the system's name servers and certificates; what rungs keep goes
    /// into `folder`, if there is one.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn new(folder: Option<&Path>) -> Result<Self, FetchError> {
        let client = Arc::new(Http::new()?);
        Ok(Self {
            browser: Arc::new(Browser::new(folder, client.clone())),
            http: client.clone(),
            client,
            proxies: Mutex::default(),
            solvers: Solvers::default(),
            #[cfg(test)]
            made: Vec::new(),
        })
    }

    /// These rungs, of which the first stands for plain HTTP too.
    #[cfg(test)]
    pub fn of(made: Vec<Arc<dyn Fetcher>>) -> Self {
        Self {
            http: made[0].clone(),
            client: Arc::new(Http::new().unwrap()),
            proxies: Mutex::default(),
            browser: Arc::new(Browser::new(None, made[0].clone())),
            solvers: Solvers::default(),
            made,
        }
    }

    /// The ladder of a site: its `via`, at least one step. A rung that cannot
    /// be made stands in it all the same, and says why of each request.
    pub fn for_site(&self, site: &Site) -> Vec<Step> {
        let step = |rung: &Rung| Step {
            rung: *rung,
            cost: site.fetch.limits(*rung).cost,
            fetcher: self
                .make(*rung, site)
                .unwrap_or_else(|why| Arc::new(Absent { rung: *rung, why })),
        };
        site.fetch.via.iter().map(step).collect()
    }

    /// Ends what rungs hold elsewhere, as far as that is done within seconds.
    pub async fn close(&self) {
        self.solvers.close(&self.client).await;
    }

    fn make(&self, rung: Rung, site: &Site) -> Result<Arc<dyn Fetcher>, NoRung> {
        #[cfg(test)]
        if let Some(made) = self.made.iter().find(|made| made.rung() == rung) {
            return Ok(made.clone());
        }
        match rung {
            Rung::Http => Ok(self.http.clone()),
            Rung::Proxy => Ok(self.proxies(site)?),
            Rung::Browser => match &site.fetch.rungs.browser {
                Some(browser) if browser.by_proxies => {
                    let proxies = self.proxies(site)?;
                    Ok(Arc::new(ByProxies::new(self.browser.clone(), proxies)))
                }
                _ => Ok(self.browser.clone()),
            },
            Rung::Service => match &site.fetch.rungs.service {
                Some(service) => {
                    let client = self.client.clone();
                    Ok(Arc::new(Service::new(client, service)))
                }
                None => Err(without(rung)),
            },
            Rung::Solver => match &site.fetch.rungs.solver {
                Some(solver) => {
                    let proxies = match solver.by_proxies {
                        true => Some(self.proxies(site)?),
                        false => None,
                    };
                    let shared = |url: &Url| self.solvers.endpoint(url);
                    let client = self.client.clone();
                    Ok(Arc::new(Solver::new(client, solver, proxies, shared)))
                }
                None => Err(without(rung)),
            },
        }
    }
}

impl Rungs {
    fn proxies(&self, site: &Site) -> Result<Arc<Proxy>, NoRung> {
        let Some(options) = &site.fetch.rungs.proxy else {
            return Err(NoRung("fetch.proxy names no proxies".to_owned()));
        };
        let key = options.key();
        let mut known = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, proxy)| proxy.strong_count() > 0);
        let same = known.iter().find(|(other, _)| *other == key);
        if let Some(proxy) = same.and_then(|(_, proxy)| proxy.upgrade()) {
            return Ok(proxy);
        }
        let rule = Arc::clone(&options.rule);
        let proxy = Arc::new(Proxy::new(rule, self.client.clone()));
        known.push((key, Arc::downgrade(&proxy)));
        Ok(proxy)
    }
}

/// A rung whose options are missing; the sites file is refused before that.
fn without(rung: Rung) -> NoRung {
    let rung = rung.as_str();
    NoRung(format!("fetch.{rung} is missing in the sites file"))
}

/// Stands where a rung could not be made.
struct Absent {
    rung: Rung,
    why: NoRung,
}

impl Fetcher for Absent {
    fn rung(&self) -> Rung {
        self.rung
    }

    fn fetch<'a>(&'a self, _: &'a Visitor, _: &'a Url, _: Want) -> Fetching<'a> {
        let why = self.why.to_string();
        Box::pin(std::future::ready(Err(FetchError {
            kind: FailureKind::Internal,
            detail: why.clone(),
            elapsed: Duration::ZERO,
            head: None,
            trouble: Some(Trouble::Down(why)),
            cost: 0,
        })))
    }
}
