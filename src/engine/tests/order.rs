//! The measure of the focused order: pages fetched on real documentation, where
//! it is installed. `cargo test --release --lib order -- --ignored --nocapture`

use crate::discover::links::Linker;
use crate::discover::order::tests::{Graph, compare};
use crate::extract::{charset, links};
use std::path::Path;
use url::Url;

/// The links of every page below `root` that is reached from `first`.
fn graph(root: &Path, first: &str) -> Option<(Graph, String)> {
    let root = root.canonicalize().ok()?;
    let start = Url::parse(&format!("http://e.org/{first}")).unwrap();
    let site = crate::discover::site(&format!("site: a\nstart: {start}\n"));
    let linker = Linker::new(&site);
    let mut graph = Graph::new();
    let mut todo = vec![start.clone()];
    while let Some(url) = todo.pop() {
        if graph.contains_key(url.as_str()) {
            continue;
        }
        let path = root.join(url.path().trim_start_matches('/'));
        let path = match path.is_dir() {
            true => path.join("index.html"),
            false => path,
        };
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let mut found = Vec::new();
        if path.extension().is_some_and(|end| end == "html") {
            let (html, _) = charset::decode(&bytes, Some("text/html"));
            let mut page = linker.page(&url, 1);
            let head = links::scan(&html, &mut |link| page.push_at(link.href, link.place));
            if let Some(refresh) = &head.refresh {
                page.push(refresh);
            }
            page.finish(&|_| false, &mut |candidate| {
                found.push((candidate.url.into(), candidate.place))
            });
        }
        let links = found.iter().map(|(url, _): &(String, u32)| url);
        todo.extend(links.filter_map(|url| Url::parse(url).ok()));
        graph.insert(url.into(), found);
    }
    Some((graph, start.into()))
}

#[test]
#[ignore = "measures: cargo test --lib measure_ -- --ignored --nocapture"]
fn measure_focused_against_breadth_first() {
    let corpora = [
        (
            "openjdk-17",
            "/usr/share/doc/openjdk-17-jre-headless/api",
            "index.html",
            vec![
                r"^/java\.desktop/.*/[A-Z][A-Za-z.]*\.html$",
                r"^/java\.base/java/util/.*/[A-Z][A-Za-z.]*\.html$",
                r"^/java\.sql/.*/[A-Z][A-Za-z.]*\.html$",
                r"^/jdk\.compiler/.*/[A-Z][A-Za-z.]*\.html$",
                r"^/java\.xml/.*/package-summary\.html$",
            ],
        ),
        (
            "rust-doc",
            "/usr/share/doc/rust-doc/html",
            "index.html",
            vec![
                r"^/alloc/.*",
                r"^/core/.*/struct\.",
                r"^/reference/.*",
                r"^/std/.*/trait\.",
            ],
        ),
    ];
    let mut measured = 0;
    for (name, root, first, targets) in corpora {
        let Some((graph, start)) = graph(Path::new(root), first) else {
            println!("{name}: not installed at {root}");
            continue;
        };
        println!("{name}: {} pages", graph.len());
        for target in targets {
            let (breadth, focused) = compare(&graph, &start, target);
            let ratio = focused as f64 / breadth as f64;
            println!("  {target}: breadth {breadth}, focused {focused}: {ratio:.2}");
            assert!(ratio <= 1.1, "{name} {target}");
            measured += 1;
        }
    }
    assert!(measured > 0, "no corpus is installed");
}
