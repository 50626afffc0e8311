//! Groups, precedence and matching, and files that are not what they should be.

use super::*;
use proptest::prelude::*;

fn allows(robots: &str, agent: &str, path: &str) -> bool {
    Robots::parse(robots.as_bytes())
        .for_agent(agent)
        .allows(path)
        .allowed
}

#[test]
fn patterns() {
    for (pattern, path, expected) in [
        ("/", "/x", true),
        ("/fish", "/fish.html", true),
        ("/fish", "/catfish", false),
        ("/fish*", "/fishheads/yummy", true),
        ("/fish/", "/fish", false),
        ("/*.php", "/folder/any.php?p=1", true),
        ("/*.php$", "/file.php?p=1", false),
        ("/*.php$", "/a.php.b.php", true),
        ("/fish*.php", "/fishheads/cat.php?p", true),
        ("/a$", "/a", true),
        ("/a$", "/ab", false),
        ("*", "/", true),
        ("/a*b*c$", "/aXbXbXc", true),
    ] {
        assert_eq!(
            matches(pattern.as_bytes(), path.as_bytes()),
            expected,
            "{pattern} {path}"
        );
    }
}

#[test]
fn groups_and_precedence() {
    let txt = "\u{feff}# hello\r\nUser-agent: a\r\nUSER-AGENT : Crawldeck\r\nDisallow: /p\r\n\
        Allow: /p/ok # fine\r\nUnknown: x\r\nUser-agent: *\r\nDisallow: /\r\n\
        User-agent: crawldeck/2.0\nCrawl-delay: 1.5\nDisallow: /q\nSitemap: http://e/s.xml\n";
    for (agent, path, expected) in [
        ("crawldeck", "/p", false),
        ("CRAWLDECK", "/p/ok", true),
        ("crawldeck", "/q", false),
        ("crawldeck", "/", true),
        ("a", "/q", true),
        ("b", "/x", false),
        ("b", "/robots.txt", true),
    ] {
        assert_eq!(allows(txt, agent, path), expected, "{agent} {path}");
    }
    let robots = Robots::parse(txt.as_bytes());
    assert_eq!(robots.sitemaps(), ["http://e/s.xml"]);
    assert_eq!(
        robots.for_agent("crawldeck").crawl_delay(),
        Some(Duration::from_millis(1500))
    );
    let rules = robots.for_agent("crawldeck");
    for (path, rule) in [
        ("/p/ok/x", Some((5, "Allow: /p/ok"))),
        ("/p/no", Some((4, "Disallow: /p"))),
        ("/q?x", Some((11, "Disallow: /q"))),
        ("/", None),
    ] {
        assert_eq!(rules.allows(path).rule, rule, "{path}");
    }
}

#[test]
fn encoding_is_compared_in_one_form() {
    let txt = "user-agent: *\ndisallow: /ü\ndisallow: /%7ejoe\ndisallow: /a%3cd\n";
    assert!(!allows(txt, "x", "/%C3%BC/y"));
    assert!(!allows(txt, "x", "/~joe/"));
    assert!(!allows(txt, "x", "/a%3Cd.html"));
    assert!(allows(txt, "x", "/a"));
}

#[test]
fn special_characters_are_meant_literally_when_they_are_escaped() {
    // The examples of RFC 9309, 2.2.3.
    let txt = "user-agent: *\ndisallow: /with-a-%2A.html\ndisallow: /foo-%24\ndisallow: /a$b\n";
    for (path, expected) in [
        ("/with-a-*.html", false),
        ("/with-a-%2a.html", false),
        ("/with-a-x.html", true),
        ("/foo-$", false),
        ("/foo-%24/x", false),
        ("/a$b/c", false),
        ("/a", true),
    ] {
        assert_eq!(allows(txt, "x", path), expected, "{path}");
    }
}

#[test]
fn the_example_of_the_rfc() {
    // RFC 9309, 5.1, where two groups name one crawler and another is mute.
    let txt = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
        User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\n\
        Allow:/example/allowed.gif\n\nUser-Agent: barbot\nUser-Agent: bazbot\n\
        Disallow: /example/page.html\n\nUser-Agent: quxbot\n";
    for (agent, path, expected) in [
        ("any", "/a.gif", false),
        ("any", "/a.gif?x", true),
        ("any", "/example/", false),
        ("any", "/publications/a.gif", true),
        ("foobot", "/example/page.html", true),
        ("foobot", "/example/allowed.gif", true),
        ("foobot", "/publications/", false),
        ("barbot", "/example/page.html", false),
        ("bazbot", "/example/page.html", false),
        ("bazbot", "/example/", true),
        ("quxbot", "/example/", true),
    ] {
        assert_eq!(allows(txt, agent, path), expected, "{agent} {path}");
    }
}

