//! The guard of public sites against private addresses, where a proxy resolves
//! their names.

use super::Proxy;
use crate::fetch::Visitor;
use crate::fetch::dns::{Lookup, all_public};
use crate::fetch::error::Cause;
use crate::page::FailureKind;
use crate::page::net::is_private;
use std::net::IpAddr;
use url::{Host, Url};

impl Proxy {
    /// Refuses what would lead a guarded visitor to a private address. The
    /// proxy resolves names itself, and may find another address than was found
    /// here: this keeps out what is private for everybody.
    pub(in crate::fetch) async fn check(&self, visitor: &Visitor, url: &Url) -> Result<(), Cause> {
        match url.host() {
            Some(host) if visitor.guarded => {
                check(&*self.names, self.rule.remote_names, host).await
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a host that is private. `remote_names`: names are not looked up here.
pub(in crate::fetch) async fn check(
    names: &dyn Lookup,
    remote_names: bool,
    host: Host<&str>,
) -> Result<(), Cause> {
    let private = |detail| Err(Cause::new(FailureKind::Private, detail));
    let literal: IpAddr = match host {
        Host::Domain(name) => return check_name(names, remote_names, name).await,
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
    };
    match is_private(literal) {
        true => private(format!("{literal} is a private address")),
        false => Ok(()),
    }
}

async fn check_name(names: &dyn Lookup, remote_names: bool, name: &str) -> Result<(), Cause> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare == "localhost" || bare.ends_with(".localhost") {
        let detail = format!("{name} is this machine, or the proxy's");
        return Err(Cause::new(FailureKind::Private, detail));
    }
    if remote_names {
        return Ok(());
    }
    match names.lookup(name).await {
        Ok(found) => {
            all_public(name, &found).map_err(|none| Cause::new(none.kind(), none.to_string()))
        }
        Err(error) => Err(Cause::new(
            FailureKind::Dns,
            format!(
                "{error} (looked up here before a proxy is asked; fetch.proxy.resolve: \
                 remote leaves it to the proxy)"
            ),
        )),
    }
}
