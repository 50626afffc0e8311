//! Bad sites files: each fault has its place and its mend.

use super::read;

#[test]
fn each_fault_has_its_place_and_its_mend() {
    let site = "site: a\nstart: http://e.org/\n";
    let faults = [
        ("", "s.yaml: no site in it"),
        (
            "defaults: { fetch: { delay: 1s } }\n",
            "s.yaml: no site in it",
        ),
        (
            "site: a\n",
            "s.yaml:1:1: site a has no start; write start: URL, or name",
        ),
        (
            "site: a\ndiscover: { files: [urls.csv] }\n",
            "s.yaml:1:1: site a has neither start nor scope.hosts; write the hosts",
        ),
        ("start: http://e.org/\n", "s.yaml:1:1: the site has no name"),
        (
            "site: a\nstart: e.org\n",
            "s.yaml:2:8: start: \"e.org\" is not a whole URL; write it with https://",
        ),
        (
            "site: a\nstart: ftp://e.org/\n",
            "s.yaml:2:8: start: \"ftp://e.org/\" is not a page's URL",
        ),
        (
            "site: a b\nstart: http://e.org/\n",
            "s.yaml:1:7: site: \"a b\" is no name; a name is",
        ),
        (
            &format!("{site}fetch:\n  concurency: 3\n"),
            "s.yaml:4:3: unknown key \"concurency\" in fetch; did you mean \"concurrency\"?",
        ),
        (
            &format!("{site}fetch:\n  concurrency: 0\n"),
            "s.yaml:4:16: fetch.concurrency: 0 does not fit; write a whole number from 1 to 1024",
        ),
        (
            &format!("{site}fetch: {{ concurrency: -1 }}\n"),
            "s.yaml:3:23: fetch.concurrency: -1 does not fit",
        ),
        (
            &format!("{site}fetch: {{ concurrency: {{ min: 9, max: 3 }} }}\n"),
            "s.yaml:3:23: fetch.concurrency: min 9 is above max 3",
        ),
        (
            &format!("{site}fetch: {{ via: [http, broser] }}\n"),
            "s.yaml:3:22: fetch.via[1]: \"broser\" is no way of fetching; write one of http, proxy",
        ),
        (
            &format!("{site}fetch: {{ via: [http, browser, http] }}\n"),
            "s.yaml:1:1: fetch.via names http twice; write it once",
        ),
        (
            &format!("{site}fetch: {{ via: [http, proxy] }}\n"),
            "s.yaml:1:1: fetch.via names proxy, which needs fetch.proxy with",
        ),
        (
            &format!("{site}fetch: {{ via: [service] }}\n"),
            "fetch.via names service, which needs fetch.service with",
        ),
        (
            &format!("{site}fetch: {{ via: [solver] }}\n"),
            "fetch.via names solver, which needs fetch.solver with",
        ),
        (
            &format!("{site}fetch: {{ via: [browser], browser: {{ concurency: 2 }} }}\n"),
            "unknown key \"concurency\" in fetch.browser; did you mean \"concurrency\"?",
        ),
        (
            &format!("{site}fetch: {{ via: [browser], browser: {{ timeout: 0s }} }}\n"),
            "fetch.browser.timeout: 0 lets nothing pass",
        ),
        (
            &format!("{site}fetch: {{ browser: {{ budget: {{ money: 1.2.3 }} }} }}\n"),
            "fetch.browser.budget.money: \"1.2.3\" is not an amount; write it like 12.50",
        ),
        (
            &format!("{site}fetch: {{ browser: {{ budget: {{ money: -1 }} }} }}\n"),
            "fetch.browser.budget.money: not an amount",
        ),
        (
            &format!("{site}fetch: {{ http: {{ budget: {{ requests: 0 }} }} }}\n"),
            "s.yaml:3:38: fetch.http.budget.requests: 0 does not fit",
        ),
        (
            &format!("{site}fetch:\n  http:\n    delay: 1s\n"),
            "s.yaml:5:5: fetch.http: plain HTTP has the site's own pace and times; write them in fetch",
        ),
        (
            &format!("{site}fetch: {{ http: {{ timeout: {{ total: 9s }} }} }}\n"),
            "s.yaml:3:16: fetch.http: plain HTTP has the site's own pace",
        ),
        (
            &format!("{site}fetch: {{ http: {{ budget: {{ money: 5 }} }} }}\n"),
            "s.yaml:1:1: fetch.http.budget.money: what a request costs is not known; write cost",
        ),
        (
            &format!("{site}fetch: {{ http: {{ budjet: {{ money: 5 }} }} }}\n"),
            "unknown key \"budjet\" in fetch.http; did you mean \"budget\"?",
        ),
        (
            &format!("{site}fetch: {{ delay: 5 }}\n"),
            "s.yaml:3:17: fetch.delay: not a duration; write it like 250ms",
        ),
        (
            &format!("{site}fetch: {{ timeout: 0s }}\n"),
            "s.yaml:1:1: a timeout of 0",
        ),
        (
            &format!("{site}scope: {{ include: ['(a'] }}\n"),
            "s.yaml:3:20: scope.include[0]: \"(a\" is not a regular expression: unclosed group",
        ),
        (
            &format!("{site}scope: {{ hosts: ['http://e.org/'] }}\n"),
            "s.yaml:3:18: scope.hosts[0]: \"http://e.org/\" is not a host name",
        ),
        (
            &format!("{site}discover: {{ api: [ {{ url: 'http://e.org/', urls: 'a[*]' }} ] }}\n"),
            "s.yaml:3:50: discover.api[0].urls: \"a[*]\" is not a JSONPath",
        ),
        (
            &format!(
                "{site}discover: {{ api: [ {{ url: 'http://e.org/', urls: '$', page: {{}} }} ] }}\n"
            ),
            "discover.api: page: is given, but {page} stands neither in url nor in body",
        ),
        (
            &format!(
                "{site}discover: {{ api: [ {{ url: 'http://e.org/{{page}}', urls: '$' }} ] }}\n"
            ),
            "discover.api: {page} stands in it, but there is no page: key",
        ),
        (
            &format!(
                "{site}discover: {{ api: [ {{ url: 'http://e.org/{{page}}', urls: '$', page: {{}}, next: link }} ] }}\n"
            ),
            "discover.api: page, offset, cursor and next exclude each other",
        ),
        (
            &format!("{site}discover: {{ api: [ {{ url: 'e.org', urls: '$' }} ] }}\n"),
            "discover.api: url is not a whole URL",
        ),
        (
            &format!(
                "{site}discover: {{ api: [ {{ url: 'http://e.org/{{offset}}', urls: '$', offset: {{}} }} ] }}\n"
            ),
            "discover.api: offset has no step",
        ),
        (
            &format!(
                "{site}discover: {{ api: [ {{ url: 'http://e.org/', urls: '$', method: GET, body: x }} ] }}\n"
            ),
            "discover.api: a GET has no body",
        ),
        (
            &format!("{site}discover: {{ files: [ {{ from: a.csv, column: 0 }} ] }}\n"),
            "discover.files[0].column: no column; the first is number 1",
        ),
        (
            &format!("{site}discover: {{ since: yesterday }}\n"),
            "discover.since: \"yesterday\" is not a date; write it like 2024-05-01",
        ),
        (
            &format!("{site}discover: {{ traps: 0 }}\n"),
            "discover.traps: 0 does not fit",
        ),
        (
            &format!("{site}discover: {{ strategy: focused }}\n"),
            "strategy: focused looks for something; write discover.target: REGEX",
        ),
        (
            &format!("{site}extract:\n- record: r\n  fields: {{ t: 'h1[' }}\n"),
            "s.yaml:5:16: extract[0].fields.t: \"h1[\" is not a CSS selector",
        ),
        (
            &format!("{site}extract:\n- record: r\n  fields: {{ t: {{ css: h1, as: numbr }} }}\n"),
            "s.yaml:5:31: unknown value \"numbr\"",
        ),
        (
            &format!("{site}extract:\n- record: r\n  fields: {{ t: h1, t: h2 }}\n"),
            "a second key \"t\"",
        ),
        (
            &format!("{site}extract:\n- record: r\n  fields: {{ t: {{ json: '$.[' }} }}\n"),
            "s.yaml:5:24: extract[0].fields.t.json: \"$.[\" is not a JSONPath",
        ),
        (
            &format!("{site}extract:\n- record: r\n  fields: {{ t: {{ css: a, meta: b }} }}\n"),
            "extract[0].fields.t: one of css, json, jsonld and meta",
        ),
        (
            &format!(
                "{site}extract:\n- record: r\n  fields: {{ t: {{ css: a, fields: {{ x: b }}, as: url }} }}\n"
            ),
            "extract[0].fields.t: a field with fields is an object",
        ),
        (
            &format!("{site}extract:\n- record: r\n  fields: {{ t: {{ all: true }} }}\n"),
            "s.yaml:1:1: extract: field r.t has no css, json, jsonld or meta",
        ),
        (
            &format!(
                "{site}extract:\n- record: r\n  fields: {{ t: {{ css: a, fields: {{ x: {{ meta: b }} }} }} }}\n"
            ),
            "extract: field r.t.x is within an object",
        ),
        (
            &format!(
                "{site}extract:\n- record: r\n  fields: {{ t: {{ css: a, as: date, format: '%Q' }} }}\n"
            ),
            "extract[0].fields.t.format: \"%Q\" is not a date's format",
        ),
        (
            &format!("{site}limits: {{ pages: many }}\n"),
            "s.yaml:3:18: limits.pages: many does not fit",
        ),
        (
            &format!("{site}site: b\n"),
            "s.yaml:3:1: a second key \"site\"",
        ),
        (
            &format!("{site}alerts:\n- when: eror > 10%\n"),
            "s.yaml:4:9: alerts[0].when: unknown condition \"eror\"; did you mean \"errors\"?",
        ),
        (
            &format!("{site}alerts:\n- when: errors > ten\n"),
            "s.yaml:4:9: alerts[0].when: \"errors > ten\" is not a condition; write it like errors > 10%",
        ),
        (
            &format!("{site}alerts: [{{ when: no_progress, levl: error }}]\n"),
            "s.yaml:3:31: unknown key \"levl\" in alerts[0]; did you mean \"level\"?",
        ),
        (
            &format!("{site}alerts: [{{ when: no_progress, level: info }}]\n"),
            "s.yaml:3:38: alerts[0].level: \"info\" is not a level of an alert; write warn or error",
        ),
        (
            &format!("{site}alerts: [{{ when: no_progress, webhook: e.org/x }}]\n"),
            "alerts[0].webhook: a webhook is an http or https URL",
        ),
        (
            &format!("{site}alerts: [{{ for: 3s }}]\n"),
            "the key \"when\"",
        ),
        (
            &format!(
                "{site}extract: [{{ record: book, fields: {{ title: h1 }} }}]\n\
                 alerts: [{{ when: fill(book.titel) < 90% }}]\n"
            ),
            "s.yaml:1:1: alerts[0].when: no field \"titel\" in the record book; did you mean \"title\"?",
        ),
        (
            &format!("{site}---\n{site}"),
            "s.yaml:4:1: a second site named a; the first begins on line 1",
        ),
        (
            &format!("{site}fetch: {{ user_agent: '${{GONE}}' }}\n"),
            "s.yaml:3:22: fetch.user_agent: the environment variable GONE is not set",
        ),
        (
            "site: a\nstart: [a\n",
            "s.yaml:2:9: start[0]: \"a\" is not a whole URL",
        ),
        ("site: a\nlimits: {\n", "s.yaml:3:1: did not find expected"),
        (
            "\tsite: a\n",
            "s.yaml:1:1: found character that cannot start any token, while scanning for the next token; indent with spaces, not tabs",
        ),
        ("just text\n", "s.yaml:1:1: found string"),
    ];
    let wrong: Vec<String> = faults
        .iter()
        .map(|(text, expected)| (read(text).expect_err(text), text, expected))
        .filter(|(message, _, expected)| !message.contains(**expected) || message.contains('\n'))
        .map(|(message, text, expected)| format!("{text}\n  is: {message}\n  not: {expected}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
