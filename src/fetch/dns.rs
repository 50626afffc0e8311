//! Names to addresses: asynchronous, cached, guarded.

use crate::page::FailureKind;
use crate::page::net::is_private;
use hickory_resolver::config::{LookupIpStrategy, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, Resolver, TokioResolver};
use reqwest::dns::{Addrs, Resolve, Resolving};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Answers kept of name servers.
const CACHED: u64 = 8192;
/// Bounds on how long an answer is kept, whatever its record says: a crawl asks
/// for the same few names all the time, and hosts do move.
const KEPT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));
/// The same for the answer that there is no such name.
const KEPT_NEGATIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 16;

/// Why a name has no address that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAddress {
    /// It could not be resolved.
    #[error("{0}")]
    Unresolved(String),
    /// It leads to a private address, and the site is public.
    #[error("{name} leads to the private address {ip}")]
    Private { name: String, ip: IpAddr },
}

impl NoAddress {
    /// The kind of failure that it is.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Unresolved(_) => FailureKind::Dns,
            Self::Private { .. } => FailureKind::Private,
        }
    }
}

/// A name's addresses on their way.
pub(super) type Looking<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, NoAddress>> + Send + 'a>>;

/// Where names are looked up.
pub(super) trait Lookup: Send + Sync {
    /// The addresses of `name`, at least one.
    fn lookup<'a>(&'a self, name: &'a str) -> Looking<'a>;
}

/// The hosts file, then the system's name servers.
pub(super) struct SystemNames {
    hosts: Hosts,
    servers: Result<TokioResolver, String>,
}

impl SystemNames {
    /// Reads the system's configuration. Without a usable one, names of the
    /// hosts file still resolve and others fail with the reason.
    pub(super) fn new() -> Self {
        Self::assemble(
            Hosts::from_system().unwrap_or_default(),
            hickory_resolver::system_conf::read_system_conf(),
        )
    }

    fn assemble(hosts: Hosts, servers: Result<(ResolverConfig, ResolverOpts), NetError>) -> Self {
        let servers = servers.and_then(|(config, mut options)| {
            options.cache_size = CACHED;
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            // Asked before, and for both families at once: hickory would send
            // a query for the family that the file does not give.
            options.use_hosts_file = ResolveHosts::Never;
            (options.positive_min_ttl, options.positive_max_ttl) = (Some(KEPT.0), Some(KEPT.1));
            (options.negative_min_ttl, options.negative_max_ttl) =
                (Some(KEPT_NEGATIVE.0), Some(KEPT_NEGATIVE.1));
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(options)
                .build()
        });
        Self {
            hosts,
            servers: servers.map_err(|error| error.to_string()),
        }
    }

    fn of_hosts_file(&self, name: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_utf8(name) else {
            return Vec::new();
        };
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|family| {
                self.hosts
                    .lookup_static_host(&Query::query(name.clone(), family))
            })
            .flat_map(|found| {
                let found: Vec<IpAddr> = found
                    .answers()
                    .iter()
                    .filter_map(|record| record.data.ip_addr())
                    .collect();
                found
            })
            .collect()
    }
}

impl Lookup for SystemNames {
    fn lookup<'a>(&'a self, name: &'a str) -> Looking<'a> {
        Box::pin(async move {
            // RFC 6761, section 6.3: never asked of anybody.
            let bare = name.strip_suffix('.').unwrap_or(name);
            if bare == "localhost" || bare.ends_with(".localhost") {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            let listed = self.of_hosts_file(name);
            if !listed.is_empty() {
                return Ok(listed);
            }
            let unresolved = |text: String| NoAddress::Unresolved(format!("{name}: {text}"));
            let servers = self.servers.as_ref().map_err(|reason| {
                unresolved(format!(
                    "this machine has no usable name server ({reason}); only addresses and \
                     names in its hosts file can be reached"
                ))
            })?;
            let found: Vec<IpAddr> = servers
                .lookup_ip(name)
                .await
                .map_err(|error| unresolved(in_words(&error)))?
                .into_iter()
                .collect();
            if found.is_empty() {
                return Err(unresolved("the name has no address".to_owned()));
            }
            Ok(found)
        })
    }
}

fn in_words(error: &NetError) -> String {
    match error {
        NetError::Timeout => "no answer from the name server".to_owned(),
        NetError::NoConnections => "no name server can be reached".to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("the name server answered: {code}")
        }
        _ if error.is_nx_domain() => "no such host name".to_owned(),
        _ if error.is_no_records_found() => "the name has no address".to_owned(),
        other => other.to_string(),
    }
}

/// What a client of reqwest resolves names with. The guard stands here, at the
/// last moment before connecting: no later answer can differ from the one that
/// was checked.
pub(super) struct GuardedNames {
    pub(super) names: Arc<dyn Lookup>,
    pub(super) guarded: bool,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let names = Arc::clone(&self.names);
        let guarded = self.guarded;
        Box::pin(async move {
            let found = names.lookup(name.as_str()).await?;
            let usable = usable(name.as_str(), found, guarded)?;
            let addrs: Addrs = Box::new(usable.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addrs)
        })
    }
}

/// The addresses that may be connected to, each family in random order: a retry
/// then tries another address where one is dead.
pub(super) fn usable(
    name: &str,
    mut found: Vec<IpAddr>,
    guarded: bool,
) -> Result<Vec<IpAddr>, NoAddress> {
    if guarded {
        let first = found.first().copied();
        found.retain(|ip| !is_private(*ip));
        if let (true, Some(ip)) = (found.is_empty(), first) {
            return Err(NoAddress::Private {
                name: name.to_owned(),
                ip,
            });
        }
    }
    fastrand::shuffle(&mut found);
    // IPv4 first: the connector tries the other family 300 ms later.
    found.sort_by_key(IpAddr::is_ipv6);
    found.truncate(MOST_ADDRESSES);
    Ok(found)
}

