//! The guard of public sites against private addresses, where a proxy resolves
//! their names.

use super::Proxy;
use crate::fetch::dns::NoAddress;
use crate::fetch::error::Cause;
use crate::fetch::{Visitor, exchange};
use crate::page::FailureKind;
use crate::page::net::is_private;
use url::{Host, Url};

impl Proxy {
    /// Refuses what would lead a guarded visitor to a private address. The
    /// proxy resolves names itself, and may find another address than was found
    /// here: this keeps out what is private for everybody.
    pub(super) async fn check(&self, visitor: &Visitor, url: &Url) -> Result<(), Cause> {
        exchange::check_literal(visitor, url)?;
        let (true, Some(Host::Domain(name))) = (visitor.guarded, url.host()) else {
            return Ok(());
        };
        let bare = name.strip_suffix('.').unwrap_or(name);
        if bare == "localhost" || bare.ends_with(".localhost") {
            let detail = format!("{name} is this machine, or the proxy's");
            return Err(Cause::new(FailureKind::Private, detail));
        }
        if self.rule.remote_names {
            return Ok(());
        }
        match self.names.lookup(name).await {
            Ok(found) => match found.into_iter().find(|ip| is_private(*ip)) {
                None => Ok(()),
                Some(ip) => {
                    let name = name.to_owned();
                    let detail = NoAddress::Private { name, ip }.to_string();
                    Err(Cause::new(FailureKind::Private, detail))
                }
            },
            Err(error) => Err(Cause::new(
                FailureKind::Dns,
                format!(
                    "{error} (looked up here before a proxy is asked; fetch.proxy.resolve: \
                     remote leaves it to the proxy)"
                ),
            )),
        }
    }
}
