//! What the streaming pass finds is what the DOM finds, or it says that it
//! cannot tell.

use super::{Found, Hit, Program, Streaming, Want};
use crate::extract::corpus;
use crate::extract::links::PageHead;
use crate::extract::pass::{self, Told};
use proptest::prelude::*;
use scraper::{Html, Selector};
use std::path::Path;

/// All matches of each selector, streamed; `None` where only a DOM can tell.
fn streamed(html: &str, selectors: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut program = Program::default();
    let group = program.group();
    let slots: Vec<usize> = selectors
        .iter()
        .map(|css| {
            let slot = program.slot(group, Some(css), Want::Text, true);
            slot.unwrap_or_else(|_| panic!("{css} is not simple"))
        })
        .collect();
    program.seal(group);
    let found = run(&program, group, html)?;
    let texts = |slot: &usize| {
        let text = |hit: &Hit| match hit {
            Hit::Text(number) => found.text(*number).to_owned(),
            _ => unreachable!(),
        };
        found.objects[0].found[*slot].iter().map(text).collect()
    };
    Some(slots.iter().map(texts).collect())
}

fn run(program: &Program, group: usize, html: &str) -> Option<Found> {
    let mut tree = Streaming::new(program, &[group], html);
    pass::run(
        html,
        &mut tree,
        Told::Links,
        &mut PageHead::default(),
        &mut |_| {},
    );
    tree.finish()
}

/// The same by the DOM.
fn by_dom(html: &str, selectors: &[&str]) -> Vec<Vec<String>> {
    let document = Html::parse_document(html);
    selectors
        .iter()
        .map(|css| {
            let selector = Selector::parse(css).unwrap();
            let found = document.select(&selector);
            found.map(|element| element.text().collect()).collect()
        })
        .collect()
}

/// Line ends apart, which are white space to every field.
fn lines(texts: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let plain = |text: String| text.replace("\r\n", "\n").replace('\r', "\n");
    let list = |list: Vec<String>| list.into_iter().map(plain).collect();
    texts.into_iter().map(list).collect()
}

const SELECTORS: &[&str] = &[
    "html",
    "head",
    "body",
    "p",
    "li",
    "td",
    "tr",
    "tbody",
    "div",
    "b",
    "a",
    "h1, h2",
    "option",
    "*",
    ".c",
    "#i",
    "[x]",
    "[x=y]",
    "[x^=y]",
    "p b",
    "body > p",
    "table p",
    "li > a",
    "div > .c",
    "dd",
    "dt",
    "title",
    "svg",
    "form p",
    "my-el p",
    "html > body > div p",
    "td > *",
    "a[x] b",
];

fn agree(html: &str) -> Result<bool, TestCaseError> {
    let Some(streamed) = streamed(html, SELECTORS) else {
        return Ok(false);
    };
    prop_assert_eq!(lines(streamed), lines(by_dom(html, SELECTORS)), "{}", html);
    Ok(true)
}

#[test]
fn most_messy_pages_need_no_dom() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let page = page();
    let seen = (0..500)
        .filter(|_| {
            let html = page.new_tree(&mut runner).unwrap().current();
            streamed(&html, SELECTORS).is_some()
        })
        .count();
    // Else the property above would compare little.
    assert!(seen > 150, "{seen} of 500");
}

/// Tags of every kind that tree construction tells apart.
const TAGS: &[&str] = &[
    "p",
    "p",
    "div",
    "div",
    "span",
    "b",
    "i",
    "a",
    "a",
    "li",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "table",
    "caption",
    "colgroup",
    "col",
    "tbody",
    "thead",
    "tr",
    "tr",
    "td",
    "td",
    "th",
    "h1",
    "h2",
    "form",
    "button",
    "select",
    "option",
    "option",
    "optgroup",
    "input",
    "hr",
    "br",
    "img",
    "image",
    "pre",
    "textarea",
    "title",
    "script",
    "style",
    "noscript",
    "iframe",
    "svg",
    "path",
    "math",
    "template",
    "head",
    "body",
    "html",
    "meta",
    "link",
    "section",
    "my-el",
    "object",
    "applet",
    "nobr",
    "ruby",
    "rt",
    "rtc",
    "frameset",
    "code",
    "font",
    "center",
    "fieldset",
    "details",
    "listing",
    "xmp",
    "area",
    "param",
    "label",
    "plaintext",
    "noframes",
];

fn piece() -> impl Strategy<Value = String> {
    let tag = prop::sample::select(TAGS);
    let attributes = prop::sample::select(&[
        "",
        "",
        "",
        " class=c",
        " id='i'",
        " x=y",
        " x=\"y z\" class='a c'",
        " x",
        "/",
        " x=y/",
        " /",
        " X=&amp; CLASS=c",
        " a=\"<p>\"",
        " a==\"'>\"",
    ]);
    prop_oneof![
        5 => (tag.clone(), attributes).prop_map(|(tag, rest)| format!("<{tag}{rest}>")),
        4 => tag.prop_map(|tag| format!("</{tag}>")),
        4 => prop::sample::select(&[
            "x", "y z", " ", "\n", "\r\n", "a &amp; b", "&lt", "&nbsp;", "&#32;", "<", "< ", "</", "<!-- <p> -->",
            "<!-->", "<!x>", "<?x>", "</>", "</ p>", "<![CDATA[x]]>", "é", "&copy;", "&#x80;", "-->", "\u{0}", ">",
            "<!doctype html>", "&notit;", "&#0;",
        ])
        .prop_map(str::to_owned),
    ]
}