/// That a name leads to public addresses alone: for what somebody else resolves
/// once more, who may pick another address than was found here.
pub(super) fn all_public(name: &str, found: &[IpAddr]) -> Result<(), NoAddress> {
    match found.iter().find(|ip| is_private(**ip)) {
        None => Ok(()),
        Some(ip) => Err(NoAddress::Private {
            name: name.to_owned(),
            ip: *ip,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
    use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
    use hickory_resolver::proto::rr::{RData, Record, rdata};
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::net::UdpSocket;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn hosts(text: &str) -> Hosts {
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(text.as_bytes()).unwrap();
        hosts
    }

    fn no_servers() -> Result<(ResolverConfig, ResolverOpts), NetError> {
        hickory_resolver::system_conf::parse_resolv_conf("search nowhere\n")
    }

    #[tokio::test]
    async fn without_name_servers_the_hosts_file_and_localhost_still_work() {
        let file = "127.0.0.7 books.test Shop.test # a comment\n::1 books.test\nrubbish\n";
        let names = SystemNames::assemble(hosts(file), no_servers());
        let cases = [
            ("books.test", vec![ip("127.0.0.7"), ip("::1")]),
            ("shop.test", vec![ip("127.0.0.7")]),
            ("shop.test.", vec![ip("127.0.0.7")]),
            ("localhost", vec![ip("127.0.0.1"), ip("::1")]),
            ("localhost.", vec![ip("127.0.0.1"), ip("::1")]),
            ("a.localhost", vec![ip("127.0.0.1"), ip("::1")]),
        ];
        for (name, expected) in cases {
            assert_eq!(names.lookup(name).await, Ok(expected), "{name}");
        }
        for name in ["other.test", "notlocalhost", "..", &"x".repeat(300)] {
            let error = names.lookup(name).await.unwrap_err().to_string();
            assert!(error.contains("no usable name server"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_hosts_file_cannot_move_localhost() {
        let names = SystemNames::assemble(hosts("8.8.8.8 localhost"), no_servers());
        let found = names.lookup("localhost").await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback));
    }

    /// A name server that knows `a.test` and counts questions.
    async fn server() -> (SystemNames, Arc<AtomicU32>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                counter.fetch_add(1, Ordering::SeqCst);
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let query = question.queries[0].clone();
                let mut answer = question.clone().into_response();
                answer.metadata.message_type = MessageType::Response;
                let name = query.name().to_ascii().to_ascii_lowercase();
                if name == "a.test." {
                    if query.query_type() == RecordType::A {
                        for last in 1..=2 {
                            let data = RData::A(rdata::A::new(192, 168, 0, last));
                            answer.add_answer(Record::from_rdata(query.name().clone(), 0, data));
                        }
                    }
                } else if name == "broken.test." {
                    answer.metadata.response_code = ResponseCode::ServFail;
                } else {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                socket
                    .send_to(&answer.to_vec().unwrap(), from)
                    .await
                    .unwrap();
            }
        });
        let mut udp = ConnectionConfig::udp();
        udp.port = port;
        let mut server = NameServerConfig::udp(ip("127.0.0.1"));
        server.connections = vec![udp];
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let options = ResolverOpts::default();
        (
            SystemNames::assemble(Hosts::default(), Ok((config, options))),
            asked,
        )
    }

    #[tokio::test]
    async fn answers_are_kept_even_with_no_time_to_live() {
        let (names, asked) = server().await;
        for _ in 0..3 {
            let mut found = names.lookup("a.test").await.unwrap();
            found.sort();
            assert_eq!(found, [ip("192.168.0.1"), ip("192.168.0.2")]);
        }
        // The missing family is not cacheable without an SOA; the found one is.
        let after = asked.load(Ordering::SeqCst);
        assert!((2..=4).contains(&after), "{after} questions");
    }

    #[tokio::test]
    async fn failures_are_told_apart() {
        let (names, _) = server().await;
        let error = names.lookup("missing.test").await.unwrap_err().to_string();
        assert!(error.contains("missing.test: no such host name"), "{error}");
        let error = names.lookup("broken.test").await.unwrap_err().to_string();
        assert!(error.contains("the name server answered"), "{error}");
    }

    #[test]
    fn the_guard_takes_private_addresses_out() {
        let mixed = vec![ip("10.0.0.1"), ip("2001:4860::1"), ip("8.8.8.8"), ip("::1")];
        let found = usable("a.test", mixed.clone(), true).unwrap();
        assert_eq!(found, [ip("8.8.8.8"), ip("2001:4860::1")]);
        let mut all = usable("a.test", mixed, false).unwrap();
        all.sort();
        assert_eq!(all.len(), 4);

        let error = usable("a.test", vec![ip("127.0.0.1"), ip("fe80::1")], true);
        assert_eq!(
            error,
            Err(NoAddress::Private {
                name: "a.test".to_owned(),
                ip: ip("127.0.0.1")
            })
        );
        let many = (0..99).map(|n| ip(&format!("8.8.8.{n}"))).collect();
        assert_eq!(usable("a.test", many, true).unwrap().len(), MOST_ADDRESSES);
    }
}
