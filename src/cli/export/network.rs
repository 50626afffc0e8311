//! Pages and links as one graph, for programs that draw and measure graphs.
//!
//! Nodes come first, known by the pages' numbers, so that links need no URLs.

use super::ExportError;
use super::links::{kind, passing};
use super::rows::Selection;
use crate::store::reader::{Brief, Edges, PageSet, Reader};
use std::borrow::Cow;
use std::io::Write;

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Graphml,
    Dot,
}

/// Writes every known page and every link; with a filter the links to pages
/// that pass it, and the pages at both their ends.
pub(super) fn write(
    reader: &Reader,
    selection: Selection<'_>,
    dialect: Dialect,
    out: &mut dyn Write,
    seen: &mut dyn FnMut(),
) -> Result<(), ExportError> {
    let to = passing(&selection, reader)?;
    let edges = Edges {
        site: selection.site,
        to: to.as_ref(),
    };
    let nodes = match to {
        None => None,
        Some(_) => Some(ends(reader, edges)?),
    };
    out.write_all(dialect.head().as_bytes())?;
    // A page that is found while the links are read is no node.
    let mut known = PageSet::default();
    reader.briefs(selection.site, |page| {
        if nodes.as_ref().is_none_or(|nodes| nodes.has(page.id)) {
            known.add(page.id);
            dialect.node(out, &page)?;
        }
        Ok::<(), ExportError>(())
    })?;
    reader.edge_ids(edges, |from, to, redirect| {
        seen();
        if known.has(from) && known.has(to) {
            dialect.edge(out, from, to, redirect)?;
        }
        Ok::<(), ExportError>(())
    })?;
    out.write_all(dialect.foot().as_bytes())?;
    Ok(())
}

/// The pages at the ends of links.
fn ends(reader: &Reader, edges: Edges<'_>) -> Result<PageSet, ExportError> {
    let mut ends = PageSet::default();
    reader.edge_ids(edges, |from, to, _| {
        ends.add(from);
        ends.add(to);
        Ok::<(), ExportError>(())
    })?;
    Ok(ends)
}

impl Dialect {
    fn head(self) -> &'static str {
        match self {
            Self::Graphml => {
                r#"<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="site" for="node" attr.name="site" attr.type="string"/>
<key id="url" for="node" attr.name="url" attr.type="string"/>
<key id="outcome" for="node" attr.name="outcome" attr.type="string"/>
<key id="status" for="node" attr.name="status" attr.type="int"/>
<key id="depth" for="node" attr.name="depth" attr.type="int"/>
<key id="kind" for="edge" attr.name="kind" attr.type="string"><default>link</default></key>
<graph id="crawl" edgedefault="directed">
"#
            }
            Self::Dot => "digraph crawl {\n",
        }
    }

    fn foot(self) -> &'static str {
        match self {
            Self::Graphml => "</graph>\n</graphml>\n",
            Self::Dot => "}\n",
        }
    }

    fn node(self, out: &mut dyn Write, page: &Brief) -> Result<(), ExportError> {
        let (id, outcome, depth) = (page.id, page.outcome, page.depth);
        match self {
            Self::Graphml => {
                let (site, url) = (xml(&page.site), xml(&page.url));
                write!(
                    out,
                    "<node id=\"n{id}\"><data key=\"site\">{site}</data>\
                     <data key=\"url\">{url}</data><data key=\"outcome\">{outcome}</data>"
                )?;
                if let Some(status) = page.status {
                    write!(out, "<data key=\"status\">{status}</data>")?;
                }
                writeln!(out, "<data key=\"depth\">{depth}</data></node>")?;
            }
            Self::Dot => {
                let (site, url) = (quoted(&page.site), quoted(&page.url));
                write!(out, "n{id} [label={url}, site={site}, outcome={outcome}")?;
                if let Some(status) = page.status {
                    write!(out, ", status={status}")?;
                }
                writeln!(out, ", depth={depth}];")?;
            }
        }
        Ok(())
    }

    fn edge(
        self,
        out: &mut dyn Write,
        from: u32,
        to: u32,
        redirect: bool,
    ) -> Result<(), ExportError> {
        let kind = kind(redirect);
        match (self, redirect) {
            (Self::Graphml, false) => {
                writeln!(out, "<edge source=\"n{from}\" target=\"n{to}\"/>")?;
            }
            (Self::Graphml, true) => writeln!(
                out,
                "<edge source=\"n{from}\" target=\"n{to}\"><data key=\"kind\">{kind}</data></edge>"
            )?,
            (Self::Dot, false) => writeln!(out, "n{from} -> n{to};")?,
            (Self::Dot, true) => {
                writeln!(out, "n{from} -> n{to} [kind={kind}, style=dashed];")?;
            }
        }
        Ok(())
    }
}

/// Text as it stands in XML, which has no form at all for most control
/// characters.
fn xml(text: &str) -> Cow<'_, str> {
    let is_lost = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if text.contains(is_lost) {
        let kept = text.replace(is_lost, "\u{fffd}");
        return Cow::Owned(quick_xml::escape::escape(kept).into_owned());
    }
    quick_xml::escape::escape(text)
}

/// A quoted string of Graphviz, whose labels give a meaning to backslashes.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quick_xml::events::Event;

    fn node(dialect: Dialect, site: &str) -> String {
        let page = Brief {
            id: 7,
            site: site.to_owned(),
            url: "https://a.test/?a=1&b=%22".to_owned(),
            outcome: "done",
            reason: None,
            status: Some(200),
            depth: 1,
        };
        let mut out = Vec::new();
        dialect.node(&mut out, &page).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The text of the first `data` element.
    fn read_back(xml: &str) -> String {
        let mut reader = quick_xml::Reader::from_str(xml);
        let (mut inside, mut text) = (false, String::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) if tag.name().as_ref() == "data" => inside = true,
                Event::End(tag) if tag.name().as_ref() == "data" => return text,
                Event::Text(part) if inside => text.push_str(&part),
                Event::GeneralRef(name) if inside => {
                    let name = format!("&{};", &*name);
                    text.push_str(&quick_xml::escape::unescape(&name).unwrap());
                }
                Event::Eof => panic!("no data in {xml}"),
                _ => {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_comes_through(text in "[ -~\u{e9}\u{1f600}]{0,30}") {
            prop_assert_eq!(read_back(&node(Dialect::Graphml, &text)), text.clone());
            let dot = node(Dialect::Dot, &text);
            // As Graphviz reads it: up to the next quotation mark without a backslash.
            let site = dot.split_once("site=\"").unwrap().1;
            let (mut out, mut chars) = (String::new(), site.chars());
            loop {
                match chars.next().unwrap() {
                    '"' => break,
                    '\\' => out.push(chars.next().unwrap()),
                    c => out.push(c),
                }
            }
            prop_assert_eq!(out, text);
        }
    }

    #[test]
    fn control_characters_are_no_text() {
        assert_eq!(read_back(&node(Dialect::Graphml, "a\u{1}b")), "a\u{fffd}b");
        assert!(!node(Dialect::Dot, "a\nb").trim_end().contains('\n'));
    }
}