/// Pages that begin as pages do, more or less.
fn page() -> impl Strategy<Value = String> {
    let start = prop::sample::select(&[
        "",
        "<!doctype html>",
        "<!doctype html><body>",
        "<!DOCTYPE html><html><head><title>t</title></head><body>",
        "<html x=y>\n<head>\n",
        "<!doctype html public \"-//W3C//DTD HTML 4.01//EN\"><div>",
        "<!doctype html><table><tr><td>",
        "<!doctype html><ul><li>",
        "<!doctype html><svg>",
        " <!-- --> ",
        "<!doctype html><select>",
    ]);
    (start, prop::collection::vec(piece(), 0..14))
        .prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6000) })]

    #[test]
    fn messy_pages_are_seen_as_a_browser_sees_them(html in page()) {
        agree(&html)?;
    }

    #[test]
    fn nothing_breaks_it(html in "(<?/?[a-z]{1,6}[ =\"'>]?|\\PC){0,40}") {
        agree(&html)?;
    }
}

#[test]
fn ordinary_pages_are_seen_without_a_dom() {
    for html in [
        "",
        "<p>one<p>two <b>three</b>",
        "<!doctype html><title>t &amp; u</title><body class=c><ul><li>a<li>b</ul>",
        "<!doctype html><table><caption>c</caption><tr><td>1<td>2<tr><th>3</table>x",
        "<!doctype html><table><tr><td><table><tr><td>in</table>out</table>",
        "<dl><dt>a<dd>b<dt>c<dd>d</dl>",
        "<select><option>a<option>b<optgroup><option>c</select><p>x",
        "<p>a</p></p>b<br>c<hr>d<p><div>e</div>",
        "<div><a href=x>y<a href=z>w</a></div>",
        "<!doctype html><svg viewBox='0 0 1 1'><path d=x/><g><title>t</title></g></svg><p>x",
        "<pre>\n\nx</pre><textarea>\n<p></textarea><script>if (a<b) '</p>'</script>",
        "<form><p>a</form></form><form>c<button>d<button>e</button></form>",
        "<html><head>\n<meta charset=utf-8>\n</head>\n<body>\n x</body>\n</html>\n",
        "<i>a<span>b</i>c",
        "a<b x=y>c</b>d</i>",
        "<td>stray<h1>a<h2>b</h1>",
        "<p>cut<title>off</title",
        "<p>cut<script>off</script",
        "<p>cut<script>off</script x",
    ] {
        assert!(agree(html).unwrap(), "{html}");
    }
}

#[test]
fn what_only_a_tree_can_tell_is_left_to_it() {
    for html in [
        "<p><b>a</p>b",
        "<table>x<tr><td>y</table>",
        "<b><p>x</b>y",
        "<template><p>x</template>",
        "<math><mi>x</math>",
        "<svg><foreignObject><p>x",
        "<svg><p>x",
        "<frameset><frame>",
        "<body><body class=c>",
        "<script><!-- <script> </script> --></script>",
        "a\u{0}b",
        "<p><table><tr><td>x</table>",
    ] {
        let html = format!("<!doctype html public x>{html}");
        assert_eq!(streamed(&html, SELECTORS), None, "{html}");
    }
    assert!(streamed(&"<div>".repeat(600), SELECTORS).is_none());
}

#[test]
fn a_pass_that_has_everything_stops_looking() {
    let mut program = Program::default();
    let group = program.group();
    let slot = program.slot(group, Some("h1"), Want::Text, false).unwrap();
    program.seal(group);
    let text = |html: &str| {
        let found = run(&program, group, html)?;
        found.objects[0].found[slot].first().map(|hit| match hit {
            Hit::Text(number) => found.text(*number).to_owned(),
            _ => unreachable!(),
        })
    };
    // What comes later would be left to the DOM, and changes nothing.
    assert_eq!(text("<h1>a</h1><p><b>x</p><table>y"), Some("a".to_owned()));
    // A later `body` could give earlier elements another ancestor's class.
    assert_eq!(text("<h1>a</h1><body class=c>"), None);
    // A table that is open could be preceded by what it cannot hold.
    assert_eq!(text("<table><tr><td><h1>a</h1></td><h1>b</h1>"), None);
}

#[test]
#[ignore = "needs the packages openjdk-17-doc, rust-doc and cppreference-doc-en-html"]
fn corpora_are_seen_as_a_dom_sees_them() {
    // Texts of html, body and div would be the page over and over.
    let selectors: Vec<&str> = SELECTORS
        .iter()
        .copied()
        .filter(|css| !["html", "body", "div", "*", "head"].contains(css))
        .chain([
            "title",
            "h1",
            ".block",
            "div.block",
            "meta[name=description]",
            "a[href^='#']",
        ])
        .collect();
    for package in corpus::PACKAGES {
        let (seen, all) = corpus::count(package, |file, html| differ(file, html, &selectors));
        println!("{package}: {seen} of {all} pages without a DOM");
        assert!(seen * 2 > all, "{package}: {seen}");
    }
}

/// Fails where the two differ; answers whether the page needed no DOM.
fn differ(file: &Path, html: &str, selectors: &[&str]) -> bool {
    let Some(streamed) = streamed(html, selectors) else {
        return false;
    };
    let dom = lines(by_dom(html, selectors));
    for ((css, ours), theirs) in selectors.iter().zip(lines(streamed)).zip(dom) {
        assert!(
            ours == theirs,
            "{} {css}: {ours:?} {theirs:?}",
            file.display()
        );
    }
    true
}
