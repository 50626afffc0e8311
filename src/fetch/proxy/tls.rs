//! TLS as the connections through proxies need it: the same trust as the
//! other rungs', read once, and a memory of sessions for each visitor alone.

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// TLS sessions that one visitor remembers.
const REMEMBERED: usize = 8;

/// Whom TLS trusts.
#[derive(Clone)]
pub(super) enum Roots {
    /// The system's certificates.
    System,
    /// These alone.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "tests have authorities of their own")
    )]
    Only(Vec<CertificateDer<'static>>),
}

/// What all connections share.
pub(super) struct Trust {
    roots: Roots,
    /// Read when first wanted: that takes a while, and fails where there is none.
    read: OnceCell<ClientConfig>,
}

impl Trust {
    pub(super) fn new(roots: Roots) -> Self {
        Self {
            roots,
            read: OnceCell::new(),
        }
    }

    async fn base(&self) -> Result<&ClientConfig, String> {
        self.read
            .get_or_try_init(|| async {
                let roots = self.roots.clone();
                tokio::task::spawn_blocking(move || read(roots))
                    .await
                    .map_err(|error| error.to_string())?
                    .map_err(|error| {
                        format!(
                            "TLS needs the certificates of the trusted authorities ({error}): \
                             install the package ca-certificates or set SSL_CERT_FILE"
                        )
                    })
            })
            .await
    }
}

fn read(roots: Roots) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder();
    let builder = match roots {
        Roots::System => builder.with_platform_verifier()?,
        Roots::Only(certificates) => {
            let mut store = RootCertStore::empty();
            for certificate in certificates {
                store.add(certificate)?;
            }
            return Ok(builder.with_root_certificates(store).with_no_client_auth());
        }
    };
    Ok(builder.with_no_client_auth())
}

/// The TLS of one visitor. A ticket that one visitor won would, shown by
/// another, tell the site that they are the same program.
pub(super) struct Tls {
    trust: Arc<Trust>,
    own: OnceCell<[Arc<ClientConfig>; 2]>,
}

impl Tls {
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        Self {
            trust,
            own: OnceCell::new(),
        }
    }

    /// How a site is spoken to: HTTP/2 or 1.1.
    pub(super) async fn to_site(&self) -> Result<Arc<ClientConfig>, String> {
        Ok(Arc::clone(&self.both().await?[0]))
    }

    /// How a proxy is spoken to: HTTP/1.1.
    pub(super) async fn to_proxy(&self) -> Result<Arc<ClientConfig>, String> {
        Ok(Arc::clone(&self.both().await?[1]))
    }

    async fn both(&self) -> Result<&[Arc<ClientConfig>; 2], String> {
        self.own
            .get_or_try_init(|| async {
                let mut to_site = self.trust.base().await?.clone();
                to_site.resumption = Resumption::in_memory_sessions(REMEMBERED);
                to_site.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                let mut to_proxy = to_site.clone();
                to_proxy.alpn_protocols = vec![b"http/1.1".to_vec()];
                Ok([Arc::new(to_site), Arc::new(to_proxy)])
            })
            .await
    }
}
