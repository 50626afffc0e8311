//! Traps and what only looks like them.

use super::*;
use proptest::prelude::*;

/// Judges a URL, and forgets what that changes.
fn judge(traps: &Traps, url: &str, depth: u32, cap: Option<u64>) -> Verdict {
    traps.judge(link(url), depth, cap, &mut Changes::default())
}

fn link(url: &str) -> (Fingerprint, &str) {
    (Fingerprint(xxh3_64(url.as_bytes())), url)
}

/// What a run leaves of its changes to the next.
fn kept(changes: Vec<TrapChange>) -> Vec<TrapState> {
    let states = changes.into_iter().map(|change| TrapState {
        key: change.key,
        kind: change.kind,
        shape: change.shape,
        taken: change.taken,
        left: change.links.len() as u64 + change.forgotten,
        links: change.links,
    });
    states.collect()
}

#[test]
fn shapes() {
    for (url, want) in [
        ("https://e.org/a/b/c", None),
        ("https://e.org/", None),
        ("https://e.org/item/1234567", None),
        ("https://e.org/list?page=7", None),
        ("https://e.org/2024/05/01/an-article", None),
        ("https://e.org/2024/report", None),
        ("https://e.org/v/2024/13", None),
        ("https://e.org/a/a", None),
        ("https://e.org/?sid=7", None),
        ("https://e.org/?side=abcdef123456", None),
        (
            "https://e.org/x/a/b/a/b/a/b/y",
            Some("e.org/x/a/b/{repeated}"),
        ),
        ("https://e.org/a/7/7/7", Some("e.org/a/{n}/{repeated}")),
        ("https://e.org/cal/2024/05", Some("e.org/cal/{date}")),
        ("https://e.org/cal/2024/5/1/", Some("e.org/cal/{date}")),
        (
            "https://e.org/cal/2031-12-31?view=x",
            Some("e.org/cal/{date}?view"),
        ),
        (
            "https://e.org/cal?y=20310501&z=1",
            Some("e.org/cal?y={date}&z"),
        ),
        (
            "https://e.org/cal?month=5&year=2031",
            Some("e.org/cal?month={date}&year={date}"),
        ),
        (
            "https://e.org/a;jsessionid=0123456789AB?x=1",
            Some("e.org/a;jsessionid={session}"),
        ),
        (
            "https://e.org/7?PHPSESSID=abc123def456",
            Some("e.org/{n}?PHPSESSID={session}"),
        ),
        (
            "https://e.org/(S(abc123))/x/7",
            Some("e.org/(S({session}))/x/{n}"),
        ),
        ("https://e.org/list/3?b=1&a=2", Some("e.org/list/{n}?{…}")),
    ] {
        let shape = shape::of(url).map(|shape| shape.text);
        assert_eq!(shape.as_deref(), want, "{url}");
    }
    let long = format!("https://e.org/a/{}", "x".repeat(1100));
    assert_eq!(shape::of(&long).unwrap().text, "e.org/a{long}");
}

#[test]
fn a_cap_holds_for_a_shape_and_is_told_once() {
    let traps = Traps::default();
    let day = |n: u64| format!("https://e.org/cal/{}/{}", 2000 + n / 12, n % 12 + 1);
    let verdicts: Vec<Verdict> = (0..10)
        .map(|n| judge(&traps, &day(n), 1, Some(5)))
        .collect();
    assert!(
        verdicts[..5]
            .iter()
            .all(|verdict| *verdict == Verdict::Take)
    );
    assert_eq!(verdicts[5], Verdict::LeaveFirst);
    assert!(
        verdicts[6..]
            .iter()
            .all(|verdict| *verdict == Verdict::Leave)
    );
    // Another shape has a cap of its own.
    assert_eq!(
        judge(&traps, "https://e.org/other/2024/5", 1, Some(5)),
        Verdict::Take
    );
    let sprung = traps.sprung();
    assert_eq!(sprung.len(), 1);
    assert_eq!((sprung[0].taken, sprung[0].left), (5, 5));
    assert_eq!(traps.of(&day(99)).unwrap(), sprung[0]);
    // Lifted, or raised.
    assert_eq!(judge(&traps, &day(50), 1, None), Verdict::Take);
    assert_eq!(judge(&traps, &day(51), 1, Some(6)), Verdict::Take);
    traps.clear();
    assert!(traps.sprung().is_empty());
}

#[test]
fn queries_are_capped_only_where_their_keys_are_permuted() {
    let traps = Traps::default();
    // One form with very many values.
    for n in 0..5000 {
        let url = format!("https://e.org/index.php?option=content&view=article&id={n}");
        assert_eq!(judge(&traps, &url, 1, Some(100)), Verdict::Take);
    }
    // Facets in every order and set.
    let facets = ["size", "colour", "brand", "price", "sort"];
    let mut left = 0;
    for n in 0u32..4000 {
        let keys = facets.iter().enumerate();
        let chosen = keys.filter(|(bit, _)| n >> bit & 1 == 1);
        let query: Vec<String> = chosen.map(|(_, key)| format!("{key}={n}")).collect();
        let url = format!("https://e.org/shop?{}", query.join("&"));
        left += u64::from(judge(&traps, &url, 1, Some(100)) != Verdict::Take);
    }
    assert!((3000..4000).contains(&left), "{left}");
    assert_eq!(traps.sprung()[0].kind, Kind::Query);
}