#[test]
fn the_longest_match_decides_wherever_it_stands() {
    let of = |lines: &str, path| allows(&format!("user-agent: *\n{lines}"), "x", path);
    for (lines, path, expected) in [
        ("disallow: /x/page.html\nallow: /x/", "/x/page.html", false),
        ("allow: /x/page.html\ndisallow: /x/", "/x/page.html", true),
        ("allow: /page\ndisallow: /*.html", "/page.html", false),
        ("allow: /$\ndisallow: /", "/", true),
        ("allow: /$\ndisallow: /", "/page.html", false),
        ("disallow: /Case", "/case", true),
        ("disallow: /a?b=", "/a?b=c", false),
        ("disalow: /a", "/a", false),
    ] {
        assert_eq!(of(lines, path), expected, "{lines} {path}");
    }
}

#[test]
fn who_a_group_is_for() {
    for (txt, agent, expected) in [
        // Not by a beginning of the token, and not by a longer one.
        ("user-agent: foo\ndisallow: /", "foobot", true),
        ("user-agent: foobot\ndisallow: /", "foo", true),
        ("user-agent: FooBot/1.2 (x)\ndisallow: /", "foobot", false),
        ("user-agent: * all\ndisallow: /", "foobot", false),
        // A group of its own, however empty, is instead of that for all.
        (
            "user-agent: *\ndisallow: /\n\nuser-agent: foobot\n",
            "foobot",
            true,
        ),
        // An empty user agent names nobody.
        ("user-agent:\ndisallow: /", "", true),
        ("user-agent: *\ndisallow: /", "", false),
        // Records of other kinds do not end the list of names.
        (
            "user-agent: foobot\ncrawl-delay: 1\nuser-agent: b\ndisallow: /",
            "foobot",
            false,
        ),
        (
            "user-agent: foobot\nsitemap: /s\n\nuser-agent: b\ndisallow: /",
            "foobot",
            false,
        ),
        ("user-agent: foobot\rdisallow: /", "foobot", false),
    ] {
        assert_eq!(allows(txt, agent, "/x"), expected, "{agent}: {txt}");
    }
}

#[test]
fn delays() {
    for (text, expected) in [
        ("2", Some(Duration::from_secs(2))),
        ("0.5", Some(Duration::from_millis(500))),
        ("86400", Some(Duration::from_secs(3600))),
        ("1e300", Some(Duration::from_secs(3600))),
        ("-1", None),
        ("NaN", None),
        ("soon", None),
    ] {
        let txt = format!("user-agent: *\ncrawl-delay: {text}\n");
        let rules = Robots::parse(txt.as_bytes()).for_agent("x");
        assert_eq!(rules.crawl_delay(), expected, "{text}");
    }
}

#[test]
fn of_a_file_that_is_too_long_no_half_rule_is_taken() {
    let head = "user-agent: *\ndisallow: /a\n";
    let mut txt = head.to_owned();
    txt.push_str(&"#".repeat(MAX_BYTES - head.len() - "\ndisallow: /".len()));
    txt.push_str("\ndisallow: /private\n");
    let rules = Robots::parse(txt.as_bytes()).for_agent("x");
    assert!(rules.allows("/b").allowed);
    assert!(!rules.allows("/a").allowed);
}

#[test]
fn a_hostile_file_costs_no_more_than_its_length() {
    // Backtracking would take some 10^20 steps here.
    let line = format!("disallow: /{}z$\n", "*a".repeat(2000));
    let mut txt = "user-agent: *\n".to_owned();
    while txt.len() + line.len() < MAX_BYTES {
        txt.push_str(&line);
    }
    let rules = Robots::parse(txt.as_bytes()).for_agent("x");
    assert!(rules.rules.len() > 100);
    assert!(rules.allows(&format!("/{}", "a".repeat(4000))).allowed);
}

#[test]
fn an_empty_disallow_allows_and_a_tie_allows() {
    assert!(allows("user-agent: *\ndisallow:\n", "x", "/a"));
    assert!(allows(
        "user-agent: *\ndisallow: /a\nallow: /a\n",
        "x",
        "/a"
    ));
    assert!(
        allows("disallow: /a\n", "x", "/a"),
        "a rule outside any group"
    );
}

#[test]
fn product_tokens() {
    for (agent, token) in [
        ("crawldeck/0.1 (+x)", "crawldeck"),
        ("My-Bot_x 2", "My-Bot_x"),
        ("", ""),
    ] {
        assert_eq!(product_token(agent), token);
    }
}

proptest! {
    #[test]
    fn nothing_breaks_it(bytes: Vec<u8>, path in "/.{0,30}") {
        let _ = Robots::parse(&bytes).for_agent("x").allows(&path);
    }

    #[test]
    fn matching_agrees_with_a_regular_expression(
        pattern in "/[ab*]{0,8}\\$?", path in "/[ab]{0,8}",
    ) {
        let (body, end) = match pattern.strip_suffix('$') {
            Some(body) => (body, "$"),
            None => (pattern.as_str(), ""),
        };
        let regex = format!("^{}{end}", body.replace('*', ".*"));
        let expected = regex::Regex::new(&regex).unwrap().is_match(&path);
        prop_assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), expected);
    }
}
