//! The link graph as rows: edges, degrees, links to dead pages.

use super::ExportError;
use super::filter::Facts;
use super::rows::{Row, Selection};
use crate::store::reader::{Brief, Edges, PageSet, Reader};
use serde_json::{Map, Value};

/// The columns of links; `outcome` and the rest are of `to`.
pub(super) const LINK_COLUMNS: [&str; 7] =
    ["site", "from", "to", "kind", "outcome", "reason", "status"];

/// The columns of degrees.
pub(super) const DEGREE_COLUMNS: [&str; 8] = [
    "site", "url", "outcome", "reason", "status", "depth", "in", "out",
];

/// The columns of dead links: `url` is what the link says, `final_url` the page
/// that failed, of which the rest is told; `from` carries the link.
pub(super) const DEAD_COLUMNS: [&str; 8] = [
    "site",
    "url",
    "final_url",
    "outcome",
    "reason",
    "status",
    "error",
    "from",
];

/// What takes rows.
type Visit<'a> = &'a mut dyn FnMut(Row) -> Result<(), ExportError>;

/// What kind of edge it is, in words.
pub(super) fn kind(redirect: bool) -> &'static str {
    match redirect {
        true => "redirect",
        false => "link",
    }
}

/// The pages that pass the filter; `None` where there is no filter.
pub(super) fn passing(
    selection: &Selection<'_>,
    reader: &Reader,
) -> Result<Option<PageSet>, ExportError> {
    let Some(filter) = selection.filter else {
        return Ok(None);
    };
    let mut passing = PageSet::default();
    reader.briefs(selection.site, |page| {
        if filter.takes(&facts(&page)) {
            passing.add(page.id);
        }
        Ok::<(), ExportError>(())
    })?;
    Ok(Some(passing))
}

pub(super) fn edges(
    selection: &Selection<'_>,
    reader: &Reader,
    seen: &mut dyn FnMut(),
    visit: Visit<'_>,
) -> Result<(), ExportError> {
    let to = passing(selection, reader)?;
    let edges = Edges {
        site: selection.site,
        to: to.as_ref(),
    };
    reader.edges(edges, |edge| {
        seen();
        visit(row(vec![
            edge.from.site.as_str().into(),
            edge.from.url.as_str().into(),
            edge.to.url.as_str().into(),
            kind(edge.redirect).into(),
            edge.to.outcome.into(),
            edge.to.reason.clone().into(),
            edge.to.status.into(),
        ]))
    })
}

pub(super) fn degrees(
    selection: &Selection<'_>,
    reader: &Reader,
    seen: &mut dyn FnMut(),
    visit: Visit<'_>,
) -> Result<(), ExportError> {
    reader.degrees(selection.site, |degrees| {
        seen();
        let page = degrees.page;
        if selection.filter.is_some_and(|f| !f.takes(&facts(&page))) {
            return Ok(());
        }
        visit(row(vec![
            page.site.into(),
            page.url.into(),
            page.outcome.into(),
            page.reason.into(),
            page.status.into(),
            page.depth.into(),
            degrees.inlinks.into(),
            degrees.outlinks.into(),
        ]))
    })
}

pub(super) fn dead(
    selection: &Selection<'_>,
    reader: &Reader,
    seen: &mut dyn FnMut(),
    visit: Visit<'_>,
) -> Result<(), ExportError> {
    reader.dead_links(selection.site, |link| {
        seen();
        if !selection.takes_page(&link.end) {
            return Ok(());
        }
        let end = &link.end;
        visit(row(vec![
            end.site.as_str().into(),
            link.page.url.as_str().into(),
            end.url.as_str().into(),
            end.outcome.into(),
            end.reason.clone().into(),
            end.status.into(),
            end.error.clone().into(),
            link.from.into(),
        ]))
    })
}

fn row(head: Vec<Value>) -> Row {
    Row {
        head,
        fields: Map::new(),
    }
}

fn facts(page: &Brief) -> Facts<'_> {
    Facts {
        site: &page.site,
        record: None,
        outcome: page.outcome,
        reason: page.reason.as_deref(),
        status: page.status,
        depth: page.depth,
        url: &page.url,
    }
}
