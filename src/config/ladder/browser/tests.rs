use super::*;
use crate::config::{Overrides, differences, parse};

fn read(keys: &str) -> Result<crate::config::Site, String> {
    let text = format!(
        "site: a\nstart: http://a.test/\nfetch:\n  via: [http, browser]\n  browser: {keys}\n"
    );
    let job = parse(&text, "s.yaml", &|_| None, &Overrides::default());
    job.map(|mut job| (*job.sites.remove(0)).clone())
        .map_err(|error| error.to_string())
}

fn browsing(keys: &str) -> Browsing {
    let site = read(keys).unwrap_or_else(|error| panic!("{keys}: {error}"));
    site.fetch.rungs.browser.unwrap().browsing
}

#[test]
fn every_way_of_writing_its_options() {
    assert_eq!(browsing("{}"), Browsing::default());
    let seconds = Duration::from_secs;
    let css = |text: &str| Wait::Selector(text.to_owned());
    let waits = [
        ("{ wait: load }", Wait::Load, Browsing::PATIENCE),
        (
            "{ wait: network-idle }",
            Wait::NetworkIdle,
            Browsing::PATIENCE,
        ),
        (
            "{ wait: { selector: .price } }",
            css(".price"),
            Browsing::PATIENCE,
        ),
        (
            "{ wait: { selector: b, timeout: 3s } }",
            css("b"),
            seconds(3),
        ),
        (
            "{ wait: { for: network-idle, timeout: 3s } }",
            Wait::NetworkIdle,
            seconds(3),
        ),
        ("{ wait: { timeout: 3s } }", Wait::Load, seconds(3)),
    ];
    for (keys, wait, patience) in waits {
        let read = browsing(keys);
        assert_eq!((read.wait, read.patience), (wait, patience), "{keys}");
    }
    let nothing = Blocked::NOTHING;
    let blocks = [
        ("{ block: off }", nothing),
        ("{ block: [] }", nothing),
        (
            "{ block: styles }",
            Blocked {
                styles: true,
                ..nothing
            },
        ),
        (
            "{ block: [images, fonts] }",
            Blocked {
                images: true,
                fonts: true,
                ..nothing
            },
        ),
        (
            "{ block: [media, trackers] }",
            Blocked {
                media: true,
                trackers: true,
                ..nothing
            },
        ),
    ];
    for (keys, block) in blocks {
        assert_eq!(browsing(keys).block, block, "{keys}");
    }
    let steps = "{ steps: [ { scroll: 3 }, { click: '#more' }, { wait: 500ms }, \
                 { wait: network-idle }, { wait: { selector: b } } ], screenshot: on, timeout: 9s }";
    let read = browsing(steps);
    assert!(read.screenshot);
    assert_eq!(
        read.steps,
        [
            Step::Scroll(3),
            Step::Click("#more".to_owned()),
            Step::Pause(Duration::from_millis(500)),
            Step::Wait(Wait::NetworkIdle),
            Step::Wait(css("b")),
        ]
    );
}

#[test]
fn what_cannot_be_says_where_and_what_to_write() {
    let many = format!("{{ steps: [{}] }}", vec!["{ scroll: 1 }"; 51].join(", "));
    let cases = [
        (
            "{ wait: idle }",
            "s.yaml:5:20: fetch.browser.wait: \"idle\" is not known; write load",
        ),
        ("{ wait: { selector: 'a[' } }", "fetch.browser.wait"),
        ("{ wait: { selector: a, for: load } }", "exclude each other"),
        ("{ wait: { selctor: a } }", "did you mean \"selector\""),
        ("{ block: [image] }", "is not known; write images, fonts"),
        ("{ block: [off, images] }", "off stands alone"),
        ("{ steps: [ { scroll: 0 } ] }", "from 1 to 1000"),
        (
            "{ steps: [ { scroll: 1, click: a } ] }",
            "a step is one of scroll, click and wait",
        ),
        (
            "{ steps: [ {} ] }",
            "a step is one of scroll, click and wait",
        ),
        ("{ steps: [ { wait: soon } ] }", "a duration such as 500ms"),
        ("{ steps: [ { press: a } ] }", "press"),
        (many.as_str(), "more than 50 steps"),
        ("{ screenshot: 3 }", "fetch.browser.screenshot"),
    ];
    for (keys, words) in cases {
        let error = read(keys).expect_err(keys);
        assert!(error.contains(words), "{keys}: {error}");
    }
}

#[test]
fn a_live_reload_sees_them_change() {
    let (was, is) = (read("{}").unwrap(), read("{ wait: network-idle }").unwrap());
    assert_eq!(differences(&was, &is), ["fetch.browser: changed"]);
    assert_ne!(was.digest, is.digest);
    assert!(differences(&is, &is).is_empty());
}

#[test]
fn it_goes_by_the_proxies_where_that_is_asked_for() {
    let by = |fetch: &str| {
        let text = format!("site: a\nstart: http://a.test/\nfetch: {fetch}\n");
        let job = parse(&text, "s.yaml", &|_| None, &Overrides::default());
        job.map_err(|error| error.to_string())
    };
    let list = "proxy: { list: ['http://u:pw@p.test:1', 'socks5://u:pw@p.test:2'] }";
    // Proxies that nothing else goes by are no idle ones.
    for via in ["[http, browser]", "[http, proxy, browser]"] {
        let job = by(&format!(
            "{{ via: {via}, browser: {{ proxy: on }}, {list} }}"
        ))
        .unwrap();
        let rungs = &job.sites[0].fetch.rungs;
        assert!(rungs.browser.as_ref().unwrap().by_proxies);
        assert!(rungs.proxy.is_some(), "{via}");
        assert!(job.warnings.is_empty(), "{:?}", job.warnings);
    }
    let job = by(&format!(
        "{{ via: browser, browser: {{ proxy: off }}, {list} }}"
    ))
    .unwrap();
    let rungs = &job.sites[0].fetch.rungs;
    assert!(!rungs.browser.as_ref().unwrap().by_proxies && rungs.proxy.is_none());
    assert_eq!(job.warnings.len(), 1, "{:?}", job.warnings);
    let wrong = by("{ via: browser, browser: { proxy: on } }").unwrap_err();
    let told = "fetch.browser.proxy is on, which needs fetch.proxy with the proxies to go by";
    assert!(wrong.contains(told), "{wrong}");
    let wrong = by("{ via: browser, browser: { proxy: 'http://h:1' } }").unwrap_err();
    assert!(wrong.contains("on or off"), "{wrong}");
    // A change of either is seen.
    let site = |fetch: &str| by(fetch).unwrap().sites.remove(0);
    let on = format!("{{ via: browser, browser: {{ proxy: on }}, {list} }}");
    let (off, other) = (
        on.replace("on }", "off }"),
        on.replace("p.test:2", "p.test:3"),
    );
    let seen = differences(&site(&off), &site(&on)).join("\n");
    assert!(seen.contains("fetch.browser: changed"), "{seen}");
    let seen = differences(&site(&on), &site(&other)).join("\n");
    assert!(seen.contains("fetch.proxy: changed"), "{seen}");
}
