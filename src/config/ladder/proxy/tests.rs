//! `fetch.proxy` as it is written, and what is wrong with it.

use crate::config::{Job, Overrides, ProxyFrom, ProxyRule, Rotate, differences, parse};
use std::sync::Arc;
use std::time::Duration;

fn read(proxy: &str) -> Result<Job, String> {
    read_text(&format!(
        "site: a\nstart: https://e.org/\nfetch:\n  via: [http, proxy]\n  proxy: {proxy}\n"
    ))
}

fn read_text(text: &str) -> Result<Job, String> {
    let env = |name: &str| (name == "PW").then(|| "s3cret".to_owned());
    parse(text, "dir/s.yaml", &env, &Overrides::default()).map_err(|error| error.to_string())
}

fn rule(job: &Job) -> Arc<ProxyRule> {
    job.sites[0]
        .fetch
        .rungs
        .proxy
        .as_ref()
        .unwrap()
        .rule
        .clone()
}

#[test]
fn every_form_of_it() {
    let job = read("{ list: 'http://u:${PW}@h:1' }").unwrap();
    let own = rule(&job);
    let ProxyFrom::List(list) = &own.from else {
        panic!("no list")
    };
    assert_eq!(list[0].login.as_ref().unwrap().password, "s3cret");
    assert_eq!(
        (own.rotate, own.direct, own.remote_names),
        (Rotate::Request, false, false)
    );
    assert_eq!(
        (own.pages, own.lasts),
        (Some(50), Some(Duration::from_secs(600)))
    );
    assert!(!format!("{job:?} {:?}", job.sites[0]).contains("s3cret"));
    assert_eq!(job.secrets, ["s3cret"]);

    let job = read("{ list: ['socks5://h:1', 'h:2:u:p'], rotate: site, fallback: direct }");
    let own = rule(&job.unwrap());
    assert!(own.direct && own.rotate == Rotate::Site);

    let job = read("{ file: proxies.txt, refresh: 10m, resolve: remote }").unwrap();
    let own = rule(&job);
    let ProxyFrom::File(path) = &own.from else {
        panic!("no file")
    };
    assert!(
        path.is_absolute() && path.ends_with("dir/proxies.txt"),
        "{path:?}"
    );
    assert_eq!(own.refresh, Some(Duration::from_secs(600)));
    assert!(own.remote_names);

    let job = read("{ from: 'https://u:${PW}@l.test/a?key=${PW}', user_agents: [a/1, b/2] }");
    let own = rule(&job.unwrap());
    let ProxyFrom::Url(url) = &own.from else {
        panic!("no URL")
    };
    assert_eq!(url.password(), Some("s3cret"), "kept, unlike a page's");
    assert_eq!(own.user_agents, ["a/1", "b/2"]);

    let gateway = "{ gateway: 'http://u-{session}-{country}:${PW}@gw.test:1', country: de, \
                   rotate: session, session: { pages: 3 } }";
    let own = rule(&read(gateway).unwrap());
    assert_eq!((own.pages, own.lasts), (Some(3), None));
    assert_eq!(own.from.to_string(), "gateway gw.test:1");
}

#[test]
fn what_is_wrong_is_told_with_its_mend_and_without_a_password() {
    for (proxy, wrong) in [
        (
            "{ list: 'http://u:s3cret@h' }",
            "port is missing; write host:port",
        ),
        (
            "{ list: ['h:1', 'ftp://u:s3cret@h:1'] }",
            "write http://, https://, socks5://",
        ),
        ("{ list: 'http://u:${PW}@h:0' }", "from 1 to 65535"),
        ("{ list: [] }", "list is empty"),
        ("{ list: 'http://u:${NONE}@h:1' }", "NONE is not set"),
        ("{}", "names no proxies; write list, file, from or gateway"),
        ("{ list: 'h:1', file: x }", "exclude each other"),
        ("{ list: 'h:1', country: de }", "country is for a gateway"),
        (
            "{ list: 'h:1', refresh: 10m }",
            "refresh is for file and from",
        ),
        ("{ file: x, refresh: 10ms }", "shorter than a second"),
        ("{ from: 'l.test/s3cret' }", "write it with https://"),
        (
            "{ gateway: 'http://u-{country}:s3cret@h:1' }",
            "write country: CODE",
        ),
        (
            "{ gateway: 'http://u-{sesion}:s3cret@h:1' }",
            "neither {session} nor",
        ),
        (
            "{ gateway: 'http://u:s3cret@h:1', rotate: site }",
            "has no {session}",
        ),
        (
            "{ list: 'h:1', session: { pages: 3 } }",
            "session is for rotate: session",
        ),
        (
            "{ list: 'h:1', rotate: session, session: { for: 0s } }",
            "0 lets no session",
        ),
        (
            "{ list: 'h:1', rotate: session, session: { page: 3 } }",
            "did you mean \"pages\"?",
        ),
        (
            "{ list: 'h:1', rotate: reqest }",
            "write request, site or session",
        ),
        ("{ list: 'h:1', resolve: far }", "write local or remote"),
        ("{ list: 'h:1', fallback: http }", "write none or direct"),
        ("{ list: 'h:1', user_agents: [\"a\\nb\"] }", "user_agents"),
        ("{ lists: 'h:1' }", "did you mean \"list\"?"),
    ] {
        let error = read(proxy).unwrap_err();
        assert!(error.starts_with("dir/s.yaml:"), "{proxy}: {error}");
        assert!(error.contains(wrong), "{proxy}: {error}");
        assert!(!error.contains("s3cret"), "{proxy}: {error}");
    }
}

#[test]
fn a_site_that_names_proxies_takes_none_of_the_defaults() {
    let text = "defaults:\n  fetch:\n    proxy: { gateway: 'http://u-{session}:p@gw.test:1', \
                rotate: session }\n---\nsite: a\nstart: https://e.org/\nfetch:\n  via: proxy\n  \
                proxy: { list: 'h:1' }\n---\nsite: b\nstart: https://e.org/\nfetch:\n  via: proxy\n";
    let job = read_text(text).unwrap();
    assert!(matches!(rule(&job).from, ProxyFrom::List(_)));
    assert_eq!(rule(&job).rotate, Rotate::Session, "all else is taken");
    let b = &job.sites[1].fetch.rungs.proxy.as_ref().unwrap().rule;
    assert!(matches!(b.from, ProxyFrom::Gateway(_)));
}

#[test]
fn a_changed_password_is_a_change_that_is_not_told() {
    let [one, two] = ["one", "two"]
        .map(|password| read(&format!("{{ list: 'http://u:{password}s3cret@h:1' }}")).unwrap());
    let (one, two) = (&one.sites[0], &two.sites[0]);
    assert_ne!(one.digest, two.digest);
    let lines = differences(one, two);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("fetch.proxy"), "{lines:?}");
    assert!(!lines[0].contains("s3cret"), "{lines:?}");
    let key = |site: &crate::config::Site| site.fetch.rungs.proxy.as_ref().unwrap().key();
    assert_ne!(key(one), key(two));
    let slower = read("{ list: 'http://u:ones3cret@h:1', concurrency: 3, delay: 1s }").unwrap();
    assert_eq!(key(one), key(&slower.sites[0]), "the same exits, used less");
}
