//! The order of pages, tried on graphs of links.

use super::*;
use crate::config::Pattern;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// Pages by their URL, and where they link to, from which place on the page.
pub(crate) type Graph = HashMap<String, Vec<(String, u32)>>;

/// Pages leased before what was read last is known of.
const AHEAD: usize = 64;

fn rules(strategy: Strategy, target: &str) -> Discover {
    Discover {
        strategy,
        target: Some(Pattern(Regex::new(target).unwrap())),
        ..Discover::default()
    }
}

fn named(url: &str) -> (Fingerprint, &str) {
    (Fingerprint(xxh3_64(url.as_bytes())), url)
}

/// Pages fetched until `share` of the targets are.
fn fetched(graph: &Graph, start: &str, rules: &Discover, share: f64) -> usize {
    let order = Order::default();
    // The targets that can be reached.
    let mut seen = HashSet::from([start]);
    let mut todo = vec![start];
    while let Some(page) = todo.pop() {
        for (link, _) in graph.get(page).into_iter().flatten() {
            if graph.contains_key(link) && seen.insert(link) {
                todo.push(link);
            }
        }
    }
    let all = seen
        .iter()
        .filter(|url| Order::is_target(rules, url))
        .count();
    assert!(all > 0, "no targets");
    let wanted = (all as f64 * share).ceil() as usize;
    let mut known = HashSet::from([start]);
    let mut queue = BTreeSet::from([(0u32, 0usize, start, 0u32)]);
    let mut leased = VecDeque::new();
    let (mut asked, mut had, mut ids) = (0, 0, 0);
    loop {
        // As a supervisor does: once half of what it has leased is asked.
        if leased.len() <= AHEAD / 2 {
            let room = AHEAD - leased.len();
            leased.extend(std::iter::from_fn(|| queue.pop_first()).take(room));
        }
        let Some((_, _, page, depth)) = leased.pop_front() else {
            break;
        };
        asked += 1;
        had += usize::from(Order::is_target(rules, page));
        if had >= wanted {
            return asked;
        }
        let mut targets = 0;
        for (link, place) in graph.get(page).into_iter().flatten() {
            if graph.contains_key(link) && known.insert(link) {
                targets += usize::from(Order::is_target(rules, link));
                ids += 1;
                let rank = order.rank_found(rules, named(link), depth + 1, *place);
                queue.insert((rank, ids, link, depth + 1));
            }
        }
        if order.learn(rules, named(page), targets) {
            let again = |(_, id, link, depth)| {
                let rank = order.rank_again(rules, named(link), depth);
                (rank, id, link, depth)
            };
            queue = std::mem::take(&mut queue).into_iter().map(again).collect();
        }
    }
    panic!("{had} of {wanted} targets");
}

/// Pages fetched breadth-first and focused, to have 90 % of the targets.
pub(crate) fn compare(graph: &Graph, start: &str, target: &str) -> (usize, usize) {
    let of = |strategy| fetched(graph, start, &rules(strategy, target), 0.9);
    (of(Strategy::Breadth), of(Strategy::Focused))
}

/// A shop: sections of listing pages in rows, each with items that lead on to
/// little. Only some sections have the wanted items.
fn shop(sections: usize, listings: usize, items: usize) -> Graph {
    let mut graph = Graph::new();
    let site = "https://e.org";
    let kind = |s: usize| if s.is_multiple_of(5) { "item" } else { "news" };
    let list = |s: usize, l: usize| format!("{site}/{}/section-{s}/list?page={l}", kind(s));
    let page = |s: usize, l: usize, i: usize| {
        format!("{site}/{}/section-{s}/{}.html", kind(s), l * items + i)
    };
    graph.insert(
        format!("{site}/"),
        (0..sections).map(|s| (list(s, 0), 0)).collect(),
    );
    for s in 0..sections {
        for l in 0..listings {
            let mut links: Vec<(String, u32)> = (0..items).map(|i| (page(s, l, i), 0)).collect();
            links.push((list(s, (l + 1).min(listings - 1)), 0));
            graph.insert(list(s, l), links);
            for i in 0..items {
                graph.insert(
                    page(s, l, i),
                    vec![(list(s, 0), 0), (format!("{site}/"), 0)],
                );
            }
        }
    }
    graph
}

#[test]
fn focused_goes_where_targets_are() {
    let graph = shop(20, 12, 10);
    let target = r"^/item/.*\d+\.html$";
    let (breadth, focused) = compare(&graph, "https://e.org/", target);
    assert!(focused * 2 <= breadth, "{focused} of {breadth}");
}

