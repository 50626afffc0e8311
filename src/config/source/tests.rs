//! Records of APIs as they are written.

use crate::config::{Cast, Job, Overrides, parse};

fn read(api: &str) -> Result<Job, String> {
    let text = format!("site: s\nstart: http://e.org/\ndiscover: {{ api: [ {api} ] }}\n");
    parse(&text, "s.yaml", &|_| None, &Overrides::default()).map_err(|error| error.to_string())
}

#[test]
fn records_of_an_api() {
    let api = "{ url: 'http://e.org/', records: [ { record: r, items: '$[*]', \
               fields: { a: $.a, b: { json: $.b, as: number } } } ] }";
    let job = read(api).unwrap();
    let site = &job.sites[0];
    let [rule] = site.records().collect::<Vec<_>>()[..] else {
        panic!("one rule")
    };
    assert_eq!((rule.record.as_str(), rule.fields.len()), ("r", 2));
    assert_eq!(rule.fields[1].cast, Cast::Number);
    let known = &site.discover.api[0];
    assert_eq!(site.first_record(known), Some(0));
    // Other fields are another rule of the same API.
    let other = read(&api.replace("$.b", "$.c")).unwrap();
    let other = &other.sites[0].discover.api[0];
    assert_eq!(other.source(), known.source());
    assert_ne!(other.key(), known.key());
}

#[test]
fn what_does_not_fit_is_told() {
    let record = "record: r, items: '$[*]'";
    for (api, want) in [
        ("{ url: 'http://e.org/' }".to_owned(), "neither urls nor records"),
        (
            format!("{{ url: 'http://e.org/', item: x, records: [ {{ {record}, fields: {{ a: $.a }} }} ] }}"),
            "item makes URLs of what urls finds",
        ),
        (
            format!("{{ url: 'http://e.org/', records: [ {{ {record}, fields: {{ a: h1 }} }} ] }}"),
            "discover.api: field r.a is within JSON, where only a JSONPath finds things",
        ),
        (
            format!("{{ url: 'http://e.org/', records: [ {{ {record}, fields: {{ a: '$.' }} }} ] }}"),
            "\"$.\" is not a JSONPath",
        ),
        (
            "{ url: 'http://e.org/', records: [ { record: r, fields: { a: $.a } } ] }".to_owned(),
            "items",
        ),
        (
            [1, 2].map(|_| format!("{{ url: 'http://e.org/', records: [ {{ {record}, fields: {{ a: $.a }} }} ] }}")).join(", "),
            "stands there twice with the same records",
        ),
    ] {
        let told = read(&api).unwrap_err();
        assert!(told.contains(want), "{api}: {told}");
    }
}
