//! A page's links as they stand in its row: a few bytes each.

use super::write::run;
use crate::page::Fingerprint;
use crate::store::Links;
use crate::store::known::Known;
use rusqlite::{Connection, Result, params};

/// Bytes of a fingerprint.
const PRINT: usize = 8;

/// The links of one page, packed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packed {
    targets: Vec<u8>,
    unknown: Vec<u8>,
}

impl Packed {
    /// Packs the links of `page`, each once and none to itself. Those that are
    /// known by now are pages.
    pub(super) fn new(page: u32, links: Links, known: &Known) -> Self {
        let mut pages: Vec<u32> = links.pages.iter().map(|page| page.0).collect();
        let mut unknown = Vec::new();
        for print in links.rest {
            match known.get(print) {
                Some(page) => pages.push(page.0),
                None => unknown.push(print.0),
            }
        }
        pages.retain(|target| *target != page);
        pages.sort_unstable();
        pages.dedup();
        unknown.sort_unstable();
        unknown.dedup();
        Self {
            targets: pack(&pages),
            unknown: unknown.into_iter().flat_map(u64::to_le_bytes).collect(),
        }
    }
}

/// Writes a page's links down, in place of those that it had.
pub(super) fn put(conn: &Connection, site: i64, page: u32, links: &Packed) -> Result<()> {
    let unknown = Some(&links.unknown).filter(|unknown| !unknown.is_empty());
    run(
        conn,
        "INSERT OR REPLACE INTO link (id, site, unknown, targets) VALUES (?1, ?2, ?3, ?4)",
        params![page, site, unknown, links.targets],
    )?;
    Ok(())
}

/// Numbers in ascending order, as differences in LEB128.
fn pack(pages: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pages.len() * 2);
    let mut before = 0;
    for page in pages {
        let mut gap = page - before;
        before = *page;
        while gap >= 0x80 {
            bytes.push((gap as u8) | 0x80);
            gap >>= 7;
        }
        bytes.push(gap as u8);
    }
    bytes
}

/// Hands out the numbers that were packed; a broken row ends where it breaks.
pub(super) fn unpack(bytes: &[u8], mut page: impl FnMut(u32)) {
    let (mut before, mut gap, mut shift) = (0u32, 0u32, 0);
    for byte in bytes {
        gap |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            let Some(next) = before.checked_add(gap) else {
                return;
            };
            page(next);
            (before, gap, shift) = (next, 0, 0);
        }
    }
}

/// The fingerprints of `unknown`.
pub(super) fn prints(bytes: &[u8]) -> impl Iterator<Item = Fingerprint> + '_ {
    bytes
        .chunks_exact(PRINT)
        .filter_map(|bytes| bytes.try_into().ok())
        .map(|bytes| Fingerprint(u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageId;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_packed_comes_out_again(
            pages in prop::collection::btree_set(prop_oneof![1u32..500, 1u32..], 0..300),
        ) {
            let pages: Vec<u32> = pages.into_iter().collect();
            let mut out = Vec::new();
            unpack(&pack(&pages), |page| out.push(page));
            prop_assert_eq!(out, pages);
        }

        #[test]
        fn nothing_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut numbers = 0;
            unpack(&bytes, |_| numbers += 1);
            prop_assert!(numbers <= bytes.len());
            prop_assert!(prints(&bytes).count() == bytes.len() / 8);
        }
    }

    #[test]
    fn each_link_once_and_none_to_itself() {
        let known = Known::default();
        known.insert(Fingerprint(70), PageId(7));
        let links = Links {
            pages: [9, 3, 9, 5].map(PageId).to_vec(),
            rest: [70, 80, 80].map(Fingerprint).to_vec(),
        };
        let packed = Packed::new(5, links, &known);
        let mut pages = BTreeSet::new();
        unpack(&packed.targets, |page| assert!(pages.insert(page)));
        assert_eq!(pages, BTreeSet::from([3, 7, 9]));
        let rest: Vec<Fingerprint> = prints(&packed.unknown).collect();
        assert_eq!(rest, [Fingerprint(80)]);
    }
}