/// A site whose URLs tell nothing: every page is `/p/n`. A chapter links, from
/// its body, to pages that lead to nothing (place 2) and to targets (place 3),
/// and last, from its foot, to the next chapter (place 1).
fn opaque(chapters: usize, targets: usize, others: usize) -> Graph {
    let mut graph = Graph::new();
    let mut made = 0;
    let mut page = |kind: &str| {
        made += 1;
        // In no order that their numbers could tell.
        format!("https://e.org/{kind}/{}", made * 7919 % 100_003)
    };
    let mut chapter = "https://e.org/".to_owned();
    for _ in 0..chapters {
        let mut links = Vec::new();
        for _ in 0..others {
            let (other, dead) = (page("p"), page("p"));
            graph.insert(other.clone(), vec![(dead.clone(), 2)]);
            graph.insert(dead, Vec::new());
            links.push((other, 2));
        }
        for _ in 0..targets {
            let target = page("t");
            graph.insert(target.clone(), Vec::new());
            links.push((target, 3));
        }
        let next = page("p");
        links.push((next.clone(), 1));
        graph.insert(std::mem::replace(&mut chapter, next), links);
    }
    graph
}

#[test]
fn places_of_links_tell_where_urls_do_not() {
    // A chapter is known of when those leased before its link are asked.
    let graph = opaque(30, 10, 200);
    let (breadth, focused) = compare(&graph, "https://e.org/", "^/t/");
    assert!(focused * 2 <= breadth, "{focused} of {breadth}");
}

#[test]
fn it_is_never_much_worse() {
    for (sections, listings, items, target) in [
        // Everything is a target.
        (10, 5, 10, r"\d+\.html$"),
        // Targets in no order that could be learned.
        (10, 5, 10, r"/\d*[37]\.html$"),
        // All near the start.
        (40, 1, 10, r"/[0-4]\.html$"),
        (40, 3, 2, r"page=2"),
        // One alone.
        (10, 5, 10, r"section-7/44\.html$"),
    ] {
        let graph = shop(sections, listings, items);
        let (breadth, focused) = compare(&graph, "https://e.org/", target);
        assert!(
            focused as f64 <= breadth as f64 * 1.1,
            "{target}: {focused} of {breadth}"
        );
    }
}

#[test]
fn ranks_of_the_other_strategies() {
    let order = Order::default();
    let rank = |strategy, depth| order.rank(&rules(strategy, "x"), "https://e.org/", depth);
    assert_eq!(rank(Strategy::Breadth, 7), 7);
    assert!(rank(Strategy::Depth, 7) < rank(Strategy::Depth, 6));
    assert!(rank(Strategy::Focused, 6) < rank(Strategy::Focused, 7));
    let target = rules(Strategy::Focused, "^/x");
    assert_eq!(order.rank(&target, "https://e.org/x?y", 9), 0);
    assert_ne!(order.rank(&target, "https://x.org/y/x", 9), 0);
}

#[test]
fn memory_is_bounded() {
    let order = Order::default();
    let rules = rules(Strategy::Focused, "x");
    for n in 0..60_000 {
        let url = format!("https://e.org/{n}/a/b/c/d/e/f/g/h?{n}");
        order.learn(&rules, named(&url), 1);
    }
    for n in 0..250_000 {
        order.rank_found(&rules, (Fingerprint(n), "https://e.org/"), 1, 1);
    }
    let learned = order.learned();
    assert!(learned.kinds.len() <= KINDS && learned.placed.len() <= PLACED);
}

#[test]
fn whatever_doubles_what_is_known_ranks_anew() {
    let order = Order::default();
    let rules = rules(Strategy::Focused, "^/t");
    let learn = |n: usize, targets| {
        let url = format!("https://e.org/a/{n}/x.html");
        order.learn(&rules, named(&url), targets)
    };
    let anew: Vec<usize> = (1..=500).filter(|n| learn(*n, 0)).collect();
    assert!(anew.is_empty(), "nothing is known: {anew:?}");
    let anew: Vec<usize> = (501..=2100)
        .filter(|n| learn(*n, usize::from(n % 100 == 1)))
        .collect();
    // The first target, twice and four times as many, twice as many pages, …
    assert_eq!(anew, [501, 601, 801, 1201, 2001]);
    // Read later, a page stands where it would now be put.
    let page = named("https://e.org/t2/y.html");
    let again = order.rank_again(&rules, page, 3);
    assert_eq!(again, order.rank(&rules, page.1, 3));
    let breadth = Discover::default();
    assert!(
        !order.learn(&breadth, page, 9),
        "breadth-first learns nothing"
    );
}
