//! What is told of the links between pages.

use super::PageRow;
use serde::{Deserialize, Serialize};

/// Which pages are asked for by their links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linked {
    /// Pages that failed, or redirect to one that did, and are linked to.
    #[default]
    Dead,
    /// Pages that a sitemap, a list or an API names and no page links to.
    Orphans,
    /// Every page, by how many pages link to it and it links to.
    Degrees,
}

/// How pages are sorted by their links, those with most first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degree {
    /// By the pages that link to them.
    #[default]
    In,
    /// By the pages that they link to.
    Out,
}

/// A screenful of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LinkedList {
    /// Whether any links are kept; without them nothing is known.
    pub kept: bool,
    /// How many there are in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// The rows, in the order of discovery, or of what they are sorted by.
    pub rows: Vec<LinkedRow>,
}

/// One of them. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedRow {
    /// The page.
    pub page: PageRow,
    /// Where it redirects to; empty for nowhere.
    pub redirect: String,
    /// How many pages link to it.
    pub inlinks: u64,
    /// To how many pages it links; 0 where only its inlinks were asked for.
    #[serde(default)]
    pub outlinks: u64,
    /// The first page that links to it; empty for none, or where that was not
    /// asked for.
    pub from: String,
}

/// The links of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLinks {
    /// How many pages link to it.
    pub inlinks: u64,
    /// Whether all pages were looked at; else there may be more.
    pub all_in: bool,
    /// To how many pages it links.
    pub outlinks: u64,
    /// Whether these are all; else there may be more.
    pub all_out: bool,
    /// The URLs of the first pages that link to it.
    pub from: Vec<String>,
}