#[test]
fn a_session_takes_a_hundredth() {
    let traps = Traps::default();
    let taken = (0..100)
        .filter(|n| {
            let url = format!("https://e.org/a?sid=abcdefgh{n}");
            judge(&traps, &url, 1, Some(1000)) == Verdict::Take
        })
        .count();
    assert_eq!(taken, 10);
}

#[test]
fn memory_is_bounded() {
    let traps = Traps::default();
    for n in 0..30_000 {
        judge(&traps, &format!("https://e.org/x{n}/2024/5"), 1, Some(1));
        judge(&traps, &format!("https://e.org/x{n}?a=1&b=2"), 1, Some(1));
    }
    let table = traps.table();
    assert!(table.shapes.len() <= SHAPES && table.queries.len() <= SHAPES);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_url_has_a_shape_or_none(url in "https?://[a-z.]{0,5}[/a-z0-9=&?;()S.-]{0,80}\\PC{0,5}") {
        if let Some(shape) = shape::of(&url) {
            prop_assert!(!shape.text.is_empty());
        }
    }
}

#[test]
fn a_shape_is_lifted_and_gives_back_what_it_left_out() {
    let traps = Traps::default();
    let day = |n: u32| format!("https://e.org/day/2024/5/{n}");
    for n in 1..=9 {
        judge(&traps, &day(n), n, Some(5));
    }
    let [trap] = &traps.sprung()[..] else {
        panic!("one trap")
    };
    let shape = trap.shape.clone();
    assert_eq!((trap.taken, trap.left, trap.lifted), (5, 4, false));
    assert!(traps.knows(&shape) && !traps.knows("e.org/other"));
    assert!(traps.give_back(Some(5), &|_| true).links.is_empty());
    assert!(traps.lift(&shape, true) && !traps.lift(&shape, true));
    let not_the_last = |link: &LeftOut| link.depth < 9;
    let back = traps.give_back(Some(5), &not_the_last);
    let left: Vec<(&str, u32)> = back.links.iter().map(|l| (&*l.url, l.depth)).collect();
    assert_eq!(left.len(), 3);
    assert_eq!(left[0], (day(6).as_str(), 6));
    let changes = back.changes.into_vec();
    assert_eq!((changes[0].back.len(), changes[0].taken), (3, 0));
    assert_eq!(judge(&traps, &day(20), 1, Some(5)), Verdict::Take);
    let trap = &traps.sprung()[0];
    assert_eq!((trap.taken, trap.left, trap.lifted), (9, 1, true));
    // What is lifted outlives starting over.
    traps.clear();
    for n in 1..=9 {
        assert_eq!(judge(&traps, &day(n), 1, Some(5)), Verdict::Take);
    }
    assert!(traps.lift(&shape, false));
    assert_eq!(judge(&traps, &day(21), 1, Some(5)), Verdict::LeaveFirst);
}

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let day = |n: u32| format!("https://e.org/day/2024/5/{n}");
    let facets = |n: u32| {
        let keys = ["a", "b", "c", "d", "e"].into_iter().enumerate();
        let chosen = keys.filter(|(bit, _)| n >> bit & 1 == 1);
        let query: Vec<String> = chosen.map(|(_, key)| format!("{key}={n}")).collect();
        format!("https://e.org/shop?{}", query.join("&"))
    };
    let traps = Traps::default();
    let mut changes = Changes::default();
    for n in 1..=9 {
        // One that is left out is found again on every page.
        for _ in 0..if n > 5 { 3 } else { 1 } {
            traps.judge(link(&day(n)), n, Some(5), &mut changes);
        }
    }
    let mut permuted = 0;
    for n in 0..400 {
        let verdict = traps.judge(link(&facets(n)), 1, Some(20), &mut changes);
        permuted += usize::from(verdict != Verdict::Take);
    }
    assert!(permuted > 0);
    let sprung = traps.sprung();
    assert_eq!(sprung.len(), 2);
    assert_eq!((sprung[1].taken, sprung[1].left), (5, 4));

    let next = Traps::default();
    next.restore(kept(changes.into_vec()));
    assert_eq!(next.sprung(), sprung);
    // Neither takes more of what it has enough of, and says nothing again.
    assert_eq!(judge(&next, &day(30), 30, Some(5)), Verdict::Leave);
    assert_eq!(
        judge(&next, &facets(4001 * 32 + 3), 1, Some(20)),
        Verdict::Leave
    );
    // A higher cap gives back as many as it has room for, and no shape more.
    let back = next.give_back(Some(7), &|_| true);
    let urls: Vec<&str> = back.links.iter().map(|link| &*link.url).collect();
    assert_eq!(urls, [day(6), day(7)]);
    let rest = next.give_back(None, &|_| true).links;
    // Two days and the two that were just judged.
    assert_eq!(rest.len(), 4 + permuted);
    assert!(next.sprung().is_empty());
}
