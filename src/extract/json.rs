//! What pages say in JSON-LD: nodes of types, wherever they stand.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// Nodes looked at in a page's JSON-LD.
const NODES: usize = 20_000;

/// The values at a path in a page's JSON-LD: of every node of the type that
/// the path begins with, in the order of the page, the property at its end.
/// Without a type (the first name begins with a small letter) every node of
/// the outermost level is asked. Lists are gone into, and a node that is only
/// named (`{"@id": …}`) stands for the one that it names.
pub(super) fn ld<'v>(blocks: &'v [Value], path: &[String]) -> Vec<&'v Value> {
    let Some((first, rest)) = path.split_first() else {
        return Vec::new();
    };
    let typed = first.starts_with(char::is_uppercase);
    let mut nodes = Vec::new();
    for block in blocks {
        collect(block, typed, &mut nodes);
    }
    let (starts, rest): (Vec<&Map<String, Value>>, &[String]) = match typed {
        true => (
            nodes
                .iter()
                .copied()
                .filter(|node| is_a(node, first))
                .collect(),
            rest,
        ),
        false => (nodes.clone(), path),
    };
    let id = |node: &&'v Map<String, Value>| Some((node.get("@id")?.as_str()?, *node));
    let named = nodes.iter().filter(|node| node.len() > 1).filter_map(id);
    let named: Named<'_> = named.collect();
    let mut found = Vec::new();
    for start in starts {
        walk(start, rest, &named, &mut found);
    }
    found
}

/// Nodes by their names.
type Named<'v> = HashMap<&'v str, &'v Map<String, Value>>;

/// How many nodes of a type there are.
pub(super) fn count(blocks: &[Value], name: &str) -> usize {
    let mut nodes = Vec::new();
    for block in blocks {
        collect(block, true, &mut nodes);
    }
    nodes.iter().filter(|node| is_a(node, name)).count()
}

/// The nodes of a block: those of its outermost level, and with `all` those
/// within them.
fn collect<'v>(value: &'v Value, all: bool, nodes: &mut Vec<&'v Map<String, Value>>) {
    if nodes.len() >= NODES {
        return;
    }
    match value {
        Value::Array(values) => {
            for value in values {
                collect(value, all, nodes);
            }
        }
        Value::Object(node) => {
            nodes.push(node);
            for (name, value) in node {
                if all || name == "@graph" {
                    collect(value, all, nodes);
                }
            }
        }
        _ => {}
    }
}

/// Whether a node is of a type; `https://schema.org/Product` is a `Product`.
fn is_a(node: &Map<String, Value>, name: &str) -> bool {
    let same = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.rsplit(['/', '#', ':']).next())
            .is_some_and(|text| text == name)
    };
    match node.get("@type") {
        Some(Value::Array(types)) => types.iter().any(same),
        Some(value) => same(value),
        None => false,
    }
}

fn walk<'v>(
    start: &'v Map<String, Value>,
    path: &[String],
    named: &Named<'v>,
    found: &mut Vec<&'v Value>,
) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    if let Some(value) = start.get(name) {
        step(value, rest, named, found);
    }
}

/// Goes on from the value of a property.
fn step<'v>(value: &'v Value, rest: &[String], named: &Named<'v>, found: &mut Vec<&'v Value>) {
    if found.len() >= NODES {
        return;
    }
    match value {
        Value::Array(values) => {
            let at = rest.first().and_then(|name| name.parse::<usize>().ok());
            match at {
                Some(at) => {
                    if let Some(value) = values.get(at) {
                        step(value, &rest[1..], named, found);
                    }
                }
                None => {
                    for value in values {
                        step(value, rest, named, found);
                    }
                }
            }
        }
        Value::Object(node) => {
            if let (1.., Some(inner)) = (node.len(), node.get("@value")) {
                return step(inner, rest, named, found);
            }
            if rest.is_empty() {
                found.push(value);
                return;
            }
            let other = match (node.len(), node.get("@id").and_then(Value::as_str)) {
                (1, Some(id)) => named.get(id).copied(),
                _ => None,
            };
            walk(other.unwrap_or(node), rest, named, found);
        }
        value if rest.is_empty() => found.push(value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths() {
        let blocks = [
            json!({"@context": "https://schema.org", "@graph": [
                {"@type": "WebPage", "name": "page", "mainEntity": {
                    "@type": ["Thing", "https://schema.org/Product"], "name": "cup",
                    "offers": [{"price": "1.50", "seller": {"@id": "#s"}}, {"price": 2}],
                    "brand": {"@type": "Brand", "name": {"@value": "acme", "@language": "en"}}
                }},
                {"@id": "#s", "@type": "Organization", "name": "shop"}
            ]}),
            json!([{"headline": "h", "author": {"name": "n"}}]),
        ];
        for (path, expected) in [
            ("Product.name", json!(["cup"])),
            ("Product.offers.price", json!(["1.50", 2])),
            ("Product.offers.1.price", json!([2])),
            ("Product.offers.seller.name", json!(["shop"])),
            ("Product.brand.name", json!(["acme"])),
            ("Organization.@id", json!(["#s"])),
            ("headline", json!(["h"])),
            ("author.name", json!(["n"])),
            ("Product.none", json!([])),
            ("Other.name", json!([])),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            let found: Vec<Value> = ld(&blocks, &path).into_iter().cloned().collect();
            assert_eq!(Value::Array(found), expected, "{path:?}");
        }
    }

    #[test]
    fn nodes_that_name_each_other_end() {
        let blocks = [json!([{"@id": "a", "x": {"@id": "a"}, "y": 1}])];
        let path: Vec<String> = vec!["x".to_owned(); 50];
        assert!(ld(&blocks, &path).len() <= 1);
    }
}
