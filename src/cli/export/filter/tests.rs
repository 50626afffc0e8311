use super::*;
use proptest::prelude::*;

const FACTS: Facts<'static> = Facts {
    site: "books",
    record: Some("book"),
    outcome: "failed",
    reason: Some("status"),
    status: Some(503),
    depth: 2,
    url: "http://e.org/a b?x=(1)",
};

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        ("outcome=failed and status>=500", true),
        ("outcome = failed AND status > 503", false),
        ("status<500 or depth=2", true),
        ("not status<500", true),
        ("not (status>=500 and depth=2)", false),
        ("(site=books)", true),
        ("site != books", false),
        ("record ~ ^bo", true),
        ("record !~ ^bo", false),
        ("site=a or site=b or site=books and depth=2", true),
        ("(site=a or site=books) and depth<=1", false),
        ("url ~ 'a b'", true),
        ("url = \"http://e.org/a b?x=(1)\"", true),
        ("reason==status", true),
        ("depth!=2", false),
    ] {
        assert_eq!(
            Filter::parse(text).unwrap().takes(&FACTS),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_a_row_lacks_only_differs() {
    let facts = Facts::default();
    for (text, expected) in [
        ("status=200", false),
        ("status!=200", true),
        ("status<1000", false),
        ("record=book", false),
        ("record!=book", true),
        ("reason ~ .", false),
        ("reason !~ .", true),
    ] {
        assert_eq!(
            Filter::parse(text).unwrap().takes(&facts),
            expected,
            "{text}"
        );
    }
}

#[test]
fn faults_are_told_where_they_are() {
    for (text, at, words) in [
        ("", 1, "a comparison belongs here"),
        ("stat=5", 1, "nothing is called stat"),
        ("site books", 6, "one of ="),
        ("site=", 6, "a value belongs here"),
        ("status=many", 8, "status is a number"),
        ("status~5", 7, "a number is compared"),
        ("outcome=fine", 9, "no outcome is called fine"),
        ("site=ä depth=1", 8, "and or or"),
        ("site=a)", 7, "closes nothing"),
        ("depth=1 and (site=a", 13, "not closed"),
        ("site='a", 6, "not closed"),
        ("url~'['", 5, "regular expression"),
        ("site=a and", 11, "a comparison belongs here"),
    ] {
        let error = Filter::parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.message.contains(words), "{text}: {error}");
    }
    let deep = "(".repeat(100_000);
    assert!(Filter::parse(&deep).is_err());
    assert!(Filter::parse(&"not ".repeat(100_000)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(
        text in "(site|status|url|and|or|not|[()=<>!~'\"a-z0-9 é\u{3000}]){0,30}",
    ) {
        match Filter::parse(&text) {
            Ok(filter) => { filter.takes(&FACTS); }
            Err(error) => prop_assert!(error.at <= text.chars().count() + 1),
        }
    }
}
